"""Run the notebooks, each from a clean kernel, and keep their outputs.

::

    python notebooks/run.py                         # all, in full; outputs are written in place
    python notebooks/run.py tour planning           # some
    python notebooks/run.py --folder /tmp/fits      # with the fits of another folder
    python notebooks/run.py --draws 50              # a quick check that they run: writes nothing

A notebook opens ``fit.nc``, ``law.nc`` and ``math.nc`` in the folder it runs in, and makes what is
missing: remove them after a change to the model. Outputs are written once every cell has run, or
the notebook stays as it was.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def run(path: Path, folder: Path, draws: int | None = None) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of a clean kernel.

    Parameters
    ----------
    path : Path
    folder : Path
        Where its kernel works.
    draws : int, optional
        In place of the value in the cell tagged ``parameters``.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        Where a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    given = [place for place, cell in enumerate(notebook.cells) if _is_parameters(cell)]
    if len(given) != 1:
        raise ValueError(f"{path.name}: one cell must be tagged 'parameters', not {len(given)}")
    if draws is not None:  # after the parameters, as papermill does
        notebook.cells.insert(given[0] + 1, nbformat.v4.new_code_cell(f"draws = {draws}"))
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    return client.execute()


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    notebook.metadata["language_info"] = {"name": "python"}  # not the versions of this machine
    part = path.with_suffix(".ipynb.part")
    nbformat.write(notebook, part)
    os.replace(part, path)


def _is_parameters(cell: nbformat.NotebookNode) -> bool:
    return "parameters" in cell.metadata.get("tags", [])


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="such as tour; all by default")
    parser.add_argument("--folder", type=Path, default=HERE, help="where fits are kept")
    parser.add_argument("--draws", type=int, help="of each chain, for a check without writing")
    arguments = parser.parse_args()
    names = arguments.names or sorted(path.stem for path in HERE.glob("*.ipynb"))
    for name in names:
        path = HERE / f"{name}.ipynb"
        done = run(path, arguments.folder.resolve(), arguments.draws)
        if arguments.draws is None:
            write(done, path)
        print(f"{name}: done", flush=True)


if __name__ == "__main__":
    main()
