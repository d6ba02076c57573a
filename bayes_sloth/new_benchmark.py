"""A benchmark of one's own: from scores of a few known models to a forecast of all others.

The model of one more benchmark, and how it is estimated, stand in `bayes_sloth.added_benchmark`.
Five scores say little, and the intervals show it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.added_benchmark import Declared, estimate, skilled_models
from bayes_sloth.conditioning import Quality, repeated
from bayes_sloth.draws import summary_of
from bayes_sloth.errors import InputError
from bayes_sloth.results import as_html
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

FEWEST = 5


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
        the reference size, in logits), ``loading`` (by skill), ``chance``, ``ceiling``, and what
        lineages and variants have on this benchmark alone (``lineage_sd``, ``variant_sd``).
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
                rows[label] = summary_of(draws)
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
    everybody = skilled_models(fit, models, seed)
    benchmark, effects, quality = estimate(fit, everybody, Declared(observed, chance, n_items), rng)
    names = everybody.names
    curve = benchmark.curve.at(np.zeros(len(names), int))
    mu, sigma = curve.location_and_scale(benchmark.predictor(everybody, effects)[:, None])
    drawn = mu + sigma * rng.standard_t(curve.dof[:, None, None], size=mu.shape)
    told = observed.reindex(names).to_numpy(float)[None]
    again = repeated(told, mu, sigma, curve, rng)
    drawn = np.clip(np.where(np.isnan(told), drawn, again), 0, 1)[:, 0]
    draws = xr.DataArray(drawn, dims=("sample", "model"), coords={"model": names.to_numpy()})
    return OwnBenchmark(name, observed, draws, benchmark.parameters(effects[0]), quality)


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


def _summary(draws: xr.DataArray) -> pd.DataFrame:
    values = draws.to_numpy()
    return pd.DataFrame(
        {str(name): summary_of(values[:, i]) for i, name in enumerate(draws["model"].to_numpy())}
    ).T
