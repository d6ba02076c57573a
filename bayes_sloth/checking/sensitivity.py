"""What the data have added to the priors: contraction, and power-scaling sensitivity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_sloth.checking.densities import log_likelihood, prior_distribution, scaled_priors
from bayes_sloth.design import Design, covariates
from bayes_sloth.loadings import shared_covariance
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.priors import GROWTH, Prior, priors_of
from bayes_sloth.specification import Specification

# Kallioinen et al. (2024): above, the posterior moves with the prior (or with the likelihood).
SENSITIVITY_LIMIT = 0.05
# Below, the posterior's variance is more than half the prior's.
CONTRACTION_LIMIT = 0.5
MOST_DRAWS = 2000
# How Monte Carlo noise of a sensitivity is measured (`noise_level`).
NULL_SHIFTS, NULL_ELEMENTS, NULL_QUANTILE = 12, 8, 0.99
SCENARIOS = {"as known": (1, 1), "4 x size": (4, 1), "4 x tokens": (1, 4)}


def thinned(posterior: xr.Dataset, most: int = MOST_DRAWS) -> xr.Dataset:
    """Return at most about so many draws, evenly spaced."""
    step = -(-posterior.sizes["chain"] * posterior.sizes["draw"] // most)
    return posterior.isel(draw=slice(None, None, step))


def parameter_sensitivity(
    posterior: xr.Dataset, design: Design, specification: Specification | None = None
) -> pd.DataFrame:
    """Return what the data have added to the prior of each parameter.

    Parameters
    ----------
    posterior : Dataset
    design : Design
    specification : Specification, optional
        Of the fit; the default one if not given.

    Returns
    -------
    DataFrame
        Indexed by ``parameter`` and ``element``: ``prior_sd`` and ``posterior_sd`` (of logs where
        the prior is lognormal; logits per tenfold for growth, given the spread between lineages),
        ``contraction`` (one minus the ratio of variances; Schad et al. 2021), the power-scaling
        sensitivity to the parameter's own prior, the level of Monte Carlo ``noise`` there
        (`noise_level`), the sensitivity to the likelihood, and whether the parameter
        ``leans_on_prior``.
    """
    thin = thinned(posterior)
    priors = priors_of(specification or Specification())
    quantities = _quantities(posterior, priors)
    prior, own, noise, likelihood = scaled_priors(thin, design, specification), {}, {}, {}
    kept = thinned(quantities)
    total = log_likelihood(thin, design).sum("cell")
    for name in quantities:
        source = {"shared_variance": "loadings"}.get(str(name), str(name))
        own[name] = power_scaling(kept[[name]], prior[source])[name]
        noise[name] = xr.full_like(own[name], noise_level(kept[[name]], prior[source]))
        likelihood[name] = power_scaling(kept[[name]], total)[name]
    columns: dict[str, Any] = {
        "prior_sd": _prior_sd(quantities, posterior, priors),
        "posterior_sd": quantities.std(("chain", "draw")),
        "prior_sensitivity": own,
        "noise": noise,
        "likelihood_sensitivity": likelihood,
    }
    table = pd.concat(
        [pd.DataFrame({k: _flat(v[name]) for k, v in columns.items()}) for name in quantities],
        keys=[str(name) for name in quantities],
        names=["parameter", "element"],
    )
    table.insert(2, "contraction", 1 - (table["posterior_sd"] / table["prior_sd"]) ** 2)
    return table.assign(leans_on_prior=_leans(table))


def row_labels(table: pd.DataFrame) -> list[str]:
    """Return what a plot calls the elements of parameters: of growth, the covariate as well."""
    return [f"{n}: {e.split(', ')[0]}" if n == "growth" else str(n) for n, e in table.index]


def forecast_sensitivity(
    posterior: xr.Dataset, design: Design, specification: Specification | None = None
) -> pd.DataFrame:
    """Return which forecasts lean on which prior.

    Of each lineage's trunk, the expected score averaged over benchmarks at its largest known size
    and tokens, at four times the size, and at four times the tokens.

    Parameters
    ----------
    posterior : Dataset
    design : Design
    specification : Specification, optional
        Of the fit; the default one if not given.

    Returns
    -------
    DataFrame
        Indexed by ``lineage`` and ``scenario``: ``mean`` and ``sd`` in [0, 1], the prior it is
        most sensitive to beyond noise, that sensitivity, the level of Monte Carlo ``noise``
        (`noise_level`), and ``leans_on_prior``: above both that and `SENSITIVITY_LIMIT`.
    """
    thin = thinned(posterior)
    expected = scenario_scores(thin, design).to_dataset(name="score")
    prior = scaled_priors(thin, design, specification)
    names = [str(name) for name in prior]
    index = pd.Index(names, name="prior")
    each = [power_scaling(expected, prior[name])["score"] for name in names]
    sensitivity = xr.concat(each, dim=index)
    levels = [noise_level(expected, prior[name]) for name in names]
    noise = xr.DataArray(levels, dims="prior", coords={"prior": names})
    strongest = (sensitivity - noise).argmax("prior")  # above what chance finds
    table = pd.DataFrame(
        {
            "mean": _flat(expected["score"].mean(("chain", "draw"))),
            "sd": _flat(expected["score"].std(("chain", "draw"))),
            "prior": _flat(sensitivity["prior"][strongest]),
            "prior_sensitivity": _flat(sensitivity.isel(prior=strongest)),
            "noise": _flat(noise.isel(prior=strongest)),
        }
    )
    table.index = pd.MultiIndex.from_product(
        [design.lineages, list(SCENARIOS)], names=["lineage", "scenario"]
    )
    return table.assign(leans_on_prior=_leans(table))


def power_scaling(quantities: xr.Dataset, log_density: xr.DataArray) -> xr.Dataset:
    """Return the power-scaling sensitivity of quantities to one component of the log density.

    Parameters
    ----------
    quantities : Dataset
        With dims chain and draw.
    log_density : DataArray
        With dims chain and draw.

    Returns
    -------
    Dataset
        The cumulative Jensen-Shannon distance's slope (Kallioinen et al. 2024), from ArviZ.
    """
    import arviz_stats as azs

    groups = {"/posterior": quantities, "/log_prior": log_density.to_dataset(name="component")}
    return azs.psense(xr.DataTree.from_dict(groups), group="prior")


def scenario_scores(posterior: xr.Dataset, design: Design) -> xr.DataArray:
    """Return expected scores of trunks, mean over benchmarks: chain, draw, lineage, scenario."""
    draws, models = stacked(posterior), design.scores.models
    largest = models[["params_b", "tokens_t"]].groupby(design.lineage_of_model).max().to_numpy()
    factors = np.array(list(SCENARIOS.values()))
    asked = (largest[:, None] * factors).reshape(-1, 2)
    lineage = np.repeat(np.arange(len(design.lineages)), len(factors))
    placed = replace(
        design,
        lineage_of_model=lineage,
        deviation_of_model=np.full(len(lineage), -1),
        x=covariates(asked[:, 0], asked[:, 1], np.zeros(len(asked))),
        architecture=np.zeros((len(asked), design.architecture.shape[1])),
    )
    shape = (len(draws["dof"]), len(lineage), draws["loadings"].shape[-1])
    typical = {**draws, "model_skill": np.zeros(shape)}
    mu, _ = curve_of(typical, design).location_and_scale(fitted_predictor(typical, placed))
    by_lineage = (posterior.sizes["chain"], posterior.sizes["draw"], -1, len(factors))
    return xr.DataArray(
        mu.mean(axis=-1).reshape(by_lineage),
        dims=("chain", "draw", "lineage", "scenario"),
        coords={
            "chain": posterior["chain"],
            "draw": posterior["draw"],
            "lineage": design.lineages.to_numpy(),
            "scenario": list(SCENARIOS),
        },
    )


def _quantities(posterior: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
    """Return the parameters with a prior of their own, in the units in which it is judged."""
    found = {
        name: np.log(posterior[name]) if prior.distribution == "LogNormal" else posterior[name]
        for name, prior in priors.items()
        if name in posterior
    }
    if "loadings" in posterior:
        covariance = shared_covariance(posterior).to_numpy()
        diagonal = np.diagonal(covariance, axis1=-2, axis2=-1)
        found["shared_variance"] = posterior["intercept"].copy(data=diagonal)
    found["growth"] = posterior["growth"].transpose("chain", "draw", "covariate", "benchmark")
    return xr.Dataset(found)


def _prior_sd(
    quantities: xr.Dataset, posterior: xr.Dataset, priors: dict[str, Prior]
) -> dict[str, xr.DataArray]:
    """Return prior standard deviations, in closed form.

    With a half-normal scale s (``E s^2 = 1, E s^4 = 3`` for unit scale) and d skills, the shared
    variance ``s^2 chi2_d`` has variance ``3 d (d + 2) - d^2``.
    """
    typical = quantities.isel(chain=0, draw=0, drop=True)
    found = {}
    for name, array in typical.items():
        if name in priors:
            prior = priors[str(name)]
            lognormal = prior.distribution == "LogNormal"
            sd = prior.parameters["sigma"] if lognormal else prior_distribution(prior).std()
            found[str(name)] = xr.full_like(array, sd, dtype=float)
    between = xr.zeros_like(posterior["intercept"])
    if "shared_variance" in quantities:
        d, scale = posterior.sizes["skill"], priors["loading_scale"].parameters["sigma"]
        variance = scale**4 * (3 * d * (d + 2) - d**2)
        found["shared_variance"] = xr.full_like(typical["shared_variance"], np.sqrt(variance))
        between = between + quantities["shared_variance"]
    if "specific_sd" in posterior:
        between = between + posterior["specific_sd"] ** 2
    names = typical["growth"]["covariate"]
    spread = names.copy(data=[GROWTH[str(name)][1] for name in names.to_numpy()])
    found["growth"] = spread * np.sqrt(between.mean(("chain", "draw")))
    return found


def noise_level(quantities: xr.Dataset, log_density: xr.DataArray) -> float:
    """Return the sensitivity that Monte Carlo noise alone hardly ever exceeds.

    A high quantile of what power scaling finds with log densities of other draws, autocorrelated
    alike but unrelated: some shifts along chain and draw, some elements.

    Parameters
    ----------
    quantities : Dataset
        One variable, with dims chain and draw.
    log_density : DataArray
        With dims chain and draw.

    Returns
    -------
    float
    """
    (array,) = quantities.data_vars.values()
    density = log_density.transpose("chain", "draw")
    chains, draws = density.shape
    flat = array.transpose("chain", "draw", ...).to_numpy().reshape(chains, draws, -1)
    every = flat[..., :: -(-flat.shape[-1] // NULL_ELEMENTS)]
    some = xr.Dataset({"some": (("chain", "draw", "element"), every)}, density.coords)
    rng, found = np.random.default_rng(1), []
    for shift in range(NULL_SHIFTS):
        by = (shift % chains, int(rng.integers(draws // 5, draws - draws // 5 + 1)))
        moved = density.copy(data=np.roll(density.to_numpy(), by, axis=(0, 1)))
        found.append(power_scaling(some, moved)["some"].to_numpy())
    return float(np.quantile(found, NULL_QUANTILE))


def _leans(table: pd.DataFrame) -> pd.Series:
    return (table["prior_sensitivity"] > SENSITIVITY_LIMIT) & (
        table["prior_sensitivity"] > table["noise"]
    )


def _flat(array: xr.DataArray) -> pd.Series:
    """Return the elements by their labels, one level: ``tokens, mmlu``."""
    dims = [d for d in ("covariate", "benchmark", "lineage", "scenario") if d in array.dims]
    flat = array.transpose(*dims).to_numpy().ravel()
    labels = pd.MultiIndex.from_product([array[d].to_numpy() for d in dims]) if dims else [()]
    return pd.Series(flat, index=[", ".join(map(str, label)) for label in labels])
