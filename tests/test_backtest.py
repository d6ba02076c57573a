"""The backtest: baselines with known values, finished folds kept, a small run of the real thing."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bayes_sloth import backtesting
from bayes_sloth.backtesting import FOLD_SAMPLING, backtest
from bayes_sloth.design import make_design
from bayes_sloth.errors import InputError
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, data_folder

SUMMARY = {"mae", "medae", "coverage50", "coverage80", "coverage90", "width90", "interval_score90"}


@pytest.mark.parametrize(("suite", "seen"), [("v2", 1), ("v1", 2)])
def test_baseline_agrees_with_the_published_average(suite: str, seen: int):
    published = pd.read_csv(data_folder() / "sloth_reference_mae.csv")
    row = published[
        (published["suite"] == suite)
        & (published["seen"] == seen)
        & (published["method"].str.startswith("PCA"))
        & (published["dimension"] == 2)
    ]
    done = backtest(suite=suite, seen=seen, model="PCA + FLOPs, d=2").to_dict()
    assert done["summary"]["mae"] == pytest.approx(row["average"].item(), abs=0.02)
    assert set(done["summary"]) >= SUMMARY | {"seconds"}
    assert set(done["cells"][0]) >= {"fold", "model", "benchmark", "actual", "median", "lower90"}


def test_unknown_model_is_refused():
    with pytest.raises(InputError, match="no model 'magic'"):
        backtest(suite="v2", model="magic")


def test_finished_folds_are_read_and_not_run_again(
    small_scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(backtesting, "compiled_model", interrupt)
    kept = {
        "cells": [{"fold": "opt", "model": "m", "benchmark": "mmlu", "actual": 0.5, "median": 0.4}],
        "about": {"fold": "opt", "seconds": 1.0},
    }
    (tmp_path / "opt.json").write_text(json.dumps(kept))
    fold = next(
        fold for fold in backtesting.make_folds(small_scores, "v1", 1) if fold.name == "opt"
    )
    choices = (backtesting.Specification(), FOLD_SAMPLING)
    cells, about = backtesting.run_fold(small_scores, fold, *choices, tmp_path)
    assert (cells["median"].item(), about["seconds"]) == (0.4, 1.0)
    with pytest.raises(KeyboardInterrupt):
        backtesting.run_fold(small_scores, fold, *choices, tmp_path / "empty")


@pytest.mark.parametrize(
    ("healths", "attempts"),
    [
        ([{"rhat": 1.002, "ess": 900, "divergences": 0}], 1),
        ([{"rhat": 1.02, "ess": 900, "divergences": 0}, {}], 2),
        ([{"rhat": 1.002, "ess": 300, "divergences": 0}, {}], 2),
        ([{"rhat": 1.002, "ess": 900, "divergences": 1}, {"ess": 399}], 2),
    ],
)
def test_a_fold_that_has_not_passed_is_sampled_again_for_longer(
    small_scores: Scores, monkeypatch: pytest.MonkeyPatch, healths: list, attempts: int
):
    passing = {"rhat": 1.0, "ess": 1000, "divergences": 0}
    fold = backtesting.make_folds(small_scores, "v1", 1)[0]
    level, made = iter([0.3, 0.6]), []

    def sampled(compiled, design, fold, sampling):
        made.append(sampling)
        shape = (2, 5, len(fold.test_models), len(fold.benchmarks))
        return np.full(shape, next(level)), passing | healths[len(made) - 1]

    design, uncompiled = make_design(small_scores), SimpleNamespace(with_data=lambda **_: None)
    monkeypatch.setattr(backtesting, "compiled_model", lambda *_: (design, uncompiled))
    monkeypatch.setattr(backtesting, "_sampled", sampled)
    cells, about = backtesting.run_fold(
        small_scores, fold, backtesting.Specification(), FOLD_SAMPLING
    )
    assert made == list(FOLD_SAMPLING[:attempts])
    assert about["attempts"] == attempts
    assert (cells["median"] == [0.3, 0.6][attempts - 1]).all()
    failed = backtesting.fold_problems(pd.DataFrame([about]).set_index("fold"))
    assert len(failed) == ("ess" in healths[-1] and healths[-1]["ess"] < 400)


@pytest.mark.slow
def test_skills_model_beats_carrying_over_and_covers(small_scores: Scores, tmp_path: Path):
    quick = Sampling(chains=2, tune=200, draws=100)
    asked = {"suite": ["mmlu", "hellaswag", "arc_challenge"], "seen": 1}
    ours = backtest(small_scores, **asked, sampling=quick, folder=tmp_path, progress=False)
    carried = backtest(small_scores, **asked, model="carried over")
    assert ours.scores.summary["mae"] < 0.7 * carried.scores.summary["mae"]
    assert 0.75 < ours.scores.summary["coverage90"] <= 1
    assert len(list(tmp_path.glob("*/*.json"))) == len(ours.folds)
    again = backtest(small_scores, **asked, sampling=quick, folder=tmp_path, progress=False)
    pd.testing.assert_frame_equal(again.cells, ours.cells, check_dtype=False)
