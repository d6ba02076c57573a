"""Write ``docs/comparison.md`` and its pictures from the committed results; fits nothing.

::

    python benchmarks/comparison_page.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from comparison import FOLDS, SPECIFICATIONS
from matplotlib.figure import Figure
from results_page import markdown

from bayes_sloth.comparing.comparison_plots import plot_comparison, plot_sensitivity
from bayes_sloth.comparing.specifications import read_specification
from bayes_sloth.health import ESS_LIMIT, MODE_LIMIT, RHAT_LIMIT
from bayes_sloth.plots import BLUE, GREY

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
QUESTIONS = {
    "score": "A score left out: fill in a missing cell",
    "model": "A model left out: forecast a new model of a known family",
    "family": "A family left out: forecast a family nobody has seen",
}

TEXT = """# Which model? A comparison of specifications

Written by `benchmarks/comparison_page.py` from what `benchmarks/comparison.py` measured on the
bundled leaderboard, all twelve benchmarks. **elpd** is the log density that a specification gives
to what it has not seen, summed over what is left out; **higher is better**, and `elpd_diff` is the
distance from the best. Its standard error `dse` counts units as independent; those of a family rise
and fall together, and `dse, families` takes families for the units. A difference within two of the
larger one, or below 4, is none. [A notebook](../notebooks/model_comparison.ipynb) tells what can be
concluded, and what cannot.

What is left out is a choice, and answers another question each time. For models and families the
effects of what is left out (its skill, its variant's deviation, its lineage's level, its slope) are
integrated over for each posterior draw (`bayes_sloth/comparing/integrals.py`).

- A **score** is left out by Pareto-smoothed importance sampling. `high k` counts the scores for
  which that is too favourable; none of those was refitted.
- **Models** and **families** are left out in {folds} folds, the same for all specifications: the
  model is sampled again without each (`--refit folds`), as importance sampling fails for many of
  them (`high k` says for how many it would have). `PSIS` is the elpd that it gives.

{specifications}
{missing}
{tables}
![elpd differences](comparison.png)

Hollow points rest on importance sampling that cannot be trusted for some of the units.

## The sampler

Each fit has 2 chains of 500 draws after 500 steps of adaptation: enough to compare, too few to pass
every limit of a fit to be published (R-hat {rhat}, ESS {ess}). {modes}

A refit has 2 chains of 300 draws; `error of the refits` is the Monte Carlo standard error of their
sum of elpd, `R-hat of the refits` the largest of a unit's log density; each for models and for
families.

{health}

## Importance sampling beside exact refits

Units of the default model, from the lowest Pareto k to the highest, each refitted alone.
`refit_elpd` is from a posterior that has not seen the unit (`error`: Monte Carlo), `lppd` from the
one that has.

{agreement}

All units of the default model, importance sampling less the refit of the unit's fold (which has
lost other units too, and so knows a little less):

![importance sampling beside refits](comparison_agreement.png)

## What the family comparison rests on

Each family is taken out of the sums in turn, and each prior raised to the powers 0.8 and 1.25
(wider, tighter; by weighting the draws). The five changes that move a difference most:

{changes}

![what it rests on](comparison_sensitivity.png)
"""


def tables(results: pd.DataFrame, units: pd.DataFrame) -> str:
    psis = units.groupby(["kind", "specification"])["psis_elpd"].sum()
    high = (units["pareto_k"] > units["good_k"]).groupby([units["kind"], units["specification"]])
    columns = ["specification", "elpd", "elpd_diff", "dse", "dse_family", "p_loo"]
    columns += ["stacking", "pseudo_bma"]
    parts = []
    for unit, question in QUESTIONS.items():
        part = results[results["unit"] == unit]
        shown = part[columns].copy()
        count = part["high_k"].to_numpy()
        if unit != "score":
            shown.insert(
                2, "PSIS", psis[unit][part["specification"]].map("{:.1f}".format).to_numpy()
            )
            count = high.sum()[unit][part["specification"]].to_numpy()
        for column in ("elpd", "elpd_diff", "dse", "dse_family", "p_loo"):
            shown[column] = shown[column].map("{:.1f}".format)
        for column in ("stacking", "pseudo_bma"):
            shown[column] = shown[column].map("{:.2f}".format)
        shown["high k"] = [f"{k} of {n}" for k, n in zip(count, part["units"], strict=True)]
        shown = shown.rename(columns={"dse_family": "dse, families"})
        parts.append(f"## {question}\n\n{markdown(shown)}\n")
    return "\n".join(parts)


def health(results: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    squares = (units["refit_error"] ** 2).groupby([units["specification"], units["kind"]]).sum()
    error = (squares**0.5).unstack()
    rhat = results.pivot(index="specification", columns="unit", values="refit_rhat")
    part = results[results["unit"] == "score"].set_index("specification")
    shown = pd.DataFrame(
        {
            "R-hat, largest": part["rhat"].map("{:.3f}".format),
            "ESS, smallest": part[["ess_bulk", "ess_tail"]].min(axis=1).map("{:.0f}".format),
            "divergences": part["divergences"],
            "log density gap of chains, sd": part["mode_gap"].map("{:.2f}".format),
            "BFMI": part["bfmi"].map("{:.2f}".format),
            "R-hat of the refits": [
                f"{rhat.at[name, 'model']:.2f}, {rhat.at[name, 'family']:.2f}"
                for name in part.index
            ],
            "error of the refits": [
                f"{error.at[name, 'model']:.1f}, {error.at[name, 'family']:.1f}"
                for name in part.index
            ],
        }
    )
    return shown.reset_index()


def modes(results: pd.DataFrame) -> str:
    apart = results[results["mode_gap"] > MODE_LIMIT]["specification"].unique()
    if not len(apart):
        return (
            "The log densities of no specification's chains lie apart, which does not rule out "
            "another mode that neither has met."
        )
    return f"**Chains in different modes: {', '.join(apart)}**; their rows say little."


def missing(names: list[str]) -> str:
    left = [f"`{name}`" for name in SPECIFICATIONS if name not in names]
    if not left:
        return ""
    return f"**Not run yet**, so nothing is said of them here: {', '.join(left)}.\n"


def specifications(names: list[str]) -> pd.DataFrame:
    rows = [(name, read_specification(name)[1].describe()) for name in names]
    return pd.DataFrame(rows, columns=["specification", "model"])


def changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the changes that move a difference most, away from that of the whole comparison."""
    part = table[table["unit"] == "family"].set_index(["changed", "specification"])
    whole = part["elpd_diff"].xs("nothing", level="changed").groupby(level=0).first()
    moved = part["elpd_diff"].drop("nothing", level="changed").rename("with the change")
    found = moved.reset_index()
    found["all"] = whole[found["specification"]].to_numpy()
    order = (found["with the change"] - found["all"]).abs().nlargest(5).index
    shown = found.loc[order, ["specification", "changed", "all", "with the change"]]
    return shown.assign(**{c: shown[c].map("{:.1f}".format) for c in ("all", "with the change")})


def agreement() -> str:
    file = RESULTS / "comparison_agreement.csv"
    if not file.is_file():
        return "Not measured yet: `python benchmarks/comparison.py --agree`."
    return markdown(pd.read_csv(file).drop(columns=["ess"]))


def plot_agreement(units: pd.DataFrame) -> Figure:
    """Draw importance sampling less the refit against Pareto k, for models and for families."""
    figure = plt.figure(figsize=(8, 3.2), layout="constrained")
    for ax, (kind, part) in zip(figure.subplots(1, 2), units.groupby("kind"), strict=True):
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.axvline(part["good_k"].iloc[0], color=GREY, linewidth=0.8, linestyle="dashed")
        ax.plot(part["pareto_k"], part["psis_elpd"] - part["refit_elpd"], ".", color=BLUE)
        ax.set_title(f"{kind} left out", fontsize="medium", loc="left")
        ax.set_xlabel("Pareto k (dashed: its limit)")
        ax.set_ylabel("elpd, PSIS less refit")
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    mpl.use("Agg")
    results = pd.read_csv(RESULTS / "comparison.csv")
    sensitivity = pd.read_csv(RESULTS / "comparison_sensitivity.csv")
    units = pd.read_csv(RESULTS / "comparison_units.csv")
    names = list(results["specification"].unique())
    page = TEXT.format(
        specifications=markdown(specifications(names)) + "\n",
        missing=missing(names),
        tables=tables(results, units),
        folds=FOLDS,
        rhat=RHAT_LIMIT,
        ess=ESS_LIMIT,
        modes=modes(results),
        health=markdown(health(results, units)),
        agreement=agreement(),
        changes=markdown(changes(sensitivity)),
    )
    (DOCS / "comparison.md").write_text(page)
    default = units[units["specification"] == "default"]
    plot_agreement(default).savefig(DOCS / "comparison_agreement.png", dpi=120)
    by_unit = {u: results[results["unit"] == u].set_index("specification") for u in QUESTIONS}
    plot_comparison(by_unit)[0].figure.savefig(DOCS / "comparison.png", dpi=120)
    part = sensitivity[(sensitivity["unit"] == "family") & (sensitivity["to"] == "family")]
    ax = plot_sensitivity(part.set_index(["changed", "specification"]))
    ax.figure.savefig(DOCS / "comparison_sensitivity.png", dpi=120)


if __name__ == "__main__":
    main()
