"""Forecasts: the right level of the hierarchy, honest ranges, warnings, JSON, and fits on disk."""

import json
import subprocess
import sys
from pathlib import Path

import arviz_stats
import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit, load_fit
from bayes_sloth.forecasting import forecast

KEYS = {"benchmark", "mean", "median", "sd", "lower50", "upper50", "lower90", "upper90", "observed"}


@pytest.fixture(scope="session")
def fit_path(small_fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_fit.save(tmp_path_factory.mktemp("fit") / "fit.nc")


def width(fit: Fit, **asked) -> pd.Series:
    table = forecast(fit, tokens_t=2, **asked).table()
    return (table["upper90"] - table["lower90"]).groupby("benchmark", sort=False).mean()


@pytest.mark.parametrize(
    ("family", "instruct", "status"),
    [
        ("llama-2", False, "seen"),
        ("llama-2-chat", False, "seen"),
        ("llama-2", True, "lineage"),
        ("a family of mine", False, "unseen"),
    ],
)
def test_status_of_the_family(small_fit: Fit, family: str, instruct: bool, status: str):
    result = forecast(small_fit, family=family, params_b=30, tokens_t=2, instruct=instruct)
    assert result.models["family_status"].item() == status
    assert (status == "seen") == (not any(family in text for text in result.warnings))


def test_less_known_families_have_wider_intervals(small_fit: Fit):
    seen = width(small_fit, family="llama-2", params_b=30)
    lineage = width(small_fit, family="llama-2", params_b=30, instruct=True)
    unseen = width(small_fit, family="mine", params_b=30)
    assert seen.mean() < lineage.mean() < unseen.mean()


def test_intervals_are_nested_and_within_the_scale(small_fit: Fit):
    table = forecast(small_fit, family="mine", params_b=[0.01, 500], tokens_t=20).table()
    order = ["lower90", "lower50", "median", "upper50", "upper90"]
    assert (np.diff(table[order].to_numpy(), axis=1) >= 0).all()
    assert table[order].min().min() >= 0
    assert table[order].max().max() <= 1


def test_interval_holds_at_least_the_sampling_noise_of_the_benchmark(small_fit: Fit):
    table = forecast(small_fit, family="llama-2", params_b=13, tokens_t=2).table().loc["llama-2"]
    items = small_fit.scores.benchmarks["n_items"].to_numpy(float)
    binomial = np.sqrt(table["mean"] * (1 - table["mean"]) / items)
    assert (table["sd"] > 0.95 * binomial).all()


def test_known_models_lie_where_the_fit_puts_them(small_fit: Fit):
    own = small_fit.scores.models.loc[["llama-2-13b", "qwen2-7b", "opt-6.7b"]]
    models = own.rename(columns={"variant": "family"})
    table = forecast(small_fit, models).table()
    actual = small_fit.scores.values.loc[own.index].stack()
    inside = (table["lower90"] <= actual) & (actual <= table["upper90"])
    assert inside.mean() > 0.8


def test_larger_models_of_a_family_score_higher(small_fit: Fit):
    result = forecast(small_fit, family="qwen2", params_b=[1, 10, 100], tokens_t=7)
    mmlu = result.draws.sel(benchmark="mmlu").median("sample").to_numpy()
    assert (np.diff(mmlu) > 0).all()


@pytest.mark.parametrize(
    ("params_b", "tokens_t", "says"),
    [(5000, 2, "outside the data"), (7, 100, "outside the data"), (0.1, 2, "twice beyond")],
)
def test_extrapolation_is_said(small_fit: Fit, params_b: float, tokens_t: float, says: str):
    result = forecast(small_fit, family="llama-2", params_b=params_b, tokens_t=tokens_t)
    assert any(says in text for text in result.warnings)


def test_an_unconverged_fit_is_said(small_fit: Fit):
    assert not small_fit.health.passed  # 200 draws cannot pass
    result = forecast(small_fit, family="llama-2", params_b=30, tokens_t=2)
    assert any("NOT PASSED" in text for text in result.warnings)


def test_json_has_the_keys_that_other_programs_read(small_fit: Fit):
    result = json.loads(forecast(small_fit, family="mine", params_b=30, tokens_t=2).to_json())
    assert set(result) == {"model", "forecasts", "warnings"}
    assert result["model"]["family_status"] == "unseen"
    assert [set(row) for row in result["forecasts"]] == [KEYS] * 6
    assert result["forecasts"][0]["observed"] is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"params_b": -1, "tokens_t": 2}, "positive number in billions"),
        ({"params_b": 7e9, "tokens_t": 2}, "7e.09 parameters are 7"),
        ({"params_b": 7, "tokens_t": 15000}, "15000 billion are 15"),
        ({"params_b": 7, "tokens_t": "much"}, "positive number in trillions, at most 500$"),
        ({"params_b": float("nan"), "tokens_t": 1}, "needs family, params_b and tokens_t"),
        ({"params_b": 7}, "needs family, params_b and tokens_t"),
        ({"params_b": 7, "tokens_t": 2, "benchmarks": ["mmul"]}, "'mmul' is not in the fit"),
    ],
)
def test_bad_questions_are_refused(small_fit: Fit, asked: dict, says: str):
    with pytest.raises(InputError, match=says):
        forecast(small_fit, family="llama-2", **asked)


def test_a_saved_fit_forecasts_the_same(small_fit: Fit, fit_path: Path):
    loaded = load_fit(fit_path)
    asked = {"family": "yi-1.5-chat", "params_b": 20, "tokens_t": 3.5}
    expected, found = forecast(small_fit, **asked).table(), forecast(loaded, **asked).table()
    pd.testing.assert_frame_equal(found, expected)
    assert loaded.specification == small_fit.specification
    assert loaded.health == small_fit.health
    pd.testing.assert_frame_equal(loaded.scores.values, small_fit.scores.values)


def test_arviz_opens_a_saved_fit(fit_path: Path):
    tree = xr.open_datatree(fit_path)
    assert tree["posterior"]["lineage_level"].dims == ("chain", "draw", "lineage", "benchmark")
    assert arviz_stats.summary(tree, var_names="intercept").index[0] == "intercept[mmlu]"
    assert {"seed", "sampler"} <= set(json.loads(tree.attrs["sampling"]))
    assert "pymc" in json.loads(tree.attrs["libraries"])
    tree.close()


def test_forecasting_from_a_saved_fit_imports_no_sampler(fit_path: Path):
    code = (
        "import sys; from bayes_sloth import forecast, load_fit;"
        f"forecast(load_fit({str(fit_path)!r}), family='x', params_b=7, tokens_t=2).table();"
        "sys.exit(bool({'pymc', 'pytensor', 'nutpie', 'numba', 'arviz_stats'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def age(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["bayes_sloth_format"] = 0


def strip(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["constant_data"]


def rename(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.move("posterior/dof", "posterior/tail")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (truncate, "cannot be read as a fit"),
        (lambda path: path.write_bytes(b""), "cannot be read as a fit"),
        (lambda path: path.write_text("model,mmlu\n"), "cannot be read as a fit"),
        (age, "format 0"),
        (strip, "not a complete fit"),
        (rename, "not a complete fit"),
        (lambda path: path.unlink(), "there is no fit"),
    ],
)
def test_a_spoilt_fit_is_refused_with_the_remedy(fit_path: Path, tmp_path: Path, spoil, says: str):
    copy = tmp_path / "fit.nc"
    copy.write_bytes(fit_path.read_bytes())
    spoil(copy)
    with pytest.raises(InputError, match=says) as caught:
        load_fit(copy)
    assert "bayes-sloth fit --out" in str(caught.value)


def test_a_failed_save_leaves_the_old_fit(
    small_fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "fit.nc"
    target.write_text("old")

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(InputError, match="disk full"):
        small_fit.save(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


def test_a_seed_reproduces_a_forecast(small_fit: Fit):
    asked = {"family": "mine", "params_b": 7, "tokens_t": 2}
    first, again = forecast(small_fit, **asked, seed=4), forecast(small_fit, **asked, seed=4)
    other = forecast(small_fit, **asked, seed=5)
    np.testing.assert_array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, other.draws)
