"""Scores of a downstream task: from a table of scores, or with the effort spent on each."""

from __future__ import annotations

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
        A row for each measurement: ``model``, ``score`` and ``effort`` (1 where there is none).
    task : str
    chance, upper : float
        Score of a guesser, and the largest that can be reached.
    items : float
        Number of questions; infinite where unknown: no sampling noise.
    """

    table: pd.DataFrame
    task: str
    chance: float = 0.0
    upper: float = 1.0
    items: float = float("inf")

    def __post_init__(self) -> None:
        """Refuse scores beyond their bounds, efforts that are none, and repeated measurements."""
        if not 0 <= self.chance < self.upper or not self.items > 0:
            raise InputError(
                f"{self.task}: chance {self.chance:g}, upper bound {self.upper:g}, items "
                f"{self.items:g}: give 0 <= chance < upper and a positive number of items"
            )
        for column, good in (
            ("score", self.table["score"].between(0, self.upper)),
            ("effort", self.table["effort"].gt(0) & np.isfinite(self.table["effort"])),
        ):
            if not good.all():
                row = self.table[~good].iloc[0]
                bounds = f"from 0 to {self.upper:g}" if column == "score" else "above zero"
                raise InputError(
                    f"{self.task}, model '{row['model']}': {column} {row[column]} is not {bounds}; "
                    "correct it, or declare the bounds of the task"
                )
        twice = self.table.duplicated(["model", "effort"])
        if twice.any():
            row = self.table[twice].iloc[0]
            raise InputError(
                f"{self.task}, model '{row['model']}': two scores at effort {row['effort']:g}; "
                "keep one, or give their mean"
            )

    @property
    def has_effort(self) -> bool:
        """Whether any model was measured at more than one effort."""
        return bool(self.table["model"].duplicated().any())

    @property
    def reference_effort(self) -> float:
        """Geometric mean of the efforts: where a model's level is measured."""
        return float(np.exp(np.log(self.table["effort"]).mean())) if len(self.table) else 1.0

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
        effort = (
            f", at efforts from {self.table['effort'].min():g} to {self.table['effort'].max():g}"
            if self.has_effort
            else ""
        )
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
) -> Measurements:
    """Read scores with the effort spent on each.

    Parameters
    ----------
    source : path or DataFrame
        Columns ``model`` (named as among the scores), ``score``, and ``effort``: samples,
        thinking tokens or whatever was varied, in any unit, above zero; 1 without the column. A
        model has a row for each effort.
    task : str
        What to call it.
    chance, upper, items : float
        See `Measurements`.

    Returns
    -------
    Measurements
    """
    name = "data frame" if isinstance(source, pd.DataFrame) else str(source)
    frame = source.reset_index(drop=True) if isinstance(source, pd.DataFrame) else _csv(name)
    frame = frame.assign(measurement=[f"row {i + 1}" for i in range(len(frame))])
    table = validate.read_table(frame, key="measurement", name=name)
    validate.require_columns(table, ["model", "score"])
    if "effort" not in table.cells:
        table.cells["effort"] = "1"
    rows = table.cells[["model"]].assign(
        score=validate.numbers(table, "score"), effort=validate.numbers(table, "effort")
    )
    for column in ("score", "effort"):
        table.refuse(rows[column].isna(), "give a number in every row", column=column)
    return Measurements(rows.reset_index(drop=True), task, chance, upper, items)


def _csv(name: str) -> pd.DataFrame:
    try:
        return pd.read_csv(name, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read as a table ({error})") from None
