"""The command line: it reads arguments, calls the package and prints; it computes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayes_sloth import __version__
from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_sloth.fitting import Fit
    from bayes_sloth.forecasting import Forecast
    from bayes_sloth.scores import Scores

DEFAULT_FIT = "fit.nc"


class _Group(click.Group):
    """Print bad input as one line with exit code 2, and an interruption with 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"bayes-sloth: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("bayes-sloth: interrupted; what was finished before is kept", err=True)
            ctx.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bayes-sloth")
def main() -> None:
    """Forecast benchmark scores of language models nobody has evaluated, with honest intervals.

    \b
    Start with:
      bayes-sloth fit --out fit.nc
      bayes-sloth forecast --family qwen2 --params 32 --tokens 7 --plot forecast.png

    Exit codes: 0 done, 2 bad input (one line says what to change), 130 interrupted.
    """


@main.command()
@click.argument("scores", required=False, type=click.Path())
@click.option("--out", default=DEFAULT_FIT, show_default=True, help="File of the fit (netCDF).")
@click.option(
    "--benchmarks",
    type=click.Path(),
    help="CSV that declares new benchmarks: benchmark, chance, n_items.",
)
@click.option("--as-published", is_flag=True, help="Bundled data without the errata.")
@click.option("--skills", type=int, help="Number of latent skills.")
@click.option("--link", type=click.Choice(["generalised", "logistic"]), help="Shape of the curve.")
@click.option("--family-slopes", is_flag=True, help="Let growth with size differ by lineage.")
@click.option("--sampler", type=click.Choice(["nutpie", "pymc", "numpyro"]), help="Whose NUTS.")
@click.option("--chains", type=int, help="Chains.")
@click.option("--tune", type=int, help="Steps of adaptation of each chain.")
@click.option("--draws", type=int, help="Draws kept of each chain.")
@click.option("--seed", type=int, help="Same seed, same draws.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def fit(
    scores: str | None,
    out: str,
    benchmarks: str | None,
    as_published: bool,
    quiet: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Fit the skills model to SCORES (a CSV), or to the bundled leaderboard.

    \b
    Examples:
      bayes-sloth fit --out fit.nc
      bayes-sloth fit my_scores.csv --benchmarks my_benchmarks.csv --out mine.nc
    """  # fmt: skip
    from bayes_sloth.sampling import Sampling
    from bayes_sloth.specification import Specification

    _check_writable(out)
    given = {
        name: value for name, value in choices.items() if value is not None and value is not False
    }
    names = ("skills", "link", "family_slopes")
    specification = Specification(**{k: v for k, v in given.items() if k in names})
    sampling = Sampling(**{k: v for k, v in given.items() if k not in names})
    table = _scores(scores, benchmarks, as_published)
    for note in table.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(
        "Compiling (some minutes the first time, seconds later), then sampling ...", err=True
    )

    from bayes_sloth.fitting import fit as fit_scores

    done = fit_scores(table, specification, sampling, progress=False if quiet else None)
    done.save(out)
    if as_json:
        click.echo(json.dumps({"out": out, "health": done.health.to_dict()}, indent=2))
    else:
        click.echo(f"{done!r}\nSaved to {out}.")


@main.command()
@click.option("--family", required=True, help="A variant or lineage; a new name is a new family.")
@click.option(
    "--params",
    "params_b",
    required=True,
    help="Parameters in billions; several, as 7,13,70, give a curve.",
)
@click.option("--tokens", "tokens_t", required=True, type=float, help="Tokens in trillions.")
@click.option("--instruct", is_flag=True, help="The model is tuned to follow instructions.")
@click.option("--benchmark", "benchmarks", multiple=True, help="Only this one; may be repeated.")
@click.option("--fit", "fit_path", default=DEFAULT_FIT, show_default=True, help="A saved fit.")
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--seed", default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def forecast(
    family: str,
    params_b: str,
    tokens_t: float,
    instruct: bool,
    benchmarks: tuple[str, ...],
    fit_path: str,
    plot_path: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Forecast a model's scores from its family, size and training tokens.

    \b
    Examples:
      bayes-sloth forecast --family qwen2 --params 32 --tokens 7
      bayes-sloth forecast --family meta-llama-3 --params 8,70,400 --tokens 15 --plot curve.png
      bayes-sloth forecast --family "my family" --params 13 --tokens 4 --instruct --json
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.forecasting import forecast as forecast_models

    if plot_path:
        _check_writable(plot_path, pictures=True)
    posterior = load_fit(fit_path)
    sizes = _numbers(params_b, "--params")
    result = forecast_models(
        posterior,
        family=family,
        params_b=sizes,
        tokens_t=tokens_t,
        instruct=instruct,
        benchmarks=list(benchmarks) or None,
        seed=seed,
    )
    if plot_path:
        _plot(result, posterior, plot_path)
    if as_json:
        parts = [result.to_dict(str(name)) for name in result.models.index]
        click.echo(json.dumps(parts[0] if len(parts) == 1 else parts, indent=2))
        return
    for name in result.models.index:
        _print_forecast(result, posterior, str(name))
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    if plot_path:
        click.echo(f"Picture saved to {plot_path}.")


@main.command()
@click.argument("fit_path", default=DEFAULT_FIT)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(fit_path: str, as_json: bool) -> None:
    """Say whether the sampler of a saved fit can be believed."""
    from bayes_sloth.fitting import load_fit

    health = load_fit(fit_path).health
    if as_json:
        click.echo(json.dumps({"health": health.to_dict()}, indent=2))
        return
    _print_table(health.table().reset_index(), "Sampler health", digits=3)
    click.echo(health.sentence())


@main.command()
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

    table = _scores(scores, benchmarks, True)
    result = run(table, folder=folder, **settings)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
        return
    numbers = result.scores.by_benchmark.reset_index(names="benchmark")
    title = f"{settings['model']}, {settings['suite']}, {settings['seen']} seen"
    _print_table(numbers, title, digits=3)
    click.echo(repr(result))
    for problem in result.problems():
        click.echo(f"warning: {problem}", err=True)


@main.group()
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
    _print_table(table.reset_index(), "Benchmarks", as_json=as_json)


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
    _print_table(table.reset_index(), "Models and scores", as_json=as_json, digits=3)


@data.command("validate")
@click.argument("scores", type=click.Path())
@click.option("--benchmarks", type=click.Path(), help="CSV that declares new benchmarks.")
def data_validate(scores: str, benchmarks: str | None) -> None:
    """Check a table of scores as a fit would, without fitting."""
    click.echo(repr(_scores(scores, benchmarks, False)))
    click.echo("The table is in order.")


def _scores(path: str | None, benchmarks: str | None, as_published: bool) -> Scores:
    from bayes_sloth.scores import benchmarks_of, load_scores

    if path is None:
        return load_scores(errata=not as_published).select(benchmarks_of("both"))
    return load_scores(path, benchmarks=benchmarks)


def _check_writable(path: str, pictures: bool = False) -> None:
    """Refuse a place that cannot be written to before work is spent."""
    target = Path(path)
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise InputError(f"cannot write '{path}': give the name of a file in a folder that exists")
    if pictures and target.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"cannot draw '{path}': give a name that ends in .png, .svg or .pdf")


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} '{text}' is not a number, or several as 7,13,70") from None


def _plot(result: Forecast, posterior: Fit, path: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from bayes_sloth.plots import plot_curves, plot_forecast

    if len(result.models) > 1:
        plot_curves(result, posterior)
    else:
        plot_forecast(result, posterior)
    plt.gcf().savefig(path, dpi=150)


def _print_forecast(result: Forecast, posterior: Fit, name: str) -> None:
    about: dict[Any, Any] = result.models.loc[[name]].to_dict("records")[0]
    status = {
        "seen": "a variant in the data",
        "lineage": "a new variant of a known lineage",
        "unseen": "a family nobody has seen",
    }[about["family_status"]]
    tuned = ", instruction-tuned" if about["instruct"] else ""
    title = (
        f"{about['family']}, {about['params_b']:g}B parameters, {about['tokens_t']:g}T tokens"
        f"{tuned} ({status})"
    )
    table = result.table().xs(name, level="model")
    shown = table[["median"]].assign(
        **{
            "50 % interval": _interval(table, 50),
            "90 % interval": _interval(table, 90),
        }
    )
    shown.insert(0, "benchmark", posterior.scores.benchmarks.loc[table.index, "name"])
    _print_table(shown, title, digits=3)


def _interval(table: Any, level: int) -> list[str]:
    bounds = zip(table[f"lower{level}"], table[f"upper{level}"], strict=True)
    return [f"{low:.3f} to {high:.3f}" for low, high in bounds]


def _print_table(
    table: pd.DataFrame, title: str, *, as_json: bool = False, digits: int = 4
) -> None:
    """Print a table to the width of the terminal, or as JSON records."""
    if as_json:
        click.echo(table.to_json(orient="records", indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # A pipe has no width: do not cut what goes there.
    console = Console(width=None if sys.stdout.isatty() else 200)
    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in table:
        numeric = table[column].dtype.kind in "fi"
        shown.add_column(str(column), justify="right" if numeric else "left")
    for row in table.itertuples(index=False):
        shown.add_row(*(escape(_text(value, digits)) for value in row))
    console.print(shown)


def _text(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return str(value)


if __name__ == "__main__":
    main()
