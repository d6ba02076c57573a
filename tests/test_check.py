"""What a table of scores can carry, and what a fit has learnt beyond its priors."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import signal, stats

from bayes_sloth.checking import check, rank_of_loadings
from bayes_sloth.checking.assumptions import examine, most_skills, variance_within
from bayes_sloth.checking.densities import (
    log_likelihood,
    log_prior,
    prior_distribution,
    scaled_priors,
)
from bayes_sloth.checking.sensitivity import (
    forecast_sensitivity,
    noise_level,
    parameter_sensitivity,
    power_scaling,
)
from bayes_sloth.cli import main
from bayes_sloth.fitting import Fit
from bayes_sloth.model import build_model
from bayes_sloth.priors import PRIORS
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.specification import Specification


def made_up(sizes: int, lineages: int = 5, benchmarks: int = 6, seed: int = 0) -> Scores:
    """Return models of some lineages at some sizes; tokens differ between lineages alone."""
    rng, names = np.random.default_rng(seed), benchmarks_of("both")[:benchmarks]
    rows = [
        {"model": f"m{f}-{s}", "variant": f"f{f}", "params_b": 2.0 ** (s + f / 3),
         "tokens_t": 1.0 + f} | {b: rng.uniform(0.3, 0.8) for b in names}
        for f in range(lineages) for s in range(sizes)
    ]  # fmt: skip
    return load_scores(pd.DataFrame(rows))


def test_variance_within_families_is_as_published():
    """Sloth's complete models, as published: 61 %, 1.2 % and 33 %; 9 of 31 variants vary tokens."""
    scores = load_scores(errata=False).select(benchmarks_of("both")).with_size_and_tokens()[0]
    within = variance_within(scores).xs("variant", level="family")
    within = within.xs("complete (79)", level="models")
    assert within["share"].round(3).to_dict() == {
        "size": 0.613, "tokens": 0.012, "size x tokens": 0.329
    }  # fmt: skip
    assert within.loc["tokens", ["families_varying", "families"]].tolist() == [9, 31]


def test_bundled_data_say_by_themselves_that_tokens_are_weak():
    found = check(load_scores(errata=False).select(benchmarks_of("both")))
    assert [text for text in found.verdict if "tokens are weakly identified" in text]
    assert not [text for text in found.verdict if "size are weakly" in text]
    assert "1.2%" in found.verdict[0]


def test_one_size_per_family_is_said_before_sampling():
    found = check(made_up(sizes=1))
    assert any("no variant has two models that differ in size" in text for text in found.verdict)
    assert found.assumptions.theorem.loc["design of full column rank", "status"] == "not met"
    # three dependent columns within families: only the dummies are left
    assert found.assumptions.rank == found.assumptions.columns - 3
    assert found.assumptions.condition == np.inf
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("jitter", [0.0, 0.01, 1.0])
def test_size_and_tokens_that_go_together_are_said_before_sampling(jitter: float):
    scores, rng = made_up(sizes=4, lineages=8), np.random.default_rng(1)
    noise = np.exp(jitter * rng.standard_normal(len(scores.models)))
    models = scores.models.assign(tokens_t=0.02 * scores.models["params_b"] * noise)
    found = check(replace(scores, models=models))
    together = any("size and tokens go together" in text for text in found.verdict)
    assert together == (jitter < 0.1)


@pytest.mark.parametrize(("both", "says"), [(0, "no lineage has"), (1, "1 lineage has"), (4, "")])
def test_tuning_that_goes_with_the_lineage_is_said(both: int, says: str):
    scores = made_up(sizes=3, lineages=8)
    lineage = scores.models["lineage"]
    first = ~lineage.duplicated()
    tuned = lineage.isin(["f0", "f1"]) | (first & lineage.isin([f"f{2 + i}" for i in range(both)]))
    found = check(replace(scores, models=scores.models.assign(instruct=tuned)))
    said = [text for text in found.verdict if "effect of tuning can hardly be told" in text]
    assert len(said) == (both < 3)
    assert all(text.startswith(says) for text in said)


def test_what_a_fit_would_refuse_is_said_before_it():
    found = check(made_up(sizes=3, benchmarks=1))
    assert any("2 skills on 1 benchmark(s) cannot be fitted" in text for text in found.verdict)


def test_one_benchmark_is_said_before_sampling():
    found = check(made_up(sizes=3, benchmarks=1), Specification(skills=1))
    assert any("one benchmark" in text for text in found.verdict)


def test_ledermann_bound():
    """Textbook values: 3 indicators carry 1 factor, 5 carry 2, 6 carry 3, 12 carry 7."""
    assert [most_skills(b) for b in (1, 2, 3, 4, 5, 6, 12)] == [0, 0, 1, 1, 2, 3, 7]
    found = check(made_up(sizes=3, benchmarks=6), Specification(skills=4))
    assert any("4 skills are more than 6 benchmarks can carry" in text for text in found.verdict)
    assert not any("carry: at most" in t for t in check(made_up(sizes=3)).verdict)


def test_rank_agrees_with_the_whole_design_matrix():
    scores = load_scores().select(benchmarks_of("both")).with_size_and_tokens()[0]
    size, tokens = (np.log(scores.models[c]) for c in ("params_b", "tokens_t"))
    dummies = pd.get_dummies(scores.models["variant"]).to_numpy(float)
    whole = np.column_stack([size, tokens, size * tokens, dummies])
    found = examine(scores, Specification())
    assert found.rank == np.linalg.matrix_rank(whole)
    assert found.columns == whole.shape[1]


@pytest.mark.parametrize("smallest", [0.0, 1.0])
def test_rank_of_loadings_is_seen_in_the_posterior(smallest: float):
    rng = np.random.default_rng(2)
    left = np.linalg.qr(rng.standard_normal((6, 2)))[0]
    draws = np.broadcast_to(left * [2.0, smallest], (2, 50, 6, 2))
    draws = draws + 0.01 * rng.standard_normal(draws.shape)
    posterior = xr.Dataset({"loadings": (("chain", "draw", "benchmark", "skill"), draws)})
    assert rank_of_loadings(posterior)[0] == ("met" if smallest else "not met")


def test_a_table_is_checked_on_the_command_line(tmp_path: Path):
    path = tmp_path / "mine.csv"
    made_up(sizes=1).to_frame().to_csv(path)
    result = CliRunner().invoke(main, ["check", str(path), "--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert any("differ in size" in text for text in answer["verdict"])
    assert "health" not in answer


@pytest.mark.parametrize("name", list(PRIORS))
def test_scipy_twin_of_each_prior_has_its_density(name: str):
    prior, ours = PRIORS[name], prior_distribution(name)
    points = ours.ppf([0.1, 0.5, 0.9])
    theirs = pm.logp(getattr(pm, prior.distribution).dist(**prior.parameters), points).eval()
    np.testing.assert_allclose(ours.logpdf(points), theirs, rtol=1e-5)


def test_power_scaling_finds_what_a_normal_model_says():
    """Conjugate normal: a tight prior in conflict with the data is felt, a vague one is not."""
    rng = np.random.default_rng(1)
    felt = {}
    for sd in (0.5, 50.0):
        # ten scores of mean 3 and sd 1, prior N(0, sd)
        precision = 10 + sd**-2
        mean = rng.normal(30 / precision, precision**-0.5, size=(4, 1000))
        dims = ("chain", "draw")
        prior = xr.DataArray(stats.norm.logpdf(mean, 0, sd), dims=dims)
        felt[sd] = float(power_scaling(xr.Dataset({"mean": (dims, mean)}), prior)["mean"])
    assert felt[0.5] > 0.05 > felt[50.0]


@pytest.mark.slow
def test_log_densities_are_those_of_the_model(small_fit: Fit):
    posterior, design = small_fit.posterior.isel(draw=slice(0, 20)), small_fit.design
    ours = log_prior(posterior, design)
    with build_model(design, small_fit.specification):
        tree = xr.DataTree.from_dict({"/posterior": posterior})
        theirs = pm.stats.compute_log_prior(tree, progressbar=False, extend_inferencedata=False)
    sampled = {"dof": "dof_above_two", "growth": "growth_standard"}
    for name in set(PRIORS) & set(ours) | {"growth"}:
        log = theirs[sampled.get(name, name)]
        log = log.sum([d for d in log.dims if d not in ("chain", "draw")])
        np.testing.assert_allclose(ours[name], log, rtol=1e-5, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_a_fit_is_checked_in_full(small_fit: Fit):
    found = check(small_fit)
    assert any("tokens are weakly identified" in text for text in found.verdict)
    assert found.verdict[0] == small_fit.health.sentence()
    growth = found.parameters.loc["growth"]
    size = growth.index.str.startswith("size,")
    tokens = growth.index.str.startswith("tokens,")
    assert growth["contraction"][size].median() > growth["contraction"][tokens].median()
    assert (found.parameters["contraction"] < 1).all()
    assert len(found.forecasts) == 3 * len(small_fit.design.lineages)
    answer = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {"health", "verdict", "parameters", "forecasts", "theorem"} <= set(answer)


def test_noise_of_a_sensitivity_is_seldom_exceeded_by_chance():
    """Slowly mixing draws: those of an unrelated density pass the level of a few per cent."""
    rng, dims = np.random.default_rng(3), ("chain", "draw")

    def slow(count: int) -> np.ndarray:
        steps = rng.standard_normal((count, 4, 600))
        return signal.lfilter([0.5], [1, -0.8], steps, axis=-1)

    quantities = xr.Dataset({"x": (("element", *dims), slow(40))})
    density = xr.DataArray(4 * slow(1)[0], dims=dims)
    level = noise_level(quantities, density)
    found = power_scaling(quantities, density)["x"]
    assert float((found > level).mean()) <= 0.1
    related = xr.Dataset({"x": (dims, density.to_numpy() + slow(1)[0])})
    assert float(power_scaling(related, density)["x"]) > level


@pytest.mark.slow
def test_priors_given_scales_are_scaled_as_normal_densities(small_fit: Fit):
    r"""Where ``N(0, S)^a`` is normalised, the slope of its log in ``a`` is ``D / 2`` off ours."""
    posterior, design = small_fit.posterior.isel(draw=slice(0, 3)), small_fit.design
    ours, step = scaled_priors(posterior, design), 1e-4
    for chain, draw in [(0, 0), (1, 2)]:
        at = posterior.isel(chain=chain, draw=draw)
        loadings, scale = at["loadings"].to_numpy(), float(at["loading_scale"])
        up, down = (
            stats.norm(0, scale / a**0.5).logpdf(loadings).sum() for a in (1 + step, 1 - step)
        )
        expected = (up - down) / (2 * step) - loadings.size / 2
        assert float(ours["loadings"][chain, draw]) == pytest.approx(expected, rel=1e-4)
        covariance = loadings @ loadings.T + np.diag(at["specific_sd"].to_numpy() ** 2)
        growth = at["growth_standard"].to_numpy()
        up, down = (
            stats.multivariate_normal(cov=covariance / a).logpdf(growth).sum()
            for a in (1 + step, 1 - step)
        )
        expected = (up - down) / (2 * step) - growth.size / 2
        assert float(ours["growth"][chain, draw]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_data_without_scores_leave_the_prior(small_fit: Fit):
    """Draws of a parameter from its prior have no contraction, and lean on nothing but it."""
    rng = np.random.default_rng(4)
    posterior = small_fit.posterior
    sd = PRIORS["intercept"].parameters["sigma"]
    free = posterior["intercept"].copy(data=sd * rng.standard_normal(posterior["intercept"].shape))
    table = parameter_sensitivity(posterior.assign(intercept=free), small_fit.design)
    assert abs(table.loc["intercept", "contraction"].mean()) < 0.15
    assert table.loc["intercept", "leans_on_prior"].all()


@pytest.mark.slow
def test_forecasts_far_in_tokens_are_less_certain(small_fit: Fit):
    sd = forecast_sensitivity(small_fit.posterior, small_fit.design)["sd"].unstack()
    assert sd["4 x tokens"].mean() > sd["as known"].mean()


@pytest.mark.slow
def test_log_likelihood_names_its_cells(small_fit: Fit):
    log = log_likelihood(small_fit.posterior.isel(draw=slice(0, 5)), small_fit.design)
    values = small_fit.scores.values
    assert log.sizes["cell"] == int(values.notna().to_numpy().sum())
    last = log.isel(cell=-1)
    assert np.isfinite(values.at[last["model"].item(), last["benchmark"].item()])


def test_a_check_needs_no_pymc():
    """Everything is computed by NumPy twins, so a saved fit is checked without compiling."""
    code = (
        "import sys; import bayes_sloth.checking.words, bayes_sloth.checking.odd_scores; "
        "import bayes_sloth.interpreting; sys.exit('pymc' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
