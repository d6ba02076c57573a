"""The verdict on the sampler: passes good draws, refuses bad ones, and does not mind rotation."""

import numpy as np
import pytest
import xarray as xr

from bayes_sloth.health import diagnose
from bayes_sloth.loadings import align, shared_covariance

CHAINS, DRAWS, BENCHMARKS, SKILLS = 4, 600, 5, 2


@pytest.fixture
def tree() -> xr.DataTree:
    """Return independent draws around fixed loadings, each turned and reflected at random."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((BENCHMARKS, SKILLS))
    loadings = truth + 0.1 * rng.standard_normal((CHAINS, DRAWS, BENCHMARKS, SKILLS))
    turn = np.linalg.qr(rng.standard_normal((CHAINS, DRAWS, SKILLS, SKILLS)))[0]
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "loadings": ((*dims, "benchmark", "skill"), loadings @ turn),
            "intercept": ((*dims, "benchmark"), rng.standard_normal((CHAINS, DRAWS, BENCHMARKS))),
        }
    )
    stats = xr.Dataset(
        {
            "diverging": (dims, np.zeros((CHAINS, DRAWS), bool)),
            "energy": (dims, rng.standard_normal((CHAINS, DRAWS))),
            "logp": (dims, rng.standard_normal((CHAINS, DRAWS))),
        }
    )
    return xr.DataTree.from_dict({"/posterior": posterior, "/sample_stats": stats})


def test_rotation_of_the_draws_does_not_matter(tree: xr.DataTree):
    health = diagnose(tree)
    assert health.passed, health.sentence()
    assert "passed" in health.sentence()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t["posterior"]["intercept"].data.__setitem__((0, ..., 2), 9.0), "R-hat"),
        (lambda t: t["sample_stats"]["diverging"].data.__setitem__((1, 5), True), "1 divergent"),
        (lambda t: t["sample_stats"]["logp"].data.__setitem__(0, -20.0), "different modes"),
        (
            lambda t: t["sample_stats"]["energy"].data.__setitem__(
                slice(None), np.cumsum(t["sample_stats"]["energy"].data, axis=1)
            ),
            "BFMI",
        ),
        (lambda t: t["posterior"]["intercept"].data.__setitem__((0, 0, 0), np.nan), "R-hat"),
    ],
)
def test_what_is_wrong_is_said(tree: xr.DataTree, spoil, says: str):
    spoil(tree)
    health = diagnose(tree)
    assert not health.passed
    assert "NOT PASSED" in health.sentence()
    assert any(says in problem for problem in health.problems)


def test_one_chain_is_not_enough(tree: xr.DataTree):
    health = diagnose(tree.isel(chain=[0]))
    assert any("one chain" in problem for problem in health.problems)


def test_alignment_gathers_the_draws_and_keeps_what_they_predict(tree: xr.DataTree):
    posterior = tree["posterior"].to_dataset()
    directions = np.linalg.qr(posterior["loadings"].to_numpy()[0, 0])[0]
    aligned = align(posterior, directions)
    xr.testing.assert_allclose(shared_covariance(aligned), shared_covariance(posterior))
    assert float(aligned["loadings"].std(("chain", "draw")).max()) < 0.2
    assert float(posterior["loadings"].std(("chain", "draw")).max()) > 0.5
