"""Conditioning on partial scores: agrees with integration and brute force, and knows its limits."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

from bayes_sloth import link
from bayes_sloth.cli import main
from bayes_sloth.conditioning import (
    Quality,
    Sites,
    condition,
    observed_cells,
    repeated,
    resample,
)
from bayes_sloth.design import Design, make_design, typical_level
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.forecasting import forecast
from bayes_sloth.observed import with_models
from bayes_sloth.predictor import Draws, curve_of, family_prior
from bayes_sloth.scores import Scores

SAMPLES, BENCHMARKS, SKILLS = 20_000, 6, 2


@pytest.fixture(scope="module")
def design(small_scores: Scores) -> Design:
    return make_design(small_scores)


def one_draw(design: Design, samples: int = SAMPLES, spread: float = 0.0) -> Draws:
    """Return a made-up posterior: one draw many times over, or draws spread about it."""
    rng = np.random.default_rng(0)
    made = {
        "intercept": rng.normal(0.3, 0.3, BENCHMARKS),
        "loadings": rng.normal(0, 0.6, (BENCHMARKS, SKILLS)),
        "specific_sd": np.full(BENCHMARKS, 0.3),
        # none with the square of size, so that what follows is linear in it
        "growth": np.insert(np.abs(rng.normal(0.5, 0.2, (6, BENCHMARKS))), 3, 0.0, axis=0),
        "variant_ratio": np.array(0.6),
        "variant_sd": np.full(BENCHMARKS, 0.2),
        "model_scale": np.array(0.3),
        "protocol_sd": np.full(BENCHMARKS, 0.01),
        "residual_sd": np.full(BENCHMARKS, 0.2),
        "dof": np.array(6.0),
        "ceiling": np.full(BENCHMARKS, 0.95),
        "link_shape": np.full(BENCHMARKS, 0.3),
    }
    draws = {name: np.broadcast_to(v, (samples, *np.shape(v))).copy() for name, v in made.items()}
    draws["intercept"] += spread * rng.standard_normal((samples, 1))
    return draws


def new_model(**about: object) -> pd.DataFrame:
    row = {"family": "new", "params_b": 7.0, "tokens_t": 2.0, "instruct": False} | about
    return pd.DataFrame([{"lineage_position": -1, "deviation_position": -1} | row], index=["m"])


def observe(**scores: float) -> np.ndarray:
    table = np.full((1, BENCHMARKS), np.nan)
    for benchmark, score in scores.items():
        table[0, int(benchmark[1:])] = score
    return table


def conditioned_predictor(design, posterior, placed, observed):
    rng = np.random.default_rng(1)
    family = family_prior(posterior, design, placed, rng)
    given = condition(family, observed_cells(observed, curve_of(posterior, design)), rng)
    return family.take(given.chosen).predictor(given.coordinates)[:, 0], given


def log_likelihood(design: Design, posterior: Draws, eta: np.ndarray, b: int, score: float):
    """SciPy's Student t around the curve of one benchmark, at the first draw."""
    reference = typical_level(design.scores.values.to_numpy(float), design.chance)
    chance, items = design.chance[b], design.items[b]
    mu = link.expected(eta, chance, reference[b], 0.95, 0.3)
    sigma = link.spread(mu, chance, items, 0.01, 0.2)
    return stats.t.logpdf(score, 6.0, mu, sigma)


@pytest.mark.parametrize(
    ("score", "level"), [(0.25, -1.5), (0.62, 0.0), (0.95, 2.5)]
)  # at chance, in the middle, near the ceiling
def test_one_score_agrees_with_integration(design: Design, score: float, level: float):
    posterior = one_draw(design)
    posterior["intercept"] += level
    eta, given = conditioned_predictor(design, posterior, new_model(), observe(b0=score))
    skill = posterior["loadings"][0, 0]
    sd = np.sqrt((1 + 0.3**2) * (skill**2).sum() + 0.3**2)
    grid = np.linspace(-12, 12, 40_001)
    density = stats.norm.pdf(grid, posterior["intercept"][0, 0], sd)
    density *= np.exp(log_likelihood(design, posterior, grid, 0, score))
    density /= density.sum()
    mean = (grid * density).sum()
    spread = np.sqrt((density * (grid - mean) ** 2).sum())
    assert given.quality.passed
    assert eta[:, 0].mean() == pytest.approx(mean, abs=0.04 * spread + 0.005)
    assert eta[:, 0].std() == pytest.approx(spread, rel=0.04)


def test_several_scores_agree_with_brute_force(design: Design):
    scores = {"b0": 0.55, "b2": 0.7, "b5": 0.3}
    posterior = one_draw(design, spread=0.5)
    eta, given = conditioned_predictor(design, posterior, new_model(), observe(**scores))
    many = one_draw(design, samples=300_000, spread=0.5)
    rng = np.random.default_rng(3)
    family = family_prior(many, design, new_model(), rng)
    prior = family.predictor(family.draw(rng))[:, 0]
    log_weights = sum(
        log_likelihood(design, many, prior[:, int(b[1:])], int(b[1:]), score)
        for b, score in scores.items()
    )
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    assert 1 / (weights**2).sum() > 500  # brute force is worth comparing with
    mean = weights @ prior
    sd = np.sqrt(weights @ (prior - mean) ** 2)
    assert given.quality.passed
    np.testing.assert_allclose(eta.mean(axis=0), mean, atol=0.15 * sd.max())
    np.testing.assert_allclose(eta.std(axis=0), sd, rtol=0.12)
    chosen = many["intercept"][:, 0], posterior["intercept"][given.chosen, 0]
    assert chosen[1].mean() == pytest.approx(weights @ chosen[0], abs=0.06)


def test_a_family_shares_what_a_score_says(design: Design):
    pair = pd.concat([new_model(), new_model(params_b=70.0)])
    posterior, rng = one_draw(design), np.random.default_rng(1)
    family = family_prior(posterior, design, pair, rng)
    blind = family.predictor(family.draw(rng))[:, 1]
    observed = np.vstack([observe(b0=0.8, b2=0.85), observe()])
    given = condition(family, observed_cells(observed, curve_of(posterior, design)), rng)
    told = family.take(given.chosen).predictor(given.coordinates)[:, 1]
    assert told[:, 0].mean() > blind[:, 0].mean() + 0.3
    assert (told.std(axis=0) < blind.std(axis=0)).all()


def test_prior_of_a_new_family_has_the_stated_covariance(design: Design):
    posterior, rng = one_draw(design), np.random.default_rng(2)
    tuned = new_model(instruct=True, deviation_position=-2)
    family = family_prior(posterior, design, tuned, rng)
    eta = family.predictor(family.draw(rng))[:, 0]
    shared = posterior["loadings"][0] @ posterior["loadings"][0].T
    stated = (1 + 0.6**2 + 0.3**2) * shared + np.eye(BENCHMARKS) * (0.3**2 + 0.2**2)
    np.testing.assert_allclose(np.cov(eta.T), stated, atol=0.05)


def test_size_is_inferred_from_scores(design: Design):
    unknown = new_model(params_b=np.nan)
    posterior, rng = one_draw(design, samples=6000), np.random.default_rng(2)
    family = family_prior(posterior, design, unknown, rng)
    sizes = {}
    for score in (0.3, 0.85):
        cells = observed_cells(observe(b0=score, b2=score), curve_of(posterior, design))
        given = condition(family, cells, rng)
        sizes[score] = np.log10(family.take(given.chosen).sizes(given.coordinates)[:, 0, 0])
    prior = np.log10(family.sizes(family.draw(rng))[:, 0, 0])
    assert sizes[0.3].mean() < prior.mean() < sizes[0.85].mean()
    assert sizes[0.85].std() < prior.std()


def test_effects_given_sites_are_conditional_normals():
    """Two effects, one site: y = 0.3 + 0.8 u + 0.5 v + N(0, 0.2); and v alone, given u."""
    one = np.ones((SAMPLES, 1))
    maps = [0.8 * one[..., None], 0.5 * one[..., None]]
    covariance = (0.8**2 + 0.5**2) * one[..., None]
    sites = Sites(maps, 0.3 * one, covariance, centre=1.5 * one, variance=0.2 * one)
    rng = np.random.default_rng(4)
    prior = [rng.standard_normal((SAMPLES, 1)) for _ in maps]
    u, v = (z[:, 0] for z in sites.condition(prior, sites.variance, rng))
    variance = 0.8**2 + 0.5**2 + 0.2
    assert u.mean() == pytest.approx(0.8 * 1.2 / variance, abs=0.03)
    assert np.cov(u, v)[0, 1] == pytest.approx(-0.8 * 0.5 / variance, abs=0.03)
    kept, v = (z[:, 0] for z in sites.condition([0.6 * one, prior[1]], sites.variance, rng, [1]))
    assert (kept == 0.6).all()
    assert v.mean() == pytest.approx(0.5 * (1.2 - 0.8 * 0.6) / (0.5**2 + 0.2), abs=0.03)
    assert v.var() == pytest.approx(0.2 / (0.5**2 + 0.2), rel=0.05)


def test_resampling_keeps_the_weights():
    weights = np.array([0.5, 0.0, 0.25, 0.25])
    counts = np.bincount(resample(np.tile(weights, 25) / 25, np.random.default_rng(0)) % 4)
    np.testing.assert_array_equal(counts, [50, 0, 25, 25])


def test_a_second_run_is_normal_regression_for_many_degrees_of_freedom(design: Design):
    posterior = one_draw(design, samples=200_000) | {"dof": np.full(200_000, 1e6)}
    mu = np.full((200_000, 1, BENCHMARKS), 0.6)
    noise = link.spread(mu, design.chance, design.items, 0.01, 0.2)
    again = repeated(
        observe(b0=0.7), mu, noise, curve_of(posterior, design), np.random.default_rng(0)
    )
    q = (0.6 - design.chance[0]) / (1 - design.chance[0])
    special = (0.2 * (1 - design.chance[0]) * q * (1 - q)) ** 2
    other = 0.6 * 0.4 / design.items[0] + 0.01**2
    share = special / (special + other)
    assert again[:, 0, 0].mean() == pytest.approx(0.6 + share * 0.1, abs=3e-4)
    assert again[:, 0, 0].var() == pytest.approx(special * (1 - share) + other, rel=0.02)
    assert np.isnan(again[:, 0, 1]).all()


def test_contradiction_is_not_passed_and_the_refit_is_offered(small_fit: Fit):
    odd = {"mmlu": 0.25, "gsm8k": 0.99, "hellaswag": 0.3, "winogrande": 0.99}
    result = forecast(small_fit, family="qwen2", params_b=7, tokens_t=7, observed=odd)
    assert not result.quality["qwen2"].passed
    assert any("NOT PASSED" in text and "refit" in text for text in result.warnings)


@pytest.mark.parametrize(
    ("pareto_k", "ess", "draws", "passed"),
    [(0.5, 900, 6000, True), (0.71, 900, 6000, False), (0.5, 300, 6000, False),
     (0.65, 450, 600, False)],
)  # fmt: skip
def test_verdict_on_the_approximation(pareto_k: float, ess: float, draws: int, passed: bool):
    assert Quality(pareto_k, ess, draws, 2).passed is passed


def test_observed_scores_are_in_the_answer(small_fit: Fit):
    asked = {"family": "llama-2", "params_b": 30, "tokens_t": 2}
    told = forecast(small_fit, **asked, observed={"mmlu": 0.7})
    blind = forecast(small_fit, **asked)
    answer = json.loads(told.to_json())
    assert {r["benchmark"]: r["observed"] for r in answer["forecasts"]}["mmlu"] == 0.7
    assert answer["forecasts"][1]["observed"] is None
    assert answer["conditioning"]["llama-2"]["scores"] == 1
    higher = told.table()["mean"] > blind.table()["mean"]
    assert told.table()["sd"].iloc[0] < blind.table()["sd"].iloc[0]
    assert bool(higher.iloc[0]) == (blind.table()["mean"].iloc[0] < 0.7)


def test_many_models_in_one_call(small_fit: Fit):
    names = [f"model {i}" for i in range(300)]
    models = pd.DataFrame(
        {"family": [f"family {i}" for i in range(300)], "params_b": np.nan, "tokens_t": 2.0},
        index=names,
    )
    observed = pd.DataFrame({"mmlu": np.linspace(0.3, 0.8, 300)}, index=names)
    result = forecast(small_fit, models, observed=observed)
    medians = result.draws.sel(benchmark="hellaswag").median("sample").to_numpy()
    assert np.corrcoef(medians, observed["mmlu"])[0, 1] > 0.8
    assert len(result.quality) == 300
    assert len(result.size_table()) == 300


@pytest.mark.parametrize(
    ("observed", "says"),
    [
        ({"mmul": 0.5}, "did you mean 'mmlu'"),
        ({"mmlu": 62}, "fractions of 1"),
        ({"mmlu": -0.1}, "fractions of 1"),
        ({"mmlu": "high"}, "fractions of 1"),
        (pd.DataFrame({"mmlu": [0.5]}, index=["other"]), "'other' is not in the forecast"),
    ],
)
def test_bad_observed_scores_are_refused(small_fit: Fit, observed, says: str):
    with pytest.raises(InputError, match=says):
        forecast(small_fit, family="llama-2", params_b=7, tokens_t=2, observed=observed)


def test_without_size_or_scores_there_is_no_forecast(small_fit: Fit):
    with pytest.raises(InputError, match="only a model with observed scores"):
        forecast(small_fit, family="llama-2", params_b=7)


def test_new_models_join_the_scores_to_fit_again(small_scores: Scores):
    models = pd.DataFrame(
        {
            "family": ["llama-2", "llama-2", "mine"],
            "params_b": [30.0, 30.0, 7.0],
            "tokens_t": 2.0,
            "instruct": [False, True, False],
        },
        index=["a", "b", "c"],
    )
    observed = pd.DataFrame({"mmlu": [0.6, 0.61, 0.5]}, index=models.index)
    added = with_models(small_scores, models, observed)
    about = added.models.loc[["a", "b", "c"]]
    assert list(about["lineage"]) == ["llama-2", "llama-2", "mine"]
    assert list(about["variant"]) == ["llama-2", "llama-2 (tuned)", "mine"]
    assert added.values.loc["b", "mmlu"] == 0.61
    assert len(make_design(added).deviating) == len(make_design(small_scores).deviating) + 1


def test_command_line_takes_observed_scores(small_fit: Fit, tmp_path):
    path = small_fit.save(tmp_path / "fit.nc")

    def run(*arguments: str):
        return CliRunner().invoke(main, ["forecast", "--fit", str(path), *arguments])

    both = run("--family", "x", "--observed", "mmlu=0.62", "--observed", "gsm8k=0.41", "--json")
    answer = json.loads(both.stdout)
    assert answer["model"]["params_b"] is None
    assert set(answer["effective_size"]) == {"params_b", "tokens_t"}
    table = run("--family", "qwen2", "--params", "32", "--tokens", "7", "--observed", "mmlu=0.8")
    assert "on 1 score(s)" in table.stdout  # passed or not: the fit is short
    for bad in ("mmlu", "mmlu=high", "=0.5"):
        result = run("--family", "x", "--params", "7", "--tokens", "2", "--observed", bad)
        assert result.exit_code == 2
        assert len(result.stderr.strip().splitlines()) == 1
