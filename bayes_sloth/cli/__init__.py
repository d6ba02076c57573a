"""The command line: it reads arguments, calls the package and prints; it computes nothing."""

from __future__ import annotations

import logging
from typing import Any

import click

from bayes_sloth import __version__
from bayes_sloth.cli.backtest import backtest
from bayes_sloth.cli.chain import chain
from bayes_sloth.cli.check import check
from bayes_sloth.cli.compare import compare
from bayes_sloth.cli.completion import completion
from bayes_sloth.cli.data import data
from bayes_sloth.cli.downstream import downstream
from bayes_sloth.cli.fit import fit
from bayes_sloth.cli.forecast import forecast
from bayes_sloth.cli.own_benchmark import own_benchmark
from bayes_sloth.cli.performance_law import performance_law
from bayes_sloth.cli.plan import plan
from bayes_sloth.cli.report import report
from bayes_sloth.cli.shared import styled
from bayes_sloth.cli.test_time import test_time
from bayes_sloth.errors import InputError


class _Group(click.Group):
    """Print bad input as one line with exit code 2, and an interruption with 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their use, not of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(f"{styled('bayes-sloth:', fg='red')} {error}", err=True)
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

    Every command has --help with examples and --json. Colours and progress appear only where
    a person sees them; NO_COLOR turns colours off.

    \b
    Exit codes:
      0    done (a warning on stderr may say what to know)
      1    a fault of the program itself
      2    bad input: one line says where it is and what to do
      130  interrupted; what was finished before is kept
    """
    # PyMC logs the variables of each forward draw, at a level that it sets itself.
    logging.getLogger("pymc.sampling.forward").setLevel(logging.WARNING)


for command, short in (
    (fit, "Fit the skills model to scores."),
    (forecast, "Forecast scores from family, size and tokens."),
    (check, "Say what a fit or a table can tell, and what not."),
    (report, "Write a report as one HTML file."),
    (plan, "Reach a target, spend compute, choose what to run."),
    (own_benchmark, "Forecast all models on a benchmark of yours."),
    (compare, "Compare choices of the model, and plain laws."),
    (downstream, "Forecast downstream scores, such as HumanEval."),
    (test_time, "Forecast what repeated attempts reach: pass@k."),
    (chain, "Follow one model through all of these."),
    (backtest, "Hide families, forecast them, and compare."),
    (performance_law, "Forecast MMLU from an architecture."),
    (data, "Look at the bundled scores, or check your own."),
    (completion, "Turn on completion in your shell."),
):
    command.short_help = short
    main.add_command(command)
