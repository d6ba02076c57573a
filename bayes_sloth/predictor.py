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
from bayes_sloth.draws import in_one_axis
from bayes_sloth.priors import COVARIATES, on_covariates

# A model of unknown size may be larger or smaller than any known: sizes as in the data, spread by
# this factor (in tenfolds).
WIDER = 1.5
# The share of the sd of an unknown size over which its square is taken to be linear.
LOCAL = 0.5
NORMAL_DOF = 1e9  # Student's t with so many degrees of freedom is normal
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
    times : array of shape (row,), optional
        How much of the effect each of those models has; 1 if not given.
    """

    rows: np.ndarray
    factor: np.ndarray
    times: np.ndarray | None = None

    def on(self, models: np.ndarray) -> np.ndarray:
        """Return how much of the effect the given models have: 0 where they do not share it."""
        shared = self.rows[:, None] == models
        return (shared * (1.0 if self.times is None else self.times[:, None])).sum(axis=0)


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
            change = np.matmul(effect.factor, z[..., None])[:, None, :, 0]
            times = effect.times
            eta[:, effect.rows] += change if times is None else times[:, None] * change
        return eta

    def sizes(self, coordinates: list[np.ndarray]) -> np.ndarray:
        """Return parameters (billions) and tokens (trillions), of shape (sample, model, 2)."""
        size = np.broadcast_to(self.size, (len(self.mean), *self.size.shape[1:])).copy()
        for row, (which, sd, effect) in self.size_effects.items():
            size[:, row, which] += sd * coordinates[effect][:, 0]
        return 10**size * np.array([REFERENCE_PARAMS_B, REFERENCE_TOKENS_T])


def stacked(posterior: Any) -> Draws:
    """Return the draws as arrays with chains and draws in one leading axis.

    What a corner of the model lacks (`bayes_sloth.specification`) is there at the value that the
    corner stands for: no skills, no deviations, normal noise, growth with compute alone.
    """
    draws = in_one_axis(posterior)
    if "intercept" not in draws:  # a part of a posterior
        return draws
    samples, benchmarks = draws["intercept"].shape
    corner = {
        "loadings": np.zeros((samples, benchmarks, 0)),
        "model_scale": np.zeros(samples),
        "variant_ratio": np.zeros(samples),
        "specific_sd": np.zeros((samples, benchmarks)),
        "variant_sd": np.zeros((samples, benchmarks)),
        "dof": np.full(samples, NORMAL_DOF),
    }
    if "growth" in draws and draws["growth"].shape[1] != len(COVARIATES):
        acts = on_covariates(posterior["covariate"].to_numpy())
        draws["growth"] = np.einsum("cf,sfb->scb", acts, draws["growth"])
    return corner | draws


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
    if "model_skill" not in posterior:
        return eta
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
    # The product of an unknown size and an unknown slope is not normal: one of them is drawn.
    drawn = position < 0 and "slope_scale" in posterior and bool(spread)
    slope = _drawn_slope(posterior, rng) if drawn else _slope(posterior, position)
    mean = _level(posterior, position) + _growth(
        posterior, x - (design.centre[position] if position >= 0 else 0.0), slope
    )
    deviation = placed["deviation_position"].to_numpy()
    seen = deviation >= 0
    mean[:, seen] += posterior["variant_deviation"][:, deviation[seen]] if seen.any() else 0.0
    effects = _shared_effects(posterior, placed, position)
    if position < 0 and "slope_scale" in posterior and not drawn:
        effects.insert(0, Effect(np.arange(len(placed)), _slope_factor(posterior), x[0, :, 0]))
    own = posterior["model_scale"][:, None, None] * posterior["loadings"]
    rows = np.arange(len(placed))
    effects += [Effect(part, own) for part in ([rows] if one_model else rows[:, None])]
    size_effects = {}
    for row, (which, sd) in spread.items():
        step = np.zeros(2)
        step[which] = sd
        above, below = (_covariates(size + s, placed)[:, [row]] for s in (step, -step))
        direction = _growth(posterior, (above - below) / 2, slope)[:, 0, :, None]
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


def _slope(posterior: Draws, position: int) -> np.ndarray:
    """Return growth with size, of shape (sample, benchmark); of a new lineage, its mean."""
    if position >= 0 and "lineage_slope" in posterior:
        return posterior["lineage_slope"][:, position]
    return posterior["growth"][:, 0]


def _slope_factor(posterior: Draws) -> np.ndarray:
    return _factor(posterior, posterior["slope_scale"], "specific_sd", scale_both=True)


def _drawn_slope(posterior: Draws, rng: np.random.Generator) -> np.ndarray:
    factor = _slope_factor(posterior)
    z = rng.standard_normal((len(factor), factor.shape[-1], 1))
    return posterior["growth"][:, 0] + np.matmul(factor, z)[..., 0]


def _shared_effects(posterior: Draws, placed: pd.DataFrame, position: int) -> list[Effect]:
    """Return the level of a new family, and the deviations of new variants."""
    effects = []
    if position < 0:
        one, rows = np.ones(len(posterior["dof"])), np.arange(len(placed))
        effects.append(Effect(rows, _factor(posterior, one, "specific_sd")))
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

    The predictor is linear in tokens, and nearly so in size over the part of the spread that
    is left to an effect (`LOCAL`): the rest of an unknown size is drawn from its prior, and so are
    tokens where both are unknown.
    """
    reference = np.array([REFERENCE_PARAMS_B, REFERENCE_TOKENS_T])
    logs = np.log10(placed[["params_b", "tokens_t"]].to_numpy(float) / reference)
    unknown = np.isnan(logs)
    size = np.broadcast_to(logs, (samples if unknown[:, 0].any() else 1, *logs.shape)).copy()
    spread = {}
    for row in np.flatnonzero(unknown.any(axis=1)):
        mean, sd = size_prior(design, int(placed["lineage_position"].iloc[row]))
        which = 0 if unknown[row, 0] else 1
        size[:, row, which] = mean[which]
        spread[int(row)] = (which, float(sd[which]))
        if which == 0:
            far = sd[0] * np.sqrt(1 - LOCAL**2)
            size[:, row, 0] += far * rng.standard_normal(samples)
            spread[int(row)] = (0, float(LOCAL * sd[0]))
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
