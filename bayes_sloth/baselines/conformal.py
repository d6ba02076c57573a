"""Intervals around any point forecast, from its errors on the other families."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bayes_sloth.metrics import PERCENTS


def conformal_intervals(cells: pd.DataFrame, *, clip: bool = True) -> pd.DataFrame:
    r"""Add leave-one-family-out conformal intervals to point forecasts.

    The half-width for a fold and a benchmark is the k-th smallest absolute error on that
    benchmark among the n cells of the other folds,

    .. math:: k = \min(\lceil p\, (n + 1) \rceil,\; n)

    which covers with probability p if the errors of all folds are exchangeable.

    Parameters
    ----------
    cells : DataFrame
        Columns ``fold``, ``benchmark``, ``actual`` and ``median``, as `Fold.cells` gives them.
    clip : bool
        Cut the intervals to [0, 1], where every score lies.

    Returns
    -------
    DataFrame
        The cells with ``lower50`` to ``upper90``.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world.
    """
    error = (cells["median"] - cells["actual"]).abs()
    fold, benchmark = cells["fold"], cells["benchmark"]
    with_bands = cells.copy()
    for percent in PERCENTS:
        half = pd.Series(np.nan, index=cells.index)
        for _, group in error.groupby([fold, benchmark]):
            here = group.index[0]
            others = error[(benchmark == benchmark[here]) & (fold != fold[here])]
            half[group.index] = _conformal_quantile(others.to_numpy(), percent)
        bounds = {"lower": cells["median"] - half, "upper": cells["median"] + half}
        for side, bound in bounds.items():
            with_bands[f"{side}{percent}"] = bound.clip(0, 1) if clip else bound
    return with_bands


def _conformal_quantile(errors: np.ndarray, percent: int) -> float:
    if not len(errors):
        return math.inf
    rank = min(math.ceil(percent * (len(errors) + 1) / 100), len(errors))
    return float(np.partition(errors, rank - 1)[rank - 1])
