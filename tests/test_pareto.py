"""Pareto smoothing, against ArviZ and against a tail of known shape."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.stats import genpareto

from bayes_sloth.pareto import fit_generalised_pareto, smooth_log_weights


@pytest.mark.parametrize("draws", [60, 1000, 24_000])
@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_it_agrees_with_arviz(draws: int, spread: float) -> None:
    log_weights = spread * np.random.default_rng(draws).standard_normal(draws)
    expected, shape = array_stats.psislw(-log_weights)
    smoothed, own = smooth_log_weights(log_weights)
    assert own == pytest.approx(float(shape), abs=1e-6)
    np.testing.assert_allclose(smoothed - smoothed[0], expected - expected[0], atol=1e-6)


@pytest.mark.parametrize("shape", [-0.3, 0.2, 0.8])
def test_a_known_shape_is_found(shape: float) -> None:
    excess = np.sort(genpareto.rvs(shape, scale=2.0, size=20_000, random_state=1))
    found, scale = fit_generalised_pareto(excess)
    assert found == pytest.approx(shape, abs=0.03)
    assert scale == pytest.approx(2.0, rel=0.05)


def test_equal_weights_have_no_tail() -> None:
    smoothed, shape = smooth_log_weights(np.zeros(500))
    np.testing.assert_array_equal(smoothed, 0.0)
    assert shape == np.inf
