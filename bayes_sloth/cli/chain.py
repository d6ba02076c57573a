"""``bayes-sloth chain``."""

from __future__ import annotations

import click

from bayes_sloth.cli.completion import complete_family
from bayes_sloth.cli.shared import DEFAULT_FIT, SEED, check_writable, print_table, print_warnings


@click.command()
@click.option(
    "--family",
    shell_complete=complete_family,
    required=True,
    help="A variant or lineage; a new name is a new family.",
)
@click.option("--params", "params_b", required=True, type=float, help="Parameters in billions.")
@click.option("--tokens", "tokens_t", required=True, type=float, help="Tokens in trillions.")
@click.option("--instruct", is_flag=True, help="The model is tuned to follow instructions.")
@click.option("--task", "tasks", multiple=True, help="A downstream column; may be repeated.")
@click.option(
    "--test-time",
    "test_time_path",
    type=click.Path(),
    help="A saved item-response fit, for pass@k.",
)
@click.option(
    "--fit",
    "fit_path",
    type=click.Path(),
    default=DEFAULT_FIT,
    show_default=True,
    help="A saved fit.",
)
@click.option("--plot", "plot_path", type=click.Path(), help="Save a picture (png, svg, pdf).")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Of the predictive draws.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def chain(
    family: str,
    params_b: float,
    tokens_t: float,
    instruct: bool,
    tasks: tuple[str, ...],
    test_time_path: str | None,
    fit_path: str,
    plot_path: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Follow a hypothetical model from skills to benchmarks, downstream scores and pass@k.

    \b
    Examples:
      bayes-sloth chain --family meta-llama-3 --params 70 --tokens 15 --instruct
      bayes-sloth chain --family qwen2 --params 32 --tokens 7 --test-time math.nc --plot chain.png
    """
    from bayes_sloth.chaining import chain as run
    from bayes_sloth.fitting import load_fit
    from bayes_sloth.test_time.fitting import load_item_response

    if plot_path:
        check_writable(plot_path, pictures=True)
    chosen = {"downstream": tasks} if tasks else {}
    result = run(
        load_fit(fit_path),
        family=family,
        params_b=params_b,
        tokens_t=tokens_t,
        instruct=instruct,
        test_time=None if test_time_path is None else load_item_response(test_time_path),
        seed=seed,
        **chosen,  # type: ignore[arg-type]
    )
    if plot_path:
        _plot(result, plot_path)
    if as_json:
        click.echo(result.to_json())
        return
    print_table(result.table().reset_index(), f"{family}, 50 and 90 % intervals", digits=3)
    print_warnings(result.warnings)


def _plot(result: object, path: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from bayes_sloth.chain_plots import plot_chain
    from bayes_sloth.chaining import Chain

    assert isinstance(result, Chain)
    plot_chain(result)
    plt.gcf().savefig(path, dpi=150)
