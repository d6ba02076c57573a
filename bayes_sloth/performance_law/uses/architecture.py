"""Which shape to train under a budget: a ranking, and how likely its first is truly the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.data import SHAPE, Architectures
from bayes_sloth.performance_law.forecasting import abilities, ask, expected, warnings_of
from bayes_sloth.performance_law.uses.result import Answer, interval

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

FLOPS_PER_PARAMETER_AND_TOKEN = 6  # Kaplan et al. 2020: 2 forward, 4 backward


def rank_architectures(
    fit: LawFit,
    flops: float,
    *,
    developer: str = "",
    release: str | None = None,
    shown: int = 10,
    seed: int = 1,
) -> Answer:
    """Rank the shapes of dense models that exist by the MMLU expected under a training budget.

    The budget buys ``tokens = flops / (6 * parameters)``. Shapes for which that is fewer or more
    tokens for each parameter than any model of the data had are left out.

    Parameters
    ----------
    fit : LawFit
    flops : float
        Floating-point operations of the whole training, such as 1e24.
    developer, release : str, optional
        Whose training, and when; a new developer, at the end of the data, by default.
    shown : int
        Rows of the table.
    seed : int

    Returns
    -------
    Answer
        ``probability_best`` is the share of posterior draws in which the shape has the highest
        expected score; ``probability_best_trained`` also lets every training depart from the law on
        its own; ``regret`` is the expected loss in points against the best shape of each draw.
    """
    if not 1e18 <= flops <= 1e30:
        raise InputError(f"a budget of {flops:g} operations is not within 1e18 to 1e30")
    shapes = shapes_under(fit.architectures, flops)
    if shapes.empty:
        raise InputError(
            f"no shape in the data can use {flops:g} operations with as many tokens for each "
            "parameter as models of the data had; give a budget nearer to theirs"
        )
    asked = ask(fit, shapes.assign(developer=developer, release=release))
    rng = np.random.default_rng(seed)
    law = abilities(fit, asked, rng, own=False)
    own = fit.draws["model_sd"][:, None] * rng.standard_normal(law.shape)
    points, trained = 100 * expected(fit, law), 100 * expected(fit, law + own)
    table = _table(asked, points, trained)
    first = table.iloc[0]
    sentence = (
        f"First: {first['layers']:.0f} layers, hidden {first['hidden']:.0f}, FFN "
        f"{first['ffn']:.0f} ({first['params_b']:g}B, as {table.index[0]}) on "
        f"{first['tokens_t']:.3g}T tokens. It is truly the best of {len(table)} shapes with "
        f"probability {first['probability_best']:.2f} by the law, and {_chance(first)} once each "
        f"training departs from the law on its own; choosing it loses {first['regret']:.2f} points "
        "on average against the best."
    )
    return Answer(
        f"Shapes under {flops:g} operations, expected MMLU in points",
        sentence,
        table.head(shown),
        {"flops": flops, "shapes": len(table)},
        (*warnings_of(fit, asked.loc[table.index[:shown]]), _CAVEAT),
    )


_CAVEAT = (
    "shapes in the data were chosen by their developers along with everything else: the law says "
    "what such shapes scored, not what changing a shape causes"
)


def shapes_under(architectures: Architectures, flops: float) -> pd.DataFrame:
    """Return the dense shapes of the data with the tokens that a budget buys for each."""
    models = architectures.models[architectures.dense & architectures.models["params_b"].notna()]
    ratio = models["tokens_t"] / models["params_b"]
    shapes = models.reset_index().drop_duplicates(list(SHAPE))
    shapes = shapes[["model", *SHAPE, "params_b"]].rename(columns={"model": "name"})
    per_token = FLOPS_PER_PARAMETER_AND_TOKEN * shapes["params_b"] * 1e9
    shapes["tokens_t"] = flops / per_token / 1e12
    share = shapes["tokens_t"] / shapes["params_b"]
    return shapes[share.between(ratio.min(), ratio.max())].reset_index(drop=True)


def _chance(row: pd.Series) -> str:
    return f"{row['probability_best_trained']:.2f}"


def _table(asked: pd.DataFrame, points: np.ndarray, trained: np.ndarray) -> pd.DataFrame:
    best = points.max(axis=1, keepdims=True)
    count = points.shape[1]
    table = asked[[*SHAPE, "params_b", "tokens_t"]].join(
        pd.DataFrame([interval(column) for column in points.T], index=asked.index)
    )
    table["probability_best"] = np.bincount(points.argmax(axis=1), minlength=count) / len(points)
    table["probability_best_trained"] = np.bincount(trained.argmax(axis=1), minlength=count) / len(
        points
    )
    table["regret"] = (best - points).mean(axis=0)
    return table.sort_values("regret")
