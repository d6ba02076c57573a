"""Fits on disk: written whole or not at all, and read with one clear error."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


def write_tree(tree: xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write a tree to a netCDF file that ArviZ opens: beside its place, and then moved there."""
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        raise InputError(f"cannot write '{target}': give the name of a file in a folder")
    handle, temporary = tempfile.mkstemp(suffix=".part", dir=target.parent)
    os.close(handle)
    try:
        tree.to_netcdf(temporary, engine="h5netcdf", mode="w")
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target


def read_tree(path: str | os.PathLike[str], kind: str, made_by: str) -> xr.DataTree:
    """Read a tree whose attribute ``bayes_sloth_kind`` is `kind`.

    Parameters
    ----------
    path : path-like
    kind : str
        What the file must hold.
    made_by : str
        The command that makes such a file, for the error.

    Raises
    ------
    InputError
        If the file is missing, truncated or of another kind.
    """
    import xarray as xr

    if not Path(path).is_file():
        raise InputError(f"there is no {kind} at '{path}'; make one with: {made_by}")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as lazy:
            tree = lazy.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"'{path}' cannot be read: it is truncated, or not netCDF; make it again with: "
            f"{made_by}"
        ) from error
    if tree.attrs.get("bayes_sloth_kind") != kind:
        raise InputError(f"'{path}' is not a {kind} of bayes_sloth; make one with: {made_by}")
    return tree
