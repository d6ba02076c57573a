"""Backtest the Performance Law: hide developers, or the future, forecast them and compare."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth.backtesting import QUANTILES, fold_problems
from bayes_sloth.draws import quantiles
from bayes_sloth.errors import InputError
from bayes_sloth.metrics import crps, pit, summarise
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
from bayes_sloth.performance_law.model import build_law, stored_variables
from bayes_sloth.sampling import Sampling, watched
from bayes_sloth.storage import slug, write_json

BAYESIAN = "Bayesian law"
FOLD_SAMPLING = Sampling(chains=4, tune=700, draws=1500, target_accept=0.95)
DATES = ("2023-07", "2024-01", "2024-09")  # the published law is of September 2024
SMALL_STEPS = 0.99
PROTOCOLS = ("developer", "forward")
FEWEST = 10  # models with known tokens that a fold must leave
SHARED_CODE = ("link.py", "metrics.py", "sampling.py")  # of what a fold is made, beside this folder


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


@dataclass(frozen=True, eq=False, repr=False)
class LawBacktest:
    """Forecasts of hidden models beside their MMLU.

    Attributes
    ----------
    cells : DataFrame
        A row for each fold, hidden model and method: ``actual``, ``median``, interval bounds,
        ``crps`` and ``pit`` in [0, 1]; the published law has only a median, and its CRPS is its
        absolute error.
    folds : DataFrame
        Indexed by ``fold``: ``protocol``, ``seconds``, and of all parameters that the fold keeps
        the largest R-hat, the smallest effective sample size of bulk or tail, and divergences.
    settings : dict
        What was run.
    """

    cells: pd.DataFrame
    folds: pd.DataFrame
    settings: dict[str, Any]

    @property
    def summary(self) -> pd.DataFrame:
        """Scores in points, a row for each protocol and forward date, set of models and method.

        Every model counts alike. The first set is what all methods can forecast.
        """
        common = (self.cells["kind"] == "dense") & self.cells["tokens_known"]
        bayesian = self.cells["method"] == BAYESIAN
        rows = []
        for name, chosen in {"dense, tokens known": common, "all": bayesian}.items():
            part = self.cells[chosen]
            together = part["fold"].where(part["protocol"] == "forward", "all")
            keys = [part["protocol"], together.rename("fold"), part["method"]]
            for (protocol, fold, method), own in part.groupby(keys, sort=False):
                about = {"protocol": protocol, "fold": fold, "models": name, "method": method}
                rows.append({**about, "n": len(own), **_alike(own)})
        return pd.DataFrame(rows)

    def problems(self) -> list[str]:
        """Return the folds whose diagnostics are beyond the limits of a fit, in words."""
        return fold_problems(self.folds)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, with the keys of the skills model's backtest.

        ``summary``, ``by_fold`` and ``cells`` are of the Bayesian law, ``methods`` of all.
        """
        own = self.cells[self.cells["method"] == BAYESIAN]
        names = ["fold", "model", "benchmark", "actual", *QUANTILES, "crps"]
        return {
            "suite": "mmlu",
            "seen": 0,
            "model": BAYESIAN,
            "settings": self.settings,
            "summary": {**_alike(own), "seconds": float(self.folds["seconds"].sum())},
            "by_benchmark": {"mmlu": _alike(own)},
            "by_fold": {str(fold): _alike(part) for fold, part in own.groupby("fold", sort=False)},
            "methods": _plain(self.summary),
            "folds": _plain(self.folds.reset_index()),
            "problems": self.problems(),
            "cells": _plain(own[names]),
        }

    def __repr__(self) -> str:
        table = self.summary.drop(columns=["medae", "coverage50", "coverage80"])
        problems = self.problems()
        verdict = f"{len(self.folds) - len(problems)} of {len(self.folds)} folds passed"
        return f"{table.round(2).to_string(index=False)}\n{verdict} every limit of a fit"


def backtest(
    architectures: Architectures | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    sampling: Sampling | None = None,
    *,
    folds: Sequence[str] = (),
    folder: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> LawBacktest:
    """Forecast hidden models by the Bayesian law and by what it is measured against.

    Parameters
    ----------
    architectures : Architectures, optional
        The bundled table by default.
    protocols : sequence of str
        See `make_law_folds`.
    sampling : Sampling, optional
        Of each fold; four chains of 1,500 draws by default. A fold that has not passed the limits
        of a fit is sampled once more, twice as long and with smaller steps.
    folds : sequence of str
        Only these, by name (a developer, or a month); all by default.
    folder : path-like, optional
        Where finished folds are kept: run again with the same table, sampling and code, the
        backtest goes on from there.
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it.

    Returns
    -------
    LawBacktest

    Raises
    ------
    InputError
        If a protocol or a fold does not exist, or leaves too few models to learn from.
    """
    from rich.console import Console
    from rich.progress import track

    architectures = architectures or load_architectures()
    sampling = sampling or FOLD_SAMPLING
    chosen = _chosen(architectures, protocols, folds)
    where = None if folder is None else Path(folder) / content_key(architectures, sampling)
    compiled: list[Any] = []
    shown = track(
        chosen,
        description="folds",
        console=Console(stderr=True),
        disable=not (watched() if progress is None else progress),
    )
    done = [_run(fold, architectures, sampling, compiled, where) for fold in shown]
    settings = {"protocols": list(protocols), "sampling": asdict(sampling)}
    return LawBacktest(
        pd.DataFrame([cell for stored in done for cell in stored["cells"]]),
        pd.DataFrame([stored["about"] for stored in done]).set_index("fold"),
        settings,
    )


def _chosen(
    architectures: Architectures, protocols: Sequence[str], names: Sequence[str]
) -> list[LawFold]:
    """Return the folds that were asked for, each with enough left to learn from."""
    unknown = set(protocols) - set(PROTOCOLS)
    if unknown:
        raise InputError(f"protocol '{min(unknown)}' is not one of {', '.join(PROTOCOLS)}")
    every = [fold for protocol in protocols for fold in make_law_folds(architectures, protocol)]
    chosen = [fold for fold in every if not names or fold.name in names]
    missing = set(names) - {fold.name for fold in every}
    if missing or not chosen:
        raise InputError(
            f"there is no fold '{min(missing, default='')}'; there are "
            f"{', '.join(fold.name for fold in every) or 'none'}"
        )
    for fold in chosen:
        left = int(architectures.models[~fold.hidden].dropna(subset="tokens_t").shape[0])
        if left < FEWEST:
            raise InputError(
                f"fold '{fold.name}' leaves {left} models with known tokens to learn from; at "
                f"least {FEWEST} are needed"
            )
    return chosen


def content_key(architectures: Architectures, sampling: Sampling) -> str:
    """Return a short name for a table, a sampling and the law's code, by content."""
    text = architectures.models.to_csv() + architectures.values.to_csv()
    text += json.dumps(asdict(sampling), sort_keys=True)
    home = Path(__file__).parent
    for file in (*sorted(home.glob("*.py")), *(home.parent / name for name in SHARED_CODE)):
        text += file.read_text()
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _run(
    fold: LawFold,
    architectures: Architectures,
    sampling: Sampling,
    compiled: list[Any],
    folder: Path | None,
) -> dict[str, Any]:
    """Return a fold's cells and diagnostics, from where it is kept if it is."""
    kept = None if folder is None else folder / f"{fold.protocol}-{slug(fold.name)}.json"
    if kept is not None and kept.is_file():
        stored: dict[str, Any] = json.loads(kept.read_text())
        return stored
    started = time.perf_counter()
    fit = _fit_without(fold, architectures, sampling, compiled)
    cells = _cells(fold, architectures, _bayesian(fit, architectures, fold))
    cells += _compared(fold, architectures, sampling)
    seconds = time.perf_counter() - started
    about = {"protocol": fold.protocol, "fold": fold.name, "seconds": seconds, **_diagnostics(fit)}
    stored = {"cells": cells, "about": about}
    if kept is not None:
        write_json(kept, stored)
    return stored


def _fit_without(
    fold: LawFold, architectures: Architectures, sampling: Sampling, compiled: list[Any]
) -> LawFit:
    """Fit without what the fold hides; `compiled` holds the model once made.

    A fold whose sampler has not passed is sampled once more, longer and with smaller steps.
    """
    from bayes_sloth.sampling import compile_model, sample

    design = make_law_design(architectures)
    if not compiled:
        model = build_law(design)
        compiled.append(compile_model(model, stored_variables(model)))
    shown = architectures.values.mask(np.repeat(fold.hidden[:, None], 2, axis=1))
    posterior = compiled[0].with_data(**known_cells(design, shown.to_numpy()))
    hidden = make_law_design(replace(architectures, values=shown))
    fit = assemble(sample(posterior, sampling, progress=False), hidden, sampling)
    if not fit.health.passed:
        longer = replace(
            sampling, tune=2 * sampling.tune, draws=2 * sampling.draws, target_accept=SMALL_STEPS
        )
        fit = assemble(sample(posterior, longer, progress=False), hidden, longer)
    return fit


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
    return {
        **{name: float(value) for name, value in quantiles(draws, QUANTILES).items()},
        "crps": float(crps(draws, actual)),
        "pit": float(pit(draws, actual)),
    }


def _diagnostics(fit: LawFit) -> dict[str, float]:
    health = fit.health
    return {
        "rhat": health.rhat,
        "ess": min(health.ess_bulk, health.ess_tail),
        "divergences": health.divergences,
        "draws": health.chains * health.draws,
    }


def _alike(cells: pd.DataFrame) -> dict[str, float]:
    """Return the scores of a method's forecasts, in points, every model alike."""
    return summarise(cells.dropna(axis="columns", how="all").assign(fold="all"))


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return records as plain values, null where there is none."""
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return records
