"""``bayes-sloth performance-law forecast``."""

from __future__ import annotations

import json
from typing import Any

import click

from bayes_sloth.cli.performance_law.shared import (
    answer_options,
    architecture_options,
    given,
    plot_option,
    read_fit,
    source_option,
)
from bayes_sloth.cli.shared import check_writable, print_warnings, save_figure
from bayes_sloth.errors import InputError

OF_THE_SHAPE = ("layers", "hidden", "ffn", "params_b", "tokens_t")


@click.command()
@architecture_options
@click.option("--published", is_flag=True, help="The published dense law: no fit, no interval.")
@click.option("--precision-loss", type=float, help="Of the published law, at least 1.")
@source_option("reported")
@plot_option("MMLU over training tokens")
@answer_options
def forecast(
    published: bool,
    precision_loss: float | None,
    source: str,
    plot: str | None,
    fit_path: str,
    seed: int,
    as_json: bool,
    **architecture: Any,
) -> None:
    """Forecast a model's MMLU, in percentage points, before it is trained.

    \b
    Examples:
      bayes-sloth performance-law forecast --published --layers 62 --hidden 4096 --ffn 8192 \\
        --params 10.07 --tokens 6.5
      bayes-sloth performance-law forecast --layers 80 --hidden 8192 --ffn 28672 \\
        --params 70.6 --tokens 15 --plot curve.png
    """
    chosen = given(architecture)
    if plot:
        check_writable(plot, pictures=True)
    if published:
        if plot:
            raise InputError("--plot draws intervals, which the published law does not state")
        answer = _published(chosen, 1.0 if precision_loss is None else precision_loss)
        shown = f"MMLU {answer['mmlu']:.2f} by the published law, which states no interval"
    else:
        if precision_loss is not None:
            raise InputError("--precision-loss is of the published law: add --published")
        from bayes_sloth.performance_law.forecasting import forecast as forecast_law

        fit = read_fit(fit_path)
        asked = forecast_law(fit, source=source, seed=seed, **chosen)
        answer = asked.to_dict()
        if plot:
            from bayes_sloth.performance_law.forecasting import forecast_over_tokens
            from bayes_sloth.performance_law.plots import plot_over_tokens

            curve = forecast_over_tokens(fit, source=source, seed=seed, **chosen)
            save_figure(lambda: plot_over_tokens(curve, asked), plot)
        shown = (
            f"MMLU {answer['mmlu']:.1f}, 50 % interval {answer['lower50']:.1f} to "
            f"{answer['upper50']:.1f}, 90 % {answer['lower90']:.1f} to {answer['upper90']:.1f}"
        )
    click.echo(json.dumps(answer, indent=2) if as_json else shown)
    print_warnings([] if as_json else answer["warnings"])


def _published(chosen: dict[str, Any], precision_loss: float) -> dict[str, Any]:
    from bayes_sloth.performance_law.checks import doubt_tokens
    from bayes_sloth.performance_law.published import published_mmlu

    beyond = set(chosen) - set(OF_THE_SHAPE)
    if beyond:
        raise InputError(f"the published dense law does not know {', '.join(sorted(beyond))}")
    points = published_mmlu(**chosen, precision_loss=precision_loss)
    return {
        "mmlu": float(points),
        "unit": "percentage points",
        "law": "published",
        "model": {**chosen, "precision_loss": precision_loss},
        "warnings": list(doubt_tokens(chosen["params_b"], chosen["tokens_t"])),
    }
