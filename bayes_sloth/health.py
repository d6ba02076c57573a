"""Whether the sampler can be believed, judged on what rotation and sign of skills do not change."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_sloth.loadings import shared_covariance

RHAT_LIMIT = 1.01
ESS_LIMIT = 400
BFMI_LIMIT = 0.3
# Means of log density further apart than this many posterior sd: chains in different modes.
MODE_LIMIT = 0.75


@dataclass(frozen=True)
class Health:
    """Diagnostics of a fit, and what they say.

    Attributes
    ----------
    rhat : float
        Largest rank-normalised split R-hat (Vehtari et al. 2021) over all rotation-invariant
        quantities: loadings @ loadings.T, all other parameters, and expected scores.
    rhat_of, ess_of : str
        Where the largest R-hat and the smallest effective sample size are.
    ess_bulk, ess_tail : float
        Smallest effective sample sizes.
    divergences : int
        Divergent transitions.
    bfmi : float
        Smallest Bayesian fraction of missing information over chains.
    mode_gap : float
        Largest distance between two chains' mean log density, in posterior sd: above 0.75,
        chains are in different modes.
    chains, draws : int
        Chains and draws of each.
    """

    rhat: float
    rhat_of: str
    ess_bulk: float
    ess_tail: float
    ess_of: str
    divergences: int
    bfmi: float
    mode_gap: float
    chains: int
    draws: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words, each with what to do about it; empty if all is well."""
        found = []
        if self.chains < 2:
            found.append("one chain cannot show whether it converged: use at least two chains")
        if not self.rhat <= RHAT_LIMIT:
            found.append(
                f"R-hat is {self.rhat:.3f} at {self.rhat_of} (limit {RHAT_LIMIT}): "
                "use more draws and more tuning"
            )
        if not min(self.ess_bulk, self.ess_tail) >= ESS_LIMIT:
            found.append(
                f"effective sample size is {min(self.ess_bulk, self.ess_tail):.0f} at "
                f"{self.ess_of} (limit {ESS_LIMIT}): use more draws"
            )
        if self.divergences:
            found.append(f"{self.divergences} divergent transitions: use more tuning")
        if not self.bfmi >= BFMI_LIMIT:
            found.append(f"BFMI is {self.bfmi:.2f} (limit {BFMI_LIMIT}): use more tuning")
        if self.mode_gap > MODE_LIMIT:
            found.append(
                f"mean log density differs between chains by {self.mode_gap:.1f} posterior sd: "
                "chains are in different modes; use fewer skills or another seed"
            )
        return found

    @property
    def passed(self) -> bool:
        """Whether every diagnostic is within its limit."""
        return not self.problems

    def sentence(self) -> str:
        """Return the verdict in a sentence."""
        numbers = (
            f"R-hat <= {self.rhat:.3f}, ESS >= {min(self.ess_bulk, self.ess_tail):.0f}, "
            f"{self.divergences} divergences, BFMI >= {self.bfmi:.2f}"
        )
        if self.passed:
            return f"Sampler health: passed ({numbers})."
        return f"SAMPLER HEALTH: NOT PASSED ({numbers}). " + "; ".join(self.problems) + "."

    def table(self) -> pd.DataFrame:
        """Return one row for each diagnostic: value, limit, whether passed, where."""
        rows = [
            ("R-hat, largest", self.rhat, RHAT_LIMIT, self.rhat <= RHAT_LIMIT, self.rhat_of),
            ("ESS bulk, smallest", self.ess_bulk, ESS_LIMIT, self.ess_bulk >= ESS_LIMIT,
             self.ess_of if self.ess_bulk <= self.ess_tail else ""),
            ("ESS tail, smallest", self.ess_tail, ESS_LIMIT, self.ess_tail >= ESS_LIMIT,
             self.ess_of if self.ess_tail < self.ess_bulk else ""),
            ("divergences", self.divergences, 0, self.divergences == 0, ""),
            ("BFMI, smallest", self.bfmi, BFMI_LIMIT, self.bfmi >= BFMI_LIMIT, ""),
            ("log density gap of chains, sd", self.mode_gap, MODE_LIMIT,
             self.mode_gap <= MODE_LIMIT, ""),
        ]  # fmt: skip
        columns = ["diagnostic", "value", "limit", "passed", "where"]
        return pd.DataFrame(rows, columns=columns).set_index("diagnostic")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, with verdict and problems."""
        return {**asdict(self), "passed": self.passed, "problems": self.problems}

    def __str__(self) -> str:
        return self.sentence()

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self.sentence())}</b></p>{self.table().to_html()}"


def diagnose(tree: xr.DataTree, expected: xr.DataArray | None = None) -> Health:
    """Return the diagnostics of a sampled posterior.

    Parameters
    ----------
    tree : DataTree
        Groups ``posterior`` and ``sample_stats``.
    expected : DataArray, optional
        Expected scores with dims chain and draw, judged as well.

    Returns
    -------
    Health
    """
    import arviz_stats as azs

    quantities = invariant_quantities(tree["posterior"].to_dataset())
    if expected is not None:
        quantities = quantities.assign(expected_score=expected)
    rhat, rhat_of = _extreme(azs.rhat(quantities), largest=True)
    bulk, bulk_of = _extreme(azs.ess(quantities, method="bulk"), largest=False)
    tail, tail_of = _extreme(azs.ess(quantities, method="tail"), largest=False)
    stats = tree["sample_stats"].to_dataset()
    return Health(
        rhat=rhat,
        rhat_of=rhat_of,
        ess_bulk=bulk,
        ess_tail=tail,
        ess_of=bulk_of if bulk <= tail else tail_of,
        divergences=int(stats["diverging"].sum()),
        bfmi=float(azs.bfmi(tree)["energy"].min()),
        mode_gap=_mode_gap(_log_density(stats)),
        chains=stats.sizes["chain"],
        draws=stats.sizes["draw"],
    )


def invariant_quantities(posterior: xr.Dataset) -> xr.Dataset:
    """Return the parameters that do not depend on the rotation of the skills.

    Skills are known up to it, and `loading_coordinate` is the loadings in other coordinates.
    """
    turned = [name for name in posterior if "skill" in posterior[name].dims]
    kept = posterior.drop_vars([*turned, "loading_coordinate"], errors="ignore")
    if "loadings" not in posterior:
        return kept
    return kept.assign(shared_covariance=shared_covariance(posterior))


def _extreme(values: xr.Dataset, largest: bool) -> tuple[float, str]:
    """Return the largest or smallest value and where it is; not-a-number counts as the worst."""
    worst, where = (-np.inf if largest else np.inf), ""
    for name, array in values.data_vars.items():
        flat = array.to_numpy().ravel()
        flat = np.where(np.isnan(flat), np.inf if largest else -np.inf, flat)
        position = int(flat.argmax() if largest else flat.argmin())
        if flat[position] > worst if largest else flat[position] < worst:
            index = np.unravel_index(position, array.shape)
            labels = [str(array[d][i].item()) for d, i in zip(array.dims, index, strict=True)]
            worst = float(flat[position])
            where = f"{name}[{', '.join(labels)}]" if labels else str(name)
    return worst, where


def _log_density(stats: xr.Dataset) -> np.ndarray:
    name = "logp" if "logp" in stats else "lp"
    return stats[name].transpose("chain", "draw").to_numpy()


def _mode_gap(log_density: np.ndarray) -> float:
    means, spread = log_density.mean(axis=1), log_density.std(axis=1).mean()
    return float(np.ptp(means) / spread) if spread else 0.0
