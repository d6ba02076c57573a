"""The command line: it reads arguments, calls the package and prints; it computes nothing."""

from __future__ import annotations

from typing import Any

import click

from bayes_sloth import __version__
from bayes_sloth.cli.backtest import backtest
from bayes_sloth.cli.chain import chain
from bayes_sloth.cli.check import check
from bayes_sloth.cli.compare import compare
from bayes_sloth.cli.data import data
from bayes_sloth.cli.downstream import downstream
from bayes_sloth.cli.fit import fit
from bayes_sloth.cli.forecast import forecast
from bayes_sloth.cli.own_benchmark import own_benchmark
from bayes_sloth.cli.performance_law import performance_law
from bayes_sloth.cli.plan import plan
from bayes_sloth.cli.test_time import test_time
from bayes_sloth.errors import InputError


class _Group(click.Group):
    """Print bad input as one line with exit code 2, and an interruption with 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"bayes-sloth: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("bayes-sloth: interrupted; what was finished before is kept", err=True)
            ctx.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bayes-sloth")
def main() -> None:
    """Forecast benchmark scores of language models nobody has evaluated, with honest intervals.

    \b
    Start with:
      bayes-sloth fit --out fit.nc
      bayes-sloth forecast --family qwen2 --params 32 --tokens 7 --plot forecast.png

    Exit codes: 0 done, 2 bad input (one line says what to change), 130 interrupted.
    """


for command in (
    fit,
    forecast,
    plan,
    own_benchmark,
    check,
    backtest,
    compare,
    downstream,
    test_time,
    chain,
    performance_law,
    data,
):
    main.add_command(command)
