"""``bayes-sloth compare``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click

from bayes_sloth.cli.shared import SEED, check_writable, print_table, read_scores, save_figure


@click.command()
@click.argument("specifications", nargs=-1, required=True, metavar="SPEC SPEC...")
@click.option(
    "--unit",
    type=click.Choice(["score", "model", "family"]),
    default="score",
    show_default=True,
    help="What is left out: a score to fill in, a new model, or a new family (lineage).",
)
@click.option(
    "--refit",
    "refits",
    type=click.Choice(["high", "none", "all", "folds"]),
    default="high",
    show_default=True,
    help="Units to refit exactly: those with a high Pareto k, none or all, one at a time; or all, "
    "a fold at a time.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Number of folds of --refit folds.",
)
@click.option("--data", type=click.Path(), help="CSV of scores; the bundled leaderboard if not.")
@click.option("--benchmarks", type=click.Path(), help="CSV that declares new benchmarks.")
@click.option(
    "--keep",
    "folder",
    default="comparison",
    show_default=True,
    help="Folder of finished fits and refits; run again, it goes on from there.",
)
@click.option("--chains", type=int, help="Chains of each fit (2).")
@click.option("--tune", type=int, help="Steps of adaptation of each chain (500).")
@click.option("--draws", type=int, help="Draws kept of each chain (500).")
@click.option("--seed", type=SEED, help="Same seed, same draws.")
@click.option("--jobs", default=1, show_default=True, help="Fits at a time.")
@click.option(
    "--sensitivity",
    "aspect",
    type=click.Choice(["prior", "family", "benchmark"]),
    help="Also say how far the differences rest on priors, a family or a benchmark.",
)
@click.option("--ensemble", type=click.Path(), help="Save the fits, weighted by stacking, here.")
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--out", type=click.Path(), help="Save the comparison, unit by unit (netCDF).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every unit.")
def compare(
    specifications: tuple[str, ...],
    unit: str,
    refits: str,
    folds: int,
    data: str | None,
    benchmarks: str | None,
    folder: str,
    jobs: int,
    aspect: str | None,
    ensemble: str | None,
    plot_path: str | None,
    out: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Compare models by what they say of scores, models or families left out.

    A SPEC is a name (default, flops, size-tokens, pca, sloth) or choices: skills, link,
    family_slopes, covariates, deviations, noise, architecture, and priors as
    link_shape.sigma=1.2. Higher elpd is better.

    \b
    Examples:
      bayes-sloth compare default skills=3,link=logistic size-tokens
      bayes-sloth compare default flops --unit family --refit none --json
      bayes-sloth compare default flops --unit model --refit folds --folds 10
      bayes-sloth compare default wide:link_shape.sigma=1.2 --sensitivity prior --plot prior.png
    """
    from bayes_sloth.comparing.comparison import HIGHER
    from bayes_sloth.comparing.comparison import compare as run
    from bayes_sloth.comparing.grid import SAMPLING
    from bayes_sloth.comparing.specifications import read_specifications

    for path, picture in ((plot_path, True), (ensemble, False), (out, False)):
        if path:
            check_writable(path, pictures=picture)
    named = read_specifications(specifications)
    scores = read_scores(data, benchmarks, False)
    sampling = replace(SAMPLING, **{k: v for k, v in choices.items() if v is not None})
    found = run(
        named, scores, unit, refits=refits, folds=folds, sampling=sampling, folder=folder, jobs=jobs
    )
    rests = found.sensitivity(aspect) if aspect else None
    if plot_path:
        from bayes_sloth.comparing.comparison_plots import plot_comparison, plot_sensitivity

        draw = plot_comparison if rests is None else plot_sensitivity
        save_figure(lambda: draw(found if rests is None else rests), path=plot_path)
    if ensemble:
        found.ensemble().save(ensemble)
    if out:
        found.save(out)
    if as_json:
        answer = found.to_dict()
        if rests is not None:
            answer["sensitivity"] = json.loads(rests.reset_index().to_json(orient="records"))
        click.echo(json.dumps(answer, indent=2, allow_nan=False))
        return
    shown = found.table().drop(columns="warning").reset_index()
    print_table(shown, f"{unit.capitalize()} left out: {HIGHER}", digits=2)
    if rests is not None:
        print_table(rests.reset_index(), f"Sensitivity to the {aspect}", digits=2)
    for text in found.warnings():
        click.echo(f"warning: {text}", err=True)
