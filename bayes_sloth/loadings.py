"""Skills are known up to a rotation: sample on a slice through them, and align what was drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr


def rotation_slice(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a basis of loadings L with ``L' D`` symmetric, and the Jacobian of the slice.

    Parameters
    ----------
    directions : array of shape (benchmark, skill)
        D, with orthonormal columns.

    Returns
    -------
    basis : array of shape (benchmark * skill, coordinate)
        Orthonormal columns; ``(basis @ z).reshape(D.shape)`` lies on the slice.
    jacobian : array of shape (pair, pair, skill, skill)
        Contracted with ``S = L' D``: the matrix of ``A -> S A + A S`` on antisymmetric matrices,
        whose determinant is the volume of the orbit at L, up to a constant.
    """
    from scipy.linalg import null_space  # a forecast does without

    skills = directions.shape[1]
    unit = np.eye(skills)
    turns = np.array(
        [
            np.outer(unit[i], unit[j]) - np.outer(unit[j], unit[i])
            for i in range(skills)
            for j in range(i + 1, skills)
        ]
    ).reshape(-1, skills, skills)
    constraints = np.einsum("bj,pij->pbi", directions, turns).reshape(len(turns), directions.size)
    basis = null_space(constraints) if len(turns) else np.eye(directions.size)
    # <T_a, S T_b + T_b S> / 2, linear in S
    left = np.einsum("apj,bqj->abpq", turns, turns)
    right = np.einsum("aiq,bip->abpq", turns, turns)
    return basis, (left + right) / 2


def orbit_volume(loadings: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return the volume of each loadings' orbit under rotation, up to a constant.

    Parameters
    ----------
    loadings : array of shape (draw, benchmark, skill)
        On the slice through the directions.
    directions : array of shape (benchmark, skill)

    Returns
    -------
    array of shape (draw,)
        ``prod_{i<j} |s_i + s_j|``, s the eigenvalues of ``L' D``.
    """
    overlap = np.swapaxes(loadings, 1, 2) @ directions
    s = np.linalg.eigvalsh((overlap + np.swapaxes(overlap, 1, 2)) / 2)
    i, j = np.triu_indices(directions.shape[1], 1)
    return np.abs(s[:, i] + s[:, j]).prod(axis=1)


def align(posterior: xr.Dataset, directions: np.ndarray) -> xr.Dataset:
    """Rotate and reflect the skills of every draw towards the given directions.

    The orthogonal Procrustes rotation (Schönemann 1966): with ``L' D = U s V'`` the loadings L
    become ``L U V'``, the closest to D that a rotation reaches. Loadings and skills of models are
    turned by the same matrix, so predictions do not change; the turned loadings lie on the slice,
    so that a draw stays a point of the model.

    Parameters
    ----------
    posterior : Dataset
        With ``loadings`` (benchmark, skill) and skills, such as ``model_skill`` (model, skill);
        without loadings there is nothing to turn.
    directions : array of shape (benchmark, skill)

    Returns
    -------
    Dataset
    """
    if "loadings" not in posterior:
        return posterior
    loadings = posterior["loadings"].transpose("chain", "draw", "benchmark", "skill")
    left, _, right = np.linalg.svd(np.swapaxes(loadings.to_numpy(), -1, -2) @ directions)
    turn = left @ right
    aligned = {"loadings": loadings.copy(data=loadings.to_numpy() @ turn)}
    if "loading_coordinate" in posterior:
        basis, _ = rotation_slice(directions)
        flat = aligned["loadings"].to_numpy().reshape(*turn.shape[:2], -1)
        aligned["loading_coordinate"] = posterior["loading_coordinate"].copy(data=flat @ basis)
    for name in [name for name in posterior if str(name).endswith("_skill")]:
        skill = posterior[name].transpose("chain", "draw", ..., "skill")
        aligned[str(name)] = skill.copy(data=skill.to_numpy() @ turn)
    return posterior.assign(aligned)


def shared_covariance(posterior: xr.Dataset) -> xr.DataArray:
    """Return ``L L'``, which no rotation changes, with dims chain, draw, benchmark, benchmark_2."""
    loadings = posterior["loadings"]
    other = loadings.rename(benchmark="benchmark_2")
    return xr.dot(loadings, other, dim="skill").transpose(
        "chain", "draw", "benchmark", "benchmark_2"
    )


def alignment(posterior: xr.Dataset) -> pd.DataFrame:
    r"""Return how far aligned loadings are from one another, over draws and between chains.

    With :math:`\bar L` the mean of all draws, the residual over draws is
    :math:`\sqrt{\overline{\lVert L - \bar L \rVert^2} / \lVert \bar L \rVert^2}`, and between
    chains the largest such distance of a chain's own mean. Alignment has failed, or chains are in
    different modes, where chains differ by more than the draws of one.

    Parameters
    ----------
    posterior : Dataset
        With aligned ``loadings``.

    Returns
    -------
    DataFrame
        Indexed by ``over``: ``residual`` over draws and chains, and ``rhat``, the largest R-hat
        of the aligned loadings, in both rows.
    """
    import arviz_stats as azs

    loadings = posterior["loadings"].transpose("chain", "draw", ...)
    draws = loadings.to_numpy()
    mean = draws.mean(axis=(0, 1))
    size = (mean**2).sum()
    over_draws = np.sqrt(((draws - mean) ** 2).sum(axis=(2, 3)).mean() / size)
    between = np.sqrt(((draws.mean(axis=1) - mean) ** 2).sum(axis=(1, 2)).max() / size)
    rhat = float(azs.rhat(loadings.to_dataset(name="loadings"))["loadings"].max())
    return pd.DataFrame(
        {"residual": [over_draws, between], "rhat": rhat},
        index=pd.Index(["draws", "chains"], name="over"),
    )
