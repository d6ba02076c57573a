"""``bayes-sloth performance-law contamination``."""

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
from bayes_sloth.errors import InputError


@click.command()
@architecture_options
@click.option("--mmlu", type=float, required=True, help="Percentage points.")
@click.option("--second", help="A second benchmark and its score in points: mmlu_pro=45.")
@source_option("reported")
@answer_options
def contamination(
    mmlu: float, second: str | None, fit_path: str, as_json: bool, **choices: Any
) -> None:
    """Ask whether a score is too high for its architecture, and a second benchmark agrees.

    \b
    Examples:
      bayes-sloth performance-law contamination --mmlu 82 --layers 80 --hidden 8192 \\
        --ffn 28672 --params 70.6 --tokens 15 --second mmlu_pro=45
    """
    from bayes_sloth.performance_law.uses.contamination import check_contamination

    answer = check_contamination(read_fit(fit_path), mmlu, second=_pair(second), **given(choices))
    print_answer(answer, as_json)


def _pair(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise InputError(f"--second '{text}' is not like mmlu_pro=45") from None
