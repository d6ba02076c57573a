"""The law that nothing grows: what the largest seen sibling scores."""

from __future__ import annotations

import pandas as pd

from bayes_sloth.baselines.table import forecast, require_seen
from bayes_sloth.folds import Fold
from bayes_sloth.scores import Scores


def carried_over(train: Scores, fold: Fold) -> pd.DataFrame:
    """Carry over the scores of the largest seen model of the same variant.

    Parameters
    ----------
    train : Scores
        The table without what the fold hides.
    fold : Fold
        What is held out.

    Returns
    -------
    DataFrame, test model by benchmark
    """
    require_seen(fold, "carrying scores over")
    variant = train.models["variant"]
    largest = {variant[model]: model for model in fold.seen_models}  # sorted by size
    siblings = [largest[variant[model]] for model in fold.test_models]
    return forecast(fold, train.values.loc[siblings, list(fold.benchmarks)].to_numpy(float))
