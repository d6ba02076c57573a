"""Compare the benchmark that a plan says to run next with one chosen at random.

Each hidden model (`hidden.py`) with four scores or more beside the target is forecast on each of
the three hardest benchmarks; then one more of its scores is shown, chosen by the plan among those
there are, or each of them in turn (their mean is what random choice gives), and the forecast
compared with the score. Writes ``results/next_run.csv``: mean absolute error of the median, CRPS
and predictive sd, in points, and what the plan's choice gains in CRPS over a random one, with its
standard error over lineages (``crps_gain``, ``crps_gain_se``)::

    python benchmarks/next_run.py --keep hidden
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from hidden import RESULTS, all_scores, fit_hidden, hidden_models, questions
from partial_scores import thin

from bayes_sloth import forecast, plan_next
from bayes_sloth.metrics import crps

OTHERS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, default=Path("hidden"), help="folder of the fits")
    parser.add_argument("--models", type=int, help="only so many, for a trial")
    arguments = parser.parse_args()
    scores = all_scores()
    fit = thin(fit_hidden(arguments.keep)["base"], 4)
    chance = scores.benchmarks["chance"]
    targets = list(((scores.values - chance) / (1 - chance)).mean().nsmallest(3).index)
    cells = pd.concat(
        tell(scores, fit, str(model), targets)
        for model in hidden_models(scores)[: arguments.models]
        if scores.values.loc[model, targets].notna().all()
        and scores.values.loc[model].notna().sum() > OTHERS
    )
    table = summarise(cells)
    print(table.round(2).to_string())
    table.round(4).to_csv(RESULTS / "next_run.csv")


def tell(scores, fit, model: str, targets: list[str]) -> pd.DataFrame:
    """Return forecasts of a model's targets, by what was shown of it."""
    asked = questions(scores, fit, pd.Index([model]))
    known = scores.values.loc[model].dropna()
    about = asked.iloc[0].to_dict()
    chosen = {}
    for target in targets:
        costs = dict.fromkeys(known.index.drop(target), 1.0)
        chosen[target] = plan_next(fit, target, **about, costs=costs).ranking.index[0]
    rows = []
    for shown in (None, *known.index):
        told = None if shown is None else pd.DataFrame({shown: [known[shown]]}, index=[model])
        draws = forecast(fit, asked, observed=told).draws.isel(model=0)
        for target in targets:
            if shown == target:
                continue
            values = draws.sel(benchmark=target).to_numpy()
            found = {
                "model": model,
                "lineage": scores.models.at[model, "lineage"],
                "target": target,
                "choice": "nothing shown" if shown is None else "random",
                "error": 100 * abs(np.median(values) - known[target]),
                "crps": 100 * float(crps(values, known[target])),
                "sd": 100 * values.std(),
            }
            rows += [found, {**found, "choice": "plan"}] if shown == chosen[target] else [found]
    print(model, chosen, flush=True)
    return pd.DataFrame(rows)


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """Return means by target and choice, and the plan's gain over chance."""
    by_model = cells.groupby(["target", "choice", "lineage", "model"], sort=False).mean()
    table = by_model.groupby(["target", "choice"], sort=False).mean()
    for target in by_model.index.unique("target"):
        both = by_model.loc[target, "crps"].unstack("choice")
        gain = (both["random"] - both["plan"]).groupby("lineage").agg(["sum", "size"])
        mean = gain["sum"].sum() / gain["size"].sum()
        away = gain["sum"] - mean * gain["size"]  # lineages are the clusters
        se = np.sqrt((away**2).sum() * len(gain) / (len(gain) - 1)) / gain["size"].sum()
        table.loc[(target, "plan"), ["crps_gain", "crps_gain_se"]] = mean, se
        table.loc[target, ["models", "lineages"]] = gain["size"].sum(), len(gain)
    return table


if __name__ == "__main__":
    main()
