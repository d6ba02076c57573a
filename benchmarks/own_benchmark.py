"""Backtest a benchmark of one's own: HumanEval and EQ-Bench, which no fit has seen.

From 5 and 10 random models with a score, forecast all others that have one. Chance is 0
and given. Writes ``results/own_benchmark.csv``: errors, widths and interval scores in points::

    python benchmarks/own_benchmark.py fit.nc
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import load_fit, load_scores, own_benchmark

RESULTS = Path(__file__).parent / "results"
REPEATS = 2


def main() -> None:
    fit = load_fit(sys.argv[1] if len(sys.argv) > 1 else "fit.nc")
    scores = load_scores()
    known = scores.values.loc[fit.scores.models.index]
    rows = []
    for name in ("humaneval", "eq_bench"):
        actual = known[name].dropna()
        items = scores.benchmarks.at[name, "n_items"]
        for count in (5, 10):
            for seed in range(REPEATS):
                chosen = np.random.default_rng(seed).choice(actual.index, count, replace=False)
                done = own_benchmark(fit, actual[chosen], name=name, chance=0.0, n_items=items)
                rest = actual.drop(chosen)
                table = done.table().loc[rest.index]
                width = table["upper90"] - table["lower90"]
                miss = (table["lower90"] - rest).clip(lower=0)
                miss += (rest - table["upper90"]).clip(lower=0)
                rows.append(
                    {
                        "benchmark": name,
                        "scores": count,
                        "forecasts": len(rest),
                        "mae": 100 * (table["median"] - rest).abs().mean(),
                        "mae_of_the_mean": 100 * (actual[chosen].mean() - rest).abs().mean(),
                        "coverage90": (miss == 0).mean(),
                        "width90": 100 * width.mean(),
                        "interval_score90": 100 * (width + 20 * miss).mean(),
                        "passed": float(done.quality.passed),
                        "pareto_k": done.quality.pareto_k,
                        "ess": done.quality.ess,
                    }
                )
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows).groupby(["benchmark", "scores"], sort=False).mean()
    table.round(3).to_csv(RESULTS / "own_benchmark.csv")
    print(table.round(2))


if __name__ == "__main__":
    main()
