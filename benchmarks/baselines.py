"""Run the published laws through the published protocol, and compare with the published errors.

    python benchmarks/baselines.py               all settings, then the seed study
    python benchmarks/baselines.py v2 1          one setting
    python benchmarks/baselines.py seeds         the seed study alone

Writes ``results/baselines.csv``: mean absolute errors in percentage points, of each law and as
published, their difference, the quality of leave-one-family-out conformal intervals at 90 %, cut
to [0, 1] and not, and seconds of one core. The seed study goes to ``results/sloth_seeds.csv``.

Sloth with d = 1 or 4, and with a shared intercept, is left out to save time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from bayes_sloth.baselines import (
    BASELINES,
    conformal_intervals,
    flops,
    size_tokens,
    sloth_point_by_seed,
)
from bayes_sloth.folds import Fold, make_folds
from bayes_sloth.metrics import score_cells, summarise
from bayes_sloth.scores import Scores, data_folder, load_scores

RESULTS = Path(__file__).parent / "results"
SETTINGS = [(suite, seen) for seen in (1, 2) for suite in ("v1", "v2", "both")]
LEFT_OUT = ("Sloth shared", "Sloth, d=1", "Sloth, d=4")
INTERVALS = ["coverage90", "width90", "interval_score90"]
SEEDS = range(5)
SEED_SETTING = ("v2", 1)


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
    """Run every law in the settings given, and put the rows in place of older ones."""
    file = RESULTS / "baselines.csv"
    keys = ["suite", "seen", "method"]
    published = published_errors()["average"]
    table = pd.read_csv(file, index_col=keys) if file.exists() else pd.DataFrame()
    for suite, seen in settings:
        for method in BASELINES:
            if method.startswith(LEFT_OUT):
                continue
            key = (suite, seen, method)
            row = run(scores, suite, seen, method)
            row["published"] = float(published.get(key, float("nan")))
            row["difference"] = row["mae"] - row["published"]
            new = pd.DataFrame([row], index=pd.MultiIndex.from_tuples([key], names=keys))
            table = pd.concat([table.drop(index=new.index, errors="ignore"), new])
            write(table, file)
            print(*key, f"{row['mae']:.2f}", f"({row['published']:.2f})", f"{row['seconds']:.0f} s")


def write(table: pd.DataFrame, file: Path) -> None:
    """Write results, the summary before the benchmarks."""
    first = ["mae", "published", "difference"]
    table = table[[*first, *(name for name in table if name not in first)]]
    file.parent.mkdir(exist_ok=True)
    table.round(3).to_csv(file)


def run_seeds(scores: Scores) -> None:
    """Measure how much the trained laws depend on their random start."""
    folds = make_folds(scores, *SEED_SETTING)
    trains = [scores.hide(fold.hidden) for fold in folds]
    rows = []
    for method, law in seed_laws().items():
        runs = [law(train, fold) for train, fold in zip(trains, folds, strict=True)]
        for seed, forecasts in zip(SEEDS, zip(*runs, strict=True), strict=True):
            scored = score_cells(gather(scores, folds, forecasts), replicates=2)
            rows.append(
                {
                    "suite": SEED_SETTING[0],
                    "seen": SEED_SETTING[1],
                    "method": method,
                    "seed": seed,
                    "mae": scored.summary["mae"],
                    **scored.by_benchmark["mae"],
                }
            )
        table = pd.DataFrame(rows)
        table.round(3).to_csv(RESULTS / "sloth_seeds.csv", index=False)
        mine = table.loc[table["method"] == method, "mae"]
        published = float(published_errors()["average"][(*SEED_SETTING, method)])
        print(method, f"{mine.mean():.2f} +- {mine.std():.2f} (published {published:.2f})")


def seed_laws() -> dict[str, Callable[[Scores, Fold], list[pd.DataFrame]]]:
    """Return laws that forecast once for each seed."""
    return {
        "Sloth basic, d=2": partial(sloth_point_by_seed, seeds=SEEDS, dimension=2, link="fixed"),
        "Sloth, d=2": partial(sloth_point_by_seed, seeds=SEEDS, dimension=2),
        "Sloth, d=3": partial(sloth_point_by_seed, seeds=SEEDS, dimension=3),
        "FLOPs, family intercept": lambda train, fold: [
            flops(train, fold, seed=seed) for seed in SEEDS
        ],
        "Size and tokens": lambda train, fold: [
            size_tokens(train, fold, seed=seed) for seed in SEEDS
        ],
    }


if __name__ == "__main__":
    bundled = load_scores(errata=False)
    match sys.argv[1:]:
        case []:
            run_settings(bundled, SETTINGS)
            run_seeds(bundled)
        case ["seeds"]:
            run_seeds(bundled)
        case [suite, seen]:
            run_settings(bundled, [(suite, int(seen))])
        case _:
            sys.exit(__doc__)
