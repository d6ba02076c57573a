"""The published Performance Law, and the curve and the data of the Bayesian one."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bayes_sloth import performance_law as law
from bayes_sloth.cli import main
from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.backtesting import make_law_folds
from bayes_sloth.performance_law.baselines import (
    published_forecast,
    regression_draws,
    regression_log_density,
)
from bayes_sloth.performance_law.checks import dense_params_b
from bayes_sloth.performance_law.law import (
    CENTRE_OF_SATURATION,
    Typical,
    bulk,
    effective_size,
    saturated_tokens,
    token_term,
)
from bayes_sloth.performance_law.priors import SPREAD, TYPICAL_POWERS
from bayes_sloth.scores import data_folder

CHECK = pd.read_csv(data_folder() / "performance_law_check.csv")
MODEL = {"layers": 62, "hidden": 4096, "ffn": 8192, "params_b": 10.07, "tokens_t": 6.5}
OPTIONS = ["--layers", "62", "--hidden", "4096", "--ffn", "8192", "--params", "10.07"]


def test_published_law_prints_what_its_authors_print():
    columns = CHECK[["layers", "hidden", "ffn", "params_b", "tokens_t"]].to_dict("series")
    np.testing.assert_allclose(law.published_mmlu(**columns), CHECK["mmlu_printed"], atol=0.005)


@pytest.mark.parametrize(
    ("first", "last", "models", "error"),
    [
        ("2020-01", "2022-12", 14, 17.1),
        ("2023-01", "2023-12", 28, 8.9),
        ("2024-01", "2024-08", 39, 6.2),
        ("2024-09", "2024-12", 12, 6.6),
    ],
)
def test_published_law_errs_on_public_models_as_known(first, last, models, error):
    table = law.load_architectures()
    errors = 100 * (published_forecast(table) - table.mmlu).abs()
    part = errors[table.models["release"].between(first, last)].dropna()
    assert len(part) == models
    assert part.mean() == pytest.approx(error, abs=0.06)


def test_published_law_is_clipped_below_and_bent_above():
    tiny = law.published_mmlu(layers=2, hidden=512, ffn=2048, params_b=0.01, tokens_t=0.001)
    assert tiny == 25
    huge = law.published_mmlu(layers=500, hidden=32768, ffn=131072, params_b=8590, tokens_t=100)
    assert 90 < huge < 100


def test_precision_loss_and_depth_without_width_cost_points():
    lossy = law.published_mmlu(**MODEL, precision_loss=2.0)
    # 19.09368368 points for each unit of the exponent, which grows fourfold.
    exponent = ((10 / 8192 + 20 / 4096) * 62) ** 2
    assert law.published_mmlu(**MODEL) - lossy == pytest.approx(3 * exponent * 19.09368368)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tokens_t": 6500}, "trillions"),
        ({"tokens_t": 6.5e12}, "trillions"),
        ({"tokens_t": -1}, "above zero"),
        ({"params_b": 10070}, "billion"),
        ({"params_b": 1.007e10}, "billions"),
        ({"params_b": 0}, "above zero"),
        ({"hidden": 409600}, "billion parameters"),
        ({"layers": 4096, "hidden": 32}, "are they swapped"),
        ({"layers": 0}, "layers"),
        ({"ffn": 8192.5}, "ffn"),
        ({"layers": float("nan")}, "layers"),
        ({"precision_loss": 0.5}, "precision loss"),
    ],
)
def test_wrong_units_and_impossible_values_are_caught(change, says):
    with pytest.raises(InputError, match=says):
        law.published_mmlu(**{**MODEL, **change})


def test_published_command_prints_points():
    runner = CliRunner()
    arguments = ["performance-law", "forecast", "--published", *OPTIONS, "--tokens"]
    answer = json.loads(runner.invoke(main, [*arguments, "6.5", "--json"]).stdout)
    assert answer["mmlu"] == pytest.approx(71.69, abs=0.005)
    assert runner.invoke(main, [*arguments, "6.5"]).stdout.startswith("MMLU 71.69")
    wrong = runner.invoke(main, [*arguments, "6500"])
    assert wrong.exit_code == 2
    assert "trillions" in wrong.stderr
    stray = runner.invoke(main, [*arguments, "6.5", "--developer", "Meta"])
    assert stray.exit_code == 2


def test_soft_saturation_has_the_hard_minimum_as_its_limit():
    tokens, size = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 2, 13))
    hard = np.minimum(tokens, size + CENTRE_OF_SATURATION)
    np.testing.assert_allclose(saturated_tokens(tokens, size, 0.0, 1e-6), hard, atol=1e-5)
    # In plain units: the smaller of trillions of tokens and billions of parameters.
    np.testing.assert_allclose(2 * 10**hard, np.minimum(2 * 10**tokens, 7 * 10**size), rtol=1e-12)
    soft = saturated_tokens(tokens, size, 0.0, 0.3)
    assert (soft < hard).all()
    assert (np.diff(soft, axis=1) > 0).all()
    assert (np.diff(soft, axis=0) > 0).all()


def test_token_term_is_zero_and_flat_in_size_at_the_reference():
    for softness in (0.01, 0.2, 0.8):
        step = 1e-5
        assert token_term(0.0, 0.0, 0.2, softness) == 0
        slope = (token_term(0.0, step, 0.2, softness) - token_term(0.0, -step, 0.2, softness)) / 2
        assert slope / step == pytest.approx(0, abs=1e-6)


def test_dense_size_does_not_depend_on_the_weight_of_active_parameters():
    assert effective_size(0.7, 0.7, np.array([0.0, 0.3, 1.0])) == pytest.approx(0.7)
    assert effective_size(1.0, 0.0, 0.25) == pytest.approx(0.75)


def test_contrasts_are_uncorrelated_with_the_bulk():
    table = law.load_architectures()
    models = table.models[table.dense]
    shape = [models[name].to_numpy() for name in ("layers", "hidden", "ffn")]
    depth, ffn, _ = Typical.of(*shape).contrasts(*shape)
    x = bulk(shape[0], shape[1])
    assert abs(np.corrcoef(x, depth)[0, 1]) < 1e-10
    assert abs(np.corrcoef(x, ffn)[0, 1]) < 1e-10
    assert abs(np.corrcoef(depth, ffn)[0, 1]) < 0.2
    assert np.corrcoef(np.log(shape[1]), np.log(shape[0]))[0, 1] > 0.8  # what they replace


def test_constants_of_the_priors_describe_the_bundled_table():
    table = law.load_architectures()
    models = table.models[table.dense]
    x = bulk(models["layers"], models["hidden"])
    for name, power in TYPICAL_POWERS.items():
        assert np.polyfit(x, np.log10(models[name]), 1)[0] == pytest.approx(power, abs=0.01)
    shape = [models[name].to_numpy() for name in ("layers", "hidden", "ffn")]
    depth, ffn, _ = Typical.of(*shape).contrasts(*shape)
    spread = {
        "size": np.log10(models["params_b"]).std(),
        "tokens": np.log10(models["tokens_t"]).std(),
        "depth": depth.std(),
        "ffn": ffn.std(),
    }
    assert spread == pytest.approx(SPREAD, rel=0.12)


def test_dense_size_follows_from_the_shape_within_a_factor_of_two():
    table = law.load_architectures()
    models = table.models[table.dense]
    implied = dense_params_b(models["layers"], models["hidden"], models["ffn"])
    assert (models["params_b"] / implied).between(0.5, 2.02).all()


def test_every_prior_says_why():
    table = law.priors_table()
    assert (table["reason"].str.len() > 20).all()
    assert {"effect[size]", "softness", "active_weight", "source_sd"} <= set(table.index)


def test_regression_baseline_forecasts_a_line_it_was_given():
    table = law.load_architectures()
    x = np.log10(table.models["active_params_b"] * table.models["tokens_t"])
    table.values["reported"] = (0.5 + 0.1 * x).where(x.notna())
    table.values["harness"] = np.nan
    known = x.notna().to_numpy()
    test = known & (np.arange(len(x)) % 3 == 0)
    draws = regression_draws("log compute", table, known & ~test, test, draws=50, seed=0)
    np.testing.assert_allclose(draws, np.tile(table.mmlu[test], (50, 1)), atol=1e-6)


def test_regression_leaves_one_out_as_its_leverages_say():
    # Of one least-squares fit: residual e / (1 - h), variance without i, spread by 1 / (1 - h).
    from scipy.stats import t

    table = law.load_architectures()
    models = table.models
    chosen = (models["tokens_t"].notna() & table.mmlu.notna()).to_numpy()
    x = np.column_stack(
        [np.ones(chosen.sum()), np.log10(models["active_params_b"] * models["tokens_t"])[chosen]]
    )
    y = table.mmlu.to_numpy()[chosen]
    hat = x @ np.linalg.pinv(x)
    residual, leverage = y - hat @ y, np.diag(hat)
    left = len(y) - 3
    variance = ((residual**2).sum() - residual**2 / (1 - leverage)) / left
    scale = np.sqrt(variance / (1 - leverage))
    expected = t.logpdf(residual / (1 - leverage) / scale, left) - np.log(scale)
    density = regression_log_density("log compute", table, chosen)
    np.testing.assert_allclose(density, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("choice", "says"),
    [({"protocols": ("random",)}, "developer, forward"), ({"folds": ("Acme",)}, "Meta")],
)
def test_a_backtest_that_does_not_exist_is_refused(choice, says):
    with pytest.raises(InputError, match=says):
        law.backtest(progress=False, **choice)


def test_a_table_too_small_to_learn_from_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + GOOD + GOOD.replace("a,", "b,", 1))
    with pytest.raises(InputError, match="leaves 1 models"):
        law.backtest(law.load_architectures(path), ("developer",), progress=False)


def test_folds_hide_a_developer_or_the_future():
    table = law.load_architectures()
    hidden = np.array([fold.hidden for fold in make_law_folds(table, "developer")])
    assert (hidden.sum(axis=0) == 1).all()  # each model in one fold
    last = list(make_law_folds(table, "forward"))[-1]
    assert last.name == "2024-09"
    released = table.models["release"]
    assert released[last.hidden].min() == "2024-09"
    assert released[~last.hidden].max() < "2024-09"


HEADER = "model,kind,release,params_b,active_params_b,tokens_t,layers,hidden,ffn,mmlu_reported\n"
GOOD = "a,dense,2024-07,8.03,,15,32,4096,14336,66.7\n"


def test_a_table_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + GOOD + "b,moe,2024-01,46.7,12.9,,32,4096,14336,70.6\n")
    table = law.load_architectures(path)
    assert table.values.loc["a", "reported"] == pytest.approx(0.667)
    assert np.isnan(table.values.loc["a", "harness"])
    assert np.isnan(table.models.loc["b", "tokens_t"])
    assert table.models.loc["a", "active_params_b"] == 8.03
    assert table.models.loc["a", "year"] == pytest.approx(6.5 / 12)
    assert table.models.loc["a", "developer"] == "a"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("b,dense,2024-07,8.03,,15,32,4096,14336,167\n", "points"),
        ("b,dense,2024-07,8.03,,15000,32,4096,14336,66\n", "trillions"),
        ("b,dense,2024-07,8030,,15,32,4096,14336,66\n", "billion"),
        ("b,dense,July,8.03,,15,32,4096,14336,66\n", "2024-07"),
        ("b,moe,2024-07,8.03,,15,32,4096,14336,66\n", "active_params_b"),
        ("b,moe,2024-07,8.03,9,15,32,4096,14336,66\n", "active"),
        ("b,sparse,2024-07,8.03,,15,32,4096,14336,66\n", "dense or moe"),
        ("b,dense,2024-07,8.03,,15,,4096,14336,66\n", "layers"),
    ],
)
def test_a_bad_row_is_named_with_its_remedy(tmp_path, row, says):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + GOOD + row)
    with pytest.raises(InputError, match=says) as raised:
        law.load_architectures(path)
    assert "line 3" in str(raised.value)
    assert "mine.csv" in str(raised.value)


def test_fractions_in_place_of_points_are_caught(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + GOOD.replace("66.7", "0.667"))
    with pytest.raises(InputError, match="percentage points"):
        law.load_architectures(path)
