"""The common form of an answer: a table and a sentence, with what to know before trusting them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth.draws import MEDIAN_AND_90, quantiles
from bayes_sloth.results import as_html


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """What a use of the law returns.

    Attributes
    ----------
    title : str
    sentence : str
        The answer in words.
    table : DataFrame
        The answer in numbers; MMLU in percentage points, intervals equal-tailed.
    numbers : dict
        Single figures.
    warnings : tuple of str
        What to know before trusting them.
    draws : DataFrame or None
        Joint draws behind the table, where it cannot show how they go together.
    """

    title: str
    sentence: str
    table: pd.DataFrame
    numbers: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    draws: pd.DataFrame | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            **self.numbers,
            "sentence": self.sentence,
            "table": json.loads(self.table.reset_index().to_json(orient="records")),
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return "\n".join([self.title, self.table.to_string(), self.sentence, *self.warnings])

    def _repr_html_(self) -> str:
        return as_html(f"{self.title}. {self.sentence}", self.table, self.warnings)


def interval(points: np.ndarray) -> dict[str, float]:
    """Return the median and the equal-tailed 90 % interval of draws."""
    return {name: float(value) for name, value in quantiles(points, MEDIAN_AND_90).items()}
