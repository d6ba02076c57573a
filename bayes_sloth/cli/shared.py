"""What commands share: reading tables, printing them, and refusing bad options early."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_sloth.scores import Scores

DEFAULT_FIT = "fit.nc"


def read_scores(path: str | None, benchmarks: str | None, as_published: bool) -> Scores:
    """Read a user's table, or the bundled one; its problems are an `InputError`."""
    from bayes_sloth.scores import benchmarks_of, load_scores

    if path is None:
        return load_scores(errata=not as_published).select(benchmarks_of("both"))
    return load_scores(path, benchmarks=benchmarks)


def check_writable(path: str, pictures: bool = False) -> None:
    """Refuse a place that cannot be written to before work is spent."""
    from bayes_sloth.storage import check_writable as check_place

    check_place(path)
    if pictures and Path(path).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"cannot draw '{path}': give a name that ends in .png, .svg or .pdf")


def numbers_of(text: str, option: str) -> list[float]:
    """Read numbers separated by commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} '{text}' is not a number, or several as 7,13,70") from None


def scores_of(texts: Iterable[str], option: str) -> dict[str, float]:
    """Read scores by benchmark, each as mmlu=0.62."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        try:
            number = float(value)
        except ValueError:
            raise InputError(
                f"{option} '{text}' is not a benchmark and a score, as mmlu=0.62"
            ) from None
        if name in found:
            raise InputError(f"{option}: '{name}' is given twice; give it once")
        found[name] = number
    return found


def describe_size(about: Mapping[str, Any]) -> str:
    """Write size and tokens of a model in words."""
    size, tokens = about["params_b"], about["tokens_t"]
    first = f"{size:g}B parameters" if size == size else "size not known"
    second = f"{tokens:g}T tokens" if tokens == tokens else "tokens not known"
    return f"{first}, {second}"


def save_figure(draw: Callable[[], Any], path: str) -> None:
    """Draw without a screen, and save the picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    draw()
    plt.gcf().savefig(path, dpi=150)


def print_table(table: pd.DataFrame, title: str, *, as_json: bool = False, digits: int = 4) -> None:
    """Print a table to the width of the terminal, or as JSON records."""
    if as_json:
        click.echo(table.to_json(orient="records", indent=2))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    # A pipe has no width: do not cut what goes there.
    console = Console(width=None if sys.stdout.isatty() else 200)
    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in table:
        numeric = table[column].dtype.kind in "fi"
        shown.add_column(str(column), justify="right" if numeric else "left")
    for row in table.itertuples(index=False):
        shown.add_row(*(escape(_text(value, digits)) for value in row))
    console.print(shown)


def _text(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return str(value)
