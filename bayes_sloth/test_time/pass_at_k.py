r"""Pass@k: the probability that at least one of k attempts at a question is right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bayes_sloth.errors import InputError

DEFAULT_K = (1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


def estimate_pass_at_k(correct: npt.ArrayLike, samples: npt.ArrayLike, k: int) -> np.ndarray:
    r"""Estimate pass@k from c right answers among n samples, without bias.

    .. math::

        1 - \binom{n - c}{k} \Big/ \binom{n}{k}
        = 1 - \exp \sum_{i=0}^{c-1} \log\Bigl(1 - \frac{k}{n - i}\Bigr)

    (Chen et al. 2021, arXiv:2107.03374). The sum has no factorials and no difference of large
    numbers, and ``expm1`` keeps a small estimate exact to machine precision.

    Parameters
    ----------
    correct, samples : array-like of int, shape (...)
        c and n, of the same shape or broadcast to it.
    k : int
        Attempts, from 1 to the smallest n.

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    InputError
        If counts are impossible or k exceeds n: more attempts than were sampled need a model
        (`bayes_sloth.test_time.fitting`).

    Examples
    --------
    >>> float(estimate_pass_at_k(1, 4, 2))
    0.5
    """
    c, n = np.broadcast_arrays(np.asarray(correct), np.asarray(samples))
    check_counts(c, n)
    if k < 1 or int(k) != k:
        raise InputError(f"k is {k}; it counts attempts, so give a whole number from 1")
    if (n < k).any():
        raise InputError(
            f"pass@{k} cannot be estimated from {int(n.min())} samples: give k up to the number "
            "of samples, or fit the item-response model"
        )
    result = np.empty(c.shape)
    for total in np.unique(n):
        with np.errstate(divide="ignore"):  # certain success: the log of zero
            steps = np.log1p(-k / (total - np.arange(total - k + 1)))
        log_failure = np.concatenate([[0.0], np.cumsum(steps)])
        here = n == total
        # With more right answers than n - k, every set of k contains one.
        result[here] = -np.expm1(log_failure[np.minimum(c[here], total - k + 1)])
    return result


def pass_at_k(logits: npt.ArrayLike, k: int | float) -> np.ndarray:
    r"""Return :math:`1 - (1 - p)^k` for a success probability given by its logit.

    As :math:`-\operatorname{expm1}(-k \log(1 + e^z))`, which holds for the smallest and largest p.

    Parameters
    ----------
    logits : array-like of shape (...)
    k : number

    Returns
    -------
    ndarray of shape (...)
    """
    return -np.expm1(-k * np.logaddexp(0.0, np.asarray(logits, float)))


def check_counts(correct: np.ndarray, samples: np.ndarray) -> None:
    """Refuse counts that no sampling can give."""
    if not (np.equal(np.mod(correct, 1), 0).all() and np.equal(np.mod(samples, 1), 0).all()):
        raise InputError("counts of samples and of right answers must be whole numbers")
    bad = (correct < 0) | (samples < 0) | (correct > samples)
    if bad.any():
        where = np.argwhere(bad)[0]
        raise InputError(
            f"{int(correct[tuple(where)])} right answers among {int(samples[tuple(where)])} "
            "samples: give counts from 0 to the number of samples"
        )
