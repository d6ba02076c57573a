"""Plain laws are corners of the model whose fits do all that a fit does; so do ensembles."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner

from bayes_sloth.checking import check
from bayes_sloth.cli import main
from bayes_sloth.comparing.ensemble import Ensemble, load_ensemble, load_fit_or_ensemble
from bayes_sloth.comparing.specifications import read_specification
from bayes_sloth.design import covariates, make_design
from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit, assemble, load_fit
from bayes_sloth.forecasting import forecast
from bayes_sloth.interpreting import skills
from bayes_sloth.model import build_model, observed_cells, sample_prior
from bayes_sloth.predictor import curve_of, fitted_predictor, stacked
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores
from bayes_sloth.specification import Specification

ASKED = {"family": "qwen2", "params_b": 32, "tokens_t": 7}


def drawn_fit(scores: Scores, specification: Specification, draws: int = 60) -> Fit:
    """Return a fit whose draws come from the prior: what is done with it can be tested."""
    design, rng = make_design(scores), np.random.default_rng(1)
    prior = sample_prior(design, specification, draws=2 * draws)["prior"].to_dataset()
    halves = [prior.isel(chain=0, draw=slice(i * draws, (i + 1) * draws)) for i in (0, 1)]
    posterior = xr.concat([h.assign_coords(draw=range(draws)) for h in halves], dim="chain")
    posterior = posterior.assign_coords(chain=[0, 1]).transpose("chain", "draw", ...)
    dims = ("chain", "draw")
    stats = {name: (dims, rng.standard_normal((2, draws))) for name in ("energy", "logp")}
    stats["diverging"] = (dims, np.zeros((2, draws), dtype=bool))
    tree = xr.DataTree.from_dict({"/posterior": posterior, "/sample_stats": xr.Dataset(stats)})
    return assemble(tree, design, specification, Sampling(chains=2, draws=draws))


@pytest.mark.parametrize("name", ["flops", "pca", "noise=normal"])
def test_corners_have_a_finite_density(small_scores: Scores, name: str):
    specification = read_specification(name)[1]
    model = build_model(make_design(small_scores), specification)
    rng = np.random.default_rng(1)
    start = model.initial_point()
    point = {k: value + 0.1 * rng.standard_normal(value.shape) for k, value in start.items()}
    assert np.isfinite(list(model.point_logps(point).values())).all()
    assert ("loadings" in model.named_vars) == bool(specification.skills)
    assert ("specific_sd" in model.named_vars) == specification.deviations


def test_under_flops_equal_compute_is_equal_growth(small_scores: Scores):
    """Without skills or deviations of variants, twice the size and half the tokens are the same."""
    design, benchmarks = make_design(small_scores), len(small_scores.benchmarks)
    rng = np.random.default_rng(2)
    dims = ("chain", "draw", "covariate", "benchmark")
    posterior = xr.Dataset(
        {
            "growth": (dims, rng.normal(0.6, 0.2, (1, 4, 3, benchmarks))),
            "intercept": (("chain", "draw", "benchmark"), rng.normal(0, 1, (1, 4, benchmarks))),
            "lineage_level": (
                ("chain", "draw", "lineage", "benchmark"),
                rng.normal(0, 1, (1, 4, len(design.lineages), benchmarks)),
            ),
        },
        coords={"covariate": ["flops", "tuned", "tuned_flops"]},
    )
    draws = stacked(posterior)
    x = covariates(np.array([7, 14, 70]), np.array([2, 1, 2]), np.zeros(3))
    trunk = {"lineage_of_model": np.zeros(3, int), "deviation_of_model": np.full(3, -1)}
    eta = fitted_predictor(draws, replace(design, x=x, **trunk))
    np.testing.assert_allclose(eta[:, 0], eta[:, 1])
    # ten times the size is ten times the compute
    growth = posterior["growth"].to_numpy()[0, :, 0]
    np.testing.assert_allclose(eta[:, 2] - eta[:, 0], growth)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flops", "pca", "noise=normal,link_shape.sigma=0.2"])
def test_corners_do_what_a_fit_does(small_scores: Scores, name: str, tmp_path: Path):
    fit = drawn_fit(small_scores, read_specification(name)[1])
    again = load_fit(fit.save(tmp_path / "corner.nc"))
    assert again.specification == fit.specification
    _agrees_with_its_model(again)
    for family in ("qwen2", "a family nobody has seen"):
        table = forecast(again, **ASKED | {"family": family}).table()
        assert table.notna().all(axis=None)
        assert ((table["lower90"] <= table["median"]) & (table["median"] <= 1)).all()
    known = forecast(again, **ASKED | {"family": "new"}, observed={"mmlu": 0.6})
    assert known.quality["new"].scores == 1
    if not name.startswith("noise"):  # to draws of that prior many scores are impossible
        found = check(again)
        assert found.verdict
        assert len(found.table())
    if name != "noise=normal,link_shape.sigma=0.2":
        with pytest.raises(InputError, match="needs skills"):
            skills(again)
    broken = again.tree.copy()
    broken["posterior"] = broken["posterior"].to_dataset().drop_vars("growth")
    broken.to_netcdf(tmp_path / "broken.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="not a complete fit"):
        load_fit(tmp_path / "broken.nc")


def _agrees_with_its_model(fit: Fit) -> None:
    """Assert that the NumPy twin has the log likelihood of the PyMC model."""
    with build_model(fit.design, fit.specification):
        theirs = pm.compute_log_likelihood(
            fit.tree.copy(), progressbar=False, extend_inferencedata=False
        )
    draws, design = stacked(fit.posterior), fit.design
    curve = curve_of(draws, design)
    cells = observed_cells(design, fit.scores.values.to_numpy())
    mu, sigma = curve.location_and_scale(fitted_predictor(draws, design))
    from scipy import stats

    flat = (len(mu), -1)
    ours = stats.t.logpdf(
        cells["known_score"],
        df=draws["dof"][:, None],
        loc=mu.reshape(flat)[:, cells["cell"]],
        scale=sigma.reshape(flat)[:, cells["cell"]],
    )
    expected = theirs["score"].to_numpy().reshape(ours.shape)
    conceivable = expected > -1e4  # further out even a billion degrees of freedom are not normal
    np.testing.assert_allclose(expected[conceivable], ours[conceivable], rtol=1e-3)


def shifted(fit: Fit, by: float) -> Fit:
    """Return the fit with every level moved."""
    posterior = fit.posterior
    moved = posterior.assign(lineage_level=posterior["lineage_level"] + by)
    tree = fit.tree.copy()
    tree["posterior"] = xr.DataTree(moved)
    return replace(fit, tree=tree)


def test_an_ensemble_of_one_is_that_fit(small_fit: Fit):
    alone = Ensemble.of({"a": small_fit, "b": shifted(small_fit, 1.0)}, {"a": 2.0, "b": 0.0})
    assert list(alone.members) == ["a"]
    pd.testing.assert_frame_equal(
        forecast(alone, **ASKED).table(), forecast(small_fit, **ASKED).table()
    )


def test_an_ensemble_forecasts_the_mixture(small_fit: Fit, tmp_path: Path):
    members = {"low": shifted(small_fit, -0.5), "high": shifted(small_fit, 0.5)}
    made = Ensemble.of(members, {"low": 1.0, "high": 3.0})
    assert made.weights == {"low": 0.25, "high": 0.75}
    mixed = forecast(made, **ASKED)
    low, high = (forecast(fit, **ASKED) for fit in members.values())
    expected = 0.25 * low.table()["mean"] + 0.75 * high.table()["mean"]
    np.testing.assert_allclose(mixed.table()["mean"], expected, atol=0.02)
    assert mixed.draws.sizes == low.draws.sizes
    within = 0.25 * low.table()["sd"] ** 2 + 0.75 * high.table()["sd"] ** 2
    between = 0.25 * 0.75 * (high.table()["mean"] - low.table()["mean"]) ** 2
    np.testing.assert_allclose(mixed.table()["sd"] ** 2, within + between, rtol=0.25)


def test_an_ensemble_survives_its_file(small_fit: Fit, tmp_path: Path):
    made = Ensemble.of({"a=1": small_fit, "b": shifted(small_fit, 0.3)}, {"a=1": 0.4, "b": 0.6})
    path = made.save(tmp_path / "both.nc")
    again = load_ensemble(path)
    assert again.weights == pytest.approx(made.weights)
    pd.testing.assert_frame_equal(forecast(again, **ASKED).table(), forecast(made, **ASKED).table())
    assert isinstance(load_fit_or_ensemble(path), Ensemble)
    with pytest.raises(InputError, match="not a complete fit"):
        load_fit(path)
    with pytest.raises(InputError, match="not an ensemble"):
        load_ensemble(small_fit.save(tmp_path / "one.nc"))
    result = CliRunner().invoke(
        main, ["forecast", "--fit", str(path), "--family", "qwen2", "--params", "32",
               "--tokens", "7", "--json", "--plot", str(tmp_path / "both.png")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (tmp_path / "both.png").stat().st_size > 1000


def test_ensembles_refuse_bad_weights(small_fit: Fit):
    for weights, says in (({"a": -1.0}, "negative"), ({"a": 0.0}, "positive"), ({"z": 1.0}, "'z'")):
        with pytest.raises(InputError, match=says):
            Ensemble.of({"a": small_fit}, weights)


@pytest.mark.slow
def test_an_ensemble_is_checked_member_by_member(small_fit: Fit):
    made = Ensemble.of({"a": small_fit, "b": shifted(small_fit, 0.3)}, {"a": 1.0, "b": 1.0})
    found = check(made)
    assert set(found.table().index.unique("member")) == {"a", "b"}
    assert small_fit.health.sentence() in found.verdict  # said once: both have it
    assert set(found.to_dict()["members"]) == {"a", "b"}
