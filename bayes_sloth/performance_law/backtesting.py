"""Backtest the Performance Law: hide developers, or the future, forecast them and compare."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth.backtesting import QUANTILES
from bayes_sloth.metrics import crps, pit
from bayes_sloth.performance_law.baselines import (
    PUBLISHED,
    REGRESSIONS,
    published_forecast,
    regression_draws,
)
from bayes_sloth.performance_law.data import Architectures, load_architectures
from bayes_sloth.performance_law.design import known_cells, make_law_design
from bayes_sloth.performance_law.fitting import LawFit, assemble
from bayes_sloth.performance_law.forecasting import expected, measured
from bayes_sloth.performance_law.model import FORECAST_VARIABLES, build_law
from bayes_sloth.sampling import Sampling
from bayes_sloth.storage import slug, write_json

BAYESIAN = "Bayesian law"
FOLD_SAMPLING = Sampling(chains=2, tune=600, draws=1000, target_accept=0.95)
DATES = ("2023-07", "2024-01", "2024-09")  # the published law is of September 2024
PROTOCOLS = ("developer", "forward")


@dataclass(frozen=True)
class LawFold:
    """Models whose MMLU is hidden together, and those that are forecast."""

    protocol: str
    name: str
    hidden: np.ndarray


def make_law_folds(architectures: Architectures, protocol: str) -> Iterator[LawFold]:
    """Yield the folds of a protocol.

    Parameters
    ----------
    architectures : Architectures
    protocol : {"developer", "forward"}
        Hide every model of one developer; or every model released in a month or later.
    """
    models = architectures.models
    if protocol == "developer":
        for developer in models["developer"].unique():
            yield LawFold(protocol, developer, (models["developer"] == developer).to_numpy())
    else:
        for date in DATES:
            yield LawFold(protocol, date, (models["release"] >= date).to_numpy())


def backtest(
    architectures: Architectures | None = None,
    protocols: tuple[str, ...] = PROTOCOLS,
    sampling: Sampling = FOLD_SAMPLING,
    *,
    folder: str | os.PathLike[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast hidden models by the Bayesian law and by what it is measured against.

    Parameters
    ----------
    architectures : Architectures, optional
        The bundled table by default.
    protocols : tuple of str
        See `make_law_folds`.
    sampling : Sampling
        Of each fold.
    folder : path-like, optional
        Where finished folds are kept: run again with the same table and sampling, the backtest
        goes on from there.

    Returns
    -------
    cells : DataFrame
        A row for each fold, hidden model and method: ``actual``, ``median``, interval bounds,
        ``crps`` and ``pit`` in [0, 1]; the published law has only a median, and its CRPS is its
        absolute error.
    folds : DataFrame
        Diagnostics of the sampler, fold by fold.
    """
    architectures = architectures or load_architectures()
    compiled: list[Any] = []
    cells, folds = [], []
    for protocol in protocols:
        for fold in make_law_folds(architectures, protocol):
            kept = None if folder is None else Path(folder) / f"{protocol}-{slug(fold.name)}.json"
            if kept is not None and kept.is_file():
                stored = json.loads(kept.read_text())
            else:
                stored = _run(fold, architectures, sampling, compiled)
                if kept is not None:
                    write_json(kept, stored)
            cells += stored["cells"]
            folds.append(stored["about"])
    return pd.DataFrame(cells), pd.DataFrame(folds)


def _run(
    fold: LawFold, architectures: Architectures, sampling: Sampling, compiled: list[Any]
) -> dict[str, Any]:
    """Fit without what the fold hides, and forecast it; `compiled` holds the model once made."""
    from bayes_sloth.sampling import compile_model, sample

    if not compiled:
        model = build_law(make_law_design(architectures))
        compiled.append(compile_model(model, [*FORECAST_VARIABLES]))
    shown = architectures.values.mask(np.repeat(fold.hidden[:, None], 2, axis=1))
    data = known_cells(shown.to_numpy())
    tree = sample(compiled[0].with_data(**data), sampling, progress=False)
    fit = assemble(tree, make_law_design(replace(architectures, values=shown)), sampling)
    cells = _cells(fold, architectures, _bayesian(fit, architectures, fold))
    cells += _compared(fold, architectures, sampling)
    about = {"protocol": fold.protocol, "fold": fold.name, **_diagnostics(fit)}
    return {"cells": cells, "about": about}


def _bayesian(fit: LawFit, architectures: Architectures, fold: LawFold) -> dict[str, np.ndarray]:
    """Return predictive draws of the hidden models: abilities about which nothing was seen."""
    rng = np.random.default_rng(0)
    mu = expected(fit, fit.draws["ability"][:, fold.hidden])
    reported = architectures.values["reported"].notna().to_numpy()[fold.hidden]
    by_source = {name: measured(fit, mu, name, rng) for name in ("reported", "harness")}
    return {BAYESIAN: np.where(reported, by_source["reported"], by_source["harness"])}


def _compared(
    fold: LawFold, architectures: Architectures, sampling: Sampling
) -> list[dict[str, Any]]:
    methods = {
        name: regression_draws(
            name, architectures, ~fold.hidden, fold.hidden,
            draws=sampling.chains * sampling.draws, seed=0,
        )
        for name in REGRESSIONS
    }  # fmt: skip
    points = {PUBLISHED: published_forecast(architectures)[fold.hidden][None]}
    return _cells(fold, architectures, methods | points)


def _cells(
    fold: LawFold, architectures: Architectures, methods: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Return a row for each hidden model of which a method speaks."""
    models = architectures.models[fold.hidden]
    actual = architectures.mmlu.to_numpy()[fold.hidden]
    rows = []
    for method, draws in methods.items():
        for i, (name, model) in enumerate(models.iterrows()):
            if np.isnan(draws[:, i]).any():
                continue
            rows.append(
                {
                    "protocol": fold.protocol,
                    "fold": fold.name,
                    "model": name,
                    "lineage": model["developer"],
                    "kind": model["kind"],
                    "release": model["release"],
                    "tokens_known": bool(np.isfinite(model["tokens_t"])),
                    "method": method,
                    "benchmark": "mmlu",
                    "actual": float(actual[i]),
                    **_summary(draws[:, i], actual[i]),
                }
            )
    return rows


def _summary(draws: np.ndarray, actual: float) -> dict[str, float]:
    if len(draws) == 1:
        return {"median": float(draws[0]), "crps": abs(float(draws[0]) - actual)}
    bounds = np.quantile(draws, list(QUANTILES.values()))
    return {
        **{name: float(value) for name, value in zip(QUANTILES, bounds, strict=True)},
        "crps": float(crps(draws, actual)),
        "pit": float(pit(draws, actual)),
    }


def _diagnostics(fit: LawFit) -> dict[str, float]:
    health = fit.health
    return {
        "rhat": health.rhat,
        "ess": min(health.ess_bulk, health.ess_tail),
        "divergences": health.divergences,
    }
