"""The models that a forecast is asked for: validated, and placed among the families of the fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.predictor import POSITIONS
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit

SIZE = ("params_b", "tokens_t")
STATUS = {  # of a family, as `place` finds it
    "seen": "a variant in the data",
    "lineage": "a new variant of a known lineage",
    "unseen": "a family nobody has seen",
}
LIMITS = {  # of what is asked: the largest, its unit, and smaller units that may have been meant
    "params_b": (20000, "billions", [(1e9, "parameters")]),
    "tokens_t": (500, "trillions", [(1e3, "billion"), (1e12, "tokens")]),
}
FAR = 0.3  # tenfolds beyond the data (a factor of two) that call for a warning


def asked_models(
    models: pd.DataFrame | None = None,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
) -> pd.DataFrame:
    """Return the models asked for as one validated table."""
    if models is None:
        if family is None:
            raise InputError("a forecast needs family, params_b and tokens_t")
        size, tokens = np.broadcast_arrays(
            *(np.atleast_1d(np.nan if v is None else v) for v in (params_b, tokens_t))
        )
        names = [f"{family}-{s:g}b" if len(size) > 1 else family for s in size]
        models = pd.DataFrame(
            {"family": family, "params_b": size, "tokens_t": tokens, "instruct": instruct},
            index=pd.Index(names, name="model"),
        )
    missing = {"family", *SIZE} - set(models)
    if missing:
        raise InputError(f"models to forecast need column '{min(missing)}'")
    asked = models.assign(instruct=models.get("instruct", False)).rename_axis("model")
    if asked.empty:
        raise InputError("there is no model to forecast")
    nameless = asked["family"].isna() | asked["family"].astype(str).str.strip().eq("")
    if nameless.any():
        raise InputError(
            f"model '{asked.index[nameless][0]}': the family has no name; give a variant, a "
            "lineage, or any new name for a family nobody has seen"
        )
    for name, (limit, unit, _) in LIMITS.items():
        values = pd.to_numeric(asked[name], errors="coerce")
        wrong = ~(values.gt(0) & values.le(limit)) & asked[name].notna()
        if wrong.any():
            meant = _meant(name, values[wrong].iloc[0])
            raise InputError(
                f"model '{asked.index[wrong][0]}', {name}, value '{asked[name][wrong].iloc[0]}': "
                f"give a positive number in {unit}, at most {limit}{meant}"
            )
        asked[name] = values.astype(float)
    if not asked.index.is_unique:
        asked.index = pd.Index([f"{n} ({i + 1})" for i, n in enumerate(asked.index)], name="model")
    return asked.astype({"instruct": bool})[["family", "params_b", "tokens_t", "instruct"]]


def _meant(name: str, value: float) -> str:
    """Return what a value would be in the right unit, where another one was likely meant."""
    for factor, unit in LIMITS[name][2]:
        if 0.01 <= value / factor <= 100:
            return f" ({value:g} {unit} are {value / factor:g})"
    return ""


def check_sizes(asked: pd.DataFrame, known: pd.DataFrame) -> None:
    """Refuse a model of which neither size and tokens nor any score is known."""
    blind = asked[list(SIZE)].isna().any(axis=1) & known.isna().all(axis=1)
    if blind.any():
        raise InputError(
            f"model '{asked.index[blind][0]}': a forecast needs family, params_b and tokens_t; "
            "only a model with observed scores may go without size or tokens"
        )


def place(fit: Fit, asked: pd.DataFrame) -> pd.DataFrame:
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
    columns = ["instruct", "family_status", *POSITIONS]
    return asked.assign(**pd.DataFrame(rows, index=asked.index, columns=columns))


def chosen_benchmarks(fit: Fit, benchmarks: Iterable[str] | None) -> list[str]:
    """Return the benchmarks asked for, all by default; refuse one the fit does not have."""
    known = fit.scores.benchmarks.index
    chosen = list(known if benchmarks is None else benchmarks)
    for name in chosen:
        if name not in known:
            raise InputError(
                f"benchmark '{name}' is not in the fit{nearest(name, known) or '; '}"
                f"{'' if nearest(name, known) else 'it has ' + ', '.join(known)}"
            )
    return chosen


def size_warnings(fit: Fit, placed: pd.DataFrame) -> tuple[str, ...]:
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
        logs = np.log10(placed[name].to_numpy(float))
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
