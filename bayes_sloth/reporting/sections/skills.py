"""Skills: what loads on them, how they grow, and how efficient each lineage is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.draws import QUANTILES
from bayes_sloth.reporting import figures
from bayes_sloth.reporting.sections.parts import Panel, Section
from bayes_sloth.reporting.tables import table_html, with_full_names

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.reporting.content import Content

SPREAD = "standard deviations between lineages"


def skills_section(content: Content) -> Section:
    """Return the section on the loadings of the skills, and how they grow."""
    found = content.skills
    labels = _skill_labels(content)
    loadings = _by_skill(content, found.table("standard_loadings"), "benchmark")
    correlation = found.posterior["correlation"].median(("chain", "draw"))
    words = [
        "A skill is what moves several benchmarks together when lineages differ at equal size and "
        "tokens. Skills carry no names of their own: they are called by the benchmarks that load "
        "on them clearly.",
        f"Rotation: {found.rotation.sentence()}. Another rotation would read the same posterior "
        "otherwise; forecasts do not depend on it.",
    ]
    if len(labels) > 1:
        words.append(f"Correlation of the first two skills: {float(correlation[0, 1]):.2f}.")
    return Section(
        "skills",
        "Skills",
        words,
        [],
        [
            Panel(
                "Loadings",
                "How strongly each benchmark follows each skill: median and 90 % interval, in "
                "standard deviations of the benchmark between lineages.",
                _group_table(loadings, "Standardised loadings"),
                figures.intervals(loadings, f"loading ({SPREAD})", zero=True),
            ),
            *_growth(content, "params_b"),
            *_growth(content, "tokens_t"),
        ],
    )


def _skill_labels(content: Content) -> list[str]:
    return [f"skill {i + 1}: {name}" for i, name in enumerate(content.skills.names)]


def _by_skill(content: Content, table: pd.DataFrame, rows: str) -> dict[str, pd.DataFrame]:
    skills = content.skills.posterior["skill"].to_numpy()
    found = {
        label: table.xs(skill, level="skill")
        for label, skill in zip(_skill_labels(content), skills, strict=True)
    }
    if rows == "benchmark":
        return {name: with_full_names(part, content.fit.scores) for name, part in found.items()}
    return found


def _group_table(groups: dict[str, pd.DataFrame], caption: str) -> str:
    return table_html(pd.concat(groups, names=["skill"]), caption, 2)


def _growth(content: Content, over: str) -> list[Panel]:
    """Return the curves of each skill over size or tokens, within the range of the data."""
    values = content.fit.scores.models[over]
    grid = np.geomspace(values.min(), values.max(), 15)
    fixed = {"params_b": 7.0, "tokens_t": 2.0}
    axes = {
        "params_b": ("parameters (billions)", "2T tokens", "size"),
        "tokens_t": ("training tokens (trillions)", "7B parameters", "tokens"),
    }
    title, at, word = axes[over]
    asked = {name: [value] for name, value in fixed.items()} | {over: list(grid)}
    curves = content.skills.curves(asked["params_b"], asked["tokens_t"]).squeeze()
    panels = []
    for i, label in enumerate(_skill_labels(content)):
        one = curves if "skill" not in curves.dims else curves.isel(skill=i)
        table = _quantiles(one, over).rename_axis(title)
        says = (
            f"{label} over {word} at {at}, for an untuned lineage of average efficiency: median, "
            "50 and 90 % band. Zero is a model of 7B parameters on 2T tokens."
        )
        rounded = table.rename(lambda value: f"{value:.3g}")
        caption = f"{label} over {word} at {at}"
        figure = figures.bands(table, title, SPREAD, colour=figures.COLOURS[i % 5])
        panels.append(Panel(caption, says, table_html(rounded, caption, 2), figure))
    return panels


def _quantiles(draws: xr.DataArray, dim: str) -> pd.DataFrame:
    found = draws.quantile(list(QUANTILES.values()), ("chain", "draw")).to_numpy()
    index = pd.Index(draws[dim].to_numpy(), name=dim)
    table = pd.DataFrame(dict(zip(QUANTILES, found, strict=True)), index=index)
    return table[["median", *figures.INTERVALS]]


def efficiency_section(content: Content) -> Section:
    """Return the section on the efficiency of each lineage in each skill."""
    groups = _by_skill(content, content.skills.table("efficiency"), "lineage")
    panels = []
    for label, table in groups.items():
        ordered = table.sort_values("median", ascending=False)
        panels.append(
            Panel(
                label,
                f"Efficiency of each lineage in {label}: median and 90 % interval, at equal size "
                "and tokens.",
                table_html(ordered, f"Efficiency in {label}", 2),
                figures.intervals({"": ordered}, f"efficiency ({SPREAD})", zero=True),
            )
        )
    return Section(
        "efficiency",
        "Efficiency of families",
        [
            "What a lineage makes of its size and tokens, beside the population of lineages, in "
            "standard deviations between them. Intervals that overlap leave the order open."
        ],
        [],
        panels,
    )
