"""Refuse architectures that cannot be, and quantities in another unit than the law's.

A transformer's shape nearly determines its size, so a size in millions, or a hidden size in place
of an FFN size, betrays itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_sloth.errors import InputError

LARGEST_PARAMS_B = 20_000.0
LARGEST_TOKENS_T = 100.0
SMALLEST_TOKENS_T = 1e-4
# The most that is published of any model (by 2025): 40 trillion tokens for Llama 4 Scout, and
# 36 trillion for the 0.6 billion parameters of Qwen3-0.6B, 60,000 tokens for each.
MOST_TOKENS_T = 40.0
MOST_TOKENS_FOR_EACH = 60_000.0
MISMATCH = 3.0  # dense models in the data lie within a factor of 2


def dense_params_b(layers: ArrayLike, hidden: ArrayLike, ffn: ArrayLike) -> NDArray[np.float64]:
    """Return about how many parameters a dense transformer of this shape has, in billions.

    Attention has 4 matrices of ``hidden x hidden``, a gated feed-forward network 3 of
    ``hidden x ffn``; embeddings, shared heads and networks without a gate change the sum by less
    than a factor of two.
    """
    n, h, d = (np.asarray(value, float) for value in (layers, hidden, ffn))
    return np.asarray(n * (4 * h**2 + 3 * h * d) / 1e9)


def check_architecture(
    layers: ArrayLike,
    hidden: ArrayLike,
    ffn: ArrayLike,
    params_b: ArrayLike,
    tokens_t: ArrayLike,
    *,
    dense: ArrayLike = True,
    label: str = "",
) -> None:
    """Refuse the first quantity that is impossible, or in another unit.

    Parameters
    ----------
    layers, hidden, ffn : array-like of shape (...)
    params_b, tokens_t : array-like of shape (...)
        Billions and trillions; NaN, where unknown, is accepted.
    dense : array-like of bool
        Only a dense model's size follows from its shape.
    label : str
        Put before the message: the model, or the file and line.

    Raises
    ------
    InputError
    """
    for name, value in (("layers", layers), ("hidden", hidden), ("ffn", ffn)):
        _refuse(
            value,
            lambda v: ~((v >= 1) & (v < 1e7) & (v % 1 == 0)),
            label + name + " is {:g}: give a whole number of at least 1, such as 32, 4096 or 11008",
        )
    _refuse(
        np.asarray(hidden, float) / np.asarray(layers, float),
        lambda v: v < 1,
        label
        + "hidden is {:.2g} times layers, where models have 37 to 205 times: are they swapped?",
    )
    _refuse(params_b, lambda v: ~(v > 0) & ~np.isnan(v), label + "params_b is {:g}: " + _ABOVE)
    _refuse(
        params_b,
        lambda v: v > LARGEST_PARAMS_B,
        label + "params_b is {:g}: parameters are in billions, 7 means 7e9",
    )
    _refuse(tokens_t, lambda v: ~(v > 0) & ~np.isnan(v), label + "tokens_t is {:g}: " + _ABOVE)
    _refuse(
        tokens_t,
        lambda v: v > LARGEST_TOKENS_T,
        label + "tokens_t is {:g}: tokens are in trillions, 15 means 15e12; "
        "if these are billions, divide by 1000",
    )
    _refuse(
        tokens_t,
        lambda v: v < SMALLEST_TOKENS_T,
        label + "tokens_t is {:g}: tokens are in trillions, and fewer than a tenth of a billion "
        "teach no language model",
    )
    _check_size(layers, hidden, ffn, params_b, dense, label)


def doubt_tokens(params_b: ArrayLike, tokens_t: ArrayLike) -> tuple[str, ...]:
    """Warn of more tokens than any model was trained on: they may be in billions.

    Up to a hundred trillion this is no error, since somebody may plan it.

    Parameters
    ----------
    params_b, tokens_t : array-like of shape (...)
        Billions and trillions; NaN, where unknown, is passed over.
    """
    tokens, params = np.broadcast_arrays(np.asarray(tokens_t, float), np.asarray(params_b, float))
    for_each = 1000 * tokens / params
    many = (tokens > MOST_TOKENS_T) | (for_each > MOST_TOKENS_FOR_EACH)
    if not many.any():
        return ()
    given, share = tokens[many].flat[0], for_each[many].flat[0]
    return (
        f"{given:g} TRILLION TOKENS ({share:.3g} for each parameter) are more than any model was "
        f"trained on ({MOST_TOKENS_T:g} trillion, {MOST_TOKENS_FOR_EACH:,.0f} for each): tokens "
        f"are in trillions; if these are billions, give {given / 1000:g}",
    )


_ABOVE = "it must be above zero"


def _refuse(values: ArrayLike, wrong: object, message: str) -> None:
    flat = np.atleast_1d(np.asarray(values, float)).ravel()
    bad = wrong(flat)  # type: ignore[operator]
    if bad.any():
        raise InputError(message.format(flat[bad][0]))


def _check_size(
    layers: ArrayLike,
    hidden: ArrayLike,
    ffn: ArrayLike,
    params_b: ArrayLike,
    dense: ArrayLike,
    label: str,
) -> None:
    expected, given = np.broadcast_arrays(dense_params_b(layers, hidden, ffn), params_b)
    ratio = np.where(np.broadcast_to(dense, given.shape), given / expected, 1.0)
    off = (ratio > MISMATCH) | (ratio < 1 / MISMATCH)
    if off.any():
        raise InputError(
            f"{label}params_b is {given[off][0]:g}, but a dense transformer of this shape has "
            f"about {expected[off][0]:.2g} billion parameters: check the unit of params_b "
            "(billions), and layers, hidden and ffn"
        )
