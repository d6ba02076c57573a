r"""Skills of models, draw by draw, for what is predicted from them.

The model samples each model's linear predictor on every benchmark,
:math:`\eta = a + \Lambda\theta + e`, with the skills :math:`\theta` integrated out. Given the
predictor, the skills are normal; their mean is the regression factor score (Thomson 1951)

.. math::

    \theta = (I + \Lambda^\top \Psi^{-2} \Lambda)^{-1} \Lambda^\top \Psi^{-2} (\eta - a),
    \qquad \Psi = \operatorname{diag}(\psi).

One unit is one sd between lineages of equal size and tokens. The same map serves models in the fit
and hypothetical ones, so that what is learned from the first holds for the second.

What is predicted from skills is a benchmark that the fit has not seen. Its loadings are taken from
the population of which those in the fit are a sample (`loading_prior`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.forecasting import known_predictor

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit


@dataclass(frozen=True)
class LoadingPrior:
    """Where the loadings of one more benchmark lie, by draw.

    Attributes
    ----------
    mean : array of shape (sample, skill)
        Mean loading of the benchmarks in the fit.
    spread : array of shape (sample,)
        Root mean square of the loadings about it, over benchmarks and skills, so that it does not
        change when skills are rotated.
    specific_sd, variant_sd, residual_sd : array of shape (sample,)
        Geometric means over benchmarks of what lineages, variants and models have on one of them
        alone.
    """

    mean: np.ndarray
    spread: np.ndarray
    specific_sd: np.ndarray
    variant_sd: np.ndarray
    residual_sd: np.ndarray


def evenly(total: int, wanted: int) -> np.ndarray:
    """Return `wanted` positions (or all) spread evenly over `total` draws."""
    return np.linspace(0, total - 1, min(wanted, total)).round().astype(int)


def skills_from(fit: Fit, eta: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return skills from linear predictors.

    Parameters
    ----------
    fit : Fit
    eta : array of shape (sample, model, benchmark)
    rows : array of int, shape (sample,)
        The draw of the fit, chain by chain, that each sample belongs to.

    Returns
    -------
    array of shape (sample, model, skill)
    """
    fit.require_skills("what follows from skills")
    loadings, specific_sd, intercept = _draws(fit, rows, "loadings", "specific_sd", "intercept")
    weighted = loadings / specific_sd[:, :, None] ** 2
    precision = np.eye(loadings.shape[-1]) + np.swapaxes(weighted, 1, 2) @ loadings
    away = eta - intercept[:, None]
    return np.swapaxes(np.linalg.solve(precision, np.swapaxes(away @ weighted, 1, 2)), 1, 2)


def skills_of(fit: Fit, models: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Return the skills of models in the fit, of shape (sample, model, skill)."""
    return skills_from(fit, known_predictor(fit, models, rows), rows)


def loading_prior(fit: Fit, rows: np.ndarray) -> LoadingPrior:
    """Return what the benchmarks in the fit say of one more, with a row for each sample."""
    fit.require_skills("what follows from skills")
    loadings, *scales = _draws(fit, rows, "loadings", "specific_sd", "variant_sd", "residual_sd")
    mean = loadings.mean(axis=1)
    away = loadings - mean[:, None]
    typical = (np.exp(np.log(scale).mean(axis=1)) for scale in scales)
    return LoadingPrior(mean, np.sqrt((away**2).mean(axis=(1, 2))), *typical)


def _draws(fit: Fit, rows: np.ndarray, *names: str) -> list[np.ndarray]:
    """Return draws of variables, in the order asked for."""
    arrays = [fit.posterior[name].transpose("chain", "draw", ...).to_numpy() for name in names]
    return [array.reshape(-1, *array.shape[2:])[rows] for array in arrays]
