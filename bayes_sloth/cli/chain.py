"""``bayes-sloth chain``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.options import fit_option, model_options
from bayes_sloth.cli.shared import (
    SEED,
    check_writable,
    print_table,
    print_warnings,
    save_figure,
)


@click.command()
@model_options("A variant or lineage; a new name is a new family.", required=True)
@click.option("--task", "tasks", multiple=True, help="A downstream column; may be repeated.")
@click.option(
    "--test-time",
    "test_time_path",
    type=click.Path(),
    help="A saved item-response fit, for pass@k.",
)
@fit_option()
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def chain(
    tasks: tuple[str, ...],
    test_time_path: str | None,
    fit_path: str,
    plot_path: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Follow a hypothetical model from skills to benchmarks, downstream scores and pass@k.

    \b
    Examples:
      bayes-sloth chain --family meta-llama-3 --params 70 --tokens 15 --instruct
      bayes-sloth chain --family qwen2 --params 32 --tokens 7 --test-time math.nc --plot chain.png
    """
    from bayes_sloth.chain_plots import plot_chain
    from bayes_sloth.chaining import chain as run
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.test_time.fitting import load_item_response

    if plot_path:
        check_writable(plot_path, pictures=True)
    if tasks:
        asked["downstream"] = tasks
    result = run(
        load_fit(fit_path),
        test_time=None if test_time_path is None else load_item_response(test_time_path),
        **asked,
    )
    if plot_path:
        save_figure(lambda: plot_chain(result), plot_path)
    if as_json:
        click.echo(result.to_json())
        return
    print_table(result.table().reset_index(), f"{asked['family']}, 50 and 90 % intervals", digits=3)
    print_warnings(result.warnings)
