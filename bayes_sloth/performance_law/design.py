"""The design of the Bayesian Performance Law: covariates and indices of a table's models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_sloth.performance_law.checks import dense_params_b
from bayes_sloth.performance_law.data import CHANCE, Architectures
from bayes_sloth.performance_law.law import Typical, log_size, log_tokens

NOISE, DEPARTURE = 0.01, 0.3  # of a score; of a model from the law, in logits: about


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


def known_cells(design: LawDesign, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the model's mutable data: which cells are known, what they say, whom they tell of.

    Parameters
    ----------
    design : LawDesign
    values : array of shape (model, source)
        MMLU in [0, 1], NaN where unknown or held out.

    Returns
    -------
    dict
        ``cell``: positions in the flattened table; ``known_mmlu``; and for models, lineages and
        developers how much their own data say of their effects (`centring`), within [0, 1].
    """
    known = ~np.isnan(values)
    measured = known.any(axis=1).astype(float)
    return {
        "cell": np.flatnonzero(known),
        "known_mmlu": values[known],
        "model_centring": precision_share(values),
        "lineage_centring": centring(design.lineage_of_model, measured),
        "developer_centring": centring(design.developer_of_model, measured),
    }


def precision_share(values: np.ndarray) -> np.ndarray:
    """Return how much of what is known of each model's ability its own scores say, in [0, 1].

    With slope ``(1 - c) q (1 - q)`` of the score `q` (chance-corrected) in ability, a score known
    to `NOISE` says ability to ``NOISE / slope``, and the law to `DEPARTURE`. So near guessing,
    where the curve is flat, the law says more.
    """
    best = np.where(np.isnan(values[:, 1]), values[:, 0], values[:, 1])
    q = np.clip((best - CHANCE) / (1 - CHANCE), 0, 1)
    slope = (1 - CHANCE) * q * (1 - q)
    return np.nan_to_num(slope**2 / (slope**2 + (NOISE / DEPARTURE) ** 2))


def centring(group_of_model: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return how far to centre each group's effect: 0 without data, towards 1 with much.

    With `n` measured models that differ as much within a group as groups differ, data make up
    ``n / (n + 1)`` of what is known of its effect (Papaspiliopoulos, Roberts and Skoeld 2007). It
    changes the coordinates of the sampler, never the posterior.
    """
    n = np.bincount(group_of_model, weights=measured)
    return np.asarray(n / (n + 1))
