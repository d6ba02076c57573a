"""Scores of forecasts against closed forms and sums done by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_sloth.metrics import (
    covered,
    crps,
    interval_score,
    pit,
    score_cells,
    standard_errors,
    summarise,
    width,
)


def normal_crps(mean, sd, actual):
    """Gneiting and Raftery (2007), equation 21."""
    z = (actual - mean) / sd
    normal = stats.norm
    return sd * (z * (2 * normal.cdf(z) - 1) + 2 * normal.pdf(z) - 1 / np.sqrt(np.pi))


@pytest.mark.parametrize("actual", [-2.0, 0.0, 0.3, 5.0])
def test_crps_of_a_normal(actual):
    draws = stats.norm(1, 2).ppf((np.arange(4000) + 0.5) / 4000)
    assert crps(draws, actual) == pytest.approx(normal_crps(1, 2, actual), abs=2e-3)


def test_crps_is_the_sum_over_pairs():
    draws = np.random.default_rng(0).normal(size=(3, 5, 7))
    actual = np.random.default_rng(1).normal(size=(3, 5))
    pairs = np.abs(draws[..., :, None] - draws[..., None, :]).sum(axis=(-1, -2))
    expected = np.abs(draws - actual[..., None]).mean(axis=-1) - pairs / (2 * 7 * 6)
    np.testing.assert_allclose(crps(draws, actual), expected)


def test_crps_does_not_depend_on_the_number_of_draws():
    rng = np.random.default_rng(0)
    few, many = (crps(rng.normal(size=(20_000, n)), 0.5).mean() for n in (2, 50))
    assert few == pytest.approx(normal_crps(0, 1, 0.5), abs=0.02)
    assert many == pytest.approx(normal_crps(0, 1, 0.5), abs=0.005)


def test_crps_needs_two_draws():
    with pytest.raises(ValueError, match="two"):
        crps([0.5], 0.5)


def test_crps_of_certainty_is_the_absolute_error():
    assert crps([0.4, 0.4, 0.4], 0.7) == pytest.approx(0.3)


def test_interval_score_by_hand():
    inside, below, above = interval_score([0.5, 0.1, 0.8], 0.2, 0.6, level=0.9)
    assert inside == pytest.approx(0.4)
    assert below == pytest.approx(0.4 + 20 * 0.1)
    assert above == pytest.approx(0.4 + 20 * 0.2)
    assert interval_score(0.7, 0.2, 0.6, level=0.5) == pytest.approx(0.4 + 4 * 0.1)


def test_bounds_count_as_covered():
    np.testing.assert_array_equal(covered([0.2, 0.6, 0.61], 0.2, 0.6), [True, True, False])
    assert width(0.2, 0.6) == pytest.approx(0.4)


def test_pit_of_honest_forecasts_is_uniform():
    rng = np.random.default_rng(0)
    values = pit(rng.normal(size=(2000, 400)), rng.normal(size=2000))
    assert stats.kstest(values, "uniform").pvalue > 0.01


def test_pit_is_randomised_where_draws_tie():
    rng = np.random.default_rng(0)
    # Scores that are zero more often than not, as on the hardest benchmarks.
    draws, actual = (np.maximum(rng.normal(-0.5, size=size), 0) for size in ((2000, 400), 2000))
    assert stats.kstest(pit(draws, actual), "uniform").pvalue > 0.01
    assert pit([0.1, 0.2, 0.3, 0.4], 0.25) == pytest.approx(0.5)


def cells_of(errors):
    """One cell per (fold, benchmark, model), with a given error in points."""
    rows = [
        {"fold": fold, "benchmark": benchmark, "actual": 0.5, "median": 0.5 + error / 100}
        for (fold, benchmark), several in errors.items()
        for error in several
    ]
    return pd.DataFrame(rows)


def test_mae_is_averaged_over_models_then_folds_then_benchmarks():
    cells = cells_of(
        {("a", "x"): [1, 2, 3], ("b", "x"): [6], ("a", "y"): [4, 4, 4], ("b", "y"): [-8]}
    )
    scored = score_cells(cells)
    assert scored.summary["mae"] == pytest.approx(((2 + 6) / 2 + (4 + 8) / 2) / 2)
    assert scored.summary["medae"] == pytest.approx(4)
    assert scored.by_benchmark.loc["x", "mae"] == pytest.approx(4)
    assert scored.by_fold.loc["a", "mae"] == pytest.approx(3)


def test_summary_of_intervals_and_groups():
    cells = cells_of({("a", "x"): [5, 30], ("b", "x"): [0, 0]}).assign(
        lower50=0.48,
        upper50=0.52,
        lower80=0.45,
        upper80=0.55,
        lower90=[0.51, 0.4, 0.4, 0.4],
        upper90=0.6,
        crps=0.03,
        instruct=[False, True, False, True],
        lineage=["a", "a", "b", "b"],
    )
    scored = score_cells(cells)
    assert scored.summary["coverage50"] == 1
    assert scored.summary["coverage90"] == pytest.approx(0.75)
    assert scored.summary["width90"] == pytest.approx((9 + 3 * 20) / 4)
    assert scored.summary["interval_score90"] == pytest.approx((9 + 20 * 1 + 3 * 20) / 4)
    assert scored.summary["crps"] == pytest.approx(3)
    assert scored.by_tuning.loc["tuned", "mae"] == pytest.approx(15)
    assert set(scored.standard_errors) == set(scored.summary) == set(scored.by_fold)


def test_standard_error_of_single_cells_is_that_of_a_mean():
    errors = np.arange(30.0)
    cells = cells_of({(fold, "x"): [error] for fold, error in enumerate(errors)})
    expected = errors.std() / np.sqrt(30)
    assert standard_errors(cells, replicates=4000)["mae"] == pytest.approx(expected, rel=0.05)


def test_folds_of_one_lineage_are_drawn_together():
    cells = cells_of({("a", "x"): [1], ("b", "x"): [5]})
    assert standard_errors(cells.assign(lineage="same"))["mae"] == pytest.approx(0)
    assert standard_errors(cells)["mae"] > 1


def test_median_of_the_bootstrap_is_the_usual_one():
    cells = cells_of({("a", "x"): [1, 9, 2, 4]})
    assert summarise(cells)["medae"] == pytest.approx(3)
