r"""Condition a saved posterior on scores of new models, without refitting: NumPy only.

Given a posterior draw, the effects :math:`z` of new models are standard normal and the linear
predictor of the observed cells is :math:`\eta_o = m_o + A z` (`bayes_sloth.predictor`); the scores
are Student-t around a curve of it. For each draw of the fit:

1. *Proposal.* The likelihood of each observed cell is replaced by a normal **site**
   :math:`N(\tilde y \mid \eta, 1/w)`, found by Fisher scoring at the mode (Laplace; Rasmussen &
   Williams 2006, section 3.4, with the Fisher information of the Student-t). With
   :math:`V = A A^\top + \operatorname{diag}(1/w)` the effects given the sites are normal, and are
   drawn by conditioning a prior draw (Matheron's rule):
   :math:`z' = z + A^\top V^{-1} (\tilde y - \eta_o(z) - \epsilon), \epsilon \sim N(0, 1/w)`.
2. *Weight.* As the proposal is prior times sites over :math:`N(\tilde y \mid m_o, V)`, the
   importance weight of parameters and effects together is (here for one width of the sites; the
   proposal mixes three)

   .. math:: \frac{\prod_o p(y_o \mid \eta'_o)}{\prod_o N(\tilde y_o \mid \eta'_o, 1/w_o)}
             \, N(\tilde y \mid m_o, V) .

   It holds the marginal likelihood of the scores, by which the draws of the shared parameters
   are updated, and what the normal sites get wrong.

Weights are Pareto-smoothed (Vehtari et al. 2024), which also measures how far they can be
trusted, and draws resampled by them. The only error is that of importance sampling: where its
diagnostics fail, fit again with the scores in the table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bayes_sloth import link
from bayes_sloth.pareto import smooth_log_weights
from bayes_sloth.predictor import Curve, Effect, Family

SCORING_STEPS = 5
# The proposal is a mixture over how much the sites' variance is stretched: a little; much, as a
# score near chance level or ceiling leaves one side open, where no normal site can follow; and so
# much that it is the prior, for scores so odd that they may be outliers.
WIDTHS, SHARES = np.array([1.3, 10.0, 1e8]), np.array([0.8, 0.12, 0.08])
LEAST_PRECISION = 1e-6
ESS_LIMIT = 400
STEP = 1e-4


@dataclass(frozen=True)
class Quality:
    """How well importance sampling approximates the posterior given the observed scores.

    Attributes
    ----------
    pareto_k : float
        Shape of the tail of the weights: below 0.7 the smoothed weights can be trusted (with fewer
        than 2,200 draws the limit is lower: ``1 - 1 / log10(draws)``).
    ess : float
        Effective number of draws left, ``1 / sum(weights ** 2)``.
    draws : int
        Draws there were.
    scores : int
        Observed scores conditioned on.
    """

    pareto_k: float
    ess: float
    draws: int
    scores: int

    @property
    def limit(self) -> float:
        """Largest tail shape that can be trusted with so many draws."""
        return float(min(0.7, 1 - 1 / np.log10(self.draws)))

    @property
    def passed(self) -> bool:
        """Whether the conditioned draws can be trusted."""
        return self.pareto_k <= self.limit and self.ess >= ESS_LIMIT

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, with the verdict."""
        return {**asdict(self), "limit": self.limit, "passed": self.passed}

    def sentence(self) -> str:
        """Return the verdict in a sentence."""
        numbers = (
            f"Pareto k {self.pareto_k:.2f} (limit {self.limit:.2f}), "
            f"{self.ess:.0f} of {self.draws} draws effective (limit {ESS_LIMIT})"
        )
        if self.passed:
            return f"Conditioning on {self.scores} score(s): passed ({numbers})."
        return (
            f"CONDITIONING NOT PASSED on {self.scores} score(s): {numbers}. The scores say more "
            "than reweighting can follow, or contradict the fit: refit with them in the table "
            "(in Python: fit(with_models(scores, models, observed)))"
        )


@dataclass(frozen=True)
class Conditioned:
    """A family given scores: equally weighted draws.

    Attributes
    ----------
    chosen : array of int, of shape (sample,)
        The draw of the fit that each sample comes from.
    coordinates : list of arrays of shape (sample, coordinate)
        Of the effects, resampled already.
    quality : Quality
    """

    chosen: np.ndarray
    coordinates: list[np.ndarray]
    quality: Quality


@dataclass(frozen=True)
class Cells:
    """The likelihood of observed cells.

    Attributes
    ----------
    model, benchmark : array of int, of shape (cell,)
    score : array of shape (cell,)
    curve : Curve
        Of the cells, in their order.
    """

    model: np.ndarray
    benchmark: np.ndarray
    score: np.ndarray
    curve: Curve

    def take(self, chosen: np.ndarray) -> Cells:
        """Return the cells under the chosen draws."""
        return replace(self, curve=self.curve.take(chosen))

    def log_likelihood(self, eta: np.ndarray) -> np.ndarray:
        """Return the Student-t log density of the scores at eta, of shape (sample, cell)."""
        return student_t(self.score, *self.curve.location_and_scale(eta), self.curve.dof[:, None])

    def start(self) -> np.ndarray:
        """Return the linear predictor at which the scores are expected, kept off the asymptotes."""
        curve = self.curve
        reached = (self.score - curve.chance) / (1 - curve.chance) / curve.ceiling
        at = np.clip(reached, 0.05, 0.95)
        return link.inverse(at, curve.reference, curve.ceiling, curve.shape)

    def score_and_information(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return derivative of the log likelihood, and the Fisher information, at eta."""
        low, high = (self.curve.expected(eta + h) for h in (-STEP, STEP))
        slope = (high - low) / (2 * STEP)
        _, sigma = self.curve.location_and_scale(eta)
        change = self.log_likelihood(eta + STEP) - self.log_likelihood(eta - STEP)
        dof = self.curve.dof[:, None]
        information = (slope / sigma) ** 2 * (dof + 1) / (dof + 3)
        return change / (2 * STEP), np.maximum(information, LEAST_PRECISION)


@dataclass(frozen=True)
class Sites:
    """Prior and normal sites: the approximation of effects given scores, for each draw.

    Attributes
    ----------
    maps : list of arrays of shape (sample, cell, coordinate)
        What each effect does to the linear predictor of the cells.
    mean : array of shape (sample, cell)
        Linear predictor without the effects.
    covariance : array of shape (sample, cell, cell)
        Its prior covariance.
    centre, variance : arrays of shape (sample, cell)
        Of the sites.
    """

    maps: list[np.ndarray]
    mean: np.ndarray
    covariance: np.ndarray
    centre: np.ndarray
    variance: np.ndarray

    def draw(self, width: float, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw linear predictors given sites stretched by `width`, (sample, count, cell)."""
        own = (width * self.variance)[:, None]
        eta = self.mean[:, None] + sum(
            np.matmul(rng.standard_normal((len(a), count, a.shape[2])), np.swapaxes(a, 1, 2))
            for a in self.maps
        )
        noise = np.sqrt(own) * rng.standard_normal(eta.shape)
        away = np.swapaxes(self.centre[:, None] - eta - noise, 1, 2)
        pull = np.linalg.solve(self.covariance + _diagonal(own[:, 0]), away)
        return eta + np.swapaxes(np.matmul(self.covariance, pull), 1, 2)

    def condition(
        self,
        prior: list[np.ndarray],
        variance: np.ndarray,
        rng: np.random.Generator,
        free: Collection[int] | None = None,
    ) -> list[np.ndarray]:
        """Condition effects, drawn from their prior, on the sites (Matheron's rule).

        Parameters
        ----------
        prior : list of arrays of shape (sample, coordinate)
        variance : array of shape (sample, cell)
            Of the sites, perhaps stretched.
        rng : Generator
        free : collection of int, optional
            Positions of the effects to condition, the others being kept as given; all by default.

        Returns
        -------
        list of arrays of shape (sample, coordinate)
        """
        free = range(len(prior)) if free is None else free
        maps = [self.maps[i] for i in free]
        covariance = self.covariance if len(maps) == len(prior) else _covariance(maps)
        noise = np.sqrt(variance) * rng.standard_normal(variance.shape)
        away = self.centre - _eta(self.mean, self.maps, prior) - noise
        pull = _solve(np.linalg.cholesky(covariance + _diagonal(variance)), away)
        moved = list(prior)
        for i in free:
            moved[i] = prior[i] + np.matmul(pull[:, None], self.maps[i])[:, 0]
        return moved

    def over_prior(self, eta: np.ndarray, width: float) -> np.ndarray:
        """Return the log density of effects given stretched sites, less that of their prior.

        Parameters
        ----------
        eta : array of shape (sample, cell) or (sample, count, cell)
        width : float

        Returns
        -------
        array of shape (sample,) or (sample, count)
        """
        variance = width * self.variance
        factor = np.linalg.cholesky(self.covariance + _diagonal(variance))
        away = self.centre - self.mean
        marginal = -0.5 * (away * _solve(factor, away)).sum(axis=1)
        marginal -= np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        several = (slice(None), *[None] * (eta.ndim - 2))
        away, variance = self.centre[several] - eta, variance[several]
        sites = -0.5 * (away**2 / variance + np.log(variance)).sum(axis=-1)
        return sites - marginal[several]


def approximate(family: Family, cells: Cells) -> Sites:
    """Return the normal approximation of a family's effects given scores, for each draw."""
    maps = [_at_cells(effect, cells) for effect in family.effects]
    covariance = _covariance(maps)
    mean = family.mean[:, cells.model, cells.benchmark]
    return Sites(maps, mean, covariance, *_sites(mean, covariance, cells))


def student_t(score: np.ndarray, mu: np.ndarray, sigma: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """Return the log density of Student's t with location and scale."""
    from scipy.special import gammaln

    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof * np.pi)
    return constant - np.log(sigma) - (dof + 1) / 2 * np.log1p(((score - mu) / sigma) ** 2 / dof)


def observed_cells(observed: np.ndarray, curve: Curve) -> Cells:
    """Return the known cells of a table of shape (model, benchmark), NaN where unknown."""
    model, benchmark = np.nonzero(~np.isnan(observed))
    return Cells(model, benchmark, observed[model, benchmark], curve.at(benchmark))


def condition(family: Family, cells: Cells, rng: np.random.Generator) -> Conditioned:
    """Draw the effects of a family's new models, and reweight the draws, given observed scores.

    Parameters
    ----------
    family : Family
    cells : Cells
        At least one.
    rng : Generator

    Returns
    -------
    Conditioned
    """
    coordinates, log_weights = propose(family, cells, rng)
    weights, quality = smooth(log_weights, len(cells.score))
    chosen = resample(weights, rng)
    return Conditioned(chosen, [z[chosen] for z in coordinates], quality)


def propose(
    family: Family, cells: Cells, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return effects drawn from the proposal of each draw, and the logs of their weights."""
    sites = approximate(family, cells)
    own = sites.variance * rng.choice(WIDTHS, p=SHARES, size=(len(sites.mean), 1))
    moved = sites.condition(family.draw(rng), own, rng)
    eta = _eta(sites.mean, sites.maps, moved)
    over_prior = [
        np.log(share) + sites.over_prior(eta, width)
        for share, width in zip(SHARES, WIDTHS, strict=True)
    ]
    return moved, cells.log_likelihood(eta).sum(axis=1) - np.logaddexp.reduce(over_prior)


def smooth(log_weights: np.ndarray, scores: int) -> tuple[np.ndarray, Quality]:
    """Return Pareto-smoothed normalised weights, and how far they can be trusted."""
    smoothed, tail = smooth_log_weights(log_weights)
    weights = np.exp(smoothed - smoothed.max())
    weights /= weights.sum()
    ess = 1 / (weights**2).sum()
    return weights, Quality(tail, float(ess), len(weights), scores)


def resample(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return positions of as many draws as there are, chosen by weight (systematic resampling)."""
    ticks = (rng.uniform() + np.arange(len(weights))) / len(weights)
    return np.minimum(np.searchsorted(np.cumsum(weights), ticks), len(weights) - 1)


def repeated(
    observed: np.ndarray,
    mu: np.ndarray,
    sigma: np.ndarray,
    curve: Curve,
    rng: np.random.Generator,
) -> np.ndarray:
    r"""Draw what a second run of observed benchmarks would score, of the shape of mu.

    With r the residual of the first run and a the share of its variance that is special to the
    model on the benchmark (the rest being item sampling and protocol), a second run is Student-t
    around :math:`\mu + a r` with :math:`\nu + 1` degrees of freedom: what is special to the model
    stays, and a large residual makes wide tails more likely,

    .. math:: \text{scale}^2 = \sigma^2 (1 - a^2) \frac{\nu + (r / \sigma)^2}{\nu + 1} .

    Parameters
    ----------
    observed : array of shape (model, benchmark)
    mu, sigma : arrays of shape (sample, model, benchmark)
    curve : Curve
    rng : Generator

    Returns
    -------
    array of shape (sample, model, benchmark)
        NaN where nothing was observed.
    """
    dof = curve.dof[:, None, None]
    share, residual = (curve.special(mu) / sigma) ** 2, (observed - mu) / sigma
    scale = sigma * np.sqrt((1 - share**2) * (dof + residual**2) / (dof + 1))
    return mu + share * residual * sigma + scale * rng.standard_t(dof + 1, size=mu.shape)


def _at_cells(effect: Effect, cells: Cells) -> np.ndarray:
    """Return an effect's factor at the observed cells, of shape (sample, cell, coordinate)."""
    return effect.factor[:, cells.benchmark] * effect.on(cells.model)[:, None]


def _sites(mean: np.ndarray, covariance: np.ndarray, cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and variance of the normal sites at the mode, each of shape (sample, cell)."""
    eta = cells.start()
    for _ in range(SCORING_STEPS):
        slope, information = cells.score_and_information(eta)
        site, variance = eta + slope / information, 1 / information
        factor = np.linalg.cholesky(covariance + _diagonal(variance))
        aim = mean + np.matmul(covariance, _solve(factor, site - mean)[..., None])[..., 0]
        eta = eta + np.clip(aim - eta, -1, 1)
    slope, information = cells.score_and_information(eta)
    return eta + slope / information, 1 / information


def _covariance(maps: list[np.ndarray]) -> np.ndarray:
    return np.asarray(sum(np.matmul(a, np.swapaxes(a, 1, 2)) for a in maps))


def _eta(mean: np.ndarray, maps: list[np.ndarray], effects: list[np.ndarray]) -> np.ndarray:
    """Return the linear predictor at the cells, of shape (sample, cell)."""
    parts = (np.matmul(a, z[..., None])[..., 0] for a, z in zip(maps, effects, strict=True))
    return np.asarray(mean + sum(parts))


def _diagonal(values: np.ndarray) -> np.ndarray:
    return values[:, :, None] * np.eye(values.shape[1])


def _solve(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve ``factor factor' x = right`` for each sample, by substitution over the few cells."""
    cells = right.shape[1]
    x = right.copy()
    for i in range(cells):
        x[:, i] = (x[:, i] - (factor[:, i, :i] * x[:, :i]).sum(axis=1)) / factor[:, i, i]
    for i in reversed(range(cells)):
        x[:, i] = (x[:, i] - (factor[:, i + 1 :, i] * x[:, i + 1 :]).sum(axis=1)) / factor[:, i, i]
    return x
