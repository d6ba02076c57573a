r"""Item-response model of repeated sampling, as a PyMC model with named coordinates.

For model *m* and question *q*, with :math:`c` right answers among :math:`n` samples,

.. math::

    c_{mq} \sim \text{Binomial}(n_{mq}, \operatorname{logistic} z_{mq}), \qquad
    z_{mq} \sim N(e_q + a_q t_m,\; \sigma) .

The *easiness* :math:`e_q` and the *discrimination* :math:`a_q > 0` of a question are partially
pooled, :math:`e_q \sim N(\mu_e, \sigma_e)` and :math:`\log a_q \sim N(0, \sigma_a)`; *ability*
:math:`t_m` has mean zero over the models sampled, so that a unit is one logit on a question of
average discrimination and zero is the average of these models.

:math:`\sigma` is needed: with thousands of samples the binomial noise is nil, and no curve goes
through 1,280 success rates. It makes the counts overdispersed (logit-normal), which a
beta-binomial would too, but with a lower tail of the success rates that is heavier than published
coverage curves allow; pass@k for large k is decided by that tail. Where a
model was both right and wrong on a question, counts determine :math:`z`, and it is sampled as such
(centred); elsewhere it is sampled as a distance from its mean.

A share :math:`\pi` of questions is **impossible**: no model ever answers them (a wrong key). Which
ones is summed out: a question that some model answered is possible, one that none did has

.. math::

    \Pr(\text{counts}_q) = \pi + (1 - \pi) \prod_m (1 - \operatorname{logistic} z_{mq})^{n_{mq}} .

Without this, questions nobody answered would be taken for very hard ones, and pass@k for the
largest k would always come near 1.

Constraints to mean zero are exact, by `pymc.ZeroSumNormal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_sloth.errors import InputError
from bayes_sloth.test_time.counts import Counts
from bayes_sloth.test_time.priors import PRIORS

if TYPE_CHECKING:
    import pymc as pm


def build_model(counts: Counts) -> pm.Model:
    """Return the PyMC model of counts.

    Parameters
    ----------
    counts : Counts
        Two models or more.

    Returns
    -------
    pymc.Model
        Coords ``model`` and ``question``; variables ``ability``, ``easiness``,
        ``discrimination``, ``impossible`` (the probability that a question is, given the draw),
        ``success_logit`` (model, question; where the question is possible) and the scales. Data
        ``right`` and ``samples`` may be set anew.
    """
    import pymc as pm

    if len(counts.models) < 2 or len(counts.questions) < 2:
        raise InputError(
            f"{counts.source}: an item-response model needs two models and two questions at least"
        )
    coords = {"model": counts.models.to_numpy(), "question": counts.questions.to_numpy()}
    with pm.Model(coords=coords) as model:
        right = pm.Data("right", counts.correct.to_numpy(), dims=("model", "question"))
        samples = pm.Data("samples", counts.samples.to_numpy(), dims=("model", "question"))
        scale = {name: prior.variable(name) for name, prior in PRIORS.items()}
        ability = pm.ZeroSumNormal("ability", scale["ability_sd"], dims="model")
        easiness = pm.Normal(
            "easiness", scale["mean_easiness"], scale["easiness_sd"], dims="question"
        )
        # Ten models tell little of one question: non-centred.
        standard = pm.ZeroSumNormal("discrimination_standard", dims="question")
        discrimination = pm.Deterministic(
            "discrimination", pm.math.exp(scale["discrimination_sd"] * standard), dims="question"
        )
        logit = _success_logit(
            easiness + discrimination * ability[:, None],
            scale["residual_sd"],
            (right > 0) & (right < samples),
        )
        share = scale["impossible_share"]
        pm.CustomDist(
            "correct",
            samples,
            logit,
            share,
            logp=log_density,
            dist=_draw,
            observed=right,
            dims=("model", "question"),
        )
        pm.Deterministic(
            "impossible",
            pm.math.exp(
                pm.math.switch(pm.math.eq(right.sum(axis=0), 0), pm.math.log(share), -np.inf)
                - log_density(right, samples, logit, share)
            ),
            dims="question",
        )
    return model


def _success_logit(mean: Any, sd: Any, told: Any) -> Any:
    """Return the logits, centred where counts determine them, and non-centred elsewhere."""
    import pymc as pm
    import pytensor.tensor as pt

    dims = ("model", "question")
    raw = pm.Normal(
        "success_logit_raw", pt.switch(told, mean, 0.0), pt.switch(told, sd, 1.0), dims=dims
    )
    return pm.Deterministic("success_logit", pt.switch(told, raw, mean + sd * raw), dims=dims)


def log_density(right: Any, samples: Any, logit: Any, impossible_share: Any) -> Any:
    r"""Return the log density of each question's counts, a symbolic vector.

    The binomial log density in its logit is :math:`c z - n \log(1 + e^z) + const`: through the
    probability, a logit of 40 would be certainty and its log density minus infinity.

    Parameters
    ----------
    right, samples, logit : symbolic matrices of shape (model, question)
    impossible_share : symbolic scalar
    """
    import pytensor.tensor as pt

    constant = (
        pt.gammaln(samples + 1.0) - pt.gammaln(right + 1.0) - pt.gammaln(samples - right + 1.0)
    )
    possible = (right * logit - samples * pt.softplus(logit) + constant).sum(axis=0)
    possible = possible + pt.log1p(-impossible_share)
    never = pt.eq(right.sum(axis=0), 0)
    return pt.switch(never, pt.logaddexp(pt.log(impossible_share), possible), possible)


def _draw(samples: Any, logit: Any, impossible_share: Any, size: Any) -> Any:
    import pymc as pm

    possible = pm.Bernoulli.dist(1 - impossible_share, shape=logit.shape[1])
    return possible * pm.Binomial.dist(samples, pm.math.invlogit(logit), size=size)


def simulate(
    ability: np.ndarray,
    *,
    questions: int = 128,
    samples: int = 10_000,
    mean_easiness: float = -1.0,
    easiness_sd: float = 2.2,
    discrimination_sd: float = 0.25,
    residual_sd: float = 1.2,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate repeated sampling.

    Parameters
    ----------
    ability : array of shape (model,)
        In logits.
    questions, samples : int
        Size of the test set; samples of each model on each question.
    mean_easiness, easiness_sd, discrimination_sd, residual_sd : float
        Of the model above.
    seed : int

    Returns
    -------
    success_logit : array of shape (model, question)
        The truth.
    correct : array of int, shape (model, question)
    """
    rng = np.random.default_rng(seed)
    easiness = rng.normal(mean_easiness, easiness_sd, questions)
    discrimination = np.exp(rng.normal(0, discrimination_sd, questions))
    residual = rng.normal(0, residual_sd, (len(ability), questions))
    logit = easiness + np.asarray(ability)[:, None] * discrimination + residual
    return logit, rng.binomial(samples, 1 / (1 + np.exp(-logit)))
