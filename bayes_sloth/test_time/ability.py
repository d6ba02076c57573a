r"""From skills to ability: a regression solved exactly, draw by draw.

The counts determine the abilities :math:`t` of the models sampled; how ability follows from skills
:math:`\theta` is another question, with as many observations as models. For one draw of both,

.. math::

    t_m = \kappa_0 + \kappa^\top \theta_m + l_{\text{lineage}(m)} + w_m, \quad
    l \sim N(0, \tau^2), \quad w \sim N(0, \omega^2),

which is normal given :math:`\tau` and :math:`\omega`: those are drawn from their posterior on a
grid, and the ability of a model never sampled from its conditional normal, given the abilities of
all that were. No sampler is needed, so every draw of the skills can be carried, paired with those
of the model to forecast: what all share (the scale of skills, the growth with size) cancels as it
should.

This is a *second stage*: the counts of a few models do not change what the leaderboard says of
their skills, and a saved fit serves any number of tasks.

The prior makes the task one more benchmark. :math:`\kappa` is normal about the mean loading of the
benchmarks in the fit, with the spread of those, and :math:`\tau` and :math:`\omega` are log-normal
about what lineages and variants have on one benchmark alone (`bayes_sloth.factor_scores`). All are
stretched by :math:`f = \sqrt{1 + c^2 (\sigma_e^2 + \sigma^2)}`, :math:`c = 16\sqrt3 / 15\pi`:
averaged over questions that differ by that much, a curve is flatter by :math:`f` than those of its
questions (the logistic-normal integral; Zeger, Liang & Albert 1988).
"""

from __future__ import annotations

import numpy as np

from bayes_sloth.factor_scores import LoadingPrior

SCALE_SPREAD = 0.7  # as the scales of one benchmark have in `bayes_sloth.priors`
STEPS = np.linspace(-3.0, 4.0, 15)  # the grid, in sd of the prior about its median
INTERCEPT_SD = 3.0  # logits, before stretching: from hardly ever right to nearly always


def stretch(easiness_sd: np.ndarray, residual_sd: np.ndarray) -> np.ndarray:
    """Return how much steeper the curve of a question is than that of the average over them."""
    c = 16 * np.sqrt(3) / (15 * np.pi)
    return np.sqrt(1 + c**2 * (easiness_sd**2 + residual_sd**2))


def forecast_ability(
    ability: np.ndarray,
    skills: np.ndarray,
    lineages: np.ndarray,
    new_skills: np.ndarray,
    new_lineages: np.ndarray,
    prior: LoadingPrior,
    factor: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw abilities of new models given those of sampled ones.

    Parameters
    ----------
    ability : array of shape (sample, model)
        Draws of the sampled models' abilities, in logits.
    skills, new_skills : array of shape (sample, model, skill)
        Draws of sampled and of new models' skills, paired.
    lineages, new_lineages : array of str, shape (model,)
        Models of one lineage share its effect.
    prior : LoadingPrior
        With a row for each sample.
    factor : array of shape (sample,)
        See `stretch`.
    rng : numpy Generator

    Returns
    -------
    array of shape (sample, new model)
    """
    n, everyone = ability.shape[1], np.concatenate([skills, new_skills], axis=1)
    names = np.concatenate([lineages, new_lineages])
    same = (names[:, None] == names).astype(float)
    mean = factor[:, None] * np.einsum("smk,sk->sm", everyone, prior.mean)
    fixed = INTERCEPT_SD**2 + prior.spread[:, None, None] ** 2 * (
        everyone @ np.swapaxes(everyone, 1, 2)
    )
    shared = _grid(prior.specific_sd)
    own = _grid(prior.variant_sd)
    away = ability - mean[:, :n]
    covariance = factor[:, None, None] ** 2 * _on_grid(fixed, same, shared, own, away, factor, rng)
    observed = covariance[:, :n, :n]
    gain = np.swapaxes(np.linalg.solve(observed, covariance[:, :n, n:]), 1, 2)
    location = mean[:, n:] + np.einsum("snm,sm->sn", gain, away)
    rest = covariance[:, n:, n:] - gain @ covariance[:, :n, n:]
    jitter = 1e-9 * np.eye(rest.shape[1])
    root = np.linalg.cholesky((rest + np.swapaxes(rest, 1, 2)) / 2 + jitter)
    return location + np.einsum("snm,sm->sn", root, rng.standard_normal(location.shape))


def _grid(typical: np.ndarray) -> np.ndarray:
    """Return the grid of a scale, of shape (sample, step)."""
    return typical[:, None] * np.exp(SCALE_SPREAD * STEPS)


def _on_grid(
    fixed: np.ndarray,
    same: np.ndarray,
    shared: np.ndarray,
    own: np.ndarray,
    away: np.ndarray,
    factor: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw both scales from their posterior, and return the covariance with them, unstretched."""
    n = away.shape[1]
    unit = away / factor[:, None]
    pairs = [(i, j) for i in range(len(STEPS)) for j in range(len(STEPS))]
    log_weight = np.empty((len(away), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        root = np.linalg.cholesky(
            _covariance(fixed[:, :n, :n], same[:n, :n], shared[:, i], own[:, j])
        )
        white = np.linalg.solve(root, unit[:, :, None])[..., 0]
        log_root = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        log_prior = -0.5 * (STEPS[i] ** 2 + STEPS[j] ** 2)
        log_weight[:, column] = log_prior - 0.5 * (white**2).sum(axis=1) - log_root
    # Gumbel's trick: the largest of log weight plus Gumbel noise is a draw by weight.
    chosen = (log_weight + rng.gumbel(size=log_weight.shape)).argmax(axis=1)
    i, j = np.array(pairs)[chosen].T
    rows = np.arange(len(away))
    return _covariance(fixed, same, shared[rows, i], own[rows, j])


def _covariance(
    fixed: np.ndarray, same: np.ndarray, shared: np.ndarray, own: np.ndarray
) -> np.ndarray:
    diagonal = np.eye(len(same)) * own[:, None, None] ** 2
    return fixed + same * shared[:, None, None] ** 2 + diagonal
