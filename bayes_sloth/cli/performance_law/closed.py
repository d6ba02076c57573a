"""``bayes-sloth performance-law closed``."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import (
    answer_options,
    given,
    plot_option,
    print_answer,
    read_fit,
    source_option,
    whose_options,
)
from bayes_sloth.cli.shared import check_writable, save_figure


@click.command()
@click.option("--mmlu", type=float, required=True, help="Percentage points.")
@whose_options
@click.option("--between", "between_b", type=(float, float),
              help="Bounds of the size before the score is seen, billions.")  # fmt: skip
@source_option("reported")
@plot_option("the ridge of size and tokens")
@answer_options
def closed(mmlu: float, fit_path: str, plot: str | None, as_json: bool, **choices: Any) -> None:
    """Say what size and tokens a model may have of which only MMLU is known.

    \b
    Example:
      bayes-sloth performance-law closed --mmlu 86.4 --release 2024-05 --plot ridge.png
    """
    from bayes_sloth.performance_law.uses.closed import infer_size

    if plot:
        check_writable(plot, pictures=True)
    answer = infer_size(read_fit(fit_path), mmlu, **given(choices))
    if plot:
        from bayes_sloth.performance_law.plots import plot_ridge

        save_figure(lambda: plot_ridge(answer), plot)
    print_answer(answer, as_json)
