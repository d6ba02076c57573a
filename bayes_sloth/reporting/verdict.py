"""The first lines of a report: what is certain and what is not, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_sloth.reporting.calibration import Calibration

if TYPE_CHECKING:
    from bayes_sloth.checking import Check
    from bayes_sloth.fitting import Fit
    from bayes_sloth.forecasting import Forecast

# A coverage this many standard errors from what was promised is not called calibrated.
FAR_OFF = 2.0


def certain(fit: Fit, calibration: Calibration) -> tuple[str, ...]:
    """Return what the fit and its tests support."""
    found = [
        f"The fit rests on {int(fit.scores.values.notna().to_numpy().sum())} scores of "
        f"{len(fit.scores.models)} models ({fit.scores.models['lineage'].nunique()} lineages) on "
        f"{len(fit.scores.benchmarks)} benchmarks."
    ]
    if fit.health.passed:
        found.append(fit.health.sentence())
    if calibration.tested:
        found.append(_coverage(calibration.settings))
    return tuple(found)


def uncertain(
    fit: Fit, forecast: Forecast, check: Check, calibration: Calibration
) -> tuple[str, ...]:
    """Return what they do not support: the gravest first."""
    health = (fit.health.sentence(),)
    return (
        *(() if fit.health.passed else health),
        *(() if calibration.tested else (f"CALIBRATION WAS NOT TESTED. {calibration.source}",)),
        *calibration.cautions,
        *_missed(calibration.settings),
        *(_sentence(text) for text in forecast.warnings if text not in health),
        *(_sentence(text) for text in check.assumptions.problems),
        _leaning(check),
        _odd(check),
        "A forecast speaks of models trained as those in the data were; it cannot know of new "
        "methods of training, nor tell leaked answers from quality.",
    )


def _coverage(settings: pd.DataFrame) -> str:
    low, high = settings["coverage90"].min(), settings["coverage90"].max()
    range_ = f"{low:.0%}" if len(settings) == 1 else f"{low:.0%} to {high:.0%}"
    of = "" if len(settings) == 1 else f", over {len(settings)} settings"
    error = settings["mae"]
    errors = f"{error.min():.1f}" + ("" if len(error) == 1 else f" to {error.max():.1f}")
    return (
        f"In backtests, 90 % intervals held {range_} of the hidden scores{of}; the mean absolute "
        f"error was {errors} points."
    )


def _missed(settings: pd.DataFrame) -> list[str]:
    """Name the settings whose 90 % intervals miss their level by two standard errors or more."""
    return [
        f"In the backtest '{name}', 90 % intervals held {row['coverage90']:.0%} of the scores "
        f"(standard error {row['coverage90_se']:.1%}): "
        f"{'too narrow' if row['coverage90'] < 0.9 else 'too wide'} there."
        for name, row in settings.iterrows()
        if abs(row["coverage90"] - 0.9) > FAR_OFF * row["coverage90_se"]
    ]


def _leaning(check: Check) -> str:
    assert check.forecasts is not None
    shares = check.forecasts.groupby(level="scenario", sort=False)["leans_on_prior"]
    parts = [f"{int(flag.sum())} of {len(flag)} lineages ({name})" for name, flag in shares]
    return f"Forecasts lean on a prior, beside the data, for {', '.join(parts)}."


def _odd(check: Check) -> str:
    assert check.cells is not None and check.models is not None
    return (
        f"{int(check.cells['flagged'].sum())} scores and {int(check.models['flagged'].sum())} "
        "models do not fit what all others say (named below); why, the data cannot tell."
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
