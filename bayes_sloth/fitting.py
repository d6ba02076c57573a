"""Fit the skills model to scores; a fit holds all that is needed to use it later, on disk too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth import __version__
from bayes_sloth.design import Design, make_design, principal_directions, typical_level
from bayes_sloth.errors import InputError
from bayes_sloth.health import Health, diagnose
from bayes_sloth.model import required_variables
from bayes_sloth.results import summary_html
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.specification import Specification
from bayes_sloth.storage import SavedFit, read_tree

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 2
_LIBRARIES = ("pymc", "pytensor", "nutpie", "arviz-stats", "numpy", "xarray")


@dataclass(frozen=True, eq=False, repr=False)
class Fit(SavedFit):
    """A sampled posterior with the scores and the choices behind it.

    Attributes
    ----------
    tree : DataTree
        ``posterior``, ``sample_stats`` and ``constant_data``, as ArviZ names them.
    scores : Scores
        The scores that were fitted.
    specification : Specification
        The model's choices.
    health : Health
        The sampler's diagnostics.
    """

    tree: xr.DataTree
    scores: Scores
    specification: Specification
    health: Health
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def design(self) -> Design:
        """Indices and covariates of the fitted models."""
        return make_design(self.scores)

    def require_skills(self, purpose: str) -> None:
        """Refuse a corner of the model without skills, or without deviations beside them."""
        if not (self.specification.skills and self.specification.deviations):
            raise InputError(
                f"{purpose} needs skills, and what benchmarks have beside them; this fit has "
                f"{self.specification.describe()}: fit again with skills=2"
            )

    def __repr__(self) -> str:
        """Describe model, data and sampler, and what to call next."""
        return "\n  ".join(self._summary())

    def _repr_html_(self) -> str:
        return summary_html(self._summary(), self.health.table().to_html())

    def _summary(self) -> list[str]:
        known = int(self.scores.values.notna().to_numpy().sum())
        return [
            f"Skills model: {self.specification.describe()}",
            f"{known} scores of {len(self.scores.models)} models "
            f"({self.scores.models['variant'].nunique()} variants, "
            f"{self.scores.models['lineage'].nunique()} lineages) "
            f"on {len(self.scores.benchmarks)} benchmarks",
            self.health.sentence(),
            *self.notes,
            "Next: bayes_sloth.forecast(fit, family=..., params_b=..., tokens_t=...)",
        ]


def fit(
    scores: Scores | None = None,
    specification: Specification | None = None,
    sampling: Sampling | None = None,
    *,
    progress: bool | None = None,
) -> Fit:
    """Fit the skills model.

    Parameters
    ----------
    scores : Scores, optional
        The bundled leaderboard's twelve benchmarks by default. Models without size, tokens or a
        score are set aside, and named in the notes of the fit.
    specification : Specification, optional
        Number of skills, link, family slopes.
    sampling : Sampling, optional
        Chains, draws, seed, sampler.
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it.

    Returns
    -------
    Fit
        With its diagnostics; see ``fit.health``.
    """
    from bayes_sloth.model import build_model
    from bayes_sloth.sampling import sample

    scores = load_scores().select(benchmarks_of("both")) if scores is None else scores
    used, _ = scores.with_size_and_tokens()
    specification, sampling = specification or Specification(), sampling or Sampling()
    design = make_design(used)
    tree = sample(build_model(design, specification), sampling, progress=progress)
    return assemble(tree, design, specification, sampling)


def assemble(
    tree: xr.DataTree, design: Design, specification: Specification, sampling: Sampling
) -> Fit:
    """Return the fit of a sampled tree: aligned, diagnosed, with its data beside it."""
    import xarray as xr

    from bayes_sloth.forecasting import expected_scores
    from bayes_sloth.loadings import align

    values = design.scores.values.to_numpy(float)
    directions = principal_directions(design, values, specification.skills)
    posterior = align(tree["posterior"].to_dataset(), directions)
    parts = {"/posterior": posterior, "/sample_stats": tree["sample_stats"].to_dataset()}
    kept = xr.DataTree.from_dict({**parts, "/constant_data": _constant_data(design)})
    health = diagnose(kept, expected_scores(posterior, design))
    kept.attrs = {
        "bayes_sloth_format": FORMAT,
        "bayes_sloth_version": __version__,
        "specification": specification.to_json(),
        "sampling": json.dumps(asdict(sampling)),
        "health": json.dumps(asdict(health)),
        "source": design.scores.source,
        "notes": json.dumps(design.scores.notes),
        "libraries": json.dumps({name: version(name) for name in _LIBRARIES}),
    }
    return Fit(kept, design.scores, specification, health, design.scores.notes)


def load_fit(path: str | os.PathLike[str]) -> Fit:
    """Read a fit that `Fit.save` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If the file is missing, is not a fit, is incomplete or of another format.
    """
    tree = read_tree(
        path,
        mark="bayes_sloth_format",
        version=FORMAT,
        variables=lambda attributes: required_variables(
            Specification.from_json(attributes["specification"])
        ),
        command="bayes-sloth fit",
    )
    try:
        return fit_of(tree)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"'{path}' does not say how it was made, or in words unknown to this version "
            f"({error}); make it again with: bayes-sloth fit --out {path}"
        ) from error


def fit_of(tree: xr.DataTree) -> Fit:
    """Return the fit whose tree, with its attributes, is given."""
    return Fit(
        tree,
        _scores(tree["constant_data"].to_dataset(), dict(tree.attrs)),
        Specification.from_json(tree.attrs["specification"]),
        Health(**json.loads(tree.attrs["health"])),
        tuple(json.loads(tree.attrs["notes"])),
    )


def _constant_data(design: Design) -> xr.Dataset:
    import xarray as xr

    scores = design.scores
    models = scores.models.assign(instruct=scores.models["instruct"].astype("int8"))
    benchmarks = scores.benchmarks.astype({"n_items": float, "chance": float}).fillna("")
    return xr.Dataset(
        {
            "known_score": (("model", "benchmark"), scores.values.to_numpy(float)),
            "reference": ("benchmark", typical_level(scores.values.to_numpy(float), design.chance)),
            **{name: ("model", _plain(column)) for name, column in models.items()},
            **{f"benchmark_{n}": ("benchmark", _plain(c)) for n, c in benchmarks.items()},
        },
        coords={"model": _plain(scores.models.index), "benchmark": _plain(benchmarks.index)},
    )


def _plain(column: pd.Series | pd.Index) -> np.ndarray:
    values = column.to_numpy()
    return values if values.dtype.kind in "fib" else values.astype(str)


def _scores(data: xr.Dataset, attributes: Mapping[Any, Any]) -> Scores:
    model = pd.Index(data["model"].to_numpy().astype(str), name="model")
    benchmark = pd.Index(data["benchmark"].to_numpy().astype(str), name="benchmark")
    metadata = {name: data[name].to_numpy() for name in ("lineage", "variant", "instruct")}
    sizes = {name: data[name].to_numpy().astype(float) for name in ("params_b", "tokens_t")}
    models = pd.DataFrame(metadata | sizes, index=model).astype({"instruct": bool})
    declared = {
        str(name).removeprefix("benchmark_"): data[name].to_numpy()
        for name in data
        if str(name).startswith("benchmark_")
    }
    return Scores(
        models=models,
        values=pd.DataFrame(data["known_score"].to_numpy(), index=model, columns=benchmark),
        benchmarks=pd.DataFrame(declared, index=benchmark),
        source=attributes["source"],
        notes=tuple(json.loads(attributes["notes"])),
    )
