"""Simulate scores with known truth and fit them: calibration, recovery, planted errors.

One compiled model serves every simulated data set of a design: only data change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_sloth.design import Design, principal_directions
from bayes_sloth.loadings import align, shared_covariance
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.sampling import Sampling
from bayes_sloth.specification import Specification

if TYPE_CHECKING:
    import xarray as xr

# What simulation-based calibration ranks: identified, whatever the rotation of the skills.
RANKED = (
    "intercept",
    "growth",
    "shared_covariance",
    "loading_scale",
    "specific_sd",
    "variant_ratio",
    "variant_sd",
    "model_scale",
    "link_shape",
    "ceiling",
    "protocol_sd",
    "residual_sd",
    "dof",
    "expected_score",
)


RANKED_DRAWS = 100  # of those kept, evenly spaced


@dataclass(frozen=True, eq=False)
class Simulator:
    """A design with its compiled model.

    Attributes
    ----------
    design : Design
    specification : Specification
    compiled : nutpie.CompiledModel
    sampling : Sampling
        Of every refit.
    """

    design: Design
    specification: Specification
    compiled: Any
    sampling: Sampling

    @classmethod
    def make(
        cls,
        design: Design,
        specification: Specification | None = None,
        sampling: Sampling | None = None,
    ) -> Simulator:
        """Compile the model of a design once."""
        from bayes_sloth.model import build_model
        from bayes_sloth.sampling import compile_model

        specification = specification or Specification()
        compiled = compile_model(build_model(design, specification))
        return cls(design, specification, compiled, sampling or Sampling(chains=2))

    def refit(self, design: Design, seed: int, reference: np.ndarray | None = None) -> xr.DataTree:
        """Sample the posterior of another table of the same shape: other scores, sizes or tokens.

        Parameters
        ----------
        design : Design
            Of the same models, lineages and variants.
        seed : int
        reference : array of shape (benchmark,), optional
            Typical levels; those of the scores if not given.

        Returns
        -------
        DataTree
            Its posterior is aligned.
        """
        from bayes_sloth.model import observed_cells
        from bayes_sloth.sampling import sample

        values = design.scores.values.to_numpy(float)
        data = observed_cells(design, values)
        data |= {"away": design.x - design.centre[design.lineage_of_model], "centre": design.centre}
        if reference is not None:
            data["reference"] = reference
        tree = sample(
            self.compiled.with_data(**data), replace(self.sampling, seed=seed), progress=False
        )
        directions = principal_directions(self.design, self._values, self.specification.skills)
        tree["posterior"] = align(tree["posterior"].to_dataset(), directions)
        return tree

    @property
    def _values(self) -> np.ndarray:
        return self.design.scores.values.to_numpy(float)


def one_draw(posterior: xr.Dataset, index: int) -> xr.Dataset:
    """Return one draw of a posterior, with dims chain and draw of length one."""
    chain, draw = divmod(index, posterior.sizes["draw"])
    return posterior.isel(chain=[chain], draw=[draw])


def simulate(truth: xr.Dataset, design: Design, rng: np.random.Generator) -> Design:
    """Return a design whose known scores are drawn from the model at one draw of its parameters.

    Parameters
    ----------
    truth : Dataset
        As `one_draw` returns.
    design : Design
    rng : Generator

    Returns
    -------
    Design
    """
    draws = stacked(truth)
    mu, sigma = curve_of(draws, design).location_and_scale(fitted_predictor(draws, design))
    noise = rng.standard_t(draws["dof"][0], size=mu.shape[1:])
    simulated = np.clip(mu[0] + sigma[0] * noise, 0, 1)
    values = design.scores.values
    scores = replace(design.scores, values=values.where(values.isna(), simulated))
    return replace(design, scores=scores)


def ranked_quantities(posterior: xr.Dataset, design: Design) -> xr.Dataset:
    """Return what simulation-based calibration ranks: parameters and expected scores."""
    from bayes_sloth.forecasting import expected_scores

    found = posterior.assign(
        shared_covariance=shared_covariance(posterior),
        expected_score=expected_scores(posterior, design),
    )
    return found[[name for name in RANKED if name in found]]


def calibration_ranks(
    simulator: Simulator, replicates: int, *, seed: int = 1
) -> Iterator[xr.Dataset]:
    """Yield ranks of parameters drawn from the prior among draws of their posterior.

    Simulation-based calibration (Talts et al. 2018): each replicate draws parameters and scores
    from the prior, fits the scores and ranks the parameters among draws of the fit, so few that
    they are nearly independent. The ranks of a correct posterior are uniform. (Libraries for this
    draw from the prior as PyMC does, which does not see the Jacobian of the slice of the loadings;
    `sample_prior` resamples with its weight.)

    Parameters
    ----------
    simulator : Simulator
    replicates : int
    seed : int

    Yields
    ------
    Dataset
        Of one replicate: ranks as fractions in [0, 1], ``rhat``, the largest, and ``divergences``.
        ``xarray.concat(..., dim="replicate")`` makes one of them all.
    """
    import arviz_stats as azs

    from bayes_sloth.model import observed_cells, sample_prior

    design, rng = simulator.design, np.random.default_rng(seed)
    prior = sample_prior(design, simulator.specification, draws=replicates, seed=seed)
    values = design.scores.values
    reference = observed_cells(design, values.to_numpy(float))["reference"]
    parameters = prior["prior"].to_dataset()
    for i in range(replicates):
        again = values.to_numpy(float).copy()
        again[~np.isnan(again)] = prior["prior_predictive"]["score"].to_numpy()[0, i]
        # link and rotation stay those of the design: its own typical levels, not the simulated
        scores = replace(design.scores, values=values.where(values.isna(), again))
        tree = simulator.refit(replace(design, scores=scores), seed * 1000 + i, reference)
        fitted = ranked_quantities(tree["posterior"].to_dataset(), design)
        truth = ranked_quantities(one_draw(parameters, i), design).isel(chain=0, draw=0, drop=True)
        ranks = _ranks(truth, fitted, rng)
        rhat = azs.rhat(fitted)
        worst = max(float(rhat[name].max()) for name in rhat)
        divergences = int(tree["sample_stats"]["diverging"].sum())
        yield ranks.assign(rhat=worst, divergences=divergences)


def _ranks(truth: xr.Dataset, fitted: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Return where truth lies among draws, in [0, 1]; a place between two draws, or among equals.

    Uniform for a correct posterior, whatever the number of draws.
    """
    draws = fitted.sizes["chain"] * fitted.sizes["draw"]
    apart = fitted.isel(draw=slice(None, None, max(1, draws // RANKED_DRAWS)))
    over = ("chain", "draw")
    below, equal = (apart < truth).sum(over), (apart == truth).sum(over)
    return (below + rng.uniform() * (1 + equal)) / (1 + apart.sizes["chain"] * apart.sizes["draw"])
