"""Principal components of the scores, each linear in the logarithm of training compute."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_sloth.baselines.table import forecast, require_seen, training_table
from bayes_sloth.folds import Fold
from bayes_sloth.scores import Scores


def pca_flops(train: Scores, fold: Fold, *, dimension: int = 2) -> pd.DataFrame:
    r"""Forecast principal components from compute, and scores from the components.

    With :math:`P` the leading principal axes of the centred scores of the training table,

    .. math:: (y_m - \bar y) P = \alpha_v + \beta \log C_m, \qquad C = 6 s t

    by least squares, where :math:`\alpha` belongs to the variant. With two models seen or more,
    so does the slope :math:`\beta`.

    Parameters
    ----------
    train : Scores
        The table without what the fold hides.
    fold : Fold
        What is held out.
    dimension : int
        Number of components.

    Returns
    -------
    DataFrame, test model by benchmark

    References
    ----------
    Ruan, Maddison and Hashimoto (2024), Observational scaling laws and the predictability of
    language model performance, arXiv:2405.10938; as adapted in Sloth, arXiv:2412.06540,
    appendix E.
    """
    require_seen(fold, "PCA + FLOPs")
    table = training_table(train, fold)
    mean = table.scores.mean(axis=0)
    axes = np.linalg.svd(table.scores - mean, full_matrices=False)[2][:dimension]
    components = (table.scores - mean) @ axes.T
    known, asked = (
        np.hstack([models.flops(by_family=fold.seen > 1), models.intercept(by_family=True)])
        for models in (table.known, table.asked)
    )
    coefficients, *_ = np.linalg.lstsq(known, components)
    return forecast(fold, mean + asked @ coefficients @ axes)
