r"""Forecast a downstream score from skills, with chance level, bounds and the noise of the task.

A score :math:`y` between chance :math:`c` and upper bound :math:`U` is regressed on skills through
its empirical logit (Cox 1970): of *n* questions half of one is added to the right and half to the
wrong ones, so that a score of chance, or below, or perfect is a large logit and not an infinite
one, known as badly as it is,

.. math::

    q = \frac{n\,\min(\max(\tfrac{y - c}{U - c}, 0), 1) + 1/2}{n + 1}, \quad
    z = \log\frac{q}{1 - q}, \quad
    \operatorname{var} z = \frac{\mu(1 - \mu)/n + \phi^2}{\bigl(q (1 - q)(1 - c/U)\bigr)^2},

with :math:`\mu = c/U + (1 - c/U)\, q`, and the leaderboard's protocol noise :math:`\phi`. Where the
number of questions is unknown, there is no item sampling, and logits stop half a percent from the
ends. The regression is `bayes_sloth.skill_regression`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.downstream.measurements import Measurements
from bayes_sloth.factor_scores import loading_prior
from bayes_sloth.forecasting import Forecast
from bayes_sloth.results import Result
from bayes_sloth.skill_regression import Importance, Regression
from bayes_sloth.targets import Target, fitted_rows, target_models, target_rows

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

UNKNOWN_ITEMS = 100  # where it is unknown: logits stop half a percent from the ends


@dataclass(frozen=True, eq=False, repr=False)
class DownstreamForecast(Result):
    """Posterior predictive draws of a downstream score.

    Attributes
    ----------
    task : Measurements
    models : DataFrame
        Indexed by ``model``: what was asked, ``family_status`` and ``effort``.
    draws : DataArray
        Scores with dims ``sample`` and ``model``, in units of the task.
    scales : DataFrame
        Draws of the scales of the regression, in logits.
    importance : Importance
    warnings : tuple of str
    """

    task: Measurements
    models: pd.DataFrame
    draws: xr.DataArray
    scales: pd.DataFrame
    importance: Importance
    warnings: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """Return one row for each model, with equal-tailed 50 and 90 % intervals."""
        task = self.draws.expand_dims(benchmark=[self.task.task], axis=-1)
        return Forecast(self.models, task).table().droplevel("benchmark")

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as plain values."""
        return {
            "task": self.task.task,
            "models": self.models.reset_index().to_dict("records"),
            "forecasts": self.table().reset_index().to_dict("records"),
            "warnings": list(self.warnings),
        }

    def _title(self) -> str:
        return f"Forecast of {self.task!r}"

    def _note(self) -> str:
        return self.importance.sentence()


def forecast_downstream(
    task: Measurements,
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: Sequence[str] | None = None,
    effort: float | str | None = None,
    seed: int = 1,
    **hypothetical: Any,
) -> DownstreamForecast:
    """Forecast the score of models on a downstream task.

    Parameters
    ----------
    task : Measurements
        Models that are not in the fit are set aside, with a warning.
    fit : Fit
        Of the skills model.
    models : DataFrame, optional
        Hypothetical models, as for `bayes_sloth.forecast`.
    known : sequence of str, optional
        Models of the fit, by name, instead. One that was measured on the task keeps its own
        effects.
    effort : float or str, optional
        In units of the task's efforts, or the name of a setting; their geometric mean, or the
        commonest setting, by default.
    seed : int
    **hypothetical
        One hypothetical model by ``family``, ``params_b``, ``tokens_t`` and ``instruct``.

    Returns
    -------
    DownstreamForecast
        Skills, coefficients, lineage, the model's own residual and item sampling all vary.
    """
    target = target_models(fit, models, known=known, seed=seed, **hypothetical)
    return downstream_forecast(task, fit, target, effort=effort, seed=seed)


def downstream_forecast(
    task: Measurements,
    fit: Fit,
    target: Target,
    *,
    effort: float | str | None = None,
    seed: int = 1,
) -> DownstreamForecast:
    """Return `forecast_downstream` of models whose linear predictors are drawn already."""
    import xarray as xr

    left: list[str] = []
    if len(task.table):
        task, left = task.among(fit.scores.models.index)
    at = task.reference_effort if effort is None else effort
    rng = np.random.default_rng([seed, 3])
    regression, protocol = make_regression(task, fit, target.rows)
    names = target.models.index.to_numpy(str)
    columns = task.effort_columns([at] * len(names)) if task.has_effort else None
    new = target_rows(fit, target, columns)
    logit, scales, importance = regression.forecast(new, rng)
    draws = xr.DataArray(
        _scores(task, logit, protocol, rng), dims=("sample", "model"), coords={"model": names}
    )
    labels = ["lineage_sd", "variant_sd", "model_sd", "effort_sd", "setting_sd"][: scales.shape[1]]
    warnings = [*target.warnings]
    if not importance.passed:
        warnings.append(f"{task.task}: {importance.sentence()}")
    if left:
        warnings.append(f"{task.task}: set aside, as not in the fit: {', '.join(left)}")
    if effort is not None and not task.has_effort:
        warnings.append(f"{task.task} was measured at one effort: it cannot say what effort does")
    return DownstreamForecast(
        task,
        target.models.assign(effort=at),
        draws,
        pd.DataFrame(scales, columns=labels),
        importance,
        tuple(warnings),
    )


def prior_forecast(
    task: Measurements, fit: Fit, *, known: Sequence[str], seed: int = 1
) -> DownstreamForecast:
    """Forecast a task as if no score of it were known: the prior predictive check.

    Parameters
    ----------
    task : Measurements
        Its bounds and items are used, its scores are not.
    fit : Fit
    known : sequence of str
        Models of the fit.
    seed : int
    """
    return forecast_downstream(
        replace(task, table=task.table.iloc[:0]), fit, known=known, seed=seed
    )


def make_regression(
    task: Measurements, fit: Fit, rows: np.ndarray
) -> tuple[Regression, np.ndarray]:
    """Return the regression of a task on draws of the skills, and its protocol noise.

    Parameters
    ----------
    task : Measurements
        Its models must be in the fit.
    fit : Fit
    rows : array of int, shape (sample,)
        Draws of the fit, chain by chain.

    Returns
    -------
    regression : Regression
    protocol_sd : array of shape (sample,)
        Geometric mean over the leaderboard's benchmarks, as a share of the task's range.
    """
    sd = fit.posterior["protocol_sd"].transpose("chain", "draw", "benchmark").to_numpy()
    protocol = np.exp(np.log(sd.reshape(-1, sd.shape[-1])[rows]).mean(axis=1))
    outcome, noise = empirical_logits(task, protocol)
    efforts = task.effort_columns(list(task.table["effort"])) if task.has_effort else None
    measured = fitted_rows(fit, list(task.table["model"]), rows, efforts)
    loadings = loading_prior(fit, rows)
    one = np.ones(len(rows))
    return Regression(outcome, noise, measured, loadings, one, task.rises), protocol


def empirical_logits(task: Measurements, protocol: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return empirical logits and the variance of their noise, of shape (sample, measurement)."""
    chance = task.chance / task.upper
    items = task.items if np.isfinite(task.items) else UNKNOWN_ITEMS
    share = (task.table["score"].to_numpy() / task.upper - chance) / (1 - chance)
    q = (items * np.clip(share, 0, 1) + 0.5) / (items + 1)
    slope = (1 - chance) * q * (1 - q)
    sampling = _sampling_variance(task, chance + (1 - chance) * q)
    variance = (sampling + protocol[:, None] ** 2) / slope**2
    outcome = np.broadcast_to(np.log(q / (1 - q)), variance.shape)
    return outcome, variance


def _scores(
    task: Measurements, logit: np.ndarray, protocol: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw scores given logits: item sampling and protocol noise added, bounds kept."""
    chance = task.chance / task.upper
    mu = chance + (1 - chance) / (1 + np.exp(-logit))
    noise = protocol[:, None] * rng.standard_normal(mu.shape)
    if np.isfinite(task.items):  # counts: near zero they are far from normal
        mu = rng.binomial(round(task.items), mu) / task.items
    return task.upper * np.clip(mu + noise, 0, 1)


def _sampling_variance(task: Measurements, mu: np.ndarray) -> np.ndarray:
    return mu * (1 - mu) / task.items
