"""Backtest partial scorecards: some scores of a model no fit has seen are known, forecast the rest.

One fit has not seen the hidden models (`hidden.py`); each of a random part of them that has all
twelve scores is conditioned on 1, 2, 3 and 5 of its scores. Setting *random* forecasts all others;
setting *hardest* shows none of the three benchmarks with the lowest chance-corrected scores, and
forecasts those. Methods: the skills model with family, size, tokens and scores; with scores alone;
and rank-2 completion in logit space with item intercepts, its ridge chosen on masked cells of the
models that are not hidden. Errors and widths in percentage points. Writes
``results/partial_scores.csv``::

    python benchmarks/partial_scores.py --keep hidden
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from hidden import RESULTS, SEED, all_scores, fit_hidden, hide, questions

from bayes_sloth import Fit, Scores, forecast
from bayes_sloth.design import chance_corrected_logits

COUNTS = (1, 2, 3, 5)
RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0)
RANK = 2


def thin(fit: Fit, step: int) -> Fit:
    """Return a fit with every so many draws: enough for a mean over many models."""
    groups = {name: group.to_dataset() for name, group in fit.tree.children.items()}
    groups["posterior"] = groups["posterior"].isel(draw=slice(None, None, step))
    return replace(fit, tree=xr.DataTree.from_dict(groups))


class Completion:
    """Rank-2 completion of chance-corrected logits, with item intercepts, by alternating ridge."""

    def __init__(self, logits: np.ndarray, ridge: float, sweeps: int = 30):
        self.ridge = ridge
        known = ~np.isnan(logits)
        self.intercept = np.nanmean(logits, axis=0)
        rng = np.random.default_rng(SEED)
        self.items = rng.normal(0, 0.1, (logits.shape[1], RANK))
        for _ in range(sweeps):
            rows = np.array([self._solve(row, self.items, self.intercept) for row in logits])
            for b in range(logits.shape[1]):
                x = np.column_stack([rows[known[:, b]], np.ones(known[:, b].sum())])
                penalty = ridge * np.diag([1.0] * RANK + [0.0])
                y = logits[known[:, b], b]
                *self.items[b], self.intercept[b] = np.linalg.solve(x.T @ x + penalty, x.T @ y)

    def _solve(self, row: np.ndarray, items: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        known = ~np.isnan(row)
        x, y = items[known], (row - intercept)[known]
        return np.linalg.solve(x.T @ x + self.ridge * np.eye(RANK), x.T @ y)

    def complete(self, row: np.ndarray) -> np.ndarray:
        """Return the logits of all benchmarks, given some."""
        return self.intercept + self.items @ self._solve(row, self.items, self.intercept)


def train_completion(scores: Scores) -> Completion:
    """Return completion with the ridge that does best on a tenth of the cells, masked."""
    visible = scores.values.dropna(how="all").to_numpy()
    chance = scores.benchmarks["chance"].to_numpy(float)
    logits = chance_corrected_logits(visible, chance)
    rng = np.random.default_rng(SEED)
    mask = (rng.uniform(size=logits.shape) < 0.1) & ~np.isnan(logits)
    masked = np.where(mask, np.nan, logits)
    errors = {}
    for ridge in RIDGES:
        model = Completion(masked, ridge)
        whole = np.array([model.complete(row) for row in masked])
        errors[ridge] = np.abs(whole - logits)[mask].mean()
    return Completion(logits, min(errors, key=lambda ridge: errors[ridge]))


def rank2(model: Completion, chance: np.ndarray, known: np.ndarray) -> np.ndarray:
    logits = model.complete(chance_corrected_logits(known, chance))
    return chance + (1 - chance) / (1 + np.exp(-logits))


def ours(fit: Fit, asked: pd.DataFrame, known: pd.Series) -> tuple[pd.DataFrame, object]:
    done = forecast(fit, asked, observed=known.dropna().to_frame().T)
    return done.table().loc[asked.index[0]], done.quality[str(asked.index[0])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, default=Path("hidden"), help="folder of the fits")
    parser.add_argument("--models", type=int, default=24)
    arguments = parser.parse_args()
    scores = all_scores()
    fit = thin(fit_hidden(arguments.keep)["base"], 2)
    hidden = hide(scores)
    chance = scores.benchmarks["chance"].to_numpy(float)
    completion = train_completion(hidden)
    gone = hidden.values.isna().all(axis=1) & scores.values.notna().all(axis=1)
    rng = np.random.default_rng(SEED)
    models = rng.choice(scores.values.index[gone], min(arguments.models, gone.sum()), replace=False)
    level = ((scores.values - chance) / (1 - chance)).mean()
    hardest = list(level.nsmallest(3).index)
    cells = []
    for model in models:
        asked = questions(scores, fit, pd.Index([model]))
        blind = asked.assign(family=f"{model} (unknown)", params_b=np.nan, tokens_t=np.nan)
        actual = scores.values.loc[model]
        for setting, wanted in (("random", list(actual.index)), ("hardest", hardest)):
            free = [b for b in actual.index if setting == "random" or b not in hardest]
            order = rng.permutation(free)
            for count in COUNTS:
                shown = list(order[:count])
                known = actual.where(actual.index.isin(shown))
                rest = [b for b in wanted if b not in shown]
                about = {"setting": setting, "scores": count, "model": model}
                for method, question in (("skills model", asked), ("scores alone", blind)):
                    table, quality = ours(fit, question, known)
                    cells += [
                        {**about, "method": method, "benchmark": b, "actual": actual[b],
                         **table.loc[b, ["median", "lower90", "upper90"]],
                         "passed": quality.passed, "pareto_k": quality.pareto_k}
                        for b in rest
                    ]  # fmt: skip
                guess = pd.Series(rank2(completion, chance, known.to_numpy()), actual.index)
                cells += [
                    {**about, "method": "rank-2 completion", "benchmark": b, "actual": actual[b],
                     "median": guess[b]}
                    for b in rest
                ]  # fmt: skip
        print(model, flush=True)
    summarise(pd.DataFrame(cells), len(models)).to_csv(RESULTS / "partial_scores.csv", index=False)


def summarise(cells: pd.DataFrame, models: int) -> pd.DataFrame:
    """Return errors by setting, number of scores and method."""
    miss = np.maximum(cells["lower90"] - cells["actual"], 0)
    miss = miss + np.maximum(cells["actual"] - cells["upper90"], 0)
    width = cells["upper90"] - cells["lower90"]
    scored = cells.assign(
        mae=100 * (cells["median"] - cells["actual"]).abs(),
        coverage90=(miss == 0).where(width.notna()).astype(float),
        width90=100 * width,
        interval_score90=100 * (width + 20 * miss),
        passed=cells["passed"].astype(float),
    )
    names = ["mae", "coverage90", "width90", "interval_score90", "passed"]
    keys = ["setting", "scores", "method"]
    table = scored.groupby(keys, sort=False)[names].mean()
    table["largest_pareto_k"] = scored.groupby(keys, sort=False)["pareto_k"].max()
    table["cells"] = scored.groupby(keys, sort=False).size()
    print(table.round(2))
    return table.assign(models=models).reset_index().round(4)


if __name__ == "__main__":
    main()
