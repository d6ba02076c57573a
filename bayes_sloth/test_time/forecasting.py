"""Forecast pass@k of a model that was never sampled, from its family, size and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.factor_scores import evenly, loading_prior
from bayes_sloth.results import Result
from bayes_sloth.skill_regression import Importance, Regression
from bayes_sloth.targets import Target, check_known, fitted_rows, target_models, target_rows
from bayes_sloth.test_time.fitting import ItemResponseFit, summarise
from bayes_sloth.test_time.pass_at_k import DEFAULT_K, pass_at_k

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit


@dataclass(frozen=True, eq=False, repr=False)
class PassForecast(Result):
    """Posterior draws of pass@k, averaged over the questions of the task.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: what was asked, and ``family_status``.
    draws : DataArray
        With dims ``sample``, ``model`` and ``k``, in [0, 1].
    ability : DataArray
        With dims ``sample`` and ``model``, in logits from the average of the models sampled.
    warnings : tuple of str
        What to know before trusting the numbers.
    """

    models: pd.DataFrame
    draws: xr.DataArray
    ability: xr.DataArray
    warnings: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """Return one row for each model and k, with equal-tailed 50 and 90 % intervals."""
        draws = self.draws.transpose("sample", "model", "k")
        ks = [int(k) for k in draws["k"].to_numpy()]
        return summarise(draws.to_numpy(), self.models.index, ks)

    def to_dict(self) -> dict[str, Any]:
        """Return the forecast as plain values."""
        return {
            "models": self.models.reset_index().to_dict("records"),
            "pass_at_k": self.table().reset_index().to_dict("records"),
            "warnings": list(self.warnings),
        }

    def _title(self) -> str:
        return f"Pass@k of {len(self.models)} model(s), 90 % intervals"


def forecast_pass_at_k(
    item_response: ItemResponseFit,
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: Sequence[str] | None = None,
    ks: Sequence[int] = DEFAULT_K,
    seed: int = 1,
    **hypothetical: Any,
) -> PassForecast:
    """Forecast pass@k of models that were never sampled.

    Parameters
    ----------
    item_response : ItemResponseFit
        Its models must be among those of `fit`, by the same names.
    fit : Fit
        Of the skills model.
    models : DataFrame, optional
        Hypothetical models, as for `bayes_sloth.forecast`.
    known : sequence of str, optional
        Models of `fit`, by name, instead of hypothetical ones: what their leaderboard scores say
        of their skills is used.
    ks : sequence of int
        Attempts.
    seed : int
    **hypothetical
        One hypothetical model by ``family``, ``params_b``, ``tokens_t`` and ``instruct``, as for
        `bayes_sloth.forecast`.

    Returns
    -------
    PassForecast
        Skills, family, ability, and the model's own way with each question all vary.
    """
    target = target_models(fit, models, known=known, seed=seed, **hypothetical)
    return pass_forecast(item_response, fit, target, ks=ks, seed=seed)


def pass_forecast(
    item_response: ItemResponseFit,
    fit: Fit,
    target: Target,
    *,
    ks: Sequence[int] = DEFAULT_K,
    seed: int = 1,
) -> PassForecast:
    """Return `forecast_pass_at_k` of models whose linear predictors are drawn already."""
    warnings = target.warnings
    if not item_response.health.passed:
        warnings = (*warnings, "item-response model: " + item_response.health.sentence())
    draws, ability, importance = _predict(item_response, fit, target, ks, seed)
    if not importance.passed:
        warnings = (*warnings, "ability: " + importance.sentence())
    most = int(item_response.counts.samples.to_numpy().max())
    beyond = [f"{k:g}" for k in ks if k > most]
    if beyond:
        warnings = (
            *warnings,
            f"BEYOND THE EVIDENCE: no question was put more than {most} times, so that pass@k for "
            f"k = {', '.join(beyond)} rests on the assumed shape of the lower tail",
        )
    coords = {"model": target.models.index.to_numpy()}
    return PassForecast(target.models, _named(draws, coords, ks), _named(ability, coords), warnings)


def _predict(
    item_response: ItemResponseFit, fit: Fit, target: Target, ks: Sequence[int], seed: int
) -> tuple[np.ndarray, np.ndarray, Importance]:
    """Draw pass@k (sample, model, k) and ability (sample, model)."""
    rng = np.random.default_rng([seed, 2])
    known = list(item_response.counts.models)
    check_known(fit, known)
    own = _draws(item_response, rng, len(target.rows))
    regression = Regression(
        own["ability"] + own["mean_easiness"][:, None],
        np.zeros(own["ability"].shape),
        fitted_rows(fit, known, target.rows),
        loading_prior(fit, target.rows),
        stretch(own["easiness_sd"], own["residual_sd"]),
    )
    new = target_rows(fit, target)
    level, _, importance = regression.forecast(new, rng)
    ability = level - own["mean_easiness"][:, None]
    draws = np.empty((*ability.shape, len(ks)))
    lost = rng.random(own["impossible"].shape) < own["impossible"]
    for m in range(ability.shape[1]):
        logits = own["easiness"] + own["discrimination"] * ability[:, m, None]
        logits += own["residual_sd"][:, None] * rng.standard_normal(logits.shape)
        logits[lost] = -np.inf
        draws[:, m] = np.stack([pass_at_k(logits, k).mean(axis=1) for k in ks], axis=-1)
    return draws, ability, importance


def _draws(
    item_response: ItemResponseFit, rng: np.random.Generator, samples: int
) -> dict[str, np.ndarray]:
    """Return draws of the item-response model in random order, as many as asked for."""
    names = [
        "ability", "easiness", "discrimination", "mean_easiness", "easiness_sd", "residual_sd",
        "impossible",
    ]  # fmt: skip
    posterior = item_response.posterior[names].transpose("chain", "draw", ...)
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    rows = rng.permutation(np.resize(evenly(total, samples), samples))
    return {
        name: posterior[name].to_numpy().reshape(-1, *posterior[name].shape[2:])[rows]
        for name in names
    }


def _named(
    values: np.ndarray, coords: dict[str, np.ndarray], ks: Sequence[int] | None = None
) -> xr.DataArray:
    import xarray as xr

    dims = ["sample", "model"] if ks is None else ["sample", "model", "k"]
    more = {} if ks is None else {"k": list(ks)}
    return xr.DataArray(values, dims=dims, coords={**coords, **more})


def stretch(easiness_sd: np.ndarray, residual_sd: np.ndarray) -> np.ndarray:
    r"""Return how much steeper the curve of a question is than that of the average over them.

    :math:`\sqrt{1 + c^2 (\sigma_e^2 + \sigma^2)}` with :math:`c = 16 \sqrt 3 / 15 \pi`, the
    logistic-normal integral (Zeger, Liang & Albert 1988): skills act on a benchmark by its
    loadings, and on each of its questions by as many times more.
    """
    c = 16 * np.sqrt(3) / (15 * np.pi)
    return np.sqrt(1 + c**2 * (easiness_sd**2 + residual_sd**2))
