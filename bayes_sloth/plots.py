"""Pictures of forecasts: they take results, compute nothing, and return matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bayes_sloth.comparing.ensemble import Ensemble
    from bayes_sloth.fitting import Fit
    from bayes_sloth.forecasting import Forecast
    from bayes_sloth.new_benchmark import OwnBenchmark
    from bayes_sloth.planning.compute import ComputePlan
    from bayes_sloth.planning.next_run import NextRun
    from bayes_sloth.planning.target import TargetPlan

# Readable on white and on black, and to the colour-blind (Okabe & Ito 2008).
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8a8a8a"


def plot_forecast(
    forecast: Forecast,
    fit: Fit | Ensemble | None = None,
    model: str | None = None,
    ax: Axes | None = None,
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
    name = forecast.models.index[0] if model is None else model
    about = forecast.models.loc[name]
    table = forecast.table().loc[name]
    ax = axes_of(ax, (7, 0.42 * len(table) + 1.9))
    rows = np.arange(len(table))[::-1]
    ax.hlines(rows, table["lower90"], table["upper90"], color=BLUE, lw=1.6, label="90 % interval")
    ax.hlines(rows, table["lower50"], table["upper50"], color=BLUE, lw=5.5, label="50 % interval")
    ax.plot(table["median"], rows, "o", color="white", mec=BLUE, mew=1.6, ms=6, label="median")
    if forecast.observed is not None:
        known = forecast.observed.loc[name, table.index]
        ax.plot(known, rows + 0.28, "D", color=foreground(), ms=4.5, label="observed")
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


def plot_curves(
    forecast: Forecast, fit: Fit | Ensemble, figure: Figure | None = None
) -> np.ndarray:
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


def plot_target(plan: TargetPlan, fit: Fit, ax: Axes | None = None) -> Axes:
    """Draw the probability of reaching a plan's targets over size and tokens.

    Parameters
    ----------
    plan : TargetPlan
        Contours where neither size nor tokens were given, a curve over the free one otherwise.
    fit : Fit
        Adds the known models of the family.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.4, 4.6))
    wanted = " and ".join(f"{name} ≥ {value:g}" for name, value in plan.targets.items())
    free = [str(name) for name in plan.surface.dims if plan.surface.sizes[name] > 1]
    labels = {"params_b": "parameters (billions)", "tokens_t": "training tokens (trillions)"}
    if len(free) == 2:
        _contours(ax, plan, fit)
    else:
        line = plan.surface.squeeze(drop=True)
        ax.plot(line[free[0]], line, color=BLUE)
        ax.axhline(plan.probability, color=GREY, lw=1, ls="--")
        ax.set_ylim(0, 1)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(labels[free[0]])
    ax.set_ylabel(labels[free[1]] if len(free) == 2 else "probability")
    if plan.reached:
        y = plan.tokens_t if len(free) == 2 else plan.probability
        ax.plot(getattr(plan, free[0]), y, "*", color="white", mec="black", ms=14, label="answer")
    ax.set_title(f"{plan.family}: P({wanted})", fontsize="medium", loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best", fontsize="small", frameon=True)
    return ax


def _contours(ax: Axes, plan: TargetPlan, fit: Fit) -> None:
    size, tokens = plan.surface["params_b"].to_numpy(), plan.surface["tokens_t"].to_numpy()
    values = plan.surface.to_numpy().T
    ax.contourf(size, tokens, values, levels=np.linspace(0, 1, 11), cmap="Blues")
    levels = [level for level in (0.1, 0.25, 0.5, 0.75, 0.9, 0.95) if level != plan.probability]
    lines = ax.contour(size, tokens, values, levels=levels, colors=GREY, linewidths=0.8)
    ax.clabel(lines, fmt="%.2g", fontsize=8)
    if values.min() < plan.probability < values.max():
        asked = ax.contour(size, tokens, values, levels=[plan.probability], colors=ORANGE,
                           linewidths=2)  # fmt: skip
        ax.clabel(asked, fmt="%.2g", fontsize=9)
    models = fit.scores.models
    own = models[(models["variant"] == plan.family) | (models["lineage"] == plan.family)]
    if len(own):
        ax.plot(own["params_b"], own["tokens_t"], "o", color=ORANGE, ms=4, label="known models")
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")


def plot_compute(plan: ComputePlan, figure: Figure | None = None) -> np.ndarray:
    """Draw a budget's objective and regret over size.

    Parameters
    ----------
    plan : ComputePlan
    figure : matplotlib Figure, optional

    Returns
    -------
    array of matplotlib Axes
    """
    import matplotlib.pyplot as plt

    figure = figure or plt.figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    curve, size = plan.curve, plan.curve["params_b"]
    axes[0].fill_between(size, curve["lower90"], curve["upper90"], color=BLUE, alpha=0.2, lw=0,
                         label="90 % interval")  # fmt: skip
    axes[0].plot(size, curve["mean"], color=BLUE, label="mean")
    axes[0].set_ylabel(f"objective ({plan.unit})")
    axes[1].plot(size, curve["regret"], color=ORANGE, label="mean regret")
    axes[1].plot(size, curve["regret95"], color=ORANGE, ls=":", label="95 % quantile")
    axes[1].set_ylabel(f"regret ({plan.unit})")
    axes[1].set_ylim(bottom=0)
    low, high = plan.best.loc["params_b", ["lower90", "upper90"]]
    for ax in axes:
        ax.axvline(plan.params_b, color=foreground(), lw=1)
        ax.axvspan(low, high, color=GREY, alpha=0.15, lw=0, label="best size, 90 %")
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(loc="best", fontsize="small", frameon=False)
    axes[1].set_xlabel("parameters (billions); the budget leaves the tokens")
    edge = f"; edge of the data: {plan.edge}" if plan.edge else ""
    axes[0].set_title(
        f"{plan.flops:.3g} FLOPs: {plan.params_b:.3g}B on {plan.tokens_t:.3g}T tokens{edge}",
        fontsize="medium", loc="left",
    )  # fmt: skip
    return axes


def plot_next(plan: NextRun, ax: Axes | None = None) -> Axes:
    """Draw what each measurement is expected to remove of the target's variance.

    Parameters
    ----------
    plan : NextRun
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    table = plan.ranking.iloc[::-1]
    ax = axes_of(ax, (6.4, 0.32 * len(table) + 1.4))
    ax.barh(table.index, 100 * table["reduction"], color=BLUE)
    for row, (cost, share) in enumerate(zip(table["cost"], table["reduction"], strict=True)):
        ax.text(100 * share + 1, row, f"cost {cost:g}", va="center", fontsize=8, color=GREY)
    ax.set_xlim(0, min(100, 115 * float(table["reduction"].max()) + 8))
    ax.set_xlabel("expected share of variance removed (%), best for its cost on top")
    ax.set_title(f"What to run next to learn {', '.join(plan.targets)}", fontsize="medium",
                 loc="left")  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_width(split: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw where the width of intervals comes from, a stacked bar for each benchmark.

    Parameters
    ----------
    split : DataFrame
        Of `bayes_sloth.split_width`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    table = split.iloc[::-1]
    ax = axes_of(ax, (6.8, 0.36 * len(table) + 1.8))
    left = np.zeros(len(table))
    colours = ("#bdbdbd", "#7f7f7f", ORANGE, BLUE, "#56B4E9")
    for name, colour in zip(table.columns.drop("sd"), colours, strict=True):
        ax.barh(table.index, 100 * table[name], left=left, color=colour, label=str(name))
        left = left + 100 * table[name].to_numpy()
    for row, sd in enumerate(table["sd"]):
        ax.text(101, row, f"sd {sd:.1f} points", va="center", fontsize=8, color=GREY)
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of predictive variance (%)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=5, fontsize="small",
              frameon=False)  # fmt: skip
    return ax


def plot_own_benchmark(result: OwnBenchmark, fit: Fit, ax: Axes | None = None) -> Axes:
    """Draw forecasts on a new benchmark for all fitted models, with the scores given.

    Parameters
    ----------
    result : OwnBenchmark
    fit : Fit
        Names its models; models asked for besides are not drawn.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.8, 4.4))
    table = result.table().loc[fit.scores.models.index].sort_values("median")
    place = np.arange(1, len(table) + 1)
    for level, alpha in (("90", 0.25), ("50", 0.45)):
        ax.fill_between(place, table[f"lower{level}"], table[f"upper{level}"], step="mid",
                        color=BLUE, alpha=alpha, lw=0, label=f"{level} % interval")  # fmt: skip
    ax.step(place, table["median"], where="mid", color=BLUE, label="median")
    ax.plot(place, table["observed"], "D", color=foreground(), ms=5, label="score given")
    ax.set_ylim(0, 1)
    ax.set_xlim(0.5, len(table) + 0.5)
    ax.set_xlabel("fitted models, in the order of their medians")
    ax.set_ylabel("score (fraction of 1)")
    ax.set_title(f"{result.name}, from {len(result.observed)} scores", fontsize="medium",
                 loc="left")  # fmt: skip
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", fontsize="small", frameon=False)
    return ax


def axes_of(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes given, or those of a new figure of a size in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def foreground() -> str:
    """Return the colour of the style's text: black on white, white on black."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def _size(about: pd.Series) -> str:
    size, tokens = (f"{about[name]:g}" for name in ("params_b", "tokens_t"))
    return f"{size.replace('nan', '?')}B parameters, {tokens.replace('nan', '?')}T tokens"


def _family(forecast: Forecast, fit: Fit | Ensemble, name: str) -> pd.DataFrame:
    """Return the known models of the forecast's variant, or of its lineage."""
    return fit.scores.of_family(str(forecast.models.at[name, "family"]))


def _mark_chance(ax: Axes, chance: np.ndarray, rows: np.ndarray) -> None:
    shown = chance > 0
    ax.plot(chance[shown], rows[shown], "|", color=GREY, ms=11, mew=1.6, label="chance level")


def _mark_family(
    ax: Axes,
    forecast: Forecast,
    fit: Fit | Ensemble,
    name: str,
    rows: np.ndarray,
    benchmarks: list[str],
) -> None:
    known = _family(forecast, fit, name)
    if known.empty:
        return
    values = known[benchmarks].to_numpy(float)
    across = np.broadcast_to(rows - 0.26, values.shape)
    label = f"known models of {forecast.models.at[name, 'family']!s}"
    ax.scatter(values, across, s=10, color=ORANGE, alpha=0.8, lw=0, label=label)
