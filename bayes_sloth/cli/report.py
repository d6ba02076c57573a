"""``bayes-sloth report``."""

from __future__ import annotations

import json

import click

from bayes_sloth.cli.options import family_option
from bayes_sloth.cli.shared import DEFAULT_FIT, SEED, check_writable, note_progress, numbers_of


@click.command()
@click.argument("fit_path", type=click.Path(), metavar="[FIT]", default=DEFAULT_FIT)
@click.option(
    "--out",
    type=click.Path(),
    default="report.html",
    show_default=True,
    help="File of the report (HTML).",
)
@family_option(
    "Forecast this variant or lineage; by default the next larger size of four families.", False
)
@click.option("--params", "params_b", help="Parameters in billions; several, as 7,13,70.")
@click.option("--tokens", "tokens_t", type=float, help="Tokens in trillions.")
@click.option("--instruct", is_flag=True, help="The model is tuned to follow instructions.")
@click.option(
    "--backtest",
    "backtest_path",
    type=click.Path(),
    help="Of the fitted scores: what `bayes-sloth backtest --json` printed, in a file.",
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print what is certain and what is not.")
def report(
    fit_path: str,
    out: str,
    family: str | None,
    params_b: str | None,
    tokens_t: float | None,
    instruct: bool,
    backtest_path: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Write a report on a saved fit: one HTML file that opens without a network.

    Forecasts with intervals, skills, efficiency of families, calibration, diagnostics and data;
    its first lines say what is certain and what is not.

    \b
    Examples:
      bayes-sloth report fit.nc --out report.html
      bayes-sloth report --family qwen2 --params 32,72,144 --tokens 12
      bayes-sloth report mine.nc --backtest backtest.json --out mine.html
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.reporting import report as write_report

    check_writable(out)
    fit = load_fit(fit_path)
    note_progress("Checking the fit and drawing the report: half a minute ...")
    done = write_report(
        fit,
        out,
        family=family,
        params_b=None if params_b is None else numbers_of(params_b, "--params"),
        tokens_t=tokens_t,
        instruct=instruct,
        backtest=backtest_path,
        seed=seed,
    )
    if as_json:
        click.echo(json.dumps(done.to_dict(), indent=2))
        return
    for title, sentences in (("Certain:", done.certain), ("Not certain:", done.uncertain)):
        click.echo("\n".join([title, *(f"  - {sentence}" for sentence in sentences)]))
    click.echo(f"Report saved to {out}.")
