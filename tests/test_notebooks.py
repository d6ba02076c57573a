"""Notebooks run from a clean kernel, with short fits in place of full ones."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
spec = spec_from_file_location("run_notebooks", FOLDER / "run.py")
assert spec is not None and spec.loader is not None
runner = module_from_spec(spec)
spec.loader.exec_module(runner)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, fits_folder: Path):
    runner.run(path, fits_folder, draws=50)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_with_clean_outputs(path: Path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells), "run: python notebooks/run.py"
    kinds = {kind for cell in cells for out in cell.outputs for kind in out.get("data", {})}
    assert kinds <= {"text/plain", "text/html", "image/png"}
    assert not any(out.get("name") == "stderr" for cell in cells for out in cell.outputs)
    assert path.stat().st_size < 1_000_000


def test_a_failing_cell_leaves_the_notebook_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cell = nbformat.v4.new_code_cell("draws = 1", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("1 / 0")])
    path = tmp_path / "bad.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    monkeypatch.setattr(runner, "HERE", tmp_path)
    monkeypatch.setattr("sys.argv", ["run.py", "bad"])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        runner.main()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["bad.ipynb"]


def test_draws_are_set_after_the_parameters(tmp_path: Path):
    cell = nbformat.v4.new_code_cell("draws = 1000", metadata={"tags": ["parameters"]})
    cells = [cell, nbformat.v4.new_code_cell("print(draws)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    done = runner.run(tmp_path / "one.ipynb", tmp_path, draws=7)
    assert done.cells[-1].outputs[0]["text"] == "7\n"
