r"""The Bayesian Performance Law as a PyMC model with named coordinates.

For model *m* of developer *d* and lineage *l*, and source *j* (one harness, or what is reported),

.. math::

    \theta_m &\sim N(\eta_m,\; \sigma_m), \quad \eta_m \text{ as in `performance_law.law`}
        && \text{ability, logits} \\
    \mu_m &= \operatorname{link}(\theta_m)
        && \text{from chance to a ceiling, `bayes_sloth.link`} \\
    y_{mj} &\sim \text{Student}_\nu\bigl(\mu_m + o_j,\; \sigma_{mj}\bigr), \quad
    \sigma_{mj}^2 = \mu_m (1 - \mu_m) / n + \phi_j^2
        && n = 14{,}042 \text{ items}

The ability is a model's own; two sources that speak of one model share it, and differ by item
sampling, the source's noise :math:`\phi_j` and an offset :math:`o` of what is reported. Effects of
developers and lineages are normal about zero.

Tokens that are unknown are parameters, with the tokens of the other models at that size and date as
their population; a dense model's unknown size follows from its shape. So their uncertainty is part
of every interval, and no model is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_sloth import link
from bayes_sloth.performance_law.data import CHANCE, ITEMS, SOURCES
from bayes_sloth.performance_law.design import LawDesign, known_cells
from bayes_sloth.performance_law.law import (
    COVARIATES,
    REFERENCE,
    effective_size,
    linear_predictor,
    token_term,
)
from bayes_sloth.performance_law.priors import ALL_PRIORS, SIZE_OF_SHAPE_SD
from bayes_sloth.priors import Prior

if TYPE_CHECKING:
    import pymc as pm

COORDINATE = "_drawn"
type Priors = Mapping[str, Prior]

# What a forecast needs.
FORECAST_VARIABLES = (
    "intercept",
    "effect",
    "instability_effect",
    "saturation",
    "softness",
    "active_weight",
    "developer_sd",
    "lineage_sd",
    "model_sd",
    "developer_effect",
    "lineage_effect",
    "ability",
    "ceiling",
    "link_shape",
    "source_sd",
    "source_offset",
    "dof",
    "token_level",
    "token_trend",
    "token_size",
    "token_sd",
)


def build_law(design: LawDesign, changes: Mapping[str, Prior] | None = None) -> pm.Model:
    """Return the PyMC model of a design.

    Parameters
    ----------
    design : LawDesign
    changes : mapping of str to Prior, optional
        Priors other than those of `performance_law.priors`, by their names there.

    Returns
    -------
    pymc.Model
        Coords ``model``, ``source``, ``developer``, ``lineage``, ``covariate``,
        ``model_without_tokens`` and ``model_without_size``; the observed variable ``mmlu`` is the
        vector of known values. The data of `known_cells` may be set anew, to hide values without
        compiling again.
    """
    import pymc as pm
    import pytensor.tensor as pt

    priors = ALL_PRIORS | dict(changes or {})
    with pm.Model(coords=_coords(design)) as model:
        data = known_cells(design, design.architectures.values.to_numpy(float))
        cell, known = pm.Data("cell", data["cell"]), pm.Data("known_mmlu", data["known_mmlu"])
        ability = _ability(design, data, priors)
        shape, ceiling = (priors[name].variable(name) for name in ("link_shape", "ceiling"))
        mu = link.expected(ability, CHANCE, REFERENCE, ceiling, shape, xp=pt)
        source_sd = priors["source_sd"].variable("source_sd", dims="source")
        offset = priors["source_offset"].variable("source_offset")
        expected = mu[:, None] + offset * np.array([0.0, 1.0])
        sigma = link.spread(mu[:, None], CHANCE, ITEMS, source_sd, 0.0, xp=pt)
        pm.StudentT(
            "mmlu",
            nu=pm.Deterministic("dof", 1 + priors["dof"].variable("dof_above_one")),
            mu=expected.ravel()[cell],
            sigma=sigma.ravel()[cell],
            observed=known,
        )
    return model


def stored_variables(model: pm.Model) -> list[str]:
    """Return what to store of each draw: all but the sampler's own coordinates."""
    names = [variable.name for variable in (*model.free_RVs, *model.deterministics)]
    return [name for name in names if not name.endswith(COORDINATE)]


def _coords(design: LawDesign) -> dict[str, Any]:
    models = design.architectures.models.index.to_numpy()
    return {
        "model": models,
        "source": list(SOURCES),
        "developer": design.developers.to_numpy(),
        "lineage": design.lineages.to_numpy(),
        "covariate": list(COVARIATES),
        "model_without_tokens": models[design.without_tokens],
        "model_without_size": models[design.without_size],
    }


def _ability(design: LawDesign, data: dict[str, np.ndarray], priors: Priors) -> Any:
    """Return the models' abilities, in logits about the middle of MMLU's range."""
    import pymc as pm

    log_total, log_active = _sizes(design)
    weight = priors["active_weight"].variable("active_weight")
    size = effective_size(log_total, log_active, weight)
    year = pm.Data("year", design.year)
    contrasts = pm.Data("contrasts", design.contrasts)
    ratio, softness = (priors[name].variable(name) for name in ("saturation", "softness"))
    tokens = token_term(_tokens(design, size, year, priors), size, ratio, softness, xp=_pt())
    mean = (
        priors["intercept"].variable("intercept")
        + linear_predictor(
            _effects(priors),
            priors["instability_effect"].variable("instability_effect"),
            size,
            tokens,
            (contrasts[0], contrasts[1], contrasts[2]),
            year,
        )
        + _group_effect("developer", design.developer_of_model, data, priors)
        + _group_effect("lineage", design.lineage_of_model, data, priors)
    )
    # What is measured to a point tells a model's ability far better than the law does: centred.
    scale = priors["model_sd"].variable("model_sd")
    return _normal("ability", mean, scale, data["model_centring"], dims="model")


def _pt() -> Any:
    import pytensor.tensor as pt

    return pt


def _effects(priors: Priors) -> Any:
    import pymc as pm

    parameters = [priors[f"effect[{name}]"].parameters for name in COVARIATES]
    mu, sigma = (np.array([p[key] for p in parameters]) for key in ("mu", "sigma"))
    return pm.Normal("effect", mu, sigma, dims="covariate")


def _group_effect(
    name: str, group_of_model: np.ndarray, data: dict[str, np.ndarray], priors: Priors
) -> Any:
    """Return the effect of each model's developer or lineage."""
    import pymc as pm

    scale = priors[f"{name}_sd"].variable(f"{name}_sd")
    effect = _normal(f"{name}_effect", 0.0, scale, data[f"{name}_centring"], dims=name)
    return effect[pm.Data(f"{name}_of_model", group_of_model)]


def _normal(name: str, mean: Any, scale: Any, centring: np.ndarray, dims: str) -> Any:
    r"""Return normal variables in coordinates between centred (1) and non-centred (0).

    With weight :math:`w`, :math:`z \sim N(w m, s^w)` and :math:`m + s^{1 - w} (z - w m)` has mean
    :math:`m` and standard deviation :math:`s` whatever :math:`w`. The weights are data named
    ``<kind>_centring``, so that hiding a model's scores can turn its coordinates.
    """
    import pymc as pm

    w = pm.Data(f"{dims}_centring", centring)
    drawn = pm.Normal(name + COORDINATE, w * mean, scale**w, dims=dims)
    return pm.Deterministic(name, mean + scale ** (1 - w) * (drawn - w * mean), dims=dims)


def _sizes(design: LawDesign) -> tuple[Any, Any]:
    """Return total and active sizes, the unknown ones as parameters."""
    import pymc as pm

    total, active = pm.Data("log_total", design.log_total), pm.Data("log_active", design.log_active)
    missing = design.without_size
    if not len(missing):
        return total, active
    latent = pm.Normal(
        "unknown_size", design.size_of_shape[missing], SIZE_OF_SHAPE_SD, dims="model_without_size"
    )
    return tuple(_pt().set_subtensor(known[missing], latent) for known in (total, active))  # type: ignore[return-value]


def _tokens(design: LawDesign, size: Any, year: Any, priors: Priors) -> Any:
    """Return the models' tokens, the unknown ones as parameters with the others' population."""
    import pymc as pm

    level, trend, by_size, scale = (
        priors[name].variable(name)
        for name in ("token_level", "token_trend", "token_size", "token_sd")
    )
    mean = level + trend * year + by_size * size
    missing = design.without_tokens
    known = np.flatnonzero(~np.isnan(design.log_tokens))
    pm.Normal("known_tokens", mean[known], scale, observed=design.log_tokens[known])
    tokens = pm.Data("log_tokens", np.nan_to_num(design.log_tokens))
    if not len(missing):
        return tokens
    standard = pm.Normal("unknown_tokens_standard", dims="model_without_tokens")
    latent = pm.Deterministic(
        "unknown_tokens", mean[missing] + scale * standard, dims="model_without_tokens"
    )
    return _pt().set_subtensor(tokens[missing], latent)
