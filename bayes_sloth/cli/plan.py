"""``bayes-sloth plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bayes_sloth.cli.completion import complete_benchmark
from bayes_sloth.cli.options import family_option, fit_option, options
from bayes_sloth.cli.shared import (
    SEED,
    check_writable,
    print_table,
    print_warnings,
    save_figure,
    scores_of,
)
from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    from bayes_sloth.planning.compute import ComputePlan
    from bayes_sloth.planning.next_run import NextRun, Training
    from bayes_sloth.planning.target import TargetPlan


@click.group()
def plan() -> None:
    """Reach a target, divide a budget of compute, or choose what to run next.

    \b
    Examples:
      bayes-sloth plan target --benchmark mmlu=0.8 --family qwen2 --tokens 7
      bayes-sloth plan compute --flops 1e24
      bayes-sloth plan next --target math_lvl5 --family qwen2 --params 32 --tokens 7
    """


_common = options(
    click.option("--instruct", is_flag=True, help="The model is tuned."),
    fit_option("A fit."),
    click.option("--plot", "plot_path", type=click.Path(), help="Save a picture."),
    click.option("--seed", type=SEED, default=1, show_default=True, help="Of the draws."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)


@plan.command("target")
@click.option(
    "--benchmark",
    "targets",
    multiple=True,
    required=True,
    help="A score to reach, as mmlu=0.8; may be repeated: all of them together.",
)
@click.option("--probability", default=0.9, show_default=True, help="To reach them with.")
@family_option()
@click.option("--params", "params_b", type=float, help="Given size (billions): finds tokens.")
@click.option("--tokens", "tokens_t", type=float, help="Given tokens (trillions): finds size.")
@_common
def target(
    targets: tuple[str, ...], fit_path: str, plot_path: str | None, as_json: bool, **asked: Any
) -> None:
    """Find the smallest size, the fewest tokens or the cheapest training that reaches targets.

    \b
    Examples:
      bayes-sloth plan target --benchmark mmlu=0.8 --family qwen2 --tokens 7
      bayes-sloth plan target --benchmark mmlu=0.7 --benchmark bbh=0.5 --family mine
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.planning.target import plan_target
    from bayes_sloth.plots import plot_target

    if plot_path:
        check_writable(plot_path, pictures=True)
    fit = load_fit(fit_path)
    done = plan_target(fit, scores_of(targets, "--benchmark"), **asked)
    if plot_path:
        save_figure(lambda: plot_target(done, fit), plot_path)
    _answer(done, as_json, "At the answer")


@plan.command("compute")
@click.option("--flops", required=True, type=float, help="Budget, as 1e24: 6 N D.")
@click.option(
    "--objective",
    "weights",
    multiple=True,
    help="A benchmark with its weight, as mmlu=1; may be repeated. All by default.",
)
@click.option("--skill", type=int, help="Maximise a latent skill (1 is the first) instead.")
@family_option("Whose model it is.", False, default="a new family", show_default=True)
@click.option("--inference-tokens", "inference_tokens_t", type=float, default=0.0,
              help="Trillions of tokens of inference that the budget pays too: 2 N I.")  # fmt: skip
@_common
def compute(
    weights: tuple[str, ...], fit_path: str, plot_path: str | None, as_json: bool, **asked: Any
) -> None:
    """Divide a budget of compute into size and tokens, with the loss of choosing wrongly.

    \b
    Examples:
      bayes-sloth plan compute --flops 1e24
      bayes-sloth plan compute --flops 1e24 --objective mmlu=1 --inference-tokens 5
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.planning.compute import plan_compute
    from bayes_sloth.plots import plot_compute

    if plot_path:
        check_writable(plot_path, pictures=True)
    fit = load_fit(fit_path)
    objective = scores_of(weights, "--objective") or None
    done = plan_compute(fit, objective=objective, **asked)
    if plot_path:
        save_figure(lambda: plot_compute(done), plot_path)
    _answer(done, as_json, "Best size and tokens over posterior draws")


@plan.command("next")
@click.option(
    "--target",
    "targets",
    shell_complete=complete_benchmark,
    multiple=True,
    required=True,
    help="Benchmark to learn about.",
)
@family_option()
@click.option("--params", "params_b", type=float, help="Parameters in billions.")
@click.option("--tokens", "tokens_t", type=float, help="Tokens in trillions.")
@click.option("--observed", multiple=True, help="A score that is known, as mmlu=0.62.")
@click.option(
    "--cost",
    "costs",
    multiple=True,
    help="A benchmark that may be run and its cost, as bbh=2. All at 1 by default.",
)
@click.option(
    "--train",
    "trainings",
    multiple=True,
    help="A smaller model that may be trained, as SIZE:TOKENS:COST.",
)
@_common
def next_(
    targets: tuple[str, ...],
    observed: tuple[str, ...],
    costs: tuple[str, ...],
    trainings: tuple[str, ...],
    fit_path: str,
    plot_path: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Rank what to run next by how much it tells about a target, for its cost.

    \b
    Examples:
      bayes-sloth plan next --target math_lvl5 --family qwen2 --params 32 --tokens 7
      bayes-sloth plan next --target mmlu --family mine --params 30 --tokens 4 --train 1.5:1:10
    """
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.planning.next_run import plan_next
    from bayes_sloth.plots import plot_next

    if plot_path:
        check_writable(plot_path, pictures=True)
    done = plan_next(
        load_fit(fit_path),
        targets,
        observed=scores_of(observed, "--observed"),
        costs=scores_of(costs, "--cost") or None,
        trainings=[_training(text) for text in trainings],
        **asked,
    )
    if plot_path:
        save_figure(lambda: plot_next(done), plot_path)
    _answer(done, as_json, "What to run next")


def _training(text: str) -> Training:
    from bayes_sloth.planning.next_run import Training

    try:
        size, tokens, cost = (float(part) for part in text.split(":"))
    except ValueError:
        raise InputError(f"--train '{text}' is not SIZE:TOKENS:COST, as 1.5:2:10") from None
    return Training(size, tokens, cost)


def _answer(done: TargetPlan | ComputePlan | NextRun, as_json: bool, title: str) -> None:
    if as_json:
        click.echo(done.to_json())
        return
    click.echo(done.sentence())
    table = done.table()
    print_table(table.rename_axis(table.index.name or "quantity").reset_index(), title, digits=3)
    print_warnings(done.warnings)
