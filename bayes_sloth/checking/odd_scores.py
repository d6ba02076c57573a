r"""Scores that do not fit: leave-one-out tail probabilities, by cell and by model.

A model's own effects absorb its own scores, so a score judged by the posterior it has shaped
never looks odd. Here each is judged as if it had not been seen.

**Cells.** The tail probability of a score given all others, also those of the same model:
:math:`P(\tilde y \le y)` over draws, weighted by Pareto-smoothed importance sampling (PSIS;
Vehtari et al. 2024) to the posterior without it.

**Models.** The scores of a model given all other models. Its own effects *x* (its skill; its
variant's deviation and its lineage's level, where it is the only model of them) are drawn anew from
their prior. With any normalised density *g*, draws weighted by

.. math:: w \propto \frac{g(x \mid \theta)}{p(y_m \mid x, \theta)\, p(x \mid \theta)}

are draws of :math:`\theta` from the posterior without the model (Gelfand & Dey 1994); *g* is the normal
approximation of the posterior of *x*, and the weights are Pareto-smoothed. With *r* the residuals about
the curve of its family, :math:`\Sigma` their covariance and *Q* the effect of skills on scores,
two distances are compared with those of replicated scores:

- **level**, in the directions of skills: how far :math:`\hat f = (Q^\top \Sigma^{-1} Q)^{-1} Q^\top
  \Sigma^{-1} r` is from zero. Wrong size, tokens or lineage show here; so does a model that is better
  or worse than its family;
- **pattern**, in all other directions: scores that no level of skill goes with. Another model's scores,
  a wrong setting or a failed extraction show here.

What cannot be told: a benchmark whose answers leaked into training gives high scores that a good
model could have, so contamination is not to be told from quality by scores alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.checking.densities import log_likelihood, student_log_density
from bayes_sloth.checking.sensitivity import thinned
from bayes_sloth.forecasting import _fitted_predictor, _location_and_scale, _stacked

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.design import Design

# Tail probabilities below which a cell or a model is flagged: the expected false alarm rates.
CELL_LEVEL = 0.001
MODEL_LEVEL = 0.01
# Above, importance sampling cannot be trusted (Vehtari et al. 2024).
PARETO_LIMIT = 0.7
_REPEATS = 5


def odd_cells(posterior: xr.Dataset, design: Design) -> pd.DataFrame:
    """Return the leave-one-out tail probability of each known score.

    Parameters
    ----------
    posterior : Dataset
    design : Design

    Returns
    -------
    DataFrame
        Indexed by ``model`` and ``benchmark``: ``score`` and ``expected`` (leave-one-out mean) in
        [0, 1], ``below`` (probability of a score at most as high), ``two_sided`` (twice the smaller tail),
        ``pareto_k``, ``reliable`` and ``flagged`` (``two_sided`` below 0.001).
    """
    from arviz_stats.base import array_stats
    from scipy.special import stdtr

    thin = thinned(posterior)
    draws, values = _stacked(thin), design.scores.values.to_numpy(float)
    known = ~np.isnan(values)
    mu, sigma = _location_and_scale(draws, design, _fitted_predictor(draws, design))
    log = log_likelihood(thin, design)
    flat = log.to_numpy().reshape(-1, log.sizes["cell"])
    log_weights, pareto_k = array_stats.psislw(flat, axis=0)
    weights = _normalised(log_weights)  # cell, draw
    standard = (values[known] - mu[:, known]) / sigma[:, known]
    below = (weights * stdtr(draws["dof"][:, None], standard).T).sum(axis=1)
    index = pd.MultiIndex.from_arrays(
        [log["model"].to_numpy(), log["benchmark"].to_numpy()], names=["model", "benchmark"]
    )
    tail = 2 * np.minimum(below, 1 - below)
    return pd.DataFrame(
        {
            "score": values[known],
            "expected": (weights * mu[:, known].T).sum(axis=1),
            "below": below,
            "two_sided": tail,
            "pareto_k": pareto_k,
            "reliable": pareto_k <= PARETO_LIMIT,
            "flagged": tail < CELL_LEVEL,
        },
        index=index,
    )


def odd_models(posterior: xr.Dataset, design: Design, *, seed: int = 1) -> pd.DataFrame:
    """Return how well each model's scores go with those of all others.

    Parameters
    ----------
    posterior : Dataset
    design : Design
    seed : int
        Of the replicated scores.

    Returns
    -------
    DataFrame
        Indexed by ``model``: ``level`` and ``pattern`` (tail probabilities), ``shift`` (mean
        residual, in logits), ``pareto_k``, ``reliable``, ``alone`` (variant, lineage or nothing:
        of what it is the only model) and ``flagged`` (either tail below 0.005).
    """
    thin = thinned(posterior)
    thin = thin.isel(draw=slice(None, None, 2))
    draws, rng = _stacked(thin), np.random.default_rng(seed)
    base = _predictor_without(draws, design)
    names = design.scores.models.index
    rows = [_judge(draws, design, base[:, row], row, rng) for row in range(len(names))]
    table = pd.DataFrame(rows, index=names)
    low = table[["level", "pattern"]].min(axis=1) < MODEL_LEVEL / 2
    return table.assign(reliable=table["pareto_k"] <= PARETO_LIMIT, flagged=low)


def _predictor_without(draws: dict[str, np.ndarray], design: Design) -> np.ndarray:
    """Return the predictor of each model without its own effects: draw, model, benchmark."""
    typical = {**draws, "model_skill": np.zeros_like(draws["model_skill"])}
    eta = _fitted_predictor(typical, design)
    alone_in_variant, alone_in_lineage = _alone(design)
    rows = np.flatnonzero(alone_in_variant)
    if len(rows):
        eta[:, rows] -= draws["variant_deviation"][:, design.deviation_of_model[rows]]
    for row in np.flatnonzero(alone_in_lineage):
        eta[:, row] -= _away_from_population(draws, design, design.lineage_of_model[row])
    return eta


def _alone(design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Return whether a model is the only one of its deviating variant, and of its lineage."""
    models = design.scores.models
    of_variant = models.groupby("variant")["variant"].transform("size").to_numpy()
    of_lineage = models.groupby("lineage")["lineage"].transform("size").to_numpy()
    return (of_variant == 1) & (design.deviation_of_model >= 0), of_lineage == 1


def _away_from_population(
    draws: dict[str, np.ndarray], design: Design, lineage: int
) -> np.ndarray:
    """Return a lineage's level less its prior mean, of shape (draw, benchmark)."""
    centre, growth = design.centre[lineage], draws["growth"]
    slope = draws["lineage_slope"][:, lineage] if "lineage_slope" in draws else growth[:, 0]
    mean = draws["intercept"] + np.einsum("j,sjb->sb", centre[1:], growth[:, 1:])
    away: np.ndarray = draws["lineage_level"][:, lineage] - mean - centre[0] * slope
    return away


def _own_effects(
    draws: dict[str, np.ndarray], design: Design, row: int
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return a model's own effects as standard normals *x*, and *H*: its predictor is base + H x.

    Returns
    -------
    x : array of shape (draw, effect)
    effect : array of shape (draw, benchmark, effect)
    alone : str
    """
    loadings, n_benchmarks = draws["loadings"], draws["loadings"].shape[1]
    unit, shared = np.eye(n_benchmarks), loadings @ np.swapaxes(loadings, 1, 2)
    x = [draws["model_skill"][:, row]]
    effect = [draws["model_scale"][:, None, None] * loadings]

    def add(value: np.ndarray, covariance: np.ndarray) -> None:
        factor = np.linalg.cholesky(covariance)
        x.append(np.linalg.solve(factor, value[..., None])[..., 0])
        effect.append(factor)

    in_variant, in_lineage = (bool(flag[row]) for flag in _alone(design))
    if in_variant:
        ratio, sd = draws["variant_ratio"][:, None, None], draws["variant_sd"]
        deviation = draws["variant_deviation"][:, design.deviation_of_model[row]]
        add(deviation, ratio**2 * shared + unit * sd[:, :, None] ** 2)
    if in_lineage:
        away = _away_from_population(draws, design, design.lineage_of_model[row])
        add(away, shared + unit * draws["specific_sd"][:, :, None] ** 2)
    alone = "lineage" if in_lineage else "variant" if in_variant else "nothing"
    return np.concatenate(x, axis=1), np.concatenate(effect, axis=2), alone


def _judge(
    draws: dict[str, np.ndarray],
    design: Design,
    base: np.ndarray,
    row: int,
    rng: np.random.Generator,
) -> dict[str, float | str]:
    """Return the tail probabilities of one model."""
    from arviz_stats.base import array_stats

    values = design.scores.values.to_numpy(float)[row]
    known = ~np.isnan(values)
    x, effect, alone = _own_effects(draws, design, row)
    y, dof = values[known], draws["dof"][:, None]

    def curve(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu, sigma = _location_and_scale(draws, design, eta[:, None])
        return mu[:, 0][:, known], sigma[:, 0][:, known]

    def predictor(own: np.ndarray) -> np.ndarray:
        return base + (effect @ own[..., None])[..., 0]

    log = student_log_density(y, dof, *curve(predictor(x))).sum(axis=1) + _log_normal(x)
    log -= _log_approximation(x, y, effect, predictor, curve, known)
    log_weights, pareto_k = array_stats.psislw(log)
    weights = _normalised(log_weights)
    distances = _Distances(base, effect, draws["loadings"], curve, known)
    level, pattern, residual = distances.of(y)
    below = np.zeros(2)
    for _ in range(_REPEATS):
        mu, sigma = curve(predictor(rng.standard_normal(x.shape)))
        again = np.clip(mu + sigma * rng.standard_t(dof, size=mu.shape), 0, 1)
        level_again, pattern_again, _ = distances.of(again)
        below += [weights @ (level_again >= level), weights @ (pattern_again >= pattern)]
    return {
        "level": below[0] / _REPEATS,
        "pattern": below[1] / _REPEATS,
        "shift": float(weights @ residual),
        "pareto_k": float(pareto_k),
        "alone": alone,
    }


class _Distances:
    """Distances of a model's scores from its family's curve, at each draw of the parameters."""

    def __init__(self, base, effect, loadings, curve, known) -> None:  # type: ignore[no-untyped-def]
        self.mu, sigma = curve(base)
        self.slope = _slope(base, curve)
        own = self.slope[..., None] * effect[:, known]
        covariance = own @ np.swapaxes(own, 1, 2) + np.eye(known.sum()) * sigma[:, :, None] ** 2
        self.precision = np.linalg.inv(covariance)
        self.skills = self.slope[..., None] * loadings[:, known]
        self.enough = known.sum() > loadings.shape[2]

    def of(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return distances of level and pattern, and the mean residual in logits."""
        residual = y - self.mu
        weighted = (self.precision @ residual[..., None])[..., 0]
        total = (residual * weighted).sum(axis=1)
        away = np.clip(residual / np.maximum(self.slope, 1e-3), -9, 9).mean(axis=1)
        if not self.enough:  # fewer scores than skills: every pattern is a level
            return total, np.zeros_like(total), away
        transposed = np.swapaxes(self.skills, 1, 2)
        information = transposed @ self.precision @ self.skills
        score = transposed @ weighted[..., None]
        ridge = 1e-9 * np.eye(information.shape[-1])
        level = (score * np.linalg.solve(information + ridge, score)).sum(axis=(1, 2))
        return level, total - level, away


def _log_approximation(x, y, effect, predictor, curve, known):  # type: ignore[no-untyped-def]
    """Return the log density of x under the normal approximation of its posterior.

    Two Gauss-Newton steps from zero; the result depends on the draw's parameters, not on its x.
    """
    mode = np.zeros_like(x)
    for _ in range(2):
        eta = predictor(mode)
        mu, sigma = curve(eta)
        jacobian = _slope(eta, curve)[..., None] * effect[:, known]
        weighted = np.swapaxes(jacobian / sigma[..., None] ** 2, 1, 2)
        precision = np.eye(x.shape[1]) + weighted @ jacobian
        target = y - mu + (jacobian @ mode[..., None])[..., 0]
        mode = np.linalg.solve(precision, weighted @ target[..., None])[..., 0]
    factor = np.linalg.cholesky(precision)
    white = (np.swapaxes(factor, 1, 2) @ (x - mode)[..., None])[..., 0]
    return _log_normal(white) + np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)


def _slope(eta, curve, step: float = 1e-3):  # type: ignore[no-untyped-def]
    """Return the derivative of the expected score with respect to the predictor."""
    return (curve(eta + step)[0] - curve(eta - step)[0]) / (2 * step)


def _log_normal(x: np.ndarray) -> np.ndarray:
    return -0.5 * (x**2).sum(axis=1) - 0.5 * x.shape[1] * np.log(2 * np.pi)


def _normalised(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
