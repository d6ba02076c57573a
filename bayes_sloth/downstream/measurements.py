"""Scores of a downstream task: from a table of scores, or with the effort spent on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth import validate
from bayes_sloth.errors import InputError
from bayes_sloth.scores import Scores, load_scores
from bayes_sloth.validate import TableSource

# Not shares of anything: bounds as their makers define them.
UPPER_BOUNDS = {"agentbench_overall": 5.0}


@dataclass(frozen=True, eq=False, repr=False)
class Measurements:
    """Scores of models on one task.

    Attributes
    ----------
    table : DataFrame
        A row for each measurement: ``model``, ``score`` and ``effort`` (1 where there is none): an
        amount, or the name of a setting.
    task : str
    chance, upper : float
        Score of a guesser, and the largest that can be reached.
    items : float
        Number of questions; infinite where unknown: no sampling noise.
    levels : tuple of str
        Named settings from least to most effort; empty where effort is an amount, or where settings
        have no order.
    """

    table: pd.DataFrame
    task: str
    chance: float = 0.0
    upper: float = 1.0
    items: float = float("inf")
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse scores beyond their bounds, efforts that are none, and repeated measurements."""
        if not 0 <= self.chance < self.upper or not self.items > 0:
            raise InputError(
                f"{self.task}: chance {self.chance:g}, upper bound {self.upper:g}, items "
                f"{self.items:g}: give 0 <= chance < upper and a positive number of items"
            )
        self._refuse(
            ~self.table["score"].between(0, self.upper),
            "score",
            f"is not from 0 to {self.upper:g}; correct it, or declare the bounds of the task",
        )
        if self.named:
            known = self.table["effort"].isin(self.levels or self.settings)
            expected = f"is not one of {', '.join(self.levels)}; name all levels in order"
            self._refuse(~known, "effort", expected)
        else:
            amount = self.table["effort"].astype(float)
            self._refuse(~(amount.gt(0) & np.isfinite(amount)), "effort", "is not above zero")
        twice = self.table.duplicated(["model", "effort"])
        if twice.any():
            row = self.table[twice].iloc[0]
            raise InputError(
                f"{self.task}, model '{row['model']}': two scores at effort {row['effort']}; "
                "keep one, or give their mean"
            )

    def _refuse(self, wrong: pd.Series, column: str, says: str) -> None:
        if wrong.any():
            row = self.table[wrong].iloc[0]
            raise InputError(f"{self.task}, model '{row['model']}': {column} {row[column]} {says}")

    @property
    def named(self) -> bool:
        """Whether efforts are names of settings rather than amounts."""
        return bool(self.levels) or not pd.api.types.is_numeric_dtype(self.table["effort"])

    @property
    def settings(self) -> tuple[str, ...]:
        """Named settings: in their order if they have one, as they appear otherwise."""
        return self.levels or tuple(dict.fromkeys(self.table["effort"]))

    @property
    def has_effort(self) -> bool:
        """Whether measurements differ in effort."""
        return self.table["effort"].nunique() > 1

    @property
    def rises(self) -> bool:
        """Whether more effort is expected to help: not so where settings have no order."""
        return not self.named or bool(self.levels)

    @property
    def reference_effort(self) -> float | str:
        """What is forecast by default: the geometric mean of amounts, the commonest setting."""
        if not len(self.table):
            return 1.0
        if self.named:
            return str(self.table["effort"].mode().iloc[0])
        return float(np.exp(np.log(self.table["effort"]).mean()))

    def effort_columns(self, efforts: Sequence[float | str]) -> np.ndarray:
        """Return efforts as covariates, of shape (effort, column).

        An amount is its log in tenfolds from the reference: one column. Settings in order climb a
        stair, with a column for each step that is 1 from there on; those without an order have a
        column each.

        Raises
        ------
        InputError
            For a setting that no model was measured at, or an amount that is none.
        """
        if not self.named:
            amounts = pd.to_numeric(pd.Series(list(efforts)), errors="coerce").to_numpy(float)
            if not (amounts > 0).all():
                raise InputError(f"{self.task}: efforts are amounts above zero, such as 8000")
            return np.log10(amounts / self.reference_effort)[:, None]
        place = pd.Index(self.settings).get_indexer(pd.Index(efforts))
        if (place < 0).any():
            raise InputError(
                f"{self.task}: effort '{list(efforts)[place.argmin()]}' is not one of "
                f"{', '.join(self.settings)}"
            )
        steps = np.arange(len(self.settings))
        if self.levels:
            return (place[:, None] >= steps[1:]).astype(float)
        return (place[:, None] == steps).astype(float)

    @property
    def models(self) -> list[str]:
        """Names of the models, each once."""
        return list(dict.fromkeys(self.table["model"]))

    def among(self, models: pd.Index) -> tuple[Measurements, list[str]]:
        """Keep the models named; return the names of the others too."""
        kept = self.table[self.table["model"].isin(models)]
        if kept.empty:
            raise InputError(
                f"{self.task}: none of its models is in the fit of the skills; a model needs the "
                "same name in both, a size, training tokens and a leaderboard score"
            )
        left = [name for name in self.models if name not in models]
        return replace(self, table=kept.reset_index(drop=True)), left

    def __repr__(self) -> str:
        effort = ""
        if self.has_effort and self.named:
            effort = f", at efforts {', '.join(self.settings)}"
        elif self.has_effort:
            low, high = self.table["effort"].min(), self.table["effort"].max()
            effort = f", at efforts from {low:g} to {high:g}"
        return (
            f"{self.task}: {len(self.table)} scores of {len(self.models)} models{effort}; chance "
            f"{self.chance:g}, upper bound {self.upper:g}"
        )


def measurements(
    task: str, scores: Scores | None = None, *, upper: float | None = None
) -> Measurements:
    """Take a column of a table of scores as a downstream task.

    Parameters
    ----------
    task : str
        Name of a benchmark of the table, such as ``humaneval``.
    scores : Scores, optional
        The bundled table by default.
    upper : float, optional
        Largest score that can be reached: 1, or 5 for AgentBench.

    Returns
    -------
    Measurements
    """
    scores = load_scores() if scores is None else scores
    chosen = scores.select(benchmarks=task)
    known = chosen.values[task].dropna()
    if known.empty:
        raise InputError(f"{task}: no model has a score on it")
    about: dict[Any, Any] = chosen.benchmarks.loc[[task]].to_dict("records")[0]
    return Measurements(
        pd.DataFrame({"model": known.index, "score": known.to_numpy(), "effort": 1.0}),
        task,
        float(about["chance"]),
        UPPER_BOUNDS.get(task, 1.0) if upper is None else upper,
        float("inf") if pd.isna(about["n_items"]) else float(about["n_items"]),
    )


def load_measurements(
    source: TableSource,
    task: str = "downstream",
    *,
    chance: float = 0.0,
    upper: float = 1.0,
    items: float = float("inf"),
    levels: Sequence[str] = (),
) -> Measurements:
    """Read scores with the effort spent on each.

    Parameters
    ----------
    source : path or DataFrame
        Columns ``model`` (named as among the scores), ``score``, and ``effort``: samples,
        thinking tokens or whatever was varied, in any unit, above zero; or settings by name, such
        as ``high``; 1 without the column. A model has a row for each effort.
    task : str
        What to call it.
    chance, upper, items : float
        See `Measurements`.
    levels : sequence of str
        Named settings from least to most effort, where they have an order.

    Returns
    -------
    Measurements
    """
    name, frame = validate.read_frame(source)
    frame = frame.reset_index(drop=True)
    frame = frame.assign(measurement=[f"row {i + 1}" for i in range(len(frame))])
    table = validate.read_table(frame, key="measurement", name=name)
    validate.require_columns(table, ["model", "score"])
    if "effort" not in table.cells:
        table.cells["effort"] = "1"
    named = bool(levels) or not pd.to_numeric(table.cells["effort"], errors="coerce").notna().any()
    rows = table.cells[["model"]].assign(
        score=validate.numbers(table, "score"),
        effort=table.cells["effort"] if named else validate.numbers(table, "effort"),
    )
    table.refuse(rows["score"].isna(), "give a number in every row", column="score")
    table.refuse(
        table.cells["effort"] == "", "give an amount or a setting in every row", column="effort"
    )
    return Measurements(rows.reset_index(drop=True), task, chance, upper, items, tuple(levels))
