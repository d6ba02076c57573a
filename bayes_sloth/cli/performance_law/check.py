"""``bayes-sloth performance-law check``."""

from __future__ import annotations

import json

import click

from bayes_sloth.cli.performance_law.shared import DEFAULT_LAW, read_fit
from bayes_sloth.cli.shared import print_table


@click.command()
@click.argument("fit_path", type=click.Path(), default=DEFAULT_LAW)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(fit_path: str, as_json: bool) -> None:
    """Say whether the sampler can be believed, and what the data cannot tell.

    \b
    Example:
      bayes-sloth performance-law check law.nc
    """
    from bayes_sloth.performance_law.identification import contraction_table, not_identified

    fit = read_fit(fit_path)
    table, untold = contraction_table(fit), not_identified(fit)
    if as_json:
        answer = {
            "health": fit.health.to_dict(),
            "parameters": table.to_dict("index"),
            "not_identified": untold,
        }
        click.echo(json.dumps(answer, indent=2))
        return
    print_table(fit.health.table().reset_index(), "Sampler health", digits=3)
    click.echo(fit.health.sentence())
    print_table(table.reset_index(), "What the data say of each parameter", digits=3)
    click.echo("Not identified by these data:")
    for sentence in untold:
        click.echo(f"- {sentence}")
