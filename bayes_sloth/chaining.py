"""From a model nobody has trained to what it can do: skills, benchmarks, downstream and pass@k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.downstream.forecasting import DownstreamForecast, downstream_forecast
from bayes_sloth.downstream.measurements import Measurements, measurements
from bayes_sloth.factor_scores import skills_from
from bayes_sloth.forecasting import Forecast, scores_from
from bayes_sloth.results import Result
from bayes_sloth.targets import target_models
from bayes_sloth.test_time.fitting import ItemResponseFit
from bayes_sloth.test_time.forecasting import PassForecast, pass_forecast
from bayes_sloth.test_time.pass_at_k import DEFAULT_K

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

STAGES = ("skill", "benchmark", "downstream", "pass@k")


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Result):
    """One model, stage by stage, on the same draws: sample *s* of each stage is one world.

    Attributes
    ----------
    models : DataFrame
        The one model asked for, with ``family_status``.
    skills : DataArray
        With dims ``sample``, ``model``, ``skill``; a unit is one sd between lineages.
    benchmarks : Forecast
    downstream : tuple of DownstreamForecast
    pass_at_k : PassForecast or None
    warnings : tuple of str
    """

    models: pd.DataFrame
    skills: xr.DataArray
    benchmarks: Forecast
    downstream: tuple[DownstreamForecast, ...]
    pass_at_k: PassForecast | None
    warnings: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return a row for each quantity, by ``stage`` and ``name``, with 50 and 90 % intervals."""
        skills = Forecast(self.models, self.skills.rename(skill="benchmark")).table()
        parts = [_stage("skill", skills), _stage("benchmark", self.benchmarks.table())]
        for forecast in self.downstream:
            named = forecast.table().assign(name=forecast.task.task).set_index("name", append=True)
            parts.append(_stage("downstream", named))
        if self.pass_at_k is not None:
            parts.append(_stage("pass@k", self.pass_at_k.table()))
        return pd.concat(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        table = self.table()
        stages = {
            stage: table.loc[stage].reset_index().to_dict("records")
            for stage in STAGES
            if stage in table.index.get_level_values("stage")
        }
        about = self.models.reset_index().to_dict("records")[0]
        return {"model": about, **stages, "warnings": list(self.warnings)}

    def _title(self) -> str:
        return f"{self.models.index[0]}, medians with 50 and 90 % intervals"


def chain(
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: str | None = None,
    downstream: Sequence[str | Measurements] = ("humaneval", "eq_bench", "agentbench_overall"),
    test_time: ItemResponseFit | None = None,
    ks: Sequence[int] = DEFAULT_K,
    seed: int = 1,
    **hypothetical: Any,
) -> Chain:
    """Forecast all that follows from the skills of one model.

    Parameters
    ----------
    fit : Fit
        Of the skills model.
    models : DataFrame, optional
        With one row, as for `bayes_sloth.forecast`.
    known : str, optional
        A model of the fit, by name, instead.
    downstream : sequence of str or Measurements
        Tasks: columns of the bundled table by name, or of your own (`load_measurements`).
    test_time : ItemResponseFit, optional
        Adds pass@k.
    ks : sequence of int
        Attempts.
    seed : int
    **hypothetical
        ``family``, ``params_b``, ``tokens_t`` and ``instruct``, as for `bayes_sloth.forecast`.

    Returns
    -------
    Chain
    """
    import xarray as xr

    target = target_models(
        fit, models, known=None if known is None else [known], seed=seed, **hypothetical
    )
    coords = {"model": target.models.index.to_numpy()}
    benchmarks = fit.scores.benchmarks.index.to_numpy()
    skills = skills_from(fit, target.eta, target.rows)
    tasks = [measurements(task) if isinstance(task, str) else task for task in downstream]
    forecasts = tuple(downstream_forecast(task, fit, target, seed=seed) for task in tasks)
    passes = None if test_time is None else pass_forecast(test_time, fit, target, ks=ks, seed=seed)
    found = [*target.warnings]
    for forecast in forecasts:
        found += forecast.warnings
    if passes is not None:
        found += passes.warnings
    return Chain(
        target.models,
        xr.DataArray(
            skills,
            dims=("sample", "model", "skill"),
            coords={**coords, "skill": [f"skill {k + 1}" for k in range(skills.shape[-1])]},
        ),
        Forecast(
            target.models,
            xr.DataArray(
                scores_from(fit, target.eta, target.rows, seed=seed),
                dims=("sample", "model", "benchmark"),
                coords={**coords, "benchmark": benchmarks},
            ),
        ),
        forecasts,
        passes,
        tuple(dict.fromkeys(found)),
    )


def _stage(stage: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table by stage and name, of the first model."""
    own = table.loc[[table.index[0][0]]].droplevel(0)
    names = [f"pass@{name}" if stage == "pass@k" else str(name) for name in own.index]
    index = pd.MultiIndex.from_arrays([np.repeat(stage, len(own)), names], names=["stage", "name"])
    return own.set_axis(index)
