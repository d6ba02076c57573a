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

are draws of :math:`\theta` from the posterior without the model (Gelfand & Dey 1994); *g* is the
normal approximation of the posterior of *x*, and the weights are Pareto-smoothed. With *r* the
residuals about the curve of its family, :math:`\Sigma` their covariance and *Q* the effect of
skills on scores, two distances are compared with those of replicated scores:

- **level**, in the directions of skills: how far :math:`\hat f = (Q^\top \Sigma^{-1} Q)^{-1} Q^\top
  \Sigma^{-1} r` is from zero. Wrong size, tokens or lineage show here; so does a model that is
  better or worse than its family;
- **pattern**, in all other directions: scores that no level of skill goes with. Another model's
  scores, a wrong setting or a failed extraction show here.

What cannot be told: a benchmark whose answers leaked into training gives high scores that a good
model could have, so contamination is not to be told from quality by scores alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth import link
from bayes_sloth.checking.densities import log_likelihood, student_log_density
from bayes_sloth.checking.sensitivity import thinned
from bayes_sloth.design import typical_level
from bayes_sloth.pareto import PARETO_LIMIT
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.design import Design

# Tail probabilities below which a cell or a model is flagged: the expected false alarm rates.
CELL_LEVEL = 0.001
MODEL_LEVEL = 0.01
CELL_DRAWS, MODEL_DRAWS = 1000, 1000
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
        [0, 1], ``below`` (probability of a score at most as high), ``two_sided`` (twice the
        smaller tail), ``pareto_k``, ``reliable`` and ``flagged`` (``two_sided`` below 0.001).
    """
    from arviz_stats.base import array_stats
    from scipy.special import stdtr

    thin = thinned(posterior, CELL_DRAWS)
    draws, values = stacked(thin), design.scores.values.to_numpy(float)
    known = ~np.isnan(values)
    mu, sigma = curve_of(draws, design).location_and_scale(fitted_predictor(draws, design))
    log = log_likelihood(thin, design)
    flat = log.to_numpy().reshape(-1, log.sizes["cell"])
    log_weights, pareto_k = array_stats.psislw(flat, axis=0)
    weights = _normalised(log_weights)  # cell, draw
    with np.errstate(over="ignore"):  # a draw to which the score is impossible
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
    from arviz_stats.base import array_stats

    draws, rng = stacked(thinned(posterior, MODEL_DRAWS)), np.random.default_rng(seed)
    no_skill = np.zeros((len(draws["dof"]), len(design.scores.models), 0))
    draws = {"model_skill": no_skill, **draws}
    alone, values = _alone(design), design.scores.values.to_numpy(float)
    base = _predictor_without(draws, design, alone)
    reference = typical_level(values, design.chance)
    rows = []
    for row, scores in enumerate(values):
        known = ~np.isnan(scores)
        curve = _Curve(draws, design, reference, known)
        own = _own_effects(draws, design, row, alone[row])
        model = _Model(scores[known], base[:, row, known], own[1][:, known], curve)
        log_weights, pareto_k = array_stats.psislw(model.log_ratio(own[0]))
        tails = model.tails(_normalised(log_weights), draws["loadings"][:, known], rng)
        rows.append({**tails, "pareto_k": float(pareto_k), "alone": alone[row]})
    table = pd.DataFrame(rows, index=design.scores.models.index)
    low = table[["level", "pattern"]].min(axis=1) < MODEL_LEVEL / 2
    return table.assign(reliable=table["pareto_k"] <= PARETO_LIMIT, flagged=low)


def _alone(design: Design) -> list[str]:
    """Return of what each model is the only one: its lineage, its deviating variant, or nothing."""
    models = design.scores.models
    in_lineage = models["lineage"].map(models["lineage"].value_counts()) == 1
    in_variant = models["variant"].map(models["variant"].value_counts()) == 1
    deviates = design.deviation_of_model >= 0
    kinds = np.select([in_lineage, in_variant & deviates], ["lineage", "variant"], "nothing")
    return [str(kind) for kind in kinds]


def _predictor_without(
    draws: dict[str, np.ndarray], design: Design, alone: list[str]
) -> np.ndarray:
    """Return the predictor of each model without its own effects: draw, model, benchmark."""
    eta = fitted_predictor({**draws, "model_skill": np.zeros_like(draws["model_skill"])}, design)
    for row, kind in enumerate(alone):
        if kind != "nothing" and design.deviation_of_model[row] >= 0:
            eta[:, row] -= draws["variant_deviation"][:, design.deviation_of_model[row]]
        if kind == "lineage":
            eta[:, row] -= _away_from_population(draws, design, design.lineage_of_model[row])
    return eta


def _away_from_population(draws: dict[str, np.ndarray], design: Design, lineage: int) -> np.ndarray:
    """Return a lineage's level less its prior mean, of shape (draw, benchmark)."""
    centre, growth = design.centre[lineage], draws["growth"]
    slope = draws["lineage_slope"][:, lineage] if "lineage_slope" in draws else growth[:, 0]
    mean = draws["intercept"] + np.einsum("j,sjb->sb", centre[1:], growth[:, 1:])
    away: np.ndarray = draws["lineage_level"][:, lineage] - mean - centre[0] * slope
    return away


def _own_effects(
    draws: dict[str, np.ndarray], design: Design, row: int, alone: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a model's own effects as standard normals *x*, and *H*: its predictor is base + H x.

    Returns
    -------
    x : array of shape (draw, effect)
    effect : array of shape (draw, benchmark, effect)
    """
    loadings = draws["loadings"]
    unit, shared = np.eye(loadings.shape[1]), loadings @ np.swapaxes(loadings, 1, 2)
    x = [draws["model_skill"][:, row]]
    effect = [draws["model_scale"][:, None, None] * loadings]

    def add(value: np.ndarray, covariance: np.ndarray) -> None:
        factor = np.linalg.cholesky(covariance + 1e-10 * unit)  # without deviations: of low rank
        x.append(np.linalg.solve(factor, value[..., None])[..., 0])
        effect.append(factor)

    if alone != "nothing" and design.deviation_of_model[row] >= 0:
        ratio, sd = draws["variant_ratio"][:, None, None], draws["variant_sd"]
        deviation = draws["variant_deviation"][:, design.deviation_of_model[row]]
        add(deviation, ratio**2 * shared + unit * sd[:, :, None] ** 2)
    if alone == "lineage":
        away = _away_from_population(draws, design, design.lineage_of_model[row])
        add(away, shared + unit * draws["specific_sd"][:, :, None] ** 2)
    return np.concatenate(x, axis=1), np.concatenate(effect, axis=2)


class _Curve:
    """The link of each draw, for the benchmarks a model is known on."""

    def __init__(
        self,
        draws: dict[str, np.ndarray],
        design: Design,
        reference: np.ndarray,
        known: np.ndarray,
    ) -> None:
        plain = np.zeros((len(draws["dof"]), len(known)))
        self.chance, self.items = design.chance[known], design.items[known]
        self.reference, self.dof = reference[known], draws["dof"][:, None]
        self.ceiling = draws.get("ceiling", plain + 1)[:, known]
        self.shape = draws.get("link_shape", plain)[:, known]
        self.noise = draws["protocol_sd"][:, known], draws["residual_sd"][:, known]

    def expected(self, eta: np.ndarray) -> np.ndarray:
        mu: np.ndarray = link.expected(eta, self.chance, self.reference, self.ceiling, self.shape)
        return mu

    def spread(self, mu: np.ndarray) -> np.ndarray:
        sigma: np.ndarray = link.spread(mu, self.chance, self.items, *self.noise)
        return sigma

    def slope(self, eta: np.ndarray, step: float = 1e-3) -> np.ndarray:
        return (self.expected(eta + step) - self.expected(eta - step)) / (2 * step)


@dataclass
class _Model:
    """A model's known scores *y*, and how they depend on its own effects: base + effect @ x."""

    y: np.ndarray
    base: np.ndarray
    effect: np.ndarray
    curve: _Curve

    def log_ratio(self, x: np.ndarray) -> np.ndarray:
        """Return ``log p(y | x) + log p(x) - log g(x)`` of each draw: weights divide by it."""
        mu = self.curve.expected(self._predictor(x))
        log = student_log_density(self.y, self.curve.dof, mu, self.curve.spread(mu)).sum(axis=1)
        return log + _log_normal(x) - self._log_approximation(x)

    def tails(
        self, weights: np.ndarray, loadings: np.ndarray, rng: np.random.Generator
    ) -> dict[str, float]:
        """Return the tail probabilities of level and pattern, and the mean residual in logits."""
        distances = _Distances(self, loadings)
        level, pattern = distances.of(self.y)
        tails = np.zeros(2)
        shape = (len(self.base), self.effect.shape[2])
        for _ in range(_REPEATS):
            mu = self.curve.expected(self._predictor(rng.standard_normal(shape)))
            noise = self.curve.spread(mu) * rng.standard_t(self.curve.dof, size=mu.shape)
            level_again, pattern_again = distances.of(np.clip(mu + noise, 0, 1))
            tails += [weights @ (level_again >= level), weights @ (pattern_again >= pattern)]
        level_tail, pattern_tail = tails / _REPEATS
        shift = float(weights @ distances.shift(self.y))
        return {"level": float(level_tail), "pattern": float(pattern_tail), "shift": shift}

    def _predictor(self, x: np.ndarray) -> np.ndarray:
        return self.base + (self.effect @ x[..., None])[..., 0]

    def _log_approximation(self, x: np.ndarray) -> np.ndarray:
        """Return the log density g of x: the normal approximation of its posterior.

        Two Gauss-Newton steps from zero: it depends on the draw's parameters, not on its x.
        """
        mode = np.zeros_like(x)
        for _ in range(2):
            eta = self._predictor(mode)
            mu = self.curve.expected(eta)
            jacobian = self.curve.slope(eta)[..., None] * self.effect
            weighted = np.swapaxes(jacobian / self.curve.spread(mu)[..., None] ** 2, 1, 2)
            precision = np.eye(x.shape[1]) + weighted @ jacobian
            target = self.y - mu + (jacobian @ mode[..., None])[..., 0]
            mode = np.linalg.solve(precision, weighted @ target[..., None])[..., 0]
        factor = np.linalg.cholesky(precision)
        white = (np.swapaxes(factor, 1, 2) @ (x - mode)[..., None])[..., 0]
        return _log_normal(white) + np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)


class _Distances:
    """Distances of a model's scores from its family's curve, at each draw of the parameters."""

    def __init__(self, model: _Model, loadings: np.ndarray) -> None:
        self.mu, self.slope = model.curve.expected(model.base), model.curve.slope(model.base)
        own = self.slope[..., None] * model.effect
        noise = np.eye(len(model.y)) * model.curve.spread(self.mu)[..., None] ** 2
        self.precision = np.linalg.inv(own @ np.swapaxes(own, 1, 2) + noise)
        self.skills = self.slope[..., None] * loadings
        self.information = np.swapaxes(self.skills, 1, 2) @ self.precision @ self.skills
        self.information += 1e-9 * np.eye(loadings.shape[2])
        self.enough = len(model.y) > loadings.shape[2]  # else every pattern is a level

    def of(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances of level and pattern."""
        residual = y - self.mu
        weighted = (self.precision @ residual[..., None])[..., 0]
        total = (residual * weighted).sum(axis=1)
        if not self.enough:
            return total, np.zeros_like(total)
        score = np.swapaxes(self.skills, 1, 2) @ weighted[..., None]
        level = (score * np.linalg.solve(self.information, score)).sum(axis=(1, 2))
        return level, total - level

    def shift(self, y: np.ndarray) -> np.ndarray:
        """Return the mean residual in logits, each within -9 and 9 where the curve is flat."""
        return np.clip((y - self.mu) / np.maximum(self.slope, 1e-3), -9, 9).mean(axis=1)


def _log_normal(x: np.ndarray) -> np.ndarray:
    return -0.5 * (x**2).sum(axis=1) - 0.5 * x.shape[1] * np.log(2 * np.pi)


def _normalised(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
