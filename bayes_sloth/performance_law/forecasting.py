"""Forecast MMLU of models from their architecture, from a fit: NumPy only, no compiling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth import link
from bayes_sloth.asked import FAR
from bayes_sloth.draws import summary_of
from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.checks import check_architecture, dense_params_b, doubt_tokens
from bayes_sloth.performance_law.data import CHANCE, ITEMS, SHAPE, SOURCES, years_since_epoch
from bayes_sloth.performance_law.law import (
    REFERENCE,
    effective_size,
    linear_predictor,
    log_size,
    log_tokens,
    token_term,
)
from bayes_sloth.performance_law.priors import SIZE_OF_SHAPE_SD
from bayes_sloth.results import Result, plain

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

QUANTILES = {
    "lower90": 0.05,
    "lower80": 0.1,
    "lower50": 0.25,
    "median": 0.5,
    "upper50": 0.75,
    "upper80": 0.9,
    "upper90": 0.95,
}
COLUMNS = (*SHAPE, "params_b", "tokens_t")


def summarise(points: np.ndarray) -> dict[str, float]:
    """Return mean, median, sd and equal-tailed 50, 80 and 90 % intervals of draws."""
    return summary_of(points, QUANTILES)


@dataclass(frozen=True, eq=False, repr=False)
class LawForecast(Result):
    """Posterior predictive draws of models' MMLU.

    Attributes
    ----------
    models : DataFrame
        What was asked, indexed by ``model``.
    points : array of shape (sample, model)
        MMLU in percentage points, as one source would measure it: parameters, developer, lineage,
        the model's own departure from the law, the source and its items all vary.
    warnings : tuple of str
        What to know before trusting the numbers.
    """

    models: pd.DataFrame
    points: np.ndarray
    warnings: tuple[str, ...] = ()
    _digits = 1

    @cached_property
    def _table(self) -> pd.DataFrame:
        rows = [summarise(column) for column in self.points.T]
        return pd.DataFrame(rows, index=self.models.index)

    def table(self) -> pd.DataFrame:
        """Return mean, median, sd and equal-tailed intervals, in percentage points."""
        return self._table

    def to_dict(self, model: str | None = None) -> dict[str, Any]:
        """Return the forecast of one model as plain values; the first one by default."""
        name = self.models.index[0] if model is None else model
        values = self._table.loc[[name]].to_numpy(float)[0].tolist()
        row = dict(zip(map(str, self._table), values, strict=True))
        inputs: dict[Any, Any] = self.models.loc[[name]].to_dict("records")[0]
        return {
            "mmlu": row["median"],
            **row,
            "unit": "percentage points",
            "law": "bayesian",
            "model": {"name": str(name)} | {str(k): plain(v) for k, v in inputs.items()},
            "warnings": list(self.warnings),
        }

    def to_json(self, model: str | None = None) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(model), indent=2)

    def _title(self) -> str:
        return "Forecast of MMLU, percentage points"


def forecast(
    fit: LawFit,
    models: pd.DataFrame | None = None,
    *,
    source: str = "reported",
    seed: int = 1,
    **architecture: Any,
) -> LawForecast:
    """Forecast MMLU of models before they are trained.

    Parameters
    ----------
    fit : LawFit
    models : DataFrame, optional
        Several models by the columns below, instead of naming those of one.
    source : {"reported", "harness"}
        Whose measurement is forecast.
    seed : int
        Of the predictive draws.
    **architecture
        ``layers``, ``hidden``, ``ffn``; ``params_b`` (billions) and ``tokens_t`` (trillions), each
        NaN or None if unknown; and optionally ``active_params_b`` (a mixture of experts),
        ``release`` (a month such as ``2024-07``, the latest in the data by default),
        ``developer`` and ``lineage`` (those in the data have known effects, others' are drawn).

    Returns
    -------
    LawForecast
        Models of one developer or lineage share its draws.
    """
    if source not in SOURCES:
        raise InputError(f"source '{source}' is not one of {', '.join(SOURCES)}")
    asked = ask(fit, pd.DataFrame([architecture]) if models is None else models)
    rng = np.random.default_rng(seed)
    points = measured(fit, expected(fit, abilities(fit, asked, rng)), source, rng)
    return LawForecast(asked, 100 * points, warnings_of(fit, asked))


def forecast_over_tokens(
    fit: LawFit, *, source: str = "reported", seed: int = 1, **architecture: Any
) -> LawForecast:
    """Forecast one model at other numbers of training tokens: from a twentieth to three times.

    Parameters
    ----------
    fit, source, seed, **architecture
        As for `forecast`; ``tokens_t`` must be known.

    Returns
    -------
    LawForecast
        A row for each number of tokens.
    """
    planned = architecture["tokens_t"]
    tokens = planned * np.geomspace(1 / 20, 3, 40)
    models = pd.DataFrame([architecture] * len(tokens)).assign(
        tokens_t=tokens, name=[f"{t:g}T" for t in tokens]
    )
    return forecast(fit, models, source=source, seed=seed)


def ask(fit: LawFit, models: pd.DataFrame) -> pd.DataFrame:
    """Return the models asked for as one complete, checked table."""
    for name in COLUMNS:
        if name not in models:
            raise InputError(f"a forecast needs {name}; it has {', '.join(map(str, models))}")
    unknown = set(map(str, models)) - {
        *COLUMNS,
        "active_params_b",
        "release",
        "developer",
        "lineage",
        "name",
    }
    if unknown:
        raise InputError(f"a forecast does not know '{min(unknown)}'")
    asked = models.copy()
    asked.index = pd.Index(models.get("name", pd.Series("model", models.index)), name="model")
    asked = asked.drop(columns="name", errors="ignore")
    for name in COLUMNS:
        asked[name] = pd.to_numeric(asked[name], errors="coerce").astype(float)
    given = asked.get("active_params_b", pd.Series(np.nan, asked.index)).astype(float)
    asked["active_params_b"] = given.fillna(asked["params_b"])
    dense = given.isna() | (given == asked["params_b"])
    if (asked["active_params_b"] > asked["params_b"]).any():
        raise InputError("more parameters are active than there are; params_b counts all of them")
    check_architecture(*(asked[name].to_numpy() for name in COLUMNS), dense=dense.to_numpy())
    asked["kind"] = np.where(dense, "dense", "moe")
    newest = str(fit.architectures.models["release"].max())
    for name, default in (("release", newest), ("developer", ""), ("lineage", "")):
        column = asked[name] if name in asked else pd.Series(default, asked.index)
        asked[name] = column.fillna(default).astype(str)
    asked["year"] = [years_since_epoch(release) for release in asked["release"]]
    return asked


def abilities(
    fit: LawFit, asked: pd.DataFrame, rng: np.random.Generator, *, own: bool = True
) -> np.ndarray:
    """Return draws of abilities, of shape (sample, model), in logits from the middle of the range.

    Parameters
    ----------
    fit : LawFit
    asked : DataFrame
        From `ask`.
    rng : Generator
    own : bool
        Whether each model departs from the law on its own, or is exactly as the law says.
    """
    draws = fit.draws
    ability = law_ability(fit, asked, rng)
    for name, index in (("developer", fit.design.developers), ("lineage", fit.design.lineages)):
        ability += _group_effect(draws, name, index.get_indexer(pd.Index(asked[name])), asked, rng)
    if own:
        ability += draws["model_sd"][:, None] * rng.standard_normal(ability.shape)
    return ability


def law_ability(fit: LawFit, asked: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return what architecture and date alone say, of shape (sample, model)."""
    n_samples = len(fit.draws["intercept"])
    total = np.broadcast_to(log_size(asked["params_b"]), (n_samples, len(asked)))
    active = np.broadcast_to(log_size(asked["active_params_b"]), total.shape)
    shape = [asked[name].to_numpy() for name in SHAPE]
    unknown = np.isnan(total)
    if unknown.any():
        implied = log_size(dense_params_b(*shape))
        implied = implied + SIZE_OF_SHAPE_SD * rng.standard_normal(total.shape)
        total, active = np.where(unknown, implied, total), np.where(unknown, implied, active)
    contrasts = fit.design.typical.contrasts(
        shape[0], shape[1], shape[2], (asked["kind"] == "dense").to_numpy()
    )
    year = asked["year"].to_numpy()
    size = effective_size(total, active, fit.draws["active_weight"][:, None])
    given = log_tokens(asked["tokens_t"])
    tokens = np.where(np.isnan(given), token_population(fit, size, year, rng), given)
    return law_of(fit, size, tokens, contrasts, year)


def token_population(
    fit: LawFit, size: np.ndarray, year: np.ndarray | float, rng: np.random.Generator
) -> np.ndarray:
    """Return draws of the tokens of a model of a size and date, in tenfolds from 2 trillion."""
    level, trend, by_size, scale = (
        fit.draws[name][:, None]
        for name in ("token_level", "token_trend", "token_size", "token_sd")
    )
    mean = level + trend * year + by_size * size
    return np.asarray(mean + scale * rng.standard_normal(size.shape))


def law_of(
    fit: LawFit,
    size: np.ndarray,
    tokens: np.ndarray,
    contrasts: np.ndarray,
    year: np.ndarray | float,
) -> np.ndarray:
    """Return what the law says of sizes and tokens, of shape (sample, model).

    Parameters
    ----------
    fit : LawFit
    size, tokens : array of shape (sample, model)
        In tenfolds from 7 billion and 2 trillion.
    contrasts : array of shape (3, model) or (3, sample, model)
        Depth, FFN, instability.
    year : array of shape (model,) or float
    """
    draws = {name: value[:, None] for name, value in fit.draws.items() if value.ndim == 1}
    useful = token_term(tokens, size, draws["saturation"], draws["softness"])
    return np.asarray(
        draws["intercept"]
        + linear_predictor(
            fit.draws["effect"].T[:, :, None],
            draws["instability_effect"],
            size,
            useful,
            (contrasts[0], contrasts[1], contrasts[2]),
            year,
        )
    )


def expected(fit: LawFit, ability: np.ndarray) -> np.ndarray:
    """Return expected MMLU in [0, 1] of abilities of shape (sample, model)."""
    ceiling, shape = (fit.draws[name][:, None] for name in ("ceiling", "link_shape"))
    return np.asarray(link.expected(ability, CHANCE, REFERENCE, ceiling, shape))


def measured(fit: LawFit, mu: np.ndarray, source: str, rng: np.random.Generator) -> np.ndarray:
    """Return what a source would measure of expected MMLU, both in [0, 1]."""
    location, sigma = location_and_scale(fit, mu, source)
    noise = rng.standard_t(fit.draws["dof"][:, None], size=mu.shape)
    return np.clip(location + sigma * noise, 0, 1)


def location_and_scale(fit: LawFit, mu: np.ndarray, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Return location and scale of a source's Student distribution around expected MMLU."""
    position = SOURCES.index(source)
    offset = fit.draws["source_offset"][:, None] * (source == "reported")
    source_sd = fit.draws["source_sd"][:, position][:, None]
    return mu + offset, link.spread(mu, CHANCE, ITEMS, source_sd, 0.0)


def _group_effect(
    draws: dict[str, np.ndarray],
    name: str,
    position: np.ndarray,
    asked: pd.DataFrame,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return effects of developers or lineages: known ones as fitted, new ones drawn anew.

    Models that name the same new group share its draw, and so do models that name none.
    """
    effect, scale = draws[f"{name}_effect"], draws[f"{name}_sd"]
    names = (
        asked[["developer", "lineage"]].agg("/".join, axis=1) if name == "lineage" else asked[name]
    )
    out = np.empty((len(scale), len(asked)))
    for _, rows in pd.Series(np.arange(len(asked))).groupby(names.to_numpy(), sort=False):
        chosen = rows.to_numpy()
        known = position[chosen[0]]
        fresh = scale * rng.standard_normal(len(scale))
        out[:, chosen] = (effect[:, known] if known >= 0 else fresh)[:, None]
    return out


def warnings_of(fit: LawFit, asked: pd.DataFrame) -> tuple[str, ...]:
    """Return what to know before trusting a forecast."""
    found = [] if fit.health.passed else [fit.health.sentence()]
    found += doubt_tokens(asked["params_b"], asked["tokens_t"])
    known = fit.architectures.models
    for name, unit in (("params_b", "billion parameters"), ("tokens_t", "trillion tokens")):
        far = _beyond(asked[name], known[name], FAR)
        if far is not None:
            found.append(
                f"{far:g} {unit} lie more than twice beyond the data "
                f"({known[name].min():g} to {known[name].max():g}): this is extrapolation"
            )
    ratio = 1000 * asked["tokens_t"] / asked["active_params_b"]
    far = _beyond(ratio, 1000 * known["tokens_t"] / known["active_params_b"], FAR)
    if far is not None:
        found.append(f"{far:.3g} tokens for each parameter lie more than twice beyond the data")
    dense = (asked["kind"] == "dense").to_numpy()
    layers, hidden, ffn = (asked[n].to_numpy() for n in SHAPE)
    contrasts = fit.design.typical.contrasts(layers, hidden, ffn, dense)
    for name, values, seen in zip(
        ("depth for its width", "FFN size for its width", "instability"),
        contrasts, fit.design.contrasts, strict=True,
    ):  # fmt: skip
        if (values > seen.max() + 1e-9).any() or (values < seen.min() - 1e-9).any():
            found.append(f"no model in the data has such a {name}: this is extrapolation")
    newest = known["year"].max()
    if (asked["year"] > newest + 0.5).any():
        found.append(
            f"released more than half a year after the data end ({known['release'].max()}): the "
            "trend over time is continued as a straight line"
        )
    for name in ("developer", "lineage"):
        index = getattr(fit.design, f"{name}s")
        new = [value for value in asked[name].unique() if value and value not in index]
        if new:
            found.append(f"{name} '{new[0]}' is not in the data: its effect is drawn from all")
    return tuple(found)


def _beyond(values: pd.Series, known: pd.Series, margin: float) -> float | None:
    """Return the first value that lies further beyond the known ones than a margin in tenfolds."""
    factor = 10**margin
    outside = values[(values > known.max() * factor) | (values < known.min() / factor)]
    return None if outside.empty else float(outside.iloc[0])
