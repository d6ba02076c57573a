"""All that a report speaks of, computed by the package before anything is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.checking import Check, check
from bayes_sloth.errors import InputError
from bayes_sloth.forecasting import Forecast, forecast
from bayes_sloth.interpreting import Skills, skills
from bayes_sloth.reporting.calibration import Calibration, calibration_of
from bayes_sloth.reporting.next_models import (
    named_models,
    next_model,
    next_models,
    sizes_around,
)
from bayes_sloth.reporting.verdict import certain, uncertain

if TYPE_CHECKING:
    from bayes_sloth.backtesting import Backtest
    from bayes_sloth.fitting import Fit


@dataclass(frozen=True, eq=False)
class Content:
    """What is known about a fit.

    Attributes
    ----------
    fit : Fit
    forecast : Forecast
        Of the models asked for.
    curves : dict of str to Forecast
        By family: forecasts over size, at the tokens of its first model asked for.
    skills : Skills
    check : Check
    calibration : Calibration
        Untested, if no backtest speaks of the fit.
    certain, uncertain : tuple of str
        What the fit and its tests support, and what they do not.
    """

    fit: Fit
    forecast: Forecast
    curves: dict[str, Forecast]
    skills: Skills
    check: Check
    calibration: Calibration
    certain: tuple[str, ...]
    uncertain: tuple[str, ...]


def gather(
    fit: Fit,
    models: pd.DataFrame | None,
    backtest: Backtest | str | os.PathLike[str] | None,
    seed: int,
    **asked: Any,
) -> Content:
    """Compute what a report speaks of; see `bayes_sloth.report`."""
    calibration = calibration_of(fit, backtest)
    wanted = asked_for(fit, models, **asked)
    forecasts = forecast(fit, wanted, seed=seed)
    found, curves = check(fit), _curves(fit, forecasts, seed)
    return Content(
        fit=fit,
        forecast=forecasts,
        curves=curves,
        skills=skills(fit, seed=seed),
        check=found,
        calibration=calibration,
        certain=certain(fit, calibration),
        uncertain=uncertain(fit, forecasts, found, calibration),
    )


def asked_for(
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    family: str | None = None,
    params_b: Any = None,
    tokens_t: float | None = None,
    instruct: bool = False,
) -> pd.DataFrame:
    """Return the models to forecast; what is left out of a known family is filled in."""
    if models is not None:
        return models
    if family is None:
        if params_b is not None or tokens_t is not None or instruct:
            raise InputError("name the family of the model to forecast: --family (family=...)")
        return next_models(fit.scores)
    if params_b is None or tokens_t is None:
        if fit.scores.of_family(family).empty:
            raise InputError(
                f"nobody has seen family '{family}': give its parameters and its tokens, "
                "--params and --tokens (params_b, tokens_t)"
            )
        following = next_model(fit.scores, family, instruct).iloc[0]
        params_b = following["params_b"] if params_b is None else params_b
        tokens_t = following["tokens_t"] if tokens_t is None else tokens_t
    return named_models(family, [float(size) for size in np.atleast_1d(params_b)],
                        float(tokens_t), instruct)  # fmt: skip


def _curves(fit: Fit, forecasts: Forecast, seed: int) -> dict[str, Forecast]:
    """Forecast each family over size."""
    curves = {}
    for family, asked in forecasts.models.groupby("family", sort=False):
        first = asked.iloc[0]
        sizes = sizes_around(fit.scores.of_family(str(family))["params_b"], asked["params_b"])
        curves[str(family)] = forecast(
            fit, family=str(family), params_b=list(sizes), tokens_t=float(first["tokens_t"]),
            instruct=bool(first["instruct"]), seed=seed,
        )  # fmt: skip
    return curves
