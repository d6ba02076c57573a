r"""How far a comparison rests on a prior, on a family or on a benchmark.

Nothing is fitted again. A **family** or a **benchmark** is left out of the judgement: its units
are taken out of the sums (the fits have seen it). Each **prior** that a user sets is raised to a
power :math:`\alpha` (Kallioinen et al. 2024), above 1 for a tighter and below 1 for a wider one:
the smoothed weights of leave-one-out are multiplied by :math:`p(\phi_s)^{\alpha - 1}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    from bayes_sloth.comparing.comparison import Comparison

ASPECTS = ("prior", "family", "benchmark")
POWERS = (0.8, 1.25)


def sensitivity(comparison: Comparison, to: str) -> pd.DataFrame:
    """Return the comparison again without each family or benchmark, or with other priors.

    Parameters
    ----------
    comparison : Comparison
    to : {"prior", "family", "benchmark"}
        Benchmarks only where scores are left out: the scores of a model or family are judged
        together.

    Returns
    -------
    DataFrame
        Indexed by ``changed`` (``nothing`` first) and ``specification``: ``elpd_diff`` to the best
        specification of the whole comparison (it may rise above 0) and its standard error
        ``dse``; for priors ``pareto_k`` of the weights that change the prior.
    """
    if to not in ASPECTS:
        raise InputError(f"sensitivity to '{to}' is not one of {', '.join(ASPECTS)}")
    pointwise, best = comparison.pointwise, str(comparison.table().index[0])
    parts = {"nothing": _differences(pointwise["elpd"], best)}
    if to == "prior":
        for name in _priors(comparison):
            for power in POWERS:
                elpd, tail = _power_scaled(comparison, name, power)
                change = f"{name} prior to the power {power:g}"
                parts[change] = _differences(elpd, best).assign(pareto_k=tail)
    else:
        owner = _owners(comparison, to)
        for name in pd.unique(owner):
            kept = pointwise["elpd"].isel(unit=np.flatnonzero(owner != name))
            parts[f"without {name}"] = _differences(kept, best)
    return pd.concat(parts, names=["changed", "specification"])


def _differences(elpd: xr.DataArray, best: str) -> pd.DataFrame:
    """Return elpd less that of the named specification, with standard errors."""
    away = elpd - elpd.sel(specification=best, drop=True)
    error = np.sqrt(away.sizes["unit"]) * away.std("unit")
    return pd.DataFrame({"elpd_diff": away.sum("unit").to_series(), "dse": error.to_series()})


def _owners(comparison: Comparison, to: str) -> np.ndarray:
    """Return the family or the benchmark of each unit."""
    units = comparison.pointwise["unit"].to_numpy().astype(str)
    if to == "benchmark":
        if comparison.unit != "score":
            raise InputError(
                f"the scores of a {comparison.unit} are judged together; sensitivity to a "
                "benchmark needs unit score"
            )
        return np.array([name.rpartition(", ")[2] for name in units])
    return comparison.pointwise["family"].to_numpy().astype(str)


def _priors(comparison: Comparison) -> list[str]:
    """Return the priors that any of the specifications has."""
    own = [densities["prior"].to_numpy().astype(str) for densities in comparison.densities.values()]
    return list(dict.fromkeys(np.concatenate(own)))


def _power_scaled(
    comparison: Comparison, prior: str, power: float
) -> tuple[xr.DataArray, pd.Series]:
    """Return elpd by unit with a prior to a power, and Pareto k of the weights that lead there.

    A unit that was refitted moves by as much as importance sampling says.
    """
    from arviz_stats.base import array_stats

    elpd, tails = comparison.pointwise["elpd"].copy(deep=True), {}
    for name, densities in comparison.densities.items():
        if prior not in densities["prior"]:
            continue
        log, weights = comparison.smoothed_weights[name]
        ratio = densities["log_prior"].sel(prior=prior).transpose("chain", "draw")
        scaled = weights + (power - 1) * ratio.to_numpy().ravel()
        change = _weighted_mean(log, scaled) - _weighted_mean(log, weights)
        elpd.loc[{"specification": name}] = elpd.sel(specification=name) + change
        tails[name] = float(array_stats.psislw((1 - power) * ratio.to_numpy().ravel())[1])
    return elpd, pd.Series(tails, name="pareto_k", dtype=float)


def _weighted_mean(log: np.ndarray, log_weights: np.ndarray) -> np.ndarray:
    """Return the log of the weighted mean density of each unit, of shape (unit,)."""
    largest = log.max(axis=-1, keepdims=True)
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    mean: np.ndarray = (weights * np.exp(log - largest)).sum(axis=-1) / weights.sum(axis=-1)
    return np.log(mean) + largest[:, 0]
