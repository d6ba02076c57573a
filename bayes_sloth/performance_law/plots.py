"""Pictures of the Performance Law's answers: they take results and return matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.plots import BLUE, GREY, axes_of, foreground

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_sloth.performance_law.forecasting import LawForecast
    from bayes_sloth.performance_law.uses.result import Answer


def plot_over_tokens(
    curve: LawForecast, asked: LawForecast | None = None, ax: Axes | None = None
) -> Axes:
    """Draw MMLU over training tokens: median with 50 and 90 % bands.

    Parameters
    ----------
    curve : LawForecast
        Of `forecasting.forecast_over_tokens`.
    asked : LawForecast, optional
        One model, marked with its 90 % interval.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.5, 4))
    table, tokens = curve.table(), curve.models["tokens_t"].to_numpy(float)
    ax.fill_between(tokens, table["lower90"], table["upper90"], color=BLUE, alpha=0.18, lw=0,
                    label="90 % interval")  # fmt: skip
    ax.fill_between(tokens, table["lower50"], table["upper50"], color=BLUE, alpha=0.35, lw=0,
                    label="50 % interval")  # fmt: skip
    ax.plot(tokens, table["median"], color=BLUE, label="median")
    if asked is not None:
        row, at = asked.table().iloc[0], asked.models["tokens_t"].iloc[0]
        ax.vlines(at, row["lower90"], row["upper90"], color=foreground(), lw=1.2)
        ax.plot(at, row["median"], "o", color=foreground(), ms=6, label="asked")
    about = curve.models.iloc[0]
    ax.set_title(
        f"{about['layers']:.0f} layers, hidden {about['hidden']:.0f}, FFN {about['ffn']:.0f}, "
        f"{about['params_b']:g}B parameters",
        fontsize="medium",
        loc="left",
    )
    _log_axis(ax, "x", "training tokens (trillions)")
    ax.set_ylabel("MMLU (percentage points)")
    ax.axhline(25, color=GREY, lw=0.8, ls=":")
    ax.annotate("guessing", (tokens.min(), 25), xytext=(2, 3), textcoords="offset points",
                color=GREY, fontsize="small")  # fmt: skip
    ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.14),
              ncols=4)  # fmt: skip
    return ax


def plot_ridge(closed: Answer, ax: Axes | None = None) -> Axes:
    """Draw what size and tokens go together for a closed model: a ridge, not a point.

    Parameters
    ----------
    closed : Answer
        Of `infer_size`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.5, 4.2))
    draws = closed.draws
    if draws is None:
        raise ValueError("this answer holds no draws: give one of infer_size")
    cells = ax.hexbin(draws["params_b"], draws["tokens_t"], gridsize=20, xscale="log",
                      yscale="log", cmap="Blues", mincnt=1, linewidths=0.1)  # fmt: skip
    bar = ax.figure.colorbar(cells, ax=ax, label="posterior draws in a cell")
    bar.outline.set_visible(False)  # type: ignore[operator]
    ax.set_title(closed.title, fontsize="medium", loc="left")
    _log_axis(ax, "x", "parameters of a dense model (billions)")
    _log_axis(ax, "y", "training tokens (trillions)")
    return ax


def plot_ranking(ranking: Answer, ax: Axes | None = None) -> Axes:
    """Draw the shapes under a budget, best first, with how likely each is truly the best.

    Parameters
    ----------
    ranking : Answer
        Of `rank_architectures`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    table = ranking.table
    ax = axes_of(ax, (8.5, 0.4 * len(table) + 1.6))
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["lower90"], table["upper90"], color=BLUE, lw=1.6)
    ax.plot(table["median"], rows, "o", color="white", mec=BLUE, mew=1.6, ms=6)
    names = [
        f"{row.Index}: {row.layers:.0f} x {row.hidden:.0f}, {row.tokens_t:.3g}T"
        for row in table.itertuples()
    ]
    ax.set_yticks(rows, names, fontsize="small")
    right = ax.secondary_yaxis("right")
    right.set_yticks(
        rows,
        [f"{p:.2f}  ({q:.2f})" for p, q in
         zip(table["probability_best"], table["probability_best_trained"], strict=True)],
        fontsize="small",
    )  # fmt: skip
    ax.set_title("truly best\n(trained)", fontsize="small", loc="right", ha="left")
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    ax.set_xlabel("expected MMLU (percentage points), median and 90 % interval")
    title = ranking.title.split(",")[0]
    ax.set_title(f"{title}; how likely each is truly the best", fontsize="medium", loc="left")
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _log_axis(ax: Axes, which: str, label: str) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set(**{f"{which}scale": "log", f"{which}label": label})  # type: ignore[arg-type]
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
