r"""A benchmark of one's own: from scores of a few known models to a forecast of all others.

The fit says, draw by draw, what skills :math:`\theta_m` models have. A new benchmark adds a curve

.. math:: \eta_m = a + \theta_m^\top \lambda + \psi\, e_{l(m)}, \qquad y_m \sim
          \text{Student}_\nu(\operatorname{link}(\eta_m), \sigma_m),

with its own difficulty a, loadings :math:`\lambda`, deviation :math:`\psi` of lineages, chance
level, ceiling and shape, each with the prior that the fitted benchmarks had
(`bayes_sloth.priors`); a chance level that is not known is uniform between 0 and the lowest score.
Given the rest, a, :math:`\lambda` and e are normal: so each draw of the fit, with curve parameters
drawn from their prior, is conditioned on the few scores as in `bayes_sloth.conditioning` (Laplace
proposals, importance weights, Pareto k). Five scores say little, and the intervals show it.

Skills are read off the linear predictor on the fitted benchmarks: the mean of a standard normal
skill given it,
:math:`(\Lambda^\top \Psi^{-1} \Lambda + I)^{-1} \Lambda^\top \Psi^{-1} (\eta_m - a)`.
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
from bayes_sloth.design import Design, chance_corrected_logits
from bayes_sloth.errors import InputError
from bayes_sloth.notebook import as_html
from bayes_sloth.predictor import (
    Curve,
    Draws,
    Effect,
    Family,
    families,
    family_prior,
    fitted_predictor,
    stacked,
)
from bayes_sloth.priors import PRIORS
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

FEWEST = 5
DRAWS = 6000  # at most: more would fill the memory of a small machine
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

    def _repr_html_(self) -> str:
        return as_html(
            f"{self.name}, from {len(self.observed)} scores. {self.quality.sentence()}",
            self.parameter_table(),
        )


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

    fit.require_skills("a benchmark of your own")
    observed = _read(fit, scores, chance)
    rng = np.random.default_rng(seed)
    posterior = stacked(fit.posterior)
    samples = min(DRAWS, len(posterior["dof"]))
    chosen = np.linspace(0, len(posterior["dof"]) - 1, samples).astype(int)
    posterior = {key: values[chosen] for key, values in posterior.items()}
    eta, names, lineage = _predictors(fit, posterior, models, rng)
    curve = _draw_curve(posterior, observed, chance, n_items, eta.shape[1], rng)
    family = _regression(posterior, eta, lineage, rng)
    columns = names.get_indexer(observed.index)
    none = np.zeros(len(columns), int)
    cells = Cells(none, columns, observed.to_numpy(float), curve.at(columns))
    given = condition(family, cells, rng)
    family, curve = family.take(given.chosen), curve.take(given.chosen)
    mu, sigma = curve.location_and_scale(family.predictor(given.coordinates))
    drawn = mu + sigma * rng.standard_t(curve.dof[:, None, None], size=mu.shape)
    known = observed.reindex(names).to_numpy(float)[None]
    again = repeated(known, mu, sigma, curve, rng)
    drawn = np.clip(np.where(np.isnan(known), drawn, again), 0, 1)[:, 0]
    skills = posterior["loadings"].shape[-1]
    regression = given.coordinates[0]
    scale = np.column_stack(
        [np.full(samples, _sd("intercept")), *[posterior["loading_scale"][given.chosen]] * skills]
    )
    coefficients = regression * scale
    parameters = {
        "difficulty": ("sample", -coefficients[:, 0]),
        "loading": (("sample", "skill"), coefficients[:, 1:]),
        "chance": ("sample", np.broadcast_to(curve.chance, mu.shape[::2])[:, 0]),
        "ceiling": (
            "sample",
            (curve.chance + (1 - curve.chance) * curve.ceiling)[:, 0],
        ),
    }
    draws = xr.DataArray(drawn, dims=("sample", "model"), coords={"model": names.to_numpy()})
    return OwnBenchmark(name, observed, draws, xr.Dataset(parameters), given.quality)


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


def _predictors(
    fit: Fit, posterior: Draws, models: pd.DataFrame | None, rng: np.random.Generator
) -> tuple[np.ndarray, pd.Index, np.ndarray]:
    """Return linear predictors (sample, model, benchmark), names, and lineage by number."""
    design: Design = fit.design
    eta, names = fitted_predictor(posterior, design), fit.scores.models.index
    lineage = design.lineage_of_model
    if models is None:
        return eta, names, lineage
    placed = place(fit, asked_models(models))
    new = np.empty((len(eta), len(placed), eta.shape[-1]))
    own = placed["lineage_position"].to_numpy().copy()
    for number, rows in enumerate(families(placed)):
        prior = family_prior(posterior, design, placed.iloc[rows], rng)
        new[:, rows] = prior.predictor(prior.draw(rng))
        own[rows] = np.where(own[rows] < 0, len(design.lineages) + number, own[rows])
    return (
        np.concatenate([eta, new], axis=1),
        names.append(placed.index),
        np.concatenate([lineage, own]),
    )


def _draw_curve(
    posterior: Draws,
    observed: pd.Series,
    chance: float | None,
    n_items: float | None,
    models: int,
    rng: np.random.Generator,
) -> Curve:
    """Draw the benchmark's curve from its prior, a column for each model."""
    samples = len(posterior["dof"])
    levels = (
        rng.uniform(0, max(observed.min(), 1e-3), samples)
        if chance is None
        else np.full(samples, chance)
    )
    logits = [chance_corrected_logits(observed.to_numpy(), c).mean() for c in levels[:, None]]
    reference = 1 / (1 + np.exp(-np.array(logits)))
    fraction = rng.beta(*_numbers("ceiling_fraction"), size=samples)
    shape = rng.normal(0, _sd("link_shape"), samples)
    noise = {
        name: rng.lognormal(*_numbers(name), size=samples)
        for name in ("protocol_sd", "residual_sd")
    }

    def wide(values: np.ndarray) -> np.ndarray:
        return np.repeat(values[:, None], models, axis=1)

    return Curve(
        chance=wide(levels),
        items=np.full(models, np.inf if n_items is None else float(n_items)),
        reference=wide(reference),
        ceiling=wide(reference + (1 - reference) * fraction),
        shape=wide(shape),
        protocol_sd=wide(noise["protocol_sd"]),
        residual_sd=wide(noise["residual_sd"]),
        dof=posterior["dof"],
    )


def _regression(
    posterior: Draws, eta: np.ndarray, lineage: np.ndarray, rng: np.random.Generator
) -> Family:
    """Return the new benchmark's linear predictor: a pseudo-model with a column for each model."""
    scaled = posterior["loadings"] / posterior["specific_sd"][:, :, None] ** 2
    inner = np.matmul(np.swapaxes(scaled, 1, 2), posterior["loadings"])
    inner += np.eye(inner.shape[-1])
    away = eta - posterior["intercept"][:, None]
    skill = np.swapaxes(np.linalg.solve(inner, np.swapaxes(np.matmul(away, scaled), 1, 2)), 1, 2)
    samples, models = skill.shape[:2]
    difficulty = np.full((samples, models, 1), _sd("intercept"))
    scale = posterior["loading_scale"][:, None, None]
    specific = rng.lognormal(*_numbers("specific_sd"), size=samples)
    member = lineage[:, None] == np.unique(lineage)
    row = np.array([0])
    return Family(
        mean=np.zeros((samples, 1, models)),
        effects=[
            Effect(row, np.concatenate([difficulty, scale * skill], axis=-1)),
            Effect(row, specific[:, None, None] * member),
        ],
        size=np.zeros((1, 1, 2)),
        size_effects={},
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
