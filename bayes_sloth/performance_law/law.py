r"""The Bayesian Performance Law's curve: one formula for PyTensor and NumPy.

With size :math:`s` and tokens :math:`t` in tenfolds (from 7 billion parameters and 2 trillion
tokens), depth contrast :math:`z`, FFN contrast :math:`f`, instability :math:`v` and time :math:`y`
(years from the start of 2024),

.. math::

    s &= (1 - w) \log_{10} S_\text{total} + w \log_{10} S_\text{active} \\
    t' &= t - \tau \ln\bigl(1 + e^{(t - s - r)/\tau}\bigr) \\
    \eta &= a + b_s s + b_t \bigl(t' - t'_0 - q\, s\bigr) + b_z z + b_f f + b_y y - b_v v
            + \text{developer} + \text{lineage} + \text{model} .

For a dense model :math:`s` is its size whatever :math:`w`. Tokens saturate at :math:`r` tenfolds of
a thousand tokens for each parameter, softly: as :math:`\tau \to 0`, :math:`t' \to \min(t, s + r)`,
which with :math:`r = 0` is the published law's hard minimum. With :math:`t'_0` the value of
:math:`t'` at the reference (7 billion, 2 trillion) and :math:`q` its slope in :math:`s` there,
:math:`a` is the level and :math:`b_s` the whole effect of size at the reference, wherever the bend:
the same model in coordinates that hardly correlate. The published law is linear in the same
logarithms, with :math:`b_y = 0` and without the effects of developer, lineage and model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_sloth.design import REFERENCE_PARAMS_B, REFERENCE_TOKENS_T
from bayes_sloth.performance_law.published import instability

COVARIATES = ("size", "tokens", "depth", "ffn", "year")
# The link is anchored at the middle of MMLU's range (62.5 points), whatever the data: there a logit
# is worth the 18.75 points by which the published coefficients are translated into priors.
REFERENCE = 0.5
# A thousand tokens for each parameter, in the units of size and tokens.
CENTRE_OF_SATURATION = float(np.log10(REFERENCE_PARAMS_B / REFERENCE_TOKENS_T))


def log_size(params_b: ArrayLike) -> NDArray[np.float64]:
    """Return parameters in tenfolds from 7 billion."""
    return np.asarray(np.log10(np.asarray(params_b, float) / REFERENCE_PARAMS_B))


def log_tokens(tokens_t: ArrayLike) -> NDArray[np.float64]:
    """Return tokens in tenfolds from 2 trillion."""
    return np.asarray(np.log10(np.asarray(tokens_t, float) / REFERENCE_TOKENS_T))


def effective_size(log_total: Any, log_active: Any, active_weight: Any) -> Any:
    """Return the size that counts, a weighted mean of logs; a dense model's is its own."""
    return (1 - active_weight) * log_total + active_weight * log_active


def saturated_tokens(tokens: Any, size: Any, ratio: Any, softness: Any, xp: Any = np) -> Any:
    """Return tokens as far as a model of this size can use them, :math:`t'`.

    Parameters
    ----------
    tokens, size : arrays of shape (...)
        In tenfolds from 2 trillion tokens and 7 billion parameters.
    ratio : array
        Tokens for each parameter at which they saturate, in tenfolds from a thousand.
    softness : array
        Width of the bend in tenfolds over ln(10); towards 0 it is a hard minimum.
    xp : module
        ``numpy``, or ``pytensor.tensor`` for a symbolic result.

    Returns
    -------
    array of shape (...)
        In tenfolds from 2 trillion, below both `tokens` and what the size can hold.
    """
    excess = (tokens - size - ratio - CENTRE_OF_SATURATION) / softness
    bend = np.logaddexp(0.0, excess) if xp is np else xp.softplus(excess)
    return tokens - softness * bend


def token_term(tokens: Any, size: Any, ratio: Any, softness: Any, xp: Any = np) -> Any:
    """Return :math:`t' - t'_0 - q s`: zero, and flat in size, at the reference.

    Parameters and result are as of `saturated_tokens`.
    """
    at_reference = saturated_tokens(0.0, 0.0, ratio, softness, xp)
    half = -(ratio + CENTRE_OF_SATURATION) / softness / 2
    share = 0.5 * (1 + xp.tanh(half))  # the logistic, without overflow
    return saturated_tokens(tokens, size, ratio, softness, xp) - at_reference - share * size


def linear_predictor(
    effect: Any,
    instability_effect: Any,
    size: Any,
    tokens: Any,
    shape: tuple[Any, Any, Any],
    year: Any,
) -> Any:
    """Return what architecture and time add to the intercept, in logits.

    Parameters
    ----------
    effect : sequence of arrays
        In the order of `COVARIATES`.
    instability_effect : array
    size, tokens : arrays of shape (..., model)
        Effective size and `token_term`, in tenfolds.
    shape : tuple of arrays of shape (model,)
        Depth contrast, FFN contrast, instability: the columns of `Typical.contrasts`.
    year : array of shape (model,)

    Returns
    -------
    array of shape (..., model)
    """
    depth, ffn, unstable = shape
    return (
        effect[0] * size
        + effect[1] * tokens
        + effect[2] * depth
        + effect[3] * ffn
        + effect[4] * year
        - instability_effect * unstable
    )


@dataclass(frozen=True)
class Typical:
    r"""The shape that is typical of a size, from which contrasts are measured.

    The **bulk** :math:`B = \log_{10}(N h^2 / 10^9)` stands for the size; the contrasts are the
    residuals of two regressions on it over the dense models,

    .. math::

        z = \log_{10}(N / h) - (z_0 + z_1 B), \qquad f = \log_{10}(d / h) - (f_0 + f_1 B) ,

    so they are uncorrelated with it. Their own logs correlate at 0.8 or more.

    Attributes
    ----------
    depth, ffn : tuple of float
        Intercept and slope of the regressions.
    """

    depth: tuple[float, float]
    ffn: tuple[float, float]

    @classmethod
    def of(cls, layers: ArrayLike, hidden: ArrayLike, ffn: ArrayLike) -> Typical:
        """Fit the typical shape to dense models; the arrays have shape (model,)."""
        n, h, d = (np.asarray(value, float) for value in (layers, hidden, ffn))
        x = bulk(n, h)

        def line(y: NDArray[np.float64]) -> tuple[float, float]:
            slope = float(np.cov(x, y)[0, 1] / np.var(x, ddof=1)) if np.ptp(x) > 0 else 0.0
            return float(y.mean() - slope * x.mean()), slope

        return cls(line(np.log10(n / h)), line(np.log10(d / h)))

    def contrasts(
        self, layers: ArrayLike, hidden: ArrayLike, ffn: ArrayLike, dense: ArrayLike = True
    ) -> NDArray[np.float64]:
        """Return depth contrast, FFN contrast (tenfolds) and instability.

        Parameters
        ----------
        layers, hidden, ffn : array-like of shape (model,)
        dense : array-like of bool
            A mixture of experts counts as having the FFN size typical of its bulk: tables give
            the size of an expert for some and that of the first dense layers for others.

        Returns
        -------
        array of shape (3, model)
        """
        n, h, d = np.broadcast_arrays(*(np.asarray(v, float) for v in (layers, hidden, ffn)))
        x = bulk(n, h)
        typical_ffn = h * 10 ** (self.ffn[0] + self.ffn[1] * x)
        d = np.where(dense, d, typical_ffn)
        return np.stack(
            [
                np.log10(n / h) - self.depth[0] - self.depth[1] * x,
                np.log10(d / h) - self.ffn[0] - self.ffn[1] * x,
                instability(n, h, d),
            ]
        )


def bulk(layers: ArrayLike, hidden: ArrayLike) -> NDArray[np.float64]:
    """Return log10 of layers x hidden^2 in billions: a dense model's size but for a factor."""
    return np.asarray(np.log10(np.asarray(layers, float) * np.asarray(hidden, float) ** 2 / 1e9))
