"""The documentation builds without a warning."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_pages_build_without_warnings(tmp_path: Path):
    for made in ("generated", "notebooks"):  # may be stale
        shutil.rmtree(ROOT / "docs" / made, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    folders = [ROOT / "docs", tmp_path / "site", "-d", tmp_path / "doctrees"]
    done = subprocess.run(
        [*command, *map(str, folders)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "notebooks" / "tour.html").is_file()
    reference = (tmp_path / "site" / "command_line.html").read_text()
    assert "bayes-sloth plan target" in reference
