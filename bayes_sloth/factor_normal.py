r"""The multivariate normal whose covariance is a few shared factors plus a diagonal.

With loadings :math:`\Lambda` (benchmark, skill) and specific scales :math:`\psi`,

.. math::

    \Omega = \Lambda \Lambda^\top + \operatorname{diag}(\psi^2), \qquad
    \begin{pmatrix} \operatorname{diag}(\psi)^{-1} \Lambda \\ I \end{pmatrix}
    = \begin{pmatrix} Q \\ R^{-1} \end{pmatrix} R ,

the right side by Gram and Schmidt. Then, with :math:`w = \operatorname{diag}(\psi)^{-1} z`
(Woodbury's identity and the matrix determinant lemma),

.. math::

    z^\top \Omega^{-1} z = \lVert w \rVert^2 - \lVert Q^\top w \rVert^2, \qquad
    \tfrac12 \log |\Omega| = \textstyle\sum_k \log R_{kk} + \sum_b \log \psi_b .

That costs benchmarks x skills for each row, and leaves a graph of elementwise operations, which
compiles faster than a Cholesky factor of :math:`\Omega` with its gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def product(left: Any, right: Any) -> Any:
    """Return the matrix product of small matrices, as an elementwise product that is summed.

    Each ``@`` of a graph is compiled on its own, forward and backward, which is slow; this
    is not, and with a few skills or covariates to sum over it is as fast.

    Parameters
    ----------
    left, right : symbolic matrices

    Returns
    -------
    symbolic matrix
    """
    return (left[:, :, None] * right[None, :, :]).sum(axis=1)


def orthonormal(matrix: Any, columns: int) -> tuple[Any, Any]:
    """Return an orthonormal basis of a matrix's columns, and the log volume they span.

    Parameters
    ----------
    matrix : symbolic matrix of shape (row, column)
        Of full column rank.
    columns : int

    Returns
    -------
    basis : symbolic matrix of shape (row, column)
        By the modified Gram-Schmidt process.
    log_volume : symbolic scalar
        Half the log determinant of ``matrix.T @ matrix``; of a square matrix, the log of the
        absolute value of its determinant.
    """
    import pytensor.tensor as pt

    basis: list[Any] = []
    log_volume = 0.0
    for k in range(columns):
        column = matrix[:, k]
        for unit in basis:
            column = column - (unit * column).sum() * unit
        length = pt.sqrt((column**2).sum())
        basis.append(column / length)
        log_volume = log_volume + pt.log(length)
    return pt.stack(basis, axis=1), log_volume


def factor_normal(name: str, mean: Any, loadings: Any, specific_sd: Any, dims: Any = None) -> Any:
    """Add rows of independent normals with covariance ``L L' + diag(sd^2)`` to the PyMC model.

    Parameters
    ----------
    name : str
    mean : symbolic matrix of shape (row, benchmark)
    loadings : symbolic matrix of shape (benchmark, skill), or None
        Without loadings benchmarks are independent.
    specific_sd : symbolic vector of shape (benchmark,), or None
        Without specific scales the rows lie in the span of the loadings, and are sampled as
        their skills, ``{name}_skill``.
    dims : tuple of str
        Of the row and of the benchmark.

    Returns
    -------
    symbolic matrix of shape (row, benchmark)
    """
    import pymc as pm

    if loadings is None:
        return pm.Normal(name, mean, specific_sd, dims=dims)
    if specific_sd is None:
        skill = pm.Normal(f"{name}_skill", dims=(dims[0], "skill"))
        return pm.Deterministic(name, mean + product(skill, loadings.T), dims=dims)
    return pm.CustomDist(
        name,
        mean,
        loadings,
        specific_sd,
        dist=_draw,
        logp=log_density,
        support_point=lambda rv, size, mean, *_: mean,
        dims=dims,
    )


def half_centred(
    name: str, mean: Any, loadings: Any, specific_sd: Any, weak: np.ndarray, dims: Any
) -> Any:
    r"""Add the rows of `factor_normal`, in coordinates that suit benchmarks of little information.

    Where scores say little of a row, its effect follows its prior, and as a parameter of its own
    makes a funnel with the prior's scale. So only the strong benchmarks' effects :math:`z` are
    parameters themselves. Given them, and with means zero, the weak ones' are

    .. math::

        \Lambda_{\text{weak}} R^{-1} Q^\top \operatorname{diag}(\psi)^{-1} z
        + \psi_{\text{weak}}\, \varepsilon, \qquad
        \varepsilon \sim N(0,\; B B^\top + I), \quad
        B = \operatorname{diag}(\psi_{\text{weak}})^{-1} \Lambda_{\text{weak}} R^{-1},

    with Q and R of the strong benchmarks (module docstring), and :math:`\varepsilon` sampled.

    Parameters
    ----------
    name, mean, loadings, specific_sd, dims : as of `factor_normal`
    weak : array of bool, shape (benchmark,)
        At least one must be strong.

    Returns
    -------
    symbolic matrix of shape (row, benchmark)
    """
    import pymc as pm
    import pytensor.tensor as pt

    strong, weak = np.flatnonzero(~weak), np.flatnonzero(weak)
    if not len(weak) or specific_sd is None:
        return factor_normal(name, mean, loadings, specific_sd, dims)
    order, centre = np.argsort(np.concatenate([strong, weak])), mean[:, strong]
    if loadings is None:
        part = pm.Normal(f"{name}_strong", centre, specific_sd[strong])
        rest = pm.Normal(f"{name}_rest", shape=mean[:, weak].shape)
        built = mean[:, weak] + specific_sd[weak] * rest
        return pm.Deterministic(name, pt.concatenate([part, built], axis=1)[:, order], dims=dims)
    skills = loadings.type.shape[1]
    part = factor_normal(f"{name}_strong", centre, loadings[strong], specific_sd[strong])
    scaled = loadings[strong] / specific_sd[strong][:, None]
    basis, _ = orthonormal(pt.concatenate([scaled, np.eye(skills)]), skills)
    relative = product(loadings[weak] / specific_sd[weak][:, None], basis[len(strong) :])
    none, ones = pt.zeros_like(mean[:, weak]), np.ones(len(weak))
    rest = factor_normal(f"{name}_rest", none, relative, ones)
    factor = product((part - centre) / specific_sd[strong], basis[: len(strong)])
    built = mean[:, weak] + specific_sd[weak] * (product(factor, relative.T) + rest)
    return pm.Deterministic(name, pt.concatenate([part, built], axis=1)[:, order], dims=dims)


def log_density(value: Any, mean: Any, loadings: Any, specific_sd: Any) -> Any:
    """Return the log density of all rows together, a symbolic scalar.

    Parameters
    ----------
    value, mean : symbolic matrices of shape (row, benchmark)
    loadings : symbolic matrix of shape (benchmark, skill)
    specific_sd : symbolic vector of shape (benchmark,)
    """
    import pytensor.tensor as pt

    skills = loadings.type.shape[1]
    scaled = loadings / specific_sd[:, None]
    basis, log_volume = orthonormal(pt.concatenate([scaled, np.eye(skills)]), skills)
    away = (value - mean) / specific_sd
    shared = product(away, basis[: loadings.shape[0]])
    log_determinant = log_volume + pt.log(specific_sd).sum()
    rows, benchmarks = value.shape
    return -0.5 * ((away**2).sum() - (shared**2).sum()) - rows * (
        log_determinant + 0.5 * benchmarks * np.log(2 * np.pi)
    )


def _draw(mean: Any, loadings: Any, specific_sd: Any, size: Any) -> Any:
    import pymc as pm

    factor = pm.Normal.dist(shape=(mean.shape[0], loadings.shape[1]))
    rest = pm.Normal.dist(shape=mean.shape)
    return mean + factor @ loadings.T + specific_sd * rest
