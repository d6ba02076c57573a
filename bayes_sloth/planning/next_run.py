r"""What to run next: the measurement that tells most about a target, for its cost.

The worth of a measurement y is the part of the target's predictive variance that it is expected to
remove. By the law of total variance,

.. math:: \operatorname{Var}(t) - E[\operatorname{Var}(t \mid y)] = \operatorname{Var}(E[t \mid y]),

and :math:`E[t \mid y]` is a regression of the target on outcomes over joint posterior predictive
draws, with no conditioning for each imagined outcome (Strong, Oakley & Brennan 2014). The
regression is quadratic in the outcomes and, with few draws, corrected for its number of terms. A
measurement is a benchmark run on the model itself, or the scores of a smaller model of its family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.asked import chosen_benchmarks
from bayes_sloth.errors import InputError
from bayes_sloth.forecasting import forecast
from bayes_sloth.planning.surface import positive
from bayes_sloth.results import Result

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit

TARGET = "the model"


@dataclass(frozen=True)
class Training:
    """A smaller model that could be trained and evaluated.

    Attributes
    ----------
    params_b, tokens_t : float
    cost : float
        Of training and evaluating it, in the unit of the benchmarks' costs.
    benchmarks : tuple of str
        What to evaluate it on; all benchmarks of the fit if empty.
    instruct : bool
    """

    params_b: float
    tokens_t: float
    cost: float
    benchmarks: tuple[str, ...] = ()
    instruct: bool = False

    @property
    def name(self) -> str:
        """What to call it."""
        return f"train {self.params_b:g}B on {self.tokens_t:g}T"


@dataclass(frozen=True, eq=False, repr=False)
class NextRun(Result):
    """Measurements in the order of what they tell for their cost.

    Attributes
    ----------
    targets : tuple of str
        Benchmarks whose predictive variances are added up.
    ranking : DataFrame
        Indexed by ``run``: cost, expected share of the predictive variance removed
        (``reduction``), predictive sd of the first target afterwards in points, and reduction per
        unit of cost.
    sd : float
        Predictive sd now (root mean square over targets), in points.
    warnings : tuple of str
    """

    targets: tuple[str, ...]
    ranking: pd.DataFrame
    sd: float
    warnings: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the answer in a sentence."""
        first = self.ranking.iloc[0]
        return (
            f"Run next: {self.ranking.index[0]}. It is expected to take the sd of "
            f"{', '.join(self.targets)} from {self.sd:.1f} to {first['sd_after']:.1f} points, at a "
            f"cost of {first['cost']:g}."
        )

    def table(self) -> pd.DataFrame:
        """Return the ranking."""
        return self.ranking

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "targets": list(self.targets),
            "sd": self.sd,
            "ranking": self.ranking.reset_index().to_dict("records"),
            "sentence": self.sentence(),
            "warnings": list(self.warnings),
        }

    def _title(self) -> str:
        return self.sentence()


def plan_next(
    fit: Fit,
    targets: str | Sequence[str],
    *,
    family: str,
    params_b: float | None = None,
    tokens_t: float | None = None,
    instruct: bool = False,
    observed: Mapping[str, float] | None = None,
    costs: Mapping[str, float] | None = None,
    trainings: Sequence[Training] = (),
    seed: int = 1,
) -> NextRun:
    """Rank measurements by how much they are expected to tell about a target.

    Parameters
    ----------
    fit : Fit
    targets : str or sequence of str
        Benchmarks of the model that the plan is about.
    family, params_b, tokens_t, instruct, observed
        The model, as for `bayes_sloth.forecast`; scores known already count.
    costs : mapping of str to float, optional
        Cost of running a benchmark on the model, for those that may be run; every other
        benchmark at a cost of 1 by default.
    trainings : sequence of Training
        Smaller models that may be trained instead.
    seed : int

    Returns
    -------
    NextRun
    """
    wanted = (targets,) if isinstance(targets, str) else tuple(targets)
    observed = dict(observed or {})
    known = [str(name) for name in fit.scores.benchmarks.index]
    chosen_benchmarks(fit, (*wanted, *(costs or {})))
    open_ = [name for name in known if name not in wanted and name not in observed]
    costs = dict.fromkeys(open_, 1.0) if costs is None else dict(costs)
    for name, cost in costs.items():
        positive(cost, f"cost of {name}")
    models = _models(family, params_b, tokens_t, instruct, trainings)
    table = pd.DataFrame([observed], index=[TARGET]) if observed else None
    draws = forecast(fit, models, observed=table, seed=seed)
    scores = 100 * draws.draws.to_numpy()
    target = scores[:, 0, [known.index(name) for name in wanted]]
    rows = [
        (name, float(cost), reduction(target, scores[:, 0, [known.index(name)]]))
        for name, cost in costs.items()
        if name in open_
    ]
    for position, training in enumerate(trainings, start=1):
        positive(training.cost, f"cost of {training.name}")
        columns = [known.index(name) for name in training.benchmarks or known]
        share = reduction(target, scores[:, position, columns])
        rows.append((training.name, float(training.cost), share))
    if not rows:
        raise InputError("there is nothing left to run: name benchmarks, or a model to train")
    sd = float(np.sqrt(target.var(axis=0).mean()))
    ranking = pd.DataFrame(rows, columns=["run", "cost", "reduction"]).set_index("run")
    ranking["sd_after"] = sd * np.sqrt(1 - ranking["reduction"])
    ranking["reduction_per_cost"] = ranking["reduction"] / ranking["cost"]
    ranking = ranking.sort_values("reduction_per_cost", ascending=False)
    return NextRun(wanted, ranking, sd, draws.warnings)


def reduction(target: np.ndarray, outcomes: np.ndarray) -> float:
    """Return the expected share of variance that outcomes remove.

    Parameters
    ----------
    target : array of shape (sample, target)
    outcomes : array of shape (sample, outcome)

    Returns
    -------
    float
        Adjusted R-squared, at least 0, of a quadratic regression (linear in more than six
        outcomes), by the targets' variances together.
    """
    spread = outcomes.std(axis=0)
    x = (outcomes - outcomes.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    columns = [x]
    if x.shape[1] <= 6:
        pairs = combinations_with_replacement(range(x.shape[1]), 2)
        columns += [x[:, [i]] * x[:, [j]] for i, j in pairs]
    basis = np.concatenate(columns, axis=1)
    basis = basis - basis.mean(axis=0)
    centred = target - target.mean(axis=0)
    coefficients, *_ = np.linalg.lstsq(basis, centred, rcond=None)
    left = ((centred - basis @ coefficients) ** 2).sum()
    samples, terms = basis.shape
    share = 1 - left / (samples - terms - 1) / ((centred**2).sum() / (samples - 1))
    return float(max(share, 0.0))


def _models(
    family: str,
    params_b: float | None,
    tokens_t: float | None,
    instruct: bool,
    trainings: Sequence[Training],
) -> pd.DataFrame:
    rows = [(TARGET, params_b, tokens_t, instruct)]
    rows += [(t.name, t.params_b, t.tokens_t, t.instruct) for t in trainings]
    table = pd.DataFrame(rows, columns=["model", "params_b", "tokens_t", "instruct"])
    table = table.astype({"params_b": float, "tokens_t": float})
    return table.set_index("model").assign(family=family)
