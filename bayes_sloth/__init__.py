"""Bayesian forecasts of language-model benchmark scores, with honest uncertainty.

>>> import bayes_sloth as bs
>>> fit = bs.fit()  # the bundled leaderboard; or bs.load_scores("mine.csv")    # doctest: +SKIP
>>> bs.forecast(fit, family="qwen2", params_b=32, tokens_t=7).table()           # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bayes_sloth import performance_law as performance_law
    from bayes_sloth.backtesting import Backtest as Backtest
    from bayes_sloth.backtesting import backtest as backtest
    from bayes_sloth.chaining import Chain as Chain
    from bayes_sloth.chaining import chain as chain
    from bayes_sloth.checking import Check as Check
    from bayes_sloth.checking import check as check
    from bayes_sloth.comparing.comparison import Comparison as Comparison
    from bayes_sloth.comparing.comparison import compare as compare
    from bayes_sloth.comparing.comparison import load_comparison as load_comparison
    from bayes_sloth.comparing.ensemble import Ensemble as Ensemble
    from bayes_sloth.comparing.ensemble import load_ensemble as load_ensemble
    from bayes_sloth.downstream.forecasting import forecast_downstream as forecast_downstream
    from bayes_sloth.downstream.measurements import Measurements as Measurements
    from bayes_sloth.downstream.measurements import load_measurements as load_measurements
    from bayes_sloth.downstream.measurements import measurements as measurements
    from bayes_sloth.errors import InputError as InputError
    from bayes_sloth.fitting import Fit as Fit
    from bayes_sloth.fitting import fit as fit
    from bayes_sloth.fitting import load_fit as load_fit
    from bayes_sloth.forecasting import Forecast as Forecast
    from bayes_sloth.forecasting import forecast as forecast
    from bayes_sloth.interpreting import Skills as Skills
    from bayes_sloth.interpreting import skills as skills
    from bayes_sloth.new_benchmark import OwnBenchmark as OwnBenchmark
    from bayes_sloth.new_benchmark import own_benchmark as own_benchmark
    from bayes_sloth.observed import with_models as with_models
    from bayes_sloth.planning.compute import ComputePlan as ComputePlan
    from bayes_sloth.planning.compute import plan_compute as plan_compute
    from bayes_sloth.planning.next_run import NextRun as NextRun
    from bayes_sloth.planning.next_run import Training as Training
    from bayes_sloth.planning.next_run import plan_next as plan_next
    from bayes_sloth.planning.target import TargetPlan as TargetPlan
    from bayes_sloth.planning.target import plan_target as plan_target
    from bayes_sloth.priors import priors_table as priors_table
    from bayes_sloth.reporting import Report as Report
    from bayes_sloth.reporting import report as report
    from bayes_sloth.sampling import Sampling as Sampling
    from bayes_sloth.scores import Scores as Scores
    from bayes_sloth.scores import benchmarks_of as benchmarks_of
    from bayes_sloth.scores import load_scores as load_scores
    from bayes_sloth.specification import Specification as Specification
    from bayes_sloth.test_time.counts import Counts as Counts
    from bayes_sloth.test_time.counts import load_counts as load_counts
    from bayes_sloth.test_time.fitting import fit_item_response as fit_item_response
    from bayes_sloth.test_time.fitting import load_item_response as load_item_response
    from bayes_sloth.test_time.forecasting import forecast_pass_at_k as forecast_pass_at_k
    from bayes_sloth.width import split_width as split_width

# Imported when first used: a forecast from a saved fit needs no PyMC.
_HOME = {
    "Backtest": "backtesting",
    "backtest": "backtesting",
    "Check": "checking",
    "check": "checking",
    "Comparison": "comparing.comparison",
    "compare": "comparing.comparison",
    "load_comparison": "comparing.comparison",
    "Ensemble": "comparing.ensemble",
    "load_ensemble": "comparing.ensemble",
    "chain": "chaining",
    "Chain": "chaining",
    "forecast_downstream": "downstream.forecasting",
    "measurements": "downstream.measurements",
    "load_measurements": "downstream.measurements",
    "Measurements": "downstream.measurements",
    "load_counts": "test_time.counts",
    "Counts": "test_time.counts",
    "fit_item_response": "test_time.fitting",
    "load_item_response": "test_time.fitting",
    "forecast_pass_at_k": "test_time.forecasting",
    "InputError": "errors",
    "Fit": "fitting",
    "fit": "fitting",
    "load_fit": "fitting",
    "Forecast": "forecasting",
    "forecast": "forecasting",
    "Skills": "interpreting",
    "skills": "interpreting",
    "with_models": "observed",
    "OwnBenchmark": "new_benchmark",
    "own_benchmark": "new_benchmark",
    "ComputePlan": "planning.compute",
    "plan_compute": "planning.compute",
    "NextRun": "planning.next_run",
    "Training": "planning.next_run",
    "plan_next": "planning.next_run",
    "TargetPlan": "planning.target",
    "plan_target": "planning.target",
    "priors_table": "priors",
    "Report": "reporting",
    "report": "reporting",
    "Sampling": "sampling",
    "Scores": "scores",
    "benchmarks_of": "scores",
    "load_scores": "scores",
    "Specification": "specification",
    "split_width": "width",
}
_MODULES = ("performance_law",)
__all__ = sorted([*_HOME, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"bayes_sloth.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'bayes_sloth' has no attribute '{name}'")
    return getattr(import_module(f"bayes_sloth.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
