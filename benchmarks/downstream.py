"""Measure forecasts of downstream scores; write what came of it.

Three parts, chosen by ``--parts``:

``llama``
    The published test: Llama-3-70B and its tuned version held out altogether, leaderboard scores
    and all (and the descendant of the latter). The skills model is fitted without them (kept in
    ``--keep``), and their downstream scores are forecast from family, size and tokens alone.
    Writes ``results/downstream_llama.csv``.
``families``
    Leave one lineage out: its downstream scores are hidden, its leaderboard scores are not, as a
    second stage and its rivals use them. Writes ``results/downstream_cells.csv`` and
    ``results/downstream.csv``.
``prior``
    What the prior says of HumanEval before any score of it: ``results/downstream_prior.csv``.

    python benchmarks/downstream.py --fit fit.nc --parts prior families llama
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import benchmarks_of, fit, load_fit, load_scores
from bayes_sloth.baselines.conformal import conformal_intervals
from bayes_sloth.downstream.baselines import BASELINES
from bayes_sloth.downstream.forecasting import forecast_downstream, prior_forecast
from bayes_sloth.downstream.measurements import Measurements, measurements
from bayes_sloth.metrics import crps, score_cells
from bayes_sloth.sampling import Sampling

RESULTS = Path(__file__).parent / "results"
TASKS = ["humaneval", "eq_bench", "agentbench_overall"]
HELD_OUT = ["meta-llama-3-70b", "meta-llama-3-70b-instruct", "llama-3-sauerkrautlm-70b-instruct"]
PUBLISHED = {  # forecast and score, read from the figures of arXiv:2412.06540
    ("humaneval", "meta-llama-3"): (0.378, 0.524),
    ("humaneval", "meta-llama-3-instruct"): (0.751, 0.774),
    ("eq_bench", "meta-llama-3-instruct"): (0.872, 0.821),
}
QUANTILES = {"median": 0.5, "lower50": 0.25, "upper50": 0.75, "lower80": 0.1, "upper80": 0.9,
             "lower90": 0.05, "upper90": 0.95}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", default="fit.nc")
    parser.add_argument("--keep", default="llama.nc", help="the fit without Llama-3-70B")
    parser.add_argument("--parts", nargs="+", default=["prior", "families", "llama"])
    arguments = parser.parse_args()
    for part in arguments.parts:
        print(PARTS[part](arguments).round(3).to_string(), flush=True)


def llama(arguments) -> pd.DataFrame:
    if not Path(arguments.keep).is_file():
        scores = load_scores().select(benchmarks_of("both"))
        hidden = pd.DataFrame(True, index=HELD_OUT, columns=scores.values.columns)
        sampling = Sampling(tune=700, draws=1500)
        fit(scores.hide(hidden), sampling=sampling, progress=False).save(arguments.keep)
    posterior = load_fit(arguments.keep)
    rows = []
    for (task, family), (published, actual) in PUBLISHED.items():
        forecast = forecast_downstream(
            measurements(task), posterior, family=family, params_b=70, tokens_t=15
        )
        row = {"task": task, "family": family, "actual": actual, "published": published}
        row |= forecast.table().iloc[0].to_dict()
        health = posterior.health
        rows.append(row | {"pareto_k": forecast.importance.pareto_k, "rhat": health.rhat,
                           "skills_fit_passed": health.passed})  # fmt: skip
    table = pd.DataFrame(rows)
    table.round(4).to_csv(RESULTS / "downstream_llama.csv", index=False)
    return table


def families(arguments) -> pd.DataFrame:
    posterior = load_fit(arguments.fit)
    cells = pd.concat(_task_cells(name, posterior) for name in TASKS)
    return write(cells)


def write(cells: pd.DataFrame) -> pd.DataFrame:
    """Write the cells, and errors by task and law."""
    cells.round(5).to_csv(RESULTS / "downstream_cells.csv", index=False)
    rows = []
    for (task, law), part in cells.groupby(["benchmark", "law"], sort=False):
        done = score_cells(part)
        errors = {f"{name}_se": value for name, value in done.standard_errors.items()}
        rows.append({"task": task, "law": law, "models": len(part),
                     "lineages": part["fold"].nunique(), **done.summary, **errors,
                     "largest_pareto_k": part["pareto_k"].max()})  # fmt: skip
    table = pd.DataFrame(rows)
    table.round(4).to_csv(RESULTS / "downstream.csv", index=False)
    return table


def _task_cells(name: str, posterior) -> pd.DataFrame:
    """Return forecasts of every model of a task, its lineage held out, by law."""
    task, _ = measurements(name).among(posterior.scores.models.index)
    lineage = posterior.scores.models["lineage"]
    points: dict[str, list[pd.DataFrame]] = {law: [] for law in BASELINES}
    ours = []
    for fold, rows in task.table.groupby(task.table["model"].map(lineage), sort=False):
        rest = replace(task, table=task.table.drop(rows.index).reset_index(drop=True))
        about = {"fold": fold, "lineage": fold, "model": rows["model"].to_numpy(),
                 "benchmark": name, "actual": rows["score"].to_numpy() / task.upper}  # fmt: skip
        ours.append(_ours(rest, posterior, about))
        for law, baseline in BASELINES.items():
            median = baseline(rest, posterior.scores, about["model"]) / task.upper
            points[law].append(pd.DataFrame({**about, "median": median}))
    rivals = [conformal_intervals(pd.concat(parts, ignore_index=True)).assign(law=law)
              for law, parts in points.items()]  # fmt: skip
    return pd.concat([pd.concat(ours).assign(law="skills"), *rivals], ignore_index=True)


def _ours(rest: Measurements, posterior, about: dict) -> pd.DataFrame:
    """Return forecasts of a fold's models from their skills."""
    forecast = forecast_downstream(rest, posterior, known=list(about["model"]))
    print(rest.task, about["fold"], forecast.importance.sentence(), flush=True)
    draws = forecast.draws.to_numpy() / rest.upper
    bands = {key: np.quantile(draws, level, axis=0) for key, level in QUANTILES.items()}
    return pd.DataFrame({**about, **bands, "crps": crps(draws.T, about["actual"]),
                         "pareto_k": forecast.importance.pareto_k})  # fmt: skip


def prior(arguments) -> pd.DataFrame:
    posterior = load_fit(arguments.fit)
    names = ["pythia-70m", "llama-2-7b", "meta-llama-3-8b", "meta-llama-3-70b-instruct"]
    table = prior_forecast(measurements("humaneval"), posterior, known=names).table()
    table.round(4).to_csv(RESULTS / "downstream_prior.csv")
    return table


PARTS = {"llama": llama, "families": families, "prior": prior}

if __name__ == "__main__":
    main()
