"""Write the tables of ``docs/planning.md`` from the committed results; computes no forecast.

::

    python benchmarks/planning_page.py
"""

from __future__ import annotations

import pandas as pd
from page_blocks import RESULTS, write_page
from results_page import markdown


def conditioning() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "conditioning.csv")
    parts = ("mean", "lower90", "upper90")
    for part in parts:
        table[part] = table[f"{part}_difference"].abs()
        table[f"{part} error"] = table[f"{part}_mcse"]
    grouped = table.groupby(["model", "status", "scores"], sort=False)
    worst = grouped[list(parts)].max()
    worst["largest Monte Carlo error of an end"] = grouped["lower90 error"].max()
    worst["Pareto k"] = grouped["pareto_k"].max()
    worst["ESS"] = grouped["ess"].min().round().astype(int).astype(str)
    worst["fits: R-hat"] = grouped["rhat"].max().map("{:.3f}".format)
    worst["fits: ESS"] = grouped["fit_ess"].min().round().astype(int).astype(str)
    worst["fits passed"] = grouped["fits_passed"].all().map({True: "yes", False: "no"})
    return worst.reset_index()


def read(name: str, columns: list[str]) -> pd.DataFrame:
    """Return columns of a table of results."""
    return pd.read_csv(RESULTS / f"{name}.csv")[columns]


def blank(table: pd.DataFrame) -> pd.DataFrame:
    """Leave a cell empty where a number is not known."""
    return table.astype(object).where(table.notna(), "")


def blocks() -> dict[str, str]:
    scored = ["mae", "coverage90", "width90", "interval_score90", "passed"]
    tables = {
        "conditioning": conditioning(),
        "partial": read("partial_scores", ["setting", "scores", "method", *scored]),
        "speed": read("conditioning_speed", ["what", "models", "scores", "seconds"]).astype(
            {"models": str, "scores": str}
        ),
        "next_run": read(
            "next_run", ["target", "choice", "error", "crps", "sd", "crps_gain", "crps_gain_se"]
        ),
        "own_benchmark": read(
            "own_benchmark",
            [
                "benchmark",
                "scores",
                "mae",
                "mae_of_the_mean",
                "coverage90",
                "coverage90_se",
                "width90",
                "interval_score90",
                "passed",
            ],
        ),
    }
    return {name: markdown(blank(table)) for name, table in tables.items()}


if __name__ == "__main__":
    write_page("planning", blocks())
