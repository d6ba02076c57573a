"""Pictures of a comparison: differences in elpd, and what they rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.plots import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_sloth.comparing.comparison import Comparison


def plot_comparison(
    comparisons: Comparison | Mapping[str, pd.DataFrame], figure: Figure | None = None
) -> np.ndarray:
    """Draw differences in elpd to the best specification, with one standard error each way.

    Parameters
    ----------
    comparisons : Comparison, or mapping of str to DataFrame
        One comparison; or tables (`Comparison.table`) by unit, side by side.
    figure : matplotlib Figure, optional

    Returns
    -------
    array of matplotlib Axes
        Hollow points rest on importance sampling that cannot be trusted for some units.
    """
    import matplotlib.pyplot as plt

    from bayes_sloth.comparing.comparison import Comparison

    if isinstance(comparisons, Comparison):
        comparisons = {comparisons.unit: comparisons.table()}
    most = max(len(table) for table in comparisons.values())
    size = (1.6 + 3.2 * len(comparisons), 1.4 + 0.3 * most)
    figure = figure or plt.figure(figsize=size, layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(comparisons)))
    order = list(next(iter(comparisons.values())).index)
    for ax, (unit, table) in zip(axes, comparisons.items(), strict=True):
        rows = table.reindex(order)
        y = np.arange(len(rows))[::-1]
        sure = rows["high_k"].to_numpy() == 0
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.hlines(y, rows["elpd_diff"] - rows["dse"], rows["elpd_diff"] + rows["dse"], color=BLUE)
        ax.scatter(rows["elpd_diff"], y, s=28, zorder=3, color=BLUE,
                   facecolors=np.where(sure, BLUE, "white"))  # fmt: skip
        ax.set_yticks(y, rows.index if ax is axes[0] else [""] * len(y))
        ax.set_title(f"{unit} left out", fontsize="medium", loc="left")
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlabel("elpd less the best")
        ax.spines[["top", "right"]].set_visible(False)
    return axes


def plot_sensitivity(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how differences in elpd change with priors, or without a family or a benchmark.

    Parameters
    ----------
    table : DataFrame
        As `Comparison.sensitivity` returns it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        For each specification the whole comparison with one standard error each way, and a mark
        for each change; the one that moves it most is named.
    """
    import matplotlib.pyplot as plt

    whole = table.xs("nothing", level="changed").sort_values("elpd_diff", ascending=False)
    changes = table["elpd_diff"].drop("nothing", level="changed").unstack("changed")
    ax = ax or plt.figure(figsize=(8, 1.4 + 0.5 * len(whole)), layout="constrained").subplots()
    y = np.arange(len(whole))[::-1]
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.hlines(y, whole["elpd_diff"] - whole["dse"], whole["elpd_diff"] + whole["dse"], color=BLUE)
    ax.scatter(whole["elpd_diff"], y, s=28, color=BLUE, zorder=3, label="all")
    for height, name in zip(y, whole.index, strict=True):
        row = changes.loc[name]
        ax.plot(row, np.full(len(row), height - 0.22), "|", color=ORANGE, markersize=8)
        away = (row - whole.at[name, "elpd_diff"]).abs()
        for text in away[away > 0].nlargest(1).index:
            where = (row[text], height - 0.3)
            ax.annotate(str(text), where, fontsize="x-small", color=ORANGE, ha="center", va="top")
    ax.set_ylim(-0.8, len(whole) - 0.5)
    ax.set_yticks(y, whole.index)
    ax.set_xlabel("elpd less the best of the whole comparison")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
