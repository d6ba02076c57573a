"""Backtest: hide families, forecast them, compare with what happened; resumable, fold by fold."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.compiled import compiled_model, content_key
from bayes_sloth.draws import quantiles
from bayes_sloth.errors import InputError
from bayes_sloth.folds import Fold, make_folds
from bayes_sloth.health import ESS_LIMIT, RHAT_LIMIT
from bayes_sloth.metrics import CellScores, crps, pit, score_cells
from bayes_sloth.sampling import Sampling, watched
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.specification import Specification
from bayes_sloth.storage import check_folder, slug, write_json

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.design import Design


# Two chains suffice for most folds; the default fit has four and more draws. Longer steps than by
# default take less time here for as many effective draws. A fold beyond the limits of a fit is
# sampled again, by the next of these.
FOLD_SAMPLING = (
    Sampling(chains=2, tune=300, draws=500, target_accept=0.7),
    Sampling(chains=2, tune=500, draws=1000, target_accept=0.8),
)
REPEATS = 5
QUANTILES = {
    "median": 0.5,
    "lower50": 0.25,
    "upper50": 0.75,
    "lower80": 0.1,
    "upper80": 0.9,
    "lower90": 0.05,
    "upper90": 0.95,
}


@dataclass(frozen=True, eq=False, repr=False)
class Backtest:
    """Forecasts of held-out models beside their scores.

    Attributes
    ----------
    cells : DataFrame
        A row for each held-out model and benchmark: ``fold``, ``model``, ``benchmark``,
        ``actual``, ``median``, interval bounds, ``crps``, ``pit``; scores in [0, 1].
    folds : DataFrame
        Indexed by ``fold``: seconds, the worst R-hat and ESS of the test models' expected scores,
        divergences, and how many times it was sampled.
    settings : dict
        What was run.
    """

    cells: pd.DataFrame
    folds: pd.DataFrame
    settings: dict[str, Any]

    @cached_property
    def scores(self) -> CellScores:
        """Errors, coverage and interval scores, in percentage points."""
        return score_cells(self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        names = ["fold", "model", "benchmark", *("actual", *QUANTILES, "crps")]
        cells = self.cells[[name for name in names if name in self.cells]]
        return {
            "suite": self.settings["suite"],
            "seen": self.settings["seen"],
            "model": self.settings["model"],
            "settings": self.settings,
            "summary": {**self.scores.summary, "seconds": float(self.folds["seconds"].sum())},
            "standard_errors": self.scores.standard_errors,
            "by_benchmark": self.scores.by_benchmark.to_dict("index"),
            "by_fold": self.scores.by_fold.to_dict("index"),
            "cells": cells.to_dict("records"),
        }

    def problems(self) -> list[str]:
        """Return the folds whose diagnostics are beyond the limits of a fit, in words."""
        return fold_problems(self.folds)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k} {v:.3g}" for k, v in self.scores.summary.items())
        return f"Backtest of {self.settings['model']} on {len(self.cells)} cells: {numbers}"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.scores.by_benchmark.round(3).to_html()}"


def fold_problems(folds: pd.DataFrame) -> list[str]:
    """Return the folds beyond the limits of a fit, in words.

    Parameters
    ----------
    folds : DataFrame
        Indexed by ``fold``, with ``rhat``, ``ess`` and ``divergences`` where anything was sampled.
    """
    if "rhat" not in folds:
        return []
    return [
        f"fold {name} has not passed: R-hat {row['rhat']:.3f}, ESS {row['ess']:.0f}, "
        f"{row['divergences']:.0f} divergences"
        for name, row in folds.iterrows()
        if not _passed(row)
    ]


def backtest(
    scores: Scores | None = None,
    suite: str | Sequence[str] = "v1",
    seen: int = 1,
    *,
    strict: bool = False,
    model: str = "skills",
    specification: Specification | None = None,
    sampling: Sampling | None = None,
    folder: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool | None = None,
) -> Backtest:
    """Hide families one fold at a time, forecast them and compare.

    Parameters
    ----------
    scores : Scores, optional
        The bundled leaderboard as published by default; or a table of your own.
    suite : str or sequence of str
        ``"v1"``, ``"v2"``, ``"both"``, another suite of the table, or names of benchmarks.
    seen : int
        How many of the smallest models of each held-out variant stay in training.
    strict : bool
        Hold out the whole lineage but for the seen models.
    model : str
        ``"skills"``, or a baseline of `bayes_sloth.baselines.BASELINES`, which gets
        leave-one-family-out conformal intervals.
    specification : Specification, optional
        Of the skills model.
    sampling : Sampling, optional
        How each fold is sampled. By default two chains of 500 draws, and a fold that does not pass
        a fit's diagnostics is sampled once more, for longer and with smaller steps.
    folder : path-like, optional
        Where finished folds are kept: run again, the backtest goes on from there.
    jobs : int
        Folds at a time, through ``joblib``; a ``joblib.parallel_config(backend="dask")`` around
        the call sends them to a cluster instead.
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it.

    Returns
    -------
    Backtest
    """
    from joblib import Parallel, delayed
    from rich.console import Console
    from rich.progress import track

    scores = load_scores(errata=False).select(benchmarks_of("both")) if scores is None else scores
    if jobs == 0:
        raise InputError("jobs=0 runs nothing; give 1 or more, or -1 for every core")
    folds = make_folds(scores, suite, seen, strict=strict)
    settings = {"suite": suite, "seen": seen, "strict": strict, "model": model}
    if model != "skills":
        return _baseline(scores, folds, settings)
    specification = specification or Specification()
    attempts = FOLD_SAMPLING if sampling is None else (sampling,)
    settings |= {
        "specification": asdict(specification),
        "sampling": [asdict(attempt) for attempt in attempts],
    }
    used, _ = scores.with_size_and_tokens()
    key = content_key(used, settings)
    if folder is not None:
        check_folder(folder)
    where = None if folder is None else Path(folder) / key
    tasks = [delayed(run_fold)(used, fold, specification, attempts, where) for fold in folds]
    results = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    shown = watched() if progress is None else progress
    done = list(
        track(
            results,
            description=f"{suite}, {seen} seen",
            total=len(folds),
            console=Console(stderr=True),
            disable=not shown,
        )
    )
    return Backtest(
        pd.concat([cells for cells, _ in done], ignore_index=True),
        pd.DataFrame([about for _, about in done]).set_index("fold"),
        settings,
    )


def run_fold(
    scores: Scores,
    fold: Fold,
    specification: Specification,
    attempts: Sequence[Sampling],
    folder: Path | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit without what the fold hides, and forecast its test models.

    Parameters
    ----------
    scores : Scores
        Models with size and tokens, nothing hidden.
    fold : Fold
    specification : Specification
    attempts : sequence of Sampling
        How to sample; the next one where the one before has not passed.
    folder : Path, optional
        Where the finished fold is kept; read from there if it is.

    Returns
    -------
    cells : DataFrame
    about : dict
        ``fold``, ``seconds``, ``attempts`` made, and of the last one ``divergences``, and ``rhat``
        and ``ess``, the worst of the test models' expected scores.
    """
    from bayes_sloth.model import observed_cells

    kept = None if folder is None else folder / f"{slug(fold.name)}.json"
    if kept is not None and kept.is_file():
        stored = json.loads(kept.read_text())
        return pd.DataFrame(stored["cells"]), stored["about"]
    started = time.perf_counter()
    design, compiled = compiled_model(scores, specification)
    hidden = scores.hide(fold.hidden.loc[scores.models.index])
    compiled = compiled.with_data(**observed_cells(design, hidden.values.to_numpy(float)))
    design = replace(design, scores=hidden)
    for attempt, sampling in enumerate(attempts, start=1):
        draws, health = _sampled(compiled, design, fold, sampling)
        about = {"fold": fold.name, "attempts": attempt, **health}
        if _passed(health):
            break
    cells = _cells(scores, fold, draws)
    about["seconds"] = time.perf_counter() - started
    if kept is not None:
        write_json(kept, {"cells": cells.to_dict("records"), "about": about})
    return cells, about


def _sampled(
    compiled: Any, design: Design, fold: Fold, sampling: Sampling
) -> tuple[np.ndarray, dict[str, float]]:
    """Return draws of the test scores, of shape (..., model, benchmark), and diagnostics."""
    from bayes_sloth.forecasting import expected_scores, predict_fitted
    from bayes_sloth.sampling import sample

    tree = sample(compiled, sampling, progress=False)
    posterior = tree["posterior"].to_dataset()
    draws = predict_fitted(posterior, design, fold.test_models, repeats=REPEATS)
    columns = design.scores.values.columns.get_indexer(pd.Index(fold.benchmarks))
    expected = expected_scores(posterior, design)
    tested = expected.sel(model=list(fold.test_models), benchmark=list(fold.benchmarks))
    divergences = int(tree["sample_stats"]["diverging"].sum())
    return draws[..., columns], {**_diagnostics(tested), "divergences": divergences}


def _passed(health: Mapping[str, float] | pd.Series) -> bool:
    return bool(
        health["rhat"] <= RHAT_LIMIT and health["ess"] >= ESS_LIMIT and health["divergences"] == 0
    )


def _cells(scores: Scores, fold: Fold, draws: np.ndarray) -> pd.DataFrame:
    """Summarise draws of shape (chain, draw, repeat, model, benchmark)."""
    flat = draws.reshape(-1, *draws.shape[-2:])
    actual = scores.values.loc[list(fold.test_models), list(fold.benchmarks)].to_numpy()
    last = np.moveaxis(flat, 0, -1)
    columns = quantiles(flat, QUANTILES)
    columns |= {"crps": crps(last, actual), "pit": pit(last, actual)}
    tables = {
        name: pd.DataFrame(values, index=list(fold.test_models), columns=list(fold.benchmarks))
        for name, values in columns.items()
    }
    return fold.cells(scores, **tables)


def _diagnostics(expected: xr.DataArray) -> dict[str, float]:
    """Return the worst R-hat and effective sample size, of bulk or tail, over expected scores."""
    import arviz_stats as azs

    one = expected.to_dataset(name="score")
    ess = [azs.ess(one, method=method)["score"].to_numpy() for method in ("bulk", "tail")]
    rhat = azs.rhat(one)["score"].to_numpy()
    return {"rhat": float(rhat.max()), "ess": float(np.min(ess))}


def _baseline(scores: Scores, folds: list[Fold], settings: dict[str, Any]) -> Backtest:
    from bayes_sloth.baselines import BASELINES, conformal_intervals

    model = settings["model"]
    if model not in BASELINES:
        raise InputError(
            f"there is no model '{model}' to backtest; take skills, {', '.join(BASELINES)}"
        )
    cells, about = [], []
    for fold in folds:
        started = time.perf_counter()
        forecasts = BASELINES[model](scores.hide(fold.hidden), fold)
        cells.append(fold.cells(scores, median=forecasts))
        about.append({"fold": fold.name, "seconds": time.perf_counter() - started})
    banded = conformal_intervals(pd.concat(cells, ignore_index=True))
    return Backtest(banded, pd.DataFrame(about).set_index("fold"), settings)
