"""``bayes-sloth downstream``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.options import fit_option, model_options
from bayes_sloth.cli.shared import SEED, print_table, print_warnings


@click.command()
@click.option("--task", default="humaneval", show_default=True, help="A column of the scores.")
@click.option(
    "--scores", "scores_path", type=click.Path(), help="A table of yours that has the column."
)
@click.option("--benchmarks", help="Declares columns of that table (chance, n_items).")
@click.option(
    "--measurements",
    "measured",
    type=click.Path(),
    help="Instead: a table with model, score, effort.",
)
@click.option("--upper", type=float, help="Largest score that can be reached.")
@click.option("--effort", help="At this effort, in the unit of the measurements, or a setting.")
@click.option("--effort-levels", help="Named settings from least to most effort: low,medium,high.")
@click.option("--known", multiple=True, help="A model of the fit by name; may be repeated.")
@model_options("Or a hypothetical model: a variant or lineage, new or known.", required=False)
@fit_option()
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def downstream(
    task: str,
    scores_path: str | None,
    benchmarks: str | None,
    measured: str | None,
    upper: float | None,
    effort: str | None,
    effort_levels: str | None,
    known: tuple[str, ...],
    fit_path: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Forecast a downstream score from the skills of a model.

    \b
    Examples:
      bayes-sloth downstream --task humaneval --family meta-llama-3 --params 70 --tokens 15
      bayes-sloth downstream --measurements budgets.csv --effort 8000 --known qwen2-7b
      bayes-sloth downstream --measurements thinking.csv --effort-levels low,high --effort high \\
          --known qwen2-7b
    """
    from bayes_sloth.downstream.forecasting import forecast_downstream
    from bayes_sloth.downstream.measurements import load_measurements, measurements
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.scores import load_scores

    if measured is not None:
        table = load_measurements(
            measured,
            task,
            upper=1.0 if upper is None else upper,
            levels=effort_levels.split(",") if effort_levels else (),
        )
    else:
        own = None if scores_path is None else load_scores(scores_path, benchmarks=benchmarks)
        table = measurements(task, own, upper=upper)
    result = forecast_downstream(
        table,
        load_fit(fit_path),
        known=list(known) or None,
        effort=effort,
        **asked,
    )
    if as_json:
        click.echo(result.to_json())
        return
    print_table(result.table().reset_index(), repr(table), digits=3)
    click.echo(result.importance.sentence())
    print_warnings(result.warnings)
