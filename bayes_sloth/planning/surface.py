"""One planned model at many sizes and numbers of tokens: the same draws of all that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.asked import chosen_benchmarks, place, size_warnings
from bayes_sloth.errors import InputError
from bayes_sloth.predictor import Curve, curve_of, family_prior, stacked

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit

FLOPS = 6e21  # of training, for each billion parameters and trillion tokens: 6 N D
CHUNK = 5_000_000  # numbers in an array at a time


@dataclass(frozen=True)
class Surface:
    """A planned model's linear predictor at several sizes and tokens.

    Attributes
    ----------
    params_b, tokens_t : array of shape (point,)
    benchmarks : list of str
    eta : array of shape (sample, point, benchmark)
        The family's effects and the model's own skill are the same at all points of a sample, so
        that points differ by size and tokens alone.
    curve : Curve
    family_status : str
    """

    params_b: np.ndarray
    tokens_t: np.ndarray
    benchmarks: list[str]
    eta: np.ndarray
    curve: Curve
    family_status: str

    def expected(self) -> np.ndarray:
        """Return expected scores, of shape (sample, point, benchmark)."""
        return self.curve.expected(self.eta)

    def reaches(self, targets: np.ndarray) -> np.ndarray:
        """Return the probability that a score reaches its target, given each sample.

        Parameters
        ----------
        targets : array of shape (benchmark,)

        Returns
        -------
        array of shape (sample, point, benchmark)
            Item sampling, protocol and what is special to a model on a benchmark are integrated
            out; they are independent between benchmarks, so that joint probabilities are products.
        """
        from scipy.stats import t

        mu, sigma = self.curve.location_and_scale(self.eta)
        return np.asarray(t.sf((targets - mu) / sigma, self.curve.dof[:, None, None]))


def surface(
    fit: Fit,
    family: str,
    params_b: np.ndarray,
    tokens_t: np.ndarray,
    *,
    instruct: bool = False,
    benchmarks: Iterable[str] | None = None,
    seed: int = 1,
) -> Surface:
    """Return a planned model of a family at several sizes and tokens.

    Parameters
    ----------
    fit : Fit
    family : str
        As for `bayes_sloth.forecast`.
    params_b, tokens_t : array of shape (point,)
    instruct : bool
    benchmarks : iterable of str, optional
    seed : int

    Returns
    -------
    Surface
        Of fewer draws than the fit has, where there are many points.
    """
    placed = place(fit, planned(family, params_b, tokens_t, instruct))
    names = chosen_benchmarks(fit, benchmarks)
    columns = fit.scores.benchmarks.index.get_indexer(pd.Index(names))
    samples = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    kept = min(samples, max(CHUNK // (len(placed) * len(columns)), 200))
    chosen = np.linspace(0, samples - 1, kept).astype(int)
    curve = curve_of(stacked(fit.posterior), fit.design).at(columns).take(chosen)
    part = stacked(fit.posterior.isel(benchmark=columns))
    posterior = {name: values[chosen] for name, values in part.items()}
    rng = np.random.default_rng(seed)
    prior = family_prior(posterior, fit.design, placed, rng, one_model=True)
    return Surface(
        np.asarray(params_b, float),
        np.asarray(tokens_t, float),
        names,
        prior.predictor(prior.draw(rng)),
        curve,
        str(placed["family_status"].iloc[0]),
    )


def planned(
    family: str, params_b: np.ndarray, tokens_t: np.ndarray, instruct: bool
) -> pd.DataFrame:
    """Return points of a plan as models to place."""
    return pd.DataFrame(
        {"family": family, "params_b": params_b, "tokens_t": tokens_t, "instruct": instruct}
    ).rename_axis("model")


def plan_warnings(
    fit: Fit, family: str, params_b: float, tokens_t: float, instruct: bool
) -> list[str]:
    """Return what to know before trusting a plan that ends at this size and tokens."""
    point = planned(family, np.array([params_b]), np.array([tokens_t]), instruct)
    return list(size_warnings(fit, place(fit, point)))


def data_range(fit: Fit, name: str) -> tuple[float, float]:
    """Return the smallest and largest parameters or tokens among the fitted models."""
    known = fit.scores.models[name]
    return float(known.min()), float(known.max())


def positive(value: float | None, name: str) -> None:
    """Refuse what is not a positive finite number."""
    if value is not None and not (np.isfinite(value) and value > 0):
        raise InputError(f"{name}={value} is not a positive number")
