r"""Pareto-smoothed importance weights (Vehtari et al. 2024, arXiv 1507.02646), in NumPy.

The largest weights are replaced by the expected order statistics of a generalised Pareto
distribution fitted to them; its shape k measures how far importance sampling can be trusted.

ArviZ has the same (``arviz_stats.base.array_stats.psislw``), and is used where it is loaded anyway:
importing it takes longer than a whole forecast. `tests/test_pareto.py` holds the two together.
"""

from __future__ import annotations

import numpy as np

PRIOR_DRAWS, PRIOR_SHAPE = 10, 0.5  # the shape is shrunk as by ten more draws at one half
PRIOR_SCALE = 3
PARETO_LIMIT = 0.7  # above, importance sampling cannot be trusted (Vehtari et al. 2024)


def smooth_log_weights(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Return smoothed log weights and the shape of their tail.

    Parameters
    ----------
    log_weights : array of shape (sample,)
        Up to a constant; 25 or more.

    Returns
    -------
    smoothed : array of shape (sample,)
        At most 0.
    shape : float
        Pareto k; infinite where no tail can be fitted.
    """
    smoothed = log_weights - log_weights.max()
    draws = len(smoothed)
    size = int(3 * np.sqrt(draws)) if draws > 225 else draws // 5
    order = np.argsort(smoothed)
    tail, cutoff = order[-size:], np.exp(smoothed[order[-size - 1]])
    shape, scale = fit_generalised_pareto(np.exp(smoothed[tail]) - cutoff)
    if np.isfinite(shape):
        p = np.arange(0.5, size) / size
        excess = np.expm1(-shape * np.log1p(-p)) / shape if shape else -np.log1p(-p)
        smoothed[tail] = np.minimum(np.log(cutoff + scale * excess), 0.0)
    return smoothed, shape


def fit_generalised_pareto(excess: np.ndarray) -> tuple[float, float]:
    r"""Fit a generalised Pareto distribution by the posterior mean of Zhang & Stephens (2009).

    In terms of :math:`b = k / \sigma` (of opposite sign there) the profile likelihood is known in
    closed form; it is averaged over a grid of b that stands for its prior.

    Parameters
    ----------
    excess : array of shape (draw,)
        Above the cutoff, in rising order.

    Returns
    -------
    shape, scale : float
    """
    count = len(excess)
    quartile = excess[int(count / 4 + 0.5) - 1]
    if not quartile > excess[0]:
        return np.inf, np.nan
    points = 30 + int(np.sqrt(count))
    b = (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (PRIOR_SCALE * quartile)
    b += 1 / excess[-1]
    shape = np.log1p(-b[:, None] * excess).mean(axis=1)
    log_likelihood = count * (np.log(-b / shape) - shape - 1)
    weight = np.exp(log_likelihood - log_likelihood.max())
    b = float(b @ weight / weight.sum())
    own = float(np.log1p(-b * excess).mean())
    shrunk = (count * own + PRIOR_DRAWS * PRIOR_SHAPE) / (count + PRIOR_DRAWS)
    return (shrunk, -own / b) if np.isfinite(shrunk) else (np.inf, np.nan)
