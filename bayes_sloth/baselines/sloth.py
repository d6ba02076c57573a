r"""Sloth's point fit, and the plain laws that are special cases of it.

.. math::

    y_{mb} = c_b + (1 - c_b)\, \sigma_b\Big(a_b + \sum_k \lambda_{kb} \theta_{mk}\Big), \qquad
    \theta_{mk} = \alpha_{vk} + \beta_k^T x_m

with :math:`x = (\log t, \log s, \log s \log t)`, an efficiency :math:`\alpha` of each variant,
and a link that is logistic or a trained increasing network. The fit minimises the mean Huber
loss with bend at 0.01 by Adam from random starts, at three learning rates, of which the lowest
error in training wins. A trained link starts from the fit with the logistic one, and trains the
lower asymptotes too.

`flops` and `size_tokens` fit each benchmark for itself: one skill per benchmark.

References
----------
Maia Polo et al. (2024), Sloth: scaling laws for LLM skills to predict multi-benchmark performance
across families, arXiv:2412.06540, sections 3 and 4.2.
Owen (2024), How predictable is language model benchmark performance?, arXiv:2401.04757.
Ruan, Maddison and Hashimoto (2024), arXiv:2405.10938.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bayes_sloth.baselines.adam import Floats, descend
from bayes_sloth.baselines.skills import SkillsProblems
from bayes_sloth.baselines.table import Covariates, forecast, require_seen, training_table
from bayes_sloth.folds import Fold
from bayes_sloth.scores import Scores

type Intercept = Literal["family", "shared"]
type Link = Literal["fixed", "trained"]

RATES = (0.1, 0.01, 0.001)


# --- the laws ---------------------------------------------------------------------------------


def sloth_point(
    train: Scores,
    fold: Fold,
    *,
    dimension: int = 3,
    link: Link = "trained",
    intercept: Intercept = "family",
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast with Sloth's point fit.

    Parameters
    ----------
    train : Scores
        The table without what the fold hides.
    fold : Fold
        What is held out.
    dimension : int
        Number of skills.
    link : {"trained", "fixed"}
        An increasing network per benchmark, or the logistic function with lower asymptotes at
        the scores of guessing (Sloth basic).
    intercept : {"family", "shared"}
        Whether each variant has its own efficiency.
    seed : int
        Of the random start.

    Returns
    -------
    DataFrame, test model by benchmark
    """
    return sloth_point_by_seed(
        train, fold, [seed], dimension=dimension, link=link, intercept=intercept
    )[0]


def sloth_point_by_seed(
    train: Scores,
    fold: Fold,
    seeds: Sequence[int],
    *,
    dimension: int = 3,
    link: Link = "trained",
    intercept: Intercept = "family",
) -> list[pd.DataFrame]:
    """Forecast with Sloth's point fit from several random starts, side by side.

    Parameters
    ----------
    train, fold, dimension, link, intercept
        As for `sloth_point`.
    seeds : sequence of int
        Of the random starts.

    Returns
    -------
    list of DataFrame, test model by benchmark
        One for each seed.
    """
    law = Law(lambda models: models.translog, intercept, link, dimension)
    return _fit(law, train, fold, seeds)


def flops(
    train: Scores, fold: Fold, *, intercept: Intercept = "family", seed: int = 0
) -> pd.DataFrame:
    r"""Forecast each benchmark from the logarithm of training compute.

    .. math:: y_{mb} = c_b + (1 - c_b)\, \mathrm{logistic}(\alpha_{vb} + \beta_b \log 6 s t)

    Asymptotes are trained. With two models seen or more, slopes belong to the variant.

    Parameters
    ----------
    train : Scores
        The table without what the fold hides.
    fold : Fold
        What is held out.
    intercept : {"family", "shared"}
        Whether each variant has its own intercept (Ruan et al.) or not (Owen).
    seed : int
        Of the random start.

    Returns
    -------
    DataFrame, test model by benchmark
    """
    law = Law(lambda models: models.flops(by_family=fold.seen > 1), intercept, train_asymptote=True)
    return _fit(law, train, fold, [seed])[0]


def size_tokens(
    train: Scores,
    fold: Fold,
    *,
    link: Link = "trained",
    intercept: Intercept = "family",
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast each benchmark from size, tokens and their product: Sloth without its skills.

    Parameters
    ----------
    train, fold, link, intercept, seed
        As for `sloth_point`.

    Returns
    -------
    DataFrame, test model by benchmark
    """
    law = Law(lambda models: models.translog, intercept, link)
    return _fit(law, train, fold, [seed])[0]


# --- the fit ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """What tells the laws apart.

    Attributes
    ----------
    covariates : callable
        From models to an array of shape (model, covariate).
    intercept : {"family", "shared"}
        Whose the intercepts are.
    link : {"fixed", "trained"}
        The logistic function or a network.
    dimension : int, optional
        Number of skills; without it each benchmark is fitted for itself.
    train_asymptote : bool
        Whether lower asymptotes are trained with the fixed link too.
    """

    covariates: Callable[[Covariates], Floats]
    intercept: Intercept
    link: Link = "fixed"
    dimension: int | None = None
    train_asymptote: bool = False

    def design(self, models: Covariates) -> Floats:
        """Return covariates and intercepts, of shape (model, coefficient)."""
        intercept = models.intercept(by_family=self.intercept == "family")
        return np.hstack([self.covariates(models), intercept]).astype(np.float32)


def _fit(law: Law, train: Scores, fold: Fold, seeds: Sequence[int]) -> list[pd.DataFrame]:
    """Fit a law from each seed, side by side, and forecast the test models."""
    if law.intercept == "family":
        require_seen(fold, "an intercept of each family")
    table = training_table(train, fold)
    # A problem is a seed, and within it a benchmark where benchmarks are fitted apart.
    together = law.dimension is not None
    scores = table.scores[None] if together else table.scores.T[:, :, None]
    chance = table.chance[None, None] if together else table.chance[:, None, None]
    problems = SkillsProblems(
        design=law.design(table.known),
        scores=np.tile(scores, (len(seeds), 1, 1)).astype(np.float32),
        chance=np.tile(chance, (len(seeds), 1, 1)).astype(np.float32),
        dimension=law.dimension or 1,
        train_asymptote=law.train_asymptote,
    )
    slopes = law.covariates(table.known).shape[1]
    fitted = best_rate(problems, problems.draw(seeds, slopes))
    if law.link == "trained":
        fixed = problems.unpack(fitted)
        problems = replace(problems, train_asymptote=True, train_link=True)
        fitted = best_rate(problems, problems.draw(seeds, slopes, resume=fixed))
    values = problems.values(fitted, law.design(table.asked))
    return [
        forecast(fold, np.concatenate(list(parts), axis=1))
        for parts in np.split(values, len(seeds))
    ]


def best_rate(problems: SkillsProblems, start: Floats) -> Floats:
    """Descend at each learning rate; keep for each problem the one with the lowest error."""
    count = len(RATES)
    descent = descend(
        problems.repeat(count),
        np.repeat(start, count, axis=0),
        np.tile(RATES, len(start)),
        nonnegative=problems.nonnegative,
    )
    best = descent.error.reshape(-1, count).argmin(axis=1)
    return descent.parameters.reshape(-1, count, start.shape[1])[np.arange(len(start)), best]
