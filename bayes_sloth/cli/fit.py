"""``bayes-sloth fit``."""

from __future__ import annotations

import json
from typing import Any

import click

from bayes_sloth.cli.shared import (
    DEFAULT_FIT,
    SEED,
    check_writable,
    echo_fit,
    print_warnings,
    read_scores,
)


@click.command()
@click.argument("scores", required=False, type=click.Path())
@click.option(
    "--out",
    type=click.Path(),
    default=DEFAULT_FIT,
    show_default=True,
    help="File of the fit (netCDF).",
)
@click.option(
    "--benchmarks",
    type=click.Path(),
    help="CSV that declares new benchmarks: benchmark, chance, n_items.",
)
@click.option("--as-published", is_flag=True, help="Bundled data without the errata.")
@click.option("--skills", type=int, help="Number of latent skills.")
@click.option("--link", type=click.Choice(["generalised", "logistic"]), help="Shape of the curve.")
@click.option("--family-slopes", is_flag=True, help="Let growth with size differ by lineage.")
@click.option("--architecture", is_flag=True, help="Let depth and FFN size count, where known.")
@click.option("--sampler", type=click.Choice(["nutpie", "pymc", "numpyro"]), help="Whose NUTS.")
@click.option("--chains", type=int, help="Chains.")
@click.option("--tune", type=int, help="Steps of adaptation of each chain.")
@click.option("--draws", type=int, help="Draws kept of each chain.")
@click.option("--seed", type=SEED, help="Same seed, same draws.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def fit(
    scores: str | None,
    out: str,
    benchmarks: str | None,
    as_published: bool,
    quiet: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Fit the skills model to SCORES (a CSV), or to the bundled leaderboard.

    \b
    Examples:
      bayes-sloth fit --out fit.nc
      bayes-sloth fit my_scores.csv --benchmarks my_benchmarks.csv --out mine.nc
    """  # fmt: skip
    from bayes_sloth.checking.assumptions import examine
    from bayes_sloth.sampling import Sampling
    from bayes_sloth.specification import Specification

    check_writable(out)
    given = {
        name: value for name, value in choices.items() if value is not None and value is not False
    }
    names = ("skills", "link", "family_slopes", "architecture")
    specification = Specification(**{k: v for k, v in given.items() if k in names})
    sampling = Sampling(**{k: v for k, v in given.items() if k not in names})
    table = read_scores(scores, benchmarks, as_published)
    specification.require_benchmarks(len(table.benchmarks))
    print_warnings(table.notes, "note")
    print_warnings(examine(table, specification).problems)
    click.echo(
        "Compiling (a minute or two the first time, seconds later), then sampling ...", err=True
    )

    from bayes_sloth.fitting import fit as fit_scores

    done = fit_scores(table, specification, sampling, progress=False if quiet else None)
    done.save(out)
    if as_json:
        click.echo(json.dumps({"out": out, "health": done.health.to_dict()}, indent=2))
    else:
        echo_fit(done, out, f"bayes-sloth forecast --fit {out} --family F --params 32 --tokens 7")
