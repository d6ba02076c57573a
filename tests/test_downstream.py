"""Downstream scores: measurements, their logits, and forecasts that end to end recover a truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.chaining import chain
from bayes_sloth.downstream.baselines import lineage_mean, pca_logistic
from bayes_sloth.downstream.forecasting import empirical_logits, forecast_downstream, prior_forecast
from bayes_sloth.downstream.measurements import Measurements, load_measurements, measurements
from bayes_sloth.errors import InputError
from bayes_sloth.factor_scores import evenly, skills_of
from bayes_sloth.fitting import Fit
from bayes_sloth.scores import Scores
from bayes_sloth.targets import draws_of


def test_columns_of_the_bundled_table_are_tasks() -> None:
    counts = {
        name: len(measurements(name).table)
        for name in ("humaneval", "eq_bench", "agentbench_overall")
    }
    assert counts == {"humaneval": 86, "eq_bench": 15, "agentbench_overall": 7}
    assert measurements("humaneval").items == 164
    assert measurements("agentbench_overall").upper == 5


def test_empirical_logits_are_coxs() -> None:
    table = pd.DataFrame({"model": ["a", "b", "c"], "score": [0.0, 0.5, 1.0], "effort": 1.0})
    task = Measurements(table, "task", items=10)
    z, variance = empirical_logits(task, np.zeros(1))
    np.testing.assert_allclose(z[0], np.log([0.5 / 10.5, 1.0, 10.5 / 0.5]))
    q = 0.5 / 11
    np.testing.assert_allclose(variance[0, 0], 1 / (10 * q * (1 - q)))
    np.testing.assert_allclose(variance[0, 1], 1 / (10 * 0.25))


def test_chance_level_and_bounds_enter_the_logits() -> None:
    table = pd.DataFrame({"model": ["a", "b"], "score": [0.2, 3.0], "effort": 1.0})
    task = Measurements(table, "task", chance=1.0, upper=5.0, items=1000)
    z, variance = empirical_logits(task, np.zeros(1))
    assert z[0, 0] == pytest.approx(np.log(0.5 / 1000.5))  # below chance: as chance
    assert z[0, 1] == pytest.approx(0.0)
    mu = 0.2 + 0.8 * 0.5
    assert variance[0, 1] == pytest.approx(mu * (1 - mu) / 1000 / (0.8 * 0.25) ** 2)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"score": [1.2]}, "from 0 to 1"),
        ({"score": ["x"]}, "not a number"),
        ({"score": [0.2], "effort": [0]}, "above zero"),
        ({"score": [""]}, "in every row"),
        ({"score": [0.2, 0.3], "effort": ["low", "3"]}, "not a number"),
        ({"score": [0.2], "effort": [""]}, "in every row"),
        ({"score": [0.1, 0.2], "model": ["a", "a"]}, "two scores at effort 1"),
        ({"points": [1]}, "no column 'score'"),
    ],
)
def test_bad_measurements_are_one_clear_error(rows, says) -> None:
    with pytest.raises(InputError, match=says):
        load_measurements(
            pd.DataFrame({"model": "a"} | rows, index=range(len(next(iter(rows.values())))))
        )


def test_named_settings_are_a_stair_or_a_column_each() -> None:
    rows = pd.DataFrame({"model": ["a", "a", "b"], "score": 0.5, "effort": ["high", "low", "low"]})
    ordered = load_measurements(rows, levels=("low", "medium", "high"))
    np.testing.assert_array_equal(
        ordered.effort_columns(["low", "medium", "high"]), [[0, 0], [1, 0], [1, 1]]
    )
    loose = load_measurements(rows)
    assert loose.settings == ("high", "low") and not loose.rises and ordered.rises
    np.testing.assert_array_equal(loose.effort_columns(["low", "high"]), [[0, 1], [1, 0]])
    assert loose.reference_effort == "low"
    with pytest.raises(InputError, match="'max' is not one of high, low"):
        loose.effort_columns(["max"])
    with pytest.raises(InputError, match="name all levels"):
        load_measurements(rows, levels=("low", "medium"))


@pytest.fixture(scope="module")
def truth(small_fit: Fit) -> tuple[np.ndarray, pd.Index]:
    """Return true logits of a task for every model of the small fit, at its mean skills."""
    names = small_fit.scores.models.index
    rows = evenly(draws_of(small_fit), 100)
    skill = skills_of(small_fit, list(names), rows)
    slope = small_fit.posterior["loadings"].mean(("chain", "draw", "benchmark")).to_numpy()
    return -1 + skill.mean(axis=0) @ slope, names


@pytest.mark.slow
def test_a_score_that_follows_skills_is_forecast(small_fit, truth) -> None:
    logit, names = truth
    score = 1 / (1 + np.exp(-logit))
    task = Measurements(
        pd.DataFrame({"model": names, "score": score, "effort": 1.0}), "task", items=1000
    )
    held_out = small_fit.scores.models["lineage"] == "qwen2"
    rest = replace(task, table=task.table[~held_out.to_numpy()].reset_index(drop=True))
    forecast = forecast_downstream(rest, small_fit, known=list(names[held_out]))
    table = forecast.table()
    actual = score[held_out.to_numpy()]
    assert forecast.importance.passed
    assert np.abs(table["median"] - actual).mean() < 0.06
    assert ((table["lower90"] <= actual) & (actual <= table["upper90"])).mean() >= 0.8
    before = prior_forecast(task, small_fit, known=list(names[held_out])).table()
    assert (before["sd"] > 2 * table["sd"]).all()


@pytest.mark.slow
def test_effort_is_a_curve_within_a_model(small_fit, truth) -> None:
    """Steepness 1 per tenfold: a model seen at two efforts is forecast at a third."""
    logit, names = (part[::3] for part in truth)
    efforts = np.array([1.0, 10.0, 100.0])
    rng = np.random.default_rng(3)
    level = logit + 0.5 * rng.standard_normal(len(logit))
    score = 1 / (1 + np.exp(-(level[:, None] + 1.0 * np.log10(efforts / 10))))
    table = pd.DataFrame(
        {
            "model": np.repeat(names, 3),
            "score": score.ravel(),
            "effort": np.tile(efforts, len(names)),
        }
    )
    hidden = (table["model"] == names[5]) & (table["effort"] == 100)
    task = load_measurements(table[~hidden], "budget", items=1000)
    assert task.has_effort
    own = forecast_downstream(task, small_fit, known=[names[5]], effort=100).table().iloc[0]
    assert own["median"] == pytest.approx(score[5, 2], abs=0.03)
    assert own["upper90"] - own["lower90"] < 0.15
    low, high = (
        forecast_downstream(task, small_fit, family="new", params_b=7, tokens_t=2, effort=e)
        for e in (1, 100)
    )
    lift = (
        np.log(high.draws / (1 - high.draws)).median()
        - np.log(low.draws / (1 - low.draws)).median()
    )
    assert float(lift) == pytest.approx(2.0, abs=0.4)


@pytest.mark.slow
def test_settings_of_a_model_are_steps_on_its_own_level(small_fit, truth) -> None:
    """Thinking adds 1.5 logits: a model seen without it is forecast with it."""
    logit, names = (part[::3] for part in truth)
    score = 1 / (1 + np.exp(-np.column_stack([logit, logit + 1.5])))
    rows = pd.DataFrame({"model": np.repeat(names, 2), "score": score.ravel()})
    rows["effort"] = ["none", "thinking"] * len(names)
    shown = rows[(rows["model"] != names[5]) | (rows["effort"] == "none")]
    for levels in ((), ("none", "thinking")):
        task = load_measurements(shown, "thinking", items=1000, levels=levels)
        done = forecast_downstream(task, small_fit, known=[names[5]], effort="thinking").table()
        assert done["median"].iloc[0] == pytest.approx(score[5, 1], abs=0.04)


@pytest.mark.slow
def test_the_chain_runs_in_one_call(small_fit: Fit) -> None:
    done = chain(small_fit, family="qwen2", params_b=32, tokens_t=7, downstream=["humaneval"])
    table = done.table()
    assert list(table.loc["benchmark"].index) == list(small_fit.scores.benchmarks.index)
    assert table.loc[("downstream", "humaneval"), "lower90"] >= 0
    assert set(done.to_dict()) == {"model", "skill", "benchmark", "downstream", "warnings"}
    assert any("set aside" in text for text in done.warnings)


@pytest.mark.slow
def test_unknown_models_are_refused(small_fit: Fit) -> None:
    with pytest.raises(InputError, match="not in the fit"):
        forecast_downstream(measurements("humaneval"), small_fit, known=["gpt-17"])
    table = pd.DataFrame({"model": ["gpt-17"], "score": [0.5]})
    with pytest.raises(InputError, match="none of its models"):
        forecast_downstream(load_measurements(table), small_fit, known=["qwen2-7b"])


def test_rivals_know_only_what_is_shown(small_scores: Scores) -> None:
    names = small_scores.models.index
    score = small_scores.values["mmlu"].clip(0.26).fillna(0.3)
    task = Measurements(
        pd.DataFrame({"model": names, "score": score.to_numpy(), "effort": 1.0}), "mmlu again"
    )
    rest = replace(task, table=task.table.iloc[10:].reset_index(drop=True))
    asked = list(names[:10])
    np.testing.assert_allclose(pca_logistic(rest, small_scores, asked), score.iloc[:10], atol=0.12)
    shown = lineage_mean(rest, small_scores, asked)
    lineage = small_scores.models["lineage"]
    own = score.iloc[10:][lineage.iloc[10:] == lineage.iloc[0]]
    expected = own.mean() if len(own) else score.iloc[10:].mean()
    assert shown[0] == pytest.approx(expected)
