"""The design of the skills model: which model belongs where, and its covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.priors import UNTUNED
from bayes_sloth.scores import Scores
from bayes_sloth.shapes import shape_contrasts

REFERENCE_PARAMS_B = 7.0
REFERENCE_TOKENS_T = 2.0


def covariates(params_b: np.ndarray, tokens_t: np.ndarray, instruct: np.ndarray) -> np.ndarray:
    """Return the covariates of models, in tenfolds from 7 billion parameters and 2 trillion tokens.

    Parameters
    ----------
    params_b, tokens_t : array of shape (..., model)
        Parameters in billions, tokens in trillions.
    instruct : array of shape (..., model)
        Whether the model is tuned to follow instructions.

    Returns
    -------
    array of shape (..., model, covariate)
        Columns as `bayes_sloth.priors.COVARIATES`: size, tokens, size x tokens (the production
        function of Sloth, arXiv 2412.06540, eq. 4), size squared (a term of the translog that Sloth
        leaves out: returns to size diminish on the logit scale too, and without it only a low
        ceiling could say so), and the effect of tuning on the level and on the growth with size
        and tokens.
    """
    size = np.log10(np.asarray(params_b, float) / REFERENCE_PARAMS_B)
    tokens = np.log10(np.asarray(tokens_t, float) / REFERENCE_TOKENS_T)
    tuned = np.asarray(instruct, float)
    columns = [size, tokens, size * tokens, size**2, tuned, tuned * size, tuned * tokens]
    return np.stack(columns, axis=-1)


@dataclass(frozen=True)
class Design:
    """Indices and covariates that the model is made of.

    A lineage's **trunk** is its base variant (that with most models, if there are several): its
    level is the lineage's. Every other variant, tuned or not, deviates from the trunk.

    Attributes
    ----------
    scores : Scores
        The models and benchmarks that take part.
    lineages, variants, deviating : Index
        Names; ``deviating`` are the variants that are not a trunk.
    lineage_of_model : array of shape (model,)
        Position of each model's lineage.
    deviation_of_model : array of shape (model,)
        Position of each model's variant among the deviating ones, -1 for a trunk.
    x : array of shape (model, covariate)
        Covariates.
    centre : array of shape (lineage, covariate)
        Where a lineage's level is measured: its models' mean size and tokens, untuned.
    tuning : array of shape (deviating, covariate)
        Mean over a variant's models of the covariates that are about tuning.
    architecture : array of shape (model, 2)
        Contrasts of depth and FFN size (`bayes_sloth.shapes`), zero where unknown; used where the
        specification says so.
    """

    scores: Scores
    lineages: pd.Index
    variants: pd.Index
    deviating: pd.Index
    lineage_of_model: np.ndarray
    deviation_of_model: np.ndarray
    x: np.ndarray
    centre: np.ndarray
    tuning: np.ndarray
    architecture: np.ndarray

    @property
    def chance(self) -> np.ndarray:
        """Chance level, of shape (benchmark,)."""
        return self.scores.benchmarks["chance"].to_numpy(float)

    @property
    def items(self) -> np.ndarray:
        """Number of items, of shape (benchmark,); infinite where unknown: no sampling noise."""
        return self.scores.benchmarks["n_items"].astype(float).fillna(np.inf).to_numpy()


def make_design(scores: Scores) -> Design:
    """Return the design of a table of scores.

    Parameters
    ----------
    scores : Scores
        All models need a size and tokens; scores may be missing.

    Returns
    -------
    Design
    """
    models = scores.models
    unsized = models.index[models[["params_b", "tokens_t"]].isna().any(axis=1)]
    if len(unsized):
        raise InputError(
            f"{scores.source}: size or tokens of '{unsized[0]}' are unknown; "
            "use scores.with_size_and_tokens() to set such models aside"
        )
    x = covariates(*(models[c].to_numpy() for c in ("params_b", "tokens_t", "instruct")))
    lineage_of_model, lineages = pd.factorize(models["lineage"])
    trunks = _trunks(models)
    variants = pd.Index(models["variant"].unique(), name="variant")
    deviating = variants[~variants.isin(trunks)]
    untuned = np.where(np.arange(x.shape[1]) < UNTUNED, x, 0.0)  # as a trunk is
    centre = pd.DataFrame(untuned).groupby(lineage_of_model).mean().to_numpy()
    deviation_of_model = deviating.get_indexer(models["variant"])
    tuning = (
        pd.DataFrame(x[:, UNTUNED:]).groupby(deviation_of_model).mean().drop(-1, errors="ignore")
    )
    return Design(
        scores=scores,
        lineages=pd.Index(lineages, name="lineage"),
        variants=variants,
        deviating=deviating,
        lineage_of_model=lineage_of_model,
        deviation_of_model=deviation_of_model,
        x=x,
        centre=centre,
        tuning=tuning.to_numpy(),
        architecture=shape_contrasts(models.index),
    )


def _trunks(models: pd.DataFrame) -> set[str]:
    """Return each lineage's base variant with most models."""
    base = models[~models["instruct"].astype(bool)]
    sizes = base.groupby(["lineage", "variant"], sort=False).size()
    return set(sizes.groupby("lineage", sort=False).idxmax().str[1]) if len(sizes) else set()


def chance_corrected_logits(values: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return logits of chance-corrected scores, kept within 0.01 and 0.99; NaN where unknown."""
    corrected = np.clip((values - chance) / (1 - chance), 0.01, 0.99)
    return np.log(corrected) - np.log1p(-corrected)


def typical_level(values: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Return each benchmark's typical level, chance-corrected: where the link is anchored.

    The logistic of the mean logit of the known scores; the benchmark's middle (0.5) where no
    score is known.

    Parameters
    ----------
    values : array of shape (model, benchmark)
        Scores, NaN where unknown or hidden.
    chance : array of shape (benchmark,)

    Returns
    -------
    array of shape (benchmark,)
    """
    logits = chance_corrected_logits(values, chance)
    known = ~np.isnan(logits)
    mean = np.where(known, logits, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return 1 / (1 + np.exp(-mean))


def weak_benchmarks(design: Design, values: np.ndarray) -> np.ndarray:
    """Return which benchmarks say little of one variant, of shape (benchmark,).

    Those on which the item sampling of one score, at the typical level, is more than 0.15 logits:
    more than what is special to a variant there usually is. The most telling one never counts.
    """
    level, chance = typical_level(values, design.chance), design.chance
    mu = chance + (1 - chance) * level
    noise = np.sqrt(mu * (1 - mu) / design.items) / ((1 - chance) * level * (1 - level))
    return (noise > 0.15) & (np.arange(len(noise)) != noise.argmin())


def lineage_logits(design: Design, values: np.ndarray) -> np.ndarray:
    """Return mean logits of each lineage about the benchmark's mean; 0 where nothing is known."""
    logits = chance_corrected_logits(values, design.chance)
    known = ~np.isnan(logits)
    mean = np.where(known, logits, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    means = pd.DataFrame(logits - mean).groupby(design.lineage_of_model).mean()
    return means.fillna(0.0).to_numpy()


def principal_directions(design: Design, values: np.ndarray, skills: int) -> np.ndarray:
    """Return the directions in which lineages differ most, of shape (benchmark, skill).

    Leading right singular vectors of the lineages' standardised mean logits: orthonormal columns.
    They fix the rotation of the skills while sampling, nothing else (`bayes_sloth.model`).
    """
    logits = lineage_logits(design, values)
    standard = logits / np.maximum(logits.std(axis=0), 1e-6)
    rows = max(skills - len(standard), 0)  # fewer lineages than skills
    padded = np.pad(standard, ((0, rows), (0, 0)))
    return np.linalg.svd(padded, full_matrices=True)[2][:skills].T
