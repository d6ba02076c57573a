"""``bayes-sloth test-time``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.options import fit_option, model_options
from bayes_sloth.cli.shared import (
    SEED,
    check_writable,
    numbers_of,
    print_table,
    print_warnings,
)
from bayes_sloth.errors import InputError


@click.group("test-time")
def test_time() -> None:
    """Forecast what a model reaches when it may try again: pass@k.

    \b
    Examples:
      bayes-sloth test-time fit --counts counts.csv --out math.nc
      bayes-sloth test-time forecast math.nc --family qwen2 --params 32 --tokens 7
    """


@test_time.command()
@click.option(
    "--counts",
    "counts_path",
    type=click.Path(),
    help="A table with model, question, correct, samples.",
)
@click.option("--samples", multiple=True, help="MODEL=FILE.json, lists of right or wrong.")
@click.option(
    "--out",
    type=click.Path(),
    default="test_time.nc",
    show_default=True,
    help="Where to save the fit.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fit(counts_path: str | None, samples: tuple[str, ...], out: str, as_json: bool) -> None:
    """Fit the item-response model to repeated samples.

    \b
    Example:
      bayes-sloth test-time fit --samples gemma-7b=MATH_Gemma-7B.json \\
          --samples pythia-12b=MATH_Pythia-12B.json --out math.nc
    """
    from bayes_sloth.test_time.counts import load_counts
    from bayes_sloth.test_time.fitting import fit_item_response

    check_writable(out)
    if (counts_path is None) == (not samples):
        raise InputError("give either --counts TABLE.csv or --samples MODEL=FILE.json")
    pairs = [sample.partition("=")[::2] for sample in samples]
    if any(not model or not path for model, path in pairs):
        raise InputError("give samples as MODEL=FILE.json, with the model's name in the scores")
    result = fit_item_response(load_counts(dict(pairs) if counts_path is None else counts_path))
    result.save(out)
    table = result.pass_at_k([1, 10, 100, 1000, 10000]).reset_index()
    print_table(table, "pass@k of the models sampled", as_json=as_json, digits=3)
    click.echo(f"{result.health.sentence()} Saved to {out}.", err=as_json)


@test_time.command()
@click.argument("fit_path", type=click.Path(), default="test_time.nc")
@click.option("--known", multiple=True, help="A model of the skills fit; may be repeated.")
@model_options("Or a hypothetical model: a variant or lineage, new or known.", required=False)
@click.option("--k", "attempts", default="1,10,100,1000,10000", show_default=True)
@fit_option("Of skills.", "skills_path")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forecast(
    fit_path: str,
    known: tuple[str, ...],
    attempts: str,
    skills_path: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Forecast pass@k of a model that was never sampled.

    \b
    Examples:
      bayes-sloth test-time forecast math.nc --known qwen2-7b
      bayes-sloth test-time forecast math.nc --family qwen2 --params 32 --tokens 7 --k 1,100
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.test_time.fitting import load_item_response
    from bayes_sloth.test_time.forecasting import forecast_pass_at_k

    result = forecast_pass_at_k(
        load_item_response(fit_path),
        load_fit(skills_path),
        known=list(known) or None,
        ks=[int(k) for k in numbers_of(attempts, "--k")],
        **asked,
    )
    if as_json:
        click.echo(result.to_json())
        return
    print_table(result.table().reset_index(), "pass@k, 50 and 90 % intervals", digits=3)
    print_warnings(result.warnings)
