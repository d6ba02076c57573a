"""Is a running training healthy: its score so far against what the law expects at these tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.performance_law.conditioning import (
    condition,
    fraction_of_points,
    recipe,
    resample,
    rough,
)
from bayes_sloth.performance_law.forecasting import (
    ask,
    expected,
    law_ability,
    measured,
    summarise,
    warnings_of,
)
from bayes_sloth.performance_law.uses.result import Answer

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

LOW, HIGH = 0.05, 0.95


def check_training(
    fit: LawFit,
    mmlu: float,
    tokens_so_far_t: float,
    *,
    source: str = "harness",
    seed: int = 1,
    **architecture: Any,
) -> Answer:
    """Compare the score of a training so far with what the law expects at these tokens.

    Parameters
    ----------
    fit : LawFit
    mmlu : float
        Score of the checkpoint, percentage points.
    tokens_so_far_t : float
        Tokens it has seen, trillions.
    source : {"harness", "reported"}
        How it was measured.
    seed : int
    **architecture
        As for `forecast`; ``tokens_t`` are the tokens planned.

    Returns
    -------
    Answer
        ``tail_probability`` is the posterior predictive probability of a score as low as this; the
        table forecasts the checkpoint, and the end before and after seeing its score.
    """
    observed = fraction_of_points(mmlu)
    planned = architecture.get("tokens_t")
    if planned is None or not 0 < tokens_so_far_t <= planned:
        raise InputError(
            f"{tokens_so_far_t:g} trillion tokens so far must be above zero and at most those "
            f"planned ({planned})"
        )
    both = pd.DataFrame([architecture, architecture]).assign(
        name=["so far", "at the end"], tokens_t=[tokens_so_far_t, planned]
    )
    asked = ask(fit, both)
    rng = np.random.default_rng(seed)
    mean, spread = recipe(fit, asked["developer"].iloc[0], asked["lineage"].iloc[0])
    law = law_ability(fit, asked, rng) + mean[:, None]
    own = spread * rng.standard_normal(len(spread))
    points = 100 * measured(fit, expected(fit, law + own[:, None]), source, rng)
    tail = float((points[:, 0] <= mmlu).mean())
    own, weight = condition(fit, law[:, 0], spread, {source: observed}, rng)
    after = 100 * measured(fit, expected(fit, law + own[:, None]), source, rng)
    kept, effective = resample(weight, rng)
    table = pd.DataFrame(
        {
            "so far, expected": summarise(points[:, 0]),
            "at the end, before": summarise(points[:, 1]),
            "at the end, given the score": summarise(after[kept, 1]),
        }
    ).T.rename_axis("forecast")
    return Answer(
        f"Training after {tokens_so_far_t:g}T of {planned:g}T tokens, MMLU in points",
        _sentence(mmlu, tail, table),
        table,
        {"mmlu": mmlu, "tail_probability": tail, "effective_draws": effective},
        (*warnings_of(fit, asked), *rough(effective), _CAVEAT),
    )


_CAVEAT = (
    "the law was learned from finished trainings: before its learning rate has decayed a "
    "checkpoint scores lower than a training finished at the same tokens, so that a low tail alone "
    "is weak evidence of a fault"
)


def _sentence(mmlu: float, tail: float, table: pd.DataFrame) -> str:
    now = table.loc["so far, expected"]
    place = (
        f"The law expects {now['median']:.1f} ({now['lower90']:.1f} to {now['upper90']:.1f}, 90 %)"
    )
    seen = f"{mmlu:g} was measured: a score as low has probability {tail:.3f}"
    if tail < LOW:
        return f"{place}; {seen}. LOWER THAN EXPECTED: look for a fault."
    if tail > HIGH:
        return f"{place}; {seen}. Higher than expected: a good recipe, or test items in the data."
    return f"{place}; {seen}. As expected."
