"""What is said to somebody whose table cannot be used: where it is wrong, and what to do."""

from pathlib import Path

import pandas as pd
import pytest

from bayes_sloth.errors import InputError
from bayes_sloth.scores import load_scores
from bayes_sloth.validate import TableSource

HEADER = "model,variant,params_b,tokens_t,mmlu,gsm8k"
GOOD = "first,v,7,2,0.5,0.1"


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def message(source: TableSource | None, benchmarks: TableSource | None = None) -> str:
    """Return what is said of a table that cannot be used."""
    with pytest.raises(InputError) as caught:
        load_scores(source, benchmarks=benchmarks)
    text = str(caught.value)
    assert "\n" not in text
    return text


# Name: content of the file, the place that the message names, and the remedy.
CASES: dict[str, tuple[str | bytes, list[str], str]] = {
    # the file
    "empty": ("", [], "needs a header and rows"),
    "blank lines": (",,\n\n", [], "needs a header and rows"),
    "header only": (table(), [], "add one row per model"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\x00", [], "save the table as CSV UTF-8"),
    "utf-16": (table(GOOD).encode("utf-16"), [], "save the table as CSV UTF-8"),
    "latin-1": ("mod\xe8le".encode("latin-1"), [], "save the table as CSV UTF-8"),
    "nul": (table(GOOD + "\0"), [], "save the table as CSV UTF-8"),
    "semicolons": (table(GOOD, header=HEADER).replace(",", ";"), ["line 1"], "by commas"),
    "cut short": (table(GOOD, "big,v,70,2"), ["line 3", "'big'", "4 fields"], "cut short"),
    "stray comma": (table(GOOD, "a,b,v,7,2,0.5,0.1"), ["line 3", "7 fields"], "double quotes"),
    "open quote": (table('"first,v,7,2,0.5,0.1'), ["line 2"], "double quotes"),
    # the header
    "column twice": (table(GOOD, header=HEADER.replace("gsm8k", "mmlu")), ["'mmlu'"], "keep one"),
    "nameless": (table(GOOD, header=HEADER.replace("mmlu", "")), ["column 5"], "name or remove"),
    "no model": (table(GOOD, header=HEADER.replace("model", "notes")), ["'model'"], "add it"),
    "no params": (
        table(GOOD, header=HEADER.replace("params_b", "param_b")),
        ["'params_b'"],
        "or rename 'param_b'",
    ),
    "no tokens": (
        table("a,v,7,0.5", header="model,variant,params_b,mmlu"),
        ["'tokens_t'"],
        "leave it blank where unknown",
    ),
    "no family": (
        table("a,7,2,0.5", header="model,params_b,tokens_t,mmlu"),
        ["'variant'"],
        "add it",
    ),
    "no benchmark": (
        table("a,v,7,2", header="model,variant,params_b,tokens_t"),
        [],
        "add at least one, such as mmlu",
    ),
    "misspelt benchmark": (
        table(GOOD, header=HEADER.replace("gsm8k", "gsmk8")),
        ["'gsmk8'"],
        "did you mean 'gsm8k'? To add a benchmark, declare it",
    ),
    "unknown benchmark": (
        table(GOOD, header=HEADER.replace("gsm8k", "zzz")),
        ["'zzz'"],
        "To add a benchmark, declare it",
    ),
    # names and families
    "model twice": (
        table(GOOD, "b,v,7,2,0.5,0.1", GOOD),
        ["line 4", "'first'", "on line 2"],
        "keep one of the rows",
    ),
    "blank model": (table(GOOD, ",v,7,2,0.5,0.1"), ["line 3", "'model'"], "write one"),
    "blank family": (table(GOOD, "b,,7,2,0.5,0.1"), ["line 3", "'b'", "'variant'"], "name the"),
    "two lineages": (
        table(
            "a,v,x,7,2,0.5", "b,v,y,7,2,0.5", header="model,variant,lineage,params_b,tokens_t,mmlu"
        ),
        ["line 3", "'b'", "'lineage'", "'x' on line 2"],
        "descends from one lineage",
    ),
    "mixed instruct": (
        table(
            "a,v,no,7,2,0.5",
            "b,v,1,7,2,0.5",
            header="model,variant,instruct,params_b,tokens_t,mmlu",
        ),
        ["line 3", "'b'", "'instruct'", "'false' on line 2"],
        "give the tuned models their own variant",
    ),
    "unclear instruct": (
        table("a,v,maybe,7,2,0.5", header="model,variant,instruct,params_b,tokens_t,mmlu"),
        ["line 2", "'a'", "'instruct'", "'maybe'"],
        "write true or false",
    ),
    "blank instruct": (
        table("a,v,,7,2,0.5", header="model,variant,instruct,params_b,tokens_t,mmlu"),
        ["line 2", "'a'", "'instruct'"],
        "write true or false",
    ),
    # no score anywhere
    "no score": (table("a,v,7,2,,", "b,v,7,2,,"), [], "fill in at least one"),
}

# One bad cell in the second row: column, value and remedy.
CELLS = [
    ("params_b", "7B", "write a plain number"),
    ("params_b", "nan", "leave the cell blank"),
    ("params_b", "7_000", "write a plain number"),
    ("params_b", "-7", "must be above zero"),
    ("params_b", "0", "leave the cell blank if it is unknown"),
    ("params_b", "inf", "leave the cell blank"),
    ("params_b", "7e9", "parameters are in billions: 7 means 7e9; did you mean 7?"),
    ("params_b", "70000", "did you mean 70?"),
    ("tokens_t", "2T", "write a plain number"),
    ("tokens_t", "0", "leave the cell blank"),
    ("tokens_t", "-1", "must be above zero"),
    ("tokens_t", "1e999", "leave the cell blank"),
    ("tokens_t", "15e12", "tokens are in trillions: 15 means 15e12; did you mean 15?"),
    ("tokens_t", "2000", "did you mean 2?"),
    ("mmlu", "62", "fractions of 1; did you mean 0.62?"),
    ("mmlu", "62.3", "did you mean 0.623?"),
    ("mmlu", "1.01", "did you mean 0.0101?"),
    ("mmlu", "150", "correct it, or leave it blank"),
    ("mmlu", "-0.1", "leave it blank if unknown"),
    ("mmlu", "-1", "leave it blank if unknown"),
    ("mmlu", "good", "write a plain number"),
    ("mmlu", "62%", "write a plain number"),
    ("mmlu", "NA", "leave the cell blank"),
    ("mmlu", "True", "write a plain number"),
]


@pytest.mark.parametrize(("content", "place", "remedy"), CASES.values(), ids=CASES.keys())
def test_bad_table(tmp_path: Path, content: str | bytes, place: list[str], remedy: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = message(path)
    assert text.startswith(str(path))
    assert all(part in text for part in place), text
    assert remedy in text


@pytest.mark.parametrize(("column", "value", "remedy"), CELLS)
def test_bad_cell(tmp_path: Path, column: str, value: str, remedy: str) -> None:
    row = {"model": "bad", "variant": "v", "params_b": "7", "tokens_t": "2", "gsm8k": ""}
    row |= {"mmlu": "0.6", column: value}
    path = tmp_path / "scores.csv"
    path.write_text(table(GOOD, ",".join(row[name] for name in HEADER.split(","))))
    text = message(path)
    assert text.startswith(f"{path}, line 3 (model 'bad'), column '{column}', value '{value}': ")
    assert remedy in text


def test_a_column_in_percent(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(table("a,v,7,2,0.5,0", "b,v,7,2,0.5,45.1", "c,v,7,2,0.5,62"))
    text = message(path)
    assert "line 3 (model 'b'), column 'gsm8k', value '45.1'" in text
    assert "the whole column seems to be in percent: divide it by 100" in text


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Blank lines and a text over two lines do not put the count out."""
    path = tmp_path / "scores.csv"
    rows = ('a,v,7,2,0.5,"two\nlines"', "", "bad,v,7,2,62,", "c,v,7,2,0.5,")
    path.write_text(table(*rows, header=HEADER.replace("gsm8k", "notes")))
    assert "line 5 (model 'bad')" in message(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    text = message(tmp_path / "none.csv")
    assert "none.csv" in text
    assert "check the path" in text
    assert "give a CSV file" in message(tmp_path)


def test_data_frames_count_rows_from_one() -> None:
    frame = pd.DataFrame(
        {"model": ["a", "b"], "variant": "v", "params_b": 7, "tokens_t": 2, "mmlu": [0.5, 62]}
    )
    text = message(frame)
    assert text.startswith("data frame, row 2 (model 'b'), column 'mmlu', value '62.0': ")
    assert "did you mean 0.62?" in text


DECLARATIONS: dict[str, tuple[str, list[str], str]] = {
    "no chance": ("benchmark,n_items\nmine,10", ["'chance'"], "add it"),
    "no items": ("benchmark,chance\nmine,0.5", ["'n_items'"], "add it"),
    "no name": ("name,chance,n_items\nmine,0.5,10", ["'benchmark'"], "add it"),
    "blank chance": ("benchmark,chance,n_items\nmine,,10", ["line 2", "'mine'"], "pure guessing"),
    "chance of one": ("benchmark,chance,n_items\nmine,1,10", ["line 2", "'chance'"], "below 1"),
    "chance below 0": ("benchmark,chance,n_items\nmine,-1,10", ["line 2", "'-1'"], "at least 0"),
    "blank items": ("benchmark,chance,n_items\nmine,0,", ["line 2", "'n_items'"], "whole number"),
    "zero items": ("benchmark,chance,n_items\nmine,0,0", ["line 2", "'0'"], "above zero"),
    "half an item": ("benchmark,chance,n_items\nmine,0,1.5", ["line 2", "'1.5'"], "whole number"),
    "twice": (
        "benchmark,chance,n_items\nmine,0,9\nmine,0,9",
        ["line 3", "already on line 2"],
        "keep one",
    ),
    "taken": ("benchmark,chance,n_items\ninstruct,0,9", ["line 2", "'instruct'"], "choose another"),
    "header only": ("benchmark,chance,n_items\n", [], "add one row per benchmark"),
}


@pytest.mark.parametrize(
    ("content", "place", "remedy"), DECLARATIONS.values(), ids=DECLARATIONS.keys()
)
def test_bad_declaration(tmp_path: Path, content: str, place: list[str], remedy: str) -> None:
    path = tmp_path / "benchmarks.csv"
    path.write_text(content)
    text = message(None, benchmarks=path)
    assert text.startswith(str(path))
    assert all(part in text for part in place), text
    assert remedy in text
