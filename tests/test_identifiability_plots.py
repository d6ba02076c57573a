"""Structure of the pictures: which panels, which labels."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

import bayes_sloth as bs
from bayes_sloth import identifiability_plots as plots
from bayes_sloth.checking import Check
from bayes_sloth.fitting import Fit
from bayes_sloth.interpreting import Skills

mpl.use("Agg")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(small_fit: Fit) -> Skills:
    return bs.skills(small_fit)


@pytest.fixture(scope="module")
def checked(small_fit: Fit) -> Check:
    return bs.check(small_fit)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("plot", "variable"),
    [
        (plots.plot_loadings, "standard_loadings"),
        (plots.plot_efficiency, "efficiency"),
        (plots.plot_tuning, "tuning"),
    ],
)
def test_forests_draw_every_element(found: Skills, plot, variable: str):
    collection = plot(found)
    drawn = collection.viz["point_estimate"][variable]
    dims = [d for d in found.posterior[variable].dims if d not in ("chain", "draw")]
    assert set(dims) <= set(drawn.dims)
    assert drawn.sizes["skill"] == 2


def test_curves_have_a_panel_for_each_skill(found: Skills, small_fit: Fit):
    axes = plots.plot_skill_curves(found, small_fit)
    assert len(axes) == 2
    assert axes[0].get_xlabel() == "parameters (billions)"
    assert "tokens" in axes[0].get_ylabel()


def test_pictures_of_a_check_are_labelled(checked: Check, found: Skills):
    for ax in (
        plots.plot_within(checked),
        plots.plot_contraction(checked),
        plots.plot_odd_scores(checked),
        plots.plot_optima(found),
    ):
        assert ax.get_xlabel()


def test_ranks_are_drawn_for_each_parameter():
    rng = np.random.default_rng(0)
    dims, shape = ("replicate", "benchmark"), (50, 2)
    ranks = xr.Dataset(
        {name: (dims, rng.uniform(size=shape)) for name in ("a", "b")},
        coords={"replicate": np.arange(50), "benchmark": ["mmlu", "gsm8k"]},
    )
    collection = plots.plot_ranks(ranks)
    assert {"a", "b"} <= set(collection.viz["ecdf_lines"].data_vars)
