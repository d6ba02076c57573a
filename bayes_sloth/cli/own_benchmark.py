"""``bayes-sloth own-benchmark``."""

from __future__ import annotations

import click

from bayes_sloth.cli.options import fit_option
from bayes_sloth.cli.shared import SEED, check_writable, print_table, save_figure


@click.command("own-benchmark")
@click.argument("scores", type=click.Path())
@click.option("--name", default="own benchmark", show_default=True, help="What to call it.")
@click.option("--chance", type=float, help="Score of a guesser; estimated if not given.")
@click.option("--items", "n_items", type=float, help="Number of questions, if known.")
@fit_option()
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def own_benchmark(
    scores: str,
    name: str,
    chance: float | None,
    n_items: float | None,
    fit_path: str,
    plot_path: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Forecast all fitted models on a new benchmark, from SCORES of five or more.

    SCORES is a CSV with columns model and score.

    \b
    Example:
      bayes-sloth own-benchmark mine.csv --name mine --chance 0.25 --items 400
    """
    from bayes_sloth import validate
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.new_benchmark import own_benchmark as estimate
    from bayes_sloth.plots import plot_own_benchmark

    if plot_path:
        check_writable(plot_path, pictures=True)
    table = validate.read_table(scores, key="model")
    validate.require_columns(table, ["score"])
    values = validate.fractions(table, "score").set_axis(table.cells["model"])
    fit = load_fit(fit_path)
    done = estimate(fit, values, name=name, chance=chance, n_items=n_items, seed=seed)
    if plot_path:
        save_figure(lambda: plot_own_benchmark(done, fit), plot_path)
    if as_json:
        click.echo(done.to_json())
        return
    print_table(done.parameter_table().reset_index(), f"{name}: the benchmark", digits=3)
    shown = done.table()[["observed", "median", "lower90", "upper90"]]
    print_table(shown.reset_index(), f"{name}: forecasts", digits=3)
    click.echo(done.quality.sentence())
