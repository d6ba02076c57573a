r"""The Performance Law for dense models as its authors published it (arXiv 2408.09895).

With :math:`N` layers, hidden size :math:`h`, FFN size :math:`d`, :math:`T` trillions of training
tokens, :math:`S` billions of parameters and a precision loss :math:`\gamma \ge 1`,

.. math::

    T' &= \min(T, S), \qquad
    u = \exp\bigl(-((10/d + 20/h)\, \gamma N)^2\bigr) \\
    \text{MMLU} &= 13.95 \ln(uN) + 0.231 \ln(uh) - 0.485 \ln(ud) + 5.40 \ln(uT') + 9.195

in percentage points (all digits below). The **unstable discount** :math:`u` punishes depth without
width; tokens **saturate** at a thousand for each parameter. What falls below 25, the level of
guessing, is set to it; what exceeds 90 is bent towards 100 by
:math:`90 + 10 \tanh(0.1\,\text{MMLU} - 9)`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.checks import check_architecture

# Points for each e-fold.
LAYERS, HIDDEN, FFN, TOKENS, CONSTANT = (
    13.95018192,
    0.23072027,
    -0.48523402,
    5.39801689,
    9.195410648934768,
)
FFN_CONSTANT, HIDDEN_CONSTANT = 10.0, 20.0
LOWEST, BEND = 25.0, 90.0


def instability(layers: ArrayLike, hidden: ArrayLike, ffn: ArrayLike) -> NDArray[np.float64]:
    """Return the exponent of the unstable discount without its precision loss.

    Parameters
    ----------
    layers, hidden, ffn : array-like of shape (...)
        Depth and widths of the transformer.

    Returns
    -------
    ndarray of shape (...)
        ``((10 / ffn + 20 / hidden) * layers) ** 2``, without unit; the discount is ``exp(-this)``.
    """
    narrowness = FFN_CONSTANT / np.asarray(ffn, float) + HIDDEN_CONSTANT / np.asarray(hidden, float)
    return np.asarray((narrowness * np.asarray(layers, float)) ** 2)


def published_mmlu(
    layers: ArrayLike,
    hidden: ArrayLike,
    ffn: ArrayLike,
    params_b: ArrayLike,
    tokens_t: ArrayLike,
    *,
    precision_loss: float = 1.0,
) -> NDArray[np.float64]:
    """Forecast MMLU of dense models by the published law.

    Parameters
    ----------
    layers, hidden, ffn : array-like of shape (...)
        Number of layers, hidden size and size of the feed-forward network (units of the network).
    params_b : array-like of shape (...)
        Parameters, billions.
    tokens_t : array-like of shape (...)
        Training tokens, trillions.
    precision_loss : float
        Factor of at least 1 for training in low precision; 1 in the authors' own table.

    Returns
    -------
    ndarray of shape (...)
        MMLU in percentage points, from 25 to 100. The law states no uncertainty.

    Raises
    ------
    InputError
        If a quantity is impossible, or in another unit than this.
    """
    if not 1 <= precision_loss < np.inf:
        raise InputError(
            f"a precision loss of {precision_loss:g} is not at least 1: 1 is none, more is worse"
        )
    check_architecture(layers, hidden, ffn, params_b, tokens_t)
    n, h, d, s, t = (np.asarray(v, float) for v in (layers, hidden, ffn, params_b, tokens_t))
    log_discount = -(precision_loss**2) * instability(n, h, d)
    points = (
        LAYERS * (log_discount + np.log(n))
        + HIDDEN * (log_discount + np.log(h))
        + FFN * (log_discount + np.log(d))
        + TOKENS * (log_discount + np.log(np.minimum(t, s)))
        + CONSTANT
    )
    points = np.maximum(points, LOWEST)
    return np.where(points > BEND, BEND + 10 * np.tanh(0.1 * points - 9), points)
