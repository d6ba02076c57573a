"""``bayes-sloth performance-law``: MMLU from a model's architecture."""

from __future__ import annotations

import click

from bayes_sloth.cli.performance_law.backtest import backtest
from bayes_sloth.cli.performance_law.check import check
from bayes_sloth.cli.performance_law.closed import closed
from bayes_sloth.cli.performance_law.compare import compare
from bayes_sloth.cli.performance_law.contamination import contamination
from bayes_sloth.cli.performance_law.fit import fit
from bayes_sloth.cli.performance_law.forecast import forecast
from bayes_sloth.cli.performance_law.plan import plan
from bayes_sloth.cli.performance_law.training import training


@click.group("performance-law")
def performance_law() -> None:
    """Forecast MMLU from a model's architecture: the Performance Law, published and Bayesian.

    Parameters are in billions, tokens in trillions, MMLU in percentage points.

    \b
    Start with:
      bayes-sloth performance-law fit --out law.nc
      bayes-sloth performance-law forecast --layers 80 --hidden 8192 --ffn 28672 --params 70.6 --tokens 15
    """  # noqa: E501


for command in (fit, forecast, check, backtest, compare, plan, training, closed, contamination):
    performance_law.add_command(command)
