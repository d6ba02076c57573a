r"""Divide a budget of compute into size and tokens, as a posterior of the best division.

With N parameters, D training tokens and I tokens of inference over the model's life,

.. math:: \text{budget} = 6 N D + 2 N I ,

so that each size leaves its own number of tokens. The objective is a weighted sum of expected
scores, or one latent skill. Each posterior draw has a best size of its own: their spread is how
well the data know the optimum. The **decision** is the size with the highest mean objective, and
its **regret** in a draw is what the draw's own best size would have gained. Only sizes for which
both size and tokens lie within the fitted data take part; an optimum at an end of them is an
**edge**: the data say which way to go, not where to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.draws import quantiles
from bayes_sloth.errors import InputError
from bayes_sloth.planning.surface import (
    FLOPS,
    Surface,
    data_range,
    plan_warnings,
    positive,
    surface,
)
from bayes_sloth.results import Result

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit

POINTS = 81
EDGE = 0.5  # share of draws whose best size is the same end, above which it counts as an edge
NEAR = 0.1  # share of draws at either end that is worth a warning
WEAK = 0.5  # spread of the effect of tokens, as a share of its mean, above which it is weak


@dataclass(frozen=True, eq=False, repr=False)
class ComputePlan(Result):
    """The division of a budget, with its risk.

    Attributes
    ----------
    family, family_status : str
    flops, inference_tokens_t : float
        The budget, and trillions of tokens the model will read and write after training.
    objective : dict of str to float
        Weights by benchmark, or by skill.
    unit : str
        Of the objective: ``"points"`` (expected score times 100) or ``"skill"``.
    curve : DataFrame
        A row for each size: params_b, tokens_t, mean and 90 % interval of the objective, mean and
        upper 95 % quantile of the regret.
    best : DataFrame
        Quantiles of the best size and its tokens over posterior draws.
    params_b, tokens_t : float
        The decision.
    regret : float
        Its mean loss against knowing the truth, in the unit of the objective.
    edge : str or None
        Which end of the data the optimum lies at.
    tokens_effect : dict
        Mean, sd and ratio of the effect of tenfold tokens on the objective at the decision, and
        how many variants in the data differ in tokens.
    warnings : tuple of str
    """

    family: str
    family_status: str
    flops: float
    inference_tokens_t: float
    objective: dict[str, float]
    unit: str
    curve: pd.DataFrame
    best: pd.DataFrame
    params_b: float
    tokens_t: float
    regret: float
    edge: str | None
    tokens_effect: dict[str, float]
    warnings: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the answer in a sentence."""
        low, high = self.best.loc["params_b", ["lower90", "upper90"]]
        return (
            f"{self.flops:.3g} FLOPs: {self.params_b:.3g}B parameters on {self.tokens_t:.3g}T "
            f"tokens (best size {low:.3g} to {high:.3g}B, 90 %); choosing so loses "
            f"{self.regret:.2g} {self.unit} on average."
        )

    def table(self) -> pd.DataFrame:
        """Return the posterior of the best size and tokens."""
        return self.best

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "family": self.family,
            "family_status": self.family_status,
            "flops": self.flops,
            "inference_tokens_t": self.inference_tokens_t,
            "objective": self.objective,
            "unit": self.unit,
            "params_b": self.params_b,
            "tokens_t": self.tokens_t,
            "regret": self.regret,
            "edge": self.edge,
            "best": self.best.to_dict("index"),
            "tokens_effect": self.tokens_effect,
            "curve": self.curve.to_dict("records"),
            "sentence": self.sentence(),
            "warnings": list(self.warnings),
        }

    def _title(self) -> str:
        return self.sentence()


def plan_compute(
    fit: Fit,
    flops: float,
    *,
    objective: Mapping[str, float] | None = None,
    skill: int | None = None,
    family: str = "a new family",
    instruct: bool = False,
    inference_tokens_t: float = 0.0,
    seed: int = 1,
) -> ComputePlan:
    """Divide a budget of training compute into size and tokens.

    Parameters
    ----------
    fit : Fit
    flops : float
        Budget: ``6 N D``, and ``2 N I`` for I tokens of inference.
    objective : mapping of str to float, optional
        Weights of expected scores by benchmark; all benchmarks alike by default.
    skill : int, optional
        A latent skill (1 is the first) to maximise instead.
    family : str
        As for `bayes_sloth.forecast`; a new one by default.
    instruct : bool
    inference_tokens_t : float
        Trillions of tokens of inference that the budget has to pay as well.
    seed : int

    Returns
    -------
    ComputePlan
    """
    weights = _weights(fit, objective, skill)
    positive(flops, "flops")
    if not inference_tokens_t >= 0:
        raise InputError(f"inference_tokens_t={inference_tokens_t} is negative")
    size, tokens = affordable(fit, flops, inference_tokens_t)
    about: dict[str, Any] = {"instruct": instruct, "seed": seed}
    over = surface(
        fit, family, size, tokens, benchmarks=weights if skill is None else None, **about
    )
    value = _value(fit, over, weights, skill)
    decision = int(value.mean(axis=0).argmax())
    own = value.argmax(axis=1)
    regret = value.max(axis=1)[:, None] - value
    point = (float(size[decision]), float(tokens[decision]))
    more = surface(fit, family, np.array([point[0]] * 2), point[1] * np.array([1.0, 10**0.1]),
                   benchmarks=weights if skill is None else None, **about)  # fmt: skip
    effect = 10 * np.diff(_value(fit, more, weights, skill), axis=1)[:, 0]
    tokens_effect = _tokens_effect(fit, effect)
    edge = _edge(fit, size, tokens, own, decision)
    at_end = float(np.isin(own, (0, len(size) - 1)).mean())
    warnings = _risks(edge, at_end, tokens_effect) + plan_warnings(fit, family, *point, instruct)
    return ComputePlan(
        family=family,
        family_status=over.family_status,
        flops=float(flops),
        inference_tokens_t=float(inference_tokens_t),
        objective={f"skill {skill}": 1.0} if skill else dict(weights),
        unit="skill" if skill else "points",
        curve=_curve(size, tokens, value, regret),
        best=pd.DataFrame(
            [quantiles(size[own]), quantiles(tokens[own])], index=["params_b", "tokens_t"]
        ),
        params_b=point[0],
        tokens_t=point[1],
        regret=float(regret[:, decision].mean()),
        edge=edge,
        tokens_effect=tokens_effect,
        warnings=tuple(warnings),
    )


def affordable(fit: Fit, flops: float, inference_tokens_t: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes within the data whose tokens, by the budget, lie within the data too."""
    budget = flops / FLOPS  # billions of parameters times trillions of tokens
    size = np.geomspace(*data_range(fit, "params_b"), 20 * POINTS)
    tokens = budget / size - inference_tokens_t / 3
    low, high = data_range(fit, "tokens_t")
    inside = size[(tokens >= low) & (tokens <= high)]
    if len(inside) < 2:
        small, large = data_range(fit, "params_b")
        raise InputError(
            f"a budget of {flops:.3g} FLOPs cannot be spent within the data's range "
            f"({small:g} to {large:g}B parameters, {low:g} to {high:g}T tokens); between "
            f"{FLOPS * small * low:.2g} and {FLOPS * large * high:.2g} FLOPs it can"
        )
    size = np.geomspace(inside[0], inside[-1], POINTS)
    return size, budget / size - inference_tokens_t / 3


def _weights(
    fit: Fit, objective: Mapping[str, float] | None, skill: int | None
) -> dict[str, float]:
    known = list(fit.scores.benchmarks.index)
    if skill is not None:
        skills = fit.posterior.sizes["skill"]
        if not 1 <= skill <= skills:
            raise InputError(f"skill {skill} is not one of the {skills} skills of the fit")
        if objective:
            raise InputError("give benchmarks or a skill as the objective, not both")
    weights = dict(objective or dict.fromkeys(known, 1 / len(known)))
    for name, weight in weights.items():
        if not np.isfinite(weight):
            raise InputError(f"the weight of {name} is not a number")
    return {name: float(weight) for name, weight in weights.items()}


def _value(fit: Fit, over: Surface, weights: Mapping[str, float], skill: int | None) -> np.ndarray:
    """Return the objective, of shape (sample, point)."""
    if skill is None:
        return 100 * over.expected() @ np.array([weights[name] for name in over.benchmarks])
    return over.eta @ _reading(fit, skill)


def _reading(fit: Fit, skill: int) -> np.ndarray:
    """Return weights that read a skill off the linear predictor: regression on mean loadings.

    ``(L' S L + I)^-1 L' S`` with L the loadings and S the precisions of what is specific to
    benchmarks: the mean of a standard normal skill given the predictor.
    """
    fit.require_skills("an aim at a skill")
    mean = fit.posterior[["loadings", "specific_sd"]].mean(("chain", "draw"))
    loadings = mean["loadings"].transpose("benchmark", "skill").to_numpy()
    scaled = loadings / mean["specific_sd"].to_numpy()[:, None] ** 2
    inner = scaled.T @ loadings + np.eye(loadings.shape[1])
    return np.asarray(np.linalg.solve(inner, scaled.T)[skill - 1])


def _curve(
    size: np.ndarray, tokens: np.ndarray, value: np.ndarray, regret: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "params_b": size,
            "tokens_t": tokens,
            "mean": value.mean(axis=0),
            "lower90": np.quantile(value, 0.05, axis=0),
            "upper90": np.quantile(value, 0.95, axis=0),
            "regret": regret.mean(axis=0),
            "regret95": np.quantile(regret, 0.95, axis=0),
        }
    )


def _edge(
    fit: Fit, size: np.ndarray, tokens: np.ndarray, own: np.ndarray, decision: int
) -> str | None:
    """Return which bound of the data the optimum lies at, if it does."""
    for end in (0, len(size) - 1):
        if decision == end or (own == end).mean() > EDGE:
            bounds = data_range(fit, "params_b"), data_range(fit, "tokens_t")
            names = ("smallest size", "largest size"), ("fewest tokens", "most tokens")
            gaps = {
                name: abs(np.log(value / bound))
                for value, pair, words in zip((size[end], tokens[end]), bounds, names, strict=True)
                for bound, name in zip(pair, words, strict=True)
            }
            return min(gaps, key=lambda name: gaps[name])
    return None


def _tokens_effect(fit: Fit, effect: np.ndarray) -> dict[str, float]:
    tokens = fit.scores.models.groupby("variant")["tokens_t"].nunique()
    mean, sd = float(effect.mean()), float(effect.std())
    return {
        "mean": mean,
        "sd": sd,
        "ratio": sd / abs(mean) if mean else float("inf"),
        "variants_that_vary_tokens": int((tokens > 1).sum()),
        "variants": len(tokens),
    }


def _risks(edge: str | None, at_end: float, effect: Mapping[str, float]) -> list[str]:
    found = []
    if edge:
        found.append(
            f"the optimum lies on an edge of the data, its {edge}: the data say which way to go, "
            "not where to stop"
        )
    elif at_end > NEAR:
        found.append(f"in {at_end:.0%} of the draws the best size lies at an edge of the data")
    if effect["ratio"] > WEAK:
        found.append(
            f"the optimum depends on a weakly identified effect of tokens ({effect['mean']:.2g} "
            f"+- {effect['sd']:.2g} for tenfold tokens at the answer)"
        )
    found.append(
        f"only {effect['variants_that_vary_tokens']} of {effect['variants']} variants in the data "
        "differ in training tokens: what tokens do is learnt mostly between families"
    )
    return found
