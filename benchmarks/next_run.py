"""Compare the benchmark that a plan says to run next with one chosen at random.

Each hidden model with all twelve scores (`hidden.py`) is forecast on each of the three hardest
benchmarks; then one more of its scores is shown, chosen by the plan or each of the others in turn
(their mean is what random choice gives), and the forecast compared with the score. Writes
``results/next_run.csv``: mean absolute error of the median, CRPS and predictive sd, in points::

    python benchmarks/next_run.py --keep hidden
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from hidden import RESULTS, SEED, all_scores, fit_hidden, hide, questions
from partial_scores import thin

from bayes_sloth import forecast, plan_next
from bayes_sloth.metrics import crps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, default=Path("hidden"), help="folder of the fits")
    parser.add_argument("--models", type=int, default=16)
    arguments = parser.parse_args()
    scores = all_scores()
    fit = thin(fit_hidden(arguments.keep)["base"], 4)
    chance = scores.benchmarks["chance"]
    targets = list(((scores.values - chance) / (1 - chance)).mean().nsmallest(3).index)
    gone = hide(scores).values.isna().all(axis=1) & scores.values.notna().all(axis=1)
    rng = np.random.default_rng(SEED)
    models = rng.choice(scores.values.index[gone], min(arguments.models, gone.sum()), replace=False)
    rows = []
    for model in models:
        asked = questions(scores, fit, pd.Index([model]))
        actual = scores.values.loc[model]
        about = asked.iloc[0].to_dict()
        chosen = {target: plan_next(fit, target, **about).ranking.index[0] for target in targets}
        for shown in (None, *actual.index):
            told = None if shown is None else pd.DataFrame({shown: [actual[shown]]}, index=[model])
            draws = forecast(fit, asked, observed=told).draws.isel(model=0)
            for target in targets:
                if shown == target:
                    continue
                values = draws.sel(benchmark=target).to_numpy()
                rows.append(
                    {
                        "target": target,
                        "choice": "nothing shown" if shown is None else "random",
                        "error": 100 * abs(np.median(values) - actual[target]),
                        "crps": 100 * float(crps(values, actual[target])),
                        "sd": 100 * values.std(),
                    }
                )
                if shown == chosen[target]:
                    rows.append({**rows[-1], "choice": "plan"})
        print(model, flush=True)
    table = pd.DataFrame(rows).groupby(["target", "choice"], sort=False).mean()
    print(table.round(2))
    table.assign(models=len(models)).round(4).to_csv(RESULTS / "next_run.csv")


if __name__ == "__main__":
    main()
