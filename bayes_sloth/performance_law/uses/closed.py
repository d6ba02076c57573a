"""What size and tokens a closed model may have, given its MMLU: a ridge, not a point."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.conditioning import (
    condition,
    fraction_of_points,
    recipe,
    resample,
    rough,
)
from bayes_sloth.performance_law.data import years_since_epoch
from bayes_sloth.performance_law.design import LawDesign
from bayes_sloth.performance_law.forecasting import law_of, token_population
from bayes_sloth.performance_law.law import bulk, log_size
from bayes_sloth.performance_law.published import instability
from bayes_sloth.performance_law.uses.result import Answer, interval

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

SMALLEST_B, LARGEST_B = 0.3, 2000.0
NEAR, AT_BOUND = 1.5, 0.05  # so near a bound, and so much of the posterior there, it is said
EDGES_B = (0.3, 1, 3, 10, 30, 100, 300, 1000, 2000)


def infer_size(
    fit: LawFit,
    mmlu: float,
    *,
    release: str | None = None,
    developer: str = "",
    between_b: tuple[float, float] = (SMALLEST_B, LARGEST_B),
    source: str = "reported",
    seed: int = 1,
) -> Answer:
    """Infer the joint posterior of size and tokens of a model of which only MMLU is known.

    Before its score is seen, the log of its size is uniform between two bounds, its tokens are as
    those of models of that size and date, its shape is that of a dense model of that size, and
    its developer's effect is known or drawn from all.

    Parameters
    ----------
    fit : LawFit
    mmlu : float
        Percentage points.
    release : str, optional
        Month, ``2024-07``; the last of the data by default.
    developer : str
    between_b : tuple of float
        Bounds of the size, billions of parameters.
    source : {"reported", "harness"}
    seed : int

    Returns
    -------
    Answer
        The table is the ridge: for each class of sizes its posterior probability, and the tokens
        that go with it. Its ``draws`` are of both, ``params_b`` and ``tokens_t``.
    """
    low, high = between_b
    if not 0 < low < high <= 20_000:
        raise InputError(f"sizes between {low:g} and {high:g} billion: give two rising bounds")
    observed = fraction_of_points(mmlu)
    release = release or str(fit.architectures.models["release"].max())
    year = years_since_epoch(release)
    rng = np.random.default_rng(seed)
    n = len(fit.draws["intercept"])
    params_b = low * (high / low) ** rng.uniform(size=(n, 1))
    size = log_size(params_b)
    tokens = token_population(fit, size, year, rng)
    law = law_of(fit, size, tokens, _shapes(fit.design, size, rng), year)[:, 0]
    shift, spread = recipe(fit, developer)
    _, weight = condition(fit, law + shift, spread, {source: observed}, rng)
    kept, effective = resample(weight, rng)
    size_b, tokens_t = params_b[kept, 0], 2 * 10 ** tokens[kept, 0]
    return Answer(
        f"Sizes and tokens of a model of {release} with MMLU {mmlu:g}",
        _sentence(size_b, tokens_t),
        _ridge(size_b, tokens_t),
        {
            "mmlu": mmlu,
            "release": release,
            "params_b": interval(size_b),
            "tokens_t": interval(tokens_t),
            "log_correlation": float(np.corrcoef(np.log(size_b), np.log(tokens_t))[0, 1]),
            "effective_draws": effective,
        },
        (
            *(() if fit.health.passed else (fit.health.sentence(),)),
            *rough(effective),
            *_at_bounds(size_b, between_b),
            *_CAVEATS,
        ),
        pd.DataFrame({"params_b": size_b, "tokens_t": tokens_t}),
    )


_CAVEATS = (
    "size and tokens trade off along a ridge, and a recipe better than others' looks like either: "
    "no single pair is the answer",
    "sizes are of a dense model; a mixture of experts of this effective size has more parameters "
    "in all, and fewer active",
)


def _shapes(design: LawDesign, size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return contrasts (3, sample, 1) of dense models of given sizes, drawn from those known."""
    dense = design.architectures.dense.to_numpy()
    models = design.architectures.models[dense]
    chosen = rng.integers(dense.sum(), size=len(size))
    depth, ffn = (design.contrasts[i, dense][chosen][:, None] for i in (0, 1))
    # Bulk and size differ by a factor that is nearly constant.
    known = design.log_total[dense]
    gap = np.nanmedian(bulk(models["layers"], models["hidden"]) - known)
    x = size + gap
    aspect = depth + design.typical.depth[0] + design.typical.depth[1] * x
    layers, hidden = 10 ** ((x + 9 + 2 * aspect) / 3), 10 ** ((x + 9 - aspect) / 3)
    width = hidden * 10 ** (ffn + design.typical.ffn[0] + design.typical.ffn[1] * x)
    return np.stack([depth, ffn, instability(layers, hidden, width)])


def _ridge(size_b: np.ndarray, tokens_t: np.ndarray) -> pd.DataFrame:
    rows = {}
    for low, high in pairwise(EDGES_B):
        inside = (size_b >= low) & (size_b < high)
        bounds = (
            np.quantile(tokens_t[inside], [0.05, 0.5, 0.95]) if inside.sum() > 20 else [np.nan] * 3
        )
        rows[f"{low:g} to {high:g}B"] = {
            "probability": float(inside.mean()),
            "tokens_t_median": bounds[1],
            "tokens_t_lower90": bounds[0],
            "tokens_t_upper90": bounds[2],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("params")


def _at_bounds(size_b: np.ndarray, between_b: tuple[float, float]) -> list[str]:
    """Say where the interval ends because the sizes considered do."""
    found = []
    for bound, name in zip(between_b, ("smallest", "largest"), strict=True):
        share = (np.abs(np.log(size_b / bound)) < np.log(NEAR)).mean()
        if share > AT_BOUND:
            found.append(
                f"{share:.0%} of the posterior lie within a factor of {NEAR:g} of the {name} size "
                f"considered, {bound:g} billion: that end of the interval is the bound's, not the "
                "data's"
            )
    return found


def _sentence(size_b: np.ndarray, tokens_t: np.ndarray) -> str:
    size, tokens = interval(size_b), interval(tokens_t)
    return (
        f"Size {size['lower90']:.3g} to {size['upper90']:.3g} billion parameters, tokens "
        f"{tokens['lower90']:.3g} to {tokens['upper90']:.3g} trillion (90 % each, not both)."
    )
