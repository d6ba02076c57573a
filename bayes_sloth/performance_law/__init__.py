"""MMLU from a model's architecture: the Performance Law, as published and Bayesian.

>>> from bayes_sloth import performance_law as law
>>> float(law.published_mmlu(62, 4096, 8192, params_b=10.07, tokens_t=6).round(1))
71.2
>>> fit = law.fit()                                                             # doctest: +SKIP
>>> model = {"layers": 80, "hidden": 8192, "ffn": 29568, "params_b": 72.7, "tokens_t": 18}
>>> law.forecast(fit, **model)                                                  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_sloth.performance_law.backtesting import backtest as backtest
    from bayes_sloth.performance_law.comparing import compare as compare
    from bayes_sloth.performance_law.comparing import loo as loo
    from bayes_sloth.performance_law.data import Architectures as Architectures
    from bayes_sloth.performance_law.data import load_architectures as load_architectures
    from bayes_sloth.performance_law.fitting import LawFit as LawFit
    from bayes_sloth.performance_law.fitting import fit as fit
    from bayes_sloth.performance_law.fitting import load_fit as load_fit
    from bayes_sloth.performance_law.forecasting import LawForecast as LawForecast
    from bayes_sloth.performance_law.forecasting import forecast as forecast
    from bayes_sloth.performance_law.identification import contraction_table as contraction_table
    from bayes_sloth.performance_law.identification import not_identified as not_identified
    from bayes_sloth.performance_law.identification import prior_check as prior_check
    from bayes_sloth.performance_law.priors import priors_table as priors_table
    from bayes_sloth.performance_law.published import published_mmlu as published_mmlu
    from bayes_sloth.performance_law.uses.architecture import (
        rank_architectures as rank_architectures,
    )
    from bayes_sloth.performance_law.uses.closed import infer_size as infer_size
    from bayes_sloth.performance_law.uses.contamination import (
        check_contamination as check_contamination,
    )
    from bayes_sloth.performance_law.uses.expansion import plan_expansion as plan_expansion
    from bayes_sloth.performance_law.uses.training import check_training as check_training

# Imported when first used: the published law and a forecast from a saved fit need no PyMC.
_HOME = {
    "Architectures": "data",
    "LawFit": "fitting",
    "LawForecast": "forecasting",
    "backtest": "backtesting",
    "check_contamination": "uses.contamination",
    "check_training": "uses.training",
    "compare": "comparing",
    "contraction_table": "identification",
    "fit": "fitting",
    "forecast": "forecasting",
    "infer_size": "uses.closed",
    "load_architectures": "data",
    "load_fit": "fitting",
    "loo": "comparing",
    "not_identified": "identification",
    "plan_expansion": "uses.expansion",
    "prior_check": "identification",
    "priors_table": "priors",
    "published_mmlu": "published",
    "rank_architectures": "uses.architecture",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bayes_sloth.performance_law' has no attribute '{name}'")
    return getattr(import_module(f"bayes_sloth.performance_law.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
