"""The design of the Bayesian Performance Law: covariates and indices of a table's models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth.design import typical_level
from bayes_sloth.performance_law.checks import dense_params_b
from bayes_sloth.performance_law.data import CHANCE, Architectures
from bayes_sloth.performance_law.law import Typical, log_size, log_tokens


@dataclass(frozen=True)
class LawDesign:
    """Covariates and indices that the law is made of.

    Attributes
    ----------
    architectures : Architectures
    typical : Typical
        The shape typical of a size, from the dense models.
    developers, lineages : Index
        Names.
    developer_of_model, lineage_of_model : array of shape (model,)
        Positions.
    log_total, log_active, log_tokens : array of shape (model,)
        In tenfolds from 7 billion and 2 trillion; NaN where unknown.
    contrasts : array of shape (3, model)
        Depth, FFN, instability.
    year : array of shape (model,)
        Years from the start of 2024.
    """

    architectures: Architectures
    typical: Typical
    developers: pd.Index
    lineages: pd.Index
    developer_of_model: np.ndarray
    lineage_of_model: np.ndarray
    log_total: np.ndarray
    log_active: np.ndarray
    log_tokens: np.ndarray
    contrasts: np.ndarray
    year: np.ndarray

    @property
    def without_tokens(self) -> np.ndarray:
        """Positions of models whose tokens are unknown."""
        return np.flatnonzero(np.isnan(self.log_tokens))

    @property
    def without_size(self) -> np.ndarray:
        """Positions of (dense) models whose size is unknown."""
        return np.flatnonzero(np.isnan(self.log_total))

    @property
    def size_of_shape(self) -> np.ndarray:
        """Size that a dense model's shape implies, in tenfolds from 7 billion."""
        models = self.architectures.models
        return log_size(dense_params_b(models["layers"], models["hidden"], models["ffn"]))


def make_law_design(architectures: Architectures) -> LawDesign:
    """Return the design of a table of architectures."""
    models, dense = architectures.models, architectures.dense.to_numpy()
    shape = [models[name].to_numpy(float) for name in ("layers", "hidden", "ffn")]
    reference = dense if dense.any() else np.ones(len(models), bool)
    typical = Typical.of(*(column[reference] for column in shape))
    developer_of_model, developers = pd.factorize(models["developer"])
    lineage_of_model, lineages = pd.factorize(models["lineage"])
    return LawDesign(
        architectures=architectures,
        typical=typical,
        developers=pd.Index(developers, name="developer"),
        lineages=pd.Index(lineages, name="lineage"),
        developer_of_model=developer_of_model,
        lineage_of_model=lineage_of_model,
        log_total=log_size(models["params_b"]),
        log_active=log_size(models["active_params_b"]),
        log_tokens=log_tokens(models["tokens_t"]),
        contrasts=typical.contrasts(shape[0], shape[1], shape[2], dense),
        year=models["year"].to_numpy(float),
    )


def known_cells(values: np.ndarray) -> dict[str, Any]:
    """Return the model's mutable data: which cells are known, and what they say.

    Parameters
    ----------
    values : array of shape (model, source)
        MMLU in [0, 1], NaN where unknown or held out.

    Returns
    -------
    dict
        ``cell``: positions in the flattened table; ``known_mmlu``; ``reference``: the typical
        level, where the link is anchored.
    """
    known = ~np.isnan(values)
    best = np.where(known[:, 1], values[:, 1], values[:, 0])
    reference = typical_level(best[:, None], np.array([CHANCE]))
    return {
        "cell": np.flatnonzero(known),
        "known_mmlu": values[known],
        "reference": float(reference[0]),
    }
