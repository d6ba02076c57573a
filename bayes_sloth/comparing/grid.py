"""The fits behind a comparison: sampled once and kept; refits share the compiled model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayes_sloth.comparing.units import Unit, units_of
from bayes_sloth.compiled import compiled_model, content_key
from bayes_sloth.fitting import Fit, assemble, load_fit
from bayes_sloth.priors import GROWTH, priors_of
from bayes_sloth.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from bayes_sloth.design import Design
    from bayes_sloth.scores import Scores
    from bayes_sloth.specification import Specification

# Enough to compare by; a fit to be published has four chains and more draws.
SAMPLING = Sampling(chains=2, tune=500, draws=500)
REFIT_SAMPLING = Sampling(chains=2, tune=300, draws=300, target_accept=0.7)


def fit_key(scores: Scores, specification: Specification, sampling: Sampling) -> str:
    """Return the name under which a fit is kept: by data, specification, priors and sampling."""
    priors = {name: str(prior) for name, prior in priors_of(specification).items()}
    settings = {"specification": asdict(specification), "sampling": asdict(sampling)}
    return content_key(scores, settings | {"priors": priors, "growth": GROWTH})


def kept_fit(
    scores: Scores, specification: Specification, sampling: Sampling, folder: Path | None = None
) -> Fit:
    """Return the fit of a specification, read from the folder if it is there.

    Parameters
    ----------
    scores : Scores
        Models with size and tokens.
    specification : Specification
    sampling : Sampling
    folder : Path, optional
        Where finished fits are kept.

    Returns
    -------
    Fit
    """
    from bayes_sloth.sampling import sample

    path = None if folder is None else folder / f"{fit_key(scores, specification, sampling)}.nc"
    if path is not None and path.is_file():
        return load_fit(path)
    design, compiled = compiled_model(scores, specification, everything=True)
    fit = assemble(sample(compiled, sampling, progress=False), design, specification, sampling)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fit.save(path)
    return fit


def refit_without(
    scores: Scores,
    specification: Specification,
    unit: str,
    names: Sequence[str],
    sampling: Sampling,
) -> tuple[xr.DataTree, Design, list[Unit]]:
    """Sample the posterior without the scores of some units.

    The anchor of the link stays that of all scores: it is part of the model, as in the fit that
    importance sampling starts from. The model is compiled once for all units.

    Parameters
    ----------
    scores : Scores
    specification : Specification
    unit : {"score", "model", "family"}
    names : sequence of str
        Of the units, which are left out together.
    sampling : Sampling

    Returns
    -------
    tree : DataTree
    design : Design
        With all scores.
    left_out : list of Unit
    """
    from bayes_sloth.model import observed_cells
    from bayes_sloth.sampling import sample

    design, compiled = compiled_model(scores, specification, everything=True)
    left_out = [u for u in units_of(design, unit) if u.name in set(names)]
    values = design.scores.values.to_numpy(float)
    hidden = values.copy()
    hidden.flat[np.concatenate([u.cells for u in left_out])] = np.nan
    data = observed_cells(design, hidden)
    data["reference"] = observed_cells(design, values)["reference"]
    return sample(compiled.with_data(**data), sampling, progress=False), design, left_out
