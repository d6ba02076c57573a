"""Backtest the default skills model in every published setting; write what came of it.

Writes ``results/backtest.csv`` (a row for each setting: scores, their standard errors, seconds and
diagnostics) and ``results/backtest_cells.csv`` (every forecast), the settings run in place of their
older rows. Finished folds are kept in ``--keep``, so that a run that was stopped goes on::

    python benchmarks/backtest.py --settings v1:1 v2:1 both:1 v1:2 v2:2 both:2 v1:0 v2:0 both:0
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from bayes_sloth import backtest

RESULTS = Path(__file__).parent / "results"
KEYS = ["suite", "seen"]
SETTINGS = [f"{suite}:{seen}" for seen in (1, 2, 0) for suite in ("v1", "v2", "both")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=SETTINGS, help="suite:seen")
    parser.add_argument("--strict", action="store_true", help="hold out whole lineages")
    parser.add_argument("--keep", default="backtest", help="folder of finished folds")
    arguments = parser.parse_args()
    rows, cells = [], []
    for setting in arguments.settings:
        suite, seen = setting.split(":")
        done = backtest(suite=suite, seen=int(seen), strict=arguments.strict, folder=arguments.keep)
        about = {"suite": suite, "seen": int(seen), "strict": arguments.strict}
        errors = {f"{name}_se": value for name, value in done.scores.standard_errors.items()}
        sampler = {
            "seconds": done.folds["seconds"].sum(),
            "largest_rhat": done.folds["rhat"].max(),
            "smallest_ess": done.folds["ess"].min(),
            "divergences": done.folds["divergences"].sum(),
            "folds": len(done.folds),
            "sampled_again": (done.folds["attempts"] > 1).sum(),
            "not_passed": len(done.problems()),
        }
        rows.append({**about, "cells": len(done.cells), **done.scores.summary, **errors, **sampler})
        cells.append(done.cells.assign(**about))
        print(pd.Series(rows[-1]).to_string(), flush=True)
    name = "backtest_strict" if arguments.strict else "backtest"
    put(pd.DataFrame(rows), RESULTS / f"{name}.csv")
    put(pd.concat(cells), RESULTS / f"{name}_cells.csv")


def put(rows: pd.DataFrame, file: Path) -> None:
    """Write rows to a file of results, in place of those of the same settings."""
    rows = rows.round(4)
    if file.is_file():
        old = pd.read_csv(file)
        again = pd.MultiIndex.from_frame(old[KEYS]).isin(pd.MultiIndex.from_frame(rows[KEYS]))
        rows = pd.concat([old[~again], rows])
    place = {setting: i for i, setting in enumerate(SETTINGS)}
    order = (rows["suite"] + ":" + rows["seen"].astype(str)).map(place).argsort(kind="stable")
    rows.iloc[order].to_csv(file, index=False)


if __name__ == "__main__":
    main()
