"""Tables as HTML that can be read aloud: a caption, and a scope for every heading."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from bayes_sloth.scores import Scores


def table_html(table: pd.DataFrame, caption: str, digits: int | Mapping[str, int] = 3) -> str:
    """Return a table as HTML; its index heads the rows.

    Parameters
    ----------
    table : DataFrame
        With a named index. NaN is shown as a blank.
    caption : str
    digits : int or mapping of str to int
        Decimals of floats, for all columns or by column (3 where none is given).

    Returns
    -------
    str
        Within a region that scrolls by itself, so that the page does not.
    """
    levels = [str(name or "") for name in table.index.names]
    heads = "".join(
        f'<th scope="col"{_right(table, name)}>{escape(str(name).replace("_", " "))}</th>'
        for name in [*levels, *table.columns]
    )
    rows = "".join(
        f"<tr>{_row_heads(label)}{_cells(table, row, digits)}</tr>"
        for label, row in zip(table.index, table.itertuples(index=False), strict=True)
    )
    spoken = escape(caption, quote=True)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Table: {spoken}">'
        f"<table><caption>{spoken}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def with_full_names(table: Any, scores: Scores) -> Any:
    """Return a table or a series by benchmark, indexed by the benchmarks' full names."""
    names = scores.benchmarks["name"].loc[table.index]
    return table.set_axis(pd.Index(names.astype(str), name="benchmark"), axis=0)


def _right(table: pd.DataFrame, name: str) -> str:
    numeric = name in table.columns and table[name].dtype.kind in "fi"
    return ' class="number"' if numeric else ""


def _row_heads(label: object) -> str:
    parts = label if isinstance(label, tuple) else (label,)
    return "".join(
        f'<th scope="row">{escape(str(part))}</th>' if str(part) else "<td></td>" for part in parts
    )


def _cells(table: pd.DataFrame, row: tuple[object, ...], digits: int | Mapping[str, int]) -> str:
    cells = []
    for name, value in zip(table.columns, row, strict=True):
        places = digits if isinstance(digits, int) else digits.get(str(name), 3)
        cells.append(f"<td{_right(table, name)}>{escape(_text(value, places))}</td>")
    return "".join(cells)


def _text(value: object, places: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{places}f}" if isinstance(value, float) else str(value)
