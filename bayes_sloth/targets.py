"""Models to forecast beyond the leaderboard, with draws of where they stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.asked import asked_models
from bayes_sloth.design import covariates
from bayes_sloth.errors import InputError
from bayes_sloth.factor_scores import evenly, skills_from, skills_of
from bayes_sloth.forecasting import hypothetical_predictor, known_predictor
from bayes_sloth.skill_regression import Rows
from bayes_sloth.validate import nearest

if TYPE_CHECKING:
    from bayes_sloth.fitting import Fit


SAMPLES = 600


@dataclass(frozen=True, eq=False)
class Target:
    """Models with draws of their linear predictors.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: family, params_b, tokens_t, instruct, family_status (``"known"`` for
        a model of the fit itself).
    variants, lineages : array of str, shape (model,)
        A family that nobody has seen is a lineage of its own.
    eta : array of shape (sample, model, benchmark)
    rows : array of int, shape (sample,)
        The draw of the fit, chain by chain, that each sample belongs to.
    warnings : tuple of str
    """

    models: pd.DataFrame
    variants: np.ndarray
    lineages: np.ndarray
    eta: np.ndarray
    rows: np.ndarray
    warnings: tuple[str, ...]


def target_models(
    fit: Fit,
    models: pd.DataFrame | None = None,
    *,
    known: Sequence[str] | None = None,
    rows: np.ndarray | None = None,
    seed: int = 1,
    **hypothetical: Any,
) -> Target:
    """Return hypothetical models, as for `bayes_sloth.forecast`, or models of the fit.

    Parameters
    ----------
    fit : Fit
    models : DataFrame, optional
        As for `bayes_sloth.forecast`.
    known : sequence of str, optional
        Models of the fit, by name, instead.
    rows : array of int, optional
        Draws of the fit to use; 600 spread evenly by default.
    seed : int
    **hypothetical
        ``family``, ``params_b``, ``tokens_t`` and ``instruct``, as for `bayes_sloth.forecast`.

    Returns
    -------
    Target
    """
    rows = evenly(draws_of(fit), SAMPLES) if rows is None else rows
    if known is not None:
        return _known(fit, list(known), rows)
    asked = asked_models(models, **hypothetical)
    found, eta, warnings = hypothetical_predictor(fit, asked, rows, seed=seed)
    variants = fit.scores.models.drop_duplicates("variant").set_index("variant")["lineage"]
    lineages = [str(variants.get(name, name)) for name in found["family"]]
    new = found["family"] + np.where(found["instruct"], " (new, tuned)", " (new)")
    own = found["family"].where(found["family_status"] == "seen", new)
    return Target(found, own.to_numpy(str), np.array(lineages), eta, rows, warnings)


def draws_of(fit: Fit) -> int:
    """Return how many draws a fit has, over all chains."""
    return int(fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])


def _known(fit: Fit, names: list[str], rows: np.ndarray) -> Target:
    check_known(fit, names)
    models = fit.scores.models.loc[names].rename(columns={"variant": "family"})
    columns = ["family", "params_b", "tokens_t", "instruct"]
    return Target(
        models[columns].assign(family_status="known"),
        models["family"].to_numpy(str),
        models["lineage"].to_numpy(str),
        known_predictor(fit, names, rows),
        rows,
        () if fit.health.passed else (fit.health.sentence(),),
    )


def target_rows(fit: Fit, target: Target, effort: np.ndarray | None = None) -> Rows:
    """Return the models of a target, to regress on their skills."""
    models = target.models
    return Rows(
        skills_from(fit, target.eta, target.rows),
        models.index.to_numpy(str),
        target.variants,
        target.lineages,
        covariates(*(models[name].to_numpy() for name in ("params_b", "tokens_t", "instruct"))),
        effort,
    )


def fitted_rows(
    fit: Fit, names: Sequence[str], draws: np.ndarray, effort: np.ndarray | None = None
) -> Rows:
    """Return models of the fit, each as often as it is named, to regress on their skills."""
    known = fit.scores.models
    each = known.index[known.index.isin(names)]
    about = known.loc[list(names)]
    return Rows(
        skills_of(fit, list(each), draws)[:, each.get_indexer(pd.Index(names))],
        np.array(names, str),
        about["variant"].to_numpy(str),
        about["lineage"].to_numpy(str),
        fit.design.x[known.index.get_indexer(pd.Index(names))],
        effort,
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
