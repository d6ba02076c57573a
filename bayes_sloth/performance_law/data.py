"""Architectures of language models and their MMLU: the bundled table, or one of the user's own.

Parameters are in billions, tokens in trillions, MMLU in **percentage points** in the table and as
fractions of 1 in what is read from it, as everywhere in the package. NaN is unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_sloth import validate
from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.checks import check_architecture
from bayes_sloth.scores import data_folder
from bayes_sloth.validate import Table, TableSource

SOURCES = ("harness", "reported")
SHAPE = ("layers", "hidden", "ffn")
KINDS = ("dense", "moe")
EPOCH = 2024.0
REQUIRED = ("model", "release", "params_b", "tokens_t", *SHAPE)
CHANCE, ITEMS = 0.25, 14_042  # MMLU: four options; questions of its test set


@dataclass(frozen=True, eq=False, repr=False)
class Architectures:
    """Models with their shapes, sizes, tokens and MMLU.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: ``kind`` (dense or moe), ``release`` (text, ``2024-07``), ``year``
        (years since the start of 2024), ``params_b``, ``active_params_b`` (equal for dense
        models), ``tokens_t``, ``layers``, ``hidden``, ``ffn``, ``developer``, ``lineage``.
    values : DataFrame
        Models by source: MMLU in [0, 1] as measured by one ``harness`` for all, and as
        ``reported`` by a vendor or paper; NaN where unknown.
    source : str
        Where the table comes from.
    """

    models: pd.DataFrame
    values: pd.DataFrame
    source: str

    @property
    def mmlu(self) -> pd.Series:
        """MMLU as reported, or else by the harness, in [0, 1]."""
        return self.values["reported"].fillna(self.values["harness"]).rename("mmlu")

    @property
    def dense(self) -> pd.Series:
        """Whether each model is dense."""
        return self.models["kind"] == "dense"

    def __repr__(self) -> str:
        models = self.models
        both = self.values.notna().all(axis=1).sum()
        return (
            f"Architectures from {self.source}\n"
            f"  {len(models)} models ({int((~self.dense).sum())} mixtures of experts) of "
            f"{models['developer'].nunique()} developers, {models['release'].min()} to "
            f"{models['release'].max()}\n"
            f"  {int(self.values.notna().to_numpy().sum())} values of MMLU, {both} models have "
            f"both sources; training tokens of {int(models['tokens_t'].isna().sum())} are unknown"
        )


def load_architectures(source: TableSource | None = None) -> Architectures:
    """Load the bundled architectures, or a table of your own.

    Parameters
    ----------
    source : str, path or DataFrame, optional
        A row for each model: ``model``, ``release`` (a month, ``2024-07``), ``params_b``
        (billions), ``tokens_t`` (trillions), ``layers``, ``hidden``, ``ffn``, and ``mmlu_harness``
        or ``mmlu_reported`` in percentage points. Optional are ``kind`` (dense by default, or
        moe), ``active_params_b`` (required of a mixture of experts), ``developer`` and
        ``lineage`` (the model's own name by default). A blank is unknown.

    Returns
    -------
    Architectures

    Raises
    ------
    InputError
        At the first thing in the table that cannot be used.
    """
    if source is None:
        table = validate.read_table(data_folder() / "architectures.csv", key="model")
        families = pd.read_csv(data_folder() / "architecture_families.csv", index_col="model")
        named = families.reindex(table.cells["model"])
        table.cells[["developer", "lineage"]] = named[["developer", "lineage"]].to_numpy()
        label = "the bundled table"
    else:
        table = validate.read_table(source, key="model")
        label = table.name
    validate.require_columns(table, REQUIRED, hint=", and leave it blank where unknown")
    index = pd.Index(table.cells["model"], name="model")
    models, values = _models(table).set_index(index), _values(table).set_index(index)
    if not values.notna().to_numpy().any():
        raise table.error("there is no MMLU in any row; fill in at least one")
    return Architectures(models, values, label)


def years_since_epoch(release: str) -> float:
    """Return the middle of a month, as ``2024-07``, in years since the start of 2024.

    Raises
    ------
    InputError
        If this is not a month.
    """
    try:
        month = pd.Period(str(release).strip(), freq="M")
    except ValueError:
        raise InputError(f"'{release}' is not a month; write it as 2024-07") from None
    if month is pd.NaT or not 2017 <= month.year <= 2100:
        raise InputError(f"'{release}' is not a month since 2017; write it as 2024-07")
    return float(month.year - EPOCH + (month.month - 0.5) / 12)


def _models(table: Table) -> pd.DataFrame:
    cells = table.cells
    kind = cells["kind"].str.lower() if "kind" in cells else pd.Series("dense", cells.index)
    table.refuse(~kind.isin(KINDS), "write dense or moe (mixture of experts)", column="kind")
    models = pd.DataFrame({"kind": kind, "release": cells["release"], "year": _years(table)})
    for name in ("params_b", "tokens_t"):
        models[name] = validate.quantities(table, name)
    models["active_params_b"] = _active(table, models)
    for name in SHAPE:
        models[name] = validate.numbers(table, name)
        table.refuse(
            models[name].isna(), "the law needs the shape: fill it in, or remove the row",
            column=name,
        )  # fmt: skip
    _check_rows(table, models)
    for name in ("developer", "lineage"):
        own = cells[name] if name in cells else pd.Series("", cells.index)
        models[name] = own.where(own != "", cells["model"])
    return models


def _years(table: Table) -> list[float]:
    years = []
    for row, text in table.cells["release"].items():
        try:
            years.append(years_since_epoch(text))
        except InputError as error:
            raise table.error(str(error), row=int(str(row)), column="release") from None
    return years


def _active(table: Table, models: pd.DataFrame) -> pd.Series:
    """Return active parameters; all of them where the model is dense."""
    given = pd.Series(np.nan, models.index)
    if "active_params_b" in table.cells:
        given = validate.quantities(table, "active_params_b")
    moe = models["kind"] == "moe"
    table.refuse(
        moe & (given.isna() | models["params_b"].isna()),
        "a mixture of experts needs both params_b (all) and active_params_b (of one token)",
        column="active_params_b",
    )
    table.refuse(
        moe & (given > models["params_b"]),
        "more parameters are active than there are; params_b counts all of them",
        column="active_params_b",
    )
    return given.where(moe, models["params_b"])


def _check_rows(table: Table, models: pd.DataFrame) -> None:
    for row, model in models.iterrows():
        try:
            check_architecture(
                model["layers"],
                model["hidden"],
                model["ffn"],
                model["params_b"],
                model["tokens_t"],
                dense=model["kind"] == "dense",
            )
        except InputError as error:
            raise table.error(str(error), row=int(str(row))) from None


def _values(table: Table) -> pd.DataFrame:
    columns = {}
    for source in SOURCES:
        name = f"mmlu_{source}"
        points = (
            validate.numbers(table, name)
            if name in table.cells
            else pd.Series(np.nan, table.cells.index)
        )
        table.refuse((points < 0) | (points > 100), "MMLU is in points, 0 to 100", column=name)
        known = points.dropna()
        table.refuse(
            pd.Series(len(known) > 0 and bool((known <= 1).all()), points.index) & points.notna(),
            "MMLU is in percentage points: multiply the column by 100",
            column=name,
        )
        columns[source] = points / 100
    return pd.DataFrame(columns)
