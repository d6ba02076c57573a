r"""A benchmark added to those of a fit: what it may be like, and what a few scores say of it.

Draw by draw, the fit knows the skills :math:`\theta_m` of models (`bayes_sloth.factor_scores`). One
more benchmark has what each of the fitted ones has: difficulty, loadings, deviations of lineages,
of covariates :math:`x` and of deviating variants on this benchmark alone, and a curve,

.. math:: \eta_m = a + \lambda^\top \theta_m
          + \psi \bigl(e_{l(m)} + \textstyle\sum_j t_j x_{mj}\, g_j\bigr) + \psi_v\, d_{v(m)},
          \qquad y_m \sim \text{Student}_\nu(\operatorname{link}(\eta_m), \sigma_m),

with e, g and d standard normal and the spreads :math:`t` of `bayes_sloth.priors`. Loadings are one
more draw from the population of those in the fit (`bayes_sloth.factor_scores.loading_prior`); all
else has the prior that the fitted benchmarks had, and a chance level that is not known is uniform
between 0 and the lowest score.

Given scales and curve, everything else is normal, and is conditioned on the scores as in
`bayes_sloth.conditioning`. Scales and curve are functions of a few standard normals :math:`u`,
drawn in two rounds: from their prior, and then from

.. math:: q(u) = s\, N(u \mid 0, I) + (1 - s)\, N(u \mid c, C),

c and C being a little wider than what the first round found. The importance weight is that of the
conditioning times :math:`N(u \mid 0, I) / q(u)`, which the first part of q keeps below 1 / s
(Owen & Zhou 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.asked import asked_models, place
from bayes_sloth.conditioning import Cells, Quality, propose, resample, smooth
from bayes_sloth.design import chance_corrected_logits, covariates
from bayes_sloth.factor_scores import LoadingPrior, evenly, loading_prior, skills_from
from bayes_sloth.forecasting import hypothetical_predictor, known_predictor
from bayes_sloth.predictor import Curve, Effect, Family
from bayes_sloth.priors import GROWTH_SPREAD, PRIORS
from bayes_sloth.targets import draws_of

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

PILOT, CANDIDATES = 6_000, 24_000  # of scales and curve, with draws of the fit in turn
KEPT = 4_000
FROM_PRIOR = 0.2
SCALES = ("specific_sd", "variant_sd", "protocol_sd", "residual_sd")


@dataclass(frozen=True, eq=False)
class Declared:
    """What is known of the benchmark.

    Attributes
    ----------
    scores : Series
        In [0, 1], by model.
    chance, n_items : float or None
    """

    scores: pd.Series
    chance: float | None
    n_items: float | None


@dataclass(frozen=True, eq=False)
class SkilledModels:
    """The models that may be forecast.

    Attributes
    ----------
    names : Index
    skills : array of shape (draw of the fit, model, skill)
    lineage, variant : array of int, shape (model,)
        Numbers; of the variant, -1 for the trunk of a lineage.
    x : array of shape (model, covariate)
    """

    names: pd.Index
    skills: np.ndarray
    lineage: np.ndarray
    variant: np.ndarray
    x: np.ndarray


@dataclass(frozen=True, eq=False)
class AddedBenchmark:
    """Draws of the benchmark's scales and curve, and the prior of what is normal given them.

    Attributes
    ----------
    row : array of int, shape (sample,)
        The draw of the fit that each belongs to.
    loadings : LoadingPrior
        With a row for each sample.
    lineage_sd, variant_sd : array of shape (sample,)
    curve : Curve
        Of one column.
    """

    row: np.ndarray
    loadings: LoadingPrior
    lineage_sd: np.ndarray
    variant_sd: np.ndarray
    curve: Curve

    def take(self, chosen: np.ndarray) -> AddedBenchmark:
        """Return the chosen draws, some of them more than once."""
        loadings = LoadingPrior(*(part[chosen] for part in vars(self.loadings).values()))
        scales = self.lineage_sd[chosen], self.variant_sd[chosen]
        return AddedBenchmark(self.row[chosen], loadings, *scales, self.curve.take(chosen))

    def family(self, models: SkilledModels, shown: np.ndarray) -> Family:
        """Return the linear predictor of some models: a pseudo-model with a column for each."""
        skills = models.skills[self.row][:, shown]
        one = np.array([0])
        lineage_sd, variant_sd = self.lineage_sd[:, None, None], self.variant_sd[:, None, None]
        common = [
            np.full((*skills.shape[:2], 1), PRIORS["intercept"].parameters["sigma"]),
            self.loadings.spread[:, None, None] * skills,
            lineage_sd * (GROWTH_SPREAD * models.x[shown]),
        ]
        return Family(
            mean=np.matmul(skills, self.loadings.mean[..., None])[:, None, :, 0],
            effects=[
                Effect(one, np.concatenate(common, axis=-1)),
                Effect(one, lineage_sd * _members(models.lineage, shown)),
                Effect(one, variant_sd * _members(models.variant, shown)),
            ],
            size=np.zeros((1, 1, 2)),
            size_effects={},
        )

    def predictor(self, models: SkilledModels, effects: list[np.ndarray]) -> np.ndarray:
        """Return the linear predictor of all models, of shape (sample, model)."""
        common, lineage, variant = effects
        difficulty, slopes = self.coefficients(common)
        growth = (common[:, -len(GROWTH_SPREAD) :] * GROWTH_SPREAD) @ models.x.T
        trunk = np.zeros((len(variant), 1))  # position -1
        return (
            np.matmul(models.skills[self.row], slopes[..., None])[..., 0]
            - difficulty[:, None]
            + self.lineage_sd[:, None] * (lineage[:, models.lineage] + growth)
            + self.variant_sd[:, None] * np.hstack([variant, trunk])[:, models.variant]
        )

    def coefficients(self, common: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return difficulty (sample,) and loadings (sample, skill), given the first effect."""
        skills = self.loadings.mean.shape[1]
        away = self.loadings.spread[:, None] * common[:, 1 : 1 + skills]
        return -PRIORS["intercept"].parameters["sigma"] * common[:, 0], self.loadings.mean + away

    def parameters(self, common: np.ndarray) -> xr.Dataset:
        """Return difficulty, loading, chance level, ceiling and scales, given the first effect."""
        import xarray as xr

        difficulty, slopes = self.coefficients(common)
        chance, ceiling = self.curve.chance[:, 0], self.curve.ceiling[:, 0]
        return xr.Dataset(
            {
                "difficulty": ("sample", difficulty),
                "loading": (("sample", "skill"), slopes),
                "chance": ("sample", chance),
                "ceiling": ("sample", chance + (1 - chance) * ceiling),
                "lineage_sd": ("sample", self.lineage_sd),
                "variant_sd": ("sample", self.variant_sd),
            }
        )


def estimate(
    fit: Fit, models: SkilledModels, declared: Declared, rng: np.random.Generator
) -> tuple[AddedBenchmark, list[np.ndarray], Quality]:
    """Return equally weighted draws of the benchmark and its normal effects, given scores.

    Parameters
    ----------
    fit : Fit
    models : SkilledModels
    declared : Declared
    rng : Generator

    Returns
    -------
    benchmark : AddedBenchmark
        Of 4,000 draws.
    effects : list of arrays of shape (sample, coordinate)
        As `AddedBenchmark.predictor` takes them.
    quality : Quality
    """
    count = len(SCALES) + 2 + (declared.chance is None)
    white = rng.standard_normal((PILOT, count))
    _, _, log_weight = _weighed(fit, models, declared, white, rng)
    centre, root = _moments(white, log_weight)
    white = rng.standard_normal((CANDIDATES, count))
    moved = rng.random(CANDIDATES) > FROM_PRIOR
    white[moved] = centre + white[moved] @ root.T
    benchmark, effects, log_weight = _weighed(fit, models, declared, white, rng)
    weight, quality = smooth(
        log_weight - _log_proposal_over_prior(white, centre, root), len(declared.scores)
    )
    chosen = resample(weight, rng)
    chosen = chosen[evenly(len(chosen), KEPT)]
    return benchmark.take(chosen), [effect[chosen] for effect in effects], quality


def skilled_models(fit: Fit, models: pd.DataFrame | None, seed: int) -> SkilledModels:
    """Return the fitted models, and after them those asked for (as for `bayes_sloth.forecast`)."""
    design, known = fit.design, fit.scores.models
    rows = np.arange(draws_of(fit))
    eta, names = known_predictor(fit, list(known.index), rows), known.index
    lineage, variant, x = design.lineage_of_model, design.deviation_of_model, design.x
    if models is not None:
        asked = asked_models(models)
        _, new, _ = hypothetical_predictor(fit, asked, rows, seed=seed)
        eta, names = np.concatenate([eta, new], axis=1), names.append(asked.index)
        placed = place(fit, asked)
        family, position, deviation = (
            placed[key].to_numpy() for key in ("family", "lineage_position", "deviation_position")
        )
        tuned = placed["family"].astype(str) + placed["instruct"].astype(str)
        lineage = np.append(lineage, _numbered(position, position < 0, family, max(lineage)))
        variant = np.append(variant, _numbered(deviation, deviation == -2, tuned, max(variant)))
        about = (asked[name].to_numpy() for name in ("params_b", "tokens_t", "instruct"))
        x = np.concatenate([x, covariates(*about)])
    return SkilledModels(names, skills_from(fit, eta, rows), lineage, variant, x)


def _numbered(position: np.ndarray, new: np.ndarray, name: Any, last: int) -> np.ndarray:
    """Return positions, with numbers above the last one for the names of what is new."""
    return np.where(new, last + 1 + pd.factorize(name)[0], position)


def _members(number: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return which of the shown models has which number, of shape (shown, number)."""
    return (number[shown][:, None] == np.arange(number.max() + 1)).astype(float)


def _weighed(
    fit: Fit,
    models: SkilledModels,
    declared: Declared,
    white: np.ndarray,
    rng: np.random.Generator,
) -> tuple[AddedBenchmark, list[np.ndarray], np.ndarray]:
    """Return the benchmarks that standard normals stand for, their effects, and log weights."""
    row = np.arange(len(white)) % draws_of(fit)
    dof = fit.posterior["dof"].transpose("chain", "draw").to_numpy().ravel()[row]
    scales = dict(zip(SCALES, map(_lognormal, SCALES, white.T), strict=False))
    curve = _curve(declared, dof, scales, white[:, len(SCALES) :])
    benchmark = AddedBenchmark(
        row, loading_prior(fit, row), scales["specific_sd"], scales["variant_sd"], curve
    )
    shown = models.names.get_indexer(declared.scores.index)
    none = np.zeros(len(shown), int)
    scores = declared.scores.to_numpy(float)
    cells = Cells(none, np.arange(len(shown)), scores, curve.at(none))
    return benchmark, *propose(benchmark.family(models, shown), cells, rng)


def _curve(
    declared: Declared, dof: np.ndarray, scales: dict[str, np.ndarray], white: np.ndarray
) -> Curve:
    """Return the curve, one column, from standard normals for ceiling, shape and chance level."""
    from scipy.special import betaincinv, ndtr

    scores = declared.scores.to_numpy(float)
    if declared.chance is None:
        chance = max(scores.min(), 1e-3) * ndtr(white[:, 2])
    else:
        chance = np.full(len(dof), declared.chance)
    logits = chance_corrected_logits(scores, chance[:, None]).mean(axis=1)
    reference = 1 / (1 + np.exp(-logits))
    fraction = betaincinv(*_numbers("ceiling_fraction"), ndtr(white[:, 0]))
    return Curve(
        chance=chance[:, None],
        items=np.array([np.inf if declared.n_items is None else float(declared.n_items)]),
        reference=reference[:, None],
        ceiling=(reference + (1 - reference) * fraction)[:, None],
        shape=PRIORS["link_shape"].parameters["sigma"] * white[:, [1]],
        protocol_sd=scales["protocol_sd"][:, None],
        residual_sd=scales["residual_sd"][:, None],
        dof=dof,
    )


def _moments(white: np.ndarray, log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean, and a root of the covariance, widened."""
    weight, _ = smooth(log_weight, 0)
    centre = weight @ white
    away = white - centre
    spread = (weight[:, None] * away).T @ away + 0.1 * np.eye(white.shape[1])
    return centre, np.linalg.cholesky(1.3 * spread)


def _log_proposal_over_prior(white: np.ndarray, centre: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return the log density of the second round's mixture, less that of the prior."""
    standard = np.linalg.solve(root, (white - centre).T)
    log_moved = 0.5 * ((white**2).sum(axis=1) - (standard**2).sum(axis=0))
    log_moved -= np.log(np.diagonal(root)).sum()
    return np.logaddexp(np.log(FROM_PRIOR), np.log(1 - FROM_PRIOR) + log_moved)


def _lognormal(name: str, white: np.ndarray) -> np.ndarray:
    middle, spread = _numbers(name)
    return np.exp(middle + spread * white)


def _numbers(name: str) -> tuple[float, float]:
    first, second = PRIORS[name].parameters.values()
    return first, second
