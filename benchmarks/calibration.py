"""Simulation-based calibration of the default model on a small design; writes results/sbc*.csv.

    python benchmarks/calibration.py --replicates 100

Eight lineages on the six benchmarks of suite v1: parameters and scores are drawn from the prior,
the scores fitted (2 chains of 500 draws after 500 of tuning) and the parameters ranked among the
draws.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from bayes_sloth.design import make_design
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import benchmarks_of, load_scores
from bayes_sloth.simulating import Simulator, calibration_ranks

RESULTS = Path(__file__).parent / "results"
FIGURE = Path(__file__).parent.parent / "docs" / "calibration_ranks.png"
LINEAGES = ("qwen1.5", "qwen2", "llama-2", "meta-llama-3", "pythia", "opt", "yi-1.5", "gemma")
BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=100, help="0: summarise what is there")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.replicates:
        sample_ranks(given.replicates, given.seed)
    table = pd.read_csv(RESULTS / "sbc.csv")
    summary = uniformity(table).assign(replicates=table["replicate"].nunique())
    summary.to_csv(RESULTS / "sbc_summary.csv", float_format="%.3f")
    print(summary.to_string())
    draw(table)


def sample_ranks(replicates: int, seed: int) -> None:
    """Write ranks after each replicate: stopped early, what is done is kept."""
    scores = load_scores().select(benchmarks_of("v1"))
    chosen = scores.models.index[scores.models["lineage"].isin(LINEAGES)]
    design = make_design(scores.select(models=chosen).with_size_and_tokens()[0])
    started = time.process_time()
    simulator = Simulator.make(design, sampling=Sampling(chains=2, tune=500, draws=500))
    tables = []
    for i, ranks in enumerate(calibration_ranks(simulator, replicates, seed=seed)):
        tables.append(long_table(ranks).assign(replicate=i))
        table = pd.concat(tables, ignore_index=True)
        table.to_csv(RESULTS / "sbc.csv", index=False, float_format="%.4f")
        print(f"replicate {i}: {time.process_time() - started:.0f} s of CPU time", flush=True)


def long_table(ranks: xr.Dataset) -> pd.DataFrame:
    """Return a row for each ranked element of a replicate."""
    rows = []
    for name in ranks.drop_vars(["rhat", "divergences"]):
        flat = ranks[name].to_numpy().ravel()
        if name == "expected_score":  # one for each model is enough
            flat = flat[:: ranks.sizes["benchmark"] + 1]
        rows += [(str(name), element, rank) for element, rank in enumerate(flat)]
    table = pd.DataFrame(rows, columns=["parameter", "element", "rank"])
    return table.assign(rhat=float(ranks["rhat"]), divergences=int(ranks["divergences"]))


def uniformity(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each parameter how many elements depart from uniform ranks, by a chi2 test."""

    def p_value(ranks: pd.Series) -> float:
        counts = np.histogram(ranks, BINS, (0, 1))[0]
        return float(stats.chisquare(counts).pvalue)

    found = table.groupby(["parameter", "element"], sort=False)["rank"].agg(
        p=p_value, mean_rank="mean", in_90=lambda x: x.between(0.05, 0.95).mean()
    )
    return found.groupby(level="parameter", sort=False).agg(
        elements=("p", "size"),
        share_p_below_5_percent=("p", lambda x: (x < 0.05).mean()),
        mean_rank=("mean_rank", "mean"),
        coverage90=("in_90", "mean"),
    )


def draw(table: pd.DataFrame) -> None:
    """Draw the ranks of the first element of each parameter."""
    import matplotlib as mpl

    mpl.use("Agg")
    from bayes_sloth.identifiability_plots import plot_ranks

    first = table[table["element"] == 0].pivot(
        index="replicate", columns="parameter", values="rank"
    )
    ranks = xr.Dataset({name: ("replicate", first[name].to_numpy()) for name in first})
    plot_ranks(ranks).savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
