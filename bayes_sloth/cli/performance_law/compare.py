"""``bayes-sloth performance-law compare``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bayes_sloth.cli.performance_law.shared import read_fit
from bayes_sloth.cli.shared import print_table


@click.command()
@click.argument("fits", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(fits: tuple[str, ...], as_json: bool) -> None:
    """Compare saved FITS, and regressions, by leaving out one model at a time.

    The difference is from the best, in log density summed over models: negative is worse, and
    within two standard errors nothing is decided.

    \b
    Example:
      bayes-sloth performance-law fit --variant "without date" --out undated.nc
      bayes-sloth performance-law compare law.nc undated.nc
    """
    from bayes_sloth.performance_law.comparing import compare as compare_laws

    named = {Path(path).stem: read_fit(path) for path in fits}
    table = compare_laws(named)
    warnings = [
        f"{name}: {f.health.sentence()}" for name, f in named.items() if not f.health.passed
    ]
    if as_json:
        records = json.loads(table.reset_index().to_json(orient="records"))
        click.echo(json.dumps({"laws": records, "warnings": warnings}, indent=2))
        return
    print_table(table.reset_index(), "Leave-one-model-out log predictive density", digits=2)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
