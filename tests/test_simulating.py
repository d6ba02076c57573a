"""Calibration and recovery with known truth: small sizes here, full ones in benchmarks/."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bayes_sloth import simulating
from bayes_sloth.design import typical_level
from bayes_sloth.fitting import Fit
from bayes_sloth.simulating import (
    Simulator,
    calibration_ranks,
    one_draw,
    ranked_quantities,
    simulate,
)


@pytest.mark.slow
def test_simulated_scores_keep_what_is_known(small_fit: Fit):
    truth = one_draw(small_fit.posterior, 3)
    design = simulate(truth, small_fit.design, np.random.default_rng(0))
    before, after = small_fit.scores.values, design.scores.values
    assert before.isna().equals(after.isna())
    assert float(np.nanmax(np.abs(before - after))) > 0
    expected = ranked_quantities(truth, small_fit.design)["expected_score"][0, 0].to_numpy()
    assert np.nanmean(np.abs(after.to_numpy() - expected)) < 0.05


def test_ranks_among_draws_of_the_same_distribution_are_uniform():
    rng, dims = np.random.default_rng(5), ("chain", "draw", "element")
    fitted = xr.Dataset({"x": (dims, rng.standard_normal((2, 500, 2000)))})
    truth = xr.Dataset({"x": ("element", rng.standard_normal(2000))})
    ranks = simulating._ranks(truth, fitted, rng)["x"].to_numpy()
    assert stats.kstest(ranks, "uniform").pvalue > 0.01
    stuck = xr.Dataset({"x": (dims, np.zeros((2, 500, 1)))})
    among_equals = [
        float(simulating._ranks(xr.Dataset({"x": ("element", [0.0])}), stuck, rng)["x"][0])
        for _ in range(200)
    ]
    assert stats.kstest(among_equals, "uniform").pvalue > 0.01


@pytest.mark.slow
def test_ranks_are_calibrated(simulator: Simulator):
    """Four replicates: the mean of all ranks near a half, few at the ends (more in benchmarks/)."""
    ranks = xr.concat(list(calibration_ranks(simulator, 4)), dim="replicate")
    pooled = np.concatenate(
        [ranks[n].to_numpy().ravel() for n in ("growth", "intercept", "residual_sd", "link_shape")]
    )
    assert pooled.mean() == pytest.approx(0.5, abs=0.1)
    assert np.mean((pooled < 0.02) | (pooled > 0.98)) < 0.12
    assert ((pooled >= 0) & (pooled <= 1)).all()


@pytest.mark.slow
def test_truth_is_recovered_and_aligned_loadings_are_covered(small_fit: Fit, simulator: Simulator):
    truth = one_draw(small_fit.posterior, 101)
    design = simulate(truth, small_fit.design, np.random.default_rng(8))
    values = small_fit.scores.values.to_numpy(float)
    reference = typical_level(values, small_fit.design.chance)  # what the truth is measured from
    posterior = simulator.refit(design, 2, reference)["posterior"].to_dataset()
    fitted = ranked_quantities(posterior, design).assign(loadings=posterior["loadings"])
    true = ranked_quantities(truth, design).assign(loadings=truth["loadings"])
    # Twelve loadings of eight lineages err together; the others are many.
    for name, least in (("loadings", 0.7), ("expected_score", 0.85), ("growth", 0.85)):
        low, high = (fitted[name].quantile(q, ("chain", "draw")) for q in (0.01, 0.99))
        value = true[name].isel(chain=0, draw=0)
        assert float(((value >= low) & (value <= high)).mean()) > least, name
