"""Effects of what is left out are integrated: closed form, quadrature and brute force agree."""

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_sloth.comparing.integrals import log_marginal
from bayes_sloth.conditioning import Cells, student_t
from bayes_sloth.predictor import Curve, Effect, Family

SAMPLES = 3


class StraightLine(Curve):
    """A curve that is none: scores are normal about the linear predictor itself."""

    def expected(self, eta: np.ndarray) -> np.ndarray:
        return eta

    def location_and_scale(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return eta, np.full_like(eta, 0.3)


def curve(cells: int, kind: type[Curve] = Curve, dof: float = 6.0) -> Curve:
    flat = np.ones((SAMPLES, cells))
    return kind(
        chance=np.full(cells, 0.25),
        items=np.full(cells, 500.0),
        reference=np.full(cells, 0.4),
        ceiling=0.95 * flat,
        shape=0.4 * flat,
        protocol_sd=0.01 * flat,
        residual_sd=0.15 * flat,
        dof=np.full(SAMPLES, dof),
    )


def family(effects: list[Effect], models: int, benchmarks: int) -> Family:
    mean = np.random.default_rng(1).normal(0.2, 0.4, (SAMPLES, models, benchmarks))
    return Family(mean, effects, np.zeros((1, models, 2)), {})


def two_models() -> Family:
    """Return two models on three benchmarks that share a level and each have a skill."""
    rng = np.random.default_rng(2)
    level = Effect(np.array([0, 1]), rng.normal(0, 0.6, (SAMPLES, 3, 4)))
    slope = Effect(np.array([0, 1]), rng.normal(0, 0.2, (SAMPLES, 3, 2)), np.array([-1.0, 0.5]))
    own = [Effect(np.array([m]), rng.normal(0, 0.3, (SAMPLES, 3, 1))) for m in (0, 1)]
    return family([level, slope, *own], 2, 3)


MODEL, BENCHMARK = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
SCORE = np.array([0.55, 0.4, 0.7, 0.62, 0.35, 0.5])


def test_a_linear_normal_case_has_its_closed_form():
    made = two_models()
    cells = Cells(MODEL, BENCHMARK, SCORE, curve(6, StraightLine, dof=1e8))
    log, error = log_marginal(made, cells, np.random.default_rng(1), repeats=2000)
    maps = [e.factor[:, BENCHMARK] * e.on(MODEL)[:, None] for e in made.effects]
    for s in range(SAMPLES):
        covariance = sum(a[s] @ a[s].T for a in maps) + 0.09 * np.eye(6)
        truth = stats.multivariate_normal(made.mean[s].ravel(), covariance).logpdf(SCORE)
        assert log[s] == pytest.approx(truth, abs=4 * error[s] + 1e-3)
        assert error[s] < 0.03


def test_one_effect_agrees_with_quadrature():
    factor = np.random.default_rng(3).normal(0.8, 0.2, (SAMPLES, 3, 1))
    made = family([Effect(np.array([0]), factor)], 1, 3)
    cells = Cells(np.zeros(3, int), np.arange(3), np.array([0.5, 0.62, 0.2]), curve(3))
    log, error = log_marginal(made, cells, np.random.default_rng(1), repeats=2000)
    z = np.linspace(-8, 8, 4001)
    for s in range(SAMPLES):
        eta = made.mean[s, 0] + z[:, None] * factor[s, :, 0]
        one = cells.take(np.full(len(z), s))
        likelihood = np.exp(one.log_likelihood(eta).sum(axis=1))
        truth = np.log(integrate.simpson(likelihood * stats.norm.pdf(z), x=z))
        assert log[s] == pytest.approx(truth, abs=4 * error[s] + 1e-3)
        assert error[s] < 0.03


def test_a_family_agrees_with_brute_force():
    made, rng = two_models(), np.random.default_rng(5)
    cells = Cells(MODEL, BENCHMARK, SCORE, curve(6))
    log, error = log_marginal(made, cells, rng, repeats=2000)
    many = 400_000
    for s in range(SAMPLES):
        chosen = np.full(many, s)
        drawn = made.take(chosen)
        eta = drawn.predictor(drawn.draw(rng))[:, MODEL, BENCHMARK]
        density = np.exp(cells.take(chosen).log_likelihood(eta).sum(axis=1))
        noise = density.std() / density.mean() / np.sqrt(many)
        truth = np.log(density.mean())
        assert log[s] == pytest.approx(truth, abs=4 * np.hypot(noise, error[s]))
        assert noise < 0.15


def test_the_error_that_is_reported_is_the_error():
    made, cells = two_models(), Cells(MODEL, BENCHMARK, SCORE, curve(6))
    runs = [log_marginal(made, cells, np.random.default_rng(i), repeats=100) for i in range(60)]
    actual = np.std([log for log, _ in runs], axis=0)
    reported = np.mean([error for _, error in runs], axis=0)
    np.testing.assert_allclose(reported, actual, rtol=0.4)


def test_parts_of_the_draws_are_put_together(monkeypatch: pytest.MonkeyPatch):
    made, cells = two_models(), Cells(MODEL, BENCHMARK, SCORE, curve(6))
    whole, error = log_marginal(made, cells, np.random.default_rng(1), repeats=2000)
    monkeypatch.setattr("bayes_sloth.comparing.integrals.LARGEST", 1)
    parts, _ = log_marginal(made, cells, np.random.default_rng(1), repeats=2000)
    np.testing.assert_allclose(parts, whole, atol=6 * error.max())


def test_student_t_is_scipys():
    x = np.array([0.1, 0.5])
    ours = student_t(x, np.array(0.4), np.array(0.2), np.array(5.0))
    np.testing.assert_allclose(ours, stats.t.logpdf(x, 5, 0.4, 0.2))


def test_effects_reach_the_models_that_share_them():
    effect = Effect(np.array([0, 2]), np.ones((1, 1, 1)), np.array([2.0, -1.0]))
    assert list(effect.on(np.array([0, 1, 2, 2]))) == [2, 0, -1, -1]
    made = Family(np.zeros((1, 3, 1)), [effect], np.zeros((1, 3, 2)), {})
    assert list(made.predictor([np.array([[0.5]])])[0, :, 0]) == [1.0, 0.0, -0.5]
