"""Structure of the pictures: which panels, which labels, and whether they can be read."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes

import bayes_sloth as bs
from bayes_sloth import identifiability_plots as plots
from bayes_sloth.checking import Check
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.interpreting import Skills
from bayes_sloth.scores import Scores

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


def test_long_names_and_the_legend_have_room_of_their_own(found: Skills):
    names = [
        f"a-variant-with-a-long-name-{i}" for i in range(found.posterior.sizes["tuned_variant"])
    ]
    long = replace(found, posterior=found.posterior.assign_coords(tuned_variant=names))
    figure = plots.plot_tuning(long).get_viz("figure")
    figure.canvas.draw()
    labels, forest = figure.axes
    left, top = forest.get_window_extent().x0, forest.get_window_extent().y1
    written = {text.get_text(): text.get_window_extent() for text in labels.texts}
    assert set(written) == set(names)
    assert all(box.x0 >= 0 and box.x1 <= left for box in written.values())
    legend = figure.legends[0].get_window_extent()
    assert 0 <= legend.y0 - top < 0.3 * figure.dpi
    assert legend.y1 > figure.bbox.height - 0.3 * figure.dpi


def test_a_figure_size_given_leaves_the_layout(found: Skills):
    figure = plots.plot_loadings(found, figure_kwargs={"figsize": (5, 4)}).get_viz("figure")
    assert tuple(figure.get_size_inches()) == (5, 4)
    assert figure.get_layout_engine() is not None


def test_tuning_cannot_be_drawn_where_nothing_is_tuned(found: Skills):
    untuned = replace(found, posterior=found.posterior.isel(tuned_variant=slice(0, 0)))
    with pytest.raises(InputError, match="no variant in this fit is instruction-tuned"):
        plots.plot_tuning(untuned)


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


def one_token_count(scores: Scores) -> Scores:
    return replace(scores, models=scores.models.assign(tokens_t=2.0))


def one_model(scores: Scores) -> Scores:
    return scores.select(models=scores.models.index[:1])


def one_variant(scores: Scores) -> Scores:
    """Return models whose size varies within their only variant: a share of 1."""
    return scores.select(models=scores.models.index[scores.models["variant"] == "pythia"])


@pytest.mark.parametrize(
    ("table", "constant"), [(one_token_count, 1), (one_model, 3), (one_variant, 1)]
)
def test_shares_are_written_within_the_axes(small_scores: Scores, table, constant: int):
    ax = plots.plot_within(bs.check(table(small_scores)))
    texts = [text.get_text() for text in ax.texts]
    groups = len(ax.containers)
    assert len(texts) == 3 * groups
    assert texts.count("does not vary") == constant * groups
    assert not any("nan" in text for text in texts)
    ax.figure.canvas.draw()
    assert lie_within(ax.texts, ax)
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1


def test_odd_scores_are_named_away_from_the_diagonal_if_there_is_room(checked: Check):
    place = {"above": (0.45, 0.8), "below": (0.55, 0.2), "no-room-left": (0.05, 0.5)}
    cells = pd.DataFrame(place.values(), columns=["expected", "score"]).assign(flagged=True)
    cells.index = pd.MultiIndex.from_tuples([(name, "arc_challenge") for name in place])
    ax = plots.plot_odd_scores(replace(checked, cells=cells))
    sides = {text.get_text().split(",")[0]: text.get_ha() for text in ax.texts}
    assert sides == {"above": "right", "below": "left", "no-room-left": "left"}
    ax.figure.canvas.draw()
    assert lie_within(ax.texts, ax)


def lie_within(artists: Iterable[Artist], ax: Axes) -> bool:
    frame, boxes = ax.get_window_extent(), [artist.get_window_extent() for artist in artists]
    corners = [(x, y) for box in boxes for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
    return all(frame.contains(x, y) for x, y in corners)


def test_ranks_are_drawn_for_each_parameter():
    rng = np.random.default_rng(0)
    dims, shape = ("replicate", "benchmark"), (50, 2)
    ranks = xr.Dataset(
        {name: (dims, rng.uniform(size=shape)) for name in ("a", "b")},
        coords={"replicate": np.arange(50), "benchmark": ["mmlu", "gsm8k"]},
    )
    collection = plots.plot_ranks(ranks)
    assert {"a", "b"} <= set(collection.viz["ecdf_lines"].data_vars)
