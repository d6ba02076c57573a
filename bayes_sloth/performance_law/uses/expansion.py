"""Plan an expansion: what a deeper, a wider or a sparser version of a model would gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.checks import dense_params_b
from bayes_sloth.performance_law.conditioning import (
    condition,
    fraction_of_points,
    recipe,
    resample,
    rough,
)
from bayes_sloth.performance_law.data import SHAPE
from bayes_sloth.performance_law.forecasting import ask, expected, law_ability, warnings_of
from bayes_sloth.performance_law.uses.architecture import FLOPS_PER_PARAMETER_AND_TOKEN
from bayes_sloth.performance_law.uses.result import Answer, interval

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit


def plan_expansion(
    fit: LawFit,
    *,
    deeper: float = 1.5,
    wider: float = 1.25,
    experts: int = 8,
    mmlu: float | None = None,
    source: str = "harness",
    seed: int = 1,
    **architecture: Any,
) -> Answer:
    """Compare ways to expand a dense model, each trained on the same tokens.

    Parameters
    ----------
    fit : LawFit
    deeper, wider : float
        Factors on the layers, and on both the hidden and the FFN size.
    experts : int
        Experts in place of each FFN, one of them active for a token.
    mmlu : float, optional
        Known score of the model, percentage points: what is special to its recipe is learned from
        it, and carried over.
    source : {"harness", "reported"}
        How it was measured.
    seed : int
    **architecture
        The model, as for `forecast`.

    Returns
    -------
    Answer
        For each way: size, operations of training, MMLU, gain over the model with its 90 %
        interval, and the probability that there is one.
    """
    for name, factor in (("deeper", deeper), ("wider", wider), ("experts", experts)):
        if not 1 < factor <= 64:
            raise InputError(f"{name} is {factor:g}: an expansion is by a factor above 1, up to 64")
    ways = _ways(architecture, deeper, wider, experts)
    asked = ask(fit, ways)
    rng = np.random.default_rng(seed)
    mean, spread = recipe(fit, asked["developer"].iloc[0], asked["lineage"].iloc[0])
    law = law_ability(fit, asked, rng) + mean[:, None]
    notes: tuple[str, ...] = ()
    if mmlu is None:
        own = spread * rng.standard_normal(len(spread))
        mu = expected(fit, law + own[:, None])
    else:
        known = {source: fraction_of_points(mmlu)}
        own, weight = condition(fit, law[:, 0], spread, known, rng)
        kept, effective = resample(weight, rng)
        mu, notes = expected(fit, law + own[:, None])[kept], rough(effective)
    table = _table(asked, 100 * mu)
    best = str(table.iloc[1:]["median"].idxmax())
    row = table.loc[best]
    sentence = (
        f"{best} gains most: {row['gain']:+.1f} points ({row['gain_lower90']:+.1f} to "
        f"{row['gain_upper90']:+.1f}, 90 %) for {row['times_compute']:.2f} times the operations."
    )
    return Answer(
        "Expansions on the same tokens, expected MMLU in points",
        sentence,
        table,
        {"best": best},
        (*warnings_of(fit, asked), *notes, *_CAVEATS),
    )


_CAVEATS = (
    "what is special to the model is carried over to its expansions as it is",
    "no model in the data was expanded with its weights kept: each row is trained anew",
)


def _ways(base: dict[str, Any], deeper: float, wider: float, experts: int) -> pd.DataFrame:
    """Return the model and its expansions, as `ask` takes them."""
    missing = {*SHAPE, "params_b", "tokens_t"} - {k for k, v in base.items() if v is not None}
    if missing:
        raise InputError(f"an expansion needs {min(missing)} of the model")
    layers, hidden, ffn, size = (float(base[name]) for name in (*SHAPE, "params_b"))
    in_experts = 3 * layers * hidden * ffn / 1e9  # a gated FFN has three matrices
    more = round(layers * deeper)
    wide_hidden, wide_ffn = round(hidden * wider), round(ffn * wider)
    rows: list[dict[str, Any]] = [
        {"name": "as it is"},
        {"name": f"deeper x {deeper:g}", "layers": more, "params_b": size * more / layers},
        {
            "name": f"wider x {wider:g}",
            "hidden": wide_hidden,
            "ffn": wide_ffn,
            "params_b": size
            * float(dense_params_b(layers, wide_hidden, wide_ffn))
            / float(dense_params_b(layers, hidden, ffn)),
        },
        {
            "name": f"{experts} experts",
            "params_b": size + min(in_experts, size) * (experts - 1),
            "active_params_b": size,
        },
    ]
    return pd.DataFrame([{**base, **row} for row in rows])


def _table(asked: pd.DataFrame, points: np.ndarray) -> pd.DataFrame:
    columns = [*SHAPE, "params_b", "active_params_b", "tokens_t"]
    operations = FLOPS_PER_PARAMETER_AND_TOKEN * asked["active_params_b"] * asked["tokens_t"] * 1e21
    gains = points - points[:, :1]
    table = asked[columns].assign(flops=operations, times_compute=operations / operations.iloc[0])
    for name, part in (("", points), ("gain_", gains)):
        for i, model in enumerate(asked.index):
            for key, value in interval(part[:, i]).items():
                table.loc[model, name + key] = value
    table["probability_of_gain"] = (gains > 0).mean(axis=0)
    return table.rename(columns={"gain_median": "gain"})
