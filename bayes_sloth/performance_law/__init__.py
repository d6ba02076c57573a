"""MMLU from a model's architecture: the Performance Law, as published and Bayesian.

>>> from bayes_sloth import performance_law as law
>>> float(law.published_mmlu(layers=62, hidden=4096, ffn=8192, params_b=10.07, tokens_t=6).round(1))
71.2
>>> fit = law.fit()                                                             # doctest: +SKIP
>>> law.forecast(fit, layers=80, hidden=8192, ffn=29568, params_b=72.7, tokens_t=18)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_sloth.performance_law.published import published_mmlu as published_mmlu

# Imported when first used: the published law and a forecast from a saved fit need no PyMC.
_HOME = {"published_mmlu": "published"}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'bayes_sloth.performance_law' has no attribute '{name}'")
    return getattr(import_module(f"bayes_sloth.performance_law.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
