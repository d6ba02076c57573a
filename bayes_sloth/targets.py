"""Models to forecast beyond the leaderboard, with draws of where they stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.forecasting import forecast, hypothetical_predictor, known_predictor
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit


@dataclass(frozen=True, eq=False)
class Target:
    """Models with draws of their linear predictors.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: family, params_b, tokens_t, instruct, family_status (``"known"`` for
        a model of the fit itself).
    lineages : array of str, shape (model,)
        A family that nobody has seen is a lineage of its own.
    eta : array of shape (sample, model, benchmark)
        A row for each draw of the fit, chain by chain.
    warnings : tuple of str
    """

    models: pd.DataFrame
    lineages: np.ndarray
    eta: np.ndarray
    warnings: tuple[str, ...]


def target_models(
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: Sequence[str] | None = None,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | Sequence[float] | None = None,
    instruct: bool = False,
    seed: int = 1,
) -> Target:
    """Return hypothetical models, as `bayes_sloth.forecast` draws them, or models of the fit.

    Parameters
    ----------
    fit : Fit
    models, family, params_b, tokens_t, instruct, seed
        As for `bayes_sloth.forecast`; the same seed gives the same draws.
    known : sequence of str, optional
        Models of the fit, by name, instead.

    Returns
    -------
    Target
    """
    if known is not None:
        return _known(fit, list(known))
    asked = forecast(
        fit, models, family=family, params_b=params_b, tokens_t=tokens_t, instruct=instruct,
        seed=seed,
    )  # fmt: skip
    variants = fit.scores.models.drop_duplicates("variant").set_index("variant")["lineage"]
    lineages = [str(variants.get(name, name)) for name in asked.models["family"]]
    eta = hypothetical_predictor(fit, asked.models, seed=seed)
    return Target(asked.models, np.array(lineages), eta, asked.warnings)


def _known(fit: Fit, names: list[str]) -> Target:
    check_known(fit, names)
    models = fit.scores.models.loc[names].rename(columns={"variant": "family"})
    lineages = models["lineage"].to_numpy(str)
    columns = ["family", "params_b", "tokens_t", "instruct"]
    warnings = () if fit.health.passed else (fit.health.sentence(),)
    return Target(
        models[columns].assign(family_status="known"),
        lineages,
        known_predictor(fit, names),
        warnings,
    )


def check_known(fit: Fit, names: Sequence[str]) -> None:
    """Refuse a name that no model of the fit has."""
    known = fit.scores.models.index
    for name in names:
        if name not in known:
            raise InputError(
                f"model '{name}' is not in the fit{nearest(name, known)}; skills are known only of "
                "models with a size, training tokens and a leaderboard score"
            )
