"""Compare conditioning on partial scores with fitting again: means and interval ends, case by case.

One fit has not seen the hidden models (`hidden.py`); for each case another sees some scores of one
of them. The first is conditioned on the same scores and asked for what is still hidden of the
model, and of a sibling. The cases, fixed beforehand: a variant in the data, a lineage in the data
and two new families, from one score to five. Differences are in percentage points; ``*_mcse`` is
the Monte Carlo standard error of the difference, both sides together; ``seconds`` are of the
processor; ``rhat``, ``fit_ess`` and ``fits_passed`` are of the fit and the refit together.
Writes ``results/conditioning.csv``::

    python benchmarks/conditioning.py --keep hidden
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr
from hidden import RESULTS, all_scores, fit_hidden, questions
from scipy.stats import norm

from bayes_sloth import Fit, forecast
from bayes_sloth.forecasting import predict_fitted

CASES = {
    "yi-1.5-9b": ["mmlu", "gsm8k", "bbh", "ifeval", "math_lvl5"],
    "orca-2-13b": ["mmlu", "arc_challenge", "ifeval"],
    "opt-13b": ["hellaswag"],
    "recurrentgemma-9b": ["bbh", "gpqa"],
}
SIBLING = {
    "opt-13b": "opt-66b",
    "orca-2-13b": "orca-2-7b",
    "recurrentgemma-9b": "recurrentgemma-9b-it",
}
ENDS = {"lower90": 0.05, "upper90": 0.95}
SEEDS = range(5)


def shown(case: dict[str, list[str]]) -> pd.DataFrame:
    """Return the scores a refit sees of hidden models."""
    values = all_scores().values
    table = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    for model, benchmarks in case.items():
        table.loc[model, benchmarks] = values.loc[model, benchmarks]
    return table.dropna(how="all")


def moments(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return mean and interval ends of draws of shape (draw, ...), in points."""
    ends = {name: 100 * np.quantile(draws, q, axis=0) for name, q in ENDS.items()}
    return {"mean": 100 * draws.mean(axis=0), **ends}


def compare(base: Fit, refit: Fit, model: str, observed: pd.Series) -> list[dict[str, object]]:
    models = pd.Index([model, *([SIBLING[model]] if model in SIBLING else [])])
    asked = questions(all_scores(), base, models)
    table = observed.to_frame().T
    started = time.process_time()
    done = [forecast(base, asked, observed=table, seed=seed) for seed in SEEDS]
    seconds = (time.process_time() - started) / len(done)
    ours = moments(np.concatenate([one.draws.to_numpy() for one in done]))
    draws = predict_fitted(refit.posterior, refit.design, list(models), repeats=len(SEEDS))
    theirs = moments(draws.reshape(-1, *draws.shape[3:]))
    noise = monte_carlo_error(draws, done[0].quality[str(model)].ess)
    rows: list[dict[str, object]] = []
    for m, name in enumerate(models):
        for b, benchmark in enumerate(base.scores.values.columns):
            if name == model and benchmark in observed.index:
                continue
            differences = {k: ours[k][m, b] - theirs[k][m, b] for k in ours}
            rows.append(
                {
                    "model": model,
                    "status": done[0].models["family_status"].iloc[0],
                    "scores": len(observed),
                    "of": name,
                    "benchmark": benchmark,
                    **{f"{k}_refit": theirs[k][m, b] for k in theirs},
                    **{f"{k}_difference": v for k, v in differences.items()},
                    **{f"{k}_mcse": v[m, b] for k, v in noise.items()},
                    "pareto_k": done[0].quality[str(model)].pareto_k,
                    "ess": done[0].quality[str(model)].ess,
                    "rhat": max(one.health.rhat for one in (base, refit)),
                    "fit_ess": min(
                        min(one.health.ess_bulk, one.health.ess_tail) for one in (base, refit)
                    ),
                    "fits_passed": base.health.passed and refit.health.passed,
                    "seconds": seconds,
                }
            )
    return rows


def monte_carlo_error(draws: np.ndarray, ess: float) -> dict[str, np.ndarray]:
    """Return standard errors of the differences, given draws (chain, draw, repeat, model, ...)."""
    dims = ("chain", "draw", "model", "benchmark")
    effective = azs.ess(xr.Dataset({"score": (dims, draws.mean(axis=2))}))["score"].to_numpy()
    rate = 100 * draws.std(axis=(0, 1, 2)) * np.sqrt(1 / ess + 1 / effective)
    end = np.sqrt(0.05 * 0.95) / norm.pdf(norm.ppf(0.05))  # of a normal quantile, in sd
    return {"mean": rate, "lower90": end * rate, "upper90": end * rate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, default=Path("hidden"), help="folder of the fits")
    keep = parser.parse_args().keep
    seen = {model: shown({model: benchmarks}) for model, benchmarks in CASES.items()}
    fits = fit_hidden(keep, seen)
    rows: list[dict[str, object]] = []
    for model, cells in seen.items():
        rows += compare(fits["base"], fits[model], model, cells.loc[model].dropna())
    table = pd.DataFrame(rows)
    table.round(4).to_csv(RESULTS / "conditioning.csv", index=False)
    differences = [f"{k}_difference" for k in ("mean", *ENDS)]
    print(table.groupby(["model", "of"])[differences].agg(lambda x: x.abs().max()).round(2))


if __name__ == "__main__":
    main()
