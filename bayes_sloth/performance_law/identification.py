"""What the data say of each parameter, and what they cannot say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth.draws import MEDIAN_AND_90, quantiles
from bayes_sloth.performance_law.law import COVARIATES
from bayes_sloth.performance_law.published import FFN_CONSTANT, HIDDEN_CONSTANT, instability

if TYPE_CHECKING:
    from bayes_sloth.performance_law.fitting import LawFit

WEAK = 0.5
STATISTICS = {
    "5 % quantile": partial(np.quantile, q=0.05, axis=-1),
    "25 % quantile": partial(np.quantile, q=0.25, axis=-1),
    "median": partial(np.median, axis=-1),
    "75 % quantile": partial(np.quantile, q=0.75, axis=-1),
    "95 % quantile": partial(np.quantile, q=0.95, axis=-1),
    "standard deviation": partial(np.std, axis=-1),
}


def contraction_table(fit: LawFit) -> pd.DataFrame:
    """Return prior and posterior of each scalar parameter, and how much the data narrowed it.

    Parameters
    ----------
    fit : LawFit

    Returns
    -------
    DataFrame
        Indexed by ``parameter``: prior mean and sd, posterior mean and sd, and ``contraction``,
        ``1 - (posterior sd / prior sd)^2``: 1 where the data say all, 0 where they say nothing.
    """
    prior, posterior = (fit.tree[name].to_dataset() for name in ("prior", "posterior"))
    names = [str(n) for n in prior if posterior[n].ndim == 2] + ["effect", "source_sd"]
    rows = {}
    for name in names:
        before, after = (group[name].to_numpy() for group in (prior, posterior))
        labels = {"effect": COVARIATES, "source_sd": ("harness", "reported")}.get(name, ("",))
        for label, x, y in zip(
            labels,
            before.reshape(-1, len(labels)).T,
            after.reshape(-1, len(labels)).T,
            strict=True,
        ):
            rows[f"{name}[{label}]" if label else name] = {
                "prior_mean": x.mean(),
                "prior_sd": x.std(),
                "posterior_mean": y.mean(),
                "posterior_sd": y.std(),
                "contraction": 1 - y.var() / x.var(),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def prior_check(simulated: np.ndarray, known: np.ndarray) -> pd.DataFrame:
    """Compare a table's MMLU with tables that the prior alone simulates.

    Parameters
    ----------
    simulated : array of shape (draw, value)
        MMLU in [0, 1] from the prior, for the models of the table.
    known : array of shape (value,)
        What was measured.

    Returns
    -------
    DataFrame
        Indexed by ``statistic`` of a table (quantiles and spread of its values, in points): what
        it is, the median and 90 % interval of simulated tables, and the share of them ``below``.
        Shares near 0 or 1 are of a prior that the data contradict before the model is fitted.
    """
    rows = {}
    for name, statistic in STATISTICS.items():
        drawn, actual = 100 * statistic(simulated), 100 * float(statistic(known))
        rows[name] = {"actual": actual, **quantiles(drawn, MEDIAN_AND_90)}
        rows[name]["below"] = float((drawn < actual).mean())
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("statistic")


def not_identified(fit: LawFit) -> list[str]:
    """Return what the data cannot tell, each with the figure that says so."""
    models = fit.architectures.models[fit.architectures.dense]
    shape = [models[name].to_numpy(float) for name in ("layers", "hidden", "ffn")]
    hidden_ffn = np.corrcoef(np.log(shape[1]), np.log(shape[2]))[0, 1]
    known = models["tokens_t"].notna()
    tokens_date = np.corrcoef(np.log(models["tokens_t"][known]), models["year"][known])[0, 1]
    only_hidden = (shape[0] / shape[1]) ** 2
    constants = np.corrcoef(instability(*shape), only_hidden)[0, 1]
    table = contraction_table(fit)
    weak = [f"{n} ({row.contraction:.2f})" for n, row in table.iterrows() if row.contraction < WEAK]
    return [
        "the precision loss: no model's is recorded, and it only multiplies the unstable "
        "discount (by its square); it is fixed at 1, and the effect of instability is the product",
        f"hidden against FFN size: their logs correlate at {hidden_ffn:.2f}; only their ratio "
        "is asked about, as one contrast beside the bulk of the model",
        f"the constants {FFN_CONSTANT:g} and {HIDDEN_CONSTANT:g} of the discount: their common "
        "factor is that of its effect, and without the first of them the discount would "
        f"correlate at {constants:.3f} with what it is; both are fixed as published",
        f"tokens against the date of release: their correlation is {tokens_date:.2f}; models of "
        "one date that differ in tokens are few, so growth with tokens and with time trade off",
        *(
            [f"narrowed by less than half by the data (contraction): {', '.join(weak)}"]
            if weak
            else []
        ),
    ]
