"""Is a score too good for its model: a residual that a second benchmark must confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.design import chance_corrected_logits
from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.conditioning import fraction_of_points, log_student
from bayes_sloth.performance_law.data import CHANCE
from bayes_sloth.performance_law.forecasting import abilities, ask, expected, measured, warnings_of
from bayes_sloth.performance_law.uses.result import Answer, interval
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

FEWEST = 20  # models that two benchmarks share
STRONG = 10.0  # likelihood ratio


def check_contamination(
    fit: LawFit,
    mmlu: float,
    *,
    second: tuple[str, float] | None = None,
    source: str = "reported",
    seed: int = 1,
    **architecture: Any,
) -> Answer:
    """Ask whether MMLU is too high for an architecture, and whether a second benchmark agrees.

    Two accounts are compared. **Earned**: the model is as able as MMLU says, and the second
    benchmark should be as that of other models with such an MMLU. **Inflated**: it is as able as
    the law says, and the second benchmark should be as that of models with the MMLU that the law
    expects. The relation of the two benchmarks comes from the bundled leaderboard.

    Parameters
    ----------
    fit : LawFit
    mmlu : float
        Percentage points.
    second : tuple of str and float, optional
        A benchmark of the leaderboard and the model's score on it in points: ``("mmlu_pro", 45)``.
    source : {"reported", "harness"}
        How MMLU was measured.
    seed : int
    **architecture
        As for `forecast`. Developer and lineage are set aside: what is common to them may be what
        is asked about.

    Returns
    -------
    Answer
        ``tail_probability`` of an MMLU as high; with a second benchmark, ``likelihood_ratio`` of
        inflated over earned.
    """
    observed = fraction_of_points(mmlu)
    about = {k: v for k, v in architecture.items() if k not in ("developer", "lineage")}
    asked = ask(fit, pd.DataFrame([about]))
    rng = np.random.default_rng(seed)
    mu = expected(fit, abilities(fit, asked, rng))
    points = 100 * measured(fit, mu, source, rng)[:, 0]
    tail = float((points >= mmlu).mean())
    residual = interval(mmlu - points)
    rows = {"mmlu, by the law": interval(points) | {"actual": mmlu}}
    numbers = {"mmlu": mmlu, "tail_probability": tail, "residual": residual}
    if second is None:
        verdict = "Without a second benchmark nothing follows: give one with --second."
    else:
        accounts, ratio = _second(second, observed, mu[:, 0], rng)
        rows |= accounts
        numbers |= {"second": second[0], "likelihood_ratio": ratio}
        verdict = _verdict(second[0], ratio)
    sentence = (
        f"MMLU is {residual['median']:+.1f} points from what the law expects "
        f"({residual['lower90']:+.1f} to {residual['upper90']:+.1f}, 90 %); one as high has "
        f"probability {tail:.3f}. {verdict}"
    )
    return Answer(
        "MMLU against its architecture, in points",
        sentence,
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("forecast"),
        numbers,
        (*warnings_of(fit, asked), _CAVEAT),
    )


_CAVEAT = (
    "one cannot tell from scores alone: better data, a better recipe, tuning to the benchmark's "
    "format and test items in training all leave the same residual; a second benchmark may be "
    "contaminated too, or measure something else; the law's own models may be contaminated. Look "
    "at the training data, or at questions written after it"
)


def _verdict(name: str, ratio: float) -> str:
    if ratio > STRONG:
        return (
            f"{name} agrees with the law rather than with MMLU ({ratio:.3g} times as likely): the "
            "residual is confirmed as special to MMLU."
        )
    if ratio < 1 / STRONG:
        return (
            f"{name} agrees with MMLU rather than with the law ({1 / ratio:.3g} times as likely): "
            "the model is better than its architecture, or both benchmarks are affected."
        )
    return f"{name} does not decide (likelihood ratio {ratio:.2g}): the residual is not confirmed."


def _second(
    second: tuple[str, float], observed: float, law: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, dict[str, float]], float]:
    """Return forecasts of the second benchmark under both accounts, and their likelihood ratio."""
    name, points = second
    actual = fraction_of_points(points, name)
    x, y, chance = _shared(name)
    relation = _Relation(x, y)
    target = float(_logit(actual, chance))
    accounts, densities = {}, []
    for account, true in (("earned", np.full(len(law), observed)), ("inflated", law)):
        logits = _logit(true, CHANCE)
        densities.append(float(np.exp(relation.log_density(logits, target)).mean()))
        draws = relation.draw(logits, rng)
        scores = 100 * (chance + (1 - chance) / (1 + np.exp(-draws)))
        accounts[f"{name}, if MMLU is {account}"] = interval(scores) | {"actual": points}
    return accounts, densities[1] / densities[0]


def _logit(values: np.ndarray | float, chance: float) -> np.ndarray:
    return chance_corrected_logits(np.asarray(values, float), np.asarray(chance))


def _shared(name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return logits of MMLU and of a benchmark on untuned models of the leaderboard."""
    from bayes_sloth.scores import load_scores

    scores = load_scores()
    known = [str(benchmark) for benchmark in scores.values if benchmark != "mmlu"]
    if name not in known:
        hint = nearest(name, known) or f"; choose among {', '.join(known)}"
        raise InputError(f"'{name}' is no second benchmark of the leaderboard{hint}")
    both = scores.values[["mmlu", name]].dropna()
    untuned = both[~scores.models.loc[both.index, "instruct"]]
    both = untuned if len(untuned) >= FEWEST else both
    if len(both) < FEWEST:
        raise InputError(f"only {len(both)} models have both mmlu and {name}; choose another")
    chance = float(scores.benchmarks["chance"].astype(float)[name])
    return (
        _logit(both["mmlu"].to_numpy(), CHANCE),
        _logit(both[name].to_numpy(), chance),
        chance,
    )


class _Relation:
    """Linear regression with a flat prior; Student predictive (Gelman et al. 2013, 14.2)."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        design = np.column_stack([np.ones(len(x)), x])
        self.gram = np.linalg.inv(design.T @ design)
        self.coefficients = self.gram @ design.T @ y
        self.dof = len(y) - 2
        residual = y - design @ self.coefficients
        self.variance = float(residual @ residual) / self.dof

    def _at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ahead = np.column_stack([np.ones(len(x)), x])
        spread = self.variance * (1 + np.einsum("mi,ij,mj->m", ahead, self.gram, ahead))
        return ahead @ self.coefficients, np.sqrt(spread)

    def log_density(self, x: np.ndarray, y: float) -> np.ndarray:
        mean, scale = self._at(x)
        return log_student((y - mean) / scale, self.dof) - np.log(scale)

    def draw(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        mean, scale = self._at(x)
        return np.asarray(mean + scale * rng.standard_t(self.dof, size=len(x)))
