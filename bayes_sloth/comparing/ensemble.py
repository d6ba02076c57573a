"""Several fits of the same scores as one: their forecasts, mixed in proportion to weights."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.fitting import Fit, fit_of, load_fit
from bayes_sloth.storage import open_tree, write_tree

if TYPE_CHECKING:
    from bayes_sloth.checking import Check
    from bayes_sloth.forecasting import Forecast
    from bayes_sloth.scores import Scores

FORMAT = 1
MARK = "bayes_sloth_ensemble"
LEAST = 0.001  # a member of less weight has no draw of a thousand


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Fits with weights, used as a fit is: `forecast`, `check`, `save`.

    The predictive distribution is the mixture of the members', as stacking weighs it (Yao et al.
    2018): a draw comes from a member with the probability of its weight.

    Attributes
    ----------
    members : dict of str to Fit
        Of the same models and scores.
    weights : dict of str to float
        Positive, with sum 1.
    """

    members: dict[str, Fit]
    weights: dict[str, float]

    @classmethod
    def of(cls, fits: Mapping[str, Fit], weights: Mapping[str, float]) -> Ensemble:
        """Return the ensemble of fits, without those of hardly any weight.

        Parameters
        ----------
        fits : mapping of str to Fit
        weights : mapping of str to float
            Of some or all of them, not negative; they are scaled to sum to 1.

        Raises
        ------
        InputError
            For a weight that is negative or of no fit, or fits of other scores.
        """
        unknown = sorted(set(weights) - set(fits))
        if unknown:
            raise InputError(f"there is no fit '{unknown[0]}'; fits are {', '.join(fits)}")
        total = sum(weights.values())
        if not all(w >= 0 for w in weights.values()) or not 0 < total < np.inf:
            raise InputError("weights must not be negative, and at least one must be positive")
        kept = {name: w / total for name, w in weights.items() if w / total >= LEAST}
        members = {name: fits[name] for name in kept}
        first = next(iter(members.values()))
        for name, fit in members.items():
            if not fit.scores.values.equals(first.scores.values):
                raise InputError(f"'{name}' was fitted to other scores than the first member")
        rest = sum(kept.values())
        return cls(members, {name: float(w / rest) for name, w in kept.items()})

    @property
    def scores(self) -> Scores:
        """The scores that all members were fitted to."""
        return next(iter(self.members.values())).scores

    def forecast(self, models: pd.DataFrame | None = None, **asked: Any) -> Forecast:
        """Return the mixture of the members' forecasts.

        Scores that are known already condition each member; the weights stay as they are.

        Parameters
        ----------
        models, **asked
            As for `bayes_sloth.forecast`.

        Returns
        -------
        Forecast
        """
        import xarray as xr

        from bayes_sloth.forecasting import forecast

        if isinstance(asked.get("benchmarks"), Iterator):
            asked["benchmarks"] = list(asked["benchmarks"])
        parts = {name: forecast(fit, models, **asked) for name, fit in self.members.items()}
        samples = min(part.draws.sizes["sample"] for part in parts.values())
        chosen = {
            name: np.linspace(0, part.draws.sizes["sample"] - 1, count).astype(int)
            for (name, part), count in zip(parts.items(), self._counts(samples), strict=True)
        }
        first = next(iter(parts.values()))
        draws = xr.concat(
            [part.draws.isel(sample=chosen[name]) for name, part in parts.items()], dim="sample"
        )
        sizes = None
        if first.sizes is not None:
            own = {name: part.sizes for name, part in parts.items() if part.sizes is not None}
            sizes = xr.concat(
                [part.isel(sample=chosen[name]) for name, part in own.items()], dim="sample"
            )
        return replace(
            first,
            draws=draws,
            sizes=sizes,
            warnings=_said({name: part.warnings for name, part in parts.items()}),
            quality={f"{n}: {k}": q for n, part in parts.items() for k, q in part.quality.items()},
        )

    def check(self) -> EnsembleCheck:
        """Return the checks of all members."""
        from bayes_sloth.checking import check

        return EnsembleCheck({n: check(fit) for n, fit in self.members.items()}, self.weights)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all members with their weights to one netCDF file."""
        import xarray as xr

        groups: dict[str, Any] = {}
        for i, fit in enumerate(self.members.values()):
            groups |= {f"/members/{i}{g}": fit.tree[g].to_dataset() for g in fit.tree.groups[1:]}
        tree = xr.DataTree.from_dict(groups)
        for i, fit in enumerate(self.members.values()):
            tree[f"members/{i}"].attrs = dict(fit.tree.attrs)
        tree.attrs = {MARK: FORMAT, "weights": json.dumps(self.weights)}
        return write_tree(tree, path)

    def _counts(self, samples: int) -> np.ndarray:
        """Return how many of the samples each member has: by the largest remainders."""
        exact = np.array(list(self.weights.values())) * samples
        counts = exact.astype(int)
        counts[np.argsort(counts - exact)[: samples - counts.sum()]] += 1
        return counts

    def __repr__(self) -> str:
        lines = [
            f"  {weight:.3f}  {name}: {self.members[name].specification.describe()}"
            for name, weight in self.weights.items()
        ]
        return "\n".join([f"Ensemble of {len(self.members)} fits, by weight:", *lines])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True, eq=False, repr=False)
class EnsembleCheck:
    """The checks of an ensemble's members.

    Attributes
    ----------
    members : dict of str to Check
    weights : dict of str to float
    """

    members: dict[str, Check]
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> tuple[str, ...]:
        """What the checks say, with the member where not all say it."""
        return _said({name: found.verdict for name, found in self.members.items()})

    def table(self) -> pd.DataFrame:
        """Return the tables of all members, by ``member`` and ``aspect``."""
        tables = {name: found.table() for name, found in self.members.items()}
        return pd.concat(tables, names=["member"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        members = {name: found.to_dict() for name, found in self.members.items()}
        return {"weights": self.weights, "verdict": list(self.verdict), "members": members}

    def __repr__(self) -> str:
        return "\n".join(["Verdict:", *(f"  - {sentence}" for sentence in self.verdict)])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.verdict)
        return f"<ul>{items}</ul>{self.table().to_html()}"


def load_fit_or_ensemble(path: str | os.PathLike[str]) -> Fit | Ensemble:
    """Read what `Fit.save` or `Ensemble.save` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Fit or Ensemble
    """
    return load_ensemble(path) if _is_ensemble(path) else load_fit(path)


def load_ensemble(path: str | os.PathLike[str]) -> Ensemble:
    """Read an ensemble that `Ensemble.save` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        If the file is missing, is no ensemble or of another format.
    """
    tree = open_tree(path, f"bayes-sloth compare SPEC SPEC --ensemble {path}")
    if tree.attrs.get(MARK) != FORMAT:
        raise InputError(f"'{path}' is not an ensemble of format {FORMAT}; make it again with: "
                         f"bayes-sloth compare SPEC SPEC --ensemble {path}")  # fmt: skip
    weights = json.loads(tree.attrs["weights"])
    trees = tree["members"].children
    members = {name: fit_of(trees[str(i)]) for i, name in enumerate(weights)}
    return Ensemble(members, weights)


def _is_ensemble(path: str | os.PathLike[str]) -> bool:
    import h5py

    try:
        with h5py.File(path) as file:
            return MARK in file.attrs
    except OSError:  # load_fit says what is wrong with it
        return False


def _said(texts: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return sentences once, those that not all members say with the name of who says them."""
    everywhere = set.intersection(*(set(said) for said in texts.values()))
    return tuple(
        dict.fromkeys(
            text if text in everywhere else f"{name}: {text}"
            for name, said in texts.items()
            for text in said
        )
    )
