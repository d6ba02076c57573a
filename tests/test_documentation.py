"""The documentation builds without a warning, and its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MADE = {ROOT / "docs" / name for name in ("generated", "notebooks")}
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("notebooks/*.ipynb"),
    *(page for page in (ROOT / "docs").rglob("*.md") if not MADE & set(page.parents)),
]


@pytest.mark.slow
def test_pages_build_without_warnings(tmp_path: Path):
    for made in MADE:  # may be stale
        shutil.rmtree(made, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    folders = [ROOT / "docs", tmp_path / "site", "-d", tmp_path / "doctrees"]
    done = subprocess.run(
        [*command, *map(str, folders)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "notebooks" / "tour.html").is_file()
    reference = (tmp_path / "site" / "command_line.html").read_text()
    assert "bayes-sloth plan target" in reference


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_of_the_repository(page: Path):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    for target in targets:
        path = target.partition("#")[0]
        if path and not path.startswith("http"):
            assert (page.parent / path).exists(), target
