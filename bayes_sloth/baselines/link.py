r"""Increasing links from the line to (0, 1), one small network per benchmark, as Sloth trains them.

.. math::

    h_0 = \tanh x, \quad h_1 = \tanh(w_1 h_0 + b_1), \quad h_2 = \tanh(W_2 h_1 + b_2), \quad
    \sigma(x) = \operatorname{logistic}(w_3^T h_2 + b_3)

with ten units per layer. No weight is negative, so that the link increases.

Parameters are a dict of arrays with leading axes (problem, benchmark); linear predictors have
shape (problem, model, benchmark).

References
----------
Maia Polo et al. (2024), Sloth, arXiv:2412.06540, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bayes_sloth.baselines.adam import Floats

UNITS = 10
BIASES = {"b1": (1, UNITS), "b2": (1, UNITS), "b3": (1, 1)}
WEIGHTS = {"w1": (1, UNITS), "w2": (UNITS, UNITS), "w3": (UNITS, 1)}  # never negative
LINK = BIASES | WEIGHTS
FAN_IN = {"1": 1, "2": UNITS, "3": UNITS}  # inputs of each layer


@dataclass(frozen=True, eq=False)
class Passed:
    """What the backward pass needs of the forward pass: the value of every layer."""

    h0: Floats
    h1: Floats
    h2: Floats
    value: Floats


def initial_link(rng: np.random.Generator, benchmarks: int) -> dict[str, Floats]:
    """Draw links at random: uniform within 1 / sqrt(inputs), weights made positive."""
    drawn: dict[str, Floats] = {}
    for name, last in LINK.items():
        bound = 1 / np.sqrt(FAN_IN[name[1]])
        values = rng.uniform(-bound, bound, size=(benchmarks, *last))
        drawn[name] = np.abs(values) if name in WEIGHTS else values
    return drawn


def through_link(x: Floats, link: dict[str, Floats]) -> tuple[Floats, Passed]:
    """Send linear predictors through the links."""
    h0 = np.tanh(np.swapaxes(x, 1, 2))[..., None]  # (problem, benchmark, model, 1)
    h1 = np.tanh(h0 * link["w1"] + link["b1"])
    h2 = np.tanh(h1 @ link["w2"] + link["b2"])
    value = expit(h2 @ link["w3"] + link["b3"])
    return _back_in_order(value), Passed(h0, h1, h2, value)


def back_through_link(
    slope: Floats, passed: Passed, link: dict[str, Floats]
) -> tuple[Floats, dict[str, Floats]]:
    """Return the slopes of the loss in the linear predictors and in the parameters of the links.

    `slope` is that in the values of the links, of shape (problem, model, benchmark).
    """
    to3 = np.swapaxes(slope, 1, 2)[..., None] * passed.value * (1 - passed.value)
    to2 = to3 * _transpose(link["w3"]) * (1 - passed.h2**2)
    to1 = to2 @ _transpose(link["w2"]) * (1 - passed.h1**2)
    to0 = to1 @ _transpose(link["w1"]) * (1 - passed.h0**2)
    slopes = {
        "b1": _total(to1),
        "b2": _total(to2),
        "b3": _total(to3),
        "w1": _transpose(passed.h0) @ to1,
        "w2": _transpose(passed.h1) @ to2,
        "w3": _transpose(passed.h2) @ to3,
    }
    return _back_in_order(to0), slopes


def _total(slopes: Floats) -> Floats:
    """Add up over models, which a product with ones does faster than a sum."""
    return np.ones((1, slopes.shape[2]), slopes.dtype) @ slopes


def _back_in_order(values: Floats) -> Floats:
    return np.swapaxes(values[..., 0], 1, 2)


def _transpose(matrices: Floats) -> Floats:
    return np.swapaxes(matrices, -1, -2)
