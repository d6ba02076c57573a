r"""The curve from ability to expected score, and its noise: one formula for PyTensor and NumPy.

With chance level :math:`c`, ceiling fraction :math:`d` and shape :math:`\kappa`,

.. math::

    q(\eta) = d\,\operatorname{sigmoid}(s\,\eta + z_0)^{\kappa}, \qquad \mu = c + (1 - c)\,q .

A generalised logistic (Richards 1959): :math:`\kappa` lets the curve leave the chance level and
near the ceiling at different speeds, :math:`d \le 1` is a ceiling below a perfect score. Offset
:math:`z_0` and scale :math:`s` are not free: they are set so that at :math:`\eta = 0` the curve
passes the benchmark's typical level :math:`q_0` with the slope of a plain logistic there,
:math:`q'(0) = q_0 (1 - q_0)`. So the shape and the ceiling hardly move what lies amid the data,
which lets the sampler find both without moving every family with them.

The spread around :math:`\mu` has three parts: item sampling (binomial), protocol, and what is
special to a model on a benchmark, which is measured in logits and so fades where the curve is flat:

.. math::

    \sigma^2 = \mu (1 - \mu) / n + \phi^2 + \bigl(\sigma_r (1 - c)\, q (1 - q)\bigr)^2 .
"""

from __future__ import annotations

from typing import Any

import numpy as np


def expected(eta: Any, chance: Any, reference: Any, ceiling: Any, shape: Any, xp: Any = np) -> Any:
    """Return the expected score.

    Parameters
    ----------
    eta : array of shape (..., benchmark)
        Linear predictor, logits from the benchmark's typical level.
    chance : array of shape (benchmark,)
        Score of a guesser.
    reference : array of shape (benchmark,)
        Typical level: chance-corrected, within (0, 1).
    ceiling : array of shape (..., benchmark)
        Chance-corrected ceiling, within (reference, 1].
    shape : array of shape (..., benchmark)
        Log of the power of the logistic.
    xp : module
        ``numpy``, or ``pytensor.tensor`` for a symbolic result.

    Returns
    -------
    array of shape (..., benchmark)
        Scores in [chance, chance + (1 - chance) * ceiling].
    """
    power = xp.exp(shape)
    at_zero = (reference / ceiling) ** (1 / power)
    offset = xp.log(at_zero) - xp.log1p(-at_zero)
    scale = (1 - reference) / (power * (1 - at_zero))
    log_logistic = -_softplus(-(scale * eta + offset), xp)
    return chance + (1 - chance) * ceiling * xp.exp(power * log_logistic)


def inverse(
    reached: np.ndarray, reference: np.ndarray, ceiling: np.ndarray, shape: np.ndarray
) -> np.ndarray:
    """Return the linear predictor at which a fraction of the ceiling is expected.

    Parameters
    ----------
    reached : array of shape (..., benchmark)
        ``(score - chance) / (1 - chance) / ceiling``, within (0, 1).
    reference, ceiling, shape
        As for `expected`.

    Returns
    -------
    array of shape (..., benchmark)
    """
    power = np.exp(shape)
    at_zero, at = (reference / ceiling) ** (1 / power), reached ** (1 / power)
    logit, offset = (np.log(p) - np.log1p(-p) for p in (at, at_zero))
    return (logit - offset) * power * (1 - at_zero) / (1 - reference)


def spread(
    mu: Any, chance: Any, items: Any, protocol_sd: Any, residual_sd: Any, xp: Any = np
) -> Any:
    """Return the scale of the scores around their expectation, in units of the score.

    Parameters
    ----------
    mu : array of shape (..., benchmark)
        Expected score.
    chance, items : array of shape (benchmark,)
        Score of a guesser; number of items.
    protocol_sd, residual_sd : array of shape (..., benchmark)
        Protocol noise (score); model-by-benchmark residual (logits).
    xp : module
        ``numpy`` or ``pytensor.tensor``.

    Returns
    -------
    array of shape (..., benchmark)
    """
    q = (mu - chance) / (1 - chance)
    slope = (1 - chance) * q * (1 - q)
    return xp.sqrt(mu * (1 - mu) / items + protocol_sd**2 + (residual_sd * slope) ** 2)


def _softplus(x: Any, xp: Any) -> Any:
    return np.logaddexp(0.0, x) if xp is np else xp.softplus(x)
