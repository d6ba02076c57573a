"""What the published laws are fitted to: complete models of families with enough of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_sloth.errors import InputError
from bayes_sloth.folds import Fold, complete_models
from bayes_sloth.scores import Scores

type Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Covariates:
    """What the laws know about models.

    Attributes
    ----------
    size, tokens : ndarray of shape (model,)
        Logarithms of billions of parameters and of trillions of tokens.
    family : ndarray of shape (model, family)
        One where the model is of the variant, otherwise zero.
    """

    size: Floats
    tokens: Floats
    family: Floats

    @property
    def translog(self) -> Floats:
        """Log tokens, log size and their product, of shape (model, 3)."""
        return np.column_stack([self.tokens, self.size, self.tokens * self.size])

    def flops(self, *, by_family: bool) -> Floats:
        """Return the logarithm of training compute, in one column or in one for each family.

        Compute is 6 operations per parameter and token, in units of 1e21.
        """
        flops: Floats = (np.log(6) + self.size + self.tokens)[:, None]
        return flops * self.family if by_family else flops

    def intercept(self, *, by_family: bool) -> Floats:
        """Return the columns of an intercept, shared or of each family."""
        return self.family if by_family else np.ones((len(self.size), 1))


@dataclass(frozen=True, eq=False)
class Table:
    """A training table and the models to forecast.

    Attributes
    ----------
    known, asked : Covariates
        Of the models in training, and of those to forecast.
    scores : ndarray of shape (model, benchmark)
        Of the models in training; none is missing.
    chance : ndarray of shape (benchmark,)
        Scores of guessing.
    """

    known: Covariates
    asked: Covariates
    scores: Floats
    chance: Floats


def training_table(train: Scores, fold: Fold) -> Table:
    """Collect what the published laws are fitted to.

    They use models with size, tokens and every score of the suite, of variants with more than
    `seen` of them, and the seen models of the fold.

    Parameters
    ----------
    train : Scores
        The table without what the fold hides.
    fold : Fold
        What is held out.

    Returns
    -------
    Table
    """
    variant = complete_models(train, fold.benchmarks)
    enough = variant.groupby(variant).transform("size") > fold.seen
    variant = variant[enough | variant.index.isin(fold.seen_models)]
    families = pd.Index(sorted(set(variant)))
    benchmarks = list(fold.benchmarks)
    return Table(
        known=_covariates(train, list(variant.index), families),
        asked=_covariates(train, list(fold.test_models), families),
        scores=train.values.loc[variant.index, benchmarks].to_numpy(float),
        chance=train.benchmarks.loc[benchmarks, "chance"].to_numpy(float),
    )


def require_seen(fold: Fold, law: str) -> None:
    """Refuse a law that knows nothing of a family of which no model was seen."""
    if fold.seen == 0:
        raise InputError(f"{law} needs a seen model of each family; use at least 1 seen")


def forecast(fold: Fold, values: Floats) -> pd.DataFrame:
    """Name the rows and columns of forecasts, test model by benchmark."""
    return pd.DataFrame(
        values,
        index=pd.Index(fold.test_models, name="model"),
        columns=pd.Index(fold.benchmarks, name="benchmark"),
    )


def _covariates(scores: Scores, models: list[str], families: pd.Index) -> Covariates:
    about = scores.models.loc[models]
    return Covariates(
        size=np.log(about["params_b"].to_numpy(float)),
        tokens=np.log(about["tokens_t"].to_numpy(float)),
        family=np.array([families == variant for variant in about["variant"]], dtype=float),
    )
