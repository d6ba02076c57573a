"""``bayes-sloth performance-law plan``: which shape to train, and how to expand a model."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import (
    answer_options,
    architecture_options,
    given,
    plot_option,
    print_answer,
    read_fit,
    source_option,
    whose_options,
)
from bayes_sloth.cli.shared import check_writable, save_figure


@click.group()
def plan() -> None:
    """Plan a training: which shape under a budget, or how to expand a model.

    \b
    Example:
      bayes-sloth performance-law plan architecture --flops 1e24
    """


@plan.command("architecture")
@click.option("--flops", type=float, required=True, help="Operations of the training, 1e24.")
@click.option("--show", "shown", default=10, show_default=True, help="Rows.")
@whose_options
@plot_option("the ranking")
@answer_options
def architecture(
    flops: float, fit_path: str, plot: str | None, as_json: bool, **choices: Any
) -> None:
    """Rank the shapes that exist under a training budget.

    \b
    Example:
      bayes-sloth performance-law plan architecture --flops 1e24 --plot shapes.png
    """
    from bayes_sloth.performance_law.uses.architecture import rank_architectures

    if plot:
        check_writable(plot, pictures=True)
    answer = rank_architectures(read_fit(fit_path), flops, **given(choices))
    if plot:
        from bayes_sloth.performance_law.plots import plot_ranking

        save_figure(lambda: plot_ranking(answer), plot)
    print_answer(answer, as_json)


@plan.command("expansion")
@architecture_options
@click.option("--deeper", default=1.5, show_default=True, help="Factor on the layers.")
@click.option("--wider", default=1.25, show_default=True, help="Factor on hidden and FFN size.")
@click.option("--experts", default=8, show_default=True, help="Experts in place of each FFN.")
@click.option("--mmlu", type=float, help="Known score of the model, percentage points.")
@source_option("harness")
@answer_options
def expansion(fit_path: str, as_json: bool, **choices: Any) -> None:
    """Compare a deeper, a wider and a sparser version of a model.

    \b
    Example:
      bayes-sloth performance-law plan expansion --layers 32 --hidden 4096 --ffn 14336 \\
        --params 8.03 --tokens 15 --mmlu 66
    """
    from bayes_sloth.performance_law.uses.expansion import plan_expansion

    print_answer(plan_expansion(read_fit(fit_path), **given(choices)), as_json)
