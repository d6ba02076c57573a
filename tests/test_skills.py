"""Skills drawn back from what they were integrated out of, rotated and named."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_sloth as bs
from bayes_sloth.fitting import Fit
from bayes_sloth.interpreting import Skills, _name, draw_back
from bayes_sloth.loadings import alignment


def test_skills_are_drawn_back_from_their_normal_posterior():
    """Simulated skills have uniform ranks among their draws (Cook, Gelman & Rubin 2006)."""
    rng = np.random.default_rng(0)
    n, loadings = 2000, np.array([[1.0, 0.2], [0.5, -0.8], [0.3, 0.6]])
    sd = np.array([0.3, 0.5, 0.8])
    skill = rng.standard_normal((n, 1, 2))
    z = skill @ loadings.T + sd * rng.standard_normal((n, 1, 3))
    many = (np.broadcast_to(loadings, (n, 3, 2)), np.broadcast_to(sd, (n, 3)))
    draws = np.array([draw_back(z, *many, rng) for _ in range(19)])
    ranks = (draws < skill).sum(axis=0)[:, 0]
    for k in range(2):
        counts = np.bincount(ranks[:, k], minlength=20)
        assert ((counts - 100) ** 2 / 100).sum() < 43.8  # chi2 with 19 degrees, 0.1 %


def loaded(medians: list[float], sd: float = 0.02) -> xr.DataArray:
    rng = np.random.default_rng(1)
    draws = medians + sd * rng.standard_normal((2, 500, len(medians)))
    names = [f"b{i}" for i in range(len(medians))]
    return xr.DataArray(draws, dims=("chain", "draw", "benchmark"), coords={"benchmark": names})


@pytest.mark.parametrize(
    ("medians", "sd", "name"),
    [
        ([0.9, 0.1, 0.5], 0.02, "b0, b2"),
        ([0.5, -0.9, 0.7, 0.6, 0.8], 0.02, "-b1, b4, b2"),
        ([0.3, 0.2], 0.02, "unclear"),
        ([0.9, 0.9], 2.0, "unclear"),
    ],
)
def test_a_skill_is_named_by_what_loads_on_it(medians: list[float], sd: float, name: str):
    assert _name(loaded(medians, sd)) == name


def test_alignment_residual_of_known_draws():
    """Chains that sit at 1 and 3 in one element: mean 2, each chain's mean half of it away."""
    draws = np.zeros((2, 100, 3, 1))
    draws[0], draws[1] = 1.0, 3.0
    draws += 1e-9 * np.random.default_rng(0).standard_normal(draws.shape)
    posterior = xr.Dataset({"loadings": (("chain", "draw", "benchmark", "skill"), draws)})
    found = alignment(posterior)
    np.testing.assert_allclose(found["residual"], [0.5, 0.5])
    assert (found["rhat"] > 1.5).all()


@pytest.fixture(scope="module")
def found(small_fit: Fit) -> Skills:
    return bs.skills(small_fit)


@pytest.mark.slow
def test_rotation_changes_neither_communality_nor_prediction(small_fit: Fit, found: Skills):
    turned, raw = found.posterior, small_fit.posterior["loadings"]
    part = xr.dot(turned["loadings"], turned["correlation"], dim="skill").rename(skill_2="skill")
    after = xr.dot(part, turned["loadings"], dim="skill")
    np.testing.assert_allclose(after, (raw**2).sum("skill").transpose(*after.dims), rtol=1e-6)


@pytest.mark.slow
def test_skills_of_the_small_fit(small_fit: Fit, found: Skills):
    efficiency = found.table("efficiency")["median"]
    assert efficiency.index.names == ["lineage", "skill"]
    # what everybody knows: Qwen2 turns compute into more skill than OPT
    level = efficiency.groupby("lineage").mean()
    assert level["qwen2"] > level["opt"]
    curves = found.curves([1, 7, 70], [2])
    assert float(np.abs(curves.sel(params_b=7)).max()) == pytest.approx(0)
    assert bool((curves.median(("chain", "draw")).sel(params_b=70) > 0).all())
    tuned = small_fit.scores.models.query("instruct")["variant"].unique()
    assert set(found.posterior["tuned_variant"].to_numpy()) <= set(tuned)
    assert "named by what loads on them" in repr(found)


@pytest.mark.slow
def test_a_target_asks_for_a_reading(small_fit: Fit):
    target = pd.DataFrame(
        {"math": {"gsm8k": np.nan, "hellaswag": 0.0}, "sense": {"gsm8k": 0.0, "hellaswag": np.nan}}
    )
    with pytest.raises(bs.InputError, match="'GSM8K' is not in the fit; did you mean 'gsm8k'"):
        bs.skills(small_fit, "target", target=target.rename({"gsm8k": "GSM8K"}))
    found = bs.skills(small_fit, "target", target=target)
    loading = found.table()["median"].unstack("skill").loc["gsm8k"]
    assert abs(loading["skill 2"]) < 0.05 < abs(loading["skill 1"])
