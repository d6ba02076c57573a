"""The objective of Sloth's point fit, with its gradient, for many fits side by side.

References
----------
Maia Polo et al. (2024), Sloth, arXiv:2412.06540, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from bayes_sloth.baselines.adam import Floats, Ints
from bayes_sloth.baselines.link import LINK, WEIGHTS, back_through_link, initial_link, through_link

type Parameters = dict[str, Floats]

BEND = 0.01  # of the Huber loss
SMALLEST_CHANCE = 1e-5  # keeps logits finite


@dataclass(frozen=True, eq=False)
class SkillsProblems:
    r"""Fits of one law to tables of one shape: an `Objective`.

    .. math::

        \hat y = c + (1 - c)\, \sigma(\theta \Lambda + a), \qquad \theta = X B

    Attributes
    ----------
    design : ndarray of shape (model, coefficient)
        X: covariates, then intercepts.
    scores : ndarray of shape (problem, model, benchmark)
        What is fitted.
    chance : ndarray of shape (problem, 1, benchmark)
        Lower asymptotes c, or where their training begins.
    dimension : int
        Number of skills.
    train_asymptote, train_link : bool
        Whether these are trained. The link is logistic otherwise.
    """

    design: Floats
    scores: Floats
    chance: Floats
    dimension: int
    train_asymptote: bool = False
    train_link: bool = False

    def __call__(self, joined: Floats, problems: Ints) -> tuple[Floats, Floats, Floats]:
        """Return mean Huber losses, mean absolute errors and gradients of the losses."""
        p = self.unpack(joined)
        chance = self._asymptote(p, problems)
        skills = self.design @ p["coefficients"]
        predictor = skills @ p["loadings"] + p["bias"]
        if self.train_link:
            value, passed = through_link(predictor, p)
        else:
            value = expit(predictor)
        error = chance + (1 - chance) * value - self.scores[problems]

        slopes = {}
        slope = np.clip(error / BEND, -1, 1) / error[0].size  # of the loss, in the forecast
        if self.train_asymptote:
            to_asymptote = slope * (1 - value) * chance * (1 - chance)
            slopes["asymptote"] = to_asymptote.sum(axis=1, keepdims=True)
        slope = slope * (1 - chance)
        if self.train_link:
            slope, slopes_of_link = back_through_link(slope, passed, p)
            slopes |= slopes_of_link
        else:
            slope = slope * value * (1 - value)
        slopes["coefficients"] = self.design.T @ (slope @ np.swapaxes(p["loadings"], 1, 2))
        slopes["loadings"] = np.swapaxes(skills, 1, 2) @ slope
        slopes["bias"] = slope.sum(axis=1, keepdims=True)
        return _huber(error), np.abs(error).mean(axis=(1, 2)), self.pack(slopes)

    def values(self, joined: Floats, design: Floats) -> Floats:
        """Return forecasts of every problem for other models, (problem, model, benchmark)."""
        p = self.unpack(joined)
        predictor = design @ p["coefficients"] @ p["loadings"] + p["bias"]
        value = through_link(predictor, p)[0] if self.train_link else expit(predictor)
        chance = self._asymptote(p, np.arange(len(joined)))
        return chance + (1 - chance) * value

    def draw(self, seeds: Sequence[int], slopes: int, resume: Parameters | None = None) -> Floats:
        """Draw starts: standard normal, with slopes and loadings made positive.

        Asymptotes start at the scores of guessing. With one benchmark, the loading starts at one.

        Parameters
        ----------
        seeds : sequence of int
            Each for an equal share of the problems, which start alike.
        slopes : int
            How many of the coefficients, the first ones, are slopes.
        resume : dict, optional
            Parameters of an earlier fit, to start from where it has any.

        Returns
        -------
        ndarray of shape (problem, parameter)
        """
        share = len(self.scores) // len(seeds)
        drawn = [self._draw(np.random.default_rng(seed), slopes) for seed in seeds]
        start = {name: np.repeat([d[name] for d in drawn], share, axis=0) for name in self.shapes}
        low, high = self.chance + SMALLEST_CHANCE, 1 - self.chance + SMALLEST_CHANCE
        start |= {"asymptote": np.log(low / high)} | (resume or {})
        if self.scores.shape[-1] == 1:
            start["loadings"] = np.ones_like(start["loadings"])
        return self.pack(start).astype(np.float32)

    def _draw(self, rng: np.random.Generator, slopes: int) -> Parameters:
        start = {name: rng.normal(size=shape) for name, shape in self.shapes.items()}
        for positive in (start["coefficients"][:slopes], start["loadings"]):
            np.abs(positive, out=positive)
        return start | initial_link(rng, self.scores.shape[-1])

    def repeat(self, count: int) -> SkillsProblems:
        """Return the same with each problem `count` times in a row."""
        scores, chance = (np.repeat(table, count, axis=0) for table in (self.scores, self.chance))
        return replace(self, scores=scores, chance=chance)

    def _asymptote(self, p: Parameters, problems: Ints) -> Floats:
        return expit(p["asymptote"]) if self.train_asymptote else self.chance[problems]

    # --- parameters by name, and joined into one axis ---

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of a problem; the weights of links come last."""
        benchmarks = self.scores.shape[-1]
        shapes: dict[str, tuple[int, ...]] = {
            "coefficients": (self.design.shape[1], self.dimension),
            "loadings": (self.dimension, benchmarks),
            "bias": (1, benchmarks),
        }
        if self.train_asymptote:
            shapes["asymptote"] = (1, benchmarks)
        if self.train_link:
            shapes |= {name: (benchmarks, *shape) for name, shape in LINK.items()}
        return shapes

    @property
    def nonnegative(self) -> slice:
        """Where the joined parameters lie that are never negative."""
        sizes = {name: math.prod(shape) for name, shape in self.shapes.items()}
        total = sum(sizes.values())
        return slice(total - sum(sizes.get(name, 0) for name in WEIGHTS), total)

    def pack(self, parameters: Parameters) -> Floats:
        """Join parameters, to shape (problem, parameter)."""
        parts = [parameters[name].reshape(len(parameters[name]), -1) for name in self.shapes]
        return np.concatenate(parts, axis=1)

    def unpack(self, joined: Floats) -> Parameters:
        """Name the parameters that `pack` joined."""
        parameters, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            parameters[name] = joined[:, start:end].reshape(-1, *shape)
            start = end
        return parameters


def _huber(error: Floats) -> Floats:
    """Return the mean Huber loss of each problem, scaled so that its slope is at most one."""
    size = np.abs(error)
    bent = np.minimum(size, BEND)
    return np.asarray((bent * (size - bent / 2) / BEND).mean(axis=(1, 2)))
