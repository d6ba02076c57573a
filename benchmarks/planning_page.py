"""Write the tables of ``docs/planning.md`` from the committed results; computes no forecast.

::

    python benchmarks/planning_page.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from results_page import markdown

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


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
    return pd.read_csv(RESULTS / f"{name}.csv")[columns]


def main() -> None:
    scored = ["mae", "coverage90", "width90", "interval_score90", "passed"]
    tables = {
        "conditioning": conditioning(),
        "partial": read("partial_scores", ["setting", "scores", "method", *scored]).fillna(""),
        "speed": read("conditioning_speed", ["what", "models", "scores", "seconds"]).astype(
            {"models": str, "scores": str}
        ),
        "next_run": read(
            "next_run", ["target", "choice", "error", "crps", "sd", "crps_gain", "crps_gain_se"]
        ).fillna(""),
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
    fill(ROOT / "docs" / "planning.md", tables)


def fill(file: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Put each table between the marks of its name: ``<!-- name -->`` and ``<!-- /name -->``."""
    page = file.read_text()
    for name, table in tables.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = page.split(start)
        _, after = rest.split(end)
        page = f"{before}{start}\n{markdown(table)}\n{end}{after}"
    file.write_text(page)


if __name__ == "__main__":
    main()
