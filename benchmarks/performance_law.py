"""Backtest the Performance Law and its baselines; write what came of it.

Writes ``results/performance_law.csv`` (a row for each protocol, set of models and method),
``results/performance_law_cells.csv`` (every forecast), ``results/performance_law_folds.csv``
(diagnostics of each fold), ``results/performance_law_published.csv`` (the published law's errors by
the date of release), ``results/performance_law_parameters.csv`` (prior and posterior of a fit to
all models) and ``results/performance_law_health.csv`` (its diagnostics). Finished folds are kept in
``--keep``, so that a run that was stopped goes on::

    python benchmarks/performance_law.py
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from bayes_sloth import performance_law as law
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


def write(table: pd.DataFrame, name: str, index: bool = False) -> None:
    table.round(4).to_csv(RESULTS / f"performance_law{name}.csv", index=index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", default="backtest/performance_law", help="folder of folds")
    parser.add_argument("--fit", help="a saved fit to all models, instead of sampling one")
    arguments = parser.parse_args()
    write(published_errors(), "_published")
    start = time.perf_counter()
    fit = law.load_fit(arguments.fit) if arguments.fit else law.fit()
    print(f"{fit!r}\n{time.perf_counter() - start:.0f} s", flush=True)
    write(law.contraction_table(fit), "_parameters", index=True)
    write(fit.health.table(), "_health", index=True)
    start = time.perf_counter()
    cells, folds = backtest(folder=arguments.keep)
    print(f"{len(folds)} folds in {time.perf_counter() - start:.0f} s")
    table = summary(cells)
    print(table.drop(columns="models").round(2).to_string())
    write(table, "")
    write(cells, "_cells")
    write(folds, "_folds")


if __name__ == "__main__":
    main()
