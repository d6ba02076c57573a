"""Write ``docs/comparison.md`` and its pictures from the committed results; fits nothing.

::

    python benchmarks/comparison_page.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from comparison import SPECIFICATIONS
from results_page import markdown

from bayes_sloth.comparing.comparison_plots import plot_comparison, plot_sensitivity
from bayes_sloth.comparing.specifications import read_specification
from bayes_sloth.health import ESS_LIMIT, MODE_LIMIT, RHAT_LIMIT

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
to what it has not seen, summed over what is left out one at a time; **higher is better**, and
`elpd_diff` is the distance from the best, with its standard error `dse`. A difference within two
standard errors, or below 4, is none.

What is left out is a choice, and answers another question each time. For models and families the
effects of what is left out (its skill, its variant's deviation, its lineage's level, its slope) are
integrated over for each posterior draw (`bayes_sloth/comparing/integrals.py`); then leave-one-out
is by Pareto-smoothed importance sampling. Where Pareto k is high, that estimate is too favourable,
and `high k` counts those units: **nothing was refitted for these tables**, which takes hours;
`bayes-sloth compare` does so by default (`--refit high`), unit by unit, and goes on where it
stopped. The fits are of the model before the square of size was among its covariates, and before
the present prior of ceilings.

{specifications}
{missing}
{tables}
![elpd differences](comparison.png)

Hollow points: importance sampling cannot be trusted for some of the units.

## The sampler

Each fit has 2 chains of 500 draws after 500 steps of adaptation: enough to compare, too few to pass
every limit of a fit to be published (R-hat {rhat}, ESS {ess}). {modes}

{health}

## Importance sampling beside exact refits

Units of the default model, from the lowest Pareto k to the highest. `refit_elpd` is from a
posterior that has not seen the unit (`error`: Monte Carlo), `lppd` from the one that has.

{agreement}

## What the family comparison rests on

Each family is taken out of the sums in turn, and each prior raised to the powers 0.8 and 1.25
(wider, tighter; by weighting the draws). The five changes that move a difference most:

{changes}

![what it rests on](comparison_sensitivity.png)
"""


def tables(results: pd.DataFrame) -> str:
    columns = ["specification", "elpd", "elpd_diff", "dse", "p_loo", "stacking", "pseudo_bma"]
    parts = []
    for unit, question in QUESTIONS.items():
        part = results[results["unit"] == unit]
        shown = part[columns].copy()
        for column in ("elpd", "elpd_diff", "dse", "p_loo"):
            shown[column] = shown[column].map("{:.1f}".format)
        for column in ("stacking", "pseudo_bma"):
            shown[column] = shown[column].map("{:.2f}".format)
        shown["high k"] = [
            f"{k} of {n}" for k, n in zip(part["high_k"], part["units"], strict=True)
        ]
        parts.append(f"## {question}\n\n{markdown(shown)}\n")
    return "\n".join(parts)


def health(results: pd.DataFrame) -> pd.DataFrame:
    part = results[results["unit"] == "score"].set_index("specification")
    shown = pd.DataFrame(
        {
            "R-hat, largest": part["rhat"].map("{:.3f}".format),
            "ESS, smallest": part[["ess_bulk", "ess_tail"]].min(axis=1).map("{:.0f}".format),
            "divergences": part["divergences"],
            "log density gap of chains, sd": part["mode_gap"].map("{:.2f}".format),
        }
    )
    return shown.reset_index()


def modes(results: pd.DataFrame) -> str:
    apart = results[results["mode_gap"] > MODE_LIMIT]["specification"].unique()
    if not len(apart):
        return "No specification has chains in different modes."
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


def main() -> None:
    mpl.use("Agg")
    results = pd.read_csv(RESULTS / "comparison.csv")
    sensitivity = pd.read_csv(RESULTS / "comparison_sensitivity.csv")
    names = list(results["specification"].unique())
    page = TEXT.format(
        specifications=markdown(specifications(names)) + "\n",
        missing=missing(names),
        tables=tables(results),
        rhat=RHAT_LIMIT,
        ess=ESS_LIMIT,
        modes=modes(results),
        health=markdown(health(results)),
        agreement=agreement(),
        changes=markdown(changes(sensitivity)),
    )
    (DOCS / "comparison.md").write_text(page)
    by_unit = {u: results[results["unit"] == u].set_index("specification") for u in QUESTIONS}
    plot_comparison(by_unit)[0].figure.savefig(DOCS / "comparison.png", dpi=120)
    part = sensitivity[(sensitivity["unit"] == "family") & (sensitivity["to"] == "family")]
    ax = plot_sensitivity(part.set_index(["changed", "specification"]))
    ax.figure.savefig(DOCS / "comparison_sensitivity.png", dpi=120)


if __name__ == "__main__":
    main()
