r"""Regress what was measured on skills: a normal model, solved exactly for each draw of the skills.

An outcome :math:`z_i` of model *m* of variant *v* of lineage *l*, on the scale of the linear
predictor, is what the main model makes of any benchmark,

.. math::

    z_i = a + \kappa^\top \theta_m
          + \tau \bigl(\delta_l + \textstyle\sum_j t_j x_{mj}\, g_j\bigr) + \omega\, w_v + r_m
          + (\beta + b_m)\, h_i + q_i + \epsilon_i ,

with effects on this task alone of the lineage, of covariates :math:`x` (size, tokens, tuning), of
the variant and of the model, noise :math:`\epsilon_i` of known variance, and, where models were
measured at several efforts, a curve of each model's own over :math:`h`: the log of effort, or the
steps between named settings.
Coefficients and effects are normal *a priori*, so that outcomes are jointly normal given the scales
:math:`\sigma` (:math:`\tau, \omega`, and those of r, b and q):

.. math:: z \sim N\bigl(m, F + \textstyle\sum_j \sigma_j^2 P_j + \operatorname{diag}(v)\bigr) ,

F of the other coefficients, :math:`P_j` saying which rows share effect j. Scales are drawn by
importance sampling, from a Student distribution adapted in two rounds to their posterior; new
outcomes from their conditional normal. No Markov chain is needed, so each draw of the skills is
carried, paired with the same draw for the models to forecast: what both do not know (scale and
rotation of the skills, growth with size) cancels as it should. `Importance` says whether the
importance weights can be believed.

This is a **second stage**: a handful of downstream scores does not change what the leaderboard
says of skills, one saved fit serves any number of tasks, and none compiles the skills model again.

The prior makes what is regressed one more benchmark: :math:`\kappa` is normal about the mean
loading of the benchmarks in the fit with the spread of those, the spreads :math:`t` are those of
`bayes_sloth.priors`, and :math:`\tau`, :math:`\omega` and the scale of r are log-normal about what
lineages, variants and models have on one benchmark alone (`bayes_sloth.factor_scores`).
``PRIORS`` has the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bayes_sloth.factor_scores import LoadingPrior
from bayes_sloth.pareto import smooth_log_weights
from bayes_sloth.priors import GROWTH_SPREAD, Prior, scale_prior

CANDIDATES = 16  # of the scales, for each draw
PILOT, ROUNDS = 600, 2
SPREAD = 0.7  # of the log of every scale: a factor of four lies within two sd
K_LIMIT = 0.7  # of Pareto k, as Vehtari et al. (2024) have it

PRIORS = {
    "intercept": Prior(
        "Normal",
        {"mu": -1.0, "sigma": 1.5},
        "an average lineage of 7B and 2T tokens scores between 2 and 88 % of what is attainable "
        "(two sd), rather below the middle: tasks outside the leaderboard were made to be harder",
    ),
    "effort": Prior(
        "Normal",
        {"mu": 0.4, "sigma": 0.4},
        "ten times the effort, or one step up an order of settings, adds some tenths of a logit to "
        "one; that it hurts is one sd away; of settings without an order the mean is 0",
    ),
    "lineage_ratio": scale_prior(
        1.0, SPREAD, "a lineage on this task alone, in units of lineages on one benchmark alone"
    ),
    "variant_ratio": scale_prior(
        1.0, SPREAD, "a variant on this task alone, in units of variants on one benchmark alone"
    ),
    "model_ratio": scale_prior(
        1.0, SPREAD, "a model on this task alone, in units of models on one benchmark alone"
    ),
    "effort_sd": scale_prior(
        0.2, SPREAD, "models profit from effort differently, by a fraction of what they profit"
    ),
    "setting_sd": scale_prior(
        0.1, SPREAD, "one model at one effort, off its own curve: a tenth of a logit"
    ),
}


@dataclass(frozen=True, eq=False)
class Rows:
    """Measurements, or models to forecast, in the order of the outcomes.

    Attributes
    ----------
    skills : array of shape (sample, row, skill)
    model, variant, lineage : array of str, shape (row,)
    x : array of shape (row, covariate)
        As of `bayes_sloth.design.covariates`.
    effort : array of shape (row, column), optional
        Covariates of effort (`Measurements.effort_columns`): its log in tenfolds from a reference,
        or what named settings are made of. Without them no model has a curve.
    """

    skills: npt.NDArray[np.floating]
    model: npt.NDArray[np.str_]
    variant: npt.NDArray[np.str_]
    lineage: npt.NDArray[np.str_]
    x: npt.NDArray[np.floating]
    effort: npt.NDArray[np.floating] | None = None

    def followed_by(self, other: Rows) -> Rows:
        """Return these rows and then the others."""
        return Rows(
            np.concatenate([self.skills, other.skills], axis=1),
            np.concatenate([self.model, other.model]),
            np.concatenate([self.variant, other.variant]),
            np.concatenate([self.lineage, other.lineage]),
            np.concatenate([self.x, other.x]),
            None if self.effort is None else np.concatenate([self.effort, other.effort]),
        )


@dataclass(frozen=True)
class Importance:
    """Whether importance sampling of the scales can be believed.

    Attributes
    ----------
    pareto_k : float
        Shape of the largest importance weights; above 0.7 they cannot be trusted.
    effective : float
        Mean over draws of the effective number of candidates, of 16.
    """

    pareto_k: float
    effective: float

    @property
    def passed(self) -> bool:
        """Whether weights are even enough."""
        return self.pareto_k <= K_LIMIT and self.effective >= 3

    def sentence(self) -> str:
        """Return the verdict in a sentence."""
        numbers = (
            f"Pareto k {self.pareto_k:.2f}, on average {self.effective:.0f} of {CANDIDATES} "
            "candidates count"
        )
        if self.passed:
            return f"Importance sampling: passed ({numbers})."
        return f"IMPORTANCE SAMPLING: NOT PASSED ({numbers}); treat the intervals as too narrow."


@dataclass(frozen=True, eq=False)
class Regression:
    """Outcomes with their rows and priors.

    Attributes
    ----------
    outcome, noise : array of shape (sample, row)
        Outcomes, in logits, and the known variance of their noise.
    rows : Rows
    loadings : LoadingPrior
        With a row for each sample.
    stretch : array of shape (sample,)
        Unit of the outcome in logits of a benchmark.
    rises : bool
        Whether more effort is expected to help; otherwise its effects are centred on none.
    """

    outcome: np.ndarray
    noise: np.ndarray
    rows: Rows
    loadings: LoadingPrior
    stretch: np.ndarray
    rises: bool = True

    @cached_property
    def typical(self) -> np.ndarray:
        """Median of the prior of each scale, of shape (sample, scale)."""
        ones = np.ones(len(self.stretch))
        scales = [self.loadings.specific_sd, self.loadings.variant_sd, self.loadings.residual_sd]
        if self.rows.effort is not None:
            scales += [0.2 * ones, 0.1 * ones]
        return np.stack(scales, axis=1)

    def forecast(
        self, new: Rows, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, Importance]:
        """Draw the outcomes of new rows, noise apart.

        Parameters
        ----------
        new : Rows
            A model that was measured keeps its own effects.
        rng : numpy Generator

        Returns
        -------
        outcomes : array of shape (sample, new row)
        scales : array of shape (sample, scale)
            Of lineages, variants and models; where there is effort, of its slope and of settings.
        importance : Importance
        """
        n = len(self.rows.model)
        everyone = self.rows.followed_by(new)
        mean, fixed, patterns = self._prior(everyone)
        own = [pattern[:n, :n] for pattern in patterns]
        away = self.outcome / self.stretch[:, None] - mean[:, :n]
        noise = self.noise / self.stretch[:, None] ** 2
        scales, importance = self._scales(away, fixed[:, :n, :n] + _diagonal(noise), own, rng)
        covariance = fixed + sum(
            s[:, None, None] ** 2 * p for s, p in zip(scales.T, patterns, strict=True)
        )
        known = covariance[:, :n, :n] + _diagonal(noise)
        draws = mean[:, n:] + _conditional(known, covariance[:, :n, n:], covariance[:, n:, n:],
                                           away, rng)  # fmt: skip
        return draws * self.stretch[:, None], scales, importance

    def _prior(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Return prior mean, covariance of the coefficients, and which rows share each effect."""
        theta = rows.skills
        mean = np.einsum("srk,sk->sr", theta, self.loadings.mean)
        mean = mean + PRIORS["intercept"].parameters["mu"]
        fixed = self.loadings.spread[:, None, None] ** 2 * (theta @ np.swapaxes(theta, 1, 2))
        fixed += PRIORS["intercept"].parameters["sigma"] ** 2
        lineage, variant, same = (
            (name[:, None] == name).astype(float)
            for name in (rows.lineage, rows.variant, rows.model)
        )
        growth = rows.x * GROWTH_SPREAD
        patterns = [lineage + growth @ growth.T, variant, same]
        if rows.effort is not None:
            mean = mean + self.rises * PRIORS["effort"].parameters["mu"] * rows.effort.sum(axis=1)
            products = rows.effort @ rows.effort.T
            fixed += PRIORS["effort"].parameters["sigma"] ** 2 * products
            patterns += [same * products, np.eye(len(rows.model))]
        return mean, fixed, patterns

    def _scales(
        self,
        away: np.ndarray,
        fixed: np.ndarray,
        patterns: list[np.ndarray],
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, Importance]:
        """Draw scales from their posterior, one set for each sample."""
        samples, count = len(away), len(patterns)

        def log_posterior(step: np.ndarray, at: slice | np.ndarray, typical: np.ndarray):
            scales = typical * np.exp(
                SPREAD * np.clip(step, -8, 8)
            )  # beyond: no weight, no overflow
            total = fixed[at] + sum(
                s[:, None, None] ** 2 * p for s, p in zip(scales.T, patterns, strict=True)
            )
            return _log_normal(away[at], total) - 0.5 * (step**2).sum(axis=1)

        centre, root = np.zeros(count), 1.5 * np.eye(count)
        for _ in range(ROUNDS):
            white = rng.standard_normal((PILOT, count))
            pilot, at = centre + white @ root.T, rng.integers(samples, size=PILOT)
            weight = log_posterior(pilot, at, self.typical[at]) + 0.5 * (white**2).sum(axis=1)
            weight = np.exp(weight - weight.max())
            weight /= weight.sum()
            centre = weight @ pilot
            off = pilot - centre
            spread = (weight[:, None] * off).T @ off + 0.05 * np.eye(count)
            root = np.linalg.cholesky(1.5 * spread)
        dof = 5.0
        log_weight = np.empty((samples, CANDIDATES))
        steps = np.empty((samples, CANDIDATES, count))
        for c in range(CANDIDATES):
            white = rng.standard_t(dof, size=(samples, count))
            steps[:, c] = centre + white @ root.T
            log_proposal = -0.5 * (dof + 1) * np.log1p(white**2 / dof).sum(axis=1)
            log_weight[:, c] = log_posterior(steps[:, c], slice(None), self.typical) - log_proposal
        # Gumbel's trick: the largest of log weight plus Gumbel noise is a draw by weight.
        chosen = (log_weight + rng.gumbel(size=log_weight.shape)).argmax(axis=1)
        step = steps[np.arange(samples), chosen]
        return self.typical * np.exp(SPREAD * step), _importance(log_weight)


def _log_normal(away: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return log densities, up to a constant, of rows away from their mean.

    The Cholesky factor of ``[[C, z], [z', c]]`` has ``L^-1 z`` for its last row: one factorisation,
    no solve.
    """
    n = away.shape[1]
    bordered = np.empty((len(away), n + 1, n + 1))
    bordered[:, :n, :n] = covariance
    bordered[:, n, :n] = bordered[:, :n, n] = away
    bordered[:, n, n] = 1e12  # any number above z' C^-1 z
    root = np.linalg.cholesky(bordered)
    log_root = np.log(np.diagonal(root[:, :n, :n], axis1=1, axis2=2)).sum(axis=1)
    return -0.5 * (root[:, n, :n] ** 2).sum(axis=1) - log_root


def _conditional(
    known: np.ndarray,
    between: np.ndarray,
    new: np.ndarray,
    away: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw from the normal of new rows given how far known ones are from their mean."""
    gain = np.swapaxes(np.linalg.solve(known, between), 1, 2)
    rest = new - gain @ between
    rest = (rest + np.swapaxes(rest, 1, 2)) / 2 + 1e-8 * np.eye(rest.shape[1])
    noise = rng.standard_normal(rest.shape[:2])
    return np.einsum("snm,sm->sn", gain, away) + np.einsum(
        "snm,sm->sn", np.linalg.cholesky(rest), noise
    )


def _importance(log_weight: np.ndarray) -> Importance:
    centred = log_weight - log_weight.max(axis=1, keepdims=True)
    weight = np.exp(centred)
    effective = (weight.sum(axis=1) ** 2 / (weight**2).sum(axis=1)).mean()
    centred -= np.log(weight.sum(axis=1, keepdims=True))
    _, shape = smooth_log_weights(centred.ravel())
    return Importance(shape, float(effective))


def _diagonal(values: np.ndarray) -> np.ndarray:
    """Return diagonal matrices, with a floor of a hundredth of a logit to keep them regular."""
    return (values + 1e-4)[:, :, None] * np.eye(values.shape[1])
