"""Skills are known up to a rotation: bring all draws to the same one before they are summarised."""

from __future__ import annotations

import numpy as np
import xarray as xr


def align(posterior: xr.Dataset, directions: np.ndarray) -> xr.Dataset:
    """Rotate and reflect the skills of every draw towards the given directions.

    The orthogonal Procrustes rotation (Schönemann 1966): with ``L' D = U s V'`` the loadings L
    become ``L U V'``, the closest to D that a rotation reaches. Loadings and skills of models are
    turned by the same matrix, so predictions do not change.

    Parameters
    ----------
    posterior : Dataset
        With ``loadings`` (benchmark, skill) and ``model_skill`` (model, skill).
    directions : array of shape (benchmark, skill)

    Returns
    -------
    Dataset
    """
    loadings = posterior["loadings"].transpose("chain", "draw", "benchmark", "skill")
    left, _, right = np.linalg.svd(np.swapaxes(loadings.to_numpy(), -1, -2) @ directions)
    turn = left @ right
    aligned = {"loadings": loadings.copy(data=loadings.to_numpy() @ turn)}
    if "model_skill" in posterior:
        skill = posterior["model_skill"].transpose("chain", "draw", "model", "skill")
        aligned["model_skill"] = skill.copy(data=skill.to_numpy() @ turn)
    return posterior.assign(aligned)


def shared_covariance(posterior: xr.Dataset) -> xr.DataArray:
    """Return ``L L'``, which no rotation changes, with dims chain, draw, benchmark, benchmark_2."""
    loadings = posterior["loadings"]
    other = loadings.rename(benchmark="benchmark_2")
    return xr.dot(loadings, other, dim="skill").transpose(
        "chain", "draw", "benchmark", "benchmark_2"
    )
