"""Shapes of the networks behind bundled models, beside their sizes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from bayes_sloth.scores import data_folder

CONTRASTS = ("depth", "ffn")


def shape_contrasts(models: pd.Index) -> np.ndarray:
    """Return contrasts of depth and of FFN size of models, by their names in the bundled table.

    The contrasts are those of the Performance Law (`performance_law.law.Typical`): log10 of layers
    over hidden size, and of FFN over hidden size, each less what is typical of a dense model of its
    bulk. They are centred on the models whose shape is known.

    Parameters
    ----------
    models : Index
        Names of models.

    Returns
    -------
    array of shape (model, 2)
        In tenfolds; zero, the average, where the shape is not known.
    """
    known = _known_contrasts().reindex(models)
    return np.asarray((known - known.mean()).fillna(0.0).to_numpy(float))


@lru_cache(maxsize=1)
def _known_contrasts() -> pd.DataFrame:
    """Return contrasts of the bundled models whose architecture is known."""
    from bayes_sloth.performance_law.data import load_architectures
    from bayes_sloth.performance_law.design import make_law_design

    design = make_law_design(load_architectures())
    contrasts = pd.DataFrame(
        design.contrasts[: len(CONTRASTS)].T,
        index=design.architectures.models.index,
        columns=list(CONTRASTS),
    )
    named = pd.read_csv(data_folder() / "score_architectures.csv", index_col="model")
    return contrasts.loc[named["architecture"]].set_index(named.index)
