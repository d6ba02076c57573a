r"""What a fit says of units left out: Pareto-smoothed importance sampling, and exact refits.

With :math:`p(y_i \mid \phi_s)` the density of unit *i* given draw *s*, its own effects integrated
out (`bayes_sloth.comparing.integrals`), the draws weighted by :math:`1 / p(y_i \mid \phi_s)` are
draws of the posterior without *i* (Gelfand, Dey & Chang 1992), and

.. math:: \text{elpd}_i = \log \frac{\sum_s w_s\, p(y_i \mid \phi_s)}{\sum_s w_s}

with Pareto-smoothed weights (Vehtari, Gelman & Gabry 2017; ArviZ's ``loo``). Where their tail is
too heavy (Pareto k above its limit) the unit is hidden and the model sampled again: with draws
of the posterior without it, :math:`\text{elpd}_i = \log \tfrac1S \sum_s p(y_i \mid \phi_s)`.
Where units are hidden a fold at a time that is K-fold cross-validation, unit by unit.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_sloth.checking.densities import log_likelihood, log_prior
from bayes_sloth.checking.sensitivity import thinned
from bayes_sloth.comparing.grid import fit_key, kept_fit, refit_without
from bayes_sloth.comparing.integrals import log_marginal
from bayes_sloth.comparing.units import Unit, units_of
from bayes_sloth.conditioning import Cells
from bayes_sloth.predictor import curve_of, family_prior, stacked
from bayes_sloth.storage import slug, write_json, write_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayes_sloth.design import Design
    from bayes_sloth.fitting import Fit
    from bayes_sloth.sampling import Sampling
    from bayes_sloth.scores import Scores
    from bayes_sloth.specification import Specification

# Draws by which units with effects of their own are judged: each takes a hundred integrals' draws.
DRAWS = 400


def evaluate(
    scores: Scores,
    specification: Specification,
    sampling: Sampling,
    unit: str,
    folder: Path | None = None,
) -> tuple[Fit, xr.Dataset]:
    """Fit a specification, and return the density of each unit at each draw; both are kept.

    Parameters
    ----------
    scores : Scores
        Models with size and tokens.
    specification : Specification
    sampling : Sampling
    unit : {"score", "model", "family"}
    folder : Path, optional

    Returns
    -------
    fit : Fit
    densities : Dataset
        As `unit_densities` returns.
    """
    fit = kept_fit(scores, specification, sampling, folder)
    if folder is None:
        return fit, unit_densities(fit, unit)
    path = folder / f"{fit_key(scores, specification, sampling)}-{unit}.nc"
    if not path.is_file():
        write_tree(xr.DataTree(unit_densities(fit, unit)), path)
    with xr.open_dataset(path, engine="h5netcdf") as lazy:
        return fit, lazy.load()


def unit_densities(fit: Fit, unit: str, *, seed: int = 1) -> xr.Dataset:
    """Return the log density of each unit given each draw, its own effects integrated out.

    Parameters
    ----------
    fit : Fit
    unit : {"score", "model", "family"}
    seed : int
        Of the integrals.

    Returns
    -------
    Dataset
        ``log_likelihood`` (chain, draw, unit), ``integration_error`` (unit; root mean square over
        draws of the standard error of the log density), ``log_prior`` (prior, chain, draw),
        ``scores`` (unit; how many) and the coordinate ``family`` (unit).
    """
    units = units_of(fit.design, unit)
    if unit == "score":
        posterior = fit.posterior
        log = log_likelihood(posterior, fit.design).to_numpy()
        error = np.zeros(len(units))
    else:
        posterior = thinned(fit.posterior, DRAWS)
        draws, rng = stacked(posterior), np.random.default_rng(seed)
        done = [unit_density(draws, fit.design, u, rng) for u in units]
        shape = (posterior.sizes["chain"], posterior.sizes["draw"], len(units))
        log = np.stack([density for density, _ in done], axis=1).reshape(shape)
        error = np.array([np.sqrt((each**2).mean()) for _, each in done])
    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "log_likelihood": ((*dims, "unit"), log),
            "integration_error": ("unit", error),
            "scores": ("unit", [len(u.cells) for u in units]),
            "log_prior": _log_prior(fit, posterior),
        },
        coords={
            **{name: posterior[name] for name in dims},
            "unit": [u.name for u in units],
            "family": ("unit", [str(u.models["lineage"].iloc[0]) for u in units]),
        },
    )


def unit_density(
    draws: dict[str, np.ndarray], design: Design, unit: Unit, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of a model or family given each draw, and its Monte Carlo error."""
    family = family_prior(draws, design, unit.models, rng)
    return log_marginal(family, unit_cells(draws, design, unit), rng)


def unit_cells(draws: dict[str, np.ndarray], design: Design, unit: Unit) -> Cells:
    """Return the known scores of a unit with their curves, models numbered within the unit."""
    values = design.scores.values.to_numpy(float)
    model, benchmark = np.divmod(unit.cells, values.shape[1])
    names = design.scores.models.index[model]
    own = unit.models.index.get_indexer(names)
    return Cells(own, benchmark, values.ravel()[unit.cells], curve_of(draws, design).at(benchmark))


def pareto_smoothed(densities: xr.Dataset) -> xr.Dataset:
    """Return leave-one-out densities by PSIS.

    Parameters
    ----------
    densities : Dataset
        As `unit_densities` returns.

    Returns
    -------
    Dataset
        By ``unit``: ``elpd``, ``pareto_k``, ``lppd`` (log of the mean density), and the limit of
        k as attribute ``good_k``.
    """
    log = densities["log_likelihood"]
    found = _loo(log)
    draws = log.sizes["chain"] * log.sizes["draw"]
    lppd = np.logaddexp.reduce(log.to_numpy().reshape(draws, -1), axis=0) - np.log(draws)
    return xr.Dataset(
        {
            "elpd": ("unit", found.elpd_i.to_numpy()),
            "pareto_k": ("unit", found.pareto_k.to_numpy()),
            "lppd": ("unit", lppd),
            "integration_error": densities["integration_error"],
            "scores": densities["scores"],
        },
        coords={"unit": densities["unit"], "family": densities["family"]},
        attrs={"good_k": found.good_k},
    )


def refit(
    scores: Scores,
    specification: Specification,
    unit: str,
    names: Sequence[str],
    sampling: Sampling,
    folder: Path | None = None,
) -> list[dict[str, Any]]:
    """Hide units, sample again and return their log predictive densities; kept once it is done.

    Parameters
    ----------
    scores : Scores
    specification : Specification
    unit : {"score", "model", "family"}
    names : sequence of str
        Of the units, which are hidden together.
    sampling : Sampling
        Of the refit.
    folder : Path, optional

    Returns
    -------
    list of dict
        By unit: ``unit``, ``elpd``, its Monte Carlo ``error``, ``rhat`` and ``ess`` of the log
        density (whether chains agree on what is asked of them) and ``divergences``.
    """
    kept = None
    if folder is not None:
        where = folder / f"{fit_key(scores, specification, sampling)}-{unit}"
        kept = where / f"{_name_of(names)}.json"
    if kept is not None and kept.is_file():
        known: list[dict[str, Any]] = json.loads(kept.read_text())["units"]
        return known
    tree, design, left_out = refit_without(scores, specification, unit, names, sampling)
    draws, rng = stacked(tree["posterior"].to_dataset()), np.random.default_rng(sampling.seed)
    divergences, found = int(tree["sample_stats"]["diverging"].sum()), []
    for each in left_out:
        if unit == "score":
            log = _score_density(draws, design, each)
        else:
            log, _ = unit_density(draws, design, each, rng)
        density = _mean_density(log.reshape(sampling.chains, -1))
        found.append({"unit": each.name, **density, "divergences": divergences})
    if kept is not None:
        write_json(kept, {"units": found})
    return found


def _name_of(names: Sequence[str]) -> str:
    """Return the name of a file for units that are hidden together."""
    if len(names) == 1:
        return slug(names[0])
    return "fold-" + hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _mean_density(log: np.ndarray) -> dict[str, float]:
    """Return the log of the mean density of draws of shape (chain, draw), and how far to trust."""
    import arviz_stats as azs

    largest = log.max()
    density = np.exp(log - largest)
    data = xr.Dataset({"density": (("chain", "draw"), density)})
    ess = float(azs.ess(data, method="mean")["density"])
    return {
        "elpd": float(np.log(density.mean()) + largest),
        "error": float(density.std() / density.mean() / np.sqrt(max(ess, 1.0))),
        "rhat": float(azs.rhat(xr.Dataset({"log": (("chain", "draw"), log)}))["log"]),
        "ess": ess,
    }


def _score_density(draws: dict[str, np.ndarray], design: Design, unit: Unit) -> np.ndarray:
    """Return the log density of one score given its model's fitted effects."""
    from bayes_sloth.predictor import fitted_predictor

    model, benchmark = np.divmod(unit.cells, len(design.scores.benchmarks))
    eta = fitted_predictor(draws, design, model)[:, 0, benchmark]
    return unit_cells(draws, design, unit).log_likelihood(eta)[:, 0]


def _loo(log: xr.DataArray) -> Any:
    import arviz_stats as azs

    # What the effective number of draws is measured on is the log density itself.
    tree = xr.DataTree.from_dict(
        {"/log_likelihood": log.to_dataset(name="y"), "/posterior": log.to_dataset(name="y")}
    )
    with warnings.catch_warnings():  # a high k is a value here, reported by unit
        warnings.filterwarnings("ignore", "Estimated shape parameter", UserWarning)
        return azs.loo(tree, pointwise=True, var_name="y")


def _log_prior(fit: Fit, posterior: xr.Dataset) -> xr.DataArray:
    return log_prior(posterior, fit.design, fit.specification).to_dataarray(dim="prior")
