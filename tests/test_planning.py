"""Plans: agree with simulation, closed forms and brute force, and say when they cannot answer."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from bayes_sloth.cli import main
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit
from bayes_sloth.forecasting import forecast
from bayes_sloth.new_benchmark import own_benchmark
from bayes_sloth.planning.compute import affordable, plan_compute
from bayes_sloth.planning.next_run import Training, plan_next, reduction
from bayes_sloth.planning.target import plan_target
from bayes_sloth.width import split_width

TARGETS = {"mmlu": 0.7, "hellaswag": 0.78}


def with_growth(fit: Fit, size: float, tokens: float) -> Fit:
    """Return a fit in which growth with size and tokens is known, and all else as it was."""
    growth = xr.zeros_like(fit.posterior["growth"])
    growth.loc[{"covariate": "size"}] = size
    growth.loc[{"covariate": "tokens"}] = tokens
    groups = {name: group.to_dataset() for name, group in fit.tree.children.items()}
    groups["posterior"] = groups["posterior"].assign(growth=growth)
    return replace(fit, tree=xr.DataTree.from_dict(groups))


# --- targets ----------------------------------------------------------------------------------


def test_probability_at_the_answer_is_that_of_simulated_scores(small_fit: Fit):
    plan = plan_target(small_fit, TARGETS, 0.8, family="qwen2", tokens_t=7)
    assert plan.reached
    draws = forecast(small_fit, family="qwen2", params_b=plan.params_b, tokens_t=7, seed=9).draws
    wanted = xr.DataArray(list(TARGETS.values()), coords={"benchmark": list(TARGETS)})
    reached = (draws.sel(benchmark=list(TARGETS)) >= wanted).all("benchmark")
    assert float(reached.mean()) == pytest.approx(0.8, abs=0.07)
    assert plan.achieved == pytest.approx(0.8, abs=0.02)


def test_free_plan_costs_no_more_than_one_with_given_tokens(small_fit: Fit):
    free = plan_target(small_fit, TARGETS, 0.8, family="qwen2")
    given = plan_target(small_fit, TARGETS, 0.8, family="qwen2", tokens_t=7)
    assert free.flops <= 1.05 * given.flops
    assert free.surface.sizes["tokens_t"] > 1


def test_given_size_asks_for_tokens(small_fit: Fit):
    plan = plan_target(small_fit, TARGETS, 0.8, family="qwen2", params_b=40)
    assert plan.params_b == pytest.approx(40)
    surely = plan_target(small_fit, TARGETS, 0.95, family="qwen2", params_b=40)
    assert surely.tokens_t > plan.tokens_t


def test_what_cannot_be_reached_is_said(small_fit: Fit):
    plan = plan_target(small_fit, {"mmlu": 0.99}, 0.9, family="qwen2", tokens_t=7)
    answer = json.loads(plan.to_json())
    assert answer["reached"] is False
    assert answer["params_b"] is None
    assert "cannot be reached within the data's range" in answer["sentence"]
    largest = small_fit.scores.models["params_b"].max()
    assert answer["best_within_range"]["params_b"] <= largest * 1.001


@pytest.mark.parametrize(
    ("targets", "probability", "given", "says"),
    [
        ({"mmul": 0.5}, 0.9, {}, "did you mean 'mmlu'"),
        ({"mmlu": 80}, 0.9, {}, "fractions of 1"),
        ({"mmlu": 0.5}, 1.5, {}, "between 0 and 1"),
        ({"mmlu": 0.5}, 0.9, {"params_b": 7, "tokens_t": 2}, "nothing is left to plan"),
        ({"mmlu": 0.5}, 0.9, {"params_b": -7}, "not a positive number"),
        ({}, 0.9, {}, "needs a target"),
    ],
)
def test_bad_targets_are_refused(small_fit: Fit, targets, probability, given, says: str):
    with pytest.raises(InputError, match=says):
        plan_target(small_fit, targets, probability, family="qwen2", **given)


# --- compute ----------------------------------------------------------------------------------


def test_a_budget_is_spent_whole(small_fit: Fit):
    size, tokens = affordable(small_fit, 1e23, inference_tokens_t=0.5)
    spent = 6 * size * 1e9 * tokens * 1e12 + 2 * size * 1e9 * 0.5e12
    np.testing.assert_allclose(spent, 1e23, rtol=1e-9)


@pytest.mark.parametrize(
    ("size", "tokens", "edges"),
    [(1.0, 0.0, {"largest size", "fewest tokens"}), (0.0, 1.0, {"smallest size", "most tokens"})],
)
def test_where_one_input_does_nothing_all_goes_to_the_other(
    small_fit: Fit, size: float, tokens: float, edges: set[str]
):
    plan = plan_compute(with_growth(small_fit, size, tokens), 1e23, family="qwen2")
    assert plan.edge in edges
    assert plan.regret == pytest.approx(0, abs=1e-9)
    assert any("edge of the data" in text for text in plan.warnings)


def test_equal_returns_leave_the_optimum_open(small_fit: Fit):
    """With equal growth in both logs the linear predictor is the same all along the budget."""
    plan = plan_compute(with_growth(small_fit, 1.0, 1.0), 1e23, family="qwen2")
    assert np.ptp(plan.curve["mean"]) == pytest.approx(0, abs=1e-6)


def test_inference_makes_the_best_model_smaller(small_fit: Fit):
    asked = {"family": "qwen2", "objective": {"mmlu": 1.0}}
    free = plan_compute(small_fit, 1e24, **asked)
    paid = plan_compute(small_fit, 1e24, **asked, inference_tokens_t=20)
    assert paid.best.at["params_b", "median"] < free.best.at["params_b", "median"]
    assert (free.curve["regret"] >= 0).all()
    assert free.regret == free.curve["regret"].min()


def test_a_budget_beyond_the_data_is_refused(small_fit: Fit):
    with pytest.raises(InputError, match="cannot be spent within the data's range"):
        plan_compute(small_fit, 1e30)


# --- what to run next -------------------------------------------------------------------------


def test_reduction_of_normal_draws_is_the_squared_correlation():
    rng = np.random.default_rng(0)
    target = rng.standard_normal((20_000, 1))
    outcome = 0.8 * target + 0.6 * rng.standard_normal((20_000, 1))
    assert reduction(target, outcome) == pytest.approx(0.64, abs=0.02)
    assert reduction(target, rng.standard_normal((20_000, 1))) < 0.005


def test_reduction_agrees_with_brute_force_conditioning(small_fit: Fit):
    asked = {"family": "mine", "params_b": 13.0, "tokens_t": 2.0}
    plan = plan_next(small_fit, "mmlu", **asked)
    prior = forecast(small_fit, **asked)
    before = float(prior.draws.sel(benchmark="mmlu").var())
    rng = np.random.default_rng(0)
    brute = {}
    for name in ("gsm8k", "winogrande"):
        outcomes = rng.choice(prior.draws.sel(benchmark=name).to_numpy().ravel(), 25)
        after = [
            float(
                forecast(small_fit, **asked, observed={name: outcome})
                .draws.sel(benchmark="mmlu")
                .var()
            )
            for outcome in outcomes
        ]
        brute[name] = 1 - np.mean(after) / before
    for name, share in brute.items():
        assert plan.ranking.at[name, "reduction"] == pytest.approx(share, abs=0.15)


def test_a_smaller_model_is_weighed_by_its_cost(small_fit: Fit):
    asked = {"family": "mine", "params_b": 30.0, "tokens_t": 2.0}
    dear, cheap = (
        plan_next(small_fit, "mmlu", **asked, trainings=[Training(7.0, 2.0, cost)]).ranking
        for cost in (1000.0, 0.1)
    )
    assert dear.index[-1] == "train 7B on 2T"
    assert cheap.index[0] == "train 7B on 2T"
    assert "mmlu" not in dear.index


def test_what_is_known_is_not_run_again(small_fit: Fit):
    plan = plan_next(
        small_fit, "mmlu", family="mine", params_b=7, tokens_t=2, observed={"gsm8k": 0.4}
    )
    assert set(plan.ranking.index) == {"arc_challenge", "hellaswag", "winogrande", "truthfulqa"}
    with pytest.raises(InputError, match="nothing left to run"):
        plan_next(small_fit, "mmlu", family="mine", params_b=7, tokens_t=2, costs={"mmlu": 1.0})


# --- where the width comes from ---------------------------------------------------------------


@pytest.mark.parametrize("family", ["qwen2", "mine"])
def test_parts_of_the_width_add_up_to_the_forecast(small_fit: Fit, family: str):
    asked = {"family": family, "params_b": 5.0, "tokens_t": 5.0}
    split = split_width(small_fit, **asked)
    np.testing.assert_allclose(split.drop(columns="sd").sum(axis=1), 1)
    assert (split >= 0).all(axis=None)
    forecast_sd = 100 * forecast(small_fit, **asked).draws.std("sample").to_numpy()[0]
    np.testing.assert_allclose(split["sd"], forecast_sd, rtol=0.2)


def test_the_width_given_scores_is_that_of_the_conditioned_forecast(small_fit: Fit):
    asked = {"family": "mine", "params_b": 5.0, "tokens_t": 5.0, "observed": {"mmlu": 0.6}}
    split = split_width(small_fit, **asked)
    assert "mmlu" not in split.index
    np.testing.assert_allclose(split.drop(columns="sd").sum(axis=1), 1)
    draws = forecast(small_fit, **asked).draws.sel(benchmark=list(split.index))
    np.testing.assert_allclose(split["sd"], 100 * draws.std("sample")[0], rtol=0.2)
    blind = split_width(small_fit, family="mine", params_b=5.0, tokens_t=5.0)
    left = split["family"] * split["sd"] ** 2 - (blind["family"] * blind["sd"] ** 2)[split.index]
    assert (left < 0).all()  # what a score says of a new family is no longer unknown


def test_family_is_what_is_unknown_of_an_unseen_family(small_fit: Fit):
    seen = split_width(small_fit, family="qwen2", params_b=5, tokens_t=5)
    unseen = split_width(small_fit, family="mine", params_b=5, tokens_t=5)
    assert (unseen["family"] > seen["family"]).all()
    items = small_fit.scores.benchmarks["n_items"].astype(float)
    assert seen.loc[items.idxmin(), "item sampling"] > seen.loc[items.idxmax(), "item sampling"]


# --- a benchmark of one's own -----------------------------------------------------------------


def test_a_new_benchmark_from_few_scores(small_fit: Fit):
    """Scores made from one skill: a curve over MMLU with another chance level and difficulty."""
    mmlu = small_fit.scores.values["mmlu"].dropna()
    new = 0.1 + 0.8 * (mmlu - 0.25) / 0.75
    rng = np.random.default_rng(1)
    chosen = pd.Index(rng.choice(new.index, 8, replace=False))
    result = own_benchmark(small_fit, new[chosen], chance=0.1, n_items=2000)
    rest = new.index.difference(chosen)
    table = result.table().loc[rest]
    inside = new[rest].between(table["lower90"], table["upper90"])
    assert inside.mean() > 0.8
    assert (table["median"] - new[rest]).abs().mean() < 0.05
    assert result.parameter_table().at["loading of skill 1", "mean"] != 0


def test_five_scores_say_less_than_ten(small_fit: Fit):
    mmlu = small_fit.scores.values["mmlu"].dropna().sort_values()
    spread = {}
    for count in (5, 10):
        chosen = mmlu.iloc[np.linspace(0, len(mmlu) - 1, count).astype(int)]
        table = own_benchmark(small_fit, chosen, chance=0.25).table()
        spread[count] = (table["upper90"] - table["lower90"]).mean()
    assert spread[10] < spread[5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.iloc[:4], "4 scores say too little"),
        (lambda s: s.rename({s.index[0]: "qwen2-77b"}), "not among the fitted ones"),
        (lambda s: 100 * s, "fractions of 1"),
    ],
)
def test_bad_scores_of_a_new_benchmark_are_refused(small_fit: Fit, change, says: str):
    mmlu = small_fit.scores.values["mmlu"].dropna().iloc[:6]
    with pytest.raises(InputError, match=says):
        own_benchmark(small_fit, change(mmlu))


# --- command line -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit_path(small_fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_fit.save(tmp_path_factory.mktemp("plan") / "fit.nc"))


def run(*arguments: object):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


ASKED = [
    (["target", "--benchmark", "mmlu=0.7", "--family", "qwen2", "--tokens", 7], "params_b"),
    (["target", "--benchmark", "mmlu=0.7", "--family", "qwen2"], "flops"),
    (["compute", "--flops", "1e23", "--objective", "mmlu=1"], "regret"),
    (["next", "--target", "mmlu", "--family", "x", "--params", 7, "--tokens", 2,
      "--train", "1:1:5"], "ranking"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "key"), ASKED)
def test_plans_as_table_picture_and_json(fit_path: str, tmp_path, arguments: list, key: str):
    picture = tmp_path / "plan.png"
    told = run("plan", *arguments, "--fit", fit_path, "--plot", picture)
    assert told.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert key in json.loads(run("plan", *arguments, "--fit", fit_path, "--json").stdout)


def test_own_benchmark_on_the_command_line(small_fit: Fit, fit_path: str, tmp_path):
    scores = small_fit.scores.values["mmlu"].dropna().iloc[::9].rename("score")
    scores.to_csv(tmp_path / "mine.csv")
    picture = tmp_path / "own.png"
    told = run("own-benchmark", tmp_path / "mine.csv", "--fit", fit_path, "--chance", 0.25,
               "--plot", picture, "--json")  # fmt: skip
    answer = json.loads(told.stdout)
    assert len(answer["forecasts"]) == len(small_fit.scores.models)
    assert picture.exists()


def test_width_on_the_command_line(fit_path: str):
    asked = ["forecast", "--family", "qwen2", "--params", 7, "--tokens", 7, "--width"]
    told = run(*asked, "--fit", fit_path, "--json")
    assert set(json.loads(told.stdout)["width"][0]) >= {"item sampling", "family", "parameters"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "target", "--benchmark", "mmlu", "--family", "x"],
        ["plan", "compute", "--flops", "1e40"],
        ["plan", "next", "--target", "mmlu", "--family", "x", "--params", 7, "--tokens", 2,
         "--train", "7b"],
        ["own-benchmark", "absent.csv"],
    ],
)  # fmt: skip
def test_bad_plans_are_one_line_with_exit_code_2(fit_path: str, arguments: list):
    result = run(*arguments, "--fit", fit_path)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_public_names_are_functions_even_after_their_modules_are_loaded():
    import bayes_sloth as bs

    names = ("forecast", "own_benchmark", "plan_compute", "plan_next", "plan_target", "split_width")
    assert all(callable(getattr(bs, name)) for name in names)
