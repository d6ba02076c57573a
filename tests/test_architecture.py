"""The architecture of a network as covariates of the skills model."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

from bayes_sloth.design import make_design
from bayes_sloth.errors import InputError
from bayes_sloth.model import build_model, observed_cells
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.shapes import shape_contrasts
from bayes_sloth.specification import Specification


def test_models_share_the_shape_of_their_base_and_unknown_ones_are_average():
    names = pd.Index(["yi-9b", "qwen2-7b", "qwen2-7b-instruct", "yi-6b", "xglm-1.7b", "mine"])
    depth, ffn = shape_contrasts(names).T
    assert depth[1] == depth[2]
    assert ffn[1] == ffn[2]
    assert depth[4] == depth[5] == ffn[4] == ffn[5] == 0
    # Yi-9B is Yi-6B (32 layers, hidden 4096) with 48 layers. Bulk, which sets what is typical, is
    # log10 of layers x hidden^2: it grows by as much as depth does.
    step = np.log10(48 / 32)
    slope = (step - (depth[0] - depth[3])) / step
    assert 0 < depth[0] - depth[3] < 1.5 * step
    assert slope == pytest.approx((0.25 - 0.37) / (0.25 + 2 * 0.37), abs=0.15)  # typical powers


def test_contrasts_are_centred_on_the_models_whose_shape_is_known():
    scores = load_scores().select(benchmarks_of("both")).with_size_and_tokens()[0]
    contrasts = make_design(scores).architecture
    known = (contrasts != 0).any(axis=1)
    assert (known.sum(), len(known)) == (119, 180)
    np.testing.assert_allclose(contrasts.mean(axis=0), 0, atol=1e-12)
    assert (np.abs(contrasts) < 0.7).all()


def test_a_word_in_place_of_true_is_refused():
    with pytest.raises(InputError, match="architecture='yes'"):
        Specification(architecture="yes")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The effect of Potentials:UserWarning")
def test_numpy_twin_of_the_model_with_architecture_agrees(small_scores: Scores):
    design = make_design(small_scores)
    data = observed_cells(design, small_scores.values.to_numpy())
    with build_model(design, Specification(architecture=True)):
        prior = pm.sample_prior_predictive(draws=5, random_seed=4)
        prior["posterior"] = prior["prior"]
        ours = pm.compute_log_likelihood(prior, progressbar=False, extend_inferencedata=False)
    posterior = stacked(prior["posterior"].to_dataset())
    assert posterior["architecture_effect"].shape == (5, 2, 6)
    eta = fitted_predictor(posterior, design)
    without = {k: v for k, v in posterior.items() if k != "architecture_effect"}
    np.testing.assert_allclose(
        eta - fitted_predictor(without, design),
        np.einsum("mc,scb->smb", design.architecture, posterior["architecture_effect"]),
        atol=1e-10,
    )
    mu, sigma = (
        part.reshape(5, -1)[:, data["cell"]]
        for part in curve_of(posterior, design).location_and_scale(eta)
    )
    twin = stats.t.logpdf(data["known_score"], posterior["dof"][:, None], mu, sigma)
    np.testing.assert_allclose(ours["score"].to_numpy().reshape(twin.shape), twin, rtol=1e-6)
