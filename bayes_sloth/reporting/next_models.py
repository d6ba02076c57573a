"""Which models a report forecasts if none are named: the next larger size of known families."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_sloth.scores import Scores

FAMILIES = 4
# Twice the largest known size: beyond it, a forecast is called extrapolation (`asked.FAR`).
STEP = 2.0


def next_models(scores: Scores, families: int = FAMILIES) -> pd.DataFrame:
    """Return the next larger size of the lineages with the most models.

    Of each lineage, the variant with the most models; among equals, the one with more tokens.

    Parameters
    ----------
    scores : Scores
        Of a fit.
    families : int

    Returns
    -------
    DataFrame
        As `bayes_sloth.forecast` takes it: ``family``, ``params_b``, ``tokens_t``, ``instruct``.
    """
    counted = scores.models.groupby("variant").agg(
        models=("params_b", "size"), tokens_t=("tokens_t", "max"), lineage=("lineage", "first")
    )
    ordered = counted.sort_values(["models", "tokens_t"], ascending=False, kind="stable")
    chosen = ordered.drop_duplicates("lineage").index[:families]
    return pd.concat([next_model(scores, str(name)) for name in chosen])


def next_model(scores: Scores, family: str, instruct: bool = False) -> pd.DataFrame:
    """Return a family's next larger size, on the tokens of its largest model."""
    own = scores.of_family(family)
    largest = own.sort_values(["params_b", "tokens_t"]).iloc[-1]
    tuned = bool(own["instruct"].all()) or instruct
    return named_models(family, [float(f"{STEP * largest['params_b']:.2g}")],
                        float(largest["tokens_t"]), tuned)  # fmt: skip


def named_models(
    family: str, params_b: Sequence[float], tokens_t: float, instruct: bool
) -> pd.DataFrame:
    """Return models of one family that differ in size, each named by family and size."""
    names = [f"{family}, {size:g}B" for size in params_b]
    return pd.DataFrame(
        {"family": family, "params_b": params_b, "tokens_t": tokens_t, "instruct": instruct},
        index=pd.Index(names, name="model"),
    )


def sizes_around(known: pd.Series, asked: pd.Series, points: int = 15) -> np.ndarray:
    """Return sizes (billions) for a curve through the known models and those asked for."""
    low = min(known.min() if len(known) else asked.min() / 8, asked.min())
    high = max(known.max() if len(known) else 0.0, 1.25 * asked.max())
    return np.unique(np.r_[np.geomspace(low, high, points), asked.to_numpy(float)])
