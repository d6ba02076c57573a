"""Laws that others have published, to be measured against: point forecasts of held-out models.

Each is called with the table without what a fold hides, and the fold, and returns forecasts, test
model by benchmark:

>>> from bayes_sloth.baselines import BASELINES
>>> from bayes_sloth.folds import make_folds
>>> from bayes_sloth.scores import load_scores
>>> scores = load_scores(errata=False)
>>> fold = make_folds(scores, "v2", seen=1)[0]
>>> forecasts = BASELINES["carried over"](scores.hide(fold.hidden), fold)
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import pandas as pd

from bayes_sloth.baselines.carried import carried_over
from bayes_sloth.baselines.components import pca_flops
from bayes_sloth.baselines.conformal import conformal_intervals
from bayes_sloth.baselines.sloth import flops, size_tokens, sloth_point, sloth_point_by_seed
from bayes_sloth.folds import Fold
from bayes_sloth.scores import Scores


class Baseline(Protocol):
    """A law that forecasts the test models of a fold."""

    def __call__(self, train: Scores, fold: Fold) -> pd.DataFrame:
        """Return forecasts, test model by benchmark."""
        ...


DIMENSIONS = (1, 2, 3, 4)

BASELINES: dict[str, Baseline] = {
    "carried over": carried_over,
    "FLOPs, shared intercept": partial(flops, intercept="shared"),
    "FLOPs, family intercept": partial(flops, intercept="family"),
    "Size and tokens": size_tokens,
    **{f"PCA + FLOPs, d={d}": partial(pca_flops, dimension=d) for d in DIMENSIONS},
    **{
        f"Sloth shared intercept, d={d}": partial(sloth_point, dimension=d, intercept="shared")
        for d in DIMENSIONS
    },
    **{f"Sloth basic, d={d}": partial(sloth_point, dimension=d, link="fixed") for d in DIMENSIONS},
    **{f"Sloth, d={d}": partial(sloth_point, dimension=d) for d in DIMENSIONS},
}

__all__ = [
    "BASELINES",
    "Baseline",
    "carried_over",
    "conformal_intervals",
    "flops",
    "pca_flops",
    "size_tokens",
    "sloth_point",
    "sloth_point_by_seed",
]
