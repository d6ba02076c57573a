"""Backtest the Performance Law and its baselines; write what came of it.

Writes ``results/performance_law.csv`` (a row for each protocol, set of models and method),
``results/performance_law_cells.csv`` (every forecast), ``results/performance_law_folds.csv``
(diagnostics of each fold) and ``results/performance_law_published.csv`` (the published law's errors
by the date of release)::

    python benchmarks/performance_law.py
"""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from bayes_sloth.metrics import summarise
from bayes_sloth.performance_law.backtesting import backtest
from bayes_sloth.performance_law.baselines import published_forecast
from bayes_sloth.performance_law.data import load_architectures

RESULTS = Path(__file__).parent / "results"
PERIODS = {
    "2020 to 2022": ("2020-01", "2022-12"),
    "2023": ("2023-01", "2023-12"),
    "Jan to Sep 2024": ("2024-01", "2024-08"),
    "later": ("2024-09", "2030-01"),
}


def published_errors() -> pd.DataFrame:
    """Return the published law's mean absolute error by the date of release, in points."""
    architectures = load_architectures()
    error = 100 * (published_forecast(architectures) - architectures.mmlu).abs()
    release = architectures.models["release"]
    rows = []
    for period, (first, last) in PERIODS.items():
        part = error[release.between(first, last)].dropna()
        rows.append({"period": period, "models": len(part), "mae": part.mean()})
    return pd.DataFrame(rows)


def summary(cells: pd.DataFrame) -> pd.DataFrame:
    """Return scores by protocol, set of models and method: every model counts alike."""
    rows = []
    common = (cells["kind"] == "dense") & cells["tokens_known"]
    sets = {"dense, tokens known": common, "all": pd.Series(True, cells.index)}
    for name, chosen in sets.items():
        part = cells[chosen].assign(fold_name=cells["fold"])
        groups = [("developer", "all", part[part["protocol"] == "developer"])]
        forward = part[part["protocol"] == "forward"]
        groups += [("forward", date, rest) for date, rest in forward.groupby("fold_name")]
        for protocol, fold, group in groups:
            for method, own in group.groupby("method", sort=False):
                if name == "all" and method != "Bayesian law":
                    continue
                with_bounds = own.dropna(axis="columns", how="all").assign(fold="all")
                about = {"protocol": protocol, "fold": fold, "models": name, "method": method}
                rows.append({**about, "n": len(own), **summarise(with_bounds)})
    return pd.DataFrame(rows)


def main() -> None:
    start = time.perf_counter()
    cells, folds = backtest()
    print(f"{len(folds)} folds in {time.perf_counter() - start:.0f} s")
    table = summary(cells)
    print(table.drop(columns="models").round(2).to_string())
    table.round(4).to_csv(RESULTS / "performance_law.csv", index=False)
    cells.round(4).to_csv(RESULTS / "performance_law_cells.csv", index=False)
    folds.round(4).to_csv(RESULTS / "performance_law_folds.csv", index=False)
    published_errors().round(4).to_csv(RESULTS / "performance_law_published.csv", index=False)


if __name__ == "__main__":
    main()
