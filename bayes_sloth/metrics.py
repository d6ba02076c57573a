"""How good forecasts are: errors of the centre, honesty of the spread, and both at once.

The functions on arrays take whatever shape, with draws along the last axis, in any unit.
`score_cells` sums up a table of forecasts in [0, 1]; its errors and widths are in percentage
points, its coverages fractions of 1.

References
----------
Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102.
Ferro (2014), Fair scores for ensemble forecasts, Q. J. R. Meteorol. Soc. 140.
Czado, Gneiting and Held (2009), Predictive model assessment for count data, Biometrics 65.
Maia Polo et al. (2024), Sloth, arXiv:2412.06540, for the order of averages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

type Floats = NDArray[np.float64]

POINTS = 100.0
PERCENTS = (50, 80, 90)
WIDEST = max(PERCENTS)
BOUNDS = tuple(f"{side}{percent}" for percent in PERCENTS for side in ("lower", "upper"))
NUMBERS = ("actual", "median", *BOUNDS, "crps")


# --- arrays -----------------------------------------------------------------------------------


def crps(draws: ArrayLike, actual: ArrayLike) -> Floats:
    r"""Continuous ranked probability score of draws: the fair estimator.

    .. math:: \frac1n \sum_i |x_i - y| - \frac{1}{2n(n-1)} \sum_{i,j} |x_i - x_j|

    It is unbiased: its mean does not depend on how many independent draws there are. The second
    sum is taken over sorted draws, where it equals
    :math:`\frac{1}{n(n-1)} \sum_i (2i - n - 1)\, x_{(i)}`, in :math:`O(n \log n)`.

    Parameters
    ----------
    draws : array-like of shape (..., n)
        At least two draws from each forecast.
    actual : array-like of shape (...)
        What happened.

    Returns
    -------
    ndarray of shape (...)
        In the unit of `actual`; lower is better. For a single certain value, the absolute error.
    """
    x = np.sort(np.asarray(draws, dtype=float), axis=-1)
    y = np.asarray(actual, dtype=float)[..., None]
    n = x.shape[-1]
    if n < 2:
        raise ValueError("the CRPS of draws needs at least two of them")
    rank = 2 * np.arange(1, n + 1) - n - 1
    return np.asarray(np.abs(x - y).mean(axis=-1) - x @ rank / (n * (n - 1)))


def pit(draws: ArrayLike, actual: ArrayLike, seed: int = 0) -> Floats:
    """Probability integral transform: the share of draws below what happened.

    Where draws tie with it, a uniform share of the ties counts as below (Czado et al. 2009), so
    that honest forecasts give uniform values even at a bound such as a score of zero.

    Parameters
    ----------
    draws : array-like of shape (..., n)
        Draws from each forecast.
    actual : array-like of shape (...)
        What happened.
    seed : int
        Seed of the random share.

    Returns
    -------
    ndarray of shape (...)
        In [0, 1]; uniform if the forecasts are honest.
    """
    x = np.asarray(draws, dtype=float)
    y = np.asarray(actual, dtype=float)[..., None]
    below, ties = (x < y).mean(axis=-1), (x == y).mean(axis=-1)
    return np.asarray(below + np.random.default_rng(seed).uniform(size=below.shape) * ties)


def covered(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> NDArray[np.bool_]:
    """Whether the interval, bounds included, holds what happened."""
    return (np.asarray(lower) <= actual) & (actual <= np.asarray(upper))


def width(lower: ArrayLike, upper: ArrayLike) -> Floats:
    """Width of the interval."""
    return np.subtract(upper, lower, dtype=float)


def interval_score(
    actual: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float = 0.9
) -> Floats:
    r"""Interval score of a central interval: its width, and a fine for being outside.

    .. math:: (u - l) + \frac{2}{1 - p}\, \max(l - y,\; y - u,\; 0)

    Parameters
    ----------
    actual, lower, upper : array-like of shape (...)
        What happened, and the bounds of the interval.
    level : float
        Probability p that the interval claims.

    Returns
    -------
    ndarray of shape (...)
        In the unit of `actual`; lower is better (Gneiting and Raftery 2007).
    """
    y = np.asarray(actual, dtype=float)
    outside = np.maximum(np.maximum(np.asarray(lower) - y, y - np.asarray(upper)), 0.0)
    return np.asarray(width(lower, upper) + 2 / (1 - level) * outside)


# --- tables of cells --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class CellScores:
    """What a table of forecasts amounts to.

    Attributes
    ----------
    summary : dict of str to float
        ``mae`` as Sloth averages it, and over all cells alike: ``medae``, ``crps``,
        ``coverage50``, ``coverage80``, ``coverage90``, ``width90``, ``interval_score90``; only
        those that the columns of the cells allow.
    standard_errors : dict of str to float
        Of the same, from a bootstrap over families.
    by_benchmark, by_fold, by_tuning : DataFrame
        The same for each benchmark, each fold, and for base and tuned models.
    """

    summary: dict[str, float]
    standard_errors: dict[str, float]
    by_benchmark: pd.DataFrame
    by_fold: pd.DataFrame
    by_tuning: pd.DataFrame


def score_cells(cells: pd.DataFrame, *, replicates: int = 1000, seed: int = 0) -> CellScores:
    """Score forecasts against what happened.

    Parameters
    ----------
    cells : DataFrame
        One row per forecast, with columns ``fold``, ``benchmark``, ``actual`` and ``median``;
        where there are any, also ``lower50`` to ``upper90``, ``crps``, ``lineage`` and
        ``instruct``. Scores are in [0, 1].
    replicates, seed : int
        Size and seed of the bootstrap.

    Returns
    -------
    CellScores
    """
    cells = cells.reset_index(drop=True)
    tuning = cells["instruct"].map({True: "tuned", False: "base"}) if "instruct" in cells else None
    return CellScores(
        summary=summarise(cells),
        standard_errors=standard_errors(cells, replicates=replicates, seed=seed),
        by_benchmark=_by(cells, cells["benchmark"]),
        by_fold=_by(cells, cells["fold"]),
        by_tuning=pd.DataFrame() if tuning is None else _by(cells, tuning),
    )


def summarise(cells: pd.DataFrame) -> dict[str, float]:
    """Return the summary of `CellScores`."""
    once = np.ones((1, cells["fold"].nunique()))
    return {name: float(value[0]) for name, value in _summaries(cells, once).items()}


def standard_errors(
    cells: pd.DataFrame, *, replicates: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Return standard errors of the summary, from families drawn with replacement.

    A family is a lineage where the cells name one, and a fold otherwise. What one would have more
    of is families; the models of one are alike, so that cells drawn one by one would promise too
    much.

    Parameters
    ----------
    cells : DataFrame
        As for `score_cells`.
    replicates, seed : int
        Size and seed of the bootstrap.

    Returns
    -------
    dict of str to float
    """
    family = "lineage" if "lineage" in cells else "fold"
    codes, families = pd.factorize(cells.groupby("fold", sort=False)[family].first())
    chances = np.full(len(families), 1 / len(families))
    drawn = np.random.default_rng(seed).multinomial(len(families), chances, size=replicates)
    drawn_summaries = _summaries(cells, drawn[:, codes].astype(float))
    return {name: float(np.std(value, ddof=1)) for name, value in drawn_summaries.items()}


def cell_parts(cells: pd.DataFrame) -> pd.DataFrame:
    """Return, cell by cell, what is averaged beside the error: in points, coverages as 0 or 1."""
    column = {name: cells[name].to_numpy(float) for name in cells if name in NUMBERS}
    actual = column["actual"]
    parts = {"crps": POINTS * column["crps"]} if "crps" in column else {}
    for percent in PERCENTS:
        if f"lower{percent}" in column:
            lower, upper = column[f"lower{percent}"], column[f"upper{percent}"]
            parts[f"coverage{percent}"] = covered(actual, lower, upper).astype(float)
    if f"lower{WIDEST}" in column:
        parts[f"width{WIDEST}"] = POINTS * width(lower, upper)
        score = interval_score(actual, lower, upper, level=WIDEST / 100)
        parts[f"interval_score{WIDEST}"] = POINTS * score
    return pd.DataFrame(parts, index=cells.index)


def _summaries(cells: pd.DataFrame, weights: Floats) -> dict[str, Floats]:
    """Return a summary for each row of weights, which say how often each fold counts.

    `weights` has shape (replicate, fold), with folds in the order of their first cells.
    """
    error = POINTS * (cells["median"] - cells["actual"]).abs()
    parts = cell_parts(cells)
    counts = weights[:, pd.factorize(cells["fold"])[0]]  # (replicate, cell)
    means = counts @ parts.to_numpy() / counts.sum(axis=1, keepdims=True)
    return {
        "mae": _sloth_mae(error, cells, weights),
        "medae": _weighted_median(error.to_numpy(), counts),
        **dict(zip(map(str, parts), means.T, strict=True)),
    }


def _sloth_mae(error: pd.Series, cells: pd.DataFrame, weights: Floats) -> Floats:
    """Mean over the models of a fold, then over folds, then over benchmarks."""
    by_fold = error.groupby([cells["fold"], cells["benchmark"]], sort=False).mean().unstack()
    table = by_fold.loc[cells["fold"].unique()].to_numpy()  # (fold, benchmark)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):  # a benchmark may lack every fold that was drawn
        by_benchmark = weights @ np.where(known, table, 0.0) / (weights @ known)
    return np.asarray(np.nanmean(by_benchmark, axis=1))


def _weighted_median(values: Floats, counts: Floats) -> Floats:
    """Median of `values` for each row of `counts`, which say how often each value counts."""
    order = np.argsort(values)
    ordered, cumulated = values[order], np.cumsum(counts[:, order], axis=1)
    half = cumulated[:, -1:] / 2
    lower = ordered[np.argmax(cumulated >= half, axis=1)]
    upper = ordered[np.argmax(cumulated > half, axis=1)]
    return np.asarray((lower + upper) / 2)


def _by(cells: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """Return the summary of each group of cells, in the order of their first cells."""
    groups = cells.groupby(key, sort=False)
    return pd.DataFrame({name: summarise(group) for name, group in groups}).T
