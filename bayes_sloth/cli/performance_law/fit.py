"""``bayes-sloth performance-law fit``."""

from __future__ import annotations

import json
from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import DEFAULT_LAW, given
from bayes_sloth.cli.shared import SEED, check_writable, echo_fit


@click.command()
@click.argument("architectures", required=False, type=click.Path())
@click.option(
    "--out",
    type=click.Path(),
    default=DEFAULT_LAW,
    show_default=True,
    help="File of the fit (netCDF).",
)
@click.option("--chains", type=int, help="Chains.")
@click.option("--tune", type=int, help="Steps of adaptation of each chain.")
@click.option("--draws", type=int, help="Draws kept of each chain.")
@click.option("--seed", type=SEED, help="Same seed, same draws.")
@click.option("--variant", help='A simpler law to compare with, such as "without date".')
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def fit(
    architectures: str | None,
    out: str,
    variant: str | None,
    quiet: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Fit the Bayesian law to ARCHITECTURES (a CSV), or to the bundled table.

    \b
    Examples:
      bayes-sloth performance-law fit --out law.nc
      bayes-sloth performance-law fit my_models.csv --out mine.nc
    """
    from dataclasses import replace

    check_writable(out)
    from bayes_sloth.performance_law.data import load_architectures

    table = load_architectures(architectures)
    click.echo("Compiling (some minutes the first time), then sampling ...", err=True)

    from bayes_sloth.performance_law.fitting import LAW_SAMPLING
    from bayes_sloth.performance_law.fitting import fit as fit_law

    sampling = replace(LAW_SAMPLING, **given(choices))
    done = fit_law(table, sampling, variant=variant, progress=False if quiet else None)
    done.save(out)
    if as_json:
        click.echo(json.dumps({"out": out, "health": done.health.to_dict()}, indent=2))
    else:
        shape = "--layers 80 --hidden 8192 --ffn 28672 --params 70.6 --tokens 15"
        echo_fit(done, out, f"bayes-sloth performance-law forecast --fit {out} {shape}")
