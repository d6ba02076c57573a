"""What a forecast from skills is measured against: point forecasts of downstream scores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd

from bayes_sloth.design import chance_corrected_logits
from bayes_sloth.downstream.measurements import Measurements
from bayes_sloth.scores import Scores

EDGE = 0.005  # logits stop here: scores of 0 are common
ROUNDS = 50


class Baseline(Protocol):
    """A law that forecasts the scores of models on a task from those of others."""

    def __call__(self, task: Measurements, scores: Scores, models: Sequence[str]) -> np.ndarray:
        """Return forecasts of shape (model,)."""
        ...


def pca_logistic(
    task: Measurements, scores: Scores, models: Sequence[str], *, dimension: int = 2
) -> np.ndarray:
    r"""Principal components of the leaderboard's scores, and a logistic regression on them.

    Components of all models' scores (chance-corrected logits, missing ones filled in by the
    components, iteratively), and
    :math:`\operatorname{logit} q_m = a + b^\top \text{component}_m` by least squares.

    Parameters
    ----------
    task : Measurements
        What is known; of models in `scores`.
    scores : Scores
        Of the leaderboard, for models known and asked.
    models : sequence of str
        What to forecast.
    dimension : int

    Returns
    -------
    array of shape (model,)

    References
    ----------
    Ruan, Maddison and Hashimoto (2024), Observational scaling laws, arXiv:2405.10938.
    """
    chance = scores.benchmarks["chance"].to_numpy(float)
    components = pd.DataFrame(
        _components(chance_corrected_logits(scores.values.to_numpy(float), chance), dimension),
        index=scores.models.index,
    ).assign(intercept=1.0)
    span = task.upper - task.chance
    q = np.clip((task.table["score"].to_numpy() - task.chance) / span, EDGE, 1 - EDGE)
    known = components.loc[task.table["model"]].to_numpy()
    coefficients, *_ = np.linalg.lstsq(known, np.log(q / (1 - q)))
    eta = components.loc[list(models)].to_numpy() @ coefficients
    return task.chance + span / (1 + np.exp(-eta))


def lineage_mean(task: Measurements, scores: Scores, models: Sequence[str]) -> np.ndarray:
    """Return the mean score of each model's lineage; of all models where none of it is known.

    With the whole lineage held out this is the mean of the others: what is known without skills.
    """
    lineage = scores.models["lineage"]
    means = task.table["score"].groupby(task.table["model"].map(lineage)).mean()
    overall = task.table["score"].mean()
    return np.array([means.get(lineage[name], overall) for name in models])


def _components(table: np.ndarray, dimension: int) -> np.ndarray:
    """Return principal components, missing cells filled in by them until they agree."""
    missing = np.isnan(table)
    mean, sd = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    standard = (table - mean) / np.where(sd > 0, sd, 1)
    filled = np.where(missing, 0.0, standard)
    for _ in range(ROUNDS):
        left, size, right = np.linalg.svd(filled, full_matrices=False)
        low_rank = left[:, :dimension] * size[:dimension] @ right[:dimension]
        filled = np.where(missing, low_rank, standard)
    return left[:, :dimension] * size[:dimension]


BASELINES: dict[str, Baseline] = {
    "PCA + logistic, d=1": partial(pca_logistic, dimension=1),
    "PCA + logistic, d=2": partial(pca_logistic, dimension=2),
    "mean of the lineage": lineage_mean,
}
