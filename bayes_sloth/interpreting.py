r"""Read the skills of a fit: rotated by name, with uncertainty, and named by what loads on them.

The model integrates skills out. Given the parameters of a draw, the skill :math:`f` behind a
vector over benchmarks :math:`z = \Lambda f + \psi \epsilon`, with both standard normal, is drawn
back from its normal posterior (the regression scores of factor analysis, with their spread):

.. math::

    M = (I + \Lambda^\top \Psi^{-2} \Lambda)^{-1}, \qquad
    f \mid z \sim N(M \Lambda^\top \Psi^{-2} z,\; M), \qquad \Psi = \operatorname{diag}(\psi).

For a lineage, *z* is its level less what the population of lineages has at that size and tokens:
*f* is its **efficiency**, in standard deviations between lineages. For a tuned variant, *z* is its
deviation from its trunk. Growth has a mean that is not a matter of skills, so its part in the
skills is the projection :math:`(\Lambda^\top \Psi^{-2} \Lambda)^{-1} \Lambda^\top \Psi^{-2} z`
(Bartlett's scores), which adds no prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.design import covariates
from bayes_sloth.errors import InputError
from bayes_sloth.loadings import alignment
from bayes_sloth.predictor import stacked
from bayes_sloth.priors import COVARIATES
from bayes_sloth.rotation import Rotation, rotate, rotate_draws, rotated
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.design import Design
    from bayes_sloth.fitting import Fit

# The naming rule: see `Skills.names`.
SALIENT = 0.4
MOST_IN_A_NAME = 3
LEVEL = 0.9


@dataclass(frozen=True, eq=False, repr=False)
class Skills:
    """The skills of a fit, as one rotation shows them.

    Attributes
    ----------
    posterior : Dataset
        With dims chain and draw: ``loadings`` (benchmark, skill; logits), ``standard_loadings``
        (in standard deviations of the benchmark between lineages), ``correlation`` (skill,
        skill_2), ``efficiency`` (lineage, skill), ``growth`` (covariate, skill; standard
        deviations between lineages per tenfold) and ``tuning`` (tuned variant, skill; at the
        reference size and tokens).
    rotation : Rotation
        Of the mean of the aligned standardised loadings: criterion, starts, second optima.
    alignment : DataFrame
        How far draws and chains are from one another after alignment
        (`bayes_sloth.loadings.alignment`).
    """

    posterior: xr.Dataset
    rotation: Rotation
    alignment: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Names of the skills, from what loads on them and nothing else.

        The rule: up to three benchmarks, largest first, whose standardised loading is 0.4 or more
        in absolute value (median) and whose 90 % equal-tailed interval leaves out zero; a minus
        marks a negative one. A skill on which nothing loads so is called unclear.
        """
        standard = self.posterior["standard_loadings"]
        return [_name(standard.sel(skill=skill)) for skill in standard["skill"].to_numpy()]

    def table(self, variable: str = "standard_loadings") -> pd.DataFrame:
        """Return median and 90 % equal-tailed interval of each element of a variable.

        Parameters
        ----------
        variable : str
            A variable of ``posterior``.

        Returns
        -------
        DataFrame
            Indexed by the variable's dims: ``median``, ``lower90``, ``upper90``.
        """
        tail = (1 - LEVEL) / 2
        quantiles = self.posterior[variable].quantile([0.5, tail, 1 - tail], ("chain", "draw"))
        columns = dict(enumerate(("median", "lower90", "upper90")))
        parts = {c: quantiles.isel(quantile=i).to_series() for i, c in columns.items()}
        return pd.DataFrame(parts)

    def curves(
        self, params_b: Sequence[float], tokens_t: Sequence[float], *, instruct: bool = False
    ) -> xr.DataArray:
        """Return each skill over size and tokens, for a lineage of average efficiency.

        Parameters
        ----------
        params_b, tokens_t : sequence of float
            Parameters in billions, tokens in trillions: the grid.
        instruct : bool
            Whether tuned.

        Returns
        -------
        DataArray
            With dims chain, draw, params_b, tokens_t, skill: standard deviations between
            lineages from an untuned model of 7 billion parameters and 2 trillion tokens.
        """
        import xarray as xr

        size, tokens = np.meshgrid(params_b, tokens_t, indexing="ij")
        x = covariates(size.ravel(), tokens.ravel(), np.full(size.size, instruct))
        grid = xr.DataArray(
            x.reshape(*size.shape, -1),
            dims=("params_b", "tokens_t", "covariate"),
            coords={
                "params_b": list(params_b),
                "tokens_t": list(tokens_t),
                "covariate": self.posterior["covariate"],
            },
        )
        levels: xr.DataArray = xr.dot(grid, self.posterior["growth"], dim="covariate")
        return levels.transpose("chain", "draw", "params_b", "tokens_t", "skill")

    def __repr__(self) -> str:
        named = [
            f"{skill}: {name}"
            for skill, name in zip(self.posterior["skill"].to_numpy(), self.names, strict=True)
        ]
        spread = self.alignment["residual"]
        return "\n  ".join(
            [
                "Skills, named by what loads on them",
                *named,
                f"Rotation {self.rotation.sentence()}",
                f"Alignment residual: {spread.loc['draws']:.3f} over draws, "
                f"{spread.loc['chains']:.3f} between chains",
            ]
        )

    def _repr_html_(self) -> str:
        loadings = self.table()["median"].unstack("skill")
        loadings.columns = [*self.names]
        return f"<pre>{self!r}</pre>{loadings.round(2).to_html()}"


def skills(
    fit: Fit,
    rotation: str = "geomin",
    *,
    target: pd.DataFrame | None = None,
    starts: int = 100,
    seed: int = 1,
) -> Skills:
    """Return the skills of a fit under a rotation.

    Each draw is rotated to its own optimum, starting from that of the mean: the uncertainty of
    loadings and correlations includes that of the rotation.

    Parameters
    ----------
    fit : Fit
    rotation : {"geomin", "varimax", "promax", "target"}
        See `bayes_sloth.rotation`. Standardised loadings are rotated, so that a benchmark with a
        wide spread does not decide alone.
    target : DataFrame, optional
        For ``"target"``: standardised loadings asked for, benchmarks by skills; NaN or absent
        where nothing is asked.
    starts, seed : int
        Random starts of the rotation.

    Returns
    -------
    Skills
    """
    fit.require_skills("reading the skills")
    posterior = fit.posterior.transpose("chain", "draw", ...)
    draws = stacked(posterior)
    benchmarks = [str(name) for name in posterior["benchmark"].to_numpy()]
    wanted = None if target is None else _wanted(target, benchmarks)
    standard = standard_loadings(posterior).to_numpy().reshape(draws["loadings"].shape)
    found = rotate(standard.mean(axis=0), rotation, target=wanted, starts=starts, seed=seed)
    turn = rotate_draws(standard, found, wanted)
    rng = np.random.default_rng(seed)
    turned = {
        "loadings": rotated(draws["loadings"], turn),
        "standard_loadings": rotated(standard, turn),
        "correlation": np.swapaxes(turn, 1, 2) @ turn,
        "efficiency": _efficiency(draws, fit.design, rng) @ turn,
        "growth": _projected(draws, draws["growth"]) @ turn,
        "tuning": _tuning(draws, fit.design, rng) @ turn,
    }
    return Skills(_labelled(turned, posterior, fit.design), found, alignment(posterior))


def _wanted(target: pd.DataFrame, benchmarks: list[str]) -> np.ndarray:
    """Return a target in the order of the fit's benchmarks, NaN where nothing is asked."""
    unknown = [name for name in map(str, target.index) if name not in benchmarks]
    if unknown:
        raise InputError(
            f"the target's benchmark '{unknown[0]}' is not in the fit"
            f"{nearest(unknown[0], benchmarks)}"
        )
    return target.reindex(benchmarks).to_numpy(float)


_DIMS = {
    "loadings": ("benchmark", "skill"),
    "standard_loadings": ("benchmark", "skill"),
    "correlation": ("skill", "skill_2"),
    "efficiency": ("lineage", "skill"),
    "growth": ("covariate", "skill"),
    "tuning": ("tuned_variant", "skill"),
}


def _labelled(arrays: dict[str, np.ndarray], posterior: xr.Dataset, design: Design) -> xr.Dataset:
    """Return arrays of draws as a dataset with the fit's coordinates."""
    import xarray as xr

    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    kept = ("chain", "draw", "benchmark", "skill", "lineage", "covariate")
    return xr.Dataset(
        {
            name: (("chain", "draw", *_DIMS[name]), array.reshape(*shape, *array.shape[1:]))
            for name, array in arrays.items()
        },
        coords={
            **{name: posterior[name] for name in kept},
            "skill_2": posterior["skill"].to_numpy(),
            "tuned_variant": _tuned(design),
        },
    )


def standard_loadings(posterior: xr.Dataset) -> xr.DataArray:
    """Return loadings in standard deviations of each benchmark between lineages.

    Parameters
    ----------
    posterior : Dataset
        With aligned ``loadings`` and, where there are deviations beside the skills,
        ``specific_sd``.

    Returns
    -------
    DataArray
        With dims chain, draw, benchmark, skill.
    """
    specific_sd = posterior.get("specific_sd", 0.0)
    loadings = posterior["loadings"].transpose("chain", "draw", "benchmark", "skill")
    return loadings / np.sqrt((loadings**2).sum("skill") + specific_sd**2)


def draw_back(
    z: np.ndarray, loadings: np.ndarray, specific_sd: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw skills from their normal posterior given vectors over benchmarks.

    Parameters
    ----------
    z : array of shape (draw, row, benchmark)
    loadings : array of shape (draw, benchmark, skill)
    specific_sd : array of shape (draw, benchmark)
    rng : Generator

    Returns
    -------
    array of shape (draw, row, skill)
    """
    weighted = loadings / specific_sd[:, :, None] ** 2
    precision = np.eye(loadings.shape[2]) + np.swapaxes(loadings, 1, 2) @ weighted
    mean = np.swapaxes(np.linalg.solve(precision, np.swapaxes(z @ weighted, 1, 2)), 1, 2)
    factor = np.linalg.inv(np.linalg.cholesky(precision))  # F'F = M
    return mean + rng.standard_normal(mean.shape) @ factor


def _projected(draws: dict[str, np.ndarray], z: np.ndarray) -> np.ndarray:
    """Return Bartlett's scores of vectors over benchmarks."""
    weighted = draws["loadings"] / draws["specific_sd"][:, :, None] ** 2
    gram = np.swapaxes(draws["loadings"], 1, 2) @ weighted
    scores: np.ndarray = np.swapaxes(np.linalg.solve(gram, np.swapaxes(z @ weighted, 1, 2)), 1, 2)
    return scores


def _efficiency(
    draws: dict[str, np.ndarray], design: Design, rng: np.random.Generator
) -> np.ndarray:
    """Return skills of lineages, less those of the population at the same size and tokens."""
    growth, centre = draws["growth"], design.centre
    mean = draws["intercept"][:, None] + centre[:, 1:] @ growth[:, 1:]
    if "lineage_slope" in draws:
        mean = mean + centre[:, :1] * draws["lineage_slope"]
    else:
        mean = mean + centre[:, :1] * growth[:, :1]
    away = draws["lineage_level"] - mean
    return draw_back(away, draws["loadings"], draws["specific_sd"], rng)


def _tuned(design: Design) -> np.ndarray:
    """Return the names of deviating variants that are tuned."""
    tuned = design.scores.models.groupby("variant")["instruct"].first()
    return np.array([str(name) for name in design.deviating if tuned[name]], dtype=str)


def _tuning(draws: dict[str, np.ndarray], design: Design, rng: np.random.Generator) -> np.ndarray:
    """Return what tuning does to skills: common to all tuned models, and the variant's own."""
    common = _projected(draws, draws["growth"])[:, [COVARIATES.index("tuned")]]
    names = _tuned(design)
    if not len(names):
        return np.empty((len(common), 0, common.shape[2]))
    own = draws["variant_deviation"][:, design.deviating.get_indexer(names)]
    ratio = draws["variant_ratio"][:, None, None]
    loadings = ratio * draws["loadings"]
    return common + ratio * draw_back(own, loadings, draws["variant_sd"], rng)


def _name(standard: xr.DataArray) -> str:
    tail = (1 - LEVEL) / 2
    low, middle, high = standard.quantile([tail, 0.5, 1 - tail], ("chain", "draw")).to_numpy()
    salient = (np.abs(middle) >= SALIENT) & (low * high > 0)
    order = np.argsort(-np.abs(middle))
    chosen = [i for i in order if salient[i]][:MOST_IN_A_NAME]
    parts = [("-" if middle[i] < 0 else "") + str(standard["benchmark"].values[i]) for i in chosen]
    return ", ".join(parts) or "unclear"
