"""Keep results on disk: written whole or not at all, read with one clear error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

GROUPS = ("posterior", "sample_stats", "constant_data")


class SavedFit:
    """What every fit has: a tree of draws, which is kept on disk.

    Attributes
    ----------
    tree : DataTree
        ``posterior``, ``sample_stats`` and ``constant_data``, as ArviZ names them.
    """

    tree: xr.DataTree

    @property
    def posterior(self) -> xr.Dataset:
        """Draws, with dims chain, draw and the model's own."""
        return self.tree["posterior"].to_dataset()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fit to a netCDF file that ArviZ opens.

        The file appears whole or not at all: it is written beside its place and then moved there.

        Parameters
        ----------
        path : path-like
            Such as ``fit.nc``.

        Returns
        -------
        Path
        """
        return write_tree(self.tree, path)


def write_tree(tree: xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write a tree to a netCDF file that ArviZ opens.

    The file appears whole or not at all: it is written beside its place and then moved there.

    Parameters
    ----------
    tree : DataTree
    path : path-like

    Returns
    -------
    Path
    """
    check_writable(path)
    return _whole(path, lambda part: tree.to_netcdf(part, engine="h5netcdf", mode="w"))


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write text in UTF-8 whole or not at all, into a folder that exists."""
    check_writable(path)
    return _whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON whole or not at all, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(content))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written to, before work is spent on what goes there."""
    target = Path(path)
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise InputError(
            f"cannot write '{target}': give the name of a file in a folder that exists"
        )
    if target.suffix.lower() == ".csv":
        raise InputError(f"'{target}' is the name of a table, which would be lost; give another")
    if not os.access(target.absolute().parent, os.W_OK):
        raise InputError(f"cannot write '{target}': you may not write in that folder; give another")


def check_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a file where results are to be kept in a folder."""
    if Path(path).is_file():
        raise InputError(f"cannot keep results in '{path}': it is a file; give a folder")


def _whole(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Write beside the place and move there, so that a file appears whole or not at all."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, target)
    except OSError as error:
        raise InputError(f"cannot write '{target}' ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def slug(name: str) -> str:
    """Return a name of a file for any name."""
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in name)


def open_tree(path: str | os.PathLike[str], make: str) -> xr.DataTree:
    """Read a whole tree into memory.

    Parameters
    ----------
    path : path-like
    make : str
        Command that makes such a file, named in errors.

    Returns
    -------
    DataTree

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    import xarray as xr

    if Path(path).is_dir():
        raise InputError(
            f"'{path}' is a folder; give the file of a fit, as {Path(path) / 'fit.nc'}"
        )
    if not Path(path).is_file():
        raise InputError(f"there is no fit at '{path}'; make one with: {make}")
    if Path(path).suffix.lower() == ".csv":
        raise InputError(f"'{path}' is a table, not a fit; make a fit of it, and give that")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as lazy:
            return lazy.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"'{path}' cannot be read as a fit: it is truncated, or not netCDF; "
            f"make it again with: {make}"
        ) from error


def read_tree(
    path: str | os.PathLike[str],
    *,
    mark: str,
    version: int,
    variables: Collection[str] | Callable[[Mapping[Any, Any]], Collection[str]],
    command: str,
) -> xr.DataTree:
    """Read a tree that `write_tree` wrote.

    Parameters
    ----------
    path : path-like
    mark : str
        Attribute that holds the version of the format.
    version : int
        The version that can be read.
    variables : collection of str, or callable
        What the posterior must hold; or a function that tells it from the file's attributes.
    command : str
        Command that makes such a file, named in errors.

    Returns
    -------
    DataTree

    Raises
    ------
    InputError
        If the file is missing, is not a fit, is incomplete or of another format.
    """
    make = f"{command} --out {path}"
    again = f"make it again with: {make}"
    tree = open_tree(path, make)
    found = tree.attrs.get(mark)
    if found is not None and int(found) != version:
        raise InputError(
            f"'{path}' is a fit of format {found} (bayes_sloth "
            f"{tree.attrs.get('bayes_sloth_version')}), this version reads format {version}; "
            f"{again}"
        )
    try:
        needed = variables(tree.attrs) if callable(variables) else variables
        complete = found is not None and set(GROUPS) <= set(tree.children)
        complete = complete and set(tree["posterior"].data_vars) >= set(needed)
    except (KeyError, TypeError, ValueError):  # its attributes do not say what it is
        complete = False
    if not complete:
        raise InputError(f"'{path}' is not a complete fit of this kind; {again}")
    return tree
