"""Pictures of forecasts: they take results, compute nothing, and return matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_sloth.fitting import Fit
    from bayes_sloth.forecasting import Forecast

# Readable on white and on black, and to the colour-blind (Okabe & Ito 2008).
BLUE, ORANGE, GREY, BLACK = "#0072B2", "#D55E00", "#8a8a8a", "#000000"


def plot_forecast(
    forecast: Forecast, fit: Fit | None = None, model: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one model's forecast: a row for each benchmark with its 50 and 90 % intervals.

    Parameters
    ----------
    forecast : Forecast
    fit : Fit, optional
        Adds the chance level of each benchmark and the known models of the same family.
    model : str, optional
        The first one by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    import matplotlib.pyplot as plt

    name = forecast.models.index[0] if model is None else model
    about = forecast.models.loc[name]
    table = forecast.table().loc[name]
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 0.42 * len(table) + 1.9), layout="constrained")
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["lower90"], table["upper90"], color=BLUE, lw=1.6, label="90 % interval")
    ax.hlines(rows, table["lower50"], table["upper50"], color=BLUE, lw=5.5, label="50 % interval")
    ax.plot(table["median"], rows, "o", color="white", mec=BLUE, mew=1.6, ms=6, label="median")
    if forecast.observed is not None:
        known = forecast.observed.loc[name, table.index]
        ax.plot(known, rows, "D", color=BLACK, ms=5, label="observed")
    if fit is not None:
        declared = fit.scores.benchmarks.loc[table.index]
        _mark_chance(ax, declared["chance"].to_numpy(float), rows)
        _mark_family(ax, forecast, fit, name, rows, list(table.index))
        labels = [str(text) for text in declared["name"]]
    else:
        labels = [str(text) for text in table.index]
    ax.set_yticks(rows, labels)
    ax.set_xlim(0, 1)
    ax.set_xlabel("score (fraction of 1)")
    tuned = ", instruction-tuned" if about["instruct"] else ""
    ax.set_title(
        f"{about['family']} ({about['family_status']} family): {_size(about)}{tuned}",
        fontsize="medium",
        loc="left",
    )
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.12), ncols=3, fontsize="small",
              frameon=False)  # fmt: skip
    return ax


def plot_curves(forecast: Forecast, fit: Fit, figure: Figure | None = None) -> np.ndarray:
    """Draw scores over size: a panel for each benchmark, median with 50 and 90 % bands.

    Parameters
    ----------
    forecast : Forecast
        Models of one family that differ in size.
    fit : Fit
        Adds the known models of the family.
    figure : matplotlib Figure, optional

    Returns
    -------
    array of matplotlib Axes
    """
    import matplotlib.pyplot as plt

    benchmarks = [str(name) for name in forecast.draws["benchmark"].to_numpy()]
    columns = min(4, len(benchmarks))
    rows = -(-len(benchmarks) // columns)
    figure = figure or plt.figure(figsize=(2.9 * columns, 2.3 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    order = np.argsort(forecast.models["params_b"].to_numpy())
    size = forecast.models["params_b"].to_numpy()[order]
    known = _family(forecast, fit, str(forecast.models.index[0]))
    for ax, benchmark in zip(axes.flat, benchmarks, strict=False):
        part = forecast.summary.sel(benchmark=benchmark).isel(model=order)
        ax.fill_between(size, part["lower90"], part["upper90"], color=BLUE, alpha=0.18, lw=0)
        ax.fill_between(size, part["lower50"], part["upper50"], color=BLUE, alpha=0.35, lw=0)
        ax.plot(size, part["median"], color=BLUE)
        ax.plot(known["params_b"], known[benchmark], "o", color=ORANGE, ms=4)
        ax.set_title(fit.scores.benchmarks.at[benchmark, "name"], fontsize="medium")
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_ylim(0, 1)
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes.flat[len(benchmarks) :]:
        ax.set_visible(False)
    figure.supxlabel("parameters (billions)", fontsize="medium")
    figure.supylabel("score (fraction of 1)", fontsize="medium")
    figure.suptitle(
        f"{forecast.models['family'].iloc[0]}: median, 50 and 90 % bands; points are known models",
        fontsize="medium",
    )
    return axes


def _size(about: pd.Series) -> str:
    size, tokens = (f"{about[name]:g}" for name in ("params_b", "tokens_t"))
    return f"{size.replace('nan', '?')}B parameters, {tokens.replace('nan', '?')}T tokens"


def _family(forecast: Forecast, fit: Fit, name: str) -> pd.DataFrame:
    """Return the known models of the forecast's variant, or of its lineage."""
    family, table = forecast.models.at[name, "family"], fit.scores.to_frame()
    own = table[table["variant"] == family]
    return own if len(own) else table[table["lineage"] == family]


def _mark_chance(ax: Axes, chance: np.ndarray, rows: np.ndarray) -> None:
    shown = chance > 0
    ax.plot(chance[shown], rows[shown], "|", color=GREY, ms=11, mew=1.6, label="chance level")


def _mark_family(
    ax: Axes, forecast: Forecast, fit: Fit, name: str, rows: np.ndarray, benchmarks: list[str]
) -> None:
    known = _family(forecast, fit, name)
    if known.empty:
        return
    values = known[benchmarks].to_numpy(float)
    across = np.broadcast_to(rows - 0.26, values.shape)
    label = f"known models of {forecast.models.at[name, 'family']!s}"
    ax.scatter(values, across, s=10, color=ORANGE, alpha=0.8, lw=0, label=label)
