"""Write the tables of ``docs/downstream.md`` and ``docs/test_time.md`` from the committed results.

::

    python benchmarks/beyond_page.py
"""

from __future__ import annotations

import pandas as pd
from planning_page import RESULTS, ROOT, fill


def downstream() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "downstream.csv")
    return pd.DataFrame(
        {
            "task": table["task"],
            "law": table["law"],
            "models / lineages": table["models"].astype(str)
            + " / "
            + table["lineages"].astype(str),
            "MAE": _with_error(table, "mae", 1),
            "median error": table["medae"].map("{:.1f}".format),
            "inside 50 %": table["coverage50"],
            "inside 90 %": _with_error(table, "coverage90", 2),
            "width 90 %": table["width90"].map("{:.0f}".format),
            "interval score": table["interval_score90"].map("{:.0f}".format),
        }
    )


def lineages() -> pd.DataFrame:
    """Return HumanEval by lineage: what was, and the mean of the forecasts."""
    cells = pd.read_csv(RESULTS / "downstream_cells.csv")
    own = cells[(cells["benchmark"] == "humaneval") & (cells["law"] == "skills")]
    inside = own["actual"].between(own["lower90"], own["upper90"])
    table = own.assign(inside=inside, models=1.0).groupby("fold", sort=False)
    means = table[["actual", "lower90", "median", "upper90", "inside"]].mean()
    means.insert(0, "models", table.size().astype(str))
    return means.rename(columns={"inside": "inside 90 %"}).rename_axis("lineage").reset_index()


def llama() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "downstream_llama.csv")
    bounds = zip(table["lower90"], table["upper90"], strict=True)
    return pd.DataFrame(
        {
            "task": table["task"],
            "family, 70B": table["family"],
            "score": table["actual"].map("{:.3f}".format),
            "here: median": table["median"].map("{:.3f}".format),
            "90 % interval": [f"{low:.3f} to {high:.3f}" for low, high in bounds],
            "Sloth paper (point)": table["published"].map("{:.3f}".format),
        }
    )


def test_time() -> pd.DataFrame:
    table = pd.read_csv(RESULTS / "test_time.csv")
    own = table[table["role"] == "never sampled"]
    return pd.DataFrame(
        {
            "scenario": own["scenario"],
            "k": own["k"].astype(str),
            "replicates": own["replicates"].astype(str),
            "truth, mean": own["actual"],
            "error, points": own["mae"].map("{:.1f}".format),
            "inside 90 %": _with_error(own, "coverage90", 2),
            "width 90 %, points": own["width90"].map("{:.0f}".format),
        }
    )


def _with_error(table: pd.DataFrame, name: str, digits: int) -> list[str]:
    pairs = zip(table[name], table[f"{name}_se"], strict=True)
    return [f"{value:.{digits}f} ± {error:.{digits}f}" for value, error in pairs]


def main() -> None:
    parts = {"families": downstream(), "lineages": lineages(), "llama": llama()}
    fill(ROOT / "docs" / "downstream.md", parts)
    fill(ROOT / "docs" / "test_time.md", {"test_time": test_time()})


if __name__ == "__main__":
    main()
