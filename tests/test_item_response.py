"""The item-response model recovers a known truth, and its forecasts know what they do not know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.sampling import Sampling
from bayes_sloth.test_time.counts import Counts
from bayes_sloth.test_time.fitting import ItemResponseFit, fit_item_response, load_item_response
from bayes_sloth.test_time.forecasting import forecast_pass_at_k, stretch
from bayes_sloth.test_time.item_response import log_density, simulate
from bayes_sloth.test_time.pass_at_k import pass_at_k

MODELS = ["pythia-410m", "pythia-1.4b", "pythia-6.9b", "gemma-2b", "gemma-7b", "meta-llama-3-8b"]
ABILITY = np.array([-3.0, -2.0, -1.0, 0.0, 1.5, 2.0])


def _counts(correct: np.ndarray, samples: int) -> Counts:
    questions = pd.Index([f"q{q}" for q in range(correct.shape[1])], name="question")
    table = pd.DataFrame(correct, pd.Index(MODELS, name="model"), questions)
    return Counts(table, table * 0 + samples, "simulation")


@pytest.fixture(scope="module")
def simulated() -> tuple[np.ndarray, ItemResponseFit]:
    """Return true success logits, and the fit of counts drawn from them."""
    logits, correct = simulate(ABILITY, questions=60, samples=1000, seed=4)
    sampling = Sampling(chains=2, tune=500, draws=500)
    return logits, fit_item_response(_counts(correct, 1000), sampling, progress=False)


@pytest.mark.slow
def test_it_recovers_abilities_scales_and_pass_at_k(simulated) -> None:
    logits, fit = simulated
    posterior = fit.posterior
    ability = posterior["ability"]
    away = ability.mean(("chain", "draw")) - (ABILITY - ABILITY.mean())
    assert (np.abs(away) < 4 * ability.std(("chain", "draw"))).all()
    assert float(posterior["residual_sd"].mean()) == pytest.approx(1.2, abs=0.2)
    assert float(posterior["easiness_sd"].mean()) == pytest.approx(2.2, abs=0.6)
    table = fit.pass_at_k([1, 100, 10_000])
    actual = np.stack([pass_at_k(logits, k).mean(axis=1) for k in (1, 100, 10_000)], axis=1)
    inside = (table["lower90"] <= actual.ravel()) & (actual.ravel() <= table["upper90"])
    assert inside.mean() >= 0.75
    assert table["estimate"].isna().sum() == len(MODELS)  # more attempts than samples
    np.testing.assert_allclose(table.xs(1, level="k")["median"], actual[:, 0], atol=0.01)


@pytest.mark.slow
def test_a_saved_fit_is_read_back_and_forecasts_the_same(
    simulated, small_fit: Fit, tmp_path
) -> None:
    _, fit = simulated
    again = load_item_response(fit.save(tmp_path / "math.nc"))
    pd.testing.assert_frame_equal(again.counts.correct, fit.counts.correct)
    asked = {"family": "meta-llama-3", "params_b": 70, "tokens_t": 15, "ks": [1, 100]}
    one, two = (forecast_pass_at_k(f, small_fit, **asked) for f in (fit, again))
    pd.testing.assert_frame_equal(one.table(), two.table())
    draws = one.draws.to_numpy()
    assert ((draws >= 0) & (draws <= 1)).all() and (draws[..., 1] >= draws[..., 0]).all()


@pytest.mark.slow
def test_a_larger_model_is_expected_to_do_better_and_a_new_family_is_less_sure(
    simulated, small_fit: Fit
) -> None:
    _, fit = simulated
    known = forecast_pass_at_k(fit, small_fit, family="pythia", params_b=[1, 12], tokens_t=0.3)
    new = forecast_pass_at_k(fit, small_fit, family="nobody's", params_b=12, tokens_t=0.3)
    small, large = known.ability.mean("sample").to_numpy()
    assert large > small
    assert float(new.ability.std()) > float(known.ability.isel(model=1).std())


def test_the_stretch_is_the_logistic_normal_integral() -> None:
    """A curve averaged over normal difficulties is flatter by that factor."""
    sd, at = 2.5, np.array([-2.0, 2.0])
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    average = [(weights / (1 + np.exp(-(x + sd * nodes)))).sum() / weights.sum() for x in at]
    logit = np.log(np.array(average) / (1 - np.array(average)))
    slope = np.diff(logit) / np.diff(at)
    assert 1 / slope[0] == pytest.approx(float(stretch(np.array(2.0), np.array(1.5))), rel=0.08)


def test_a_question_nobody_answered_may_be_impossible() -> None:
    """Against the sum over both cases, done with SciPy."""
    from scipy.stats import binom

    right, samples = np.array([[0, 3], [0, 0]]), np.full((2, 2), 40)
    logit, share = np.array([[-3.0, -2.0], [-4.0, -3.0]]), 0.05
    value = log_density(right, samples, logit, share).eval()
    likelihood = binom.pmf(right, samples, 1 / (1 + np.exp(-logit))).prod(axis=0)
    expected = [share + (1 - share) * likelihood[0], (1 - share) * likelihood[1]]
    np.testing.assert_allclose(value, np.log(expected))


@pytest.mark.slow
def test_more_attempts_than_samples_are_said_to_be(simulated, small_fit: Fit) -> None:
    asked = {"known": ["gemma-7b"], "ks": [1000, 1001]}
    warnings = forecast_pass_at_k(simulated[1], small_fit, **asked).warnings
    assert any("BEYOND" in text and "k = 1001 rests" in text for text in warnings)


def test_one_model_is_too_few() -> None:
    table = pd.DataFrame([[1, 2]], pd.Index(["a"], name="model"))
    from bayes_sloth.test_time.item_response import build_model

    with pytest.raises(InputError, match="two models"):
        build_model(Counts(table, table * 0 + 5, "one"))
