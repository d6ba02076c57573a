r"""The linear predictor of models that the fit has not seen: normal, given a posterior draw.

For the new models of one family, given a draw of the fit's parameters,

.. math:: \eta = m + \sum_e F_e z_e, \qquad z_e \sim N(0, I),

where :math:`m` holds what the draw knows (level, growth, deviation of a seen variant), and each
**effect** :math:`e` what it does not: the level of a family nobody has seen
(:math:`F = [\Lambda, \operatorname{diag}\psi]`), the deviation of a new variant
(:math:`F = [\rho \Lambda, \operatorname{diag}\psi_v]`), the skill of a model
(:math:`F = \tau \Lambda`), and a size or number of tokens that is not known. Models share an
effect or have it alone. A forecast draws z from its prior, `bayes_sloth.conditioning` given scores.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth import link
from bayes_sloth.design import (
    REFERENCE_PARAMS_B,
    REFERENCE_TOKENS_T,
    Design,
    covariates,
    typical_level,
)

# A model of unknown size may be larger or smaller than any known: sizes as in the data, spread by
# this factor (in tenfolds).
WIDER = 1.5
POSITIONS = ["lineage_position", "deviation_position"]
type Draws = dict[str, np.ndarray]


@dataclass(frozen=True)
class Effect:
    """Something unknown about new models, normal given a draw.

    Attributes
    ----------
    rows : array of int
        The models that share it, by position within the family.
    factor : array of shape (sample, benchmark, coordinate)
        What a standard normal coordinate does to the linear predictor.
    """

    rows: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True)
class Family:
    """New models of one family, before any score of theirs.

    Attributes
    ----------
    mean : array of shape (sample, model, benchmark)
        Linear predictor without the effects.
    effects : list of Effect
    size : array of shape (sample or 1, model, 2)
        Tenfolds of parameters and tokens from the reference; where unknown, prior draws, or the
        prior mean where an effect stands for the rest.
    size_effects : dict
        From position of a model to (0 parameters or 1 tokens, prior sd in tenfolds, position of
        the effect).
    """

    mean: np.ndarray
    effects: list[Effect]
    size: np.ndarray
    size_effects: dict[int, tuple[int, float, int]]

    def take(self, chosen: np.ndarray) -> Family:
        """Return the family with the chosen draws, some of them more than once."""
        effects = [replace(e, factor=e.factor[chosen]) for e in self.effects]
        size = self.size if len(self.size) == 1 else self.size[chosen]
        return replace(self, mean=self.mean[chosen], effects=effects, size=size)

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Draw the effects' coordinates from their prior, each of shape (sample, coordinate)."""
        samples = len(self.mean)
        return [rng.standard_normal((samples, e.factor.shape[-1])) for e in self.effects]

    def predictor(self, coordinates: list[np.ndarray]) -> np.ndarray:
        """Return the linear predictor, of shape (sample, model, benchmark)."""
        eta = self.mean.copy()
        for effect, z in zip(self.effects, coordinates, strict=True):
            eta[:, effect.rows] += np.matmul(effect.factor, z[..., None])[:, None, :, 0]
        return eta

    def sizes(self, coordinates: list[np.ndarray]) -> np.ndarray:
        """Return parameters (billions) and tokens (trillions), of shape (sample, model, 2)."""
        size = np.broadcast_to(self.size, (len(self.mean), *self.size.shape[1:])).copy()
        for row, (which, sd, effect) in self.size_effects.items():
            size[:, row, which] += sd * coordinates[effect][:, 0]
        return 10**size * np.array([REFERENCE_PARAMS_B, REFERENCE_TOKENS_T])


def stacked(posterior: Any) -> Draws:
    """Return the draws as arrays with chains and draws in one leading axis."""
    return {
        str(name): array.to_numpy().reshape(-1, *array.shape[2:])
        for name, array in posterior.transpose("chain", "draw", ...).data_vars.items()
    }


def families(placed: pd.DataFrame) -> list[np.ndarray]:
    """Return positions of the models of each family: a lineage, or a name nobody has seen."""
    seen = placed["lineage_position"] >= 0
    key = placed["family"].astype(str).where(~seen, placed["lineage_position"].astype(str))
    return [np.asarray(rows) for rows in placed.groupby([seen, key], sort=False).indices.values()]


def fitted_predictor(
    posterior: dict[str, np.ndarray], design: Design, rows: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """Return eta of fitted models, of shape (sample, model, benchmark)."""
    lineage = design.lineage_of_model[rows]
    away = design.x[rows] - design.centre[lineage]
    growth = posterior["growth"]
    eta = posterior["lineage_level"][:, lineage] + away[:, 1:] @ growth[:, 1:]
    slope = posterior.get("lineage_slope")
    eta += away[:, :1] * (growth[:, :1] if slope is None else slope[:, lineage])
    if "architecture_effect" in posterior:
        eta += design.architecture[rows] @ posterior["architecture_effect"]
    deviation = design.deviation_of_model[rows]
    if (deviation >= 0).any():
        eta[:, deviation >= 0] += posterior["variant_deviation"][:, deviation[deviation >= 0]]
    scale = posterior["model_scale"][:, None, None]
    skill = posterior["model_skill"][:, rows]
    return eta + scale * skill @ np.swapaxes(posterior["loadings"], 1, 2)


def family_prior(
    posterior: Draws,
    design: Design,
    placed: pd.DataFrame,
    rng: np.random.Generator,
    *,
    one_model: bool = False,
) -> Family:
    """Return the linear predictor of new models of one family, before any score of theirs.

    Parameters
    ----------
    posterior : dict of arrays
        Draws (`stacked`).
    design : Design
        Of the fit.
    placed : DataFrame
        Models of one family (`families`): params_b, tokens_t (NaN where unknown), instruct,
        lineage_position (-1: unseen), deviation_position (-1: none, -2: new).
    rng : Generator
        Draws what is unknown and not normal given the rest.
    one_model : bool
        Whether the rows are one model at several sizes, with one skill, not models of their own.

    Returns
    -------
    Family
    """
    size, spread = _sizes(design, placed, len(posterior["dof"]), rng)
    x = _covariates(size, placed)
    position = int(placed["lineage_position"].iloc[0])
    slope = _slope(posterior, position, rng)
    mean = _level(posterior, position) + _growth(
        posterior, x - (design.centre[position] if position >= 0 else 0.0), slope
    )
    deviation = placed["deviation_position"].to_numpy()
    seen = deviation >= 0
    mean[:, seen] += posterior["variant_deviation"][:, deviation[seen]] if seen.any() else 0.0
    effects = _shared_effects(posterior, placed, position)
    own = posterior["model_scale"][:, None, None] * posterior["loadings"]
    rows = np.arange(len(placed))
    effects += [Effect(part, own) for part in ([rows] if one_model else rows[:, None])]
    size_effects = {}
    for row, (which, sd) in spread.items():
        step = np.zeros(2)
        step[which] = sd
        change = _covariates(size + step, placed)[:, [row]] - x[:, [row]]
        direction = _growth(posterior, change, slope)[:, 0, :, None]
        size_effects[row] = (which, sd, len(effects))
        effects.append(Effect(np.array([row]), direction))
    return Family(mean, effects, size, size_effects)


@dataclass(frozen=True)
class Curve:
    """What leads from the linear predictor to scores, for every draw.

    Attributes
    ----------
    chance, items, reference : array of shape (benchmark,) or (sample, benchmark)
    ceiling, shape, protocol_sd, residual_sd : array of shape (sample, benchmark)
    dof : array of shape (sample,)
    """

    chance: np.ndarray
    items: np.ndarray
    reference: np.ndarray
    ceiling: np.ndarray
    shape: np.ndarray
    protocol_sd: np.ndarray
    residual_sd: np.ndarray
    dof: np.ndarray

    def take(self, chosen: np.ndarray) -> Curve:
        """Return the chosen draws, some of them more than once."""
        first = {f: getattr(self, f) for f in ("chance", "items", "reference")}
        rest = ("ceiling", "shape", "protocol_sd", "residual_sd", "dof")
        drawn = {f: getattr(self, f)[chosen] for f in rest}
        return Curve(**{f: v[chosen] if v.ndim == 2 else v for f, v in first.items()}, **drawn)

    def at(self, columns: np.ndarray) -> Curve:
        """Return the given benchmarks, some of them more than once."""
        names = [f.name for f in fields(self) if f.name != "dof"]
        return replace(self, **{f: getattr(self, f)[..., columns] for f in names})

    def expected(self, eta: np.ndarray) -> np.ndarray:
        """Return the expected score at eta: (sample, benchmark) or (sample, model, benchmark)."""
        return link.expected(eta, *self._like(eta, "chance", "reference", "ceiling", "shape"))

    def location_and_scale(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return expected score and spread, of the shape of eta."""
        mu = self.expected(eta)
        noise = self._like(eta, "chance", "items", "protocol_sd", "residual_sd")
        return mu, link.spread(mu, *noise)

    def special(self, mu: np.ndarray) -> np.ndarray:
        """Return the part of the spread that is special to a model on a benchmark."""
        chance, residual = self._like(mu, "chance", "residual_sd")
        return link.spread(mu, chance, np.inf, 0.0, residual)

    def _like(self, eta: np.ndarray, *names: str) -> list[np.ndarray]:
        arrays = [getattr(self, name) for name in names]
        return [a[:, None] if a.ndim == 2 and eta.ndim == 3 else a for a in arrays]


def curve_of(posterior: Draws, design: Design) -> Curve:
    """Return the curves of the fitted benchmarks."""
    reference = typical_level(design.scores.values.to_numpy(float), design.chance)
    flat = (len(posterior["dof"]), len(reference))
    return Curve(
        chance=design.chance,
        items=design.items,
        reference=reference,
        ceiling=posterior.get("ceiling", np.ones(flat)),
        shape=posterior.get("link_shape", np.zeros(flat)),
        protocol_sd=posterior["protocol_sd"],
        residual_sd=posterior["residual_sd"],
        dof=posterior["dof"],
    )


def _covariates(size: np.ndarray, placed: pd.DataFrame) -> np.ndarray:
    """Return covariates of shape (sample or 1, model, covariate)."""
    tuned = np.broadcast_to(placed["instruct"].to_numpy(float), size.shape[:2])
    return covariates(
        10 ** size[..., 0] * REFERENCE_PARAMS_B, 10 ** size[..., 1] * REFERENCE_TOKENS_T, tuned
    )


def _level(posterior: Draws, position: int) -> np.ndarray:
    level = posterior["intercept"] if position < 0 else posterior["lineage_level"][:, position]
    return level[:, None]


def _growth(posterior: Draws, x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return what covariates add, of shape (sample, model, benchmark)."""
    return np.matmul(x[..., 1:], posterior["growth"][:, 1:]) + x[..., :1] * slope[:, None]


def _slope(posterior: Draws, position: int, rng: np.random.Generator) -> np.ndarray:
    """Return growth with size, of shape (sample, benchmark); drawn for a new lineage."""
    if position >= 0 and "lineage_slope" in posterior:
        return posterior["lineage_slope"][:, position]
    slope = posterior["growth"][:, 0]
    if position < 0 and "slope_scale" in posterior:
        factor = _factor(posterior, posterior["slope_scale"], "specific_sd", scale_both=True)
        z = rng.standard_normal((len(factor), factor.shape[-1], 1))
        slope = slope + np.matmul(factor, z)[..., 0]
    return slope


def _shared_effects(posterior: Draws, placed: pd.DataFrame, position: int) -> list[Effect]:
    """Return the level of a new family and the deviations of new variants."""
    effects = []
    if position < 0:
        one = np.ones(len(posterior["dof"]))
        factor = _factor(posterior, one, "specific_sd")
        effects.append(Effect(np.arange(len(placed)), factor))
    new = placed[["family", "instruct"]].assign(row=np.arange(len(placed)))
    new = new[(placed["deviation_position"] == -2).to_numpy()]
    if len(new):
        factor = _factor(posterior, posterior["variant_ratio"], "variant_sd")
        for _, part in new.groupby(["family", "instruct"], sort=False):
            effects.append(Effect(part["row"].to_numpy(), factor))
    return effects


def _factor(
    posterior: Draws, ratio: np.ndarray, specific: str, scale_both: bool = False
) -> np.ndarray:
    """Return ``[ratio * L, diag(specific)]``, of shape (sample, benchmark, skill + benchmark)."""
    ratio = ratio[:, None, None]
    diagonal = posterior[specific][:, :, None] * np.eye(posterior[specific].shape[1])
    loadings = ratio * posterior["loadings"]
    return np.concatenate([loadings, ratio * diagonal if scale_both else diagonal], axis=-1)


def _sizes(
    design: Design, placed: pd.DataFrame, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, dict[int, tuple[int, float]]]:
    """Return log sizes and tokens, and what is left unknown of them.

    Given one of them the predictor is linear in the other: where both are unknown, tokens are
    drawn from their prior, and an effect stands for the size.
    """
    reference = np.array([REFERENCE_PARAMS_B, REFERENCE_TOKENS_T])
    logs = np.log10(placed[["params_b", "tokens_t"]].to_numpy(float) / reference)
    unknown = np.isnan(logs)
    size = np.broadcast_to(logs, (samples if unknown.all(axis=1).any() else 1, *logs.shape)).copy()
    spread = {}
    for row in np.flatnonzero(unknown.any(axis=1)):
        mean, sd = size_prior(design, int(placed["lineage_position"].iloc[row]))
        which = 0 if unknown[row, 0] else 1
        size[:, row, which] = mean[which]
        spread[int(row)] = (which, float(sd[which]))
        if unknown[row].all():
            size[:, row, 1] = mean[1] + sd[1] * rng.standard_normal(samples)
    return size, spread


def size_prior(design: Design, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Return prior mean and sd of parameters and tokens that nobody told, in tenfolds.

    Both are log-normal. Sizes are spread as those of the fitted models, 1.5 times as wide. Tokens
    likewise, but in a known lineage they are about what its models had, as far from it as models
    are from the mean of their lineage.

    Parameters
    ----------
    design : Design
    position : int
        Of the lineage, -1 for an unseen one.

    Returns
    -------
    mean, sd : arrays of shape (2,)
        From the reference of 7 billion parameters and 2 trillion tokens.
    """
    known = design.x[:, :2]
    mean, sd = known.mean(axis=0), WIDER * known.std(axis=0)
    if position >= 0:
        within = known[:, 1] - design.centre[design.lineage_of_model, 1]
        mean[1], sd[1] = design.centre[position, 1], WIDER * max(within.std(), 0.05)
    return mean, sd
