"""Forecasts and uses of the Bayesian Performance Law, on a posterior whose truth is known."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from bayes_sloth import performance_law as law
from bayes_sloth.cli import main
from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.design import make_law_design
from bayes_sloth.performance_law.fitting import LawFit, assemble
from bayes_sloth.performance_law.law import COVARIATES
from bayes_sloth.performance_law.model import FORECAST_VARIABLES
from bayes_sloth.sampling import Sampling

CHAINS, DRAWS = 2, 1000
MODEL = {"layers": 32, "hidden": 4096, "ffn": 11008, "params_b": 7.0, "tokens_t": 2.0}
TRUTH = {
    "intercept": 0.0,
    "effect": [1.0, 0.8, 2.0, 0.0, 0.5],
    "instability_effect": 0.5,
    "saturation": 0.3,
    "softness": 0.1,
    "active_weight": 0.25,
    "developer_sd": 0.3,
    "lineage_sd": 0.2,
    "model_sd": 0.2,
    "ceiling": 0.95,
    "link_shape": 0.0,
    "source_sd": [0.005, 0.005],
    "source_offset": 0.0,
    "dof": 30.0,
    "token_level": 0.0,
    "token_trend": 0.5,
    "token_size": 0.0,
    "token_sd": 0.2,
}


def made_fit(**changes: float) -> LawFit:
    """Return a fit whose posterior is the truth, give or take very little."""
    design = make_law_design(law.load_architectures())
    rng = np.random.default_rng(0)
    dims = {"effect": "covariate", "source_sd": "source"}
    dims |= {"developer_effect": "developer", "lineage_effect": "lineage", "ability": "model"}
    sizes = {"developer_effect": 25, "lineage_effect": 50, "ability": 113}
    assert (len(design.developers), len(design.lineages)) == (25, 50)
    posterior = {}
    for name in FORECAST_VARIABLES:
        centre = np.asarray(changes.get(name, TRUTH.get(name, np.zeros(sizes.get(name, 0)))))
        noise = 1e-6 * rng.standard_normal((CHAINS, DRAWS, *centre.shape))
        inner = [dims[name]] if centre.ndim else []
        posterior[name] = (("chain", "draw", *inner), centre + noise)
    stats = {
        "diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), bool)),
        "energy": (("chain", "draw"), rng.standard_normal((CHAINS, DRAWS))),
        "logp": (("chain", "draw"), rng.standard_normal((CHAINS, DRAWS))),
    }
    unknown = design.without_tokens
    posterior["unknown_tokens"] = (
        ("chain", "draw", "model_without_tokens"),
        1e-6 * rng.standard_normal((CHAINS, DRAWS, len(unknown))),
    )
    coords = {"covariate": list(COVARIATES)}
    groups = {
        "posterior": xr.Dataset(posterior, coords=coords),
        "sample_stats": xr.Dataset(stats),
    }
    prior = xr.DataTree.from_dict(
        {
            "prior": groups["posterior"].isel(chain=[0]) * 3,
            "prior_predictive": xr.Dataset({"mmlu": (("chain", "draw"), np.zeros((1, 5)))}),
        }
    )
    return assemble(xr.DataTree.from_dict(groups), design, Sampling(), prior)


@pytest.fixture(scope="module")
def fit() -> LawFit:
    return made_fit()


@pytest.fixture(scope="module")
def path(fit: LawFit, tmp_path_factory: pytest.TempPathFactory):
    return fit.save(tmp_path_factory.mktemp("law") / "law.nc")


def by_hand(fit: LawFit, eta: float) -> float:
    """Return MMLU in points of a plain logistic that passes the middle (62.5) with its slope."""
    reference, ceiling = 0.5, 0.95
    start = reference / ceiling
    slope = (1 - reference) / (1 - start)
    return 25 + 75 * ceiling / (1 + np.exp(-(slope * eta + np.log(start / (1 - start)))))


def test_forecast_is_what_the_formula_says(fit: LawFit):
    # Ten times the size: one logit, and what it frees of the saturation of tokens.
    typical = fit.design.typical
    small = law.forecast(fit, release="2024-01", source="harness", **MODEL).table().iloc[0]
    depth, _, unstable = typical.contrasts(32, 4096, 11008)
    eta = 2.0 * depth - 0.5 * unstable + 0.5 * 0.5 / 12
    assert small["median"] == pytest.approx(by_hand(fit, float(eta)), abs=0.6)
    # Interval: recipe of sd sqrt(0.3^2 + 0.2^2 + 0.2^2) logits, through the curve.
    spread = 1.645 * np.sqrt(0.17)
    assert small["upper90"] == pytest.approx(by_hand(fit, float(eta) + spread), abs=1.0)
    assert small["lower90"] == pytest.approx(by_hand(fit, float(eta) - spread), abs=1.0)


def test_more_size_tokens_and_time_are_expected_to_help(fit: LawFit):
    base = law.forecast(fit, release="2024-01", **MODEL).table()["median"].iloc[0]
    for change in ({"tokens_t": 4.0}, {"release": "2024-09"}):
        better = law.forecast(fit, **{**MODEL, "release": "2024-01", **change})
        assert better.table()["median"].iloc[0] > base


def test_unknown_tokens_widen_the_interval(fit: LawFit):
    known = law.forecast(fit, release="2024-01", **MODEL).table().iloc[0]
    unknown = law.forecast(fit, release="2024-01", **{**MODEL, "tokens_t": None}).table().iloc[0]
    assert unknown["sd"] > 1.02 * known["sd"]


def test_weight_of_active_parameters_lies_between_total_and_active(fit: LawFit):
    moe = {**MODEL, "params_b": 40.0, "active_params_b": 10.0, "release": "2024-01"}
    ability = law.forecast(fit, **moe).table()["median"].iloc[0]
    assert law.forecast(fit, **{**MODEL, "release": "2024-01"}).table()["median"].iloc[0] < ability


def test_known_developer_narrows_and_unknown_one_is_said(fit: LawFit):
    known = law.forecast(fit, developer="Meta", **MODEL)
    unknown = law.forecast(fit, developer="Nobody", **MODEL)
    assert known.table()["sd"].iloc[0] < unknown.table()["sd"].iloc[0]
    assert any("Nobody" in text for text in unknown.warnings)


def test_extrapolation_is_said(fit: LawFit):
    far = law.forecast(fit, release="2026-01", **{**MODEL, "tokens_t": 60})
    assert any("trillion tokens" in text for text in far.warnings)
    assert any("straight line" in text for text in far.warnings)


def test_forecast_refuses_what_it_does_not_know(fit: LawFit):
    with pytest.raises(InputError, match="needs ffn"):
        law.forecast(fit, **{k: v for k, v in MODEL.items() if k != "ffn"})
    with pytest.raises(InputError, match="colour"):
        law.forecast(fit, colour="red", **MODEL)
    with pytest.raises(InputError, match="trillions"):
        law.forecast(fit, **{**MODEL, "tokens_t": 2000})


def test_ranking_finds_the_shape_that_is_best_by_construction(fit: LawFit):
    answer = law.rank_architectures(fit, 1e23, shown=100)
    table = answer.table
    assert table["probability_best"].sum() == pytest.approx(1)
    assert table["probability_best_trained"].sum() == pytest.approx(1)
    # The posterior is a point: the first is the best by the law, not surely so once trained.
    assert table["probability_best"].iloc[0] == 1
    assert 0 < table["probability_best_trained"].iloc[0] < 1
    assert table["median"].iloc[0] == table["median"].max()
    np.testing.assert_allclose(6 * table["params_b"] * table["tokens_t"] * 1e21, 1e23)
    with pytest.raises(InputError, match="budget"):
        law.rank_architectures(fit, 1e29)


def test_training_as_expected_or_not(fit: LawFit):
    expected = law.forecast(fit, source="harness", **{**MODEL, "tokens_t": 1.0})
    middle = expected.table()["median"].iloc[0]
    good = law.check_training(fit, middle, 1.0, **MODEL)
    assert good.numbers["tail_probability"] == pytest.approx(0.5, abs=0.05)
    before, after = (good.table.loc[f"at the end, {w}"] for w in ("before", "given the score"))
    assert after["sd"] < before["sd"] / 2
    assert after["median"] > middle
    bad = law.check_training(fit, expected.table()["lower90"].iloc[0] - 8, 1.0, **MODEL)
    assert bad.numbers["tail_probability"] < 0.05
    assert "LOWER" in bad.sentence
    with pytest.raises(InputError, match="points"):
        law.check_training(fit, 0.55, 1.0, **MODEL)
    with pytest.raises(InputError, match="planned"):
        law.check_training(fit, 55, 3.0, **MODEL)


def test_expansion_gains_what_the_effects_say(fit: LawFit):
    table = law.plan_expansion(fit, deeper=1.5, wider=1.25, experts=8, **MODEL).table
    gains = table["gain"]
    assert gains["as it is"] == 0
    assert (gains.iloc[1:] > 0).all()
    assert table.loc["deeper x 1.5", "params_b"] == pytest.approx(7 * 1.5)
    assert table.loc["wider x 1.25", "params_b"] == pytest.approx(7 * 1.25**2)
    experts = table.loc["8 experts"]
    assert experts["active_params_b"] == 7
    assert experts["params_b"] == pytest.approx(7 + 7 * 3 * 32 * 4096 * 11008 / 1e9)
    assert experts["times_compute"] == 1


def test_closed_model_is_a_ridge_with_the_truth_on_it(fit: LawFit):
    truth = law.forecast(fit, release="2024-06", **MODEL).table()["median"].iloc[0]
    answer = law.infer_size(fit, truth, release="2024-06")
    low, high = (answer.numbers["params_b"][k] for k in ("lower90", "upper90"))
    assert low < 7 < high
    assert answer.numbers["log_correlation"] < -0.1
    assert answer.table["probability"].sum() == pytest.approx(1, abs=0.02)
    short = law.infer_size(fit, truth, release="2024-06", between_b=(0.3, 8))
    assert any("largest size considered, 8 billion" in text for text in short.warnings)


def test_contamination_needs_a_second_benchmark_that_agrees(fit: LawFit):
    model = {**MODEL, "release": "2024-01"}
    expected = law.forecast(fit, **model).table()["median"].iloc[0]
    odd = expected + 25
    alone = law.check_contamination(fit, odd, **model)
    assert alone.numbers["tail_probability"] < 0.02
    assert "second benchmark" in alone.sentence
    # A second benchmark where models of the law's MMLU are, or where those of this MMLU are.
    rows = law.check_contamination(fit, odd, second=("mmlu_pro", 30.0), **model).table
    inflated = rows.loc["mmlu_pro, if MMLU is inflated", "median"]
    earned = rows.loc["mmlu_pro, if MMLU is earned", "median"]
    assert earned > inflated + 5
    ratios = [
        law.check_contamination(fit, odd, second=("mmlu_pro", points), **model).numbers[
            "likelihood_ratio"
        ]
        for points in (inflated, earned)
    ]
    assert ratios[0] > 1 > ratios[1]
    with pytest.raises(InputError, match="mmlu_pro"):
        law.check_contamination(fit, odd, second=("mmlu_prp", 30.0), **model)


def test_what_is_not_identified_is_said(fit: LawFit):
    text = " ".join(law.not_identified(fit))
    for word in ("precision loss", "hidden against FFN size", "constants 10 and 20"):
        assert word in text
    table = law.contraction_table(fit)
    assert table.loc["intercept", "contraction"] == pytest.approx(8 / 9, abs=0.05)


def test_saved_fit_forecasts_alike_and_without_pymc(fit: LawFit, path):
    again = law.load_fit(path)
    first, second = (law.forecast(f, developer="Meta", **MODEL).table() for f in (fit, again))
    np.testing.assert_allclose(first, second)
    code = (
        "import sys; from bayes_sloth import performance_law as law\n"
        f"law.forecast(law.load_fit({str(path)!r}), **{MODEL!r})\n"
        "sys.exit(any(name in sys.modules for name in ('pymc', 'pytensor', 'nutpie')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_fit_of_the_skills_model_is_refused(tmp_path):
    (tmp_path / "bad.nc").write_text("no netCDF")
    with pytest.raises(InputError, match="performance-law fit"):
        law.load_fit(tmp_path / "bad.nc")


SHAPE = ["--layers", 32, "--hidden", 4096, "--ffn", 11008, "--params", 7, "--tokens", 2]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["forecast", *SHAPE], "mmlu"),
        (["plan", "architecture", "--flops", "1e23"], "table"),
        (["plan", "expansion", *SHAPE, "--mmlu", 50], "best"),
        (["training", *SHAPE, "--mmlu", 45, "--so-far", 1], "tail_probability"),
        (["closed", "--mmlu", 70, "--release", "2024-03"], "log_correlation"),
        (["contamination", *SHAPE, "--mmlu", 70, "--second", "mmlu_pro=30"], "likelihood_ratio"),
    ],
)
def test_every_use_is_a_command(arguments, key, path):
    runner = CliRunner()
    command = ["performance-law", *map(str, arguments), "--fit", str(path)]
    answer = json.loads(runner.invoke(main, [*command, "--json"]).stdout)
    assert key in answer
    plain = runner.invoke(main, command)
    assert plain.exit_code == 0, plain.output
    assert len(plain.stdout) > 20


def test_check_command_says_health_and_what_is_not_known(path):
    result = CliRunner().invoke(main, ["performance-law", "check", str(path), "--json"])
    answer = json.loads(result.stdout)
    assert {"health", "parameters", "not_identified"} == set(answer)


def test_health_of_a_fit_is_passed_on_to_its_forecasts(fit: LawFit):
    sick = replace(fit, health=replace(fit.health, divergences=7))
    assert any("NOT PASSED" in text for text in law.forecast(sick, **MODEL).warnings)


def test_leave_one_out_integrates_the_ability_exactly(fit: LawFit):
    # Every draw is the truth, so that leaving a model out changes no weight.
    from scipy.integrate import quad
    from scipy.stats import norm, t

    table = law.loo(fit)
    models = fit.architectures.models
    name = "Baichuan2-7B"  # reported alone, and within two spreads of this law
    row = models.index.get_loc(name)
    depth, _, unstable = fit.design.contrasts[:, row]
    size, tokens = fit.design.log_total[row], fit.design.log_tokens[row]
    bend = (tokens - size - 0.3 - np.log10(3.5)) / 0.1
    start = -0.1 * np.log1p(np.exp((-0.3 - np.log10(3.5)) / 0.1))
    share = 1 / (1 + np.exp((0.3 + np.log10(3.5)) / 0.1))
    useful = tokens - 0.1 * np.log1p(np.exp(bend)) - start - share * size
    eta = size + 0.8 * useful + 2.0 * depth - 0.5 * unstable
    eta += 0.5 * models["year"].iloc[row]
    actual = float(fit.architectures.mmlu[name])

    def joint(z: float) -> float:
        mu = by_hand(fit, eta + 0.2 * z) / 100
        scale = np.sqrt(mu * (1 - mu) / 14042 + 0.005**2)
        return float(t.pdf((actual - mu) / scale, 30) / scale * norm.pdf(z))

    exact = np.log(quad(joint, -6, 6, limit=500, points=np.linspace(-5, 5, 41))[0])
    assert table.loc[name, "elpd"] == pytest.approx(exact, abs=0.02)


def test_comparison_ranks_laws_and_refuses_other_tables(fit: LawFit):
    wrong = made_fit(intercept=3.0)
    table = law.compare({"right": fit, "wrong": wrong})
    order = list(table.index)
    assert order.index("right") < order.index("wrong")
    assert table["difference"].iloc[0] == 0
    assert (table["models"] == 102).all()
    values = fit.architectures.values * 0.9
    other = replace(fit, architectures=replace(fit.architectures, values=values))
    with pytest.raises(InputError, match="different tables"):
        law.compare({"one": fit, "other": other})


@pytest.mark.parametrize(
    "arguments",
    [
        ["forecast", *SHAPE],
        ["plan", "architecture", "--flops", "1e23"],
        ["closed", "--mmlu", 70, "--release", "2024-03"],
    ],
)
def test_uses_draw_pictures(arguments, path, tmp_path):
    picture = tmp_path / "picture.png"
    command = ["performance-law", *map(str, arguments), "--fit", str(path)]
    done = CliRunner().invoke(main, [*command, "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    refused = CliRunner().invoke(main, [*command, "--plot", "picture.txt"])
    assert refused.exit_code == 2
    assert ".png" in refused.stderr


def test_too_many_tokens_are_doubted_by_both_laws(fit: LawFit):
    # 50 may be meant in billions; no model saw 50 trillion tokens.
    warnings = law.forecast(fit, **{**MODEL, "tokens_t": 50.0}).warnings
    assert "give 0.05" in warnings[0]
    published = ["performance-law", "forecast", "--published", *map(str, SHAPE[:-1])]
    said = json.loads(CliRunner().invoke(main, [*published, "80", "--json"]).stdout)["warnings"]
    assert "give 0.08" in said[0]
    assert (
        json.loads(CliRunner().invoke(main, [*published, "15", "--json"]).stdout)["warnings"] == []
    )
