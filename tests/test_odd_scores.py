"""Tail probabilities of scores and models, against integration by brute force and simulation."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.checking.densities import student_log_density
from bayes_sloth.checking.odd_scores import _alone, _Curve, _Model, odd_cells
from bayes_sloth.design import make_design
from bayes_sloth.fitting import Fit
from bayes_sloth.scores import Scores

DRAWS, BENCHMARKS, SKILLS = 4000, 6, 2
LOADINGS = np.array([[1, 0], [0.8, 0.2], [0.6, 0.6], [0.2, 0.8], [0, 1], [0.5, 0.5]])


def made_up_model(y: np.ndarray | None = None, own: float = 0.6) -> _Model:
    """Return a model whose parameters are known: all draws are alike."""
    many = np.ones((DRAWS, 1))
    draws = {
        "dof": np.full(DRAWS, 8.0),
        "protocol_sd": 0.01 * np.ones((DRAWS, BENCHMARKS)),
        "residual_sd": 0.15 * np.ones((DRAWS, BENCHMARKS)),
    }
    place = SimpleNamespace(chance=np.full(BENCHMARKS, 0.25), items=np.full(BENCHMARKS, 1000.0))
    curve = _Curve(draws, place, np.full(BENCHMARKS, 0.5), np.ones(BENCHMARKS, bool))  # type: ignore[arg-type]
    effect = np.broadcast_to(own * LOADINGS, (DRAWS, BENCHMARKS, SKILLS))
    base = many * np.linspace(-0.5, 0.5, BENCHMARKS)
    return _Model(np.zeros(BENCHMARKS) if y is None else y, base, effect, curve)


def predicted(model: _Model, rng: np.random.Generator) -> np.ndarray:
    """Return scores of so many models from the prior of the own effects."""
    eta = model.base + (model.effect @ rng.standard_normal((DRAWS, SKILLS, 1)))[..., 0]
    mu = model.curve.expected(eta)
    return mu + model.curve.spread(mu) * rng.standard_t(8.0, size=mu.shape)


def test_weights_take_the_evidence_of_the_model_away():
    """Draws of x from the posterior given y: E[1 / ratio] is 1 / p(y), by Gelfand and Dey."""
    rng = np.random.default_rng(0)
    model = made_up_model(predicted(made_up_model(), rng)[0])
    x = rng.standard_normal((DRAWS, SKILLS))
    mu = model.curve.expected(model.base + (model.effect @ x[..., None])[..., 0])
    log = student_log_density(model.y, model.curve.dof, mu, model.curve.spread(mu)).sum(axis=1)
    evidence = np.log(np.exp(log - log.max()).mean()) + log.max()
    posterior = x[rng.choice(DRAWS, DRAWS, p=np.exp(log) / np.exp(log).sum())]
    ratio = model.log_ratio(posterior)
    assert -np.log(np.exp(-ratio).mean()) == pytest.approx(evidence, abs=0.15)
    assert ratio.std() < 0.8  # the approximation g is near, so weights differ little


def test_tails_of_scores_that_fit_are_uniform():
    rng = np.random.default_rng(1)
    scores = predicted(made_up_model(), rng)[:150]
    tails = pd.DataFrame([judge(y, rng) for y in scores])
    for name in ("level", "pattern"):
        assert tails[name].mean() == pytest.approx(0.5, abs=0.09)  # 4 standard errors of 1/sqrt(12)
        assert 0.02 < (tails[name] < 0.1).mean() < 0.2


def judge(y: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    model = made_up_model(y)
    weights = np.full(DRAWS, 1 / DRAWS)
    return model.tails(weights, np.broadcast_to(LOADINGS, model.effect.shape), rng)


def test_a_level_and_a_pattern_are_told_apart():
    rng = np.random.default_rng(2)
    model = made_up_model()
    typical = model.curve.expected(model.base)[0]
    higher = model.curve.expected(model.base + 3 * LOADINGS.sum(axis=1))[0]
    level = judge(higher, rng)
    assert level["level"] < 0.01 < level["pattern"]
    assert level["shift"] > 1
    failed = typical.copy()
    failed[2] -= 0.25  # an extraction that failed on one benchmark
    pattern = judge(failed, rng)
    assert pattern["pattern"] < 0.01 < pattern["level"]


def test_a_model_that_is_alone_is_known_as_such(small_scores: Scores):
    models = small_scores.models
    lonely = models.index[models["variant"] == models["variant"].iloc[0]][0]
    left = small_scores.select(
        models=[m for m in models.index if models.at[m, "lineage"] != models.at[lonely, "lineage"]]
        + [lonely]
    )
    alone = _alone(make_design(left))
    assert alone[-1] == "lineage"
    assert alone[:-1].count("lineage") == 0


@pytest.mark.slow
def test_scores_that_fit_are_rarely_flagged(small_fit: Fit):
    """Short draws of a real fit: tails are probabilities, and few cells are odd."""
    cells = odd_cells(small_fit.posterior, small_fit.design)
    assert cells["below"].between(0, 1).all()
    assert cells["flagged"].mean() < 0.02
    assert abs(cells["below"].mean() - 0.5) < 0.06
