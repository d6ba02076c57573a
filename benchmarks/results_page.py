"""Write ``docs/results.md`` and its pictures from the committed results; computes no forecast.

Also writes ``data/backtest_summary.csv``, which is installed with the package: the calibration that
a report on the bundled data shows.

::

    python benchmarks/results_page.py
"""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt
from page_blocks import DOCS, RESULTS, ROOT, wrap

from bayes_sloth.metrics import summarise

BLUE, GREY = "#0072B2", "#8a8a8a"

PAGE = """# Results

Made by `python benchmarks/results_page.py` from `benchmarks/results/`, which
`python benchmarks/backtest.py`, `python benchmarks/baselines.py`, `python benchmarks/speed.py` and
`python benchmarks/development.py` wrote. Errors and widths are in percentage points. The protocol
is Sloth's: hide the larger models of a family, show its smallest one or two, forecast the rest;
values as published. One default configuration of the skills model serves all settings.

## Error

Mean absolute error of the median, averaged as Sloth does (models of a fold, folds, benchmarks).
*Best Sloth* is the best of Sloth's published dimensions and intercepts, chosen on the test error;
*best published* is the best of all published methods, chosen likewise. The standard error is from a
bootstrap over families.

{error}

Every law that we refitted, by setting (mean absolute error; the published figures of the same laws
stand in `baselines.csv` beside them):

{laws}

### Are these the published laws?

Sloth's point fit is ours, from its description, and ends elsewhere from each random start. By law
and setting: the published error, and the lowest and highest of ours over seeds (`baselines.csv`,
`sloth_seeds.csv`).

{seeds}

{reproduced}

## Intervals

Coverage of the 50, 80 and 90 % intervals, width and interval score of the 90 % interval, and the
best interval score among our refits of the published laws with leave-one-family-out conformal
bands (`baselines.csv`, uncut bands); *ratio* is the skills model's interval score to that.

{intervals}

A forecast is well calibrated if the share of scores below any of its quantiles is that quantile's:
the histogram of the probability integral transform is then flat.

![Calibration: PIT histograms by setting](calibration.png)

By fold: mean absolute error and the share of scores within the 90 % interval.

![Error and coverage of each fold](folds.png)

Untuned and instruction-tuned models:

{tuning}

## Families nobody has seen, and whole lineages held out

With nothing seen, all scores of every variant of a lineage are hidden and its models forecast from
size, tokens and tuning alone; no such forecasts were published. Sloth's folds leave relatives of
the held-out variants in training; *strict* hides the whole lineage but for the seen models.

{unseen}

## Diagnostics

Worst R-hat and effective sample size (of bulk or tail) of the expected scores of the test models,
over the folds of a setting, and divergent transitions.
By the limits of a fit (R-hat 1.01, ESS 400, no divergence) **not passed** settings are marked. A
fold beyond the limits is sampled again, for longer and with smaller steps, and shown as it was
then; no number of folds: a run in which each was sampled once. *Minutes* are by the clock, one
fold after another with its two chains at a time, compiling included, with other work beside it.

{diagnostics}

## Where the model loses

Benchmarks on which a published method, chosen on the test error, has the lower error:

{losses}

Benchmarks whose 90 % interval covers less than 85 % or more than 97 % of the scores in a setting:

{miscalibrated}

## What was tried

Choices of the model compared on development families, which no fold above holds out
([how](choices.md)): difference from the default of CRPS and of the absolute error, with the
standard error of each from a bootstrap over variants.

{development}

Averages of the quantiles of several choices, on the same scores:

{averages}

## Speed

Two chains, all models and benchmarks, {draws} steps of tuning and as many draws; each case in a
process of its own. *Cold* starts without any compiled code on disk. PyMC and NumPyro compile within
`sample`. `ESS per second` is the median effective sample size over all
rotation-invariant quantities by the seconds of compiling and sampling together; `times PyMC`
compares it with PyMC's own sampler in the same run.

{speed}
"""


def markdown(table: pd.DataFrame, digits: int = 2) -> str:
    """Write a table as Markdown."""
    text = table.map(lambda v: f"{v:.{digits}f}" if isinstance(v, float) else str(v))
    lines = ["| " + " | ".join(map(str, text)) + " |", "|" + "---|" * text.shape[1]]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in text.to_numpy())])


def error_table(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in ours.itertuples():
        there = published[(published["suite"] == row.suite) & (published["seen"] == row.seen)]
        sloth = there[there["method"].str.startswith("Sloth")]
        rows.append(
            {
                "setting": f"{row.suite}, {row.seen} seen",
                "skills model": row.mae,
                "standard error": row.mae_se,
                "best Sloth": sloth["average"].min(),
                "best published": there["average"].min(),
                "median error": row.medae,
                "CRPS": row.crps,
            }
        )
    return pd.DataFrame(rows)


def setting(table: pd.DataFrame) -> pd.Series:
    """Name the settings of a table, as 'v1, 1 seen'."""
    return table["suite"] + ", " + table["seen"].astype(str) + " seen"


def law_table(ours: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the error of every law by setting, ours first."""
    named = pd.concat([ours.assign(method="**skills model**"), baselines])
    wide = named.assign(setting=setting(named)).pivot(
        index="method", columns="setting", values="mae"
    )
    run = wide[setting(ours)].dropna()  # in every setting
    return run.loc[run.mean(axis=1).sort_values().index].reset_index()


SLOTH = ("Sloth basic", "Sloth, ")


def seeds_of(baselines: pd.DataFrame, seeds: pd.DataFrame) -> pd.DataFrame:
    """Return errors of Sloth's point fit by setting, law and seed, with what is published."""
    keys = ["suite", "seen", "method"]
    ours = baselines[baselines["method"].str.startswith(SLOTH)]
    first = ours[[*keys, "mae"]].assign(seed=0)
    beside = seeds[seeds["method"].str.startswith(SLOTH) & (seeds["seed"] > 0)]
    every = pd.concat([first, beside[[*keys, "seed", "mae"]]], ignore_index=True)
    return every.merge(ours[[*keys, "published"]], on=keys)


def seeds_table(every: pd.DataFrame, order: Iterable[str]) -> pd.DataFrame:
    groups = every.assign(setting=setting(every)).groupby(["method", "setting"], sort=False)
    found = groups.agg(low=("mae", "min"), high=("mae", "max"), published=("published", "first"))
    text = found.apply(
        lambda row: f"{row['published']:.2f}: {row['low']:.2f} to {row['high']:.2f}", axis=1
    )
    return text.unstack("setting")[list(order)].reset_index()


def reproduced(every: pd.DataFrame) -> str:
    """Say how far published errors are from ours, in standard deviations between seeds.

    The deviation is pooled over the settings of a law; a published error is of one seed.
    """
    groups = every.groupby(["method", "suite", "seen"])
    found = groups["mae"].agg(["mean", "var", "size"]).assign(published=groups["published"].first())
    within = found.groupby("method")["var"].transform("mean") * (1 + 1 / found["size"])
    away = (found["published"] - found["mean"]) / within**0.5
    far = [
        f"{method} on {suite} with {seen} seen ({row['published']:.2f}, ours {row['mean']:.2f})"
        for (method, suite, seen), row in found[away.abs() > 2].iterrows()
    ]
    spread = found.groupby("method")["var"].mean() ** 0.5
    return (
        f"Of each law and setting {found['size'].min()} to {found['size'].max()} seeds were run. "
        f"Between seeds the error of a law has a standard deviation of {spread.min():.2f} to "
        f"{spread.max():.2f} points, pooled over settings. Of {len(found)} published errors "
        f"{(away.abs() <= 2).sum()} lie within two such deviations of our mean. The others: "
        f"{'; '.join(far) or 'none'}. Published minus ours is "
        f"{(found['published'] - found['mean']).mean():.2f} points on average."
    )


def averages_table(averages: pd.DataFrame) -> pd.DataFrame:
    names = {
        "average_of": "average of", "mae": "MAE", "coverage90": "90 %",
        "interval_score90": "interval score", "error_difference": "error difference",
        "error_difference_se": "its error",
    }  # fmt: skip
    return averages[list(names)].rename(columns=names)


def tuning_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Return error, coverage and width of untuned and tuned models by setting."""
    scored = cells.assign(
        setting=setting(cells),
        models=cells["instruct"].map({False: "untuned", True: "tuned"}),
        error=100 * (cells["median"] - cells["actual"]).abs(),
        covered=cells["actual"].between(cells["lower90"], cells["upper90"]),
        width=100 * (cells["upper90"] - cells["lower90"]),
    )
    parts = scored.groupby(["setting", "models"], sort=False)
    table = parts[["error", "covered", "width"]].mean()
    table.columns = ["mean error over cells", "coverage of 90 %", "width of 90 %"]
    return table.assign(scores=parts.size()).reset_index()


def unseen_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return errors and intervals where nothing, or nothing else of the lineage, is seen."""
    names = {
        "mae": "MAE", "mae_se": "standard error", "crps": "CRPS", "coverage50": "50 %",
        "coverage80": "80 %", "coverage90": "90 %", "width90": "width",
        "interval_score90": "interval score", "cells": "scores",
    }  # fmt: skip
    strict = rows["strict"].map({True: ", strict", False: ""})
    return rows.assign(setting=setting(rows) + strict)[["setting", *names]].rename(columns=names)


def development_table(development: pd.DataFrame) -> pd.DataFrame:
    names = {
        "choice": "choice", "mae": "MAE", "crps": "CRPS", "coverage90": "90 %",
        "crps_difference": "CRPS difference", "crps_difference_se": "its error",
        "error_difference": "error difference", "error_difference_se": "its error ",
    }  # fmt: skip
    return development[list(names)].rename(columns=names)


def interval_table(ours: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in ours.itertuples():
        there = baselines[(baselines["suite"] == row.suite) & (baselines["seen"] == row.seen)]
        best = there.loc[there["interval_score90_uncut"].idxmin()]
        rows.append(
            {
                "setting": f"{row.suite}, {row.seen} seen",
                "50 %": row.coverage50,
                "80 %": row.coverage80,
                "90 %": row.coverage90,
                "width": row.width90,
                "interval score": row.interval_score90,
                "best conformal": f"{best['interval_score90_uncut']:.2f} ({best['method']})",
                "ratio": row.interval_score90 / best["interval_score90_uncut"],
            }
        )
    return pd.DataFrame(rows)


def diagnostics_table(ours: pd.DataFrame) -> pd.DataFrame:
    passed = (
        (ours["largest_rhat"] <= 1.01) & (ours["smallest_ess"] >= 400) & (ours["divergences"] == 0)
    )
    return pd.DataFrame(
        {
            "setting": setting(ours) + ours["strict"].map({True: ", strict", False: ""}),
            "largest R-hat": ours["largest_rhat"],
            "smallest ESS": ours["smallest_ess"].round().astype(int).astype(str),
            "divergences": ours["divergences"].astype(str),
            "folds": _whole(ours["folds"]),
            "sampled again": _whole(ours["sampled_again"]),
            "not passed": _whole(ours["not_passed"]),
            "minutes": _whole(ours["seconds"] / 60),
            "verdict": passed.map({True: "passed", False: "**not passed**"}),
        }
    )


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.map(lambda number: "" if pd.isna(number) else f"{number:.0f}")


def by_benchmark(cells: pd.DataFrame) -> pd.DataFrame:
    """Return error and coverage by setting and benchmark."""
    scored = cells.assign(
        error=100 * (cells["median"] - cells["actual"]).abs(),
        covered=cells["actual"].between(cells["lower90"], cells["upper90"]),
    )
    keys = ["suite", "seen", "benchmark"]
    folds = scored.groupby([*keys, "fold"])["error"].mean().groupby(keys).mean()
    return pd.DataFrame({"error": folds, "coverage": scored.groupby(keys)["covered"].mean()})


def losses(table: pd.DataFrame, published: pd.DataFrame) -> str:
    lines = []
    for (suite, seen, benchmark), row in table.iterrows():
        there = published[(published["suite"] == suite) & (published["seen"] == seen)]
        best = there.loc[there[benchmark].idxmin()]
        if best[benchmark] < row["error"]:
            lines.append(
                f"- {suite}, {seen} seen, {benchmark}: {row['error']:.2f}, "
                f"{method(best)} {best[benchmark]:.2f}"
            )
    return "\n".join(lines) or "none"


def method(row: pd.Series) -> str:
    dimension = row.get("dimension")
    return str(row["method"]) + (f", d={dimension:.0f}" if pd.notna(dimension) else "")


def miscalibrated(table: pd.DataFrame) -> str:
    off = table[(table["coverage"] < 0.85) | (table["coverage"] > 0.97)]
    return "\n".join(
        f"- {suite}, {seen} seen, {benchmark}: {row['coverage']:.0%}"
        for (suite, seen, benchmark), row in off.iterrows()
    )


SUMMARY = ["mae", "coverage50", "coverage80", "coverage90", "width90", "interval_score90"]


def backtest_summary(settings: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return settings, and each with its benchmarks: what an installed package knows of them."""
    keys = ["suite", "seen", "strict"]
    errors = [f"{name}_se" for name in SUMMARY[:4]]
    whole = settings[[*keys, "cells", *SUMMARY, *errors]].assign(benchmark="all")
    groups = cells.groupby([*keys, "benchmark"], sort=False)
    parts = pd.DataFrame({key: summarise(part) for key, part in groups}).T[SUMMARY]
    parts = parts.rename_axis([*keys, "benchmark"]).assign(cells=groups.size()).reset_index()
    table = pd.concat([whole, parts], ignore_index=True)
    return table[[*keys, "benchmark", "cells", *SUMMARY, *errors]].round(4)


def draw_calibration(cells: pd.DataFrame) -> None:
    settings = list(cells.groupby(["suite", "seen"], sort=False))
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.6), sharex=True, layout="constrained")
    for ax, ((suite, seen), part) in zip(axes.flat, settings, strict=False):
        ax.hist(
            part["pit"], bins=10, range=(0, 1), weights=[10 / len(part)] * len(part), color=BLUE
        )
        ax.axhline(1, color=GREY, lw=1)
        ax.set_title(f"{suite}, {seen} seen ({len(part)} scores)", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("probability integral transform", fontsize="medium")
    figure.supylabel("density (1 if calibrated)", fontsize="medium")
    figure.savefig(DOCS / "calibration.png", dpi=120)


def draw_folds(cells: pd.DataFrame) -> None:
    """Draw error and coverage of each fold, a column of points for each setting."""
    scored = cells.assign(
        setting=setting(cells).str.replace(", ", "\n"),
        error=100 * (cells["median"] - cells["actual"]).abs(),
        coverage=100 * cells["actual"].between(cells["lower90"], cells["upper90"]),
    )
    folds = scored.groupby(["setting", "fold"], sort=False)[["error", "coverage"]].mean()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    labels = ["mean absolute error (points)", "within the 90 % interval (%)"]
    for ax, name, label in zip(axes, folds, labels, strict=True):
        for position, (_, part) in enumerate(folds[name].groupby("setting", sort=False)):
            x = position + (np.arange(len(part)) / len(part) - 0.5) * 0.5
            ax.plot(x, part.sort_values(), "o", color=BLUE, ms=4, alpha=0.7)
            ax.plot([position - 0.3, position + 0.3], [part.mean()] * 2, color=GREY, lw=2)
        ax.set_xticks(range(position + 1), scored["setting"].unique(), fontsize="small")
        ax.set_ylabel(label)
        ax.spines[["top", "right"]].set_visible(False)
    axes[1].axhline(90, color=GREY, lw=1, ls=":")
    figure.savefig(DOCS / "folds.png", dpi=120)


def speed_table(speed: pd.DataFrame) -> pd.DataFrame:
    per_second = speed["median_ess"] / (speed["compile"].fillna(0) + speed["sample"])
    default = per_second[speed["sampler"] == "pymc"].iloc[0]
    names = ["sampler", "cache", "import_and_build", "compile", "sample", "median_ess"]
    table = speed[names].assign(
        **{"ESS per second": per_second, "times PyMC": per_second / default}
    )
    return table.astype({"compile": object}).fillna({"compile": ""})


def main() -> None:
    everything = pd.read_csv(RESULTS / "backtest.csv")
    cells = pd.read_csv(RESULTS / "backtest_cells.csv")
    strict = RESULTS / "backtest_strict.csv"
    backtest_summary(everything, cells).to_csv(ROOT / "data" / "backtest_summary.csv", index=False)
    ours, unseen = everything[everything["seen"] > 0], everything[everything["seen"] == 0]
    unseen = pd.concat([unseen, *([pd.read_csv(strict)] if strict.exists() else [])])
    cells = cells[cells["seen"] > 0]
    development = pd.read_csv(RESULTS / "development.csv")
    published = pd.read_csv(ROOT / "data" / "sloth_reference_mae.csv")
    baselines = pd.read_csv(RESULTS / "baselines.csv")
    every = seeds_of(baselines, pd.read_csv(RESULTS / "sloth_seeds.csv"))
    averages = pd.read_csv(RESULTS / "development_average.csv")
    speed = pd.read_csv(RESULTS / "speed.csv")
    table = by_benchmark(cells)
    draw_calibration(cells)
    draw_folds(cells)
    page = PAGE.format(
        error=markdown(error_table(ours, published)),
        laws=markdown(law_table(ours, baselines)),
        seeds=markdown(seeds_table(every, setting(ours))),
        reproduced=wrap(reproduced(every)),
        averages=markdown(averages_table(averages), digits=3),
        tuning=markdown(tuning_table(cells)),
        unseen=markdown(unseen_table(unseen)),
        development=markdown(development_table(development), digits=3),
        intervals=markdown(interval_table(ours, baselines)),
        diagnostics=markdown(diagnostics_table(pd.concat([ours, unseen])), digits=3),
        losses=losses(table, published),
        miscalibrated=miscalibrated(table),
        draws=speed["draws"].iloc[0],
        speed=markdown(speed_table(speed)),
    )
    (DOCS / "results.md").write_text(page)


if __name__ == "__main__":
    main()
