r"""A benchmark of one's own: from scores of a few known models to a forecast of all others.

The fit says, draw by draw, what skills :math:`\theta_m` models have (`bayes_sloth.factor_scores`).
A new benchmark adds what each of the fitted ones has: difficulty, loadings, deviations of lineages,
of covariates :math:`x` and of deviating variants on this benchmark alone, and a curve,

.. math:: \eta_m = a + \lambda^\top \theta_m
          + \psi \bigl(e_{l(m)} + \textstyle\sum_j t_j x_{mj}\, g_j\bigr) + \psi_v\, d_{v(m)},
          \qquad y_m \sim \text{Student}_\nu(\operatorname{link}(\eta_m), \sigma_m),

with e, g and d standard normal and the spreads :math:`t` of `bayes_sloth.priors`. Loadings are one
more draw from the population of those in the fit (`bayes_sloth.factor_scores.loading_prior`); all
else has the prior that the fitted benchmarks had, and a chance level that is not known is uniform
between 0 and the lowest score.

Given scales and curve, everything else is normal: so each draw of the fit, several times over, with
scales and curve drawn from their prior, is conditioned on the few scores as in
`bayes_sloth.conditioning` (Laplace proposals, importance weights, Pareto k). Only the models with a
score take part in that; the others are forecast from the draws that remain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.asked import asked_models, place
from bayes_sloth.conditioning import Cells, Quality, condition, repeated
from bayes_sloth.design import chance_corrected_logits, covariates
from bayes_sloth.errors import InputError
from bayes_sloth.factor_scores import evenly, loading_prior, skills_from
from bayes_sloth.forecasting import hypothetical_predictor, known_predictor
from bayes_sloth.predictor import Curve, Effect, Family
from bayes_sloth.priors import GROWTH_SPREAD, PRIORS
from bayes_sloth.targets import draws_of
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

FEWEST = 5
CANDIDATES = 24_000  # draws of the fit, repeated, with scales and curves of the new benchmark
KEPT = 4_000
QUANTILES = {"lower90": 0.05, "lower50": 0.25, "median": 0.5, "upper50": 0.75, "upper90": 0.95}


@dataclass(frozen=True, eq=False, repr=False)
class OwnBenchmark:
    """A new benchmark, estimated from scores of a few known models.

    Attributes
    ----------
    name : str
    observed : Series
        The scores given, by model.
    draws : DataArray
        Predictive draws of scores with dims ``sample`` and ``model``: all fitted models, and those
        asked for. For an observed model, of a second run.
    parameters : Dataset
        Draws of ``difficulty`` (how much lower than the typical level an average family scores at
        the reference size, in logits), ``loading`` (by skill), ``chance`` and ``ceiling``.
    quality : Quality
        Of the importance sampling.
    """

    name: str
    observed: pd.Series
    draws: xr.DataArray
    parameters: xr.Dataset
    quality: Quality

    def table(self) -> pd.DataFrame:
        """Return forecasts, a row for each model."""
        return (
            _summary(self.draws)
            .rename_axis("model")
            .assign(observed=self.observed.reindex(self.draws["model"].to_numpy()))
        )

    def parameter_table(self) -> pd.DataFrame:
        """Return what is known of the benchmark itself."""
        rows = {}
        for name, values in self.parameters.data_vars.items():
            for k in range(values.shape[1]) if values.ndim == 2 else [None]:
                label = str(name) if k is None else f"{name} of skill {k + 1}"
                draws = values.to_numpy() if k is None else values.to_numpy()[:, k]
                rows[label] = _moments(draws)
        return pd.DataFrame(rows).T.rename_axis("parameter")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        table = self.table().reset_index().astype({"observed": object})
        table["observed"] = table["observed"].where(table["observed"].notna(), None)
        return {
            "benchmark": self.name,
            "parameters": self.parameter_table().to_dict("index"),
            "forecasts": table.to_dict("records"),
            "conditioning": self.quality.to_dict(),
            "warnings": [] if self.quality.passed else [self.quality.sentence()],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def __repr__(self) -> str:
        lines = [f"{self.name}, from {len(self.observed)} scores", self.quality.sentence()]
        return "\n".join([*lines, self.parameter_table().round(3).to_string()])


def own_benchmark(
    fit: Fit,
    scores: Mapping[str, float] | pd.Series,
    *,
    name: str = "own benchmark",
    chance: float | None = None,
    n_items: float | None = None,
    models: pd.DataFrame | None = None,
    seed: int = 1,
) -> OwnBenchmark:
    """Estimate a new benchmark from scores of known models, and forecast all others on it.

    Parameters
    ----------
    fit : Fit
    scores : mapping or Series
        Scores in [0, 1] of at least five fitted models by name.
    name : str
    chance : float, optional
        Score of a guesser; estimated if not given.
    n_items : float, optional
        Number of questions; without it, no sampling noise is added to that of the protocol.
    models : DataFrame, optional
        New models to forecast, as for `bayes_sloth.forecast`.
    seed : int

    Returns
    -------
    OwnBenchmark
    """
    import xarray as xr

    observed = _read(fit, scores, chance)
    rng = np.random.default_rng(seed)
    about = _models(fit, models, seed)
    benchmark = _Benchmark.draw(fit, about, observed, chance, n_items, rng)
    shown = about.names.get_indexer(observed.index)
    known = np.zeros(len(shown), int), np.arange(len(shown))
    curve = benchmark.curve.at(known[0])
    given = condition(
        benchmark.family(about, shown), Cells(*known, observed.to_numpy(float), curve), rng
    )
    kept = evenly(len(given.chosen), KEPT)
    benchmark = benchmark.take(given.chosen[kept])
    coordinates = [z[kept] for z in given.coordinates]
    curve = benchmark.curve.at(np.zeros(len(about.names), int))
    mu, sigma = curve.location_and_scale(benchmark.predictor(about, coordinates)[:, None])
    drawn = mu + sigma * rng.standard_t(curve.dof[:, None, None], size=mu.shape)
    told = observed.reindex(about.names).to_numpy(float)[None]
    again = repeated(told, mu, sigma, curve, rng)
    drawn = np.clip(np.where(np.isnan(told), drawn, again), 0, 1)[:, 0]
    draws = xr.DataArray(drawn, dims=("sample", "model"), coords={"model": about.names.to_numpy()})
    return OwnBenchmark(name, observed, draws, benchmark.parameters(coordinates[0]), given.quality)


@dataclass(frozen=True, eq=False)
class _Models:
    """All models that may be forecast.

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
class _Benchmark:
    """Draws of what is not normal about the new benchmark, and the prior of what is.

    Attributes
    ----------
    row : array of int, shape (sample,)
        The draw of the fit that each belongs to.
    loading_mean : array of shape (sample, skill)
    loading_spread, lineage_sd, variant_sd : array of shape (sample,)
    curve : Curve
        Of one column.
    """

    row: np.ndarray
    loading_mean: np.ndarray
    loading_spread: np.ndarray
    lineage_sd: np.ndarray
    variant_sd: np.ndarray
    curve: Curve

    @classmethod
    def draw(
        cls,
        fit: Fit,
        about: _Models,
        observed: pd.Series,
        chance: float | None,
        n_items: float | None,
        rng: np.random.Generator,
    ) -> _Benchmark:
        """Draw from the prior."""
        draws = len(about.skills)
        row = np.arange(draws * max(CANDIDATES // draws, 1)) % draws
        loadings = loading_prior(fit, row)
        scales = (
            rng.lognormal(*_numbers(name), size=len(row)) for name in ("specific_sd", "variant_sd")
        )
        dof = fit.posterior["dof"].transpose("chain", "draw").to_numpy().ravel()[row]
        curve = _draw_curve(dof, observed, chance, n_items, rng)
        return cls(row, loadings.mean, loadings.spread, *scales, curve)

    def take(self, chosen: np.ndarray) -> _Benchmark:
        """Return the chosen draws, some of them more than once."""
        rest = (value[chosen] for name, value in vars(self).items() if name != "curve")
        return _Benchmark(*rest, self.curve.take(chosen))

    def family(self, about: _Models, shown: np.ndarray) -> Family:
        """Return the linear predictor of some models: a pseudo-model with a column for each."""
        skills = about.skills[self.row][:, shown]
        samples, models = skills.shape[:2]
        row = np.array([0])
        wide = self.lineage_sd[:, None, None], self.variant_sd[:, None, None]
        common = np.concatenate(
            [
                np.full((samples, models, 1), _sd("intercept")),
                self.loading_spread[:, None, None] * skills,
                wide[0] * (GROWTH_SPREAD * about.x[shown]),
            ],
            axis=-1,
        )
        return Family(
            mean=np.matmul(skills, self.loading_mean[..., None])[:, None, :, 0],
            effects=[
                Effect(row, common),
                Effect(row, wide[0] * _members(about.lineage, shown)),
                Effect(row, wide[1] * _members(about.variant, shown)),
            ],
            size=np.zeros((1, 1, 2)),
            size_effects={},
        )

    def predictor(self, about: _Models, coordinates: list[np.ndarray]) -> np.ndarray:
        """Return the linear predictor of all models, of shape (sample, model)."""
        common, lineage, variant = coordinates
        growth = common[:, -len(GROWTH_SPREAD) :] * GROWTH_SPREAD
        own = lineage[:, about.lineage] + growth @ about.x.T
        trunk = np.zeros((len(variant), 1))  # position -1
        return (
            common[:, :1] * _sd("intercept")
            + np.matmul(about.skills[self.row], self._loadings(common)[..., None])[..., 0]
            + self.lineage_sd[:, None] * own
            + self.variant_sd[:, None] * np.hstack([variant, trunk])[:, about.variant]
        )

    def parameters(self, common: np.ndarray) -> xr.Dataset:
        """Return difficulty, loadings, chance level and ceiling, given the first effect."""
        import xarray as xr

        chance, ceiling = self.curve.chance[:, 0], self.curve.ceiling[:, 0]
        return xr.Dataset(
            {
                "difficulty": ("sample", -_sd("intercept") * common[:, 0]),
                "loading": (("sample", "skill"), self._loadings(common)),
                "chance": ("sample", chance),
                "ceiling": ("sample", chance + (1 - chance) * ceiling),
            }
        )

    def _loadings(self, common: np.ndarray) -> np.ndarray:
        skills = self.loading_mean.shape[1]
        return self.loading_mean + self.loading_spread[:, None] * common[:, 1 : 1 + skills]


def _read(fit: Fit, scores: Mapping[str, float] | pd.Series, chance: float | None) -> pd.Series:
    observed = pd.Series(scores, dtype=float).dropna()
    known = fit.scores.models.index
    for model, score in observed.items():
        if model not in known:
            raise InputError(
                f"model '{model}' is not among the fitted ones, whose skills are known"
                f"{nearest(str(model), list(known))}"
            )
        if not 0 <= score <= 1:
            raise InputError(f"score {score:g} of '{model}': scores are fractions of 1, as 0.62")
    if len(observed) < FEWEST:
        raise InputError(
            f"{len(observed)} scores say too little of a new benchmark: give {FEWEST} or more"
        )
    if chance is not None and not 0 <= chance < 1:
        raise InputError(f"chance={chance}: the score of a guesser is at least 0 and below 1")
    return observed


def _models(fit: Fit, models: pd.DataFrame | None, seed: int) -> _Models:
    """Return the fitted models, and after them those asked for."""
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
    return _Models(names, skills_from(fit, eta, rows), lineage, variant, x)


def _numbered(position: np.ndarray, new: np.ndarray, name: Any, last: int) -> np.ndarray:
    """Return positions, with numbers above the last one for the names of what is new."""
    return np.where(new, last + 1 + pd.factorize(name)[0], position)


def _members(number: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return which of the shown models has which number, of shape (shown, number)."""
    return (number[shown][:, None] == np.arange(number.max() + 1)).astype(float)


def _draw_curve(
    dof: np.ndarray,
    observed: pd.Series,
    chance: float | None,
    n_items: float | None,
    rng: np.random.Generator,
) -> Curve:
    """Draw the benchmark's curve from its prior: one column."""
    samples = len(dof)
    levels = (
        rng.uniform(0, max(observed.min(), 1e-3), samples)
        if chance is None
        else np.full(samples, chance)
    )
    logits = chance_corrected_logits(observed.to_numpy(), levels[:, None]).mean(axis=1)
    reference = 1 / (1 + np.exp(-logits))
    fraction = rng.beta(*_numbers("ceiling_fraction"), size=samples)
    protocol, residual = (
        rng.lognormal(*_numbers(name), size=samples) for name in ("protocol_sd", "residual_sd")
    )
    return Curve(
        chance=levels[:, None],
        items=np.array([np.inf if n_items is None else float(n_items)]),
        reference=reference[:, None],
        ceiling=(reference + (1 - reference) * fraction)[:, None],
        shape=rng.normal(0, _sd("link_shape"), (samples, 1)),
        protocol_sd=protocol[:, None],
        residual_sd=residual[:, None],
        dof=dof,
    )


def _numbers(name: str) -> tuple[float, float]:
    first, second = PRIORS[name].parameters.values()
    return first, second


def _sd(name: str) -> float:
    return PRIORS[name].parameters["sigma"]


def _moments(draws: np.ndarray) -> dict[str, float]:
    values = np.quantile(draws, list(QUANTILES.values()))
    return {
        "mean": float(draws.mean()),
        "sd": float(draws.std()),
        **dict(zip(QUANTILES, map(float, values), strict=True)),
    }


def _summary(draws: xr.DataArray) -> pd.DataFrame:
    values = draws.to_numpy()
    return pd.DataFrame(
        {str(name): _moments(values[:, i]) for i, name in enumerate(draws["model"].to_numpy())}
    ).T
