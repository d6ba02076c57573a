"""Fit the Bayesian Performance Law; a fit holds all that is needed to use it later, on disk too."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth import __version__
from bayes_sloth.draws import in_one_axis
from bayes_sloth.errors import InputError
from bayes_sloth.health import Health, diagnose
from bayes_sloth.performance_law.data import SOURCES, Architectures, load_architectures
from bayes_sloth.performance_law.design import LawDesign, make_law_design
from bayes_sloth.performance_law.model import (
    COORDINATE,
    FORECAST_VARIABLES,
    build_law,
    stored_variables,
)
from bayes_sloth.performance_law.priors import VARIANTS
from bayes_sloth.results import summary_html
from bayes_sloth.sampling import Sampling
from bayes_sloth.storage import SavedFit, read_tree

if TYPE_CHECKING:
    import xarray as xr

FORMAT, MARK = 2, "performance_law_format"
LAW_SAMPLING = Sampling(tune=1000, draws=3000, target_accept=0.95)
PRIOR_DRAWS = 2000


@dataclass(frozen=True, eq=False, repr=False)
class LawFit(SavedFit):
    """A sampled posterior of the Performance Law with the architectures behind it.

    Attributes
    ----------
    tree : DataTree
        ``posterior``, ``prior``, ``sample_stats`` and ``constant_data``, as ArviZ names them.
    architectures : Architectures
        The table that was fitted.
    health : Health
        The sampler's diagnostics.
    """

    tree: xr.DataTree
    architectures: Architectures
    health: Health

    @cached_property
    def design(self) -> LawDesign:
        """Indices and covariates of the fitted models."""
        return make_law_design(self.architectures)

    @cached_property
    def draws(self) -> dict[str, np.ndarray]:
        """The same as arrays, with chains and draws in one leading axis."""
        return in_one_axis(self.posterior)

    def __repr__(self) -> str:
        return "\n  ".join(self._summary())

    def _repr_html_(self) -> str:
        return summary_html(self._summary(), self.health.table().to_html())

    def _summary(self) -> list[str]:
        return [
            "Bayesian Performance Law: MMLU from architecture, tokens, date and developer",
            *repr(self.architectures).splitlines()[1:],
            self.health.sentence(),
            "Next: bayes_sloth.performance_law.forecast(fit, layers=..., hidden=..., ffn=..., "
            "params_b=..., tokens_t=...)",
        ]


def fit(
    architectures: Architectures | None = None,
    sampling: Sampling | None = None,
    *,
    variant: str | None = None,
    progress: bool | None = None,
) -> LawFit:
    """Fit the Bayesian Performance Law.

    Parameters
    ----------
    architectures : Architectures, optional
        The bundled table by default; see `load_architectures`.
    sampling : Sampling, optional
        Chains, draws, seed, sampler.
    variant : str, optional
        A simpler law to compare with: a key of `performance_law.priors.VARIANTS`.
    progress : bool, optional
        Whether to show a progress bar; by default only where a person can see it.

    Returns
    -------
    LawFit
        With its diagnostics; see ``fit.health``.
    """
    import pymc as pm

    from bayes_sloth.sampling import compile_model, sample

    architectures = load_architectures() if architectures is None else architectures
    sampling = sampling or LAW_SAMPLING
    design = make_law_design(architectures)
    if variant is not None and variant not in VARIANTS:
        raise InputError(f"variant '{variant}' is not one of {', '.join(VARIANTS)}")
    model = build_law(design, VARIANTS[variant] if variant else None)
    nutpie = sampling.sampler == "nutpie"
    compiled = compile_model(model, stored_variables(model)) if nutpie else model
    tree = sample(compiled, sampling, progress=progress)
    with model:
        prior = pm.sample_prior_predictive(
            draws=PRIOR_DRAWS, random_seed=sampling.seed, var_names=[*FORECAST_VARIABLES, "mmlu"]
        )
    return assemble(tree, design, sampling, prior)


def assemble(
    tree: xr.DataTree, design: LawDesign, sampling: Sampling, prior: xr.DataTree | None = None
) -> LawFit:
    """Return the fit of a sampled tree: diagnosed, with its data beside it."""
    import xarray as xr

    parts = {name: tree[name].to_dataset() for name in ("posterior", "sample_stats")}
    coordinates = [name for name in parts["posterior"] if str(name).endswith(COORDINATE)]
    parts["posterior"] = parts["posterior"].drop_vars(coordinates)  # the sampler's, no more
    if prior is not None:
        parts |= {name: prior[name].to_dataset() for name in ("prior", "prior_predictive")}
    kept = xr.DataTree.from_dict({**parts, "constant_data": _constant_data(design)})
    health = diagnose(kept)
    kept.attrs = {
        MARK: FORMAT,
        "bayes_sloth_version": __version__,
        "sampling": json.dumps(asdict(sampling)),
        "health": json.dumps(asdict(health)),
        "source": design.architectures.source,
    }
    return LawFit(kept, design.architectures, health)


def load_fit(path: str | os.PathLike[str]) -> LawFit:
    """Read a fit that `LawFit.save` wrote.

    Raises
    ------
    InputError
        If the file is missing, is not a fit of the law, is incomplete or of another format.
    """
    tree = read_tree(
        path,
        mark=MARK,
        version=FORMAT,
        variables=FORECAST_VARIABLES,
        command="bayes-sloth performance-law fit",
    )
    data = tree["constant_data"].to_dataset()
    models = pd.DataFrame(
        {str(name): array.to_numpy() for name, array in data.items() if array.dims == ("model",)},
        index=pd.Index(data["model"].to_numpy().astype(str), name="model"),
    )
    values = pd.DataFrame(data["mmlu"].to_numpy(), index=models.index, columns=list(SOURCES))
    architectures = Architectures(models, values, tree.attrs["source"])
    return LawFit(tree, architectures, Health(**json.loads(tree.attrs["health"])))


def _constant_data(design: LawDesign) -> xr.Dataset:
    import xarray as xr

    models = design.architectures.models
    values = design.architectures.values.to_numpy(float)
    columns = {
        str(name): ("model", column.to_numpy(float if column.dtype.kind in "fi" else str))
        for name, column in models.items()
    }
    return xr.Dataset(
        {
            "mmlu": (("model", "source"), values),
            **columns,
        },
        coords={"model": models.index.to_numpy(str), "source": list(SOURCES)},
    )
