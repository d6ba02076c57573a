r"""Compare laws by how well each predicts a model that it has not seen: leave-one-out.

The unit is a **model**: all its values are left out together. Its ability is a parameter that
nearly nothing but those values tells of, so that weights of the whole posterior would fail; it is
integrated out first. With :math:`m_s` what draw :math:`s` of the other parameters says of the
model, and :math:`\sigma_s` the spread of models about the law,

.. math::

    p(y \mid s) = \int \prod_j \text{Student}(y_j \mid \mu(\theta)) \, N(\theta \mid m_s, \sigma_s)
    \, d\theta ,

by the trapezoidal rule, and the draws are reweighted as if the model were unseen by
Pareto-smoothed importance sampling (Vehtari, Gelman and Gabry 2017, arXiv 1507.04544).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from bayes_sloth.errors import InputError
from bayes_sloth.pareto import PARETO_LIMIT
from bayes_sloth.performance_law.baselines import REGRESSIONS, regression_log_density
from bayes_sloth.performance_law.conditioning import integrated, log_densities
from bayes_sloth.performance_law.data import SOURCES
from bayes_sloth.performance_law.forecasting import law_of
from bayes_sloth.performance_law.law import effective_size

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

DRAWS = 2000


def loo(fit: LawFit) -> pd.DataFrame:
    """Return how well a fit predicts each model from the others.

    Parameters
    ----------
    fit : LawFit

    Returns
    -------
    DataFrame
        Indexed by ``model``: ``elpd``, the expected log predictive density of its MMLU (in [0, 1];
        as reported, or else by the harness), and ``pareto_k``, above 0.7 where that is not to be
        trusted.
    """
    from arviz_stats.base import array_stats

    fit = _thinned(fit)
    centre = law_without_departure(fit)
    values = fit.architectures.values.to_numpy(float)
    rows = []
    for position, name in enumerate(fit.architectures.models.index):
        known = {s: v for s, v in zip(SOURCES, values[position], strict=True) if np.isfinite(v)}
        if not known:
            continue
        by_source = log_densities(fit, centre[:, position], fit.draws["model_sd"], known)
        together = integrated(np.sum(list(by_source.values()), axis=0))
        said = by_source["reported" if "reported" in by_source else "harness"]
        one = integrated(said)
        log_weight, pareto_k = array_stats.psislw(-together)
        elpd = float(logsumexp(log_weight + one))
        rows.append({"model": name, "elpd": elpd, "pareto_k": float(pareto_k)})
    return pd.DataFrame(rows).set_index("model")


def compare(fits: Mapping[str, LawFit]) -> pd.DataFrame:
    """Compare fits to one table, and regressions, by leaving models out one at a time.

    Parameters
    ----------
    fits : mapping of str to LawFit
        Named fits to the same models.

    Returns
    -------
    DataFrame
        Indexed by ``law``, best first, over the models with known tokens, which all can predict:
        ``elpd``, ``difference`` from the best (negative is worse) with its standard error,
        ``models``, and ``unsure``, how many have a Pareto k above 0.7.
    """
    tables = [fit.architectures for fit in fits.values()]
    if not tables:
        raise InputError("nothing to compare: give at least one fit")
    first = tables[0]
    if any(not t.values.equals(first.values) for t in tables[1:]):
        raise InputError("fits to different tables cannot be compared; fit both to one table")
    known = first.models["tokens_t"].notna() & first.mmlu.notna()
    own = {name: loo(fit).loc[known[known].index] for name, fit in fits.items()}
    pointwise = {name: table["elpd"].to_numpy() for name, table in own.items()}
    pointwise |= {
        name: regression_log_density(name, first, known.to_numpy()) for name in REGRESSIONS
    }
    best = max(pointwise, key=lambda name: pointwise[name].sum())
    rows = {}
    for name in sorted(pointwise, key=lambda name: -pointwise[name].sum()):
        difference = pointwise[name] - pointwise[best]
        rows[name] = {
            "elpd": pointwise[name].sum(),
            "difference": difference.sum(),
            "difference_se": float(np.sqrt(len(difference)) * difference.std(ddof=1)),
            "models": len(difference),
            "unsure": int((own[name]["pareto_k"] > PARETO_LIMIT).sum()) if name in own else 0,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("law")


def law_without_departure(fit: LawFit) -> np.ndarray:
    """Return what the law says of the fitted models, but for each model's own departure.

    Parameters
    ----------
    fit : LawFit

    Returns
    -------
    array of shape (sample, model)
        In logits from the middle of the range.
    """
    design, draws = fit.design, fit.draws
    n = len(draws["intercept"])
    total, active = (np.tile(v, (n, 1)) for v in (design.log_total, design.log_active))
    if len(design.without_size):
        total[:, design.without_size] = active[:, design.without_size] = draws["unknown_size"]
    tokens = np.tile(design.log_tokens, (n, 1))
    if len(design.without_tokens):
        tokens[:, design.without_tokens] = draws["unknown_tokens"]
    size = effective_size(total, active, draws["active_weight"][:, None])
    law = law_of(fit, size, tokens, design.contrasts, design.year)
    groups = draws["developer_effect"][:, design.developer_of_model]
    return np.asarray(law + groups + draws["lineage_effect"][:, design.lineage_of_model])


def _thinned(fit: LawFit) -> LawFit:
    step = max(1, len(fit.draws["intercept"]) // DRAWS)
    tree = fit.tree.copy()
    tree["posterior"] = fit.tree["posterior"].isel(draw=slice(None, None, step))
    return replace(fit, tree=tree)
