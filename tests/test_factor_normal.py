"""The factor normal against the multivariate normal of SciPy, and its draws against its moments."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_sloth.factor_normal import half_centred, log_density, orthonormal

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("skills", [1, 2, 4])
def test_density_is_that_of_the_multivariate_normal(skills: int):
    loadings, sd = RNG.normal(size=(5, skills)), np.exp(RNG.normal(size=5))
    mean, value = RNG.normal(size=(2, 7, 5))
    covariance = loadings @ loadings.T + np.diag(sd**2)
    expected = stats.multivariate_normal(np.zeros(5), covariance).logpdf(value - mean).sum()
    symbolic = [pt.as_tensor(a) for a in (value, mean, loadings, sd)]
    assert log_density(*symbolic).eval() == pytest.approx(expected, rel=1e-10)


def test_volume_of_a_square_matrix_is_its_determinant():
    matrix = RNG.normal(size=(4, 4))
    basis, log_volume = orthonormal(pt.as_tensor(matrix), 4)
    np.testing.assert_allclose(basis.eval().T @ basis.eval(), np.eye(4), atol=1e-12)
    assert log_volume.eval() == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-10)


@pytest.mark.parametrize("weak", [[], [0], [1, 2]])
def test_draws_have_the_covariance_in_any_coordinates(weak: list[int]):
    loadings, sd = np.array([[1.0, 0.5], [2.0, 0.0], [0.3, 1.0]]), np.array([0.5, 1.0, 2.0])
    mean, mask = np.full((40_000, 3), 3.0), np.isin(range(3), weak)
    with pm.Model(coords={"row": range(40_000), "benchmark": range(3)}):
        rows = half_centred("rows", mean, pt.as_tensor(loadings), sd, mask, ("row", "benchmark"))
        drawn = pm.draw(rows, random_seed=1)
    np.testing.assert_allclose(drawn.mean(axis=0), 3, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), loadings @ loadings.T + np.diag(sd**2), atol=0.15)
