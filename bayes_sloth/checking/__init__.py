"""What a posterior knows and what it cannot know: ``check`` of a fit, or of scores before one."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from bayes_sloth.checking.assumptions import MET, NOT_MET, RANK_LIMIT, Assumptions, examine
from bayes_sloth.results import plain
from bayes_sloth.scores import Scores
from bayes_sloth.specification import Specification

if TYPE_CHECKING:
    import xarray as xr

    from bayes_sloth.comparing.ensemble import Ensemble, EnsembleCheck
    from bayes_sloth.fitting import Fit
    from bayes_sloth.health import Health
    from bayes_sloth.rotation import Rotation


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """A table and a verdict in words.

    Attributes
    ----------
    verdict : tuple of str
        What the data cannot carry, what leans on the prior, what does not fit; plain sentences.
    assumptions : Assumptions
        Known before sampling: Sloth's theorem, variance within families, conditioning.
    health : Health, optional
        The sampler's; None before sampling, like all that follows.
    parameters : DataFrame, optional
        Contraction and power-scaling sensitivity by ``parameter`` and ``element``
        (`bayes_sloth.checking.sensitivity`).
    forecasts : DataFrame, optional
        Which forecasts lean on which prior, by ``lineage`` and ``scenario``.
    alignment : DataFrame, optional
        Residual and R-hat of the aligned loadings, over draws and between chains.
    rotation : Rotation, optional
        Geomin of the loadings, with its optima: whether skills can be read in another way.
    cells, models : DataFrame, optional
        Leave-one-out tail probabilities of scores and of models
        (`bayes_sloth.checking.odd_scores`).
    """

    verdict: tuple[str, ...]
    assumptions: Assumptions
    health: Health | None = None
    parameters: pd.DataFrame | None = None
    forecasts: pd.DataFrame | None = None
    alignment: pd.DataFrame | None = None
    rotation: Rotation | None = None
    cells: pd.DataFrame | None = None
    models: pd.DataFrame | None = None

    def table(self) -> pd.DataFrame:
        """Return one row for each aspect: ``value``, ``verdict`` and where from."""
        from bayes_sloth.checking import words

        rows = [
            (f"theorem: {name}", row["status"], row["why"])
            for name, row in self.assumptions.theorem.iterrows()
        ]
        rows += [
            (f"variance of {name} within {family}s, {models}", f"{row['share']:.1%}",
             f"{row['families_varying']:.0f} of {row['families']:.0f} vary it")
            for (models, family, name), row in self.assumptions.within.iterrows()
        ]  # fmt: skip
        rows.append(
            ("condition of covariates within variants", f"{self.assumptions.condition:.3g}", "")
        )
        if self.health is not None:
            state = "passed" if self.health.passed else "NOT PASSED"
            rows.append(("sampler health", state, self.health.sentence()))
        if self.parameters is not None:
            rows += words.parameter_rows(self.parameters)
        if self.forecasts is not None:
            rows += words.forecast_rows(self.forecasts)
        if self.alignment is not None and self.rotation is not None:
            rows += words.skill_rows(self.alignment, self.rotation)
        if self.cells is not None and self.models is not None:
            rows += [words.odd_row("scores", self.cells), words.odd_row("models", self.models)]
        return pd.DataFrame(rows, columns=["aspect", "value", "detail"]).set_index("aspect")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; what is not known is None."""
        found: dict[str, Any] = {} if self.health is None else {"health": self.health.to_dict()}
        found["verdict"] = list(self.verdict)
        found["theorem"] = _records(self.assumptions.theorem)
        found["within_families"] = _records(self.assumptions.within)
        found["design"] = {
            "rank": self.assumptions.rank,
            "columns": self.assumptions.columns,
            "condition": plain(self.assumptions.condition),
        }
        for name in ("parameters", "forecasts", "alignment", "cells", "models"):
            table = getattr(self, name)
            if table is not None:
                found[name] = _records(table)
        if self.rotation is not None:
            found["rotation"] = {
                "name": self.rotation.name,
                "agreement": self.rotation.agreement,
                "second_is_near": self.rotation.second_is_near,
                "optima": _records(self.rotation.optima),
            }
        return found

    def __repr__(self) -> str:
        return "\n".join(["Verdict:", *(f"  - {sentence}" for sentence in self.verdict)])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.verdict)
        return f"<ul>{items}</ul>{self.table().to_html()}"


@overload
def check(what: Fit | Scores, specification: Specification | None = None) -> Check: ...
@overload
def check(what: Ensemble, specification: None = None) -> EnsembleCheck: ...
def check(
    what: Fit | Ensemble | Scores, specification: Specification | None = None
) -> Check | EnsembleCheck:
    """Say what a posterior knows and what it cannot know, or what scores could tell.

    Parameters
    ----------
    what : Fit, Ensemble or Scores
        A fit; an ensemble, whose members are checked one by one; or a table of scores before any
        sampling, which tells what the design alone can.
    specification : Specification, optional
        Of the model that is to be fitted to the scores; a fit has its own.

    Returns
    -------
    Check
        `EnsembleCheck` of an ensemble.

    Examples
    --------
    >>> import bayes_sloth as bs
    >>> found = bs.check(bs.load_scores().select(bs.benchmarks_of("both")))
    >>> "tokens are weakly identified" in found.verdict[0]
    True
    """
    if isinstance(what, Scores):
        assumptions = examine(what, specification or Specification())
        return Check(assumptions.problems or (_NOTHING_WRONG,), assumptions)
    from bayes_sloth.fitting import Fit

    return _check_fit(what) if isinstance(what, Fit) else what.check()


_NOTHING_WRONG = (
    "The design carries the model's skills and covariates; what the posterior knows is to be "
    "checked once it is sampled."
)


def _check_fit(fit: Fit) -> Check:
    from bayes_sloth.checking import words
    from bayes_sloth.checking.odd_scores import odd_cells, odd_models
    from bayes_sloth.checking.sensitivity import forecast_sensitivity, parameter_sensitivity
    from bayes_sloth.interpreting import standard_loadings
    from bayes_sloth.loadings import alignment
    from bayes_sloth.rotation import rotate

    posterior, aligned, rotation = fit.posterior, None, None
    assumptions = examine(fit.scores, fit.specification)
    parameters = parameter_sensitivity(posterior, fit.design, fit.specification)
    forecasts = forecast_sensitivity(posterior, fit.design, fit.specification)
    if fit.specification.skills:
        assumptions.theorem.loc["loadings of rank d"] = rank_of_loadings(posterior)
        aligned = alignment(posterior)
        rotation = rotate(standard_loadings(posterior).mean(("chain", "draw")).to_numpy())
    cells, models = odd_cells(posterior, fit.design), odd_models(posterior, fit.design)
    verdict = (
        fit.health.sentence(),
        *assumptions.problems,
        *words.parameter_verdict(parameters),
        *words.forecast_verdict(forecasts),
        *(words.skill_verdict(aligned, rotation) if aligned is not None and rotation else ()),
        *words.odd_verdict(cells, models),
    )
    return Check(
        verdict, assumptions, fit.health, parameters, forecasts, aligned, rotation, cells, models
    )


def rank_of_loadings(posterior: xr.Dataset) -> tuple[str, str]:
    """Return whether the loadings have full rank in the posterior, and why.

    Met if the smallest singular value is above a tenth of the largest with 95 % probability.

    Parameters
    ----------
    posterior : Dataset

    Returns
    -------
    status, why : str
    """
    loadings = posterior["loadings"].transpose("chain", "draw", "benchmark", "skill")
    singular = np.linalg.svd(loadings.to_numpy(), compute_uv=False)
    low, middle = np.quantile(singular[..., -1] / singular[..., 0], [0.05, 0.5])
    status = MET if low > RANK_LIMIT else NOT_MET
    return status, (
        f"smallest over largest singular value: median {middle:.2f}, above {low:.2f} with 95 % "
        f"probability (limit {RANK_LIMIT})"
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records = table.reset_index().to_dict("records")
    return [{str(key): plain(value) for key, value in record.items()} for record in records]
