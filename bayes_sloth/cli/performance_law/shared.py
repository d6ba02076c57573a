"""What the commands of the Performance Law share: options and the printing of answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bayes_sloth.cli.options import Decorator, fit_option, options
from bayes_sloth.cli.shared import SEED, print_table, print_warnings

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit
    from bayes_sloth.performance_law.uses.result import Answer

DEFAULT_LAW = "law.nc"


# Who trains, and when.
whose_options = options(
    click.option("--developer", help="One of the data has its known effect."),
    click.option("--release", help="Month, 2024-07; the last of the data by default."),
)
architecture_options = options(
    click.option("--layers", type=int, required=True, help="Number of layers."),
    click.option("--hidden", type=int, required=True, help="Hidden size."),
    click.option("--ffn", type=int, required=True, help="Size of the feed-forward network."),
    click.option("--params", "params_b", type=float, required=True, help="Billions."),
    click.option("--tokens", "tokens_t", type=float, required=True, help="Trillions."),
    click.option("--active", "active_params_b", type=float,
                 help="Active parameters of a mixture of experts, billions."),
    whose_options,
    click.option("--lineage", help="A lineage of the data has its known effect."),
)  # fmt: skip
# Of every answer.
answer_options = options(
    fit_option("A saved fit of the law.", default=DEFAULT_LAW),
    click.option(
        "--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


def plot_option(what: str) -> Decorator:
    """Return the option that draws the answer."""
    return click.option("--plot", help=f"Draw {what} to this file (.png, .svg, .pdf).")


def source_option(default: str) -> Decorator:
    """Return the option that says whose measurement is meant."""
    return click.option(
        "--source",
        type=click.Choice(["reported", "harness"]),
        default=default,
        show_default=True,
        help="What a vendor reports, or one harness measures.",
    )


def read_fit(path: str) -> LawFit:
    """Read a fit of the law; its problems are an `InputError`."""
    from bayes_sloth.performance_law.fitting import load_fit

    return load_fit(path)


def given(choices: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in choices.items() if value is not None}


def print_answer(answer: Answer, as_json: bool, digits: int = 2) -> None:
    """Print the table, the sentence and the warnings of an answer, or all as JSON."""
    if as_json:
        click.echo(json.dumps(answer.to_dict(), indent=2))
        return
    print_table(answer.table.reset_index(), answer.title, digits=digits)
    click.echo(answer.sentence)
    print_warnings(answer.warnings)
