"""Backtest a benchmark of one's own: HumanEval and EQ-Bench, which no fit has seen.

From 5 and 10 models with a score, forecast all others that have one. The cases are ten random
choices of models for each (seeds 0 to 9). Chance is 0 and given. Writes
``results/own_benchmark.csv`` (means over the cases, errors, widths and interval scores in points;
``coverage90_se``: standard error of the mean over cases, which share models) and
``results/own_benchmark_cases.csv``::

    python benchmarks/own_benchmark.py --fit fit.nc
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import load_fit, load_scores, own_benchmark
from bayes_sloth.metrics import covered, interval_score

RESULTS = Path(__file__).parent / "results"
CASES = range(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", default="fit.nc")
    fit = load_fit(parser.parse_args().fit)
    scores = load_scores()
    known = scores.values.loc[fit.scores.models.index]
    rows = []
    for name in ("humaneval", "eq_bench"):
        items = scores.benchmarks.at[name, "n_items"]
        for count in (5, 10):
            for seed in CASES:
                case = backtest(fit, known[name].dropna(), name, items, count, seed)
                rows.append({"benchmark": name, "scores": count, "case": seed, **case})
                print(rows[-1], flush=True)
    write(pd.DataFrame(rows))


def write(cases: pd.DataFrame) -> None:
    """Write the cases, and their means."""
    cases.round(4).to_csv(RESULTS / "own_benchmark_cases.csv", index=False)
    groups = cases.drop(columns="case").groupby(["benchmark", "scores"], sort=False)
    table = groups.mean().assign(
        coverage90_se=groups["coverage90"].sem(),
        lowest_coverage90=groups["coverage90"].min(),
        largest_pareto_k=groups["pareto_k"].max(),
        cases=groups.size(),
    )
    table.round(3).to_csv(RESULTS / "own_benchmark.csv")
    print(table.round(2).to_string())


def backtest(fit, actual: pd.Series, name: str, items: float, count: int, seed: int) -> dict:
    """Return the errors of one choice of models."""
    chosen = np.random.default_rng(seed).choice(actual.index, count, replace=False)
    done = own_benchmark(fit, actual[chosen], name=name, chance=0.0, n_items=items)
    rest = actual.drop(chosen)
    table = done.table().loc[rest.index]
    bounds = rest.to_numpy(), table["lower90"].to_numpy(), table["upper90"].to_numpy()
    return {
        "forecasts": len(rest),
        "mae": 100 * (table["median"] - rest).abs().mean(),
        "mae_of_the_mean": 100 * (actual[chosen].mean() - rest).abs().mean(),
        "coverage90": covered(*bounds).mean(),
        "width90": 100 * (bounds[2] - bounds[1]).mean(),
        "interval_score90": 100 * interval_score(*bounds).mean(),
        "passed": float(done.quality.passed),
        "pareto_k": done.quality.pareto_k,
        "ess": done.quality.ess,
    }


if __name__ == "__main__":
    main()
