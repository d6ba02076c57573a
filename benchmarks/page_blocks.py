"""Parts of a page that a script writes, between marks that a reader of the page does not see."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import TextWrapper

ROOT = Path(__file__).parents[1]
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"

wrap = TextWrapper(width=100, break_long_words=False, break_on_hyphens=False).fill


def filled(page: str, blocks: dict[str, str]) -> str:
    """Return a page with each block's text between ``<!-- name -->`` and ``<!-- /name -->``.

    A block that stands on lines of its own keeps them, wrapped unless it is a table; one within a
    sentence stays within it. Raises ValueError where marks and blocks do not match one to one.
    """
    marks = re.findall(r"<!-- /(\w+) -->", page)
    if sorted(marks) != sorted(blocks):
        raise ValueError(f"the page has the marks {sorted(marks)}, not {sorted(blocks)}")
    for name, text in blocks.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, rest = page.split(start)
        inside, after = rest.split(end)
        if inside.startswith("\n"):
            text = f"\n{text if text.startswith('|') else wrap(text)}\n"
        page = f"{before}{start}{text}{end}{after}"
    return page


def write_page(name: str, blocks: dict[str, str]) -> None:
    """Fill in a page of ``docs/`` in place."""
    file = DOCS / f"{name}.md"
    file.write_text(filled(file.read_text(), blocks))
