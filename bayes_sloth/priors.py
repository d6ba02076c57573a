"""Every prior of the skills model, in one place, each with its reason.

Effects on benchmarks are measured in **logits**: one unit of the linear predictor changes a score
that stands at the benchmark's typical level as one logit would (see `bayes_sloth.link`). Size and
tokens are measured in **tenfolds** from the reference of 7 billion parameters and 2 trillion
tokens, so a growth of 1 is one logit for ten times the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from bayes_sloth.specification import Specification

COVARIATES = (
    "size",
    "tokens",
    "size_tokens",
    "size_size",
    "tuned",
    "tuned_size",
    "tuned_tokens",
)
UNTUNED = 4  # as many covariates, the first, are not about tuning

# Expected effect (logits) and its spread in units of the spread between lineages, by covariate.
# Tenfold training compute is half of it size and half tokens, more or less.
GROWTH = {
    "size": (0.8, 1.5),
    "tokens": (0.4, 1.0),
    "size_tokens": (0.0, 0.5),
    "size_size": (0.0, 0.5),
    "tuned": (0.0, 1.0),
    "tuned_size": (0.0, 0.5),
    "tuned_tokens": (0.0, 0.5),
    "flops": (0.6, 1.5),
    "tuned_flops": (0.0, 0.5),
}

GROWTH_SPREAD = np.array([GROWTH[name][1] for name in COVARIATES])

# What growth may be estimated of: all covariates; those of Sloth's production function; or compute,
# whose log (6 x parameters x tokens) is the sum of theirs, so that size and tokens share an effect.
ESTIMATED = {
    "translog": COVARIATES,
    "sloth": tuple(name for name in COVARIATES if name != "size_size"),
    "flops": ("flops", "tuned", "tuned_flops"),
}
SHARED = {"flops": ("size", "tokens"), "tuned_flops": ("tuned_size", "tuned_tokens")}


def on_covariates(estimated: Sequence[str]) -> np.ndarray:
    """Return which covariates each estimated growth acts on, of shape (covariate, estimated)."""
    acts = [[name in SHARED.get(growth, (growth,)) for growth in estimated] for name in COVARIATES]
    return np.array(acts, dtype=float)


# Effects of a tenfold of depth and of FFN size at equal bulk, in the same units: about as much as a
# tenfold of size, either way. Models differ by about a tenth of a tenfold.
ARCHITECTURE_SPREAD = 1.5


@dataclass(frozen=True)
class Prior:
    """A prior distribution by its PyMC name and parameters, and why it is what it is."""

    distribution: str
    parameters: dict[str, float]
    reason: str

    def variable(self, name: str, **kwargs: Any) -> Any:
        """Add the random variable to the PyMC model in context."""
        import pymc as pm

        return getattr(pm, self.distribution)(name, **self.parameters, **kwargs)

    def __str__(self) -> str:
        """Write the distribution with its numbers, as ``HalfNormal(sigma=1)``."""
        numbers = ", ".join(f"{key}={value:.3g}" for key, value in self.parameters.items())
        return f"{self.distribution}({numbers})"


def scale_prior(typical: float, spread: float, reason: str) -> Prior:
    """Return a prior for a scale known to about a factor of exp(spread)."""
    return Prior("LogNormal", {"mu": float(np.log(typical)), "sigma": spread}, reason)


PRIORS = {
    "intercept": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.5},
        "an average lineage at the reference size and tokens scores near the benchmark's typical "
        "level (0 by construction of the link), give or take a few logits: 7B models have scored "
        "from chance to near the ceiling",
    ),
    "loading_scale": Prior(
        "HalfNormal",
        {"sigma": 1.0},
        "lineages at equal size and tokens differ by some tenths of a logit to two logits; one "
        "scale for all loadings keeps the prior invariant to a rotation of the skills",
    ),
    "specific_sd": scale_prior(
        0.3,
        0.7,
        "what a lineage has on one benchmark alone: near zero is Sloth (skills explain all), one "
        "logit or more is a free intercept per family and benchmark; both lie within two sd",
    ),
    "slope_scale": scale_prior(
        0.2,
        0.7,
        "growth with size differs between lineages by a fraction of how much their levels differ; "
        "0.05 (no difference worth the name) and 0.8 lie within two sd",
    ),
    "variant_ratio": scale_prior(
        0.5,
        0.5,
        "a variant departs from its lineage in skill about half as far as lineages from each other",
    ),
    "variant_sd": scale_prior(
        0.2,
        0.7,
        "what tuning does to one benchmark alone, by benchmark: IFEval is known to move by more "
        "than a logit, most others by a tenth",
    ),
    "model_scale": Prior(
        "HalfNormal",
        {"sigma": 0.3},
        "a model departs from its family's curve in skill by less than families differ",
    ),
    "link_shape": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.5},
        "log power of the generalised logistic: 0 is the plain logistic, +-1 leaves chance or "
        "nears the ceiling nearly three times as fast as it does the other",
    ),
    "ceiling_fraction": Prior(
        "Beta",
        {"alpha": 8.0, "beta": 1.0},
        "the ceiling lies between the benchmark's typical level (0) and a perfect score (1), and "
        "near the latter: audits find wrong labels in some per cent of items (6.5 % in MMLU, arXiv "
        "2406.04127), not in a third of them; the best models of a table do not show where the "
        "benchmark ends",
    ),
    "protocol_sd": scale_prior(
        0.008,
        0.7,
        "repeated runs of one model on one benchmark differ by some tenths of a point to three "
        "points with prompt, harness version and answer extraction, beside item sampling",
    ),
    "residual_sd": scale_prior(
        0.1,
        0.7,
        "what is special to one model on one benchmark, in logits: a tenth, within a factor of "
        "four; it vanishes at chance and at the ceiling, as real differences do",
    ),
    "dof": Prior(
        "Gamma",
        {"alpha": 2.0, "beta": 0.2},
        "degrees of freedom of the residuals less two: from heavy tails (2) to nearly normal (30)",
    ),
}


def priors_of(specification: Specification) -> dict[str, Prior]:
    """Return the priors of a specification: `PRIORS`, but for the numbers that it overrides."""
    changed = dict(PRIORS)
    for name, value in specification.priors:
        parameter, _, part = name.partition(".")
        prior = changed[parameter]
        changed[parameter] = replace(prior, parameters={**prior.parameters, part: value})
    return changed


def priors_table(specification: Specification | None = None) -> pd.DataFrame:
    """Return the priors with their reasons, indexed by parameter.

    Parameters
    ----------
    specification : Specification, optional
        Whose overrides to show; none by default.

    Returns
    -------
    DataFrame
    """
    priors = PRIORS if specification is None else priors_of(specification)
    mean, spread = ([GROWTH[name][i] for name in COVARIATES] for i in (0, 1))
    rows = {
        name: {"prior": str(prior), "reason": prior.reason} for name, prior in priors.items()
    } | {
        "loadings": {
            "prior": "Normal(0, loading_scale), up to rotation",
            "reason": "independent normals do not prefer any rotation of the skills; sampled on "
            "a slice through the rotations, which is the same prior on loadings @ loadings.T",
        },
        "growth": {
            "prior": "MvNormal(mean, spread^2 * (loadings @ loadings.T + diag(specific_sd^2)))",
            "reason": "larger and longer-trained models score higher on most benchmarks "
            f"(means {mean} logits per tenfold); benchmarks that share skills "
            f"share growth (spreads {spread} of that between lineages)",
        },
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")
