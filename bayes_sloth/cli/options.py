"""Options that several commands have: whose model is asked about, and by which fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from bayes_sloth.cli.completion import complete_family
from bayes_sloth.cli.shared import DEFAULT_FIT

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def options(*given: Decorator) -> Decorator:
    """Return several options as one; --help lists them in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(given):
            command = option(command)
        return command

    return add


def fit_option(
    text: str = "A saved fit.", name: str = "fit_path", default: str = DEFAULT_FIT
) -> Decorator:
    """Return the option that says which fit to use."""
    return click.option(
        "--fit", name, type=click.Path(), default=default, show_default=True, help=text
    )


def family_option(
    text: str = "A variant or lineage; or a new family.", required: bool = True, **settings: Any
) -> Decorator:
    """Return the option that names a family, known to completion."""
    return click.option(
        "--family", shell_complete=complete_family, required=required, help=text, **settings
    )


def model_options(family: str, required: bool) -> Decorator:
    """Return the options that describe one hypothetical model."""
    return options(
        family_option(family, required),
        click.option("--params", "params_b", required=required, type=float,
                     help="Parameters in billions."),
        click.option("--tokens", "tokens_t", required=required, type=float,
                     help="Tokens in trillions."),
        click.option("--instruct", is_flag=True,
                     help="The model is tuned to follow instructions."),
    )  # fmt: skip
