"""Draws as plain arrays, and what is reported of them by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

# The ends of equal-tailed intervals.
QUANTILES = {"lower90": 0.05, "lower50": 0.25, "median": 0.5, "upper50": 0.75, "upper90": 0.95}
MEDIAN_AND_90 = {"median": 0.5, "lower90": 0.05, "upper90": 0.95}


def quantiles(draws: np.ndarray, levels: Mapping[str, float] = QUANTILES) -> dict[str, np.ndarray]:
    """Return quantiles over the first axis, by name."""
    return dict(zip(levels, np.quantile(draws, list(levels.values()), axis=0), strict=True))


def summary_of(draws: np.ndarray, levels: Mapping[str, float] = QUANTILES) -> dict[str, float]:
    """Return mean, sd and quantiles of draws of shape (sample,), by name."""
    named = {name: float(value) for name, value in quantiles(draws, levels).items()}
    return {"mean": float(draws.mean()), "sd": float(draws.std()), **named}


def in_one_axis(posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Return a posterior's arrays with chains and draws in one leading axis."""
    return {
        str(name): array.to_numpy().reshape(-1, *array.shape[2:])
        for name, array in posterior.transpose("chain", "draw", ...).data_vars.items()
    }
