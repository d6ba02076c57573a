"""``bayes-sloth backtest``."""

from __future__ import annotations

import json
from typing import Any

import click

from bayes_sloth.cli.shared import print_table, print_warnings, read_scores


@click.command()
@click.argument("scores", required=False, type=click.Path())
@click.option("--suite", default="v1", show_default=True, help="v1, v2, both, or a suite of yours.")
@click.option("--seen", default=1, show_default=True, help="Smallest models that stay in training.")
@click.option("--strict", is_flag=True, help="Hold out the whole lineage but for the seen models.")
@click.option("--model", default="skills", show_default=True, help="skills, or a published law.")
@click.option(
    "--keep",
    "folder",
    default="backtest",
    show_default=True,
    help="Folder of finished folds; run again, it goes on from there.",
)
@click.option("--jobs", default=1, show_default=True, help="Folds at a time.")
@click.option("--benchmarks", type=click.Path(), help="CSV that declares new benchmarks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every cell.")
def backtest(
    scores: str | None, benchmarks: str | None, folder: str, as_json: bool, **settings: Any
) -> None:
    """Hide families, forecast them, and compare with what happened.

    Uses the bundled leaderboard as published, or SCORES (a CSV) with folds of its own lineages.

    \b
    Examples:
      bayes-sloth backtest --suite v2 --seen 1
      bayes-sloth backtest --suite v1 --seen 2 --model "PCA + FLOPs, d=2"
    """
    from bayes_sloth.backtesting import backtest as run

    table = read_scores(scores, benchmarks, True)
    result = run(table, folder=folder, **settings)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
        return
    numbers = result.scores.by_benchmark.reset_index(names="benchmark")
    title = f"{settings['model']}, {settings['suite']}, {settings['seen']} seen"
    print_table(numbers, title, digits=3)
    click.echo(repr(result))
    print_warnings(result.problems())
