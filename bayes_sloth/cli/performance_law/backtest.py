"""``bayes-sloth performance-law backtest``."""

from __future__ import annotations

import json
from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import given
from bayes_sloth.cli.shared import SEED, print_table


@click.command()
@click.argument("architectures", required=False, type=click.Path())
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(["developer", "forward"]),
    help="Leave a developer out, or the future; both by default.",
)
@click.option(
    "--fold", "folds", multiple=True, help="Only this developer, or this month; may be repeated."
)
@click.option(
    "--keep",
    "folder",
    default="backtest/performance_law",
    show_default=True,
    help="Folder of finished folds; run again, it goes on from there.",
)
@click.option("--chains", type=int, help="Chains of each fold.")
@click.option("--tune", type=int, help="Steps of adaptation of each chain.")
@click.option("--draws", type=int, help="Draws kept of each chain.")
@click.option("--seed", type=SEED, help="Same seed, same draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every cell.")
def backtest(
    architectures: str | None,
    protocols: tuple[str, ...],
    folds: tuple[str, ...],
    folder: str,
    as_json: bool,
    **choices: Any,
) -> None:
    """Hide developers or the future, forecast their MMLU, and compare with what happened.

    Uses the bundled table, or ARCHITECTURES (a CSV). Beside the Bayesian law stand the published
    one as it is, and regressions on log compute and on log size and log tokens.

    \b
    Examples:
      bayes-sloth performance-law backtest --protocol forward
      bayes-sloth performance-law backtest --fold Meta --json
    """
    from dataclasses import replace

    from bayes_sloth.performance_law.backtesting import FOLD_SAMPLING, PROTOCOLS
    from bayes_sloth.performance_law.backtesting import backtest as run
    from bayes_sloth.performance_law.data import load_architectures

    table = load_architectures(architectures)
    sampling = replace(FOLD_SAMPLING, **given(choices))
    result = run(table, protocols or PROTOCOLS, sampling, folds=folds, folder=folder)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
        return
    shown = result.summary.drop(columns=["medae", "coverage80"])
    print_table(shown, "Errors and widths in percentage points", digits=2)
    click.echo(repr(result).splitlines()[-1])
    for problem in result.problems():
        click.echo(f"warning: {problem}", err=True)
