"""Pictures of what a posterior knows: each takes a fit, or what was computed from it.

Plots of draws come from arviz-plots and return its ``PlotCollection``; ``backend`` and further
keywords go there. The others return matplotlib axes. Intervals are 50 and 90 %, equal-tailed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_sloth.checking import Check, check
from bayes_sloth.checking.assumptions import TOLERANCE_LIMIT
from bayes_sloth.checking.sensitivity import CONTRACTION_LIMIT, row_labels
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.interpreting import Skills, skills
from bayes_sloth.plots import BLUE, GREY, ORANGE, axes_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from arviz_plots import PlotCollection
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INTERVALS = (0.5, 0.9)


def plot_loadings(
    source: Fit | Skills, *, backend: str | None = None, **kwargs: Any
) -> PlotCollection:
    """Draw standardised loadings of each benchmark, a colour for each skill.

    Parameters
    ----------
    source : Fit or Skills
        A fit is rotated by geomin; `bayes_sloth.skills` rotates otherwise.
    backend : str, optional
        Of arviz-plots.
    **kwargs
        Given to `arviz_plots.plot_forest`.

    Returns
    -------
    PlotCollection
    """
    found = _skills(source)
    title = "loading (standard deviations between lineages)"
    return _forest(found, "standard_loadings", title, backend, kwargs)


def plot_efficiency(
    source: Fit | Skills, *, backend: str | None = None, **kwargs: Any
) -> PlotCollection:
    """Draw how efficient each lineage is in each skill, at equal size and tokens.

    Parameters
    ----------
    source : Fit or Skills
    backend : str, optional
    **kwargs
        Given to `arviz_plots.plot_forest`.

    Returns
    -------
    PlotCollection
        Lineages in order of their first skill.
    """
    found = _skills(source)
    first = found.posterior["efficiency"].isel(skill=0)
    order = first.median(("chain", "draw")).argsort().to_numpy()
    sorted_skills = Skills(found.posterior.isel(lineage=order), found.rotation, found.alignment)
    title = "efficiency (standard deviations between lineages)"
    return _forest(sorted_skills, "efficiency", title, backend, kwargs)


def plot_tuning(
    source: Fit | Skills, *, backend: str | None = None, **kwargs: Any
) -> PlotCollection:
    """Draw what instruction tuning did to the skills of each tuned variant.

    Parameters
    ----------
    source : Fit or Skills
    backend : str, optional
    **kwargs
        Given to `arviz_plots.plot_forest`.

    Returns
    -------
    PlotCollection
        At 7 billion parameters and 2 trillion tokens, against the lineage's base.

    Raises
    ------
    InputError
        If no variant of the fit is tuned.
    """
    found = _skills(source)
    if not found.posterior.sizes["tuned_variant"]:
        raise InputError(
            "no variant in this fit is instruction-tuned, so there is no effect of tuning to draw; "
            "fit scores that hold tuned models too (True in the column instruct)"
        )
    title = "effect of tuning at 7B, 2T (standard deviations between lineages)"
    return _forest(found, "tuning", title, backend, kwargs)


def plot_skill_curves(
    source: Fit | Skills, fit: Fit | None = None, figure: Figure | None = None
) -> np.ndarray:
    """Draw level curves of each skill over size and tokens, for a lineage of average efficiency.

    Parameters
    ----------
    source : Fit or Skills
    fit : Fit, optional
        Whose models are drawn as points: away from them the curves are extrapolation.
    figure : matplotlib Figure, optional

    Returns
    -------
    array of matplotlib Axes
        Filled: posterior median; lines: the posterior standard deviation.
    """
    import matplotlib.pyplot as plt

    found = _skills(source)
    fit = source if isinstance(source, Fit) else fit
    size, tokens = np.geomspace(0.4, 200, 30), np.geomspace(0.1, 20, 30)
    curves = found.curves(list(size), list(tokens))
    level, spread = curves.median(("chain", "draw")), curves.std(("chain", "draw"))
    figure = figure or plt.figure(figsize=(4.6 * level.sizes["skill"], 4.2), layout="constrained")
    axes = figure.subplots(1, level.sizes["skill"], sharey=True, squeeze=False)[0]
    for ax, skill, name in zip(axes, level["skill"].to_numpy(), found.names, strict=True):
        filled = ax.contourf(size, tokens, level.sel(skill=skill).T, levels=14, cmap="cividis")
        lines = ax.contour(size, tokens, spread.sel(skill=skill).T, levels=5, colors="white",
                           linewidths=0.8, linestyles="dashed")  # fmt: skip
        ax.clabel(lines, fmt="sd %.2g", fontsize="x-small")
        if fit is not None:
            models = fit.scores.models
            ax.plot(models["params_b"], models["tokens_t"], ".", color=ORANGE, ms=4)
        ax.set(xscale="log", yscale="log", xlabel="parameters (billions)")
        ax.set(xlim=(size[0], size[-1]), ylim=(tokens[0], tokens[-1]))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_title(f"{skill}: {name}", fontsize="small")
        figure.colorbar(filled, ax=ax, label="standard deviations between lineages")
    axes[0].set_ylabel("training tokens (trillions)")
    return axes


def plot_within(source: Fit | Check, ax: Axes | None = None) -> Axes:
    """Draw the share of variance of size, tokens and their product left within families.

    Parameters
    ----------
    source : Fit or Check
        A `Check` of scores will do.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, (6.4, 3.2))
    table = _check(source).assumptions.within.xs("variant", level="family")
    names = list(table.index.unique("covariate"))
    groups = list(table.index.unique("models"))
    for i, (group, colour) in enumerate(zip(groups, (BLUE, GREY), strict=False)):
        part = table.xs(group, level="models").loc[names]
        rows = np.arange(len(names))[::-1] - 0.36 * (i - (len(groups) - 1) / 2)
        ax.barh(rows, part["share"], height=0.34, color=colour, label=f"models: {group}")
        for row, (_, one) in zip(rows, part.iterrows(), strict=True):
            _write_share(ax, row, one)
    ax.axvline(TOLERANCE_LIMIT, color=ORANGE, ls="--", lw=1, label="weak below (inflation of 10)")
    ax.set_yticks(np.arange(len(names))[::-1], names)
    # Bars without a width do not count when matplotlib chooses the limits.
    ax.set(xlim=(0, 1), ylim=(-0.5, len(names) - 0.5))
    ax.set_xlabel("share of variance left within variants")
    _finish(ax, legend=False)
    # Numbers may stand anywhere within the axes: the legend stands above them.
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="x-small",
              frameon=False)  # fmt: skip
    return ax


def plot_contraction(source: Fit | Check, ax: Axes | None = None) -> Axes:
    """Draw how far the data have narrowed each parameter, and which lean on their priors.

    Parameters
    ----------
    source : Fit or Check
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    table = _needed(_check(source).parameters)
    labels = row_labels(table)
    names = list(dict.fromkeys(labels))
    ax = axes_of(ax, (7, 0.3 * len(names) + 1.6))
    rows = len(names) - 1 - np.array([names.index(label) for label in labels])
    leaning = table["leans_on_prior"].to_numpy(bool)
    value = table["contraction"].to_numpy()
    for chosen, colour, label in (
        (~leaning, BLUE, "does not lean on its prior"),
        (leaning, ORANGE, "leans on its prior (power scaling)"),
    ):
        ax.plot(value[chosen], rows[chosen], "o", color=colour, ms=5, alpha=0.6, label=label)
    ax.axvline(CONTRACTION_LIMIT, color=GREY, ls="--", lw=1, label="half the prior's variance left")
    ax.set_yticks(np.arange(len(names))[::-1], names)
    ax.set_xlim(min(0.0, float(value.min())) - 0.02, 1.02)
    ax.set_xlabel("contraction from prior to posterior (1: the data decide)")
    return _finish(ax)


def plot_odd_scores(source: Fit | Check, ax: Axes | None = None) -> Axes:
    """Draw each score against what all other scores say of it; odd ones by name.

    Parameters
    ----------
    source : Fit or Check
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    cells = _needed(_check(source).cells)
    ax = axes_of(ax, (6.4, 6))
    odd = cells["flagged"]
    ax.plot([0, 1], [0, 1], color=GREY, lw=1)
    ax.plot(cells["expected"], cells["score"], ".", color=BLUE, ms=4, alpha=0.5, label="scores")
    ax.plot(cells["expected"][odd], cells["score"][odd], "o", color=ORANGE, ms=6,
            label="odd: tail below 0.001", zorder=4)  # fmt: skip
    for (model, benchmark), row in cells[odd].iterrows():
        _name_odd(ax, f"{model}, {benchmark}", row["expected"], row["score"])
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="expected from all other scores (fraction of 1)",
           ylabel="score (fraction of 1)")  # fmt: skip
    return _finish(ax)


def plot_optima(source: Fit | Skills, ax: Axes | None = None) -> Axes:
    """Draw where the starts of a rotation ended: one bar for each optimum.

    Parameters
    ----------
    source : Fit or Skills
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    rotation = _skills(source).rotation
    ax = axes_of(ax, (6.4, 2.6))
    value, starts = rotation.optima["criterion"], rotation.optima["starts"]
    ax.vlines(value, 0, starts / starts.sum(), color=BLUE, lw=4)
    ax.set(ylim=(0, 1.05), xlabel=f"{rotation.name} criterion (smaller is simpler)",
           ylabel="share of starts")  # fmt: skip
    margin = max(float(np.ptp(value)), 0.1 * abs(float(value.iloc[0])))
    ax.set_xlim(value.iloc[0] - 0.2 * margin, value.iloc[-1] + 0.2 * margin)
    ax.set_title(rotation.sentence(), fontsize="x-small", wrap=True)
    return _finish(ax, legend=False)


def plot_ranks(ranks: xr.Dataset, *, backend: str | None = None, **kwargs: Any) -> PlotCollection:
    """Draw the ranks of simulation-based calibration: near a flat line if calibrated.

    Parameters
    ----------
    ranks : Dataset
        Of `bayes_sloth.simulating.calibration_ranks`, with dim ``replicate``; a panel for each
        element, so choose some.
    backend : str, optional
    **kwargs
        Given to `arviz_plots.plot_ecdf_pit`.

    Returns
    -------
    PlotCollection
        Difference between the empirical and the uniform distribution of ranks, with the p value of
        a test of uniformity; suspicious ranks are marked.
    """
    import arviz_plots as azp
    import xarray as xr

    only = ranks.drop_vars(["rhat", "divergences"], errors="ignore")
    tree = xr.DataTree.from_dict({"/prior_sbc": only})
    settings: dict[str, Any] = {
        "sample_dims": ["replicate"],
        "envelope_prob": 0.99,
        "figure_kwargs": {"layout": "constrained"},
    } | kwargs
    collection: PlotCollection = azp.plot_ecdf_pit(tree, backend=backend, **settings)
    return collection


def _forest(
    found: Skills, variable: str, title: str, backend: str | None, kwargs: dict[str, Any]
) -> PlotCollection:
    import arviz_plots as azp
    import xarray as xr
    from arviz_base import rcParams
    from arviz_plots.visuals import labelled_x, set_ylim, vline

    shown = found.posterior[[variable]].assign_coords(
        skill=[f"{k + 1}: {name}" for k, name in enumerate(found.names)]
    )
    height = 0.2 * shown[variable].isel(chain=0, draw=0).size + 0.2 * len(found.names) + 1.0
    in_matplotlib = (backend or rcParams["plot.backend"]) == "matplotlib"
    figure_kwargs: dict[str, Any] = {"figsize": (8, height)}
    if in_matplotlib:  # the constrained layout makes room for labels wider than their panel
        figure_kwargs |= {"width_ratios": (1, 12), "layout": "constrained"}
    settings: dict[str, Any] = {
        "combined": True,
        "ci_kind": "eti",
        "ci_probs": INTERVALS,
        "point_estimate": "median",
        "labels": [str(shown[variable].dims[2])],  # skills are told by their colour
        "aes": {"color": ["skill"]},
    } | kwargs
    settings["figure_kwargs"] = figure_kwargs | kwargs.get("figure_kwargs", {})
    collection: PlotCollection = azp.plot_forest(
        xr.DataTree.from_dict({"/posterior": shown}), backend=backend, **settings
    )
    where: dict[str, Any] = {"coords": {"column": "forest"}, "ignore_aes": "all"}
    zero = xr.Dataset({variable: 0.0})
    collection.map(vline, "zero", data=zero, color=GREY, alpha=0.6, **where)
    collection.map(labelled_x, "xlabel", text=title, **where)
    rows = collection.get_aes_as_dataset("y")[variable]
    collection.map(set_ylim, "ylim", limits=(float(rows.min()) - 0.8, float(rows.max()) + 0.8),
                   store_artist=False, **where)  # fmt: skip
    collection.add_legend("skill", **({"loc": "outside upper right"} if in_matplotlib else {}))
    return collection


def _write_share(ax: Axes, row: float, one: pd.Series) -> None:
    """Write the numbers of a bar at its end, within the axes."""
    share = one["share"]
    if np.isnan(share):
        ax.text(0.01, row, "does not vary", va="center", fontsize="x-small", bbox=_box(ax))
        return
    text = f"{share:.1%}, {one['families_varying']:.0f} of {one['families']:.0f} variants vary it"
    inside = share > 0.63  # the text takes up to 0.36
    ax.text(share + (-0.01 if inside else 0.01), row, text, ha="right" if inside else "left",
            va="center", fontsize="x-small", bbox=_box(ax))  # fmt: skip


def _name_odd(ax: Axes, name: str, expected: float, score: float) -> None:
    """Write the name of an odd score on the side away from the diagonal, where scores are few."""
    room = 0.009 * len(name)  # what the name takes of the axes, about
    left = expected > (room if score > expected else 1 - room)
    ax.annotate(name, (expected, score), xytext=(-7 if left else 7, 0), va="center",
                textcoords="offset points", ha="right" if left else "left", fontsize="x-small",
                bbox=_box(ax))  # fmt: skip


def _box(ax: Axes) -> dict[str, Any]:
    """Return a box of the background's colour, to read text over dots and lines."""
    return {"facecolor": ax.get_facecolor(), "edgecolor": "none", "alpha": 0.8, "pad": 1}


def _skills(source: Fit | Skills) -> Skills:
    return skills(source) if isinstance(source, Fit) else source


def _check(source: Fit | Check) -> Check:
    return check(source) if isinstance(source, Fit) else source


def _needed(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        raise ValueError("a check of scores alone has no posterior to draw; give a fit")
    return table


def _finish(ax: Axes, legend: bool = True) -> Axes:
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if legend:
        ax.legend(fontsize="x-small", frameon=False)
    return ax
