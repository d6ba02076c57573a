"""Run the published laws through the published protocol, and compare with the published errors.

    python benchmarks/baselines.py               all settings, then the seed study
    python benchmarks/baselines.py v2 1          one setting
    python benchmarks/baselines.py seeds         the seed study alone

Writes ``results/baselines.csv``: mean absolute errors in percentage points, of each law and as
published, their difference, the quality of leave-one-family-out conformal intervals at 90 %, cut
to [0, 1] and not, and seconds of one core. The seed study writes ``results/sloth_seeds.csv``: the
same errors from other random starts. Rows that stand there are kept: delete a file to run it anew.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_sloth.baselines import BASELINES, conformal_intervals, sloth_point_by_seed
from bayes_sloth.folds import Fold, make_folds
from bayes_sloth.metrics import score_cells, summarise
from bayes_sloth.scores import Scores, data_folder, load_scores

RESULTS = Path(__file__).parent / "results"
SETTINGS = [(suite, seen) for seen in (1, 2) for suite in ("v1", "v2", "both")]
KEYS = ["suite", "seen", "method"]
FIRST = ["mae", "published", "difference"]
INTERVALS = ["coverage90", "width90", "interval_score90"]
SEEDS = (1, 2)  # beside that of `baselines.csv`, 0
SEEDED = ("Sloth basic", "Sloth, ", "FLOPs, family", "Size and tokens")


def published_errors() -> pd.DataFrame:
    """Return the published mean absolute errors by suite, seen and method."""
    table = pd.read_csv(data_folder() / "sloth_reference_mae.csv", dtype={"dimension": "Int64"})
    dimension = ", d=" + table["dimension"].astype("string")
    table["method"] = table["method"] + dimension.fillna("")
    return table.drop(columns="dimension").set_index(["suite", "seen", "method"])


def gather(
    scores: Scores, folds: Sequence[Fold], forecasts: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Put the forecasts of all folds beside what happened."""
    cells = [
        fold.cells(scores, median=values) for fold, values in zip(folds, forecasts, strict=True)
    ]
    return pd.concat(cells, ignore_index=True)


def run(scores: Scores, suite: str, seen: int, method: str) -> dict[str, float]:
    """Run one law in one setting."""
    folds = make_folds(scores, suite, seen)
    start = time.process_time()
    forecasts = [BASELINES[method](scores.hide(fold.hidden), fold) for fold in folds]
    seconds = time.process_time() - start
    cells = gather(scores, folds, forecasts)
    scored = score_cells(conformal_intervals(cells), replicates=200)
    uncut = summarise(conformal_intervals(cells, clip=False))
    return {
        "mae": scored.summary["mae"],
        "standard_error": scored.standard_errors["mae"],
        **{name: scored.summary[name] for name in INTERVALS},
        **{f"{name}_uncut": uncut[name] for name in INTERVALS[1:]},
        "seconds": seconds,
        **scored.by_benchmark["mae"],
    }


def run_settings(scores: Scores, settings: Sequence[tuple[str, int]]) -> None:
    """Run every law in the settings given, but for those whose rows stand."""
    file = RESULTS / "baselines.csv"
    published = published_errors()["average"]
    table = standing(file, KEYS)
    for suite, seen in settings:
        for method in BASELINES:
            key = (suite, seen, method)
            if key in table.index:
                continue
            row = run(scores, suite, seen, method)
            row["published"] = float(published.get(key, float("nan")))
            row["difference"] = row["mae"] - row["published"]
            table = with_row(table, key, row)
            table = table[[*FIRST, *(name for name in table if name not in FIRST)]]
            table.round(3).to_csv(file)
            print(*key, f"{row['mae']:.2f}", f"({row['published']:.2f})", f"{row['seconds']:.0f} s")


def run_seeds(scores: Scores, settings: Sequence[tuple[str, int]]) -> None:
    """Measure how much the trained laws depend on their random start."""
    file = RESULTS / "sloth_seeds.csv"
    table = standing(file, [*KEYS, "seed"])
    for suite, seen in settings:
        folds = make_folds(scores, suite, seen)
        trains = [scores.hide(fold.hidden) for fold in folds]
        for method in (name for name in BASELINES if name.startswith(SEEDED)):
            if (suite, seen, method, SEEDS[-1]) in table.index:
                continue
            runs = [by_seed(method)(train, fold) for train, fold in zip(trains, folds, strict=True)]
            for seed, forecasts in zip(SEEDS, zip(*runs, strict=True), strict=True):
                scored = score_cells(gather(scores, folds, forecasts), replicates=2)
                row = {"mae": scored.summary["mae"], **scored.by_benchmark["mae"]}
                table = with_row(table, (suite, seen, method, seed), row)
            table.round(3).to_csv(file)
            print(
                suite, seen, method, *table.loc[(suite, seen, method), "mae"].round(2), flush=True
            )


def by_seed(method: str) -> Callable[[Scores, Fold], list[pd.DataFrame]]:
    """Return a law that forecasts once for each seed."""
    law: Any = BASELINES[method]
    if method.startswith("Sloth"):
        return partial(sloth_point_by_seed, seeds=SEEDS, **law.keywords)
    return lambda train, fold: [law(train, fold, seed=seed) for seed in SEEDS]


def standing(file: Path, keys: list[str]) -> pd.DataFrame:
    """Return the rows of a results file, if there is one."""
    if file.exists():
        return pd.read_csv(file).set_index(keys)
    return pd.DataFrame(index=pd.MultiIndex.from_tuples([], names=keys))


def with_row(
    table: pd.DataFrame, key: tuple[str | int, ...], row: dict[str, float]
) -> pd.DataFrame:
    """Return a table with one more row."""
    index = pd.MultiIndex.from_tuples([key], names=table.index.names)
    return pd.concat([table, pd.DataFrame([row], index=index)]).sort_index()


if __name__ == "__main__":
    bundled = load_scores(errata=False)
    match sys.argv[1:]:
        case []:
            run_settings(bundled, SETTINGS)
            run_seeds(bundled, SETTINGS)
        case ["seeds"]:
            run_seeds(bundled, SETTINGS)
        case [suite, seen]:
            run_settings(bundled, [(suite, int(seen))])
        case _:
            sys.exit(__doc__)
