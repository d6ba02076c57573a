"""Forecasts of the models asked for, and over size for each of their families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_sloth.asked import STATUS
from bayes_sloth.reporting import figures
from bayes_sloth.reporting.sections.parts import Group, Panel, Section
from bayes_sloth.reporting.tables import table_html, with_full_names

if TYPE_CHECKING:
    from bayes_sloth.forecasting import Forecast
    from bayes_sloth.reporting.content import Content


def forecasts_section(content: Content) -> Section:
    """Return the section on forecasts of the models asked for."""
    forecast = content.forecast
    return Section(
        "forecasts",
        "Forecasts",
        [
            "Scores are fractions of 1. Intervals hold a score with 50 and 90 % probability, if "
            "the model is right: they include what is not known of the parameters, the family and "
            "the model itself, and the noise of each benchmark."
        ],
        list(forecast.warnings),
        [_forecast_panel(content, str(name)) for name in forecast.models.index],
        [_curves(content, family, curve) for family, curve in content.curves.items()],
    )


def _forecast_panel(content: Content, name: str) -> Panel:
    scores, about = content.fit.scores, content.forecast.models.loc[name]
    table = with_full_names(content.forecast.table().loc[name], scores)
    known = with_full_names(scores.of_family(str(about["family"]))[scores.values.columns].T, scores)
    chance = with_full_names(scores.benchmarks["chance"].astype(float), scores)
    marks: dict[str, Any] = {"chance": (chance.index, chance, "line-ns")}
    if known.shape[1]:
        flat = known.stack().dropna()
        marks["known models"] = (flat.index.get_level_values(0), flat, "circle-open")
    tuned = ", instruction-tuned" if about["instruct"] else ""
    title = f"{about['family']}: {about['params_b']:g}B on {about['tokens_t']:g}T tokens{tuned}"
    return Panel(
        title,
        f"Forecast of {title} ({STATUS[str(about['family_status'])]}): median, 50 and 90 % "
        f"interval on each benchmark, with its chance level and the family's known models.",
        table_html(table[["median", *figures.INTERVALS, "mean", "sd"]], f"Forecast of {title}"),
        figures.intervals({"": table}, figures.SCORE, limits=(-0.02, 1.02), marks=marks),
    )


def _curves(content: Content, family: str, curve: Forecast) -> Group:
    """Return one family's scores over size, a panel for each benchmark."""
    known = content.fit.scores.of_family(family)
    tokens = float(curve.models["tokens_t"].iloc[0])
    tables = {
        str(benchmark): part.droplevel("benchmark").set_axis(
            pd.Index(curve.models["params_b"], name="parameters (billions)")
        )
        for benchmark, part in curve.table().groupby(level="benchmark", sort=False)
    }
    names = content.fit.scores.benchmarks["name"].astype(str)
    panels = []
    for benchmark, table in tables.items():
        title = names[benchmark]
        points = known.set_index("params_b", append=True)[benchmark].dropna()
        figure = figures.bands(
            table, "parameters (billions)", figures.SCORE, points=points, limits=(0, 1)
        )
        says = f"{title} over size, {family} on {tokens:g}T tokens: median, 50 and 90 % "
        says += "bands, known models."
        panels.append(Panel(title, says, figure=figure))
    numbers = pd.concat(
        {names[key]: table[["median", *figures.INTERVALS]] for key, table in tables.items()},
        names=["benchmark"],
    )
    caption = f"Forecasts of {family} over size, on {tokens:g}T tokens"
    digits = {name: 3 for name in numbers}
    rounded = numbers.rename(lambda size: f"{size:.3g}", level=1)
    about = (
        f"{family} over size, at {tokens:g}T tokens (known models may have seen other numbers "
        "of tokens)"
    )
    return Group(about, panels, table_html(rounded, caption, digits), folded=True)
