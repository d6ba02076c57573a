"""The regression on skills, against simulation and against least squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from bayes_sloth.factor_scores import LoadingPrior
from bayes_sloth.skill_regression import PRIORS, SPREAD, Importance, Regression, Rows

LINEAGES = np.repeat(["a", "b", "c", "d"], 4)
TUNED = np.tile([0.0, 0.0, 1.0, 1.0], 4)


def _simulated(samples: int, rng: np.random.Generator, effort: bool = False):
    """Draw coefficients, scales and outcomes from the prior; each sample is another world."""
    models = np.arange(16)
    x = None
    if effort:
        models, x = np.repeat(models, 3), np.tile([-1.0, 0.0, 1.0], 16)
    theta = rng.normal(size=(samples, 16, 2))[:, models]
    loadings = LoadingPrior(
        np.tile([0.6, 0.0], (samples, 1)),
        *(np.full(samples, value) for value in (0.3, 0.25, 0.2)),
    )
    slope = loadings.mean + 0.3 * rng.standard_normal((samples, 2))
    normal = {
        name: rng.normal(*PRIORS[name].parameters.values(), samples)
        for name in ("intercept", "tuned", "effort")
    }
    scale = np.exp(SPREAD * rng.standard_normal((4, samples))) * np.array(
        [[0.25], [0.2], [0.2], [0.1]]
    )
    codes = np.unique(LINEAGES[models], return_inverse=True)[1]
    z = normal["intercept"][:, None] + np.einsum("srk,sk->sr", theta, slope)
    z += normal["tuned"][:, None] * TUNED[models]
    z += (scale[0][:, None] * rng.standard_normal((samples, 4)))[:, codes]
    z += (scale[1][:, None] * rng.standard_normal((samples, 16)))[:, models]
    if x is not None:
        own = normal["effort"][:, None] + scale[2][:, None] * rng.standard_normal((samples, 16))
        z += own[:, models] * x + scale[3][:, None] * rng.standard_normal(z.shape)
    names = np.array([f"m{m}" for m in models])
    return z, Rows(theta, names, LINEAGES[models], TUNED[models], x), loadings, scale


def _part(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows(
        rows.skills[:, chosen], rows.model[chosen], rows.lineage[chosen], rows.tuned[chosen],
        None if rows.effort is None else rows.effort[chosen],
    )  # fmt: skip


@pytest.mark.parametrize("effort", [False, True])
def test_forecasts_of_simulated_worlds_are_calibrated(effort) -> None:
    """Each sample is a world of its own: ranks of the truth among forecasts must be uniform."""
    rng = np.random.default_rng(5)
    worlds, repeats = 40, 40
    z, rows, loadings, _ = _simulated(worlds, rng, effort)
    # The last row is hidden: with effort, the curve of its model is known up to there.
    last = z.shape[1] - 1
    known, below = np.arange(last), []
    outcome = z[:, known] + 0.1 * rng.standard_normal((worlds, last))
    for world in range(worlds):
        same = np.full(repeats, world)
        skills = Rows(rows.skills[same], rows.model, rows.lineage, rows.tuned, rows.effort)
        prior = LoadingPrior(*(part[same] for part in vars(loadings).values()))
        noise = np.full((repeats, last), 0.01)
        regression = Regression(outcome[same], noise, _part(skills, known), prior, np.ones(repeats))
        drawn, _, importance = regression.forecast(_part(skills, np.array([last])), rng)
        assert importance.effective > 2
        below.append((drawn[:, 0] < z[world, last]).mean())
    assert kstest(below, "uniform").pvalue > 0.01


def test_with_plenty_of_rows_it_is_least_squares() -> None:
    rng = np.random.default_rng(1)
    n = 120
    theta = np.tile(rng.normal(size=(n, 2)), (50, 1, 1))
    z = -0.4 + theta[0] @ [0.9, -0.3] + 0.05 * rng.standard_normal(n)
    names = np.array([f"m{i}" for i in range(n)])
    rows = Rows(theta, names, names, np.zeros(n))
    loadings = LoadingPrior(np.tile([0.6, 0.0], (50, 1)), *np.full((3, 50), 0.3))
    x = np.array([1.0, 2.0])
    new = Rows(np.tile(x, (50, 1, 1)), np.array(["new"]), np.array(["new"]), np.zeros(1))
    regression = Regression(
        np.tile(z, (50, 1)), np.full((50, n), 1e-4), rows, loadings, np.ones(50)
    )
    draws, scales, _ = regression.forecast(new, rng)
    design = np.column_stack([np.ones(n), theta[0]])
    expected = np.array([1, *x]) @ np.linalg.lstsq(design, z)[0]
    assert draws.mean() == pytest.approx(expected, abs=0.06)
    assert np.median(np.hypot(*scales.T)) < 0.12  # lineage and model cannot be told apart here


def test_a_measured_model_keeps_its_own_effects() -> None:
    rng = np.random.default_rng(2)
    z, rows, loadings, _ = _simulated(200, rng)
    outcome = z.copy()
    outcome[:, 3] += 2.0
    regression = Regression(outcome, np.full(z.shape, 1e-6), rows, loadings, np.ones(200))
    drawn, _, _ = regression.forecast(_part(rows, np.array([3])), rng)
    # Measurements are never taken for more exact than 0.01 logits: five times that is the limit.
    np.testing.assert_allclose(drawn[:, 0], outcome[:, 3], atol=0.05)


def test_importance_says_when_it_cannot_be_believed() -> None:
    assert Importance(0.3, 10).passed
    assert not Importance(0.9, 10).passed and "NOT PASSED" in Importance(0.9, 10).sentence()
    assert not Importance(0.3, 1.5).passed
