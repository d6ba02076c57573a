"""``bayes-sloth performance-law training``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import (
    answer_options,
    architecture_options,
    given,
    print_answer,
    read_fit,
    source_option,
)


@click.command()
@architecture_options
@click.option("--mmlu", type=float, required=True, help="Score so far, percentage points.")
@click.option("--so-far", "tokens_so_far_t", type=float, required=True,
              help="Tokens seen so far, trillions; --tokens are those planned.")  # fmt: skip
@source_option("harness")
@answer_options
def training(
    mmlu: float, tokens_so_far_t: float, fit_path: str, as_json: bool, **choices: Any
) -> None:
    """Say whether a running training scores what the law expects by now.

    \b
    Examples:
      bayes-sloth performance-law training --layers 32 --hidden 4096 --ffn 14336 \\
        --params 8 --tokens 15 --so-far 5 --mmlu 58
    """
    from bayes_sloth.performance_law.uses.training import check_training

    answer = check_training(read_fit(fit_path), mmlu, tokens_so_far_t, **given(choices))
    print_answer(answer, as_json)
