"""Adam, run on many small problems side by side, with the schedule that Sloth was published with.

References
----------
Kingma and Ba (2015), Adam: a method for stochastic optimization.
Maia Polo et al. (2024), Sloth, arXiv:2412.06540, section 3.2, for the loss and the schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.floating]
type Ints = NDArray[np.integer]

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8  # of Adam
RATE_FACTOR, RATE_PATIENCE, RATE_THRESHOLD = 0.95, 20, 1e-4  # the rate falls on a plateau
STOP_PATIENCE, STOP_TOLERANCE = 500, 1e-5  # epochs without a better mean absolute error
LONGEST = 100_000


class Objective(Protocol):
    """What is minimised, in many problems at once."""

    def __call__(self, parameters: Floats, problems: Ints, /) -> tuple[Floats, Floats, Floats]:
        """Return losses, mean absolute errors and gradients of the problems named.

        Parameters have shape (problem, parameter), as have gradients.
        """
        ...


@dataclass(frozen=True, eq=False)
class Descent:
    """Where the descents ended.

    Attributes
    ----------
    parameters : ndarray of shape (problem, parameter)
        Those of the lowest mean absolute error.
    error : ndarray of shape (problem,)
        That error.
    epochs : ndarray of shape (problem,)
        How long each descent went on.
    """

    parameters: Floats
    error: Floats
    epochs: Ints


def descend(
    objective: Objective,
    start: Floats,
    rates: Floats,
    *,
    nonnegative: slice = slice(0, 0),
    longest: int = LONGEST,
) -> Descent:
    """Minimise each problem from its start.

    The rate of a problem falls by a twentieth whenever its loss has not improved for 20 epochs.
    A problem ends when its mean absolute error has not improved by 1e-5 for 500 epochs.

    Parameters
    ----------
    objective : Objective
        Losses, mean absolute errors and gradients.
    start : ndarray of shape (problem, parameter)
        Where to begin.
    rates : ndarray of shape (problem,)
        First learning rates.
    nonnegative : slice
        Parameters that are kept at zero or above.
    longest : int
        Epochs after which every problem ends.

    Returns
    -------
    Descent
    """
    best, error = start.copy(), np.full(len(start), np.inf)
    epochs = np.zeros(len(start), dtype=int)
    problems = np.arange(len(start))  # still running; all that follows is about these
    parameters, rate = start.copy(), rates.astype(float)
    first, second = np.zeros_like(start), np.zeros_like(start)
    lowest, plateau, stale = np.full(len(start), np.inf), epochs.copy(), epochs.copy()
    for epoch in range(1, longest + 1):
        loss, absolute, gradient = objective(parameters, problems)
        first += (1 - FIRST_DECAY) * (gradient - first)
        second += (1 - SECOND_DECAY) * (gradient * gradient - second)
        step = rate / (1 - FIRST_DECAY**epoch)
        scale = np.sqrt(second) / np.sqrt(1 - SECOND_DECAY**epoch) + EPSILON
        parameters = parameters - step.astype(start.dtype)[:, None] * first / scale
        np.maximum(parameters[:, nonnegative], 0, out=parameters[:, nonnegative])

        better = loss < lowest * (1 - RATE_THRESHOLD)
        lowest = np.where(better, loss, lowest)
        plateau = np.where(better, 0, plateau + 1)
        fall = plateau > RATE_PATIENCE
        rate = np.where(fall, RATE_FACTOR * rate, rate)
        plateau[fall] = 0

        better = absolute < error[problems] - STOP_TOLERANCE
        best[problems[better]], error[problems[better]] = parameters[better], absolute[better]
        stale = np.where(better, 0, stale + 1)
        epochs[problems] = epoch
        going = stale < STOP_PATIENCE
        if not going.any():
            break
        if not going.all():
            problems, parameters, rate = problems[going], parameters[going], rate[going]
            first, second = first[going], second[going]
            lowest, plateau, stale = lowest[going], plateau[going], stale[going]
    return Descent(best, error, epochs)
