"""Comparison: specifications as text, leave-one-out by closed forms, tables, what they rest on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import stats

from bayes_sloth.cli import main
from bayes_sloth.comparing import comparison as comparing
from bayes_sloth.comparing.comparison import (
    Comparison,
    combine,
    comparison_table,
    load_comparison,
    units_to_refit,
    with_refits,
)
from bayes_sloth.comparing.evaluating import pareto_smoothed
from bayes_sloth.comparing.specifications import NAMED, read_specification, read_specifications
from bayes_sloth.comparing.units import UNITS as KINDS
from bayes_sloth.comparing.units import folds_of, units_of
from bayes_sloth.design import make_design
from bayes_sloth.errors import InputError
from bayes_sloth.health import Health
from bayes_sloth.priors import priors_table
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, load_scores
from bayes_sloth.specification import Specification

UNITS = 40


def test_specifications_are_read_from_text():
    found = read_specifications(
        ["default", "skills=3,link=logistic", "wide:link_shape.sigma=1.2", "pca,skills=3"]
    )
    assert found["default"] == Specification()
    assert found["skills=3,link=logistic"] == Specification(skills=3, link="logistic")
    assert found["wide"] == Specification(priors={"link_shape": {"sigma": 1.2}})
    assert found["pca,skills=3"].skills == 3
    assert not found["pca,skills=3"].deviations
    assert read_specification("family_slopes=true")[1].family_slopes is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flpos", "did you mean 'flops'"),
        ("skills=two", "whole number"),
        ("skills=-1", "whole number"),
        ("rank=3", "unknown choice rank"),
        ("link=probit", "not one of generalised, logistic"),
        ("family_slopes=maybe", "neither true nor false"),
        ("link_shape.width=1", "has mu, sigma"),
        ("link_shape.sigma=-1", "give a positive number"),
        ("slope.sigma=1", "there is no prior 'slope'"),
        ("flops,family_slopes=true", "translog"),
        ("skills=0,deviations=false", "nothing but deviations"),
    ],
)
def test_bad_specifications_are_refused(text: str, says: str):
    with pytest.raises(InputError, match=says):
        read_specification(text)
    result = CliRunner().invoke(main, ["compare", "default", text])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_an_interrupted_run_needs_a_folder(small_scores: Scores, tmp_path: Path):
    mine = tmp_path / "scores.csv"
    mine.write_text("mine")
    named = read_specifications(["flops", "size-tokens"])
    with pytest.raises(InputError, match="it is a file"):
        comparing.compare(named, small_scores, folder=mine)
    assert mine.read_text() == "mine"


def test_specifications_given_twice_or_alone_are_refused():
    with pytest.raises(InputError, match="'skills=2' is the same model as 'default'"):
        read_specifications(["default", "skills=2"])
    with pytest.raises(InputError, match="given twice"):
        read_specifications(["default", "default"])
    result = CliRunner().invoke(main, ["compare", "default"])
    assert result.exit_code == 2
    assert "at least two" in result.stderr


@pytest.mark.parametrize("name", list(NAMED))
def test_specifications_survive_json(name: str):
    _, specification = read_specification(f"{name},model_scale.sigma=0.5")
    assert Specification.from_json(specification.to_json()) == specification
    assert hash(specification) == hash(Specification.from_json(specification.to_json()))


def test_specifications_of_older_fits_are_read():
    older = '{"skills": 3, "link": "logistic", "family_slopes": true}'
    expected = Specification(skills=3, link="logistic", family_slopes=True)
    assert Specification.from_json(older) == expected


def test_priors_table_shows_what_is_overridden():
    table = priors_table(Specification(priors={"link_shape": {"sigma": 1.2}}))
    assert table.at["link_shape", "prior"] == "Normal(mu=0, sigma=1.2)"
    assert priors_table().at["link_shape", "prior"] == "Normal(mu=0, sigma=0.5)"


@pytest.fixture
def few(tmp_path: Path) -> Scores:
    """Return two lineages: a with two base models and a tuned one, b with one model."""
    (tmp_path / "few.csv").write_text(
        "model,variant,lineage,instruct,params_b,tokens_t,mmlu,gsm8k\n"
        "a-1,a,a,false,1,2,0.3,0.1\n"
        "a-7,a,a,false,7,2,0.5,\n"
        "a-7-chat,a-chat,a,true,7,2,0.5,0.4\n"
        "b-1,b,b,false,1,2,,0.2\n"
    )
    return load_scores(tmp_path / "few.csv")


def test_what_leaves_with_a_unit_and_what_stays(few: Scores):
    design = make_design(few)
    models = {unit.name: unit for unit in units_of(design, "model")}
    where = {n: u.models.iloc[0][["lineage_position", "deviation_position"]] for n, u in
             models.items()}  # fmt: skip
    assert list(where["a-1"]) == [0, -1]  # lineage and trunk stay
    assert list(where["a-7-chat"]) == [0, -2]  # the variant leaves with its only model
    assert list(where["b-1"]) == [-1, -1]  # so does the lineage
    families = {unit.name: unit for unit in units_of(design, "family")}
    assert list(families["a"].models["lineage_position"]) == [-1, -1, -1]
    assert list(families["a"].models["deviation_position"]) == [-1, -1, -2]
    for unit in ("score", "model", "family"):
        cells = np.concatenate([u.cells for u in units_of(design, unit)])
        assert sorted(cells) == [0, 1, 2, 4, 5, 7]
    assert units_of(design, "score")[2].name == "a-7, mmlu"
    with pytest.raises(InputError, match="not one of score, model, family"):
        units_of(design, "benchmark")


def conjugate(y: np.ndarray, prior_sd: float, seed: int = 1) -> xr.Dataset:
    """Return densities of scores N(theta, 1) at draws of theta from its exact posterior."""
    rng = np.random.default_rng(seed)
    precision = len(y) + prior_sd**-2
    theta = rng.normal(y.sum() / precision, precision**-0.5, size=(4, 1500))
    dims = ("chain", "draw")
    log_prior = stats.norm.logpdf(theta, 0, prior_sd)
    names = [f"unit {i}" for i in range(len(y))]
    return xr.Dataset(
        {
            "log_likelihood": ((*dims, "unit"), stats.norm.logpdf(y, theta[..., None], 1)),
            "log_prior": (("prior", *dims), log_prior[None]),
            "integration_error": ("unit", np.zeros(len(y))),
            "scores": ("unit", np.ones(len(y), dtype=int)),
        },
        coords={
            "unit": names, "prior": ["theta"], "chain": range(4), "draw": range(1500),
            "family": ("unit", ["even" if i % 2 == 0 else "odd" for i in range(len(y))]),
        },
    )  # fmt: skip


def exact(y: np.ndarray, prior_sd: float) -> np.ndarray:
    """Return the leave-one-out log densities of the same model in closed form."""
    precision = len(y) - 1 + prior_sd**-2
    return stats.norm.logpdf(y, (y.sum() - y) / precision, np.sqrt(1 + 1 / precision))


@pytest.fixture
def y() -> np.ndarray:
    z = np.random.default_rng(7).standard_normal(UNITS)
    return 0.6 + (z - z.mean()) / z.std()


@pytest.fixture
def found(y: np.ndarray) -> Comparison:
    """Return a comparison of a vague and a tight prior about zero, where the truth is 0.6."""
    densities = {"vague": conjugate(y, 10.0), "tight": conjugate(y, 0.1, seed=2)}
    pointwise = combine({name: pareto_smoothed(d) for name, d in densities.items()})
    health = Health(1.0, "", 1000, 1000, "", 0, 1.0, 0.0, 4, 1500)
    return Comparison(
        "family",
        pointwise,
        densities,
        {"vague": Specification(), "tight": Specification(skills=1)},
        {"vague": health, "tight": health},
    )


def test_leave_one_out_agrees_with_its_closed_form(found: Comparison, y: np.ndarray):
    for name, sd in (("vague", 10.0), ("tight", 0.1)):
        elpd = found.pointwise["elpd"].sel(specification=name)
        np.testing.assert_allclose(elpd, exact(y, sd), atol=0.02)


def test_table_ranks_by_elpd_with_higher_better(found: Comparison, y: np.ndarray):
    table, away = found.table(), exact(y, 0.1) - exact(y, 10.0)
    assert list(table.index) == ["vague", "tight"]
    assert list(table["rank"]) == [1, 2]
    assert table.at["vague", "elpd"] == pytest.approx(exact(y, 10.0).sum(), abs=0.1)
    assert table.at["tight", "elpd_diff"] == pytest.approx(away.sum(), abs=0.1)
    assert table.at["tight", "dse"] == pytest.approx(np.sqrt(UNITS) * away.std(), rel=0.02)
    assert table.at["vague", "p_loo"] == pytest.approx(1, abs=0.3)  # one parameter
    assert table["stacking"].sum() == pytest.approx(1, abs=1e-6)
    assert table["pseudo_bma"].sum() == pytest.approx(1)
    assert "higher elpd is better" in repr(found)


def test_stacking_weighs_models_by_the_best_mixture():
    """Two models, each right on some units: the weights of a coin's maximum likelihood."""
    share, high, low = 0.7, np.log(0.9), np.log(0.1)
    right = np.arange(100) < share * 100
    elpd = np.array([np.where(right, high, low), np.where(right, low, high)])
    dims, names = ("specification", "unit"), {"specification": ["a", "b"]}
    arrays = {"elpd": elpd, "lppd": elpd, "pareto_k": 0 * elpd, "refitted": elpd > 1}
    pointwise = xr.Dataset({n: (dims, v) for n, v in arrays.items()}, names, {"good_k": 0.7})
    # w solves 0.9 w + 0.1 (1 - w) = share: the mixture's probability of being right
    table = comparison_table(pointwise)
    assert table.at["a", "stacking"] == pytest.approx((share - 0.1) / 0.8, abs=0.01)


def test_exact_refits_take_the_place_of_importance_sampling(found: Comparison):
    bad = found.pointwise.copy(deep=True)
    bad["pareto_k"].loc[{"specification": "tight", "unit": ["unit 3", "unit 5"]}] = 0.9
    assert units_to_refit(bad, "high") == {"vague": [], "tight": ["unit 3", "unit 5"]}
    assert len(units_to_refit(bad, "all")["vague"]) == UNITS
    assert units_to_refit(bad, "none") == {"vague": [], "tight": []}
    assert comparison_table(bad).at["tight", "high_k"] == 2
    done = with_refits(
        bad, {"tight": [{"unit": "unit 3", "elpd": -9.0, "error": 0.1, "rhat": 1.0}]}
    )
    table = comparison_table(done)
    assert (table.at["tight", "high_k"], table.at["tight", "refitted"]) == (1, 1)
    before = float(bad["elpd"].sel(specification="tight", unit="unit 3"))
    change = table.at["tight", "elpd"] - comparison_table(bad).at["tight", "elpd"]
    assert change == pytest.approx(-9.0 - before)


@pytest.mark.parametrize("unit", KINDS)
def test_folds_leave_each_unit_out_once(small_scores: Scores, unit: str):
    design = make_design(small_scores)
    names = [u.name for u in units_of(design, unit)]
    folds = folds_of(design, unit, 3)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert max(map(len, folds)) - min(map(len, folds)) <= 1
    with pytest.raises(InputError, match="give from 2"):
        folds_of(design, unit, len(names) + 1)


def test_too_many_folds_are_refused_before_anything_is_fitted(small_scores: Scores):
    named = read_specifications(["flops", "size-tokens"])
    with pytest.raises(InputError, match="999 folds of"):
        comparing.compare(named, small_scores, "family", refits="folds", folds=999)


def test_siblings_are_left_out_in_different_folds(small_scores: Scores):
    folds = folds_of(make_design(small_scores), "model", 4)
    opt = small_scores.models.index[small_scores.models["lineage"] == "opt"]
    assert max(len(set(fold) & set(opt)) for fold in folds) <= -(-len(opt) // 4)


def test_units_that_were_not_refitted_are_said_loudly(found: Comparison):
    found.pointwise["pareto_k"].loc[{"specification": "vague", "unit": "unit 0"}] = 1.2
    assert any("1 of 40 units" in text and "NOT refitted" in text for text in found.warnings())


def test_other_scores_cannot_be_compared(y: np.ndarray):
    parts = {"all": pareto_smoothed(conjugate(y, 1)), "some": pareto_smoothed(conjugate(y[1:], 1))}
    with pytest.raises(InputError, match="other scores"):
        combine(parts)


def test_a_comparison_survives_its_file(found: Comparison, tmp_path: Path):
    again = load_comparison(found.save(tmp_path / "comparison.nc"))
    pd.testing.assert_frame_equal(again.table(), found.table())
    pd.testing.assert_frame_equal(again.sensitivity("prior"), found.sensitivity("prior"))
    assert again.specifications == found.specifications
    assert len(json.dumps(again.to_dict(), allow_nan=False)) > 1000
    with pytest.raises(InputError, match="no fits"):
        again.ensemble()
    with pytest.raises(InputError, match="there is no fit"):
        load_comparison(tmp_path / "none.nc")


def test_without_a_family_its_units_are_gone(found: Comparison, y: np.ndarray):
    away = exact(y, 0.1) - exact(y, 10.0)
    odd = np.arange(UNITS) % 2 == 1
    table = Comparison(
        "model", found.pointwise, found.densities, found.specifications, found.health
    ).sensitivity("family")["elpd_diff"]
    assert table["nothing", "tight"] == pytest.approx(away.sum(), abs=0.1)
    assert table["without odd", "tight"] == pytest.approx(away[~odd].sum(), abs=0.1)
    with pytest.raises(InputError, match="needs unit score"):
        found.sensitivity("benchmark")


def test_power_scaled_priors_agree_with_their_closed_form(found: Comparison, y: np.ndarray):
    """A normal prior to a power is a normal prior of another width."""
    table = found.sensitivity("prior")
    for power in (0.8, 1.25):
        row = table.loc[(f"theta prior to the power {power:g}", "tight")]
        away = exact(y, 0.1 / np.sqrt(power)) - exact(y, 10.0)
        assert row["elpd_diff"] == pytest.approx(away.sum(), abs=0.15)
        assert row["pareto_k"] < 0.7


@pytest.mark.slow
def test_a_comparison_is_computed_once_and_goes_on(
    small_scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = read_specifications(["flops", "size-tokens"])
    quick = Sampling(chains=2, tune=200, draws=100)
    asked = {"sampling": quick, "refit_sampling": quick, "folder": tmp_path, "progress": False}
    first = comparing.compare(named, small_scores, "family", refits="none", **asked)
    assert set(first.pointwise["unit"].to_numpy()) == set(small_scores.models["lineage"])
    # one unit of one specification refitted, as if it alone had a high k
    one = {"flops": ["opt"], "size-tokens": []}
    monkeypatch.setattr(comparing, "units_to_refit", lambda *_: one)
    refitted = comparing.compare(named, small_scores, "family", **asked)
    value = refitted.pointwise.sel(specification="flops", unit="opt")
    assert bool(value["refitted"])
    gap = abs(float(value["refit_elpd"] - value["psis_elpd"]))
    assert gap < 1 + 4 * float(value["refit_error"])

    folds = comparing.compare(named, small_scores, "family", refits="folds", folds=2, **asked)
    assert bool(folds.pointwise["refitted"].all())
    assert (
        len(set(folds.pointwise["refit_elpd"].to_numpy().ravel())) == folds.pointwise["elpd"].size
    )

    def fail(*_, **__):
        raise AssertionError("sampled again")

    monkeypatch.setattr("bayes_sloth.sampling.sample", fail)
    again = comparing.compare(named, small_scores, "family", **asked)
    pd.testing.assert_frame_equal(again.table(), refitted.table())
    kept = comparing.compare(named, small_scores, "family", refits="folds", folds=2, **asked)
    pd.testing.assert_frame_equal(kept.table(), folds.table())
