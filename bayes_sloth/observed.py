"""Scores of new models that are known already, as users give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.scores import Scores
from bayes_sloth.validate import nearest


def read_observed(
    observed: Mapping[str, float] | pd.DataFrame | None, models: pd.Index, benchmarks: pd.Index
) -> pd.DataFrame:
    """Return observed scores as a table of all models and benchmarks, NaN where unknown.

    Parameters
    ----------
    observed : mapping or DataFrame, optional
        Scores by benchmark of the only model, or a table of models by benchmarks.
    models, benchmarks : Index
        Those of the forecast and of the fit.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        For a model or benchmark that is not there, or a score outside [0, 1].
    """
    empty = pd.DataFrame(np.nan, index=models, columns=benchmarks)
    if observed is None:
        return empty
    if isinstance(observed, pd.DataFrame):
        table = observed
    elif len(models) == 1:
        table = pd.DataFrame([dict(observed)], index=models)
    else:
        raise InputError(
            f"observed scores by benchmark belong to one model, and there are {len(models)}; "
            "give a table with a row for each model"
        )
    for what, given_names, known in (
        ("model", table.index, models),
        ("benchmark", table.columns, benchmarks),
    ):
        for name in given_names:
            if name not in known:
                names = [str(word) for word in known]
                hint = nearest(str(name), names) or f"; it has {', '.join(names)}"
                raise InputError(f"observed scores: {what} '{name}' is not in the forecast{hint}")
    given = table.apply(pd.to_numeric, errors="coerce")
    wrong = table.notna() & ~((given >= 0) & (given <= 1))
    if wrong.to_numpy().any():
        row, column = np.argwhere(wrong.to_numpy())[0]
        value = table.iloc[row, column]
        raise InputError(
            f"observed score of '{table.index[row]}' on {table.columns[column]}, value "
            f"'{value}': scores are fractions of 1, such as 0.62"
        )
    return given.reindex(index=models, columns=benchmarks).astype(float)


def with_models(scores: Scores, models: pd.DataFrame, observed: pd.DataFrame) -> Scores:
    """Return the scores with new models added, to fit again.

    Parameters
    ----------
    scores : Scores
    models : DataFrame
        As for `bayes_sloth.forecast`: family, params_b, tokens_t, instruct, indexed by model.
    observed : DataFrame
        Models by benchmarks, NaN where unknown.

    Returns
    -------
    Scores
    """
    lineage = scores.models.drop_duplicates("variant").set_index("variant")["lineage"]
    taken = models.index.intersection(scores.models.index)
    if len(taken):
        raise InputError(f"model '{taken[0]}' is in the scores already; give it another name")
    tuned = models.get("instruct", pd.Series(False, index=models.index)).astype(bool)
    family = models["family"].astype(str)
    variants = scores.models.groupby("variant")["instruct"].first()
    known_tuned = family.map(variants).astype("boolean")  # unknown of a new family
    differs = tuned & ~known_tuned.fillna(True).astype(bool)
    about = pd.DataFrame(
        {
            "lineage": family.map(lineage).fillna(family),
            "variant": family.where(~differs, family + " (tuned)"),
            "instruct": tuned | known_tuned.fillna(False).astype(bool),
            "params_b": models["params_b"],
            "tokens_t": models["tokens_t"],
        }
    )
    values = observed.reindex(index=models.index, columns=scores.values.columns)
    return replace(
        scores,
        models=pd.concat([scores.models, about]).rename_axis("model"),
        values=pd.concat([scores.values, values]),
    )
