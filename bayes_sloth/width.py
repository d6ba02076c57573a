r"""Where the width of a forecast's interval comes from: a sequential decomposition of its variance.

For one benchmark with score y, expected score :math:`\mu(\phi, z_f, z_m)`, parameters
:math:`\phi` shared by all models, effects :math:`z_f` of the family and :math:`z_m` of the model,
the law of total variance is applied in this order (the rule; another order would divide
interactions otherwise):

======================  ===========================================================================
parameters              :math:`\operatorname{Var}_\phi E[\mu \mid \phi]`
family                  :math:`E\operatorname{Var}[E[\mu \mid \phi, z_f] \mid \phi]`
model                   :math:`E\operatorname{Var}[\mu \mid \phi, z_f]` and the model-by-benchmark
                        residual
protocol, items         the variances of protocol noise and of item sampling
======================  ===========================================================================

Noise is Student-t: each of its parts counts :math:`\nu / (\nu - 2)` times its squared scale.
Effects of a family that is *new* are drawn anew for each :math:`\phi` (nested draws, unbiased as in
the analysis of variance). Level and deviation of a family in the *data* come with the posterior
draws: there, *parameters* is what a linear regression of :math:`E[\mu \mid \phi]` on growth and
the benchmark's curve explains, and *family* the rest.

**Scores known already.** The same law in the same order holds for the distribution given the
scores: draws of :math:`\phi` are the conditioned ones, and effects are drawn, nested as before,
given :math:`\phi` and the scores, and given :math:`\phi, z_f` and the scores, in the normal
approximation of `bayes_sloth.conditioning` (its sites; importance weights have corrected
:math:`\phi` already). A benchmark whose score is known has no row: its forecast is of a second run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth import link
from bayes_sloth.asked import asked_models, place
from bayes_sloth.conditioning import Sites, approximate, condition, observed_cells
from bayes_sloth.forecasting import thinned
from bayes_sloth.observed import read_observed
from bayes_sloth.predictor import Curve, Draws, Family, curve_of, family_prior, stacked

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit

PARTS = ("item sampling", "protocol", "model", "family", "parameters")
OUTER, INNER = 4, 4  # draws of the family's effects for each draw, of the model's for each of those


def split_width(
    fit: Fit,
    *,
    family: str,
    params_b: float,
    tokens_t: float,
    instruct: bool = False,
    observed: Mapping[str, float] | None = None,
    seed: int = 1,
) -> pd.DataFrame:
    """Split the predictive variance of each benchmark into its sources.

    Parameters
    ----------
    fit : Fit
    family, params_b, tokens_t, instruct
        As for `bayes_sloth.forecast`.
    observed : mapping, optional
        Scores of the model that are known, by benchmark.
    seed : int

    Returns
    -------
    DataFrame
        Indexed by ``benchmark`` (those not observed): share of variance by source, and the sd of
        all together in points. Shares add up to 1; scores are not cut to [0, 1] here.
    """
    placed = place(fit, asked_models(None, family, params_b, tokens_t, instruct))
    posterior = thinned(stacked(fit.posterior), OUTER * INNER * len(fit.scores.benchmarks))
    rng = np.random.default_rng(seed)
    prior = family_prior(posterior, fit.design, placed, rng)
    curve, sites = curve_of(posterior, fit.design), None
    known = read_observed(observed, placed.index, fit.scores.benchmarks.index)
    if known.notna().to_numpy().any():
        chosen = condition(prior, observed_cells(known.to_numpy(), curve), rng).chosen
        posterior = {name: values[chosen] for name, values in posterior.items()}
        prior, curve = prior.take(chosen), curve.take(chosen)
        sites = approximate(prior, observed_cells(known.to_numpy(), curve))
    mu = _nested(prior, curve, sites, rng)
    within = mu.var(axis=1, ddof=1).mean(axis=(0, 1))
    means = mu.mean(axis=1)  # sample, outer, benchmark
    between = means.var(axis=1, ddof=1).mean(axis=0) - within / INNER
    level = means.mean(axis=1)
    total = level.var(axis=0, ddof=1) - np.maximum(between, 0) / OUTER - within / (OUTER * INNER)
    if placed["family_status"].iloc[0] == "unseen":
        parameters = total
    else:
        parameters = np.minimum(_explained(posterior, curve, level), total)
    noise = _noise(curve, mu)
    variance = pd.DataFrame(
        {
            "item sampling": noise["items"],
            "protocol": noise["protocol"],
            "model": within + noise["residual"],
            "family": np.maximum(between, 0) + np.maximum(total - parameters, 0),
            "parameters": np.maximum(parameters, 0),
        },
        index=fit.scores.benchmarks.index,
    )
    variance = variance[known.isna().to_numpy()[0]]
    whole = variance.sum(axis=1)
    return variance.div(whole, axis=0)[list(PARTS)].assign(sd=100 * np.sqrt(whole))


def _nested(
    prior: Family, curve: Curve, sites: Sites | None, rng: np.random.Generator
) -> np.ndarray:
    """Return expected scores of shape (sample, inner, outer, benchmark)."""
    own = len(prior.effects) - 1  # the model's skill comes last
    outer = []
    for _ in range(OUTER):
        family, inner = prior.draw(rng), []
        if sites is not None:
            family = sites.condition(family, sites.variance, rng, range(own + 1))
        for _ in range(INNER):
            effects = [*family[:own], rng.standard_normal(family[own].shape)]
            if sites is not None:
                effects = sites.condition(effects, sites.variance, rng, [own])
            inner.append(curve.expected(prior.predictor(effects)[:, 0]))
        outer.append(np.stack(inner, axis=1))
    return np.stack(outer, axis=2)


def _noise(curve: Curve, mu: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean variance of each part of the scores' noise, of shape (benchmark,)."""
    flat = mu.reshape(len(mu), -1, mu.shape[-1])
    heavy = (curve.dof / (curve.dof - 2))[:, None, None]
    zero = np.zeros_like(curve.protocol_sd)[:, None]
    parts = {
        "items": (curve.items, zero, zero),
        "protocol": (np.inf, curve.protocol_sd[:, None], zero),
        "residual": (np.inf, zero, curve.residual_sd[:, None]),
    }
    return {
        name: (heavy * link.spread(flat, curve.chance, *part) ** 2).mean(axis=(0, 1))
        for name, part in parts.items()
    }


def _explained(posterior: Draws, curve: Curve, known: np.ndarray) -> np.ndarray:
    """Return the variance that growth and curve explain, by benchmark."""
    samples, benchmarks = known.shape
    explained = np.empty(benchmarks)
    for b in range(benchmarks):
        shared = [posterior["growth"][..., b], curve.ceiling[:, [b]], curve.shape[:, [b]]]
        x = np.concatenate(shared, axis=1)
        x = x[:, x.std(axis=0) > 0]
        x = x - x.mean(axis=0)
        y = known[:, b] - known[:, b].mean()
        left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        adjusted = (left**2).sum() / (samples - x.shape[1] - 1)
        explained[b] = y.var(ddof=1) - adjusted
    return np.maximum(explained, 0)
