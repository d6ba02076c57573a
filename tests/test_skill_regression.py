"""The regression on skills, against simulation and against least squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from bayes_sloth.factor_scores import LoadingPrior
from bayes_sloth.priors import COVARIATES, GROWTH_SPREAD
from bayes_sloth.skill_regression import PRIORS, SPREAD, Importance, Regression, Rows

LINEAGES = np.repeat(["a", "b", "c", "d"], 4)
TUNED = np.tile([0.0, 0.0, 1.0, 1.0], 4)
VARIANTS = np.char.add(LINEAGES, np.where(TUNED > 0, "-chat", ""))


def _simulated(samples: int, rng: np.random.Generator, effort: str = ""):
    """Draw coefficients, scales and outcomes from the prior; each sample is another world."""
    models = np.arange(16)
    columns, rises = None, effort != "settings"
    if effort:
        models, step = np.repeat(models, 3), np.tile([0, 1, 2], 16)
        columns = {
            "amount": step[:, None] - 1.0,
            "levels": (step[:, None] >= np.array([1, 2])).astype(float),
            "settings": np.eye(3)[step],
        }[effort]
    about = np.zeros((16, len(COVARIATES)))
    about[:, 0], about[:, COVARIATES.index("tuned")] = rng.normal(size=16), TUNED
    x = about[models]
    theta = rng.normal(size=(samples, 16, 2))[:, models]
    loadings = LoadingPrior(
        np.tile([0.6, 0.0], (samples, 1)),
        *(np.full(samples, value) for value in (0.3, 0.25, 0.2, 0.1)),
    )
    slope = loadings.mean + 0.3 * rng.standard_normal((samples, 2))
    scale = np.exp(SPREAD * rng.standard_normal((5, samples))) * np.array(
        [[0.25], [0.2], [0.1], [0.2], [0.1]]
    )
    normal = {
        name: rng.normal(*PRIORS[name].parameters.values(), samples)
        for name in ("intercept", "effort")
    }
    z = normal["intercept"][:, None] + np.einsum("srk,sk->sr", theta, slope)
    z += scale[0][:, None] * (rng.standard_normal((samples, len(COVARIATES))) * GROWTH_SPREAD @ x.T)
    for names, sd in ((LINEAGES, scale[0]), (VARIANTS, scale[1]), (np.arange(16), scale[2])):
        codes = np.unique(names[models], return_inverse=True)[1]
        z += (sd[:, None] * rng.standard_normal((samples, codes.max() + 1)))[:, codes]
    if columns is not None:
        width = columns.shape[1]
        common = rng.normal(0.4 if rises else 0.0, 0.4, (samples, width))
        own = common[:, None] + scale[3][:, None, None] * rng.normal(size=(samples, 16, width))
        z += (own[:, models] * columns).sum(axis=2)
        z += scale[4][:, None] * rng.standard_normal(z.shape)
    names = np.array([f"m{m}" for m in models])
    rows = Rows(theta, names, VARIANTS[models], LINEAGES[models], x, columns)
    return z, rows, loadings, rises


def _part(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows(
        rows.skills[:, chosen], rows.model[chosen], rows.variant[chosen], rows.lineage[chosen],
        rows.x[chosen], None if rows.effort is None else rows.effort[chosen],
    )  # fmt: skip


@pytest.mark.parametrize("effort", ["", "amount", "levels", "settings"])
def test_forecasts_of_simulated_worlds_are_calibrated(effort) -> None:
    """Each sample is a world of its own: ranks of the truth among forecasts must be uniform."""
    rng = np.random.default_rng(5)
    worlds, repeats = 40, 40
    z, rows, loadings, rises = _simulated(worlds, rng, effort)
    # The last row is hidden: with effort, the curve of its model is known up to there.
    last = z.shape[1] - 1
    known, below = np.arange(last), []
    outcome = z[:, known] + 0.1 * rng.standard_normal((worlds, last))
    for world in range(worlds):
        same = np.full(repeats, world)
        skills = replace(rows, skills=rows.skills[same])
        prior = LoadingPrior(*(part[same] for part in vars(loadings).values()))
        noise = np.full((repeats, last), 0.01)
        regression = Regression(
            outcome[same], noise, _part(skills, known), prior, np.ones(repeats), rises
        )
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
    rows = Rows(theta, names, names, names, np.zeros((n, len(COVARIATES))))
    loadings = LoadingPrior(np.tile([0.6, 0.0], (50, 1)), *np.full((4, 50), 0.3))
    x = np.array([1.0, 2.0])
    new = Rows(np.tile(x, (50, 1, 1)), *[np.array(["new"])] * 3, np.zeros((1, len(COVARIATES))))
    regression = Regression(
        np.tile(z, (50, 1)), np.full((50, n), 1e-4), rows, loadings, np.ones(50)
    )
    draws, scales, _ = regression.forecast(new, rng)
    design = np.column_stack([np.ones(n), theta[0]])
    expected = np.array([1, *x]) @ np.linalg.lstsq(design, z)[0]
    assert draws.mean() == pytest.approx(expected, abs=0.06)
    # Lineage, variant and model cannot be told apart here.
    assert np.median(np.linalg.norm(scales, axis=1)) < 0.15


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
