"""What commands share: reading tables, printing them, and refusing bad options early."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from bayes_sloth.scores import Scores

DEFAULT_FIT = "fit.nc"
LARGE = 1e6  # operations, not scores: written as 7.2e+23
SEED = click.IntRange(min=0)
LONGEST_TEXT = 34  # columns of the terminal that a text asks for before it is folded


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


def echo_fit(fit: object, out: str, command: str) -> None:
    """Say what was fitted, where it is, and the next command."""
    text = repr(fit).partition("\n  Next:")[0]  # that of Python
    click.echo(f"{text}\nSaved to {out}. Next: {command}")


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


def print_warnings(texts: Iterable[str], kind: str = "warning") -> None:
    """Say on stderr what to know; in colour where a person sees it."""
    for text in texts:
        click.echo(f"{styled(f'{kind}:', fg='yellow')} {text}", err=True)


def note_progress(text: str) -> None:
    """Say what is being waited for, where a person sees it."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def styled(text: str, **style: Any) -> str:
    """Return text in colour, unless NO_COLOR is set (no-color.org); click strips it in pipes."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def print_table(table: pd.DataFrame, title: str, *, as_json: bool = False, digits: int = 4) -> None:
    """Print a table to the width of the terminal, or as JSON records.

    Columns that do not fit beside one another follow below, behind the first column again.
    """
    if as_json:
        click.echo(table.to_json(orient="records", indent=2))
        return
    from rich.console import Console

    # A pipe has no width: do not cut what goes there.
    console = Console(width=None if sys.stdout.isatty() else 200)
    texts = [[_text(value, digits) for value in row] for row in table.itertuples(index=False)]
    for i, columns in enumerate(_that_fit(table, texts, console.width)):
        console.print(_rich_table(table, texts, columns, title if i == 0 else f"{title} (more)"))


def _that_fit(table: pd.DataFrame, texts: list[list[str]], width: int) -> list[list[int]]:
    """Return which columns stand beside one another; the first one stands in all."""
    needs = [
        max(map(len, (str(name), *(row[i] for row in texts)))) + 3 for i, name in enumerate(table)
    ]
    needs = [min(need, LONGEST_TEXT) for need in needs]
    parts: list[list[int]] = [[]]
    for i, need in enumerate(needs):
        if len(parts[-1]) > 1 and sum(needs[j] for j in parts[-1]) + need >= width:
            parts.append([0])
        parts[-1].append(i)
    return parts


def _rich_table(
    table: pd.DataFrame, texts: list[list[str]], columns: list[int], title: str
) -> Table:
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=title, title_justify="left", title_style="bold")
    for i in columns:
        numeric = table.iloc[:, i].dtype.kind in "fi"
        # A number is never broken; a long text is folded.
        shown.add_column(
            str(table.columns[i]),
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
        )
    for row in texts:
        shown.add_row(*(escape(row[i]) for i in columns))
    return shown


def _text(value: object, digits: int) -> str:
    if isinstance(value, float):
        if abs(value) >= LARGE:
            return f"{value:.3g}"
        return "" if value != value else f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return str(value)
