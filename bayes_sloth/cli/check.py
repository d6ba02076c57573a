"""``bayes-sloth check``."""

from __future__ import annotations

import json

import click

from bayes_sloth.cli.shared import DEFAULT_FIT, print_table


@click.command()
@click.argument("fit_path", default=DEFAULT_FIT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(fit_path: str, as_json: bool) -> None:
    """Say whether the sampler of a saved fit can be believed."""
    from bayes_sloth.fitting import load_fit

    health = load_fit(fit_path).health
    if as_json:
        click.echo(json.dumps({"health": health.to_dict()}, indent=2))
        return
    print_table(health.table().reset_index(), "Sampler health", digits=3)
    click.echo(health.sentence())
