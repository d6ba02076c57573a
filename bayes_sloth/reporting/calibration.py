"""Which backtest speaks of a fit: the one that comes with the package, a user's own, or none."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.scores import benchmarks_of, data_folder, load_scores
from bayes_sloth.specification import Specification

if TYPE_CHECKING:
    from bayes_sloth.backtesting import Backtest
    from bayes_sloth.fitting import Fit
    from bayes_sloth.scores import Scores

NUMBERS = ["mae", "coverage50", "coverage80", "coverage90", "width90", "interval_score90"]
ERRORS = ["mae_se", "coverage50_se", "coverage80_se", "coverage90_se"]
COMMAND = "bayes-sloth backtest {source} --json > backtest.json"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What backtests say of a model's intervals.

    Attributes
    ----------
    source : str
        Which backtest this is, in a sentence; why there is none, if calibration was not tested.
    settings : DataFrame
        Indexed by ``setting``: ``cells`` (held-out scores), error and width in percentage points,
        coverages in [0, 1], and standard errors; empty if calibration was not tested.
    by_benchmark : DataFrame
        The same by ``setting`` and ``benchmark``, without standard errors.
    cautions : tuple of str
        In what the backtest differs from the fit.
    """

    source: str
    settings: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_benchmark: pd.DataFrame = field(default_factory=pd.DataFrame)
    cautions: tuple[str, ...] = ()

    @property
    def tested(self) -> bool:
        """Whether there is a backtest."""
        return not self.settings.empty


def calibration_of(
    fit: Fit, backtest: Backtest | str | os.PathLike[str] | None = None
) -> Calibration:
    """Return what is known about the calibration of a fit.

    Parameters
    ----------
    fit : Fit
    backtest : Backtest or path-like, optional
        Of the same scores; by default the bundled one, if the fit is of the bundled data and of
        the default model.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If a file is not what ``bayes-sloth backtest --json`` prints, or its scores are others.
    """
    if backtest is None:
        return _bundled(fit)
    if isinstance(backtest, (str, os.PathLike)):
        name, answer = str(backtest), read_backtest(backtest)
    else:
        name, answer = "the backtest given", backtest.to_dict()
    _check_same_scores(name, answer["cells"], fit.scores)
    label = _setting(answer["suite"], answer["seen"], answer["settings"].get("strict", False))
    summary = {name: answer["summary"].get(name, np.nan) for name in NUMBERS}
    errors = {name: answer["standard_errors"].get(name[:-3], np.nan) for name in ERRORS}
    parts = pd.DataFrame(answer["by_benchmark"]).T.reindex(columns=NUMBERS)
    counts = pd.DataFrame(answer["cells"])["benchmark"].value_counts()
    return Calibration(
        f"From {name}: families hidden one at a time and forecast by a fit of the rest.",
        pd.DataFrame(
            {"cells": len(answer["cells"]), **summary, **errors},
            index=pd.Index([label], name="setting"),
        ),
        pd.concat({label: parts.assign(cells=counts)}, names=["setting", "benchmark"]),
        _differences(answer["settings"], fit),
    )


def read_backtest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what ``bayes-sloth backtest --json`` printed."""
    command = COMMAND.format(source="SCORES.csv")
    again = f"make it again with: {command}"
    if not Path(path).is_file():
        raise InputError(f"there is no file '{path}'; make one with: {command}")
    try:
        answer = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8
        raise InputError(f"'{path}' is not JSON, or cut short; {again}") from error
    needed = {"suite", "seen", "settings", "summary", "standard_errors", "by_benchmark", "cells"}
    if not isinstance(answer, Mapping) or not needed <= set(answer) or not answer["cells"]:
        raise InputError(f"'{path}' is not the JSON of a backtest; {again}")
    return dict(answer)


def _check_same_scores(name: str, cells: list[dict[str, Any]], scores: Scores) -> None:
    """Refuse a backtest of other scores than those of the fit."""
    for cell in cells:
        model, benchmark, actual = cell["model"], cell["benchmark"], cell["actual"]
        known = model in scores.values.index and benchmark in scores.values
        if not known or not np.isclose(scores.values.at[model, benchmark], actual, atol=1e-9):
            raise InputError(
                f"{name}, model '{model}', benchmark '{benchmark}', score {actual}: the fit has "
                f"{'another score' if known else 'no such score'}; backtest the table that was "
                f"fitted: {COMMAND.format(source='SCORES.csv')}"
            )


def _differences(settings: dict[str, Any], fit: Fit) -> tuple[str, ...]:
    found = []
    if settings.get("model", "skills") != "skills":
        found.append(
            f"The backtest is of another law, {settings['model']}: it says nothing of this model."
        )
    elif settings.get("specification", asdict(fit.specification)) != asdict(fit.specification):
        found.append("The backtest is of a skills model with other choices than this fit's.")
    return tuple(found)


def _bundled(fit: Fit) -> Calibration:
    """Return the backtest that comes with the package, if it speaks of this fit."""
    if not _is_bundled(fit.scores):
        return Calibration(
            f"No backtest of these scores ({fit.scores.source}) was given. Make one with: "
            f"{COMMAND.format(source='SCORES.csv')}, and give it as --backtest backtest.json."
        )
    if fit.specification != Specification():
        return Calibration(
            "The backtest that comes with the package is of the default model; this fit has other "
            "choices, and a backtest of them can be run from Python: "
            "bayes_sloth.backtest(specification=...)."
        )
    table = pd.read_csv(data_folder() / "backtest_summary.csv")
    labels = [_setting(r.suite, r.seen, r.strict) for r in table.itertuples()]
    table = table.assign(setting=labels).drop(columns=["suite", "seen", "strict"])
    whole = table["benchmark"] == "all"
    return Calibration(
        "From the backtest that comes with the package: families of the bundled leaderboard "
        "hidden one at a time and forecast by a fit of the rest, with the default model and the "
        "metadata as published.",
        table[whole].drop(columns="benchmark").set_index("setting"),
        table[~whole].drop(columns=ERRORS).set_index(["setting", "benchmark"]),
    )


def _is_bundled(scores: Scores) -> bool:
    """Return whether scores are those of the bundled leaderboard, with or without its errata."""
    same = scores.values.sort_index()
    return any(
        same.columns.equals(values.columns) and values.sort_index().equals(same)
        for values in _bundled_values()
    )


@cache
def _bundled_values() -> list[pd.DataFrame]:
    chosen = benchmarks_of("both")
    tables = [load_scores(errata=errata).select(chosen) for errata in (True, False)]
    return [table.with_size_and_tokens()[0].values for table in tables]


def _setting(suite: object, seen: int, strict: bool) -> str:
    """Name a setting, as 'v1, 1 seen, strict'."""
    name = suite if isinstance(suite, str) else "benchmarks chosen"
    return f"{name}, {seen} seen{', strict' if strict else ''}"
