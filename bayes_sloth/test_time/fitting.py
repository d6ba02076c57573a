"""Fit the item-response model to counts; keep, save and read the posterior."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_sloth import __version__
from bayes_sloth.draws import quantiles
from bayes_sloth.health import Health, diagnose
from bayes_sloth.sampling import Sampling
from bayes_sloth.storage import SavedFit, read_tree
from bayes_sloth.test_time.counts import Counts
from bayes_sloth.test_time.pass_at_k import DEFAULT_K, pass_at_k

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 2
_MARK = "bayes_sloth_item_response_format"
_VARIABLES = (
    "ability", "easiness", "discrimination", "success_logit", "residual_sd", "impossible",
)  # fmt: skip
SAMPLING = Sampling(chains=4, tune=1000, draws=1500)


@dataclass(frozen=True, eq=False, repr=False)
class ItemResponseFit(SavedFit):
    """A sampled posterior of the item-response model, with the counts behind it.

    Attributes
    ----------
    tree : DataTree
        ``posterior``, ``sample_stats`` and ``constant_data`` (the counts).
    counts : Counts
    health : Health
        The sampler's diagnostics, over all parameters.
    """

    tree: xr.DataTree
    counts: Counts
    health: Health

    def pass_at_k(self, ks: Sequence[int] = DEFAULT_K) -> pd.DataFrame:
        """Return pass@k of the sampled models, averaged over questions, with 50 and 90 % intervals.

        The posterior's, beside the unbiased ``estimate`` from the counts, which is unknown above
        the number of samples.
        """
        posterior = self.posterior.transpose("chain", "draw", "model", "question", ...)
        logits = posterior["success_logit"].to_numpy()
        chance = np.random.default_rng(1).random(posterior["impossible"].shape)
        lost = chance < posterior["impossible"].to_numpy()
        logits = np.where(lost[:, :, None], -np.inf, logits)
        flat = logits.reshape(-1, *logits.shape[2:])
        draws = np.stack([pass_at_k(flat, k).mean(axis=-1) for k in ks], axis=-1)
        table = summarise(draws, self.counts.models, ks)
        estimate = self.counts.pass_at_k(tuple(ks)).to_numpy().ravel()
        return table.assign(estimate=estimate)

    def __repr__(self) -> str:
        return "\n  ".join(
            [
                "Item-response model of repeated sampling",
                repr(self.counts),
                self.health.sentence(),
                "Next: bayes_sloth.forecast_pass_at_k(this, fit, family=..., params_b=..., "
                "tokens_t=...)",
            ]
        )


def fit_item_response(
    counts: Counts, sampling: Sampling | None = None, *, progress: bool | None = None
) -> ItemResponseFit:
    """Fit the item-response model (`bayes_sloth.test_time.item_response`).

    Parameters
    ----------
    counts : Counts
        As `load_counts` reads them.
    sampling : Sampling, optional
        Four chains of 1,500 draws by default.
    progress : bool, optional

    Returns
    -------
    ItemResponseFit
    """
    from bayes_sloth.sampling import sample
    from bayes_sloth.test_time.item_response import build_model

    sampling = sampling or SAMPLING
    return assemble(sample(build_model(counts), sampling, progress=progress), counts, sampling)


def assemble(tree: xr.DataTree, counts: Counts, sampling: Sampling) -> ItemResponseFit:
    """Return the fit of a sampled tree, diagnosed, with its data beside it."""
    import xarray as xr

    posterior = tree["posterior"].to_dataset().drop_vars("success_logit_raw")
    parts = {"/posterior": posterior, "/sample_stats": tree["sample_stats"].to_dataset()}
    data = {
        name: (("model", "question"), table.to_numpy())
        for name, table in (("correct", counts.correct), ("samples", counts.samples))
    }
    coords = {
        "model": counts.models.to_numpy().astype(str),
        "question": counts.questions.to_numpy().astype(str),
    }
    kept = xr.DataTree.from_dict({**parts, "/constant_data": xr.Dataset(data, coords)})
    # Whether a question is impossible follows from the rest, and is certain once it was answered.
    free = {**parts, "/posterior": posterior.drop_vars("impossible")}
    health = diagnose(xr.DataTree.from_dict(free))
    kept.attrs = {
        _MARK: FORMAT,
        "bayes_sloth_version": __version__,
        "health": json.dumps(asdict(health)),
        "sampling": json.dumps(asdict(sampling)),
        "source": counts.source,
    }
    return ItemResponseFit(kept, counts, health)


def load_item_response(path: str | os.PathLike[str]) -> ItemResponseFit:
    """Read a fit that `ItemResponseFit.save` wrote."""
    tree = read_tree(
        path,
        mark=_MARK,
        version=FORMAT,
        variables=_VARIABLES,
        command="bayes-sloth test-time fit --counts COUNTS.csv",
    )
    data = tree["constant_data"].to_dataset()
    index, columns = (pd.Index(data[dim].to_numpy(), name=dim) for dim in ("model", "question"))
    tables = {
        name: pd.DataFrame(data[name].to_numpy(), index, columns) for name in ("correct", "samples")
    }
    counts = Counts(tables["correct"], tables["samples"], tree.attrs["source"])
    return ItemResponseFit(tree, counts, Health(**json.loads(tree.attrs["health"])))


def summarise(
    draws: np.ndarray, models: Sequence[str] | pd.Index, ks: Sequence[int]
) -> pd.DataFrame:
    """Return mean, median, sd and equal-tailed intervals of draws of shape (sample, model, k)."""
    numbers = {"mean": draws.mean(axis=0), "sd": draws.std(axis=0)}
    numbers |= quantiles(draws)
    index = pd.MultiIndex.from_product([list(models), list(ks)], names=["model", "k"])
    columns = ["mean", "median", "sd", "lower50", "upper50", "lower90", "upper90"]
    return pd.DataFrame({name: numbers[name].ravel() for name in columns}, index=index)
