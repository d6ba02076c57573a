"""The Bayesian Performance Law against simulated models whose law is known, and its prior."""

from dataclasses import replace

import numpy as np
import pytest

from bayes_sloth import performance_law as law
from bayes_sloth.performance_law.design import make_law_design
from bayes_sloth.performance_law.law import effective_size, linear_predictor, saturated_tokens
from bayes_sloth.sampling import Sampling

pytestmark = pytest.mark.slow
EFFECT = np.array([1.1, 0.9, 1.5, 0.0, 0.4])
WEIGHT, MODEL_SD = 0.6, 0.15


def simulated() -> law.Architectures:
    """Return the bundled models with MMLU from a plain logistic between 25 and 95 points."""
    rng = np.random.default_rng(3)
    table = law.load_architectures()
    design = make_law_design(table)
    size = effective_size(design.log_total, design.log_active, WEIGHT)
    drawn = 0.2 + 0.5 * design.year + 0.25 * rng.standard_normal(len(size))
    tokens = np.where(np.isnan(design.log_tokens), drawn, design.log_tokens)
    depth, ffn, unstable = design.contrasts
    ability = linear_predictor(
        EFFECT, 0.5, size, saturated_tokens(tokens, size, 0.3, 0.1), (depth, ffn, unstable),
        design.year,
    )  # fmt: skip
    ability = ability + 0.3 * rng.standard_normal(25)[design.developer_of_model]
    ability = ability + MODEL_SD * rng.standard_normal(len(size))
    mmlu = 0.25 + 0.70 / (1 + np.exp(-ability))
    noise = 0.005 * rng.standard_normal(table.values.shape)
    values = (table.values * 0 + mmlu[:, None] + noise).clip(0, 1)
    return replace(table, values=values)


@pytest.fixture(scope="module")
def fit() -> law.LawFit:
    sampling = Sampling(chains=2, tune=600, draws=600, target_accept=0.9)
    return law.fit(simulated(), sampling, progress=False)


def test_effects_of_simulated_models_are_found(fit: law.LawFit):
    effect = fit.draws["effect"]
    low, high = np.quantile(effect, [0.005, 0.995], axis=0)
    # One logit here is not the fit's, whose link may bend: signs and ratios are what must hold.
    assert (effect[:, :3].mean(axis=0) > 0).all()
    ratio = effect[:, 2] / effect[:, 0]
    assert np.quantile(ratio, 0.01) < EFFECT[2] / EFFECT[0] < np.quantile(ratio, 0.99)
    assert low[3] < EFFECT[3] < high[3]
    weight = fit.draws["active_weight"]
    assert np.quantile(weight, 0.01) < WEIGHT < np.quantile(weight, 0.99)


def test_unknown_tokens_are_drawn_and_known_models_are_met(fit: law.LawFit):
    unknown = fit.posterior["unknown_tokens"]
    assert unknown.sizes["model_without_tokens"] == 11
    assert float(unknown.std(("chain", "draw")).min()) > 0.02
    from bayes_sloth.performance_law.forecasting import expected

    fitted = 100 * np.median(expected(fit, fit.draws["ability"]), axis=0)
    actual = 100 * fit.architectures.values.mean(axis=1).to_numpy()
    assert np.abs(fitted - actual).mean() < 0.6


def test_prior_simulates_tables_like_the_bundled_one():
    import pymc as pm

    from bayes_sloth.performance_law.model import build_law

    table = law.load_architectures()
    with build_law(make_law_design(table)):
        prior = pm.sample_prior_predictive(
            draws=500, random_seed=2, var_names=["mmlu"], compile_kwargs={"mode": "FAST_COMPILE"}
        )
    values = table.values.to_numpy()
    simulated = prior["prior_predictive"]["mmlu"].to_numpy()[0]
    check = law.prior_check(simulated, values[~np.isnan(values)])
    assert check["below"].between(0.05, 0.95).all(), check
    # Wide, but not vacuous: the median of a table says something.
    assert check.loc["median", "upper90"] - check.loc["median", "lower90"] < 65


def test_backtest_is_kept_and_goes_on(tmp_path, monkeypatch):
    from bayes_sloth.performance_law import backtesting

    short = Sampling(chains=2, tune=150, draws=100)
    arguments = {"folds": ("JetMoE",), "folder": tmp_path, "progress": False}
    first = law.backtest(None, ("developer",), short, **arguments)

    def never(*_):
        raise AssertionError("the fold was kept, and must not be run again")

    monkeypatch.setattr(backtesting, "_fit_without", never)
    again = law.backtest(None, ("developer",), short, **arguments)
    assert first.to_dict() == again.to_dict()
    answer = first.to_dict()
    assert {"suite", "seen", "model", "settings", "summary", "by_fold", "cells"} <= set(answer)
    assert answer["cells"][0]["model"] == "JetMoE-8B"
    assert answer["cells"][0]["actual"] == pytest.approx(
        float(law.load_architectures().mmlu["JetMoE-8B"])
    )
    assert answer["problems"], "a hundred draws cannot pass"
    with pytest.raises(AssertionError, match="kept"):  # other sampling: another place
        law.backtest(None, ("developer",), replace(short, draws=101), **arguments)
