"""How results show themselves in a notebook: a sentence, a table, what to know."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import pandas as pd


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
