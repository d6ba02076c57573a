r"""The skills model, as a PyMC model with named coordinates.

For model *m* of variant *v* and lineage *l*, benchmark *b*, skill *k*, with covariates *x* (size,
tokens, size x tokens, size squared, tuning, tuning x size, tuning x tokens; `bayes_sloth.design`):

.. math::

    \theta_m &= \alpha_{l} + \delta_{v} + \beta^\top x_m + u_m   && \text{skills} \\
    \eta_{mb} &= a_b + \Lambda_b^\top \theta_m + e_{mb}          && \text{linear predictor} \\
    \mu_{mb} &= \operatorname{link}_b(\eta_{mb}), \quad
    y_{mb} \sim \text{Student}_\nu(\mu_{mb}, \sigma_{mb})        && \text{`bayes_sloth.link`}

Each effect (of a lineage, a deviating variant, a covariate) acts through the skills, and has beside
them a pooled deviation of its own on each benchmark, collected in *e*. Given the loadings, an
effect on the skills and its deviations are jointly normal and enter only by their sum, a vector
over benchmarks. So both are **integrated out exactly**, and the sum is sampled:

.. math::

    \Omega = \Lambda \Lambda^\top + \operatorname{diag}(\psi^2), \quad
    \text{level}_l \sim N(a + x_l^\top G, \Omega), \quad
    \text{deviation}_v \sim N(0, \rho^2 \Lambda \Lambda^\top + \operatorname{diag}(\psi_v^2)), \quad
    G_j \sim N(m_j, t_j^2\, \Omega) .

With the specific scales at zero this is Sloth (arXiv 2412.06540); with large ones, an intercept per
family and benchmark. What is integrated out can be drawn back from its normal posterior.
Those corners, and growth with training compute alone, are choices of
`bayes_sloth.specification`: without skills each benchmark follows a law of its own, and without
deviations every effect acts through the skills alone.

Levels are parameters at the mean size and tokens of their lineage, where the data speak, not at the
common reference, and on benchmarks that say little of one model they are sampled in units of their
prior (`bayes_sloth.factor_normal.half_centred`): the same model in coordinates that hardly
correlate.

Loadings have independent normal priors, which do not prefer any rotation of the skills; they are
sampled on a slice that each of their rotations meets once (`bayes_sloth.loadings`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_sloth import link
from bayes_sloth.design import (
    Design,
    principal_directions,
    typical_level,
    weak_benchmarks,
)
from bayes_sloth.factor_normal import factor_normal, half_centred, orthonormal, product
from bayes_sloth.loadings import orbit_volume, rotation_slice
from bayes_sloth.priors import (
    ARCHITECTURE_SPREAD,
    COVARIATES,
    ESTIMATED,
    GROWTH,
    UNTUNED,
    Prior,
    on_covariates,
    priors_of,
)
from bayes_sloth.shapes import CONTRASTS
from bayes_sloth.specification import Specification

if TYPE_CHECKING:
    import pymc as pm

# What a forecast needs, where the model has it; all else derives from these.
FORECAST_VARIABLES = (
    "intercept",
    "loadings",
    "specific_sd",
    "growth",
    "lineage_level",
    "variant_ratio",
    "variant_sd",
    "model_scale",
    "model_skill",
    "protocol_sd",
    "residual_sd",
    "dof",
    "variant_deviation",
    "slope_scale",
    "lineage_slope",
    "link_shape",
    "ceiling",
    "architecture_effect",
)


def required_variables(specification: Specification) -> set[str]:
    """Return what a fit of a specification must hold to forecast, whatever its data."""
    absent = {"variant_deviation"}  # there may be no variant beside the trunks
    if not specification.skills:
        absent |= {"loadings", "variant_ratio", "model_scale", "model_skill"}
    if not specification.deviations:
        absent |= {"specific_sd", "variant_sd"}
    if specification.noise == "normal":
        absent |= {"dof"}
    if not specification.family_slopes:
        absent |= {"slope_scale", "lineage_slope"}
    if specification.link == "logistic":
        absent |= {"link_shape", "ceiling"}
    if not specification.architecture:
        absent |= {"architecture_effect"}
    return set(FORECAST_VARIABLES) - absent


def observed_cells(design: Design, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the model's mutable data for a table of scores: which cells are known, and what.

    Parameters
    ----------
    design : Design
    values : array of shape (model, benchmark)
        Scores, NaN where unknown or held out.

    Returns
    -------
    dict
        ``cell``: positions in the flattened table; ``known_score``: the scores there;
        ``reference``: typical level by benchmark. One compiled model serves any such data.
    """
    known = ~np.isnan(values)
    return {
        "cell": np.flatnonzero(known),
        "known_score": values[known],
        "reference": typical_level(values, design.chance),
    }


def build_model(design: Design, specification: Specification | None = None) -> pm.Model:
    """Return the PyMC model of a design.

    Parameters
    ----------
    design : Design
    specification : Specification, optional
        The default one if not given.

    Returns
    -------
    pymc.Model
        Coords ``model``, ``benchmark``, ``skill``, ``lineage``, ``deviating`` (variants that are
        not the trunk of their lineage) and ``covariate``; the observed variable ``score`` is the
        vector of known scores. Data ``cell``, ``known_score`` and ``reference`` may be set anew
        (`observed_cells`), to hide other scores without compiling again.

    Raises
    ------
    InputError
        If there are more skills than benchmarks.
    """
    import pymc as pm
    import pytensor.tensor as pt

    specification = specification or Specification()
    priors = priors_of(specification)
    values = design.scores.values.to_numpy(float)
    specification.require_benchmarks(values.shape[1])
    with pm.Model(coords=_coords(design, specification)) as model:
        data = observed_cells(design, values)
        cell = pm.Data("cell", data["cell"])
        known_score = pm.Data("known_score", data["known_score"])
        reference = pm.Data("reference", data["reference"], dims="benchmark")

        place = _place_data(design)

        weak = weak_benchmarks(design, values)
        intercept = priors["intercept"].variable("intercept", dims="benchmark")
        loadings = specific_sd = None
        if specification.skills:
            directions = principal_directions(design, values, specification.skills)
            loadings = _loadings(directions, priors)
        if specification.deviations:
            specific_sd = priors["specific_sd"].variable("specific_sd", dims="benchmark")
        between = (loadings, specific_sd)
        growth = _growth(between, specification)
        slope = _slopes(design, growth, between, specification)
        eta = (
            _levels(place, intercept, growth, slope, between, weak)[place["lineage_of_model"]]
            + _growth_within(place, growth, slope, specification)
            + _deviations(design, place, growth, loadings, weak, specification)
        )
        if loadings is not None:
            eta = eta + product(_model_skills(priors), loadings.T)
        if specification.architecture:
            eta = eta + product(
                pm.Data("architecture", design.architecture), _shape_effects(between)
            )
        ceiling, shape = _link_parameters(reference, specification)
        mu = link.expected(eta, place["chance"], reference, ceiling, shape, xp=pt)
        sigma = link.spread(
            mu,
            place["chance"],
            place["items"],
            priors["protocol_sd"].variable("protocol_sd", dims="benchmark"),
            priors["residual_sd"].variable("residual_sd", dims="benchmark"),
            xp=pt,
        )
        place_and_scale = {"mu": mu.ravel()[cell], "sigma": sigma.ravel()[cell]}
        if specification.noise == "normal":
            pm.Normal("score", **place_and_scale, observed=known_score)
        else:
            dof = pm.Deterministic("dof", 2 + priors["dof"].variable("dof_above_two"))
            pm.StudentT("score", nu=dof, **place_and_scale, observed=known_score)
    return model


def _place_data(design: Design) -> dict[str, Any]:
    """Return the design as data of the model.

    Constants would be written into the machine code, where the next fit of the same shape cannot
    use them.
    """
    import pymc as pm

    return {
        "away": pm.Data("away", design.x - design.centre[design.lineage_of_model]),
        "centre": pm.Data("centre", design.centre),
        "tuning": pm.Data("tuning", design.tuning),
        "lineage_of_model": pm.Data("lineage_of_model", design.lineage_of_model),
        "deviation_of_model": pm.Data("deviation_of_model", design.deviation_of_model),
        "chance": pm.Data("chance", design.chance),
        "items": pm.Data("items", design.items),
    }


def _coords(design: Design, specification: Specification) -> dict[str, Any]:
    return {
        "model": design.scores.models.index.to_numpy(),
        "benchmark": design.scores.benchmarks.index.to_numpy(),
        "skill": [f"skill {k + 1}" for k in range(specification.skills)],
        "lineage": design.lineages.to_numpy(),
        "deviating": design.deviating.to_numpy(),
        "covariate": list(ESTIMATED[specification.covariates]),
        "contrast": list(CONTRASTS),
    }


def _loadings(directions: np.ndarray, priors: dict[str, Prior]) -> Any:
    """Return loadings of shape (benchmark, skill), on the slice through the given directions.

    With D the directions, each orbit of loadings under rotation meets the linear subspace on which
    ``L' D`` is symmetric. Restricting iid normal loadings to it, with the orbit's Jacobian
    ``prod_{i<j} (s_i + s_j)``, s the eigenvalues of ``L' D``, leaves the distribution of ``L L'``,
    and with it the model, as it was (`tests/test_model.py` checks this by simulation). No benchmark
    is an anchor, so none can be a weak one.
    """
    import pymc as pm

    basis, jacobian = rotation_slice(directions)
    n_coordinates, n_turns = basis.shape[1], len(jacobian)
    overlap = np.einsum("bpc,bq->pqc", basis.reshape(*directions.shape, -1), directions)
    volume = np.einsum("abpq,pqc->abc", jacobian, overlap).reshape(n_turns**2, n_coordinates)
    scale = priors["loading_scale"].variable("loading_scale")
    coordinates = pm.Normal("loading_coordinate", 0, scale, shape=n_coordinates)
    # Loadings and Jacobian are both linear in the coordinates: one product gives both.
    both = product(coordinates[None, :], pm.Data("slice", np.vstack([basis, volume]).T))[0]
    loadings = pm.Deterministic(
        "loadings", both[: directions.size].reshape(directions.shape), dims=("benchmark", "skill")
    )
    if n_turns:
        matrix = both[directions.size :].reshape((n_turns, n_turns)) / scale
        pm.Potential("rotation_jacobian", orthonormal(matrix, n_turns)[1])
    return loadings


def sample_prior(
    design: Design, specification: Specification | None = None, *, draws: int = 500, seed: int = 1
) -> xr.DataTree:
    """Draw from the prior, and scores from what it predicts.

    PyMC draws forward and cannot see the Jacobian of the slice (`_loadings`), so draws are
    resampled with its weight.

    Parameters
    ----------
    design : Design
    specification : Specification, optional
    draws : int
        Draws to return, resampled from eight times as many.
    seed : int

    Returns
    -------
    DataTree
        Groups ``prior`` and ``prior_predictive`` with dims ``chain`` (one) and ``draw``.
    """
    import pymc as pm

    specification = specification or Specification()
    with warnings.catch_warnings(), build_model(design, specification):
        warnings.filterwarnings("ignore", "The effect of Potentials", UserWarning)
        tree = pm.sample_prior_predictive(draws=8 * draws, random_seed=seed)
    groups = {name: tree[name].to_dataset() for name in ("prior", "prior_predictive")}
    prior = groups["prior"]
    if not specification.skills:  # no rotation to weigh
        return xr.DataTree.from_dict({n: g.isel(draw=slice(draws)) for n, g in groups.items()})
    values = design.scores.values.to_numpy(float)
    directions = principal_directions(design, values, specification.skills)
    relative = (prior["loadings"] / prior["loading_scale"]).to_numpy()[0]
    weight = orbit_volume(relative, directions)
    # Without replacement: copies of a draw would count as independent ones. Weights differ so
    # little (the largest of thousands is some five times the mean) that this hardly matters.
    chosen = np.random.default_rng(seed).choice(
        8 * draws, draws, replace=False, p=weight / weight.sum()
    )
    return xr.DataTree.from_dict({name: group.isel(draw=chosen) for name, group in groups.items()})


def _growth(between: tuple[Any, Any], specification: Specification) -> Any:
    """Return effects of size, tokens and tuning (`COVARIATES`), of shape (covariate, benchmark)."""
    import pymc as pm

    dims, names = ("covariate", "benchmark"), ESTIMATED[specification.covariates]
    mean, spread = np.array([GROWTH[name] for name in names]).T[..., None]
    none = np.zeros((len(names), len(pm.modelcontext(None).coords["benchmark"])))
    standard = factor_normal("growth_standard", none, *between, dims=dims)
    growth = pm.Deterministic("growth", mean + spread * standard, dims=dims)
    return growth if names == COVARIATES else product(on_covariates(names), growth)


def _shape_effects(between: tuple[Any, Any]) -> Any:
    """Return effects of depth and FFN size at equal bulk, of shape (contrast, benchmark)."""
    import pymc as pm

    dims = ("contrast", "benchmark")
    none = np.zeros((len(CONTRASTS), len(pm.modelcontext(None).coords["benchmark"])))
    standard = factor_normal("architecture_standard", none, *between, dims=dims)
    return pm.Deterministic("architecture_effect", ARCHITECTURE_SPREAD * standard, dims=dims)


def _slopes(
    design: Design, growth: Any, between: tuple[Any, Any], specification: Specification
) -> Any:
    """Return growth with size by lineage, or the common growth where slopes do not differ."""
    import pytensor.tensor as pt

    if not specification.family_slopes:
        return growth[0][None, :]
    scale = priors_of(specification)["slope_scale"].variable("slope_scale")
    mean = pt.tile(growth[0], (len(design.lineages), 1))
    loadings, specific_sd = between
    scaled = None if loadings is None else scale * loadings
    return factor_normal(
        "lineage_slope", mean, scaled, scale * specific_sd, ("lineage", "benchmark")
    )


def _levels(
    place: dict[str, Any],
    intercept: Any,
    growth: Any,
    slope: Any,
    between: tuple[Any, Any],
    weak: np.ndarray,
) -> Any:
    """Return each lineage's level at the centre of its models, of shape (lineage, benchmark)."""
    centre = place["centre"]
    common = product(centre[:, 1:UNTUNED], growth[1:UNTUNED])
    mean = intercept + common + centre[:, 0][:, None] * slope
    return half_centred("lineage_level", mean, *between, weak, dims=("lineage", "benchmark"))


def _growth_within(
    place: dict[str, Any], growth: Any, slope: Any, specification: Specification
) -> Any:
    """Return what covariates add to a lineage's level, of shape (model, benchmark)."""
    own = slope[place["lineage_of_model"]] if specification.family_slopes else slope
    return product(place["away"][:, 1:], growth[1:]) + place["away"][:, 0][:, None] * own


def _deviations(
    design: Design,
    place: dict[str, Any],
    growth: Any,
    loadings: Any,
    weak: np.ndarray,
    specification: Specification,
) -> Any:
    """Return the variants' deviations from their trunks, of shape (model, benchmark).

    As parameters they include what tuning does on average, which would else have to move against
    all of them at once.
    """
    import pymc as pm
    import pytensor.tensor as pt

    priors, relative, specific_sd = priors_of(specification), None, None
    if specification.skills:
        relative = priors["variant_ratio"].variable("variant_ratio") * loadings
    if specification.deviations:
        specific_sd = priors["variant_sd"].variable("variant_sd", dims="benchmark")
    if not len(design.deviating):
        return 0.0
    dims = ("deviating", "benchmark")
    usual = product(place["tuning"], growth[UNTUNED:])
    level = half_centred("variant_level", usual, relative, specific_sd, weak, dims)
    deviation = pm.Deterministic("variant_deviation", level - usual, dims=dims)
    trunk = np.zeros((1, len(design.items)))  # position -1: a trunk
    return pt.concatenate([deviation, trunk])[place["deviation_of_model"]]


def _model_skills(priors: dict[str, Prior]) -> Any:
    """Return what is special to each model, of shape (model, skill)."""
    import pymc as pm

    skill = pm.Normal("model_skill", dims=("model", "skill"))
    return priors["model_scale"].variable("model_scale") * skill


def _link_parameters(reference: Any, specification: Specification) -> tuple[Any, Any]:
    """Return ceiling (chance-corrected) and shape of each benchmark's link."""
    import pymc as pm
    import pytensor.tensor as pt

    if specification.link == "logistic":
        return pt.ones_like(reference), pt.zeros_like(reference)
    priors = priors_of(specification)
    shape = priors["link_shape"].variable("link_shape", dims="benchmark")
    fraction = priors["ceiling_fraction"].variable("ceiling_fraction", dims="benchmark")
    ceiling = reference + (1 - reference) * fraction
    return pm.Deterministic("ceiling", ceiling, dims="benchmark"), shape
