"""Forecast pass@k of a model that was never sampled, from its family, size and tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.factor_scores import LoadingPrior, evenly, loading_prior, skills_from, skills_of
from bayes_sloth.targets import Target, target_models
from bayes_sloth.test_time.ability import forecast_ability, stretch
from bayes_sloth.test_time.fitting import ItemResponseFit, summarise
from bayes_sloth.test_time.pass_at_k import DEFAULT_K, pass_at_k

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

SAMPLES = 1000


@dataclass(frozen=True, eq=False, repr=False)
class PassForecast:
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

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def __repr__(self) -> str:
        lines = [f"Pass@k of {len(self.models)} model(s), 90 % intervals"]
        return "\n".join([*lines, self.table().round(3).to_string(), *self.warnings])


def forecast_pass_at_k(
    item_response: ItemResponseFit,
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: Sequence[str] | None = None,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
    ks: Sequence[int] = DEFAULT_K,
    seed: int = 1,
) -> PassForecast:
    """Forecast pass@k of models that were never sampled.

    Parameters
    ----------
    item_response : ItemResponseFit
        Its models must be among those of `fit`, by the same names.
    fit : Fit
        Of the skills model.
    models, family, params_b, tokens_t, instruct
        Hypothetical models, as for `bayes_sloth.forecast`.
    known : sequence of str, optional
        Models of `fit`, by name, instead of hypothetical ones: what their leaderboard scores say
        of their skills is used.
    ks : sequence of int
        Attempts.
    seed : int
        The same seed gives the same skills as `bayes_sloth.forecast`.

    Returns
    -------
    PassForecast
        Skills, family, ability, and the model's own way with each question all vary.
    """
    target = target_models(
        fit, models, known=known, family=family, params_b=params_b, tokens_t=tokens_t,
        instruct=instruct, seed=seed,
    )  # fmt: skip
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
    draws, ability = predict(item_response, fit, target.eta, target.lineages, ks, seed)
    coords = {"model": target.models.index.to_numpy()}
    return PassForecast(target.models, _named(draws, coords, ks), _named(ability, coords), warnings)


def predict(
    item_response: ItemResponseFit,
    fit: Fit,
    eta: np.ndarray,
    lineages: np.ndarray,
    ks: Sequence[int],
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pass@k and ability of models given their linear predictors.

    Parameters
    ----------
    item_response : ItemResponseFit
    fit : Fit
    eta : array of shape (sample, model, benchmark)
        A row for each draw of the fit.
    lineages : array of str, shape (model,)
    ks : sequence of int
    seed : int

    Returns
    -------
    draws : array of shape (sample, model, k)
    ability : array of shape (sample, model)
    """
    rng = np.random.default_rng([seed, 2])
    kept = evenly(len(eta), SAMPLES)
    known = list(item_response.counts.models)
    own = _draws(item_response, rng.permutation(evenly(_size(item_response), len(kept))))
    kept = kept[: len(own["ability"])]
    prior = loading_prior(fit)
    ability = forecast_ability(
        own["ability"],
        skills_of(fit, known)[kept],
        fit.scores.models.loc[known, "lineage"].to_numpy(str),
        skills_from(fit, eta)[kept],
        lineages,
        LoadingPrior(*(part[kept] for part in vars(prior).values())),
        stretch(own["easiness_sd"], own["residual_sd"]),
        rng,
    )
    draws = np.empty((*ability.shape, len(ks)))
    for m in range(ability.shape[1]):
        logits = own["easiness"] + own["discrimination"] * ability[:, m, None]
        logits += own["residual_sd"][:, None] * rng.standard_normal(logits.shape)
        draws[:, m] = np.stack([pass_at_k(logits, k).mean(axis=1) for k in ks], axis=-1)
    return draws, ability


def _size(item_response: ItemResponseFit) -> int:
    sizes = item_response.posterior.sizes
    return int(sizes["chain"] * sizes["draw"])


def _draws(item_response: ItemResponseFit, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the draws asked for, chains and draws in one leading axis."""
    names = ["ability", "easiness", "discrimination", "easiness_sd", "residual_sd"]
    posterior = item_response.posterior[names].transpose("chain", "draw", ...)
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
