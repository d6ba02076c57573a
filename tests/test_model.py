"""The model: priors, the slice of the loadings, and agreement with its NumPy twin."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayes_sloth.design import covariates, make_design, typical_level
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.model import (
    build_model,
    observed_cells,
    orbit_volume,
    rotation_slice,
    sample_prior,
)
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.priors import PRIORS, priors_table
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.specification import Specification


@pytest.fixture(scope="module")
def prior_scores(small_scores: Scores):
    """Return prior predictive scores of the small design, as draw by cell, with the cells."""
    design = make_design(small_scores)
    return sample_prior(design, draws=400), design


def test_every_prior_has_a_reason():
    table = priors_table()
    assert set(PRIORS) < set(table.index)
    assert (table["reason"].str.len() > 40).all()


def test_no_draw_of_the_prior_comes_twice(prior_scores):
    scales = prior_scores[0]["prior"]["loading_scale"].to_numpy().ravel()
    assert len(np.unique(scales)) == len(scales)


def test_prior_scores_cover_the_range_and_stay_on_it(prior_scores):
    tree, design = prior_scores
    draws = tree["prior_predictive"]["score"].to_numpy().reshape(-1, len(design.scores.models) * 6)
    cells = observed_cells(design, design.scores.values.to_numpy())["cell"]
    benchmark = cells % 6
    for b, chance in enumerate(design.chance):
        scores = draws[:, benchmark == b].ravel()
        low, high = np.quantile(scores, [0.05, 0.95])
        assert low < chance + 0.1 * (1 - chance)  # some families are no better than guessing
        assert high > chance + 0.6 * (1 - chance)  # some are very good
        assert np.mean((scores < -0.05) | (scores > 1.05)) < 0.01


def test_prior_expects_larger_models_to_score_higher(prior_scores):
    tree, _ = prior_scores
    growth = tree["prior"]["growth"].sel(covariate="size").to_numpy().ravel()
    assert 0.65 < np.mean(growth > 0) < 0.99  # expected, not imposed
    assert np.mean(np.abs(growth) > 6) < 0.1


def test_prior_holds_the_data(prior_scores):
    tree, design = prior_scores
    known = design.scores.values.to_numpy()
    known = known[~np.isnan(known)]
    draws = tree["prior_predictive"]["score"].to_numpy().reshape(400, -1)
    rank = (draws < known).mean(axis=0)
    assert ((rank > 0.005) & (rank < 0.995)).mean() > 0.95


@pytest.mark.parametrize(("benchmarks", "skills"), [(6, 1), (6, 2), (5, 3), (7, 4)])
def test_slice_keeps_the_distribution_of_shared_covariance(benchmarks: int, skills: int):
    """Weighted by the Jacobian, normals on the slice have the Wishart moments of iid loadings.

    For B x K iid standard normal L and W = L'L: E tr W = B K and E tr W^2 = B K (B + K + 1).
    """
    rng = np.random.default_rng(3)
    directions = np.linalg.qr(rng.standard_normal((benchmarks, skills)))[0]
    basis, jacobian = rotation_slice(directions)
    z = rng.standard_normal((400_000, basis.shape[1]))
    loadings = (z @ basis.T).reshape(-1, benchmarks, skills)
    overlap = np.swapaxes(loadings, 1, 2) @ directions
    np.testing.assert_allclose(overlap, np.swapaxes(overlap, 1, 2), atol=1e-10)
    weight = orbit_volume(loadings, directions)
    determinant = np.abs(np.linalg.det(np.einsum("abpq,npq->nab", jacobian, overlap)))
    np.testing.assert_allclose(determinant / weight, determinant[0] / weight[0], rtol=1e-6)
    gram = np.swapaxes(loadings, 1, 2) @ loadings
    trace = np.einsum("nkk->n", gram)
    squared = np.einsum("nkl,nlk->n", gram, gram)
    size = benchmarks * skills
    assert np.average(trace, weights=weight) == pytest.approx(size, rel=0.01)
    expected = size * (benchmarks + skills + 1)
    assert np.average(squared, weights=weight) == pytest.approx(expected, rel=0.02)


def test_all_models_with_size_and_tokens_enter_one_fit():
    scores = load_scores(errata=False).select(benchmarks_of("both"))
    design = make_design(scores.with_size_and_tokens()[0])
    model = build_model(design)
    assert len(model.coords["model"]) == 175
    assert len(model.coords["benchmark"]) == 12
    assert model["lineage_level"].type.ndim == 2
    known = int(scores.with_size_and_tokens()[0].values.notna().to_numpy().sum())
    assert model["score"].eval().shape == (known,)


def test_covariates_are_tenfolds_from_the_reference():
    x = covariates(np.array([7.0, 700.0]), np.array([2.0, 20.0]), np.array([False, True]))
    size, tokens = 2, 1
    tuned = [size, tokens, size * tokens, size**2, 1, size, tokens]
    np.testing.assert_allclose(x, [[0, 0, 0, 0, 0, 0, 0], tuned])


def test_a_trunk_is_a_base_variant_and_every_lineage_has_at_most_one(small_scores: Scores):
    design = make_design(small_scores)
    trunks = small_scores.models[~small_scores.models["variant"].isin(design.deviating)]
    assert not trunks["instruct"].any()
    assert trunks.groupby("lineage")["variant"].nunique().max() == 1


def test_more_skills_than_benchmarks_are_refused(small_scores: Scores):
    with pytest.raises(InputError, match="skills cannot be told apart on 6 benchmark"):
        build_model(make_design(small_scores), Specification(skills=7))


@pytest.mark.parametrize("skills", [1, 2, 3, 5])
def test_any_number_of_skills_has_a_finite_density(small_scores: Scores, skills: int):
    model = build_model(make_design(small_scores), Specification(skills=skills))
    assert model["loadings"].eval().shape == (6, skills)
    rng = np.random.default_rng(1)
    start = model.initial_point()  # at zero loadings no rotation can be told from another
    point = {name: value + 0.1 * rng.standard_normal(value.shape) for name, value in start.items()}
    assert np.isfinite(list(model.point_logps(point).values())).all()


def test_numpy_twin_has_the_log_likelihood_of_the_model(small_fit: Fit):
    with build_model(small_fit.design, small_fit.specification):
        tree = pm.compute_log_likelihood(
            small_fit.tree.copy(),
            var_names=["score"],
            progressbar=False,
            extend_inferencedata=False,
        )
    ours = _twin_log_likelihood(small_fit)
    np.testing.assert_allclose(tree["score"].to_numpy().reshape(ours.shape), ours, rtol=1e-6)


def _twin_log_likelihood(fit: Fit) -> np.ndarray:
    posterior, design = stacked(fit.posterior), fit.design
    curve = curve_of(posterior, design)
    mu, sigma = curve.location_and_scale(fitted_predictor(posterior, design))
    data = observed_cells(design, fit.scores.values.to_numpy())
    flat = (len(mu), -1)
    return stats.t.logpdf(
        data["known_score"],
        df=posterior["dof"][:, None],
        loc=mu.reshape(flat)[:, data["cell"]],
        scale=sigma.reshape(flat)[:, data["cell"]],
    )


def test_typical_level_is_the_middle_where_nothing_is_known():
    values = np.array([[0.625, np.nan], [0.625, np.nan]])
    np.testing.assert_allclose(typical_level(values, np.array([0.25, 0.0])), [0.5, 0.5])


def test_unknown_number_of_items_means_no_sampling_noise():
    scores = load_scores().select(benchmarks_of("downstream")).with_size_and_tokens()[0]
    items = make_design(scores).items
    assert dict(zip(scores.benchmarks.index, items, strict=True)) == {
        "humaneval": 164, "eq_bench": 171, "agentbench_overall": np.inf,
    }  # fmt: skip
