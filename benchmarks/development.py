"""Compare choices of the model on development families, which take part in no published fold.

Variants with at least two complete models that no published fold holds out are hidden but for
their smallest models, a third of the lineages at a time, and forecast. No score that the results
page reports on is a test score here. Writes ``results/development.csv``: a row for each choice,
with its CRPS against the default's, cell by cell, and the standard error of that difference by
bootstrap over variants. Finished folds are kept in ``--keep``::

    python benchmarks/development.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import Specification, benchmarks_of, load_scores
from bayes_sloth.backtesting import QUANTILES, run_fold
from bayes_sloth.folds import Fold, complete_models, make_folds, suite_benchmarks
from bayes_sloth.metrics import score_cells
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, data_folder

RESULTS = Path(__file__).parent / "results"
SETTINGS = [("v1", 1), ("v2", 1), ("v1", 2)]
SAMPLING = Sampling(chains=2, tune=300, draws=300)
FLAT = {"ceiling_fraction": {"alpha": 2.0, "beta": 2.0}}
CHOICES = {
    "default": Specification(),
    "no square of size": Specification(covariates="sloth"),
    "flat prior of ceilings": Specification(priors=FLAT),
    "wider prior of the link's shape": Specification(priors={"link_shape": {"sigma": 1.0}}),
    "one skill": Specification(skills=1),
    "three skills": Specification(skills=3),
    "logistic link": Specification(link="logistic"),
    "family slopes": Specification(family_slopes=True),
    "a law of FLOPs for each benchmark": Specification(skills=0, covariates="flops"),
}


def development_folds(scores: Scores) -> list[Fold]:
    published = set(pd.read_csv(data_folder() / "sloth_folds.csv")["variant"])
    folds = []
    for suite, seen in SETTINGS:
        variants = complete_models(scores, suite_benchmarks(scores, suite))
        sizes = variants[~variants.isin(published)].value_counts()
        taking_part = sizes.index[sizes > seen].sort_values()
        lineage = scores.models.groupby("variant")["lineage"].first()[taking_part]
        third = pd.Series(pd.factorize(lineage, sort=True)[0] % 3, index=taking_part)
        groups = [list(part.index) for _, part in third.groupby(third)]
        folds += make_folds(scores, suite, seen, grouping=groups)
    return folds


def difference(cells: pd.DataFrame, default: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return the mean difference from the default, and its bootstrap error over variants."""
    gap = 100 * (cells[column].to_numpy() - default[column].to_numpy())
    by_variant = pd.Series(gap).groupby(cells["variant"].to_numpy()).agg(["sum", "size"]).to_numpy()
    rng = np.random.default_rng(1)
    drawn = by_variant[rng.integers(len(by_variant), size=(2000, len(by_variant)))].sum(axis=1)
    return float(gap.mean()), float((drawn[:, 0] / drawn[:, 1]).std())


def forecasts(choices: dict[str, Specification], keep: str) -> dict[str, pd.DataFrame]:
    """Return the forecasts of each choice, cell by cell; finished folds stay in `keep`."""
    scores, _ = load_scores(errata=False).select(benchmarks_of("both")).with_size_and_tokens()
    folds = development_folds(scores)
    tables = {}
    for name, specification in choices.items():
        cells = []
        for fold in folds:
            where = Path(keep) / name.replace(" ", "_") / f"{fold.suite}{fold.seen}"
            part, about = run_fold(scores, fold, specification, [SAMPLING], where)
            print(name, fold.suite, fold.seen, about, flush=True)
            cells.append(part.assign(fold=f"{fold.suite} {fold.seen} {fold.name}"))
        table = pd.concat(cells, ignore_index=True)
        tables[name] = table.assign(error=(table["median"] - table["actual"]).abs())
    return tables


def compared(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each choice, against the first of them."""
    rows, default = [], next(iter(tables.values()))
    for name, table in tables.items():
        crps, crps_se = difference(table, default, "crps")
        mae, mae_se = difference(table, default, "error")
        summary = score_cells(table).summary
        rows.append(
            {"choice": name, "cells": len(table), **summary, "mean_pit": table["pit"].mean()}
            | {"crps_difference": crps, "crps_difference_se": crps_se}
            | {"error_difference": mae, "error_difference_se": mae_se}
        )
        print(pd.Series(rows[-1]).to_string(), flush=True)
    return pd.DataFrame(rows).round(4)


def averages(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each set of choices whose quantiles are averaged with the default's."""
    default_name, *others = tables
    default, rows = tables[default_name], []
    for members in ([default_name, other] for other in others):
        rows.append(averaged(members, tables, default))
    rows.append(averaged(list(tables), tables, default) | {"average_of": "all of them"})
    return pd.DataFrame(rows).round(4)


def averaged(
    members: list[str], tables: dict[str, pd.DataFrame], default: pd.DataFrame
) -> dict[str, str | float]:
    """Return how the average of the quantiles of some choices forecasts, against the default."""
    names = list(QUANTILES)
    mean = sum(tables[name][names] for name in members) / len(members)
    table = default.assign(**mean)
    table["error"] = (table["median"] - table["actual"]).abs()
    mae, mae_se = difference(table, default, "error")
    summary = score_cells(table).summary
    chosen = {name: summary[name] for name in ("mae", "coverage90", "interval_score90")}
    about = {"average_of": " + ".join(members), "cells": len(table), **chosen}
    return about | {"error_difference": mae, "error_difference_se": mae_se}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choices", nargs="+", default=list(CHOICES), choices=list(CHOICES))
    parser.add_argument("--keep", default="development", help="folder of finished folds")
    arguments = parser.parse_args()
    chosen = {name: CHOICES[name] for name in arguments.choices}
    tables = forecasts(chosen, arguments.keep)
    compared(tables).to_csv(RESULTS / "development.csv", index=False)
    averages(tables).to_csv(RESULTS / "development_average.csv", index=False)


if __name__ == "__main__":
    main()
