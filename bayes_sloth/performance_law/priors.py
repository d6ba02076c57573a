r"""Every prior of the Bayesian Performance Law, in one place, each with its reason.

Effects are in **logits**; in the middle of MMLU's range, where the link is anchored, a logit is
:math:`(100 - 25) / 4 = 18.75` points. Size, tokens and contrasts are in **tenfolds**.

The effects of architecture are centred on the published coefficients and weigh **ten models**: a
regression on :math:`n` models with a spread of :math:`\sigma` about the law knows the effect of a
covariate of standard deviation :math:`s_x` to :math:`\sigma / (s_x \sqrt n)`; with ten models and
:math:`\sigma = 0.6` logits (11 points, what the published law errs by over all years), the prior
has standard deviation :math:`0.6 / (s_x \sqrt{10})`. A hundred models outweigh it ten times.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_sloth.performance_law import published
from bayes_sloth.performance_law.law import COVARIATES
from bayes_sloth.priors import Prior, scale_prior

POINTS_PER_LOGIT, MIDDLE = (100 - 25) / 4, (100 + 25) / 2
WORTH, NOISE = 10, 0.6
_PER_TENFOLD = float(np.log(10)) / POINTS_PER_LOGIT

# Powers of bulk (layers x hidden^2) with which dense models' layers, hidden and FFN size grow.
TYPICAL_POWERS = {"layers": 0.25, "hidden": 0.37, "ffn": 0.35}
# Standard deviations of the covariates over the bundled models; no score is used for them.
SPREAD = {"size": 0.70, "tokens": 0.50, "depth": 0.12, "ffn": 0.11}

_LAYERS, _HIDDEN, _FFN = (
    k * _PER_TENFOLD for k in (published.LAYERS, published.HIDDEN, published.FFN)
)
PUBLISHED_EFFECT = {
    "size": _LAYERS * TYPICAL_POWERS["layers"]
    + _HIDDEN * TYPICAL_POWERS["hidden"]
    + _FFN * TYPICAL_POWERS["ffn"],
    "tokens": published.TOKENS * _PER_TENFOLD,
    # At equal bulk, a contrast of one has layers x 10^(2/3), and both widths x 10^(-1/3).
    "depth": (2 * _LAYERS - _HIDDEN - _FFN) / 3,
    "ffn": _FFN,
}
PUBLISHED_INSTABILITY = (
    published.LAYERS + published.HIDDEN + published.FFN + published.TOKENS
) / POINTS_PER_LOGIT

# Points of the published law at the reference, 7 billion parameters and 2 trillion tokens, in the
# shape of Llama-2-7B.
PUBLISHED_LEVEL = (float(published.published_mmlu(32, 4096, 11008, 7.0, 2.0)) - MIDDLE) / (
    POINTS_PER_LOGIT
)


def _published(covariate: str) -> Prior:
    return Prior(
        "Normal",
        {
            "mu": PUBLISHED_EFFECT[covariate],
            "sigma": NOISE / SPREAD[covariate] / float(np.sqrt(WORTH)),
        },
        "the published coefficient in these coordinates, worth ten models",
    )


EFFECT_PRIORS = {
    **{name: _published(name) for name in ("size", "tokens", "depth", "ffn")},
    "year": Prior(
        "Normal",
        {"mu": 0.3, "sigma": 0.3},
        "data and training improve: at the published rate of a doubling of effective compute in "
        "eight months, about 0.3 logits a year; none at all lies one sd away",
    ),
}

PRIORS = {
    "intercept": Prior(
        "Normal",
        {"mu": PUBLISHED_LEVEL, "sigma": 1.0},
        "what the published law says of a model of 7B parameters and 2T tokens (58 points), taken "
        "for the start of 2024, give or take a logit (19 points): makers and dates differ",
    ),
    "instability_effect": Prior(
        "LogNormal",
        {"mu": float(np.log(PUBLISHED_INSTABILITY)), "sigma": 1.0},
        "the published discount with a precision loss of 1, within a factor of seven; positive, as "
        "depth without width does not help. The precision loss only multiplies it",
    ),
    "saturation": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.5},
        "tokens saturate at a thousand for each parameter as published (0), or within a hundred to "
        "ten thousand",
    ),
    "softness": Prior(
        "Gamma",
        {"alpha": 2.0, "beta": 12.0},
        "width of the bend; the published hard minimum is the limit 0, from which 0.03 cannot be "
        "told apart, and at 0.5 tokens and size share in the bend over more than a tenfold: beyond "
        "it saturation is a part of the effects of size and tokens",
    ),
    "active_weight": Prior(
        "Uniform",
        {"lower": 0.0, "upper": 1.0},
        "a mixture of experts counts between its total parameters (0) and its active ones (1); "
        "half is the geometric mean that is often quoted",
    ),
    "developer_sd": scale_prior(
        0.3, 0.7, "developers differ at equal architecture, tokens and date by 1 to 20 points"
    ),
    "lineage_sd": scale_prior(
        0.3, 0.7, "generations of models of one developer differ likewise: other data, other recipe"
    ),
    "model_sd": scale_prior(
        0.15, 0.7, "models of one lineage depart from their common curve by less than lineages do"
    ),
    "link_shape": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.2},
        "log power of the generalised logistic: 0 is the plain logistic; MMLU is known to stay at "
        "chance and to leave it abruptly, which asks for a large power; beyond twenty (3) the "
        "curve hardly changes, and is Gompertz's",
    ),
    "ceiling": Prior(
        "Beta",
        {"alpha": 93.0, "beta": 7.0},
        "chance-corrected: 6.5 % of MMLU's questions were found to have errors (Gema et al. 2024, "
        "arXiv 2406.04127), so about 0.93, give or take 0.025; scores in the data stop at 0.83",
    ),
    "source_sd": scale_prior(
        0.008,
        0.7,
        "repeated measurements of one model differ by some tenths of a point to three points with "
        "prompt and harness version, beside item sampling",
    ),
    "source_offset": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.01},
        "vendors report about what a harness finds, give or take a point or two",
    ),
    "dof": Prior(
        "Gamma",
        {"alpha": 2.0, "beta": 0.5},
        "degrees of freedom less one of the measurement errors: some reports are far off, as with "
        "another prompt or number of examples",
    ),
    "token_level": Prior(
        "Normal", {"mu": 0.0, "sigma": 0.5}, "models of 7B at the start of 2024 saw about 2T tokens"
    ),
    "token_trend": Prior(
        "Normal", {"mu": 0.3, "sigma": 0.3}, "training sets about double every year"
    ),
    "token_size": Prior(
        "Normal",
        {"mu": 0.0, "sigma": 0.3},
        "larger models get more tokens by the rules of compute, fewer by the purse",
    ),
    "token_sd": scale_prior(
        0.3, 0.5, "tokens at equal size and date vary by a factor of two or so"
    ),
}
ALL_PRIORS = {f"effect[{name}]": EFFECT_PRIORS[name] for name in COVARIATES} | PRIORS
SIZE_OF_SHAPE_SD = 0.1  # tenfolds: dense models lie within 0.08 (sd) of what their shape implies

_NONE, _SMALL = 1e-3, "no effect: a thousandth of a logit"


def _without(*names: str) -> dict[str, Prior]:
    """Return priors that leave effects out: within a thousandth of a logit of zero."""
    return {
        name: Prior("Normal", {"mu": 0.0, "sigma": _NONE}, _SMALL)
        if name.startswith("effect")
        else Prior("LogNormal", {"mu": float(np.log(_NONE)), "sigma": 0.1}, _SMALL)
        for name in names
    }


# Simpler laws, to compare with: each is the law with some of its priors shut.
VARIANTS = {
    "without date": _without("effect[year]"),
    "without shape": _without("effect[depth]", "effect[ffn]", "instability_effect"),
    "without developers and lineages": _without("developer_sd", "lineage_sd"),
    "without saturation": {
        "saturation": Prior("Normal", {"mu": 4.0, "sigma": 0.01}, "beyond any number of tokens")
    },
}


def priors_table() -> pd.DataFrame:
    """Return the priors with their reasons, indexed by parameter."""
    rows = {name: {"prior": str(p), "reason": p.reason} for name, p in ALL_PRIORS.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")
