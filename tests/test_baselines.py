"""Published laws give published errors, and their fits are fits."""

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.baselines import (
    BASELINES,
    carried_over,
    conformal_intervals,
    flops,
    pca_flops,
    sloth_point,
    sloth_point_by_seed,
)
from bayes_sloth.baselines.adam import descend
from bayes_sloth.baselines.link import initial_link, through_link
from bayes_sloth.baselines.skills import SkillsProblems
from bayes_sloth.errors import InputError
from bayes_sloth.folds import make_folds
from bayes_sloth.metrics import summarise
from bayes_sloth.scores import data_folder, load_scores

SETTINGS = [(suite, seen) for suite in ("v1", "v2", "both") for seen in (1, 2)]


@pytest.fixture(scope="module")
def scores():
    return load_scores(errata=False)


@pytest.fixture(scope="module")
def published():
    table = pd.read_csv(data_folder() / "sloth_reference_mae.csv")
    return table.set_index(["suite", "seen", "method", "dimension"])["average"].sort_index()


def forecast_cells(scores, folds, law, **options):
    cells = [
        fold.cells(scores, median=law(scores.hide(fold.hidden), fold, **options)) for fold in folds
    ]
    return pd.concat(cells, ignore_index=True)


# --- published figures ---


@pytest.mark.parametrize(
    ("setting", "expected"),
    list(zip(SETTINGS, [10.07, 9.76, 5.06, 5.73, 7.69, 8.38], strict=True)),
)
def test_carried_over(scores, setting, expected):
    cells = forecast_cells(scores, make_folds(scores, *setting), carried_over)
    assert summarise(cells)["mae"] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_pca_flops(scores, published, setting, dimension):
    cells = forecast_cells(scores, make_folds(scores, *setting), pca_flops, dimension=dimension)
    expected = published[(*setting, "PCA + FLOPs", dimension)]
    assert summarise(cells)["mae"] == pytest.approx(expected, abs=0.002)


def test_conformal_intervals_of_published_errors(scores):
    cells = forecast_cells(scores, make_folds(scores, "v1", 1), pca_flops, dimension=2)
    summary = summarise(conformal_intervals(cells, clip=False))
    assert summary["coverage90"] == pytest.approx(0.911, abs=0.0005)
    assert summary["width90"] == pytest.approx(28.1, abs=0.05)
    assert summary["interval_score90"] == pytest.approx(35.2, abs=0.05)


def test_sloth_with_a_fixed_link(scores, published):
    folds = make_folds(scores, "v2", 1)
    cells = forecast_cells(scores, folds, sloth_point, dimension=2, link="fixed")
    expected = published[("v2", 1, "Sloth basic", 2)]
    assert summarise(cells)["mae"] == pytest.approx(expected, abs=0.1)


# --- conformal intervals ---


def test_conformal_half_width_is_a_rank_of_the_errors_of_other_folds():
    cells = pd.DataFrame(
        {"fold": list("abcde") * 2, "benchmark": ["x"] * 5 + ["y"] * 5, "actual": 0.5}
    )
    cells["median"] = cells["actual"] + np.r_[0.4, 0.1, 0.2, 0.3, 0.05, [0.01] * 5]
    bands = conformal_intervals(cells).set_index(["fold", "benchmark"])
    # The other four errors on x are 0.05, 0.1, 0.2, 0.3; the rank is ceil(0.5 * 5) = 3.
    assert bands.loc[("a", "x"), "upper50"] == pytest.approx(1.0)  # 0.9 + 0.2, cut
    assert bands.loc[("a", "x"), "lower50"] == pytest.approx(0.7)
    assert bands.loc[("a", "x"), "lower90"] == pytest.approx(0.6)  # the largest error
    assert bands.loc[("a", "y"), "upper50"] == pytest.approx(0.52)


# --- the fit ---


def problems(**options):
    rng = np.random.default_rng(0)
    return SkillsProblems(
        design=rng.normal(size=(7, 4)),
        scores=rng.uniform(0.3, 0.9, size=(2, 7, 3)),
        chance=np.full((2, 1, 3), 0.2),
        dimension=2,
        **options,
    )


@pytest.mark.parametrize(
    "options", [{}, {"train_asymptote": True}, {"train_asymptote": True, "train_link": True}]
)
def test_gradient(options):
    law, which, step = problems(**options), np.arange(2), 1e-6
    start = law.draw([0], slopes=3).astype(float)
    gradient = law(start, which)[2]
    for column in range(start.shape[1]):
        shift = np.zeros_like(start)
        shift[:, column] = step
        slope = (law(start + shift, which)[0] - law(start - shift, which)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, column], slope, atol=1e-8)


def test_parameters_survive_joining():
    law = problems(train_asymptote=True, train_link=True)
    start = law.draw([0, 1], slopes=3)
    np.testing.assert_array_equal(law.pack(law.unpack(start)), start)
    assert (start[:, law.nonnegative] >= 0).all()
    assert (law.unpack(start)["loadings"] >= 0).all()


def test_links_increase():
    link = initial_link(np.random.default_rng(0), 3)
    x = np.tile(np.linspace(-4, 4, 50)[:, None], (1, 1, 3))
    assert (np.diff(through_link(x, link)[0], axis=1) > 0).all()


def test_descent_finds_minima_and_respects_bounds():
    target = np.array([[1.0, 2.0], [3.0, -1.0]])

    def distance(parameters, which):
        gap = parameters - target[which]
        return (gap**2).mean(axis=1), np.abs(gap).mean(axis=1), gap

    free = descend(distance, np.zeros((2, 2)), np.full(2, 0.1))
    np.testing.assert_allclose(free.parameters, target, atol=1e-3)
    bounded = descend(distance, np.zeros((2, 2)), np.full(2, 0.1), nonnegative=slice(1, 2))
    np.testing.assert_allclose(bounded.parameters, [[1, 2], [3, 0]], atol=1e-3)


def made_up(tokens_slope=0.4):
    """Scores that follow a law with one skill exactly; of compute alone if the slopes agree."""
    rng = np.random.default_rng(1)
    rows = []
    for family in range(12):
        efficiency, tokens = rng.normal(scale=0.5), rng.uniform(0.5, 4)
        for size in (1.0, 7.0, 30.0, 70.0):
            skill = efficiency + 0.5 * np.log(size) + tokens_slope * np.log(tokens) - 1
            rows.append(
                {
                    "model": f"f{family}-{size:g}b",
                    "variant": f"f{family}",
                    "params_b": size,
                    "tokens_t": tokens,
                    "mmlu": 0.25 + 0.75 / (1 + np.exp(-skill)),
                    "gsm8k": 1 / (1 + np.exp(-1.5 * skill + 0.5)),
                }
            )
    return load_scores(pd.DataFrame(rows))


@pytest.mark.parametrize("link", ["fixed", "trained"])
def test_sloth_recovers_its_own_law(link):
    scores = made_up()
    folds = make_folds(scores, ["mmlu", "gsm8k"], seen=1)[:2]
    cells = forecast_cells(scores, folds, sloth_point, dimension=1, link=link)
    assert summarise(cells)["mae"] < {"fixed": 0.1, "trained": 3.0}[link]


@pytest.mark.parametrize("seen", [1, 2])
def test_flops_recovers_its_own_law(seen):
    scores = made_up(tokens_slope=0.5)
    folds = make_folds(scores, ["mmlu", "gsm8k"], seen=seen)[:2]
    assert summarise(forecast_cells(scores, folds, flops))["mae"] < 0.5


def test_seeds_run_side_by_side_are_those_run_alone():
    scores = made_up()
    fold = make_folds(scores, ["mmlu", "gsm8k"], seen=1)[0]
    train = scores.hide(fold.hidden)
    together = sloth_point_by_seed(train, fold, [0, 3], dimension=1, link="fixed")
    alone = sloth_point(train, fold, dimension=1, link="fixed", seed=3)
    np.testing.assert_allclose(together[1], alone, atol=1e-3)


def test_hidden_scores_have_no_influence(scores):
    fold = make_folds(scores, "v2", 1)[0]
    train = scores.hide(fold.hidden)
    assert train.values.loc[list(fold.test_models)].isna().to_numpy().all()
    for name in ("carried over", "PCA + FLOPs, d=2"):
        assert BASELINES[name](train, fold).notna().to_numpy().all()


@pytest.mark.parametrize("name", ["carried over", "PCA + FLOPs, d=1", "FLOPs, family intercept"])
def test_laws_of_families_refuse_an_unseen_one(scores, name):
    fold = make_folds(scores, "v2", 0)[0]
    with pytest.raises(InputError, match="needs a seen model"):
        BASELINES[name](scores.hide(fold.hidden), fold)


def test_laws_without_families_forecast_an_unseen_one():
    scores = made_up()
    fold = make_folds(scores, ["mmlu", "gsm8k"], seen=0)[0]
    values = BASELINES["FLOPs, shared intercept"](scores.hide(fold.hidden), fold)
    assert ((values > 0) & (values < 1)).to_numpy().all()
