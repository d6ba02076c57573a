"""``bayes-sloth forecast``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bayes_sloth.cli.completion import complete_benchmark
from bayes_sloth.cli.options import family_option, fit_option
from bayes_sloth.cli.shared import (
    SEED,
    check_writable,
    describe_size,
    numbers_of,
    print_table,
    print_warnings,
    save_figure,
    scores_of,
)
from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_sloth.comparing.ensemble import Ensemble
    from bayes_sloth.fitting import Fit
    from bayes_sloth.forecasting import Forecast


@click.command()
@family_option("A variant or lineage; a new name is a new family.")
@click.option(
    "--params",
    "params_b",
    help="Parameters in billions; several, as 7,13,70, give a curve.",
)
@click.option("--tokens", "tokens_t", type=float, help="Tokens in trillions.")
@click.option("--instruct", is_flag=True, help="The model is tuned to follow instructions.")
@click.option(
    "--observed",
    multiple=True,
    help="A score of the model that is known, as mmlu=0.62; may be repeated. Size or tokens may "
    "then be left out.",
)
@click.option(
    "--benchmark",
    "benchmarks",
    multiple=True,
    shell_complete=complete_benchmark,
    help="Only this one; may be repeated.",
)
@fit_option("A saved fit or ensemble.")
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--width", is_flag=True, help="Also say where the width of the intervals comes from.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forecast(
    family: str,
    params_b: str | None,
    tokens_t: float | None,
    instruct: bool,
    observed: tuple[str, ...],
    benchmarks: tuple[str, ...],
    fit_path: str,
    plot_path: str | None,
    width: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Forecast a model's scores from its family, size and training tokens.

    \b
    Examples:
      bayes-sloth forecast --family qwen2 --params 32 --tokens 7
      bayes-sloth forecast --family meta-llama-3 --params 8,70,400 --tokens 15 --plot curve.png
      bayes-sloth forecast --family "my family" --params 13 --tokens 4 --instruct --json
      bayes-sloth forecast --family qwen2 --params 32 --tokens 7 --observed mmlu=0.82
    """
    from bayes_sloth.comparing.ensemble import load_fit_or_ensemble
    from bayes_sloth.forecasting import forecast as forecast_models

    if plot_path:
        check_writable(plot_path, pictures=True)
    posterior = load_fit_or_ensemble(fit_path)
    sizes = None if params_b is None else numbers_of(params_b, "--params")
    result = forecast_models(
        posterior,
        family=family,
        params_b=sizes,
        tokens_t=tokens_t,
        instruct=instruct,
        observed=scores_of(observed, "--observed") or None,
        benchmarks=list(benchmarks) or None,
        seed=seed,
    )
    if plot_path:
        _plot(result, posterior, plot_path)
    split = _split(posterior, result, seed) if width else None
    if as_json:
        parts = [result.to_dict(str(name)) for name in result.models.index]
        if split is not None:
            parts[0]["width"] = split.reset_index().to_dict("records")
        click.echo(json.dumps(parts[0] if len(parts) == 1 else parts, indent=2))
        return
    for name in result.models.index:
        _print_forecast(result, posterior, str(name))
    if split is not None:
        title = "Where the width comes from: share of variance (sd in points)"
        print_table(split.reset_index(), title, digits=2)
    print_warnings(result.warnings)
    if plot_path:
        click.echo(f"Picture saved to {plot_path}.")


def _split(posterior: Fit | Ensemble, result: Forecast, seed: int) -> pd.DataFrame:
    """Split the width of a single model's intervals."""
    from bayes_sloth.fitting import Fit
    from bayes_sloth.width import split_width

    if not isinstance(posterior, Fit):
        raise InputError("--width speaks of one fit, not of an ensemble")
    about = result.models.iloc[0]
    if len(result.models) > 1 or about[["params_b", "tokens_t"]].isna().any():
        raise InputError("--width speaks of one model of known size and tokens")
    observed = None if result.observed is None else result.observed.iloc[0].dropna().to_dict()
    return split_width(
        posterior,
        family=str(about["family"]),
        params_b=float(about["params_b"]),
        tokens_t=float(about["tokens_t"]),
        instruct=bool(about["instruct"]),
        observed=observed,
        seed=seed,
    )


def _plot(result: Forecast, posterior: Fit | Ensemble, path: str) -> None:
    from bayes_sloth.plots import plot_curves, plot_forecast

    draw = plot_curves if len(result.models) > 1 else plot_forecast
    save_figure(lambda: draw(result, posterior), path)


def _print_forecast(result: Forecast, posterior: Fit | Ensemble, name: str) -> None:
    from bayes_sloth.asked import STATUS

    about: dict[Any, Any] = result.models.loc[[name]].to_dict("records")[0]
    tuned = ", instruction-tuned" if about["instruct"] else ""
    title = f"{about['family']}, {describe_size(about)}{tuned} ({STATUS[about['family_status']]})"
    table = result.table().xs(name, level="model")
    shown = table[["median"]].assign(
        **{
            "50 % interval": _interval(table, 50),
            "90 % interval": _interval(table, 90),
        }
    )
    shown.insert(0, "benchmark", posterior.scores.benchmarks.loc[table.index, "name"])
    if result.observed is not None:
        shown.insert(1, "observed", result.observed.loc[name, table.index].astype(float))
    print_table(shown, title, digits=3)
    _print_conditioning(result, name)


def _print_conditioning(result: Forecast, name: str) -> None:
    sizes = result.size_table()
    if name in sizes.index:
        print_table(sizes.loc[[name]], "Effective size, from the scores", digits=2)
    for quality in result.quality.values():
        click.echo(quality.sentence())
    if result.quality:
        click.echo("Intervals of observed benchmarks are for a second, independent run.")


def _interval(table: Any, level: int) -> list[str]:
    bounds = zip(table[f"lower{level}"], table[f"upper{level}"], strict=True)
    return [f"{low:.3f} to {high:.3f}" for low, high in bounds]
