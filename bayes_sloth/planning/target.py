r"""The smallest model, the fewest tokens or the cheapest training that reaches targets.

For a planned model of size N, tokens D and family f, the probability of reaching all targets is

.. math:: P(N, D) = E\Bigl[\prod_b P(y_b \ge \text{target}_b \mid \eta_b(N, D))\Bigr] ,

over posterior draws, the family's and the model's own effects; the scores' own noise is integrated
out in closed form. One planned model is moved over sizes and tokens, with the same draws at each
point, so that P is smooth. Search stays within the sizes and tokens of the fitted models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.planning.surface import FLOPS, data_range, plan_warnings, positive, surface
from bayes_sloth.results import Result

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

LINE, GRID = 81, 33  # points along one axis alone, and along each of two


@dataclass(frozen=True, eq=False, repr=False)
class TargetPlan(Result):
    """Where targets are reached with the probability asked for.

    Attributes
    ----------
    family, family_status, instruct
        Of the planned model.
    targets : dict of str to float
        Score to reach, by benchmark.
    probability : float
        That all of them are reached.
    reached : bool
        Whether that is possible within the data's range of sizes and tokens.
    params_b, tokens_t : float
        The answer; where it cannot be reached, the point of highest probability.
    achieved : float
        Probability at that point.
    by_benchmark : DataFrame
        Indexed by benchmark: target, probability of reaching it alone, median expected score.
    surface : DataArray
        Probability with dims ``params_b`` and ``tokens_t`` (one of them of length one, if given).
    warnings : tuple of str
    """

    family: str
    family_status: str
    instruct: bool
    targets: dict[str, float]
    probability: float
    reached: bool
    params_b: float
    tokens_t: float
    achieved: float
    by_benchmark: pd.DataFrame
    surface: xr.DataArray
    warnings: tuple[str, ...] = ()

    @property
    def flops(self) -> float:
        """Training compute of the answer: 6 N D."""
        return FLOPS * self.params_b * self.tokens_t

    def sentence(self) -> str:
        """Return the answer in a sentence."""
        wanted = " and ".join(f"{name} >= {value:g}" for name, value in self.targets.items())
        where = (
            f"{self.params_b:.3g}B parameters and {self.tokens_t:.3g}T tokens "
            f"({self.flops:.2g} FLOPs)"
        )
        if self.reached:
            return f"P({wanted}) reaches {self.probability:.0%} at {where}."
        return (
            f"P({wanted}) >= {self.probability:.0%} cannot be reached within the data's range: the "
            f"most is {self.achieved:.1%}, at {where}."
        )

    def table(self) -> pd.DataFrame:
        """Return the targets at the answer, a row for each benchmark."""
        return self.by_benchmark

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the surface as plain values; no answer is null."""
        answer = {"params_b": self.params_b, "tokens_t": self.tokens_t, "flops": self.flops}
        return {
            "family": self.family,
            "family_status": self.family_status,
            "instruct": self.instruct,
            "targets": self.targets,
            "probability": self.probability,
            "reached": self.reached,
            **(answer if self.reached else dict.fromkeys(answer)),
            "best_within_range": {**answer, "probability": self.achieved},
            "by_benchmark": self.by_benchmark.reset_index().to_dict("records"),
            "sentence": self.sentence(),
            "warnings": list(self.warnings),
        }

    def _title(self) -> str:
        return self.sentence()


def plan_target(
    fit: Fit,
    targets: Mapping[str, float],
    probability: float = 0.9,
    *,
    family: str,
    params_b: float | None = None,
    tokens_t: float | None = None,
    instruct: bool = False,
    seed: int = 1,
) -> TargetPlan:
    """Find the smallest size, the fewest tokens or the cheapest training that reaches targets.

    Parameters
    ----------
    fit : Fit
    targets : mapping of str to float
        Score to reach by benchmark, in (0, 1); all of them jointly.
    probability : float
        With which to reach them.
    family : str
        As for `bayes_sloth.forecast`.
    params_b, tokens_t : float, optional
        What is given: tokens ask for the smallest size (billions), a size for the fewest tokens
        (trillions), neither for the fewest FLOPs, ``6 * N * D``.
    instruct : bool
    seed : int

    Returns
    -------
    TargetPlan
    """
    import xarray as xr

    _check(targets, probability, params_b, tokens_t)
    n_size, n_tokens = _points(params_b, tokens_t)
    size = _axis(fit, "params_b", params_b, n_size)
    tokens = _axis(fit, "tokens_t", tokens_t, n_tokens)
    first, second = (grid.ravel() for grid in np.meshgrid(size, tokens, indexing="ij"))
    about: dict[str, Any] = {"instruct": instruct, "benchmarks": list(targets), "seed": seed}
    wanted = np.array([targets[name] for name in targets], float)
    over = surface(fit, family, first, second, **about)
    joint = over.reaches(wanted).prod(axis=-1).mean(axis=0).reshape(len(size), len(tokens))
    point, reached = _cheapest(np.log(size), np.log(tokens), joint, probability)
    at = surface(fit, family, *(np.array([value]) for value in point), **about)
    reaches = at.reaches(wanted)
    table = pd.DataFrame(
        {
            "target": wanted,
            "probability": reaches.mean(axis=(0, 1)),
            "median expected": np.median(at.expected(), axis=(0, 1)),
        },
        index=pd.Index(over.benchmarks, name="benchmark"),
    )
    coords = {"params_b": size, "tokens_t": tokens}
    warnings = plan_warnings(fit, family, *point, instruct)
    return TargetPlan(
        family=family,
        family_status=over.family_status,
        instruct=instruct,
        targets={name: float(value) for name, value in targets.items()},
        probability=probability,
        reached=reached,
        params_b=point[0],
        tokens_t=point[1],
        achieved=float(reaches.prod(axis=-1).mean()),
        by_benchmark=table,
        surface=xr.DataArray(joint, dims=("params_b", "tokens_t"), coords=coords),
        warnings=tuple(warnings),
    )


def _cheapest(
    log_size: np.ndarray, log_tokens: np.ndarray, joint: np.ndarray, probability: float
) -> tuple[tuple[float, float], bool]:
    """Return the cheapest point that reaches the probability, or else the most probable one.

    Along each line of equal tokens (or, with one size, along tokens) the first crossing is found
    by linear interpolation in logs; among lines the least product of size and tokens wins.
    """
    if len(log_size) == 1:
        (tokens, size), reached = _cheapest(log_tokens, log_size, joint.T, probability)
        return (size, tokens), reached
    found = []
    for j, tokens in enumerate(log_tokens):
        above = np.flatnonzero(joint[:, j] >= probability)
        if len(above):
            found.append((_crossing(log_size, joint[:, j], int(above[0]), probability), tokens))
    if found:
        size, tokens = min(found, key=sum)
        return (float(np.exp(size)), float(np.exp(tokens))), True
    best = np.unravel_index(joint.argmax(), joint.shape)
    return (float(np.exp(log_size[best[0]])), float(np.exp(log_tokens[best[1]]))), False


def _crossing(x: np.ndarray, y: np.ndarray, first: int, level: float) -> float:
    if first == 0:
        return float(x[0])
    share = (level - y[first - 1]) / (y[first] - y[first - 1])
    return float(x[first - 1] + share * (x[first] - x[first - 1]))


def _points(params_b: float | None, tokens_t: float | None) -> tuple[int, int]:
    if params_b is None and tokens_t is None:
        return GRID, GRID
    return (LINE, 1) if params_b is None else (1, LINE)


def _axis(fit: Fit, name: str, given: float | None, points: int) -> np.ndarray:
    return np.array([given], float) if given else np.geomspace(*data_range(fit, name), points)


def _check(
    targets: Mapping[str, float],
    probability: float,
    params_b: float | None,
    tokens_t: float | None,
) -> None:
    if not targets:
        raise InputError("a plan needs a target, as mmlu=0.8")
    for name, value in targets.items():
        if not 0 < value < 1:
            raise InputError(f"target {name}={value:g}: scores are fractions of 1, such as 0.8")
    if not 0 < probability < 1:
        raise InputError(f"probability={probability:g} must lie between 0 and 1, such as 0.9")
    if params_b is not None and tokens_t is not None:
        raise InputError("give size or tokens or neither: with both, nothing is left to plan")
    positive(params_b, "params_b")
    positive(tokens_t, "tokens_t")
