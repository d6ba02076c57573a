"""Compare the default model with other choices and the plain laws, at all three units.

Writes ``results/comparison.csv`` (a row for each unit and specification: ArviZ's comparison, with
the sampler's health), ``comparison_units.csv`` (models and families one by one),
``comparison_sensitivity.csv`` (without each family or benchmark, and with other priors) and
``comparison_agreement.csv`` (importance sampling beside exact refits of the default, for units
spread over the range of Pareto k). Scores are left out by importance sampling; models and
families, of which many have a high Pareto k, in five folds. Fits, densities and refits are kept in
``--keep``, so that a run that was stopped goes on; ``--sample`` does no more than make them,
``--agree`` no more than refit for the agreement::

    python benchmarks/comparison.py --specifications default flops size-tokens
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import benchmarks_of, compare, load_scores
from bayes_sloth.comparing.comparison import Comparison
from bayes_sloth.comparing.evaluating import evaluate, pareto_smoothed, refit
from bayes_sloth.comparing.grid import REFIT_SAMPLING, SAMPLING, kept_fit
from bayes_sloth.comparing.specifications import read_specification, read_specifications
from bayes_sloth.comparing.units import UNITS, folds_of
from bayes_sloth.scores import Scores
from bayes_sloth.specification import Specification

RESULTS = Path(__file__).parent / "results"
SPECIFICATIONS = [
    "default",
    "flops",
    "size-tokens",
    "skills=1",
    "skills=3",
    "link=logistic",
    "family_slopes=true",
    "pca",
    "sloth",
    "skills=4",
    "skills=5",
]
FOLDS = 5
REFITTED = 4  # units of each kind, from the lowest Pareto k to the highest


def rows_of(comparison: Comparison) -> pd.DataFrame:
    table = comparison.table().reset_index()
    table.insert(0, "unit", comparison.unit)
    names = ("rhat", "ess_bulk", "ess_tail", "divergences", "bfmi", "mode_gap")
    for name in names:
        table[name] = [getattr(comparison.health[s], name) for s in table["specification"]]
    pointwise = comparison.pointwise
    error = (pointwise["integration_error"] ** 2).sum("unit").to_series() ** 0.5
    away = pointwise["elpd"] - pointwise["elpd"].sel(specification=table["specification"][0])
    by_family = away.to_pandas().T.groupby(pointwise["family"].to_numpy()).sum()
    return table.assign(
        dse_family=(by_family.std() * len(by_family) ** 0.5)[table["specification"]].to_numpy(),
        refit_rhat=pointwise["refit_rhat"].max("unit").to_series()[table["specification"]].array,
        integration_error=error[table["specification"]].to_numpy(),
    )


def sample_all(name: str, specification: Specification, scores: Scores, folder: Path) -> None:
    """Fit and refit a specification, so that it is compiled once for all units."""
    fit = kept_fit(scores, specification, SAMPLING, folder)
    print(name, fit.health.sentence(), flush=True)
    for unit in ("model", "family"):
        for group in folds_of(fit.design, unit, FOLDS):
            started = time.perf_counter()
            done = refit(scores, specification, unit, group, REFIT_SAMPLING, folder)
            elpd, rhat = sum(one["elpd"] for one in done), max(one["rhat"] for one in done)
            seconds = time.perf_counter() - started
            print(name, unit, f"elpd {elpd:.1f}, R-hat {rhat:.2f}, {seconds:.0f} s", flush=True)


def sensitivities(comparison: Comparison) -> pd.DataFrame:
    aspects = {"score": ["benchmark"], "family": ["family", "prior"]}.get(comparison.unit, [])
    found = [
        comparison.sensitivity(aspect).reset_index().assign(unit=comparison.unit, to=aspect)
        for aspect in aspects
    ]
    return pd.concat(found) if found else pd.DataFrame()


def agreement(scores: Scores, folder: Path) -> pd.DataFrame:
    specification, rows = read_specification("default")[1], []
    for unit in ("family", "model"):
        densities = evaluate(scores, specification, SAMPLING, unit, folder)[1]
        smoothed = pareto_smoothed(densities).drop_vars("family").to_dataframe()
        ranked = smoothed.sort_values("pareto_k")
        spread = np.linspace(0, len(ranked) - 1, REFITTED).round().astype(int)
        for name, row in ranked.iloc[spread].iterrows():
            started = time.perf_counter()
            exact = refit(scores, specification, unit, [str(name)], REFIT_SAMPLING, folder)[0]
            print(unit, exact, f"{time.perf_counter() - started:.0f} s", flush=True)
            about = {"kind": unit, "unit": name, "scores": int(row["scores"])}
            psis = {"pareto_k": row["pareto_k"], "psis_elpd": row["elpd"], "lppd": row["lppd"]}
            found = {k: exact[k] for k in ("error", "rhat", "ess", "divergences")}
            rows.append({**about, **psis, "refit_elpd": exact["elpd"], **found})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specifications", nargs="+", default=SPECIFICATIONS)
    parser.add_argument("--keep", default="comparison", help="folder of finished fits and refits")
    parser.add_argument("--sample", action="store_true", help="fit and refit, and stop there")
    parser.add_argument("--agree", action="store_true", help="refit for the agreement, no more")
    arguments = parser.parse_args()
    folder = Path(arguments.keep)
    named = read_specifications(arguments.specifications)
    scores, _ = load_scores().select(benchmarks_of("both")).with_size_and_tokens()
    if arguments.sample:
        for name, specification in named.items():
            sample_all(name, specification, scores, folder)
        return
    if arguments.agree:
        agreement(scores, folder).round(4).to_csv(RESULTS / "comparison_agreement.csv", index=False)
        return
    tables, units, changes = [], [], []
    for unit in UNITS:
        how = "none" if unit == "score" else "folds"
        found = compare(named, scores, unit, refits=how, folds=FOLDS, folder=folder)
        print(found, flush=True)
        tables.append(rows_of(found))
        changes.append(sensitivities(found))
        if unit != "score":
            pointwise = found.pointwise.to_dataframe().reset_index()
            units.append(pointwise.assign(kind=unit, good_k=found.pointwise.attrs["good_k"]))
    for name, parts in (("", tables), ("_units", units), ("_sensitivity", changes)):
        table = pd.concat(parts, ignore_index=True).round(4)
        table.to_csv(RESULTS / f"comparison{name}.csv", index=False)


if __name__ == "__main__":
    main()
