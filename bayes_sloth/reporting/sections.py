"""The sections of a report: words, plots and their tables, in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.checking.sensitivity import CONTRACTION_LIMIT
from bayes_sloth.reporting import figures
from bayes_sloth.reporting.tables import table_html
from bayes_sloth.scores import BUNDLED_WITH_ERRATA, data_folder

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import xarray as xr

    from bayes_sloth.forecasting import Forecast
    from bayes_sloth.reporting.content import Content

SCORE = "score (fraction of 1)"
SPREAD = "standard deviations between lineages"
STATUS = {
    "seen": "a variant in the data",
    "lineage": "a new variant of a known lineage",
    "unseen": "a family nobody has seen",
}


@dataclass(frozen=True, eq=False)
class Panel:
    """A plot with the table of its numbers, or a table alone.

    Attributes
    ----------
    title : str
    says : str
        What is drawn, in a sentence: the caption, and what a screen reader says of the plot.
    table : str
        HTML.
    figure : plotly Figure, optional
    """

    title: str
    says: str
    table: str = ""
    figure: go.Figure | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Panels under one heading; folded ones are opened by the reader."""

    title: str
    panels: list[Panel]
    table: str = ""
    folded: bool = False


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the report with its own heading.

    Attributes
    ----------
    key : str
        What links point at.
    title : str
    words : list of str
        Paragraphs.
    points : list of str
        Items of a list.
    groups : list of Group
    panels : list of Panel
    """

    key: str
    title: str
    words: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


def sections(content: Content) -> list[Section]:
    """Return the sections of a report."""
    return [
        _forecasts(content),
        _calibration(content),
        _skills(content),
        _efficiency(content),
        _diagnostics(content),
        _data(content),
        _making(content),
    ]


# --- forecasts --------------------------------------------------------------------------------


def _forecasts(content: Content) -> Section:
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
    table = _named(content, content.forecast.table().loc[name])
    known = _named(content, scores.of_family(str(about["family"]))[scores.values.columns].T)
    chance = _named(content, scores.benchmarks["chance"].astype(float))
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
        figures.intervals({"": table}, SCORE, limits=(-0.02, 1.02), marks=marks),
    )


def _named(content: Content, table: Any) -> Any:
    """Return a table by benchmark with the benchmarks' full names."""
    names = content.fit.scores.benchmarks["name"].loc[table.index]
    return table.set_axis(pd.Index(names.astype(str), name="benchmark"), axis=0)


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
    panels = []
    for benchmark, table in tables.items():
        title = str(content.fit.scores.benchmarks.at[benchmark, "name"])
        points = known.set_index("params_b", append=True)[benchmark].dropna()
        figure = figures.bands(table, "parameters (billions)", SCORE, points=points, limits=(0, 1))
        says = f"{title} over size, {family} on {tokens:g}T tokens: median, 50 and 90 % "
        says += "bands, known models."
        panels.append(Panel(title, says, figure=figure))
    numbers = pd.concat(
        {_label(content, name): t[["median", *figures.INTERVALS]] for name, t in tables.items()},
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


def _label(content: Content, benchmark: str) -> str:
    return str(content.fit.scores.benchmarks.at[benchmark, "name"])


# --- calibration ------------------------------------------------------------------------------


def _calibration(content: Content) -> Section:
    found = content.calibration
    title = "Calibration: do the intervals hold what they promise?"
    if not found.tested:
        words = ["CALIBRATION WAS NOT TESTED for these scores and this model.", found.source]
        return Section("calibration", title, words)
    cautions = list(found.cautions)
    return Section(
        "calibration",
        title,
        [
            found.source,
            "Errors and widths are in percentage points, coverages in percent; 'seen' is how many "
            "of the smallest models of a hidden family stayed in training. The interval score is "
            "the width plus 20 times the distance outside: smaller is better.",
        ],
        cautions,
        [
            Panel(
                "Share of hidden scores within the intervals",
                "Scores within the 50, 80 and 90 % intervals by setting of the backtest, with two "
                "standard errors to each side; dashed lines mark what was promised.",
                _settings_table(found.settings),
                figures.coverage(found.settings),
            ),
            Panel(
                "By benchmark",
                "The same by setting and benchmark; few scores stand behind each row.",
                _benchmark_table(found.by_benchmark),
            ),
        ],
    )


_BACKTEST_COLUMNS = {
    "cells": "scores",
    "mae": "mean absolute error",
    "coverage50": "in 50 %",
    "coverage80": "in 80 %",
    "coverage90": "in 90 %",
    "width90": "width of 90 %",
    "interval_score90": "interval score",
}


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    shares = {name: 100 * table[name] for name in table if str(name).startswith("coverage")}
    return table.assign(**shares).astype({"cells": int})


def _settings_table(settings: pd.DataFrame) -> str:
    table = _percent(settings)
    shown = table[list(_BACKTEST_COLUMNS)].rename(columns=_BACKTEST_COLUMNS)
    shown.insert(5, "standard error", table["coverage90_se"])
    return table_html(shown, "Backtest by setting", {str(name): 1 for name in shown})


def _benchmark_table(parts: pd.DataFrame) -> str:
    shown = _percent(parts)[list(_BACKTEST_COLUMNS)].rename(columns=_BACKTEST_COLUMNS)
    return table_html(shown, "Backtest by setting and benchmark", {str(name): 1 for name in shown})


# --- skills -----------------------------------------------------------------------------------


def _skills(content: Content) -> Section:
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
        return {label: _named(content, part) for label, part in found.items()}
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
    levels = {"median": 0.5, "lower50": 0.25, "upper50": 0.75, "lower90": 0.05, "upper90": 0.95}
    found = draws.quantile(list(levels.values()), ("chain", "draw"))
    index = pd.Index(draws[dim].to_numpy(), name=dim)
    return pd.DataFrame(dict(zip(levels, found.to_numpy(), strict=True)), index=index)


def _efficiency(content: Content) -> Section:
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


# --- diagnostics ------------------------------------------------------------------------------


def _diagnostics(content: Content) -> Section:
    check = content.check
    health = content.fit.health.table()
    return Section(
        "diagnostics",
        "Diagnostics, and what the data cannot tell",
        ["The verdict of the check (bayes-sloth check), sentence by sentence:"],
        list(check.verdict),
        [
            Panel(
                "Health of the sampler",
                "Diagnostics over all quantities that do not depend on the rotation of the skills.",
                table_html(health, "Sampler diagnostics and their limits"),
            ),
            Panel(
                "What is identified",
                "Each aspect of identifiability with its value.",
                table_html(check.table(), "Identifiability", 3),
            ),
            _contraction(content),
        ],
    )


def _contraction(content: Content) -> Panel:
    table = content.check.parameters
    assert table is not None
    labels = [f"{n}: {e.split(', ')[0]}" if n == "growth" else str(n) for n, e in table.index]
    names = list(dict.fromkeys(labels))[::-1]
    points = pd.DataFrame(
        {
            "x": table["contraction"].to_numpy(),
            "y": [names.index(label) for label in labels],
            "text": [
                f"{n}, {e}: {v:.2f}"
                for (n, e), v in zip(table.index, table["contraction"], strict=True)
            ],
        }
    )
    leaning = table["leans_on_prior"].to_numpy(bool)
    return Panel(
        "What the data narrow",
        "Contraction of each parameter from prior to posterior: 1 if the data decide, 0 if they "
        "say nothing. The dashed line marks half the prior's variance; parameters that lean on "
        "their prior change with its strength.",
        table_html(table, "Parameters: prior, posterior and sensitivity to the prior"),
        figures.scatter(
            {"data decide": points[~leaning], "leans on its prior": points[leaning]},
            "contraction", "", labels=names, line=CONTRACTION_LIMIT,
        ),
    )  # fmt: skip


# --- data -------------------------------------------------------------------------------------


def _data(content: Content) -> Section:
    scores = content.fit.scores
    about = scores.benchmarks[["name", "suite", "chance", "n_items"]].assign(
        models=scores.values.notna().sum(), median=scores.values.median(), best=scores.values.max()
    )
    size, tokens = scores.models["params_b"], scores.models["tokens_t"]
    known = scores.values.notna().to_numpy().mean()
    return Section(
        "data",
        "The data and their oddities",
        [
            f"Scores from {scores.source}: {len(scores.models)} models of "
            f"{scores.models['variant'].nunique()} variants and "
            f"{scores.models['lineage'].nunique()} lineages, {size.min():g} to {size.max():g} "
            f"billion parameters, {tokens.min():g} to {tokens.max():g} trillion tokens. "
            f"{known:.0%} of the scores are known; the rest are left out, not filled in."
        ],
        list(scores.notes),
        [
            Panel(
                "Benchmarks",
                "Chance level, number of questions, models with a score, and their scores.",
                table_html(about, "Benchmarks in the fit", {"n_items": 0}),
            ),
            *_odd(content),
            *_errata(scores.source),
        ],
    )


def _errata(source: str) -> list[Panel]:
    """Return the corrections of the bundled table, where it was used with them."""
    if source != BUNDLED_WITH_ERRATA:
        return []
    table = pd.read_csv(data_folder() / "errata.csv", dtype=str).fillna("").set_index("model")
    return [
        Panel(
            "Corrections",
            "Sizes, tokens and families that were corrected before fitting; no score was.",
            table_html(table, "Errata of the bundled leaderboard"),
        )
    ]


def _odd(content: Content) -> list[Panel]:
    cells, models = content.check.cells, content.check.models
    assert cells is not None and models is not None
    points = pd.DataFrame(
        {
            "x": cells["expected"], "y": cells["score"],
            "text": [
                f"{model}, {benchmark}: {row.score:.3f}, expected {row.expected:.3f}"
                for (model, benchmark), row in zip(
                    cells.index, cells.itertuples(index=False), strict=True
                )
            ],
        }
    )  # fmt: skip
    odd, odd_models = cells[cells["flagged"]], models[models["flagged"]]
    shown = ["score", "expected", "two_sided", "reliable"]
    return [
        Panel(
            "Each score against what all others say of it",
            f"Score against its expectation from all other scores; {len(odd)} are odd.",
            table_html(odd[shown], "Odd scores (tail below 0.001)", {"two_sided": 5}),
            figures.scatter(
                {"scores": points[~cells["flagged"]], "odd": points[cells["flagged"]]},
                "expected (fraction of 1)", SCORE, diagonal=True,
            ),
        ),
        Panel(
            "Odd models",
            "Models of which level or pattern do not fit; 'reliable' says whether importance "
            "sampling can be trusted.",
            table_html(odd_models, "Odd models (tail below 0.01)"),
        ),
    ]  # fmt: skip


# --- making -----------------------------------------------------------------------------------


def _making(content: Content) -> Section:
    from bayes_sloth.priors import priors_table

    fit, attributes = content.fit, content.fit.tree.attrs
    rows = {
        "specification": attributes.get("specification", fit.specification.to_json()),
        "sampling": attributes.get("sampling", ""),
        "libraries": attributes.get("libraries", ""),
        "bayes_sloth": attributes.get("bayes_sloth_version", ""),
    }
    table = pd.DataFrame({"value": list(map(str, rows.values()))}, index=list(rows))
    return Section(
        "making",
        "How it was made",
        ["The choices of the fit, and every prior with its reason."],
        [],
        [
            Panel("The fit", "Choices, sampler, versions.",
                  table_html(table.rename_axis("what"), "How the fit was made")),
            Panel("Priors", "Every prior of the model, with its reason.",
                  table_html(priors_table(), "Priors")),
        ],
    )  # fmt: skip
