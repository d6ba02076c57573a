r"""The density of all scores of new models, with their own effects integrated out.

Given a posterior draw, the linear predictor of a unit's scores is :math:`\eta = m + A z` with
standard normal effects *z* (`bayes_sloth.predictor`), and

.. math:: p(y \mid \phi) = \int \prod_o p(y_o \mid \eta_o)\, N(z; 0, I)\, dz .

Conditional densities :math:`p(y \mid z, \phi)` with *z* from the posterior would judge a unit by
effects that its own scores have shaped. The integral is taken by importance sampling from the
mixture of `bayes_sloth.conditioning`: the prior of *z* times normal sites at the mode (Laplace's
approximation), some of them stretched. Of each component as many draws are taken as its share
(stratified), and their density is that of the whole mixture (Veach & Guibas 1995), so that no
weight is larger than a component of it allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.conditioning import SHARES, WIDTHS, Cells, approximate, student_t

if TYPE_CHECKING:
    from bayes_sloth.predictor import Family

REPEATS = 100  # effects drawn for each draw of the shared parameters
LARGEST = 4_000_000  # numbers in an array, beyond which draws are taken in parts


def log_marginal(
    family: Family, cells: Cells, rng: np.random.Generator, repeats: int = REPEATS
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of scores given each draw, their own effects integrated out.

    Parameters
    ----------
    family : Family
        The models of the unit.
    cells : Cells
        Its scores.
    rng : Generator
    repeats : int
        Effects drawn for each draw, at least 25.

    Returns
    -------
    log_density : array of shape (sample,)
    error : array of shape (sample,)
        Monte Carlo standard error of the log density.
    """
    samples = len(family.mean)
    part = max(1, LARGEST // (repeats * len(cells.score)))
    if samples > part:
        parts = np.array_split(np.arange(samples), -(-samples // part))
        done = [log_marginal(family.take(p), cells.take(p), rng, repeats) for p in parts]
        return np.concatenate([d for d, _ in done]), np.concatenate([e for _, e in done])
    counts = np.round(SHARES * repeats).astype(int)
    counts[0] += repeats - counts.sum()
    sites = approximate(family, cells)
    eta = np.concatenate(
        [sites.draw(width, count, rng) for width, count in zip(WIDTHS, counts, strict=True)], axis=1
    )
    over_prior = [
        np.log(count / repeats) + sites.over_prior(eta, width)
        for width, count in zip(WIDTHS, counts, strict=True)
    ]
    mu, sigma = cells.curve.location_and_scale(eta)
    log = student_t(cells.score, mu, sigma, cells.curve.dof[:, None, None]).sum(axis=2)
    log -= np.logaddexp.reduce(over_prior)
    largest = log.max(axis=1, keepdims=True)
    weights = np.exp(log - largest)
    mean = weights.mean(axis=1)
    error = weights.std(axis=1, ddof=1) / np.sqrt(repeats) / mean
    return np.log(mean) + largest[:, 0], error
