"""How results show themselves: words, a table and what to know, alike in print and notebook."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, ClassVar

import numpy as np
import pandas as pd


class Result(ABC):
    """An answer that shows itself as words, its table and warnings, and is kept as JSON."""

    warnings: tuple[str, ...]
    _digits: ClassVar[int] = 3

    @abstractmethod
    def table(self) -> pd.DataFrame:
        """Return the answer in numbers."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""

    @abstractmethod
    def _title(self) -> str:
        """Return the words above the table."""

    def _note(self) -> str:
        """Return the words below it, if any."""
        return ""

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def __repr__(self) -> str:
        table = self.table().round(self._digits).to_string()
        return "\n".join(filter(None, [self._title(), table, self._note(), *self.warnings]))

    def _repr_html_(self) -> str:
        words = ". ".join(filter(None, [self._title(), self._note()]))
        return as_html(words, self.table(), self.warnings, self._digits)


def as_html(words: str, table: pd.DataFrame, warnings: Iterable[str] = (), digits: int = 3) -> str:
    """Return words, a table and warnings as HTML; a notebook gives the colours.

    Parameters
    ----------
    words : str
    table : DataFrame
    warnings : iterable of str
    digits : int
        Decimals of the table.

    Returns
    -------
    str
    """
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    rounded = table.round(digits).to_html(na_rep="")
    return f"<p>{escape(words)}</p>{rounded}" + (f"<ul>{items}</ul>" if items else "")


def summary_html(lines: Sequence[str], table: str) -> str:
    """Return a title, lines below it and a table (HTML) of what describes data or a fit."""
    title, *others = map(escape, lines)
    return f"<b>{title}</b><br>{'<br>'.join(others)}{table}"


def plain(value: Any) -> Any:
    """Return a value that JSON can carry: infinite and unknown numbers as None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
