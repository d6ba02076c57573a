r"""Rotate loadings to a simple structure: gradient projection from many starts at once.

Loadings :math:`A` and a nonsingular :math:`T` with columns of unit length give
:math:`L = A (T^{-1})^\top`, skills :math:`T^\top \theta` and their correlation
:math:`\Phi = T^\top T`; predictions do not change. An orthogonal :math:`T` keeps skills
uncorrelated. A criterion :math:`Q(L)` is minimised over :math:`T` by gradient projection
(Jennrich 2001, 2002; Bernaards & Jennrich 2005):

.. math::

    \text{varimax} \; -\tfrac14 \sum_{bk} \bigl(l_{bk}^2 - \overline{l_{\cdot k}^2}\bigr)^2, \quad
    \text{geomin} \; \sum_b \Bigl(\prod_k (l_{bk}^2 + \epsilon)\Bigr)^{1/d}, \quad
    \text{target} \; \sum_{bk \text{ given}} (l_{bk} - h_{bk})^2 .

Such criteria have local optima, so one start proves nothing: the ending of every start is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError

GEOMIN_EPSILON = 0.01
NEAR = 0.1  # a second optimum this close to the best, relatively, calls for a warning
LONGEST_MOVE = 0.3  # of a matrix in one step: longer ones jump to where skills have swapped
_PROMAX_POWER = 4
_SAME = 1e-4  # optima that differ by less, relatively, are one

Criterion = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Rotation:
    """The best rotation that many starts found.

    Attributes
    ----------
    name : str
        Varimax, geomin, promax or target.
    matrix : array of shape (skill, skill)
        T: rotated loadings are ``loadings @ inv(T).T``.
    loadings : array of shape (benchmark, skill)
        Rotated; columns in order of their sum of squares, each with a positive sum.
    correlation : array of shape (skill, skill)
        Of the rotated skills.
    optima : DataFrame
        A row for each different optimum, best first: ``criterion`` and ``starts``, how many
        ended there.
    """

    name: str
    matrix: np.ndarray
    loadings: np.ndarray
    correlation: np.ndarray
    optima: pd.DataFrame

    @property
    def agreement(self) -> float:
        """Share of the starts that ended in the best optimum."""
        return float(self.optima["starts"].iloc[0] / self.optima["starts"].sum())

    @property
    def second_is_near(self) -> bool:
        """Whether the second optimum is within a tenth of the best."""
        values = self.optima["criterion"].to_numpy()
        return len(values) > 1 and bool(values[1] - values[0] < NEAR * abs(values[0]))

    def sentence(self) -> str:
        """Say how sure the rotation is."""
        values, total = self.optima["criterion"].to_numpy(), int(self.optima["starts"].sum())
        text = (
            f"{self.name}: criterion {values[0]:.4g}, found by {self.agreement:.0%} of {total} "
            "starts"
        )
        if self.second_is_near:
            second = self.optima["starts"].iloc[1]
            return (
                f"{text}; a second optimum is near ({values[1]:.4g}, {second} "
                "starts): skills may be read in another way, so do not lean on this reading"
            )
        return text + ("; no other optimum is near" if len(values) > 1 else "")


def rotate(
    loadings: np.ndarray,
    name: str = "geomin",
    *,
    target: np.ndarray | None = None,
    starts: int = 100,
    seed: int = 1,
) -> Rotation:
    """Rotate loadings by a named criterion, from many random starts.

    Parameters
    ----------
    loadings : array of shape (benchmark, skill)
    name : {"varimax", "geomin", "promax", "target"}
        Varimax is orthogonal, the others oblique. Promax is varimax followed by a least-squares
        fit to its fourth powers (Hendrickson & White 1964).
    target : array of shape (benchmark, skill), optional
        What loadings should be, NaN where nothing is asked (Browne 2001); for ``"target"``.
    starts : int
        Random orthogonal starts, the identity among them.
    seed : int

    Returns
    -------
    Rotation
    """
    skills = loadings.shape[1]
    if starts < 1:
        raise InputError(f"starts={starts} must be at least 1")
    criterion, oblique = _criterion(name, target, loadings.shape)
    first = random_starts(skills, starts, seed)
    ends, values = minimise(np.broadcast_to(loadings, (starts, *loadings.shape)), first,
                            criterion, oblique)  # fmt: skip
    best = ends[values.argmin()]
    if name == "promax":
        best = promax(loadings, best)
    if name != "target":
        best = _in_order(loadings, best)
    elif target is not None:  # its columns are in its own order
        best = _signed(loadings, best, target)
    return Rotation(
        name=name,
        matrix=best,
        loadings=rotated(loadings, best),
        correlation=best.T @ best,
        optima=_optima(values),
    )


def rotate_draws(
    draws: np.ndarray, rotation: Rotation, target: np.ndarray | None = None
) -> np.ndarray:
    """Rotate every draw of the loadings to its own optimum, started from the given rotation.

    Parameters
    ----------
    draws : array of shape (draw, benchmark, skill)
        Aligned to one another.
    rotation : Rotation
        Of a typical draw: which of the optima is meant.
    target : array of shape (benchmark, skill), optional

    Returns
    -------
    array of shape (draw, skill, skill)
        T of each draw.
    """
    first = np.broadcast_to(rotation.matrix, (len(draws), *rotation.matrix.shape))
    criterion, oblique = _criterion(rotation.name, target, draws.shape[1:])
    if rotation.name == "promax":  # its first half is an orthogonal rotation
        left, _, right = np.linalg.svd(first)
        ends, _ = minimise(draws, left @ right, criterion, oblique)
        return np.stack([promax(draw, end) for draw, end in zip(draws, ends, strict=True)])
    return minimise(draws, first, criterion, oblique)[0]


def rotated(loadings: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``loadings @ inv(T).T``, for one or many of each."""
    return loadings @ np.swapaxes(np.linalg.inv(matrix), -1, -2)


def random_starts(skills: int, starts: int, seed: int) -> np.ndarray:
    """Return the identity and random orthogonal matrices, of shape (start, skill, skill)."""
    normal = np.random.default_rng(seed).standard_normal((starts, skills, skills))
    q, r = np.linalg.qr(normal)
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]  # uniform (Mezzadri 2007)
    q[0] = np.eye(skills)
    return q


def minimise(
    loadings: np.ndarray,
    matrix: np.ndarray,
    criterion: Criterion,
    oblique: bool,
    *,
    steps: int = 1000,
    tolerance: float = 1e-6,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise a criterion for many loadings at once, by gradient projection.

    Parameters
    ----------
    loadings : array of shape (start, benchmark, skill)
    matrix : array of shape (start, skill, skill)
        Where each starts.
    criterion : callable
        Loadings to values of shape (start,) and gradients.
    oblique : bool
        Whether T is any matrix with columns of unit length, or orthogonal.
    steps : int
        At most.
    tolerance : float
        Norm of the projected gradient at which a start has ended.

    Returns
    -------
    matrix : array of shape (start, skill, skill)
    value : array of shape (start,)
    """
    gradient_of, retract = (_oblique_gradient, _unit) if oblique else (_turn_gradient, _turn)
    matrix, step = matrix.copy(), np.ones(len(matrix))
    value, slope = criterion(rotated(loadings, matrix))
    active = np.arange(len(matrix))
    moved, before = np.zeros_like(matrix), np.zeros_like(matrix)
    for _ in range(steps):
        projected = gradient_of(loadings[active], matrix[active], slope[active])
        squared = (projected**2).sum(axis=(1, 2))
        left = squared > tolerance**2
        active, projected, squared = active[left], projected[left], squared[left]
        if not len(active):
            break
        suggested = _step_length(moved[active], projected - before[active])
        step[active] = np.minimum(suggested, LONGEST_MOVE / np.sqrt(squared))
        before[active], moved[active] = projected, -matrix[active]
        searching = np.arange(len(active))
        for _ in range(30):  # halve until the value falls (Armijo)
            rows = active[searching]
            trial = retract(matrix[rows] - step[rows, None, None] * projected[searching])
            new_value, new_slope = criterion(rotated(loadings[rows], trial))
            good = new_value < value[rows] - 1e-4 * squared[searching] * step[rows]
            taken = rows[good]
            matrix[taken], value[taken] = trial[good], new_value[good]
            slope[taken] = new_slope[good]
            searching = searching[~good]
            if not len(searching):
                break
            step[active[searching]] /= 2
        moved[active] += matrix[active]
        active = np.delete(active, searching)  # no step lowers the value any more
    return matrix, value


def _step_length(moved: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Return the step that the last move and change of gradient suggest (Barzilai & Borwein 1988).

    Flat valleys of a criterion need thousands of steps of a length that is only doubled and halved,
    and a start that is cut short looks like an optimum of its own.
    """
    curvature = np.abs((moved * turned).sum(axis=(1, 2)))
    suggested = (moved**2).sum(axis=(1, 2)) / np.maximum(curvature, np.finfo(float).tiny)
    return np.where(curvature > 0, np.clip(suggested, 1e-8, 1e8), 1.0)


def promax(loadings: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return the oblique T whose loadings come closest to the powers of the turned ones."""
    simple = loadings @ turn
    powers = simple * np.abs(simple) ** (_PROMAX_POWER - 1)
    fitted = np.linalg.lstsq(simple, powers)[0]
    inverse = np.linalg.inv(fitted)
    scale = np.sqrt(np.diagonal(inverse @ inverse.T))
    return turn @ (inverse / scale[:, None]).T


def varimax(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the raw varimax criterion (Kaiser 1958) and its gradient."""
    squares = loadings**2
    away = squares - squares.mean(axis=-2, keepdims=True)
    return -0.25 * (away**2).sum(axis=(-1, -2)), -loadings * away


def geomin(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the geomin criterion (Yates 1987) and its gradient."""
    squares = loadings**2 + GEOMIN_EPSILON
    means = np.exp(np.log(squares).mean(axis=-1, keepdims=True))
    return means.sum(axis=(-1, -2)), 2 / loadings.shape[-1] * loadings / squares * means


def _toward(target: np.ndarray) -> Criterion:
    given = ~np.isnan(target)

    def criterion(loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = np.where(given, loadings - np.where(given, target, 0.0), 0.0)
        return (away**2).sum(axis=(-1, -2)), 2 * away

    return criterion


def _criterion(
    name: str, target: np.ndarray | None, shape: tuple[int, ...]
) -> tuple[Criterion, bool]:
    """Return a criterion by name, and whether its rotation is oblique."""
    if name == "target":
        if target is None or target.shape != shape:
            raise InputError(f"rotation 'target' needs a target of shape {shape}")
        given, least = int((~np.isnan(target)).sum()), shape[1] * (shape[1] - 1)
        if given < least:
            raise InputError(
                f"the target asks for {given} loadings; {shape[1]} oblique skills are not fixed by "
                f"fewer than {least}"
            )
        return _toward(target), True
    known = {"varimax": (varimax, False), "promax": (varimax, False), "geomin": (geomin, True)}
    if name not in known:
        raise InputError(f"rotation '{name}' is not one of {', '.join(known)}, target")
    return known[name]


def _oblique_gradient(loadings: np.ndarray, matrix: np.ndarray, slope: np.ndarray) -> np.ndarray:
    rotated_loadings = rotated(loadings, matrix)
    inner = np.swapaxes(rotated_loadings, -1, -2) @ slope @ np.linalg.inv(matrix)
    gradient = -np.swapaxes(inner, -1, -2)
    return gradient - matrix * (matrix * gradient).sum(axis=-2, keepdims=True)


def _turn_gradient(loadings: np.ndarray, matrix: np.ndarray, slope: np.ndarray) -> np.ndarray:
    gradient = np.swapaxes(loadings, -1, -2) @ slope
    inner = np.swapaxes(matrix, -1, -2) @ gradient
    return gradient - matrix @ (inner + np.swapaxes(inner, -1, -2)) / 2


def _unit(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.sqrt((matrix**2).sum(axis=-2, keepdims=True))


def _turn(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix)
    return left @ right


def _in_order(loadings: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Order columns by their sum of squares and make their sums positive."""
    shown = rotated(loadings, matrix)
    order = np.argsort(-(shown**2).sum(axis=0))
    signs = np.where(shown.sum(axis=0) < 0, -1.0, 1.0)
    return (matrix * signs)[:, order]


def _signed(loadings: np.ndarray, matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Make sums of columns positive where the target, of nothing but zeros, leaves them open."""
    open_ended = ~(np.nan_to_num(target) != 0).any(axis=0)
    return matrix * np.where(open_ended & (rotated(loadings, matrix).sum(axis=0) < 0), -1.0, 1.0)


def _optima(values: np.ndarray) -> pd.DataFrame:
    """Return different optima with how many starts ended in each, best first."""
    ordered = np.sort(values)
    close = np.diff(ordered) < _SAME * np.maximum(np.abs(ordered[:-1]), 1e-8)
    label = np.concatenate([[0], np.cumsum(~close)])
    groups = pd.DataFrame({"criterion": ordered, "optimum": label}).groupby("optimum")
    best, starts = groups["criterion"].min(), groups["criterion"].size()
    return pd.DataFrame({"criterion": best, "starts": starts})
