"""``bayes-sloth performance-law closed``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import (
    answer_options,
    given,
    print_answer,
    read_fit,
    source_option,
    whose_options,
)


@click.command()
@click.option("--mmlu", type=float, required=True, help="Percentage points.")
@whose_options()[0]
@whose_options()[1]
@click.option("--between", "between_b", type=(float, float),
              help="Bounds of the size before the score is seen, billions.")  # fmt: skip
@source_option("reported")
@answer_options
def closed(mmlu: float, fit_path: str, as_json: bool, **choices: Any) -> None:
    """Say what size and tokens a model may have of which only MMLU is known.

    \b
    Example:
      bayes-sloth performance-law closed --mmlu 86.4 --release 2024-05
    """
    from bayes_sloth.performance_law.uses.closed import infer_size

    print_answer(infer_size(read_fit(fit_path), mmlu, **given(choices)), as_json)
