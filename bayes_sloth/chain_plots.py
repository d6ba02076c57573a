"""Pictures of what follows from skills: the whole chain, and pass@k over attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.plots import BLUE, GREY, ORANGE, axes_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_sloth.chaining import Chain
    from bayes_sloth.test_time.forecasting import PassForecast


def plot_chain(chain: Chain, figure: Figure | None = None) -> np.ndarray:
    """Draw a model's skills, benchmarks, downstream scores and pass@k, with 50 and 90 % intervals.

    Parameters
    ----------
    chain : Chain
    figure : matplotlib Figure, optional

    Returns
    -------
    array of matplotlib Axes
    """
    import matplotlib.pyplot as plt

    table = chain.table()
    stages = list(dict.fromkeys(table.index.get_level_values("stage")))
    rows = [stage for stage in stages if stage != "pass@k"]
    wide = "pass@k" in stages
    figure = figure or plt.figure(figsize=(11 if wide else 7, 7), layout="constrained")
    heights = [len(table.loc[stage]) + 1.5 for stage in rows]
    grid = figure.add_gridspec(len(rows), 2 if wide else 1, height_ratios=heights)
    axes = []
    for place, stage in enumerate(rows):
        ax = figure.add_subplot(grid[place, 0])
        _intervals(ax, table.loc[stage], chain if stage == "downstream" else None)
        ax.set_title(_TITLES[stage], fontsize="medium", loc="left")
        axes.append(ax)
    if wide and chain.pass_at_k is not None:
        axes.append(plot_pass_at_k(chain.pass_at_k, figure.add_subplot(grid[:, 1])))
    about = chain.models.iloc[0]
    tuned = ", instruction-tuned" if about["instruct"] else ""
    figure.suptitle(
        f"{chain.models.index[0]}: {about['params_b']:g}B parameters, {about['tokens_t']:g}T "
        f"tokens{tuned}\nmedian, 50 and 90 % intervals",
        fontsize="medium",
    )
    return np.array(axes)


_TITLES = {
    "skill": "skills (1 = one sd between lineages)",
    "benchmark": "benchmarks (score, fraction of 1)",
    "downstream": "downstream (score, fraction of its upper bound)",
}


def _intervals(ax: Axes, table: pd.DataFrame, bounded: Chain | None) -> None:
    if bounded is not None:  # tasks differ in their range
        upper = np.array([part.task.upper for part in bounded.downstream])
        table = table.div(upper, axis=0)
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["lower90"], table["upper90"], color=BLUE, lw=1.6)
    ax.hlines(rows, table["lower50"], table["upper50"], color=BLUE, lw=5)
    ax.plot(table["median"], rows, "o", color="white", mec=BLUE, mew=1.4, ms=5)
    ax.set_yticks(rows, [str(name) for name in table.index])
    ax.set_ylim(-0.6, len(table) - 0.4)
    if table["lower90"].min() >= 0 and table["upper90"].max() <= 1:
        ax.set_xlim(0, 1)
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def plot_pass_at_k(
    forecast: PassForecast, ax: Axes | None = None, observed: pd.DataFrame | None = None
) -> Axes:
    """Draw pass@k over attempts: the median with 50 and 90 % bands for each model.

    Parameters
    ----------
    forecast : PassForecast
    ax : matplotlib Axes, optional
    observed : DataFrame, model by k, optional
        Estimates of models that were sampled (`Counts.pass_at_k`), in grey.

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.5, 4.2))
    table = forecast.table()
    if observed is not None:
        for place, (_, row) in enumerate(observed.iterrows()):
            ax.plot(row.index, row, color=GREY, lw=1, label="sampled models" if not place else None)
    colors = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00")
    for place, name in enumerate(forecast.models.index):
        part, color = table.loc[name], colors[place % len(colors)]
        ax.fill_between(part.index, part["lower90"], part["upper90"], color=color, alpha=0.18, lw=0)
        ax.fill_between(part.index, part["lower50"], part["upper50"], color=color, alpha=0.35, lw=0)
        ax.plot(part.index, part["median"], color=color, label=str(name))
    ax.set_xscale("log")
    ax.set_ylim(0, 1)
    ax.set_xlabel("attempts k")
    ax.set_ylabel("pass@k (share of questions)")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize="small", frameon=False, loc="lower right")
    return ax
