"""Compare specifications, unit by unit; the table is ArviZ's, and higher elpd is better."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_sloth.comparing.evaluating import evaluate, pareto_smoothed, refit
from bayes_sloth.comparing.grid import REFIT_SAMPLING, SAMPLING
from bayes_sloth.comparing.units import folds_of
from bayes_sloth.design import make_design
from bayes_sloth.errors import InputError
from bayes_sloth.results import plain
from bayes_sloth.sampling import Sampling, watched
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.specification import Specification
from bayes_sloth.storage import check_folder, open_tree, write_tree

if TYPE_CHECKING:
    from bayes_sloth.comparing.ensemble import Ensemble
    from bayes_sloth.fitting import Fit
    from bayes_sloth.health import Health

FORMAT = 1
REFITS = ("none", "high", "all", "folds")
HIGHER = "higher elpd is better; elpd_diff is the distance from the best, so never above 0"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What each specification says of units that it has not seen.

    Attributes
    ----------
    unit : {"score", "model", "family"}
        What was left out at a time.
    pointwise : Dataset
        By ``specification`` and ``unit``: ``elpd``, ``pareto_k``, ``lppd``,
        ``integration_error``; ``refitted`` (whether elpd is of an exact refit) with
        ``refit_elpd``, its Monte Carlo ``refit_error`` and ``refit_rhat`` (of the log density),
        and ``psis_elpd``; attribute ``good_k``, the limit of k.
    densities : dict of str to Dataset
        By specification: log density of each unit at each draw, and log prior.
    specifications : dict of str to Specification
    health : dict of str to Health
        Of the sampler, by specification.
    fits : dict of str to Fit
        Empty in a comparison that was read from a file.
    """

    unit: str
    pointwise: xr.Dataset
    densities: dict[str, xr.Dataset]
    specifications: dict[str, Specification]
    health: dict[str, Health]
    fits: dict[str, Fit] = field(default_factory=dict)

    @cached_property
    def smoothed_weights(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Log densities and smoothed log weights of leave-one-out, (unit, draw), by name."""
        from arviz_stats.base import array_stats

        found = {}
        for name, densities in self.densities.items():
            log = densities["log_likelihood"].transpose("unit", "chain", "draw").to_numpy()
            flat = log.reshape(len(log), -1)
            found[name] = (flat, array_stats.psislw(flat, axis=-1)[0])
        return found

    def table(self) -> pd.DataFrame:
        """Return ArviZ's comparison, best first; higher elpd is better.

        Returns
        -------
        DataFrame
            Indexed by ``specification``: ``rank``, ``elpd``, its standard error ``se``,
            ``elpd_diff`` (to the best, never above 0) with its standard error ``dse``, ``p_loo``
            (effective number of parameters), weights ``stacking`` and ``pseudo_bma`` (with the
            Bayesian bootstrap), ``high_k`` (units that importance sampling cannot be trusted
            with and that were not refitted), ``refitted``, ``units`` and ``warning``.
        """
        return comparison_table(self.pointwise).assign(warning=self._warnings())

    def warnings(self) -> list[str]:
        """Return what to know before the table is believed, in sentences."""
        found = [f"{name}: {text}" for name, text in self._warnings().items() if text]
        variance = (self.pointwise["integration_error"] ** 2).sum("unit").to_series()
        for name, error in (variance**0.5)[variance > 4].items():
            found.append(f"{name}: integrals leave a Monte Carlo error of {error:.1f} in elpd")
        return found

    def _warnings(self) -> pd.Series:
        found = {}
        for name, high in high_k(self.pointwise).sum("unit").to_series().items():
            parts = []
            if high:
                limit = self.pointwise.attrs["good_k"]
                parts.append(
                    f"{high} of {self.pointwise.sizes['unit']} units have Pareto k above "
                    f"{limit:.2f} and were NOT refitted: their elpd is likely too high"
                )
            health = self.health[str(name)]
            parts += [] if health.passed else health.problems
            found[name] = "; ".join(parts)
        return pd.Series(found, dtype=str)

    def ensemble(self, weights: str | Mapping[str, float] = "stacking") -> Ensemble:
        """Return the fits as one ensemble.

        Parameters
        ----------
        weights : {"stacking", "pseudo_bma", "equal"} or mapping of str to float
            Columns of the table, equal weights, or weights by name.

        Returns
        -------
        Ensemble
        """
        from bayes_sloth.comparing.ensemble import Ensemble

        if not self.fits:
            raise InputError("a comparison read from a file has no fits; compare again with the "
                             "folder that keeps them")  # fmt: skip
        if isinstance(weights, str):
            if weights not in ("stacking", "pseudo_bma", "equal"):
                raise InputError(f"weights '{weights}' are not stacking, pseudo_bma or equal")
            table = self.table()
            given = dict.fromkeys(self.fits, 1.0) if weights == "equal" else dict(table[weights])
        else:
            given = dict(weights)
        return Ensemble.of(self.fits, given)

    def sensitivity(self, to: str) -> pd.DataFrame:
        """Return how the comparison changes: see `bayes_sloth.comparing.robustness.sensitivity`."""
        from bayes_sloth.comparing.robustness import sensitivity

        return sensitivity(self, to)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write pointwise values, k and densities to one netCDF file."""
        about = {
            "bayes_sloth_comparison": FORMAT,
            "unit": self.unit,
            "specifications": json.dumps({n: asdict(s) for n, s in self.specifications.items()}),
            "health": json.dumps({name: asdict(health) for name, health in self.health.items()}),
        }
        groups = {f"/densities/{i}": d for i, d in enumerate(self.densities.values())}
        tree = xr.DataTree.from_dict({"/pointwise": self.pointwise, **groups})
        tree.attrs = about
        return write_tree(tree, path)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the densities as plain values."""
        table = self.table().reset_index()
        return {
            "unit": self.unit,
            "higher_is_better": True,
            "good_k": self.pointwise.attrs["good_k"],
            "table": [_plain_row(row) for row in table.to_dict("records")],
            "health": {name: health.to_dict() for name, health in self.health.items()},
            "specifications": {n: asdict(s) for n, s in self.specifications.items()},
            "pointwise": {
                str(name): [_plain_row(row) for row in self._units(str(name)).to_dict("records")]
                for name in self.specifications
            },
            "warnings": self.warnings(),
        }  # fmt: skip

    def _units(self, name: str) -> pd.DataFrame:
        one = self.pointwise.sel(specification=name, drop=True)
        return one.to_dataframe().reset_index()

    def __repr__(self) -> str:
        shown = self.table().drop(columns="warning").round(2).to_string()
        lines = [f"Comparison by {self.unit} left out ({HIGHER})", shown, *self.warnings()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        listed = "".join(f"<li>{escape(text)}</li>" for text in self.warnings())
        table = self.table().drop(columns="warning").round(2).to_html()
        return f"<p>By {self.unit} left out: {HIGHER}.</p>{table}<ul>{listed}</ul>"


def compare(
    specifications: Mapping[str, Specification],
    scores: Scores | None = None,
    unit: str = "score",
    *,
    refits: str = "high",
    folds: int = 10,
    sampling: Sampling | None = None,
    refit_sampling: Sampling | None = None,
    folder: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    progress: bool | None = None,
) -> Comparison:
    """Compare specifications by what they say of scores, models or families left out.

    Parameters
    ----------
    specifications : mapping of str to Specification
        At least two, by name.
    scores : Scores, optional
        The bundled leaderboard's twelve benchmarks by default; the same for every specification.
    unit : {"score", "model", "family"}
        What is left out at a time: a score (fill in a missing cell), a model (forecast a new
        model of a known family), a family, that is a lineage (forecast a new family).
    refits : {"high", "none", "all", "folds"}
        Which units are refitted exactly, one at a time: those that importance sampling cannot be
        trusted with (their number is shown first), none or all. ``"folds"`` leaves all units out a
        fold at a time (K-fold cross-validation): where many have a high Pareto k, the same
        question of slightly fewer data, in ``folds`` refits of each specification.
    folds : int
    sampling, refit_sampling : Sampling, optional
        Of the fits, two chains of 500 draws by default, and of the refits.
    folder : path-like, optional
        Where fits, densities and refits are kept: run again, a comparison goes on from there, and
        further units and specifications start from the fits that are there.
    jobs : int
        Fits at a time, through ``joblib``; a ``joblib.parallel_config(backend="dask")`` around
        the call sends them to a cluster instead.
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> import bayes_sloth as bs
    >>> laws = {"two": bs.Specification(), "three": bs.Specification(skills=3)}
    >>> bs.compare(laws, unit="family", folder="comparison")              # doctest: +SKIP
    """
    from joblib import delayed

    if len(specifications) < 2:
        raise InputError("a comparison needs at least two specifications")
    if refits not in REFITS:
        raise InputError(f"refits '{refits}' is not one of {', '.join(REFITS)}")
    scores = load_scores().select(benchmarks_of("both")) if scores is None else scores
    used, _ = scores.with_size_and_tokens()
    sampling, again = sampling or SAMPLING, refit_sampling or REFIT_SAMPLING
    groups = folds_of(make_design(used), unit, folds) if refits == "folds" else []
    for specification in specifications.values():
        specification.require_benchmarks(len(used.benchmarks))
    where = None if folder is None else Path(folder)
    if where is not None:
        check_folder(where)
    shown = watched() if progress is None else progress
    tasks = [delayed(evaluate)(used, s, sampling, unit, where) for s in specifications.values()]
    done = dict(
        zip(specifications, _tracked(tasks, jobs, f"fits, {unit} left out", shown), strict=True)
    )
    pointwise = combine({name: pareto_smoothed(part) for name, (_, part) in done.items()})
    wanted = {n: [[u] for u in units] for n, units in units_to_refit(pointwise, refits).items()}
    if groups:
        wanted = dict.fromkeys(specifications, groups)
    if shown and any(wanted.values()):
        counts = ", ".join(f"{name}: {len(each)}" for name, each in wanted.items())
        _console().print(
            f"refits, {again.chains} x {again.tune + again.draws} steps each: {counts}"
        )
    found = {}
    for name, hidden in wanted.items():
        specification = specifications[name]
        # By specification, so that each process compiles one model at a time.
        tasks = [delayed(refit)(used, specification, unit, names, again, where) for names in hidden]
        refitted = _tracked(tasks, jobs, f"refits of {name}", shown)
        found[name] = [each for group in refitted for each in group]
    fits = {name: fit for name, (fit, _) in done.items()}
    return Comparison(
        unit,
        with_refits(pointwise, found),
        {name: part for name, (_, part) in done.items()},
        dict(specifications),
        {name: fit.health for name, fit in fits.items()},
        fits,
    )


def load_comparison(path: str | os.PathLike[str]) -> Comparison:
    """Read a comparison that `Comparison.save` wrote; its fits are not in the file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the file is missing, is no comparison or of another format.
    """
    from bayes_sloth.health import Health

    tree = open_tree(path, "bayes-sloth compare SPEC SPEC ...")
    if tree.attrs.get("bayes_sloth_comparison") != FORMAT:
        raise InputError(f"'{path}' is not a comparison of format {FORMAT}; compare again")
    specifications = {
        name: Specification.of(choices)
        for name, choices in json.loads(tree.attrs["specifications"]).items()
    }
    densities = {name: tree[f"densities/{i}"].to_dataset() for i, name in enumerate(specifications)}
    health = {name: Health(**one) for name, one in json.loads(tree.attrs["health"]).items()}
    pointwise = tree["pointwise"].to_dataset()
    return Comparison(tree.attrs["unit"], pointwise, densities, specifications, health)


def combine(parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return leave-one-out densities of several specifications as one Dataset.

    Raises
    ------
    InputError
        If the specifications were not judged by the same units and scores.
    """
    first = next(iter(parts.values()))
    for name, part in parts.items():
        same = part["unit"].equals(first["unit"]) and part["scores"].equals(first["scores"])
        if not same:
            raise InputError(
                f"'{name}' was fitted to other scores than '{next(iter(parts))}': only "
                "specifications of the same scores can be compared"
            )
    names = pd.Index(list(parts), name="specification")
    joined = xr.concat(list(parts.values()), dim=names, combine_attrs="override")
    return joined.assign(
        psis_elpd=joined["elpd"],
        refit_elpd=xr.full_like(joined["elpd"], np.nan),
        refit_error=xr.full_like(joined["elpd"], np.nan),
        refit_rhat=xr.full_like(joined["elpd"], np.nan),
        refitted=xr.full_like(joined["elpd"], False, dtype=bool),
    )


def with_refits(pointwise: xr.Dataset, refits: Mapping[str, list[dict[str, Any]]]) -> xr.Dataset:
    """Return leave-one-out densities with those of exact refits in their place."""
    changed = pointwise.copy(deep=True)
    for name, found in refits.items():
        for one in found:
            at = {"specification": name, "unit": one["unit"]}
            for variable in ("elpd", "refit_elpd"):
                changed[variable].loc[at] = one["elpd"]
            changed["refit_error"].loc[at] = one["error"]
            changed["refit_rhat"].loc[at] = one["rhat"]
            changed["refitted"].loc[at] = True
    return changed


def high_k(pointwise: xr.Dataset) -> xr.DataArray:
    """Return which units importance sampling cannot be trusted with, and were not refitted."""
    return (pointwise["pareto_k"] > pointwise.attrs["good_k"]) & ~pointwise["refitted"]


def units_to_refit(pointwise: xr.Dataset, refits: str) -> dict[str, list[str]]:
    """Return the names of the units to refit, by specification."""
    asked = xr.full_like(pointwise["refitted"], refits == "all")
    if refits == "high":
        asked = high_k(pointwise)
    return {
        str(name): [str(u) for u in pointwise["unit"].to_numpy()[row]]
        for name, row in zip(pointwise["specification"].to_numpy(), asked.to_numpy(), strict=True)
    }


def comparison_table(pointwise: xr.Dataset) -> pd.DataFrame:
    """Return ArviZ's comparison of leave-one-out densities; see `Comparison.table`."""
    import arviz_stats as azs

    high = high_k(pointwise).sum("unit").to_series()
    p_loo = (pointwise["lppd"] - pointwise["elpd"]).sum("unit").to_series()
    data = {str(name): _elpd_data(pointwise, str(name)) for name in high.index}
    with warnings.catch_warnings():
        # what ArviZ warns of beyond eleven specifications is said where the table is shown
        warnings.simplefilter("ignore", UserWarning)
        stacked = azs.compare(data, method="stacking", round_to="none")
        averaged = azs.compare(data, method="BB-pseudo-BMA", round_to="none")
    table = pd.DataFrame(
        {
            "rank": stacked["rank"] + 1,
            "elpd": stacked["elpd"],
            "se": stacked["se"],
            "elpd_diff": stacked["elpd_diff"],
            "dse": stacked["dse"],
            "p_loo": p_loo,
            "stacking": stacked["weight"].clip(0, 1),
            "pseudo_bma": averaged["weight"],
            "high_k": high,
            "refitted": pointwise["refitted"].sum("unit").to_series(),
            "units": pointwise.sizes["unit"],
        }
    )
    return table.loc[stacked.index].rename_axis("specification")


def _elpd_data(pointwise: xr.Dataset, name: str) -> Any:
    from arviz_stats import ELPDDataLOO

    one = pointwise.sel(specification=name, drop=True)
    elpd, units = one["elpd"], pointwise.sizes["unit"]
    return ELPDDataLOO(
        elpd=float(elpd.sum()),
        se=float(np.sqrt(units) * elpd.std()),
        p=float((one["lppd"] - elpd).sum()),
        n_samples=1,
        n_data_points=units,
        scale="log",
        warning=bool(high_k(one).any()),
        good_k=pointwise.attrs["good_k"],
        elpd_i=elpd,
        pareto_k=one["pareto_k"].where(~one["refitted"], 0.0),
    )


def _tracked(tasks: list[Any], jobs: int, description: str, shown: bool) -> Any:
    from joblib import Parallel
    from rich.progress import track

    results = Parallel(n_jobs=jobs, return_as="generator")(tasks)
    return track(results, description, total=len(tasks), console=_console(), disable=not shown)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): plain(value) for name, value in row.items()}
