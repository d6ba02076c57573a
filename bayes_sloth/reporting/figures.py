"""Plots to hover and zoom: plotly figures of tables, without colours of page or text.

What belongs to the page (background, text, grid) is set in the browser, by light or dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.plots import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Told apart by shape as well as by colour; the colours are readable on white and on black.
COLOURS = (BLUE, ORANGE, "#009E73", "#AA5599", GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")
GLYPHS = dict(zip(SYMBOLS, "●◆■▲✚", strict=True)) | {"circle-open": "○", "line-ns": "|"}
SCORE = "score (fraction of 1)"
INTERVALS = ("lower50", "upper50", "lower90", "upper90")
ROW = 26  # pixels
MARGINS = {"l": 12, "r": 12, "t": 34, "b": 48}


def intervals(
    groups: Mapping[str, pd.DataFrame],
    x_title: str,
    *,
    limits: tuple[float, float] | None = None,
    marks: Mapping[str, tuple[Sequence[Any], Sequence[Any], str]] | None = None,
    zero: bool = False,
) -> go.Figure:
    """Draw medians with 50 and 90 % intervals: a row for each label, a colour for each group.

    Parameters
    ----------
    groups : mapping of str to DataFrame
        Tables with the same index (the rows, from the top) and columns ``median``, ``lower50``
        to ``upper90``; the 50 % interval may be missing.
    x_title : str
    limits : tuple of float, optional
        Of the horizontal axis.
    marks : mapping of str to (labels, values, symbol), optional
        Further points, by their name.
    zero : bool
        Whether to draw a line at zero.

    Returns
    -------
    plotly Figure
    """
    rows = [str(label) for label in next(iter(groups.values())).index]
    place = {label: len(rows) - 1 - i for i, label in enumerate(rows)}
    traces: list[dict[str, Any]] = []
    for i, (name, table) in enumerate(groups.items()):
        height = np.array([place[str(label)] for label in table.index])
        y = height + (0.0 if len(groups) == 1 else 0.22 * (len(groups) - 1 - 2 * i))
        traces += _bars(name, table, y, COLOURS[i % 5], SYMBOLS[i % 5])
    for name, (labels, values, symbol) in (marks or {}).items():
        below = 0.28 if symbol.endswith("-open") else 0.0  # beside the intervals, not over them
        heights = [place[str(label)] - below for label in labels]
        traces.append(_marks(name, heights, labels, values, symbol))
    axis = {"title": {"text": x_title}, "zeroline": zero}
    return _figure(
        traces,
        height=max(ROW * len(rows) * max(1.0, 0.62 * len(groups)), 60) + 90,
        xaxis=axis if limits is None else axis | {"range": list(limits)},
        yaxis={
            "tickvals": list(place.values()),
            "ticktext": [escape(label) for label in place],
            "range": [-0.7, len(rows) - 0.3],
            "automargin": True,
            "zeroline": False,
        },
    )


def _bars(
    name: str, table: pd.DataFrame, y: np.ndarray, colour: str, symbol: str
) -> list[dict[str, Any]]:
    """Return the traces of a group: wide interval, narrow interval, median."""
    traces = []
    for level, width in ((90, 2), (50, 6)):
        if f"lower{level}" in table:
            ends = np.column_stack(
                [table[f"lower{level}"], table[f"upper{level}"], np.full(len(table), np.nan)]
            )
            traces.append(
                {
                    "x": ends.ravel(), "y": np.repeat(y, 3), "mode": "lines",
                    "line": {"color": colour, "width": width}, "name": f"{level} % interval",
                    "legendgroup": name, "showlegend": name == "", "hoverinfo": "skip",
                }
            )  # fmt: skip
    marker = {"color": colour, "symbol": symbol, "size": 9}
    return [
        *traces,
        {
            "x": table["median"], "y": y, "mode": "markers", "marker": marker,
            "name": name or "median", "legendgroup": name, "text": _spoken(name, table),
            "hovertemplate": "%{text}<extra></extra>",
        },
    ]  # fmt: skip


def _spoken(name: str, table: pd.DataFrame) -> list[str]:
    """Return what is shown over each median."""
    texts = []
    for label, row in table.iterrows():
        lines = [f"<b>{escape(str(label))}</b>" + (f", {escape(name)}" if name else "")]
        lines.append(f"median {row['median']:.3f}")
        lines += [
            f"{level} %: {row[f'lower{level}']:.3f} to {row[f'upper{level}']:.3f}"
            for level in (50, 90)
            if f"lower{level}" in table
        ]
        texts.append("<br>".join(lines))
    return texts


def _marks(
    name: str, y: Sequence[float], labels: Sequence[Any], values: Sequence[Any], symbol: str
) -> dict[str, Any]:
    open_ = "-open" in symbol
    marker: dict[str, Any] = {
        "symbol": symbol,
        "size": 9 if open_ else 11,
        "color": ORANGE if open_ else GREY,
    }
    marker |= {"line": {"width": 2, "color": marker["color"]}}
    return {
        "x": list(values), "y": list(y), "mode": "markers", "name": name, "marker": marker,
        "text": [escape(str(label)) for label in labels],
        "hovertemplate": f"%{{text}}: %{{x:.3f}}<extra>{escape(name)}</extra>",
    }  # fmt: skip


def bands(
    table: pd.DataFrame,
    x_title: str,
    y_title: str,
    *,
    points: pd.Series | None = None,
    limits: tuple[float, float] | None = None,
    colour: str = BLUE,
) -> go.Figure:
    """Draw a median with 50 and 90 % bands over a quantity on a logarithmic axis.

    Parameters
    ----------
    table : DataFrame
        Indexed by the quantity: ``median``, ``lower50`` to ``upper90``; without the 50 % bounds
        there is one band.
    x_title, y_title : str
    points : Series, optional
        Known values, indexed by (name, quantity).
    limits : tuple of float, optional
        Of the vertical axis.
    colour : str

    Returns
    -------
    plotly Figure
    """
    x = table.index.to_numpy(float)
    traces: list[dict[str, Any]] = []
    for level, opacity in ((90, 0.25), (50, 0.45)):
        if f"lower{level}" not in table:
            continue
        line = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        fill = f"rgba({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))}, {opacity})"
        traces += [
            line | {"y": table[f"lower{level}"], "showlegend": False},
            line | {"y": table[f"upper{level}"], "fill": "tonexty", "fillcolor": fill,
                    "name": f"{level} % band"},
        ]  # fmt: skip
    texts = _spoken("", table.set_axis([f"{size:.3g}" for size in x]))
    traces.append(
        {"x": x, "y": table["median"], "mode": "lines", "line": {"color": colour, "width": 2},
         "name": "median", "text": texts, "hovertemplate": "%{text}<extra></extra>"}
    )  # fmt: skip
    if points is not None and len(points):
        traces.append(
            {
                "x": points.index.get_level_values(1), "y": points, "mode": "markers",
                "marker": {"color": ORANGE, "size": 7}, "name": "known models",
                "text": [escape(str(name)) for name in points.index.get_level_values(0)],
                "hovertemplate": "%{text}: %{y:.3f}<extra></extra>",
            }
        )  # fmt: skip
    axis: dict[str, Any] = {"title": {"text": y_title}, "zeroline": False, "automargin": True}
    return _figure(
        traces,
        height=300,
        xaxis={"title": {"text": x_title}, "type": "log", "dtick": "D2", "tickformat": "~g"},
        yaxis=axis if limits is None else axis | {"range": list(limits)},
    )


def coverage(settings: pd.DataFrame) -> go.Figure:
    """Draw the share of hidden scores within intervals, by setting, against what was promised.

    Parameters
    ----------
    settings : DataFrame
        Of `bayes_sloth.reporting.calibration.Calibration`.

    Returns
    -------
    plotly Figure
        Bars are two standard errors to each side.
    """
    rows = np.arange(len(settings))[::-1]
    traces: list[dict[str, Any]] = []
    for i, level in enumerate((50, 80, 90)):
        share, error = 100 * settings[f"coverage{level}"], 200 * settings[f"coverage{level}_se"]
        texts = [
            f"<b>{escape(str(name))}</b><br>{level} % intervals held {s:.1f} %, ± {e:.1f}"
            for name, s, e in zip(settings.index, share, error, strict=True)
        ]
        traces.append(
            {
                "x": share, "y": rows + 0.16 * (1 - i), "mode": "markers",
                "error_x": {"array": error, "color": COLOURS[i], "thickness": 2, "width": 0},
                "marker": {"color": COLOURS[i], "symbol": SYMBOLS[i], "size": 9},
                "name": f"{level} % intervals", "text": texts,
                "hovertemplate": "%{text}<extra></extra>",
            }
        )  # fmt: skip
    figure = _figure(
        traces,
        height=40 * len(settings) + 90,
        xaxis={"title": {"text": "scores within the interval (%)"}, "zeroline": False},
        yaxis={
            "tickvals": list(rows), "ticktext": [escape(str(name)) for name in settings.index],
            "range": [-0.7, len(settings) - 0.3], "automargin": True, "zeroline": False,
        },
    )  # fmt: skip
    for i, level in enumerate((50, 80, 90)):
        figure.add_vline(x=level, line={"color": COLOURS[i], "width": 1, "dash": "dash"})
    return figure


def scatter(
    groups: Mapping[str, pd.DataFrame],
    x_title: str,
    y_title: str,
    *,
    labels: Sequence[str] | None = None,
    diagonal: bool = False,
    line: float | None = None,
) -> go.Figure:
    """Draw points in groups.

    Parameters
    ----------
    groups : mapping of str to DataFrame
        With columns ``x``, ``y`` and ``text``.
    x_title, y_title : str
    labels : sequence of str, optional
        What the whole numbers of the vertical axis stand for, from the bottom.
    diagonal : bool
        Whether to draw the line of equality.
    line : float, optional
        Where to draw a vertical line.

    Returns
    -------
    plotly Figure
    """
    traces: list[dict[str, Any]] = [
        {
            "x": part["x"], "y": part["y"], "mode": "markers", "name": name,
            "text": [escape(str(text)) for text in part["text"]],
            "marker": {"color": COLOURS[i], "symbol": SYMBOLS[i], "size": 6 + 4 * i,
                       "opacity": 0.55 + 0.35 * i},
            "hovertemplate": "%{text}<extra></extra>",
        }
        for i, (name, part) in enumerate(groups.items())
    ]  # fmt: skip
    yaxis: dict[str, Any] = {"title": {"text": y_title}, "zeroline": False, "automargin": True}
    height = 440
    if labels is not None:
        height = ROW * len(labels) + 90
        yaxis |= {"tickvals": list(range(len(labels))), "ticktext": list(labels),
                  "range": [-0.7, len(labels) - 0.3]}  # fmt: skip
    figure = _figure(
        traces, height=height, xaxis={"title": {"text": x_title}, "zeroline": False}, yaxis=yaxis
    )
    if diagonal:
        figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": GREY, "width": 1})
    if line is not None:
        figure.add_vline(x=line, line={"color": GREY, "width": 1, "dash": "dash"})
    return figure


def _figure(traces: list[dict[str, Any]], *, height: float, **axes: dict[str, Any]) -> go.Figure:
    import plotly.graph_objects as go

    layout: dict[str, Any] = {
        "template": "none", "height": height, "margin": MARGINS, "hovermode": "closest",
        "showlegend": False, **axes,
    }  # fmt: skip
    return go.Figure([{"type": "scatter", **trace} for trace in traces], layout)


def legend(figure: go.Figure) -> list[tuple[str, str, str]]:
    """Return glyph, colour and name of what a figure shows: the page writes them as text.

    Beside the plot, a legend wraps on a narrow screen, and is read aloud.
    """
    found = []
    for trace in figure.data:
        if trace.showlegend is False:
            continue
        if trace.fillcolor is not None:
            found.append(("▇", trace.fillcolor, trace.name))
        elif trace.mode == "lines":
            found.append(("━" if trace.line.width > 2 else "─", trace.line.color, trace.name))
        else:
            found.append((GLYPHS[trace.marker.symbol or "circle"], trace.marker.color, trace.name))
    return found
