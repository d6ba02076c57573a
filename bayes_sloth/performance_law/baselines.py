"""What the Bayesian Performance Law is measured against: the published law, and regressions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bayes_sloth.performance_law.conditioning import log_student
from bayes_sloth.performance_law.data import SHAPE, Architectures
from bayes_sloth.performance_law.law import log_size, log_tokens
from bayes_sloth.performance_law.published import published_mmlu


def _columns(models: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return log size (of what a token passes through), log tokens and date."""
    return {
        "size": log_size(models["active_params_b"]),
        "tokens": log_tokens(models["tokens_t"]),
        "year": models["year"].to_numpy(float),
    }


def _compute(models: pd.DataFrame) -> np.ndarray:
    part = _columns(models)
    return np.column_stack([part["size"] + part["tokens"]])


def _size_and_tokens(models: pd.DataFrame) -> np.ndarray:
    part = _columns(models)
    return np.column_stack([part["size"], part["tokens"]])


def _size_tokens_and_date(models: pd.DataFrame) -> np.ndarray:
    return np.column_stack(list(_columns(models).values()))


REGRESSIONS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "log compute": _compute,
    "log size + log tokens": _size_and_tokens,
    "log size + log tokens + date": _size_tokens_and_date,
}
PUBLISHED = "published law"


def published_forecast(architectures: Architectures) -> np.ndarray:
    """Return the published law's MMLU in [0, 1]; NaN for what it does not speak of.

    It speaks of dense models with known size and tokens.
    """
    models = architectures.models
    spoken = architectures.dense & models[["params_b", "tokens_t"]].notna().all(axis=1)
    chosen = models[spoken]
    points = np.full(len(models), np.nan)
    points[spoken.to_numpy()] = published_mmlu(
        *(chosen[name].to_numpy() for name in (*SHAPE, "params_b", "tokens_t"))
    )
    return points / 100


def regression_draws(
    method: str,
    architectures: Architectures,
    training: np.ndarray,
    test: np.ndarray,
    *,
    draws: int,
    seed: int,
) -> np.ndarray:
    """Return predictive draws of a linear regression of MMLU with a flat prior.

    The predictive distribution of a normal linear model under the prior ``1 / sigma^2`` is
    Student's with as many degrees of freedom as observations are left (Gelman et al. 2013,
    section 14.2).

    Parameters
    ----------
    method : str
        One of `REGRESSIONS`.
    architectures : Architectures
    training, test : array of bool, shape (model,)
        Training models without tokens are passed over.
    draws, seed : int

    Returns
    -------
    array of shape (draw, test model)
        MMLU in [0, 1]; NaN where tokens are unknown.
    """
    x, y = _regression(method, architectures)
    left, location, scale = _predictive(x, y, training & _complete(x, y), x[test])
    noise = np.random.default_rng(seed).standard_t(left, size=(draws, len(location)))
    return np.clip(location + scale * noise, 0, 1)


def regression_log_density(
    method: str, architectures: Architectures, chosen: np.ndarray
) -> np.ndarray:
    """Return the log predictive density of each chosen model's MMLU from the other chosen ones.

    Parameters
    ----------
    method : str
        One of `REGRESSIONS`.
    architectures : Architectures
    chosen : array of bool, shape (model,)
        Models with known tokens and MMLU.

    Returns
    -------
    array of shape (chosen model,)
        Of MMLU in [0, 1]: Student's, as of `regression_draws`.
    """
    x, y = _regression(method, architectures)
    density = []
    for position in np.flatnonzero(chosen):
        others = chosen & (np.arange(len(y)) != position)
        left, location, scale = _predictive(x, y, others, x[[position]])
        z = (y[position] - location[0]) / scale[0]
        density.append(float(log_student(z, left)) - np.log(scale[0]))
    return np.array(density)


def _regression(method: str, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
    covariates = REGRESSIONS[method](architectures.models)
    x = np.column_stack([np.ones(len(covariates)), covariates])
    return x, architectures.mmlu.to_numpy()


def _complete(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(x).all(axis=1) & np.isfinite(y))


def _predictive(
    x: np.ndarray, y: np.ndarray, used: np.ndarray, ahead: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return degrees of freedom, location and scale of the predictive Student distribution."""
    gram = np.linalg.inv(x[used].T @ x[used])
    coefficients = gram @ x[used].T @ y[used]
    left = int(used.sum()) - x.shape[1]
    variance = ((y[used] - x[used] @ coefficients) ** 2).sum() / left
    scale = np.sqrt(variance * (1 + np.einsum("mi,ij,mj->m", ahead, gram, ahead)))
    return left, ahead @ coefficients, scale
