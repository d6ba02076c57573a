"""``bayes-sloth check``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bayes_sloth.cli.shared import DEFAULT_FIT, print_table, read_scores

if TYPE_CHECKING:
    from bayes_sloth.checking import Check
    from bayes_sloth.comparing.ensemble import EnsembleCheck


@click.command()
@click.argument("path", type=click.Path(), default=DEFAULT_FIT)
@click.option("--benchmarks", type=click.Path(), help="With a table: CSV of new benchmarks.")
@click.option("--skills", type=int, help="With a table: skills of the model to come.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every number.")
def check(path: str, benchmarks: str | None, skills: int | None, as_json: bool) -> None:
    """Say what a saved fit knows and what it cannot know, or what a table of scores could tell.

    \b
    Examples:
      bayes-sloth check fit.nc          sampler, identifiability, odd scores
      bayes-sloth check my_scores.csv   before sampling: what the design can carry
    """
    found = _check_table(path, benchmarks, skills) if path.endswith(".csv") else _check_fit(path)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, allow_nan=False))
        return
    print_table(found.table().reset_index(), "What this can tell")
    click.echo(repr(found))


def _check_fit(path: str) -> Check | EnsembleCheck:
    from bayes_sloth.checking import check as check_fit
    from bayes_sloth.comparing.ensemble import load_fit_or_ensemble

    return check_fit(load_fit_or_ensemble(path))


def _check_table(path: str, benchmarks: str | None, skills: int | None) -> Check | EnsembleCheck:
    from bayes_sloth.checking import check as check_scores
    from bayes_sloth.specification import Specification

    specification = Specification() if skills is None else Specification(skills=skills)
    return check_scores(read_scores(path, benchmarks, False), specification)
