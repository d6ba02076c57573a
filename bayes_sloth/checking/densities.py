"""Log densities of draws under the priors and the likelihood: the NumPy twin of the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy import stats

from bayes_sloth.design import Design, principal_directions
from bayes_sloth.loadings import orbit_volume
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.priors import GROWTH, PRIORS, Prior, priors_of
from bayes_sloth.specification import Specification

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen


def prior_distribution(prior: str | Prior) -> rv_frozen:
    """Return a prior as a SciPy distribution.

    Parameters
    ----------
    prior : str or Prior
        A key of `bayes_sloth.priors.PRIORS`, or a prior.

    Returns
    -------
    frozen SciPy distribution
    """
    prior = PRIORS[prior] if isinstance(prior, str) else prior
    given = prior.parameters
    match prior.distribution:
        case "Normal":
            return stats.norm(given["mu"], given["sigma"])
        case "HalfNormal":
            return stats.halfnorm(scale=given["sigma"])
        case "LogNormal":
            return stats.lognorm(s=given["sigma"], scale=np.exp(given["mu"]))
        case "Beta":
            return stats.beta(given["alpha"], given["beta"])
        case "Gamma":
            return stats.gamma(given["alpha"], scale=1 / given["beta"])
    raise ValueError(f"no SciPy twin of {prior}")


def log_prior(
    posterior: xr.Dataset, design: Design, specification: Specification | None = None
) -> xr.Dataset:
    """Return the log density of each prior at each draw, with dims chain and draw.

    These are the priors that a user sets (`bs.priors_table`). The distributions of lineages,
    variants and models around them belong to the model: power-scaling them with the priors would
    answer another question (Kallioinen et al. 2024, section 3).

    Parameters
    ----------
    posterior : Dataset
    design : Design
    specification : Specification, optional
        Of the fit: it may have changed the numbers of a prior.

    Returns
    -------
    Dataset
    """
    draws = stacked(posterior)
    sampled = {"dof": "dof_above_two"}
    logs = {
        name: prior_distribution(prior).logpdf(draws[sampled.get(name, name)])
        for name, prior in priors_of(specification or Specification()).items()
        if sampled.get(name, name) in posterior
    }
    if "loadings" in posterior:
        logs["loadings"] = _log_loadings(draws, design)
    if "specific_sd" in posterior:
        logs["growth"] = np.sum(_growth_parts(posterior, draws), axis=0)
    else:  # by its skills, standard normal
        logs["growth"] = stats.norm.logpdf(draws["growth_standard_skill"])
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    summed = {name: log.reshape(*shape, -1).sum(axis=-1) for name, log in logs.items()}
    coords = {name: posterior[name] for name in ("chain", "draw")}
    return xr.Dataset({n: (("chain", "draw"), v) for n, v in summed.items()}, coords=coords)


def scaled_priors(
    posterior: xr.Dataset, design: Design, specification: Specification | None = None
) -> xr.Dataset:
    r"""Return what power-scaling multiplies for each prior at each draw, with dims chain and draw.

    That is `log_prior`, but for loadings and growth, which are normal given scales that have priors
    of their own. To a power, and normalised, :math:`N(0, S)^a` is :math:`N(0, S / a)`: only the
    quadratic form is multiplied. With the determinant the prior of the scales would be scaled too.

    Parameters
    ----------
    posterior : Dataset
    design : Design
    specification : Specification, optional
        Of the fit.

    Returns
    -------
    Dataset
    """
    draws, found = stacked(posterior), log_prior(posterior, design, specification)
    if "loadings" in posterior:
        relative = draws["loadings"] / draws["loading_scale"][:, None, None]
        quadratic = -0.5 * (relative**2).sum(axis=(1, 2))
        found["loadings"] = found["loadings"].copy(data=quadratic.reshape(found["loadings"].shape))
    if "specific_sd" in posterior:
        quadratic = _growth_parts(posterior, draws)[0]
        found["growth"] = found["growth"].copy(data=quadratic.reshape(found["growth"].shape))
    return found


def log_likelihood(posterior: xr.Dataset, design: Design) -> xr.DataArray:
    """Return the log likelihood of each known score, with dims chain, draw and cell.

    Parameters
    ----------
    posterior : Dataset
    design : Design

    Returns
    -------
    DataArray
        With coordinates ``model`` and ``benchmark`` along ``cell``.
    """
    draws, values = stacked(posterior), design.scores.values.to_numpy(float)
    mu, sigma = curve_of(draws, design).location_and_scale(fitted_predictor(draws, design))
    known = ~np.isnan(values)
    log = student_log_density(values[known], draws["dof"][:, None], mu[:, known], sigma[:, known])
    row, column = np.nonzero(known)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], -1)
    return xr.DataArray(
        log.reshape(shape),
        dims=("chain", "draw", "cell"),
        coords={
            "chain": posterior["chain"],
            "draw": posterior["draw"],
            "model": ("cell", design.scores.models.index.to_numpy()[row]),
            "benchmark": ("cell", design.scores.benchmarks.index.to_numpy()[column]),
        },
        name="score",
    )


def student_log_density(
    value: np.ndarray, dof: np.ndarray, location: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Return the log density of Student's t; the constant is computed once for each ``dof``."""
    from scipy.special import gammaln

    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(dof * np.pi)
    z = (value - location) / scale
    return constant - np.log(scale) - (dof + 1) / 2 * np.log1p(z * z / dof)


def _log_loadings(draws: dict[str, np.ndarray], design: Design) -> np.ndarray:
    """Return the density on the slice: independent normals with the orbit's Jacobian."""
    loadings, scale = draws["loadings"], draws["loading_scale"]
    directions = principal_directions(
        design, design.scores.values.to_numpy(float), loadings.shape[-1]
    )
    coordinates = draws["loading_coordinate"]
    normal = stats.norm.logpdf(coordinates, 0, scale[:, None]).sum(axis=1)
    return normal + np.log(orbit_volume(loadings / scale[:, None, None], directions))


def _growth_parts(
    posterior: xr.Dataset, draws: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return quadratic form and constant of standardised growth's normal log density.

    By row ``N(0, L L' + diag(specific_sd^2))``, as sampled (`growth_standard`): growth itself
    differs by a constant factor.
    """
    growth = posterior["growth"].transpose("chain", "draw", "covariate", "benchmark")
    names = growth["covariate"].to_numpy()
    mean, spread = np.array([GROWTH[name] for name in names]).T[..., None]
    standard = (growth.to_numpy().reshape(-1, *growth.shape[2:]) - mean) / spread
    loadings = draws["loadings"]
    n_benchmarks, n_rows = loadings.shape[1], standard.shape[1]
    covariance = loadings @ np.swapaxes(loadings, 1, 2)
    covariance = covariance + np.eye(n_benchmarks) * draws["specific_sd"][:, :, None] ** 2
    factor = np.linalg.cholesky(covariance)
    white = np.linalg.solve(factor, np.swapaxes(standard, 1, 2))
    log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    constant = -n_rows * (log_determinant + 0.5 * n_benchmarks * np.log(2 * np.pi))
    return -0.5 * (white**2).sum(axis=(1, 2)), constant
