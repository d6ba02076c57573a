"""Forecast the scores of models that nobody has evaluated, from a fit: NumPy only, no compiling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth import link
from bayes_sloth.design import Design, covariates, typical_level
from bayes_sloth.errors import InputError
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.fitting import Fit

QUANTILES = {"lower90": 0.05, "lower50": 0.25, "median": 0.5, "upper50": 0.75, "upper90": 0.95}
FAR = 0.3  # tenfolds beyond the data (a factor of two) that call for a warning


@dataclass(frozen=True, eq=False, repr=False)
class Forecast:
    """Posterior predictive draws of models' scores.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: family, params_b, tokens_t, instruct, and ``family_status``: *seen*
        (a variant in the data), *lineage* (a new variant of a known lineage) or *unseen*.
    draws : DataArray
        Scores with dims ``sample``, ``model``, ``benchmark``, in [0, 1]: parameters, family, the
        model's own residual and the benchmark's sampling noise all vary.
    warnings : tuple of str
        What to know before trusting the numbers.
    """

    models: pd.DataFrame
    draws: xr.DataArray
    warnings: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> xr.Dataset:
        """Mean, median, sd and equal-tailed 50 and 90 % intervals, by model and benchmark."""
        quantiles = self.draws.quantile(list(QUANTILES.values()), dim="sample")
        named = {name: quantiles.isel(quantile=i, drop=True) for i, name in enumerate(QUANTILES)}
        moments = {"mean": self.draws.mean("sample"), "sd": self.draws.std("sample")}
        import xarray as xr

        return xr.Dataset(moments | named)

    def table(self) -> pd.DataFrame:
        """Return one row for each model and benchmark, scores in [0, 1]."""
        columns = ["mean", "median", "sd", "lower50", "upper50", "lower90", "upper90"]
        return self.summary.to_dataframe()[columns]

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the forecast of one model as plain values; the first one by default."""
        name = self.models.index[0] if model is None else model
        rows = self.table().loc[name].reset_index().to_dict("records")
        inputs: dict[Any, Any] = self.models.loc[[name]].to_dict("records")[0]
        return {
            "model": {
                "name": str(name),
                "family": str(inputs["family"]),
                "params_b": float(inputs["params_b"]),
                "tokens_t": float(inputs["tokens_t"]),
                "instruct": bool(inputs["instruct"]),
                "family_status": str(inputs["family_status"]),
            },
            "forecasts": [{**row, "observed": None} for row in rows],
            "warnings": list(self.warnings),
        }

    def to_json(self, model: str | None = None) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(model), indent=2)

    def __repr__(self) -> str:
        lines = [f"Forecast of {len(self.models)} model(s), 90 % intervals"]
        return "\n".join([*lines, self.table().round(3).to_string(), *self.warnings])

    def _repr_html_(self) -> str:
        warnings = "".join(f"<li>{escape(text)}</li>" for text in self.warnings)
        return f"{self.models.to_html()}{self.table().round(3).to_html()}<ul>{warnings}</ul>"


def forecast(
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
    benchmarks: Iterable[str] | None = None,
    seed: int = 1,
) -> Forecast:
    """Forecast scores of models.

    Parameters
    ----------
    fit : Fit
    models : DataFrame, optional
        Several models: columns ``family``, ``params_b``, ``tokens_t`` and optionally ``instruct``,
        indexed by a name if wished. Instead of the next four.
    family : str, optional
        A variant or a lineage by name (a variant wins where both exist). Any other name is a
        family nobody has seen: its effects come from the population of families.
    params_b, tokens_t : float or sequence of float, optional
        Parameters in billions, training tokens in trillions; a sequence gives a curve.
    instruct : bool
        Whether the model is tuned to follow instructions. The name of a tuned variant says so by
        itself.
    benchmarks : iterable of str, optional
        All fitted ones by default.
    seed : int
        Of the predictive draws.

    Returns
    -------
    Forecast
        Models of one family share the draws of its effects, so differences between them are
        meaningful within a draw.
    """
    import xarray as xr

    asked = _asked(models, family, params_b, tokens_t, instruct)
    placed = _place(fit, asked)
    chosen = _benchmarks(fit, benchmarks)
    rng = np.random.default_rng(seed)
    posterior = _stacked(fit.posterior)
    eta = _linear_predictor(posterior, fit.design, placed, rng)
    mu, sigma = _location_and_scale(posterior, fit.design, eta)
    noise = rng.standard_t(posterior["dof"][:, None, None], size=mu.shape)
    draws = xr.DataArray(
        np.clip(mu + sigma * noise, 0, 1),
        dims=("sample", "model", "benchmark"),
        coords={
            "model": placed.index.to_numpy(),
            "benchmark": fit.scores.benchmarks.index.to_numpy(),
        },
    ).sel(benchmark=chosen)
    return Forecast(placed.drop(columns=_POSITIONS), draws, _warnings(fit, placed))


def asked_models(
    models: pd.DataFrame | None = None,
    *,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
) -> pd.DataFrame:
    """Return the models that `forecast` is asked for, as one validated table."""
    return _asked(models, family, params_b, tokens_t, instruct)


def hypothetical_predictor(
    fit: Fit, models: pd.DataFrame, rows: np.ndarray, *, seed: int = 1
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """Draw the linear predictors of hypothetical models, from draws of the fit that are named.

    Parameters
    ----------
    fit : Fit
    models : DataFrame
        As `asked_models` returns them.
    rows : array of int, shape (sample,)
        Draws of the fit, chain by chain; one may come many times, each time with new effects of
        what is new.
    seed : int

    Returns
    -------
    models : DataFrame
        With ``family_status``.
    eta : array of shape (sample, model, benchmark)
    warnings : tuple of str
    """
    placed = _place(fit, models)
    posterior = {name: array[rows] for name, array in _stacked(fit.posterior).items()}
    eta = _linear_predictor(posterior, fit.design, placed, np.random.default_rng(seed))
    return placed.drop(columns=_POSITIONS), eta, _warnings(fit, placed)


def known_predictor(fit: Fit, models: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Return the linear predictor of models in the fit, of shape (sample, model, benchmark)."""
    places = fit.design.scores.models.index.get_indexer(pd.Index(models))
    posterior = {name: array[rows] for name, array in _stacked(fit.posterior).items()}
    return _fitted_predictor(posterior, fit.design, places)


def scores_from(fit: Fit, eta: np.ndarray, rows: np.ndarray, *, seed: int = 1) -> np.ndarray:
    """Draw scores given linear predictors, of the shape of `eta`; noise and residuals vary."""
    posterior = {name: array[rows] for name, array in _stacked(fit.posterior).items()}
    mu, sigma = _location_and_scale(posterior, fit.design, eta)
    noise = np.random.default_rng(seed).standard_t(posterior["dof"][:, None, None], size=mu.shape)
    return np.clip(mu + sigma * noise, 0, 1)


def expected_scores(posterior: xr.Dataset, design: Design) -> xr.DataArray:
    """Return the expected scores of the fitted models, with dims chain, draw, model, benchmark."""
    import xarray as xr

    stacked = _stacked(posterior)
    eta = _fitted_predictor(stacked, design)
    mu, _ = _location_and_scale(stacked, design, eta)
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], *mu.shape[1:])
    coords = {
        "model": design.scores.models.index.to_numpy(),
        "benchmark": design.scores.benchmarks.index.to_numpy(),
    }
    return xr.DataArray(
        mu.reshape(shape), dims=("chain", "draw", "model", "benchmark"), coords=coords
    )


def predict_fitted(
    posterior: xr.Dataset, design: Design, models: Sequence[str], *, repeats: int = 1, seed: int = 1
) -> np.ndarray:
    """Return predictive draws of models that are in the design, evaluated or not.

    A model whose scores were hidden from the fit is forecast as an unseen one.

    Parameters
    ----------
    posterior : Dataset
    design : Design
        With the scores that the fit has seen.
    models : sequence of str
    repeats : int
        Predictive draws from each draw of the parameters.
    seed : int

    Returns
    -------
    array of shape (chain, draw, repeat, model, benchmark)
    """
    rows = design.scores.models.index.get_indexer(pd.Index(models))
    stacked = _stacked(posterior)
    mu, sigma = _location_and_scale(stacked, design, _fitted_predictor(stacked, design, rows))
    dof = stacked["dof"][:, None, None, None]
    noise = np.random.default_rng(seed).standard_t(dof, size=(len(mu), repeats, *mu.shape[1:]))
    draws = np.clip(mu[:, None] + sigma[:, None] * noise, 0, 1)
    return draws.reshape(posterior.sizes["chain"], -1, *draws.shape[1:])


_POSITIONS = ["lineage_position", "deviation_position"]


def _stacked(posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the draws as arrays with chains and draws in one leading axis."""
    return {
        str(name): array.to_numpy().reshape(-1, *array.shape[2:])
        for name, array in posterior.transpose("chain", "draw", ...).data_vars.items()
    }


def _asked(
    models: pd.DataFrame | None,
    family: str | None,
    params_b: float | Sequence[float] | None,
    tokens_t: float | Sequence[float] | None,
    instruct: bool,
) -> pd.DataFrame:
    """Return the models asked for as one validated table."""
    if models is None:
        if family is None or params_b is None or tokens_t is None:
            raise InputError("a forecast needs family, params_b and tokens_t")
        size, tokens = np.broadcast_arrays(np.atleast_1d(params_b), np.atleast_1d(tokens_t))
        names = [f"{family}-{s:g}b" if len(size) > 1 else family for s in size]
        models = pd.DataFrame(
            {"family": family, "params_b": size, "tokens_t": tokens, "instruct": instruct},
            index=pd.Index(names, name="model"),
        )
    missing = {"family", "params_b", "tokens_t"} - set(models)
    if missing:
        raise InputError(f"models to forecast need column '{min(missing)}'")
    asked = models.assign(instruct=models.get("instruct", False)).rename_axis("model")
    if asked.empty:
        raise InputError("there is no model to forecast")
    for name, limit, unit in (("params_b", 20000, "billions"), ("tokens_t", 500, "trillions")):
        values = pd.to_numeric(asked[name], errors="coerce")
        wrong = ~(values.gt(0) & values.le(limit))
        if wrong.any():
            raise InputError(
                f"model '{asked.index[wrong][0]}', {name}, value '{asked[name][wrong].iloc[0]}': "
                f"give a positive number in {unit}, at most {limit}"
            )
        asked[name] = values.astype(float)
    if not asked.index.is_unique:
        asked.index = pd.Index([f"{n} ({i + 1})" for i, n in enumerate(asked.index)], name="model")
    return asked.astype({"instruct": bool})[["family", "params_b", "tokens_t", "instruct"]]


def _place(fit: Fit, asked: pd.DataFrame) -> pd.DataFrame:
    """Add where each model belongs: family status, lineage and deviation (-1: none, -2: new)."""
    design = fit.design
    variants = fit.scores.models.drop_duplicates("variant").set_index("variant")
    trunk_variants = set(design.variants) - set(design.deviating)
    rows = []
    for row in asked.itertuples():
        instruct = row.instruct
        if row.family in variants.index and (
            variants.at[row.family, "instruct"] or not row.instruct
        ):
            lineage = variants.at[row.family, "lineage"]
            instruct = variants.at[row.family, "instruct"]
            status = "seen"
            deviation = -1 if row.family in trunk_variants else design.deviating.get_loc(row.family)
        elif row.family in variants.index or row.family in design.lineages:
            known = row.family in design.lineages
            lineage = row.family if known else variants.at[row.family, "lineage"]
            status, deviation = "lineage", -2
        else:
            lineage, status, deviation = None, "unseen", -2 if row.instruct else -1
        position = -1 if lineage is None else design.lineages.get_loc(lineage)
        rows.append((bool(instruct), status, position, deviation))
    columns = ["instruct", "family_status", *_POSITIONS]
    return asked.assign(**pd.DataFrame(rows, index=asked.index, columns=columns))


def _benchmarks(fit: Fit, benchmarks: Iterable[str] | None) -> list[str]:
    known = fit.scores.benchmarks.index
    chosen = list(known if benchmarks is None else benchmarks)
    for name in chosen:
        if name not in known:
            raise InputError(
                f"benchmark '{name}' is not in the fit{nearest(name, known) or '; '}"
                f"{'' if nearest(name, known) else 'it has ' + ', '.join(known)}"
            )
    return chosen


def _linear_predictor(
    posterior: dict[str, np.ndarray],
    design: Design,
    placed: pd.DataFrame,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return eta of shape (sample, model, benchmark), effects of what is new drawn from the prior.

    A seen lineage keeps its level; a new one's is ``N(intercept + x G, Omega)``. A seen variant
    keeps its deviation; a new one's is ``N(0, ratio^2 L L' + diag(variant_sd^2))``.
    """
    x = covariates(*(placed[c].to_numpy() for c in ("params_b", "tokens_t", "instruct")))
    growth, n_samples = posterior["growth"], len(posterior["dof"])
    shared = posterior["loadings"] @ np.swapaxes(posterior["loadings"], 1, 2)
    between = _cholesky(shared, posterior["specific_sd"])
    among_variants = _cholesky(
        posterior["variant_ratio"][:, None, None] ** 2 * shared, posterior["variant_sd"]
    )

    def normal(factor: np.ndarray) -> np.ndarray:
        return np.einsum("sbc,sc->sb", factor, rng.standard_normal(factor.shape[:2]))

    eta = np.empty((n_samples, len(placed), growth.shape[-1]))
    for (_, position), rows in _groups(placed, ["family", "lineage_position"]):
        if position >= 0:
            level, centre = posterior["lineage_level"][:, position], design.centre[position]
            slope = _slope(posterior, position)
        else:
            level = posterior["intercept"] + normal(between)
            slope, centre = growth[:, 0], np.zeros(x.shape[1])
            if "slope_scale" in posterior:
                slope = slope + posterior["slope_scale"][:, None] * normal(between)
        away = x[rows] - centre
        eta[:, rows] = level[:, None] + away[:, 1:] @ growth[:, 1:]
        eta[:, rows] += away[:, :1] * slope[:, None]
    for (_, _, deviation), rows in _groups(placed, ["family", "instruct", "deviation_position"]):
        if deviation >= 0:
            eta[:, rows] += posterior["variant_deviation"][:, deviation, None]
        elif deviation == -2:
            eta[:, rows] += normal(among_variants)[:, None]
    own = rng.standard_normal((n_samples, len(placed), posterior["loadings"].shape[-1]))
    eta += posterior["model_scale"][:, None, None] * own @ np.swapaxes(posterior["loadings"], 1, 2)
    return eta


def _fitted_predictor(
    posterior: dict[str, np.ndarray], design: Design, rows: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """Return eta of fitted models, of shape (sample, model, benchmark)."""
    lineage = design.lineage_of_model[rows]
    away = design.x[rows] - design.centre[lineage]
    growth = posterior["growth"]
    eta = posterior["lineage_level"][:, lineage] + away[:, 1:] @ growth[:, 1:]
    slope = posterior.get("lineage_slope")
    eta += away[:, :1] * (growth[:, :1] if slope is None else slope[:, lineage])
    deviation = design.deviation_of_model[rows]
    if (deviation >= 0).any():
        eta[:, deviation >= 0] += posterior["variant_deviation"][:, deviation[deviation >= 0]]
    scale = posterior["model_scale"][:, None, None]
    skill = posterior["model_skill"][:, rows]
    return eta + scale * skill @ np.swapaxes(posterior["loadings"], 1, 2)


def _location_and_scale(
    posterior: dict[str, np.ndarray], design: Design, eta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return expected score and spread, of the shape of eta."""
    reference = typical_level(design.scores.values.to_numpy(float), design.chance)
    n_samples, n_benchmarks = len(eta), eta.shape[-1]
    ceiling = posterior.get("ceiling", np.ones((n_samples, n_benchmarks)))[:, None]
    shape = posterior.get("link_shape", np.zeros((n_samples, n_benchmarks)))[:, None]
    mu = link.expected(eta, design.chance, reference, ceiling, shape)
    sigma = link.spread(
        mu,
        design.chance,
        design.items,
        posterior["protocol_sd"][:, None],
        posterior["residual_sd"][:, None],
    )
    return mu, sigma


def _slope(posterior: dict[str, np.ndarray], position: int) -> np.ndarray:
    if "lineage_slope" in posterior:
        return posterior["lineage_slope"][:, position]
    return posterior["growth"][:, 0]


def _cholesky(shared: np.ndarray, specific_sd: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(shared + np.eye(shared.shape[-1]) * specific_sd[:, None] ** 2)


def _groups(placed: pd.DataFrame, by: list[str]) -> list[tuple[Any, np.ndarray]]:
    """Return keys and row positions of models that share an effect, in order of appearance."""
    return [
        (key, np.asarray(rows))
        for key, rows in placed.groupby(by, sort=False, dropna=False).indices.items()
    ]


def _warnings(fit: Fit, placed: pd.DataFrame) -> tuple[str, ...]:
    """Return what to know before trusting the forecast."""
    found = []
    if not fit.health.passed:
        found.append(fit.health.sentence())
    for row in placed.itertuples():
        if row.family_status == "unseen":
            hint = nearest(str(row.family), [*fit.design.variants, *fit.design.lineages])
            found.append(
                f"nobody has seen family '{row.family}': its effects are drawn from all families"
                f"{hint}"
            )
        elif row.family_status == "lineage":
            found.append(
                f"'{row.family}' is known as a lineage, not as "
                f"{'a tuned' if row.instruct else 'an untuned'} variant: the variant's own "
                "deviation is drawn from all variants"
            )
    for name, unit in (("params_b", "billion parameters"), ("tokens_t", "trillion tokens")):
        known = fit.scores.models[name]
        logs = np.log10(placed[name].to_numpy())
        outside = (logs > np.log10(known.max()) + 1e-9) | (logs < np.log10(known.min()) - 1e-9)
        if outside.any():
            found.append(
                f"{placed[name][outside].iloc[0]:g} {unit} lie outside the data "
                f"({known.min():g} to {known.max():g}): this is extrapolation"
            )
    found += _family_extrapolation(fit, placed)
    return tuple(dict.fromkeys(found))


def _family_extrapolation(fit: Fit, placed: pd.DataFrame) -> list[str]:
    found = []
    for row in placed[placed["lineage_position"] >= 0].itertuples():
        own = fit.scores.models[fit.design.lineage_of_model == row.lineage_position]
        for name, word, unit in (("params_b", "sizes", "B"), ("tokens_t", "tokens", "T")):
            value, low, high = getattr(row, name), own[name].min(), own[name].max()
            if value > high * 10**FAR or value < low / 10**FAR:
                found.append(
                    f"{value:g}{unit} is more than twice beyond the {word} known of the lineage "
                    f"of '{row.family}' ({low:g} to {high:g}{unit})"
                )
    return found
