"""Read tables that users bring, and say clearly what is wrong with them.

Every check raises one `InputError`, at the first offending cell, that names the file, the line,
the column and the value, and says what to do. Cells stay text until a check has accepted them:
that is what keeps line numbers right and a model named ``NA`` a model.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd

from bayes_sloth.errors import InputError

type TableSource = str | PathLike[str] | pd.DataFrame

FLAGS = {
    **dict.fromkeys(("true", "yes", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "0", "0.0"), False),
}


class Quantity(NamedTuple):
    """What a number of parameters or tokens stands for, and above what it cannot be meant so."""

    unit: float
    largest: float
    reminder: str


QUANTITIES = {
    "params_b": Quantity(1e9, 20_000, "parameters are in billions: 7 means 7e9"),
    "active_params_b": Quantity(1e9, 20_000, "parameters are in billions: 7 means 7e9"),
    "tokens_t": Quantity(1e12, 500, "tokens are in trillions: 15 means 15e12"),
}


@dataclass(frozen=True)
class Table:
    """The cells of a table as text, and how to point at one of them.

    Attributes
    ----------
    name : str
        The file, as the user wrote it.
    key : str
        Column that names the rows.
    cells : DataFrame
        Stripped text, empty where unknown. The index counts lines of the file (the header is
        line 1) or rows of the data frame (the first is row 1).
    counter : str
        What the index counts: ``"line"`` or ``"row"``.
    """

    name: str
    key: str
    cells: pd.DataFrame
    counter: str = "line"

    def error(
        self, complaint: str, *, row: int | None = None, column: str | None = None
    ) -> InputError:
        """Build the error for a cell, a row, a column or the whole table."""
        place = [self.name]
        if row is not None:
            label = self.text(row, self.key)
            place.append(f"{self.counter} {row}" + (f" ({self.key} '{label}')" if label else ""))
        if column is not None:
            value = self.text(row, column)
            place.append(f"column '{column}'" + (f", value '{value}'" if value else ""))
        return InputError(f"{', '.join(place)}: {complaint}")

    def refuse(self, bad: pd.Series, complaint: str, *, column: str | None = None) -> None:
        """Raise at the first row where `bad` holds."""
        if bad.any():
            raise self.error(complaint, row=first_row(bad), column=column)

    def text(self, row: int | None, column: str) -> str:
        """Return a cell, or nothing where there is none."""
        if row is None or column not in self.cells:
            return ""
        return str(self.cells.at[row, column])


def first_row(flag: pd.Series) -> int:
    """Return the line or row where `flag` first holds; it must hold somewhere."""
    return int(flag.index[flag][0])


# --- reading ----------------------------------------------------------------------------------


def read_table(source: TableSource, key: str, *, name: str = "data frame") -> Table:
    """Read a table as text, and check its shape, its header and its key.

    Parameters
    ----------
    source : str, path or DataFrame
        A CSV file in UTF-8, or a data frame.
    key : str
        Column that names the rows; it may be the index of a data frame.
    name : str
        What to call a data frame, such as the file that it was read from.

    Returns
    -------
    Table
    """
    if isinstance(source, pd.DataFrame):
        table = _from_frame(source, key, name)
    else:
        table = _from_csv(source, key)
    _check_header(table)
    if table.cells.empty:
        raise table.error(f"there are no rows below the header; add one row per {key}")
    _check_key(table)
    return table


def read_frame(source: TableSource) -> tuple[str, pd.DataFrame]:
    """Return a table that no single column gives a key, as text if from a file, and its name."""
    if isinstance(source, pd.DataFrame):
        return "data frame", source
    name = str(source)
    try:
        return name, pd.read_csv(name, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read as a table ({error})") from None


def _from_frame(frame: pd.DataFrame, key: str, name: str) -> Table:
    if frame.index.name == key and key not in frame.columns:
        frame = frame.reset_index()
    cells = frame.map(lambda cell: "" if pd.isna(cell) else str(cell).strip()).astype(str)
    cells.columns = [str(column).strip() for column in frame.columns]
    cells.index = pd.RangeIndex(1, len(frame) + 1)
    return Table(name, key, cells, counter="row")


def _from_csv(source: str | PathLike[str], key: str) -> Table:
    name = str(source)
    (_, header), *body = _records(name, _read_text(name))
    _check_separator(name, header)
    for line, fields in body:
        if len(fields) != len(header):
            found = dict(zip(header, fields, strict=False))
            label = f" ({key} '{found[key]}')" if key in found else ""
            raise InputError(
                f"{name}, line {line}{label}: {len(fields)} fields where the "
                f"header has {len(header)}; complete the row if the file was cut short, and put "
                "a text that contains a comma in double quotes"
            )
    lines = [line for line, _ in body]
    rows = [fields for _, fields in body]
    return Table(name, key, pd.DataFrame(rows, index=lines, columns=header, dtype=str))


def _read_text(name: str) -> str:
    try:
        text = Path(name).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file; check the path") from None
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); give a CSV file") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{name}: not a text file in UTF-8; save the table as CSV UTF-8")
    if not text.strip():
        raise InputError(f"{name}: the file is empty; it needs a header and rows")
    return text


def _records(name: str, text: str) -> list[tuple[int, list[str]]]:
    """Split into records, each with the line it starts on; blank records are skipped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    start = 1
    try:
        for fields in reader:
            fields = [field.strip() for field in fields]
            if any(fields):
                records.append((start, fields))
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{name}, line {start}: not valid CSV ({error}); check that double quotes are closed "
            "and that the file was not cut short"
        ) from None
    if not records:
        raise InputError(f"{name}: every line is blank; the file needs a header and rows")
    return records


def _check_separator(name: str, header: list[str]) -> None:
    for separator, label in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise InputError(
                f"{name}, line 1: columns seem to be separated by {label}; separate them by "
                "commas, and write decimals with a point"
            )


def _check_header(table: Table) -> None:
    columns = list(table.cells.columns)
    if "" in columns:
        position = columns.index("") + 1
        raise table.error(f"column {position} has no name in the header; name or remove it")
    for column in columns:
        if columns.count(column) > 1:
            raise table.error(f"the header names column '{column}' twice; keep one of them")


def _check_key(table: Table) -> None:
    require_columns(table, [table.key])
    keys = table.cells[table.key]
    table.refuse(keys == "", f"the {table.key} has no name; write one", column=table.key)
    repeated = keys.duplicated()
    if repeated.any():
        row = first_row(repeated)
        first = first_row(keys == keys.at[row])
        raise table.error(
            f"the same {table.key} is already on {table.counter} {first}; keep one of the rows, "
            "or give them different names",
            row=row,
            column=table.key,
        )


# --- columns ----------------------------------------------------------------------------------


def nearest(name: str, known: Iterable[str], hint: str = "; did you mean '{}'?") -> str:
    """Return a hint at the known name most like `name`, or nothing where none is alike."""
    by_form = {_plain(word): word for word in known}
    found = difflib.get_close_matches(_plain(name), by_form, n=1, cutoff=0.6)
    return hint.format(by_form[found[0]]) if found else ""


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def require_columns(table: Table, columns: Sequence[str], hint: str = "") -> None:
    """Refuse a table that lacks one of `columns`."""
    for column in columns:
        if column not in table.cells:
            others = [str(name) for name in table.cells if name not in columns]
            remedy = nearest(column, others, ", or rename '{}' if that is what it holds")
            raise table.error(f"there is no column '{column}'; add it{hint}{remedy}")


def numbers(table: Table, column: str) -> pd.Series:
    """Return a column as floats, NaN where it is blank."""
    text = table.cells[column]
    values = text.map(_number).astype(float)
    table.refuse(
        (text != "") & values.isna(),
        "not a number; write a plain number with a decimal point, or leave the cell blank if it "
        "is unknown",
        column=column,
    )
    infinite = values.abs() == math.inf
    table.refuse(infinite, "not finite; leave the cell blank if it is unknown", column=column)
    return values


def _number(text: str) -> float:
    """Read a number as Python does, but for its underscores; NaN if it is none."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def quantities(table: Table, column: str) -> pd.Series:
    """Return parameters in billions or tokens in trillions, NaN where unknown."""
    quantity = QUANTITIES[column]
    values = numbers(table, column)
    table.refuse(
        values <= 0,
        f"must be above zero; leave the cell blank if it is unknown ({quantity.reminder})",
        column=column,
    )
    too_large = values > quantity.largest
    if too_large.any():
        row = first_row(too_large)
        value = cast(float, values.at[row])
        # A plain count, or else the next smaller unit.
        meant = value / quantity.unit if value >= 1e6 else value / 1000
        complaint = f"implausibly large; {quantity.reminder}; did you mean {meant:g}?"
        raise table.error(complaint, row=row, column=column)
    return values


def fractions(table: Table, column: str) -> pd.Series:
    """Return scores in [0, 1], NaN where unknown."""
    values = numbers(table, column)
    table.refuse(values < 0, "a score cannot be negative; leave it blank if unknown", column=column)
    too_large = values > 1
    if too_large.any():
        row = first_row(too_large)
        complaint = _percent_hint(cast(float, values.at[row]), values)
        raise table.error(complaint, row=row, column=column)
    return values


def _percent_hint(value: float, column: pd.Series) -> str:
    scored = column[column > 0]
    if len(scored) > 1 and (scored > 1).all():
        return (
            "scores are fractions of 1; the whole column seems to be in percent: divide it by 100"
        )
    if value <= 100:
        return f"scores are fractions of 1; did you mean {value / 100:.6g}?"
    return "scores are fractions of 1, from 0 to 1; correct it, or leave it blank if unknown"


def flags(table: Table, column: str) -> pd.Series:
    """Return a column of yes and no as bool; every cell false where there is no such column."""
    if column not in table.cells:
        return pd.Series(False, index=table.cells.index)
    text = table.cells[column].str.lower()
    table.refuse(
        ~text.isin(FLAGS),
        "write true or false (or yes or no, 1 or 0) in every row; without the column, every "
        "model counts as not tuned",
        column=column,
    )
    return text.map(FLAGS).astype(bool)


def families(table: Table) -> pd.DataFrame:
    """Return the lineage and the variant of each row; either stands in for the other."""
    cells = table.cells
    blank = pd.Series("", index=cells.index)
    variant, lineage = (cells.get(column, blank) for column in ("variant", "lineage"))
    if "variant" not in cells and "lineage" not in cells:
        raise table.error(
            "there is no column 'variant'; add it: the family of the model, where tuned models "
            "form a family of their own"
        )
    variant = variant.where(variant != "", lineage)
    lineage = lineage.where(lineage != "", variant)
    table.refuse(variant == "", "the family is blank; name the variant", column="variant")
    return pd.DataFrame({"lineage": lineage, "variant": variant})


def check_agreement(table: Table, models: pd.DataFrame) -> None:
    """Refuse a variant that has two lineages, or both tuned and untuned models."""
    remedies = {
        "lineage": "a variant descends from one lineage; correct one of the rows, or use two names",
        "instruct": "a variant is either tuned or not; give the tuned models their own variant",
    }
    for column, remedy in remedies.items():
        first = models.groupby("variant")[column].transform("first")
        differs = models[column] != first
        if differs.any():
            row = first_row(differs)
            variant = str(models.at[row, "variant"])
            here, there = (str(flag.at[row]).lower() for flag in (models[column], first))
            other = first_row(models["variant"] == variant)
            raise table.error(
                f"variant '{variant}' has {column} '{here}' here and '{there}' on "
                f"{table.counter} {other}; {remedy}",
                row=row,
                column=column,
            )


def declarations(table: Table, known: Iterable[str]) -> pd.DataFrame:
    """Return declared benchmarks with chance and n_items as floats.

    Both may be blank for a benchmark that is `known` already, and stay as they are known.
    """
    require_columns(table, ["chance", "n_items"])
    chance, n_items = numbers(table, "chance"), numbers(table, "n_items")
    needed = ~table.cells[table.key].isin(list(known))
    table.refuse(
        (needed & chance.isna()) | (chance < 0) | (chance >= 1),
        "give the score of pure guessing, at least 0 and below 1: 0.25 for four options",
        column="chance",
    )
    table.refuse(
        (needed & n_items.isna()) | (n_items <= 0) | (n_items % 1 > 0),
        "give the number of questions, a whole number above zero",
        column="n_items",
    )
    return table.cells.assign(chance=chance, n_items=n_items)
