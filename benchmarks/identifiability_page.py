"""Write the figures of ``docs/identifiability.md`` from the committed results; fits nothing.

::

    python benchmarks/identifiability_page.py
"""

from __future__ import annotations

import pandas as pd
from page_blocks import RESULTS, write_page
from results_page import markdown

PLANTED = {
    ("cell", "row"): "a score of another model in one cell: that cell",
    ("model", "row"): "the same: its model",
    ("model", "size"): "size off by four",
    ("model", "tokens"): "tokens off by four",
    ("model", "nothing planted"): "nothing: models, false alarms",
    ("cell", "nothing planted"): "nothing: cells, false alarms",
}


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / f"{name}.csv")


def planted_table(rates: pd.DataFrame) -> pd.DataFrame:
    found = rates[rates["data"] == "simulated"].set_index(["what", "planted", "times_level"])
    rows = []
    for (what, planted), name in PLANTED.items():
        at, ten = (found.loc[(what, planted, level)] for level in (1, 10))
        rows.append((name, int(at["number"]), _percent(at["rate"]), _percent(ten["rate"])))
    columns = [
        "planted",
        "number",
        "found by the flag (nominal 0.01, cells 0.001)",
        "found at ten times that level",
    ]
    return pd.DataFrame(rows, columns=columns)


def errata_sentence(rates: pd.DataFrame) -> str:
    models = rates[(rates["data"] != "simulated") & (rates["what"] == "model")]
    real = models.set_index(["planted", "times_level"])
    simulated = rates.query("data == 'simulated' and what == 'model' and times_level == 1")
    clean = simulated.set_index("planted").at["nothing planted", "rate"]
    size, tokens = real.loc[("size", 1)], real.loc[("tokens", 1)]
    return (
        f"Of {size['number']:.0f} models with a wrong size {size['flagged']:.0f} is flagged, of "
        f"{tokens['number']:.0f} with wrong tokens {tokens['flagged']:.0f} "
        f"({real.at[('tokens', 10), 'flagged']:.0f} at ten times the level, where "
        f"{real.at[('nothing planted', 10), 'rate']:.0%} of the other models are). On real scores "
        f"{_percent(real.at[('nothing planted', 1), 'rate'])} of the models with nothing put back "
        f"are flagged, against {_percent(clean)} in simulation: odd models there are, or the model "
        "is not quite right for them; a flag is a reason to look, not a verdict."
    )


def recovery_sentence(recovery: pd.DataFrame) -> str:
    held = recovery.set_index("parameter")
    share = {name: f"{value:.0%}" for name, value in held["coverage90"].items()}
    return (
        f"90 % intervals hold {share['expected_score']} of "
        f"{held.at['expected_score', 'elements']:.0f} expected scores, {share['growth']} of growth "
        f"and {share['shared_covariance']} of the shared covariance, {share['loadings']} of "
        f"{held.at['loadings', 'elements']:.0f} aligned loadings, {share['intercept']} of the "
        f"intercepts, {share['link_shape']} of the link shapes and {share['ceiling']} of the "
        f"ceilings ({held.at['link_shape', 'elements']:.0f} of each)."
    )


def sbc_sentence(ranks: pd.DataFrame, summary: pd.DataFrame) -> str:
    replicates = ranks.drop_duplicates("replicate")
    total = len(replicates)
    held, rank = summary.set_index("parameter")["coverage90"], summary["mean_rank"]
    uneven = (summary["share_p_below_5_percent"] * summary["elements"]).sum()
    error = (0.9 * 0.1 / total) ** 0.5
    return (
        f"{total} replicates of eight lineages on six benchmarks. Of {summary['elements'].sum()} "
        f"elements the ranks of {uneven:.0f} depart from uniform ones at the 5 % level, where "
        f"{0.05 * summary['elements'].sum():.0f} would by chance (what the shared covariance has "
        f"off its diagonal counts twice). 90 % intervals hold "
        f"{held.min():.0%} ({held.idxmin()}) to {held.max():.0%} ({held.idxmax()}) of the truths, "
        f"by kind of parameter (standard error of one element: {error:.1%}), and mean ranks lie "
        f"between {rank.min():.2f} and {rank.max():.2f}. Scores drawn from the prior are harder to "
        f"sample than real ones: {(replicates['rhat'] > 1.05).sum()} of the {total} fits have an "
        f"R-hat above 1.05 somewhere, {(replicates['rhat'] > 1.1).sum()} above 1.1, and "
        f"{(replicates['divergences'] > 0).sum()} have divergences; all are counted."
    )


def geomin_sentence(optima: pd.DataFrame) -> str:
    best, second = (optima[optima["optimum"] == place] for place in (0, 1))
    count = optima.groupby("seed").size()
    others = optima.groupby("seed")["starts"].sum().sub(best.set_index("seed")["starts"])
    return (
        f"In {(count == 2).sum()} of {len(count)} fits from different seeds the starts end in two "
        f"optima: a best of {_range(best['criterion'])} and a second of "
        f"{_range(second['criterion'])}. {others.min()} to {others.max()} of the hundred starts "
        "miss the best: whoever rotates once may read the skills in either way."
    )


def _range(values: pd.Series) -> str:
    return f"{values.min():.2f} to {values.max():.2f}"


def unsure_sentence(planted: pd.DataFrame) -> str:
    models = planted[(planted["replicate"] == "errata") & (planted["what"] == "model")]
    return f"{1 - models['reliable'].astype(float).mean():.0%} of the models"


def blocks() -> dict[str, str]:
    rates = read("planted_rates")
    return {
        "planted": markdown(planted_table(rates)),
        "errata": errata_sentence(rates),
        "recovery": recovery_sentence(read("recovery_coverage")),
        "geomin": geomin_sentence(read("geomin_optima")),
        "sbc": sbc_sentence(read("sbc"), read("sbc_summary")),
        "unsure": unsure_sentence(pd.read_csv(RESULTS / "planted.csv", low_memory=False)),
    }


def _percent(share: float) -> str:
    """Write a share with two digits that count."""
    return f"{100 * share:.2g} %"


if __name__ == "__main__":
    write_page("identifiability", blocks())
