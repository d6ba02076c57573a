"""Write the figures of ``docs/downstream.md`` from the committed results; computes no forecast.

::

    python benchmarks/downstream_page.py
"""

from __future__ import annotations

import pandas as pd
from page_blocks import RESULTS, write_page
from results_page import markdown


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / f"{name}.csv")


def left_out_table(results: pd.DataFrame) -> pd.DataFrame:
    def with_error(name: str, digits: int) -> list[str]:
        return [
            f"{value:.{digits}f} ± {error:.{digits}f}"
            for value, error in zip(results[name], results[f"{name}_se"], strict=True)
        ]

    return pd.DataFrame(
        {
            "task": results["task"],
            "law": results["law"],
            "models / lineages": [
                f"{models} / {lineages}"
                for models, lineages in zip(results["models"], results["lineages"], strict=True)
            ],
            "MAE": with_error("mae", 1),
            "median error": results["medae"].map("{:.1f}".format),
            "inside 50 %": results["coverage50"],
            "inside 90 %": with_error("coverage90", 2),
            "width 90 %": results["width90"].map("{:.0f}".format),
            "interval score": results["interval_score90"].map("{:.0f}".format),
        }
    )


def lineage_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Return HumanEval by lineage: what was, and the mean of the forecasts."""
    own = cells[(cells["benchmark"] == "humaneval") & (cells["law"] == "skills")]
    inside = own["actual"].between(own["lower90"], own["upper90"])
    table = own.assign(inside=inside).groupby("fold", sort=False)
    means = table[["actual", "lower90", "median", "upper90", "inside"]].mean()
    means.insert(0, "models", table.size().astype(str))
    return means.rename(columns={"inside": "inside 90 %"}).rename_axis("lineage").reset_index()


def llama_table(results: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": results["task"],
            "family, 70B": results["family"],
            "score": results["actual"].map("{:.3f}".format),
            "here: median": results["median"].map("{:.3f}".format),
            "90 % interval": [
                f"{low:.3f} to {high:.3f}"
                for low, high in zip(results["lower90"], results["upper90"], strict=True)
            ],
            "Sloth paper (point)": results["published"].map("{:.3f}".format),
        }
    )


def prior_sentence(prior: pd.DataFrame) -> str:
    small, middle = (prior.set_index("model").loc[m] for m in ("pythia-70m", "llama-2-7b"))
    return (
        f"Pythia-70M below {small['upper90']:.2f} and Llama-2-7B from {middle['lower90']:.2f} to "
        f"{middle['upper90']:.2f} (90 %)"
    )


def blocks() -> dict[str, str]:
    llama = read("downstream_llama")
    return {
        "left_out": markdown(left_out_table(read("downstream"))),
        "lineages": markdown(lineage_table(read("downstream_cells"))),
        "llama": markdown(llama_table(llama)),
        "prior": prior_sentence(read("downstream_prior")),
    }


if __name__ == "__main__":
    write_page("downstream", blocks())
