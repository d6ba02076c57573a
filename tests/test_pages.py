"""Pages hold what their scripts write from the committed results: no figure is typed by hand."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])


@pytest.mark.parametrize(
    "page", ["model", "identifiability", "planning", "downstream", "test_time"]
)
def test_marked_parts_are_what_the_script_writes(page: str):
    filled = import_module("page_blocks").filled
    committed = (ROOT / "docs" / f"{page}.md").read_text()
    assert filled(committed, import_module(f"{page}_page").blocks()) == committed, (
        f"run: python benchmarks/{page}_page.py"
    )


@pytest.mark.parametrize("page", ["results", "performance_law", "comparison"])
def test_written_pages_are_what_the_script_writes(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = import_module(f"{page}_page")
    monkeypatch.setattr(script, "DOCS", tmp_path)
    script.main()
    written = (tmp_path / f"{page}.md").read_text()
    assert written == (ROOT / "docs" / f"{page}.md").read_text(), (
        f"run: python benchmarks/{page}_page.py"
    )


def test_a_changed_result_changes_the_page():
    downstream, blocks = import_module("downstream_page"), import_module("page_blocks")
    cells = downstream.read("downstream_cells")
    everywhere = cells.assign(actual=2.0)  # above every interval
    assert (downstream.lineage_table(everywhere)["inside 90 %"] == 0).all()
    page = "a <!-- x -->old<!-- /x --> b"
    assert blocks.filled(page, {"x": "new"}) == "a <!-- x -->new<!-- /x --> b"
    with pytest.raises(ValueError, match="marks"):
        blocks.filled(page, {"y": "new"})
