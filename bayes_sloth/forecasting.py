"""Forecast the scores of models that nobody has evaluated, from a fit: NumPy only, no compiling."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.asked import (
    SIZE,
    asked_models,
    check_sizes,
    chosen_benchmarks,
    place,
    size_warnings,
)
from bayes_sloth.conditioning import Quality, condition, observed_cells, repeated
from bayes_sloth.design import Design
from bayes_sloth.draws import QUANTILES, quantiles
from bayes_sloth.observed import read_observed
from bayes_sloth.predictor import (
    POSITIONS,
    Draws,
    curve_of,
    families,
    family_prior,
    fitted_predictor,
    stacked,
)
from bayes_sloth.results import plain

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.comparing.ensemble import Ensemble
    from bayes_sloth.fitting import Fit

LARGEST = 40_000_000  # numbers in an array of draws; with more models, fewer draws of each


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
    observed : DataFrame, optional
        Models by benchmarks: the scores conditioned on, NaN where unknown. The draws of an observed
        score are of a repeated run: the same model, other questions and another protocol.
    quality : dict of str to Quality
        By the first model of each family with observed scores: how good the conditioning is.
    sizes : Dataset, optional
        Draws of ``params_b`` and ``tokens_t`` where they are not known, with dims ``sample`` and
        ``model``: what a model of the family would need for such scores.
    """

    models: pd.DataFrame
    draws: xr.DataArray
    warnings: tuple[str, ...] = ()
    observed: pd.DataFrame | None = None
    quality: dict[str, Quality] = field(default_factory=dict)
    sizes: xr.Dataset | None = None

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

    def size_table(self) -> pd.DataFrame:
        """Return median and equal-tailed intervals of the sizes and tokens that are not known."""
        if self.sizes is None:
            return pd.DataFrame(columns=["quantity", *QUANTILES])
        rows = []
        for name in ("params_b", "tokens_t"):
            for model in self.models.index[self.models[name].isna()]:
                draws = self.sizes[name].sel(model=model).to_numpy()
                rows.append((model, name, *quantiles(draws).values()))
        return pd.DataFrame(rows, columns=["model", "quantity", *QUANTILES]).set_index("model")

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the forecast of one model as plain values; the first one by default."""
        name = self.models.index[0] if model is None else model
        rows = self.table().loc[name].reset_index().to_dict("records")
        inputs: dict[Any, Any] = self.models.loc[[name]].to_dict("records")[0]
        known = {} if self.observed is None else self.observed.loc[name].dropna().to_dict()
        answer: dict[str, Any] = {
            "model": {
                "name": str(name),
                "family": str(inputs["family"]),
                "params_b": plain(inputs["params_b"]),
                "tokens_t": plain(inputs["tokens_t"]),
                "instruct": bool(inputs["instruct"]),
                "family_status": str(inputs["family_status"]),
            },
            "forecasts": [{**row, "observed": known.get(row["benchmark"])} for row in rows],
            "warnings": list(self.warnings),
        }
        if self.quality:
            answer["conditioning"] = {k: q.to_dict() for k, q in self.quality.items()}
        sizes = self.size_table()
        if name in sizes.index:
            answer["effective_size"] = sizes.loc[[name]].set_index("quantity").to_dict("index")
        return answer

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
    fit: Fit | Ensemble,
    models: pd.DataFrame | None = None,
    *,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
    observed: Mapping[str, float] | pd.DataFrame | None = None,
    benchmarks: Iterable[str] | None = None,
    seed: int = 1,
) -> Forecast:
    """Forecast scores of models.

    Parameters
    ----------
    fit : Fit or Ensemble
    models : DataFrame, optional
        Several models: columns ``family``, ``params_b``, ``tokens_t`` and optionally ``instruct``,
        indexed by a name if wished. Instead of the next four. A model with observed scores may
        lack size, tokens, or both.
    family : str, optional
        A variant or a lineage by name (a variant wins where both exist). Any other name is a
        family nobody has seen: its effects come from the population of families.
    params_b, tokens_t : float or sequence of float, optional
        Parameters in billions, training tokens in trillions; a sequence gives a curve.
    instruct : bool
        Whether the model is tuned to follow instructions. The name of a tuned variant says so by
        itself.
    observed : mapping or DataFrame, optional
        Scores that are known already, in [0, 1]: of the one model, by benchmark; or a table with
        a row for each of the `models` by name and a column for each benchmark, NaN where unknown.
        The fit is conditioned on them without fitting again (`bayes_sloth.conditioning`); what
        they say of a family reaches its other models, not other families.
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
    from bayes_sloth.comparing.ensemble import Ensemble

    if isinstance(fit, Ensemble):
        one = {"family": family, "params_b": params_b, "tokens_t": tokens_t, "instruct": instruct}
        how = {"observed": observed, "benchmarks": benchmarks, "seed": seed}
        return fit.forecast(models, **one, **how)
    asked = asked_models(models, family, params_b, tokens_t, instruct)
    known = read_observed(observed, asked.index, fit.scores.benchmarks.index)
    check_sizes(asked, known)
    placed = place(fit, asked)
    chosen = chosen_benchmarks(fit, benchmarks)
    rng = np.random.default_rng(seed)
    posterior = thinned(stacked(fit.posterior), known.size)
    scores, sizes, quality = _draw(posterior, fit.design, placed, known.to_numpy(), rng)
    coords = {"model": placed.index.to_numpy()}
    names = {"benchmark": fit.scores.benchmarks.index.to_numpy()}
    import xarray as xr

    draws = xr.DataArray(scores, dims=("sample", "model", "benchmark"), coords=coords | names)
    size_draws = xr.Dataset(
        {name: (("sample", "model"), sizes[..., i]) for i, name in enumerate(SIZE)}, coords
    )
    return Forecast(
        placed.drop(columns=POSITIONS),
        draws.sel(benchmark=chosen),
        size_warnings(fit, placed) + tuple(q.sentence() for q in quality.values() if not q.passed),
        known if known.notna().to_numpy().any() else None,
        quality,
        size_draws if placed[list(SIZE)].isna().to_numpy().any() else None,
    )


def _draw(
    posterior: Draws,
    design: Design,
    placed: pd.DataFrame,
    known: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, dict[str, Quality]]:
    """Return draws of scores and sizes, family by family, and the quality of the conditioning."""
    shape = (len(posterior["dof"]), len(placed))
    scores, sizes = np.empty((*shape, known.shape[1])), np.empty((*shape, 2))
    quality, curve = {}, curve_of(posterior, design)
    for rows in families(placed):
        family = family_prior(posterior, design, placed.iloc[rows], rng)
        own = curve
        if np.isnan(known[rows]).all():
            coordinates = family.draw(rng)
        else:
            given = condition(family, observed_cells(known[rows], curve), rng)
            family, own = family.take(given.chosen), curve.take(given.chosen)
            coordinates = given.coordinates
            quality[str(placed.index[rows[0]])] = given.quality
        mu, sigma = own.location_and_scale(family.predictor(coordinates))
        noise = rng.standard_t(own.dof[:, None, None], size=mu.shape)
        scores[:, rows] = mu + sigma * noise
        again = ~np.isnan(known[rows])
        if again.any():
            scores[:, rows] = np.where(
                again, repeated(known[rows], mu, sigma, own, rng), scores[:, rows]
            )
        sizes[:, rows] = family.sizes(coordinates)
    return np.clip(scores, 0, 1), sizes, quality


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
    placed, posterior = place(fit, models), _draws(fit, rows)
    check_sizes(placed, pd.DataFrame(index=placed.index))
    rng, eta = (
        np.random.default_rng(seed),
        np.empty((len(rows), len(placed), len(fit.design.items))),
    )
    for members in families(placed):
        family = family_prior(posterior, fit.design, placed.iloc[members], rng)
        eta[:, members] = family.predictor(family.draw(rng))
    return placed.drop(columns=POSITIONS), eta, size_warnings(fit, placed)


def known_predictor(fit: Fit, models: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """Return the linear predictor of models in the fit, of shape (sample, model, benchmark)."""
    places = fit.design.scores.models.index.get_indexer(pd.Index(models))
    return fitted_predictor(_draws(fit, rows), fit.design, places)


def _draws(fit: Fit, rows: np.ndarray) -> Draws:
    return {name: array[rows] for name, array in stacked(fit.posterior).items()}


def scores_from(fit: Fit, eta: np.ndarray, rows: np.ndarray, *, seed: int = 1) -> np.ndarray:
    """Draw scores given linear predictors, of the shape of `eta`; noise and residuals vary."""
    posterior = _draws(fit, rows)
    mu, sigma = curve_of(posterior, fit.design).location_and_scale(eta)
    noise = np.random.default_rng(seed).standard_t(posterior["dof"][:, None, None], size=mu.shape)
    return np.clip(mu + sigma * noise, 0, 1)


def expected_scores(posterior: xr.Dataset, design: Design) -> xr.DataArray:
    """Return the expected scores of the fitted models, with dims chain, draw, model, benchmark."""
    import xarray as xr

    draws = stacked(posterior)
    eta = fitted_predictor(draws, design)
    mu = curve_of(draws, design).expected(eta)
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
    draws = stacked(posterior)
    eta = fitted_predictor(draws, design, rows)
    mu, sigma = curve_of(draws, design).location_and_scale(eta)
    dof = draws["dof"][:, None, None, None]
    noise = np.random.default_rng(seed).standard_t(dof, size=(len(mu), repeats, *mu.shape[1:]))
    scores = np.clip(mu[:, None] + sigma[:, None] * noise, 0, 1)
    return scores.reshape(posterior.sizes["chain"], -1, *scores.shape[1:])


def thinned(posterior: Draws, cells: int) -> Draws:
    """Return evenly spaced draws, so few that an array of them for all cells fits in memory."""
    samples = len(posterior["dof"])
    kept = min(samples, max(LARGEST // cells, 200))
    if kept == samples:
        return posterior
    chosen = np.linspace(0, samples - 1, kept).astype(int)
    return {name: values[chosen] for name, values in posterior.items()}
