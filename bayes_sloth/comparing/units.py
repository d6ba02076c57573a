"""What is left out at a time: a score, a model or a family, with the effects that leave with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError

if TYPE_CHECKING:
    from bayes_sloth.design import Design

UNITS = ("score", "model", "family")


@dataclass(frozen=True, eq=False)
class Unit:
    """Scores that are left out together.

    Attributes
    ----------
    name : str
        ``model, benchmark`` of a score; a model; a lineage.
    cells : array of int
        Positions of its known scores in the flattened table.
    models : DataFrame
        Its models, as `bayes_sloth.predictor.family_prior` takes them: with the positions of
        lineage and variant where other models share them, -1 and -2 where they leave with the
        unit.
    """

    name: str
    cells: np.ndarray
    models: pd.DataFrame


def units_of(design: Design, unit: str) -> list[Unit]:
    """Return the units of a table of scores.

    Parameters
    ----------
    design : Design
    unit : {"score", "model", "family"}
        A family is a lineage: all variants of one origin.

    Returns
    -------
    list of Unit
        In the order of the table.
    """
    if unit not in UNITS:
        raise InputError(f"unit '{unit}' is not one of {', '.join(UNITS)}")
    values = design.scores.values.to_numpy(float)
    known, benchmarks = ~np.isnan(values), design.scores.benchmarks.index
    everywhere = np.arange(values.size).reshape(values.shape)
    if unit == "score":
        return [
            Unit(f"{design.scores.models.index[m]}, {benchmarks[b]}", everywhere[m, [b]],
                 _placed(design, np.array([m])))
            for m, b in zip(*np.nonzero(known), strict=True)
        ]  # fmt: skip
    if unit == "model":
        groups = {str(n): np.array([m]) for m, n in enumerate(design.scores.models.index)}
    else:
        groups = {
            str(name): np.flatnonzero(design.lineage_of_model == position)
            for position, name in enumerate(design.lineages)
        }
    return [
        Unit(name, everywhere[rows][known[rows]], _placed(design, rows))
        for name, rows in groups.items()
    ]


def folds_of(design: Design, unit: str, count: int) -> list[list[str]]:
    """Divide units into folds of nearly the same size, the same for every specification.

    Parameters
    ----------
    design : Design
    unit : {"score", "model", "family"}
    count : int
        Of folds, at least two and at most as many as units.

    Returns
    -------
    list of list of str
        Names of the units of each fold.
    """
    units = units_of(design, unit)
    if not 2 <= count <= len(units):
        raise InputError(f"{count} folds of {len(units)} units: give from 2 to {len(units)}")
    if unit == "score":
        dealt = np.random.default_rng(1).permutation(len(units))
    elif unit == "model":  # siblings in different folds: each is forecast with the others known
        dealt = np.lexsort((design.scores.models["variant"], design.scores.models["lineage"]))
    else:  # folds of nearly the same number of scores
        dealt = np.argsort([-len(family.cells) for family in units], kind="stable")
    return [[units[i].name for i in dealt[fold::count]] for fold in range(count)]


def _placed(design: Design, rows: np.ndarray) -> pd.DataFrame:
    """Return the models of a unit, placed among the models that stay."""
    stay = np.setdiff1d(np.arange(len(design.scores.models)), rows)
    lineage, deviation = design.lineage_of_model[rows], design.deviation_of_model[rows]
    known = np.isin(deviation, design.deviation_of_model[stay])
    models = design.scores.models.iloc[rows]
    return models.assign(
        family=models["variant"],
        lineage_position=np.where(np.isin(lineage, design.lineage_of_model[stay]), lineage, -1),
        deviation_position=np.where((deviation < 0) | known, deviation, -2),
    )
