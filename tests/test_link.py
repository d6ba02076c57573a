"""The link: where it is anchored, and the plain logistic as a special case."""

import numpy as np
import pytest

from bayes_sloth import link

CHANCE, REFERENCE = np.array([0.25, 0.0]), np.array([0.3, 0.05])


@pytest.mark.parametrize("ceiling", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", [-1.0, 0.0, 1.0])
def test_passes_the_typical_level_with_the_slope_of_a_logistic(ceiling: float, shape: float):
    def q(eta: float) -> np.ndarray:
        mu = link.expected(np.full(2, eta), CHANCE, REFERENCE, ceiling, shape)
        return (mu - CHANCE) / (1 - CHANCE)

    step = 1e-5
    slope = (q(step) - q(-step)) / (2 * step)
    np.testing.assert_allclose(q(0.0), REFERENCE, rtol=1e-12)
    np.testing.assert_allclose(slope, REFERENCE * (1 - REFERENCE), rtol=1e-6)


def test_is_the_plain_logistic_with_no_shape_and_no_ceiling():
    eta = np.linspace(-6, 6, 25)[:, None]
    logit = np.log(REFERENCE / (1 - REFERENCE))
    plain = CHANCE + (1 - CHANCE) / (1 + np.exp(-(eta + logit)))
    np.testing.assert_allclose(link.expected(eta, CHANCE, REFERENCE, 1.0, 0.0), plain, rtol=1e-12)


def test_rises_from_chance_to_the_ceiling():
    eta = np.linspace(-60, 60, 1001)[:, None]
    mu = link.expected(eta, CHANCE, REFERENCE, 0.8, 0.4)
    assert (np.diff(mu, axis=0) >= 0).all()
    np.testing.assert_allclose(mu[0], CHANCE, atol=1e-6)
    np.testing.assert_allclose(mu[-1], CHANCE + (1 - CHANCE) * 0.8, atol=1e-6)


def test_spread_is_binomial_without_protocol_and_residual():
    mu, items = np.array([0.25, 0.6]), np.array([100.0, 400.0])
    sigma = link.spread(mu, np.zeros(2), items, 0.0, 0.0)
    np.testing.assert_allclose(sigma, np.sqrt([0.25 * 0.75 / 100, 0.6 * 0.4 / 400]))


def test_residual_vanishes_at_chance_and_stays_amid():
    items = np.full(2, np.inf)
    at_chance = link.spread(CHANCE, CHANCE, items, 0.0, 0.5)
    amid = link.spread(CHANCE + (1 - CHANCE) / 2, CHANCE, items, 0.0, 0.5)
    np.testing.assert_allclose(at_chance, 0.0, atol=1e-12)
    np.testing.assert_allclose(amid, 0.5 * (1 - CHANCE) / 4)
