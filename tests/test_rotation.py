"""Rotations against closed forms and brute force, and what many starts tell."""

import numpy as np
import pytest
from scipy.optimize import minimize

from bayes_sloth.errors import InputError
from bayes_sloth.rotation import (
    geomin,
    random_starts,
    rotate,
    rotate_draws,
    rotated,
    varimax,
)

# Eight physical variables of 305 girls, two factors (Harman 1976): unrotated loadings.
HARMAN8 = np.array([
    [0.830, -0.396], [0.818, -0.469], [0.777, -0.470], [0.798, -0.401],
    [0.786, 0.500], [0.672, 0.458], [0.594, 0.444], [0.647, 0.333],
])  # fmt: skip


# Twelve benchmarks on three skills, as a point fit of Sloth to the leaderboard loads them.
TWELVE = np.array([
    [1.60, 0.50, -0.44], [0.64, 0.09, -0.57], [0.50, -0.03, -0.63], [0.64, -0.03, -0.64],
    [0.57, 0.46, -0.31], [3.17, 1.34, -0.24], [0.09, 0.51, -0.41], [1.54, 0.49, -0.47],
    [3.21, 1.36, -0.12], [2.12, 0.52, -0.40], [0.80, 0.23, -0.22], [1.64, 0.54, -0.42],
])  # fmt: skip


def simple(rows: int, skills: int, seed: int = 0) -> np.ndarray:
    """Return loadings of which each row has one that is not zero."""
    rng = np.random.default_rng(seed)
    loadings = np.zeros((rows, skills))
    loadings[np.arange(rows), np.arange(rows) % skills] = rng.uniform(0.5, 1.5, rows)
    return loadings


def test_varimax_of_two_factors_is_kaisers_closed_form():
    u = HARMAN8[:, 0] ** 2 - HARMAN8[:, 1] ** 2
    v = 2 * HARMAN8[:, 0] * HARMAN8[:, 1]
    p = len(HARMAN8)
    numerator = 2 * (u @ v) - 2 * u.sum() * v.sum() / p
    denominator = (u**2 - v**2).sum() - (u.sum() ** 2 - v.sum() ** 2) / p
    angle = np.arctan2(numerator, denominator) / 4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = rotate(HARMAN8, "varimax")
    expected = np.abs(HARMAN8 @ turn)
    expected = expected[:, np.argsort(-(expected**2).sum(axis=0))]
    np.testing.assert_allclose(np.abs(found.loadings), expected, atol=1e-4)
    np.testing.assert_allclose(found.correlation, np.eye(2), atol=1e-8)


def test_geomin_of_two_factors_is_the_best_of_a_fine_grid():
    angles = np.linspace(0, np.pi, 361)[:-1]
    a, b = (grid.ravel() for grid in np.meshgrid(angles, angles))
    apart = np.abs(np.sin(a - b)) > 0.05
    a, b = a[apart], b[apart]
    matrices = np.array([[np.cos(a), np.cos(b)], [np.sin(a), np.sin(b)]]).transpose(2, 0, 1)
    values = geomin(rotated(HARMAN8, matrices))[0]
    found = rotate(HARMAN8, "geomin").optima["criterion"].iloc[0]
    assert found <= values.min()
    assert found == pytest.approx(values.min(), rel=1e-3)


@pytest.mark.parametrize("skills", [2, 3, 4])
def test_geomin_finds_a_simple_structure_behind_correlated_skills(skills: int):
    """A zero in all but one place of each row is the criterion's known minimum."""
    truth = simple(12, skills)
    correlation = np.full((skills, skills), 0.4) + 0.6 * np.eye(skills)
    hidden = truth @ np.linalg.cholesky(correlation)
    found = rotate(hidden, "geomin")
    match = np.abs(found.loadings[:, None, :] - truth[:, :, None]).max(axis=0).min(axis=1)
    assert match.max() < 0.05  # epsilon moves the optimum a little
    np.testing.assert_allclose(rotated(hidden, found.matrix), found.loadings)
    off = found.correlation[np.triu_indices(skills, 1)]
    np.testing.assert_allclose(off, 0.4, atol=0.05)


def test_promax_keeps_a_perfect_orthogonal_structure():
    truth = simple(9, 3)
    found = rotate(truth @ random_starts(3, 2, seed=5)[1], "promax")
    np.testing.assert_allclose(np.sort(found.loadings.ravel()), np.sort(truth.ravel()), atol=1e-4)


@pytest.mark.parametrize("partial", [False, True])
def test_target_is_reached_where_a_rotation_can(partial: bool):
    truth = simple(9, 3)
    correlation = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
    target = np.where(truth > 0, np.nan, truth) if partial else truth
    found = rotate(truth @ np.linalg.cholesky(correlation), "target", target=target)
    assert found.optima["criterion"].iloc[0] < 1e-9
    np.testing.assert_allclose(np.abs(found.loadings), truth, atol=1e-4)


@pytest.mark.parametrize(("criterion"), [varimax, geomin])
def test_gradients_are_those_of_finite_differences(criterion):
    loadings = np.random.default_rng(1).standard_normal((5, 3))
    slope, step = criterion(loadings)[1], 1e-6
    for place in np.ndindex(loadings.shape):
        moved = loadings.copy()
        moved[place] += step
        difference = (criterion(moved)[0] - criterion(loadings)[0]) / step
        assert slope[place] == pytest.approx(difference, abs=1e-4)


def test_a_second_optimum_near_the_best_is_told():
    """Two zero patterns that fit almost alike: rows on three axes of a plane, two of them kept."""
    angles = np.deg2rad([0, 60, 120])
    rows = np.array([[np.cos(a), np.sin(a)] for a in angles for _ in range(4)])
    found = rotate(rows * np.repeat([1.0, 0.98, 0.96], 4)[:, None], "geomin")
    assert len(found.optima) >= 3
    assert found.second_is_near
    assert found.agreement < 1
    assert "second optimum is near" in found.sentence()
    assert found.optima["starts"].sum() == 100


def test_the_optima_are_those_of_another_minimiser():
    """Flat valleys: a start that is cut short there would count as an optimum of its own."""

    def criterion(free: np.ndarray) -> float:
        matrix = free.reshape(3, 3)
        return geomin(rotated(TWELVE, matrix / np.linalg.norm(matrix, axis=0)))[0]

    ends = [
        minimize(criterion, start.ravel(), method="BFGS", options={"gtol": 1e-7}).fun
        for start in random_starts(3, 20, seed=7)
    ]
    found = rotate(TWELVE, "geomin").optima["criterion"]
    np.testing.assert_allclose(found, np.unique(np.round(ends, 4)), atol=1e-4)
    assert len(found) == 2


def test_each_draw_keeps_to_the_optimum_of_the_mean():
    rng = np.random.default_rng(3)
    truth = simple(12, 3)
    draws = truth @ random_starts(3, 2, seed=1)[1] + 0.02 * rng.standard_normal((50, 12, 3))
    found = rotate(draws.mean(axis=0), "geomin")
    turned = rotated(draws, rotate_draws(draws, found))
    assert turned.std(axis=0).max() < 0.05
    np.testing.assert_allclose(turned.mean(axis=0), found.loadings, atol=0.02)


def test_no_step_is_so_long_that_skills_swap():
    """A mean and two draws of a fit: steps of any length end at the same optimum, swapped."""
    mean = np.array([
        [0.97, 0.11], [0.74, -0.63], [0.54, -0.80], [0.70, -0.64],
        [0.65, 0.40], [0.89, 0.10], [0.52, -0.24], [0.97, 0.09],
        [0.71, 0.12], [0.91, -0.04], [0.76, 0.14], [0.99, 0.07],
    ])  # fmt: skip
    draws = np.array([[
        [0.95, -0.03], [0.80, -0.59], [0.67, -0.66], [0.72, -0.56],
        [0.76, 0.22], [0.91, 0.02], [0.52, -0.36], [0.97, 0.02],
        [0.89, 0.19], [0.93, 0.05], [0.65, 0.13], [0.98, 0.07],
    ], [
        [1.00, 0.01], [0.80, -0.57], [0.67, -0.72], [0.78, -0.56],
        [0.72, 0.29], [0.91, -0.03], [0.58, -0.35], [0.98, -0.05],
        [0.79, -0.06], [0.90, -0.25], [0.68, 0.33], [1.00, 0.01],
    ]])  # fmt: skip
    found = rotate(mean, "geomin")
    turned = rotated(draws, rotate_draws(draws, found))
    cosine = (turned * found.loadings).sum(axis=1)
    cosine /= np.linalg.norm(turned, axis=1) * np.linalg.norm(found.loadings, axis=0)
    assert cosine.min() > 0.9


def test_a_target_of_zeros_leaves_no_sign_to_chance():
    target = np.full((8, 2), np.nan)
    target[[0, 4], [0, 1]] = 0.0  # one variable off each factor
    for sign in (1, -1):
        found = rotate(sign * HARMAN8, "target", target=target)
        assert np.abs(found.loadings[[0, 4], [0, 1]]).max() < 1e-4
        assert (found.loadings.sum(axis=0) > 0).all()


def test_a_target_that_fixes_nothing_is_refused():
    target = np.full((8, 2), np.nan)
    target[0, 0] = 0.0
    with pytest.raises(InputError, match="asks for 1 loadings; 2 oblique skills"):
        rotate(HARMAN8, "target", target=target)
    with pytest.raises(InputError, match="starts=0"):
        rotate(HARMAN8, starts=0)


@pytest.mark.parametrize(("name", "says"), [("oblimax", "oblimax"), ("target", "shape (8, 2)")])
def test_what_cannot_be_rotated_is_said(name: str, says: str):
    with pytest.raises(InputError, match=says.replace("(", r"\(").replace(")", r"\)")):
        rotate(HARMAN8, name)
