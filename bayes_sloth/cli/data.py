"""``bayes-sloth data``."""

from __future__ import annotations

import click

from bayes_sloth.cli.shared import print_table, read_scores
from bayes_sloth.errors import InputError


@click.group()
def data() -> None:
    """Look at the bundled scores, or check a table of your own."""


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_list(as_json: bool) -> None:
    """List the benchmarks that are known, and how many models have a score."""
    from bayes_sloth.scores import load_scores

    scores = load_scores()
    table = scores.benchmarks[["name", "suite", "chance", "n_items"]].assign(
        models=scores.values.notna().sum()
    )
    print_table(table.reset_index(), "Benchmarks", as_json=as_json)


@data.command("show")
@click.argument("family", required=False)
@click.option("--as-published", is_flag=True, help="Without the errata.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_show(family: str | None, as_published: bool, as_json: bool) -> None:
    """Show the bundled models and scores, all or those of a variant or lineage."""
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
def data_validate(scores: str, benchmarks: str | None) -> None:
    """Check a table of scores as a fit would, without fitting."""
    click.echo(repr(read_scores(scores, benchmarks, False)))
    click.echo("The table is in order.")
