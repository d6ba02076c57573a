"""``bayes-sloth data``."""

from __future__ import annotations

import json

import click

from bayes_sloth.cli.completion import complete_family
from bayes_sloth.cli.shared import print_table, read_scores
from bayes_sloth.errors import InputError


@click.group()
def data() -> None:
    """Look at the bundled scores, or check a table of your own.

    \b
    Examples:
      bayes-sloth data list
      bayes-sloth data show qwen2
      bayes-sloth data validate my_scores.csv
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_list(as_json: bool) -> None:
    """List the benchmarks that are known, and how many models have a score.

    \b
    Example:
      bayes-sloth data list --json
    """
    from bayes_sloth.scores import load_scores

    table = load_scores().benchmark_table().drop(columns=["median", "best"])
    print_table(table.reset_index(), "Benchmarks", as_json=as_json)


@data.command("show")
@click.argument("family", required=False, shell_complete=complete_family)
@click.option("--as-published", is_flag=True, help="Without the errata.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_show(family: str | None, as_published: bool, as_json: bool) -> None:
    """Show the bundled models and scores, all or those of a variant or lineage.

    \b
    Examples:
      bayes-sloth data show qwen2
      bayes-sloth data show --as-published --json > leaderboard.json
    """
    from bayes_sloth.scores import load_scores
    from bayes_sloth.validate import nearest

    table = load_scores(errata=not as_published).to_frame()
    if family is not None:
        own = table[(table["variant"] == family) | (table["lineage"] == family)]
        if own.empty:
            hint = nearest(family, [*table["variant"], *table["lineage"]])
            raise InputError(f"there is no family '{family}' in the bundled data{hint}")
        table = own.dropna(axis="columns", how="all")
    print_table(table.reset_index(), "Models and scores", as_json=as_json, digits=3)


@data.command("validate")
@click.argument("scores", type=click.Path())
@click.option("--benchmarks", type=click.Path(), help="CSV that declares new benchmarks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_validate(scores: str, benchmarks: str | None, as_json: bool) -> None:
    """Check a table of scores as a fit would, without fitting.

    \b
    Example:
      bayes-sloth data validate my_scores.csv --benchmarks my_benchmarks.csv
    """
    table = read_scores(scores, benchmarks, False)
    if as_json:
        answer = {
            "source": table.source,
            "models": len(table.models),
            "usable": int(table.usable.sum()),
            "benchmarks": list(table.benchmarks.index),
            "notes": list(table.notes),
        }
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(repr(table))
    click.echo("The table is in order.")
