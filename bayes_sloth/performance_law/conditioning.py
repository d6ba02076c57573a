"""Condition posterior draws on a score that the fit has not seen.

What is special to a model, and to a developer and a lineage nobody has seen, is normal given a
draw of the rest: its **recipe**. A score says more of it than of all else, so it is conditioned
draw by draw, on a grid, and only what is left of the weight by importance resampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import gammaln, logsumexp

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.forecasting import expected, location_and_scale

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

ENOUGH = 200  # effective draws
# Standard deviations of an ability, at which its normal is integrated by the trapezoidal rule: a
# fifth of a point apart for one model, less than the noise of any source.
NODES = np.linspace(-5, 5, 201)
LOG_WEIGHTS = -0.5 * NODES**2 - logsumexp(-0.5 * NODES**2)


def fraction_of_points(points: float, name: str = "mmlu") -> float:
    """Return MMLU in [0, 1] from percentage points; refuse what looks like a fraction.

    Raises
    ------
    InputError
        If this is not in points, from above 1 to 100.
    """
    if not 1 < points <= 100:
        hint = f"; did you mean {100 * points:g}?" if 0 < points <= 1 else ""
        raise InputError(f"{name} is {points:g}: give percentage points, above 1 to 100{hint}")
    return points / 100


def log_likelihood(fit: LawFit, mu: np.ndarray, observed: float, source: str) -> np.ndarray:
    """Return the log density of one measured score given expected scores.

    Parameters
    ----------
    fit : LawFit
    mu : array of shape (sample, model)
        Expected MMLU in [0, 1].
    observed : float
        In [0, 1].
    source : {"reported", "harness"}

    Returns
    -------
    array of shape (sample, model)
    """
    location, sigma = location_and_scale(fit, mu, source)
    return log_student((observed - location) / sigma, fit.draws["dof"][:, None]) - np.log(sigma)


def log_densities(
    fit: LawFit, centre: np.ndarray, spread: np.ndarray, known: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Return log densities of a model's scores at nodes of its ability about what is said of it.

    Parameters
    ----------
    fit : LawFit
    centre, spread : array of shape (sample,)
        Of the ability, which is normal.
    known : mapping of {"reported", "harness"} to float
        Scores in [0, 1].

    Returns
    -------
    dict of arrays of shape (sample, node)
        By source; `integrated` takes the mean over the ability.
    """
    mu = expected(fit, centre[:, None] + spread[:, None] * NODES)
    return {source: log_likelihood(fit, mu, value, source) for source, value in known.items()}


def integrated(log_density: np.ndarray) -> np.ndarray:
    """Return the log of the mean over a normal ability of densities at its nodes: (sample,)."""
    return np.asarray(logsumexp(log_density + LOG_WEIGHTS, axis=1))


def recipe(fit: LawFit, developer: str, lineage: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of what a model adds to the law: developer, lineage and its own.

    Parameters
    ----------
    fit : LawFit
    developer, lineage : str
        Those of the data have known effects.

    Returns
    -------
    mean, spread : arrays of shape (sample,)
        In logits.
    """
    draws = fit.draws
    mean, variance = np.zeros(len(draws["model_sd"])), draws["model_sd"] ** 2
    for name, value in (("developer", developer), ("lineage", lineage)):
        known = getattr(fit.design, f"{name}s").get_indexer(pd.Index([value]))[0]
        if known < 0:
            variance = variance + draws[f"{name}_sd"] ** 2
        else:
            mean = mean + draws[f"{name}_effect"][:, known]
    return mean, np.sqrt(variance)


def condition(
    fit: LawFit,
    centre: np.ndarray,
    spread: np.ndarray,
    known: Mapping[str, float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a model's departure from `centre` given its scores, draw by draw.

    Parameters
    ----------
    fit, centre, spread, known
        As for `log_densities`.
    rng : Generator

    Returns
    -------
    departure : array of shape (sample,)
        In logits.
    log_weight : array of shape (sample,)
        What the scores say of the draws themselves, for `resample`.
    """
    parts = np.sum(list(log_densities(fit, centre, spread, known).values()), axis=0)
    log_weight = integrated(parts)
    chance = np.cumsum(np.exp(parts + LOG_WEIGHTS - log_weight[:, None]), axis=1)
    node = (chance < rng.uniform(size=(len(chance), 1))).sum(axis=1).clip(max=len(NODES) - 1)
    within = (NODES[1] - NODES[0]) * (rng.uniform(size=len(node)) - 0.5)
    return spread * (NODES[node] + within), log_weight


def log_student(z: np.ndarray, dof: np.ndarray | float) -> np.ndarray:
    """Return the log density of the standard Student distribution."""
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof * np.pi)
    return np.asarray(constant - (dof + 1) / 2 * np.log1p(z**2 / dof))


def resample(log_weight: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return positions of draws resampled by their weights, and how many draws they amount to.

    Parameters
    ----------
    log_weight : array of shape (sample,)
    rng : Generator

    Returns
    -------
    positions : array of shape (sample,)
    effective : float
        ``sum(w)^2 / sum(w^2)`` (Kish); below `ENOUGH`, the result is rough.
    """
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    positions = rng.choice(len(weight), size=len(weight), p=weight)
    return positions, float(1 / (weight**2).sum())


def rough(effective: float) -> tuple[str, ...]:
    """Return a warning where too few draws agree with what was observed."""
    if effective >= ENOUGH:
        return ()
    return (
        f"only {effective:.0f} effective draws agree with the score: it is far from what the law "
        "expects, and intervals given it are rough",
    )
