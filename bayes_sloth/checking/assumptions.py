r"""What a table of scores can identify, known before anything is sampled.

Sloth's theorem (arXiv 2412.06540): with a fixed link and fixed asymptotes, loadings and growth of
the skills are identified up to one invertible matrix if the design (size, tokens, their product,
and a dummy for each family) has full column rank, the loadings have rank *d*, and the skills have
a fixed positive-definite covariance. Identified is not yet known well: how much a covariate varies
within families, and apart from the others, says that (its *tolerance*, one over its variance
inflation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_sloth.scores import Scores
from bayes_sloth.specification import Specification

MET, NOT_MET, NOT_CHECKABLE = "met", "not met", "not checkable"
COVARIATE_NAMES = ("size", "tokens", "size x tokens")
# A variance inflation above ten is the usual sign of collinearity (Belsley, Kuh & Welsch 1980).
TOLERANCE_LIMIT = 0.1
RANK_LIMIT = 0.1
FEW_LINEAGES = 3  # fewer show nothing of how an effect differs between them


@dataclass(frozen=True, eq=False)
class Assumptions:
    """What the table of scores and the choices of the model can carry.

    Attributes
    ----------
    theorem : DataFrame
        Indexed by ``assumption``: ``status`` (met, not met, not checkable) and ``why``.
    within : DataFrame
        Indexed by ``models`` (all of them, or those with every benchmark known), ``family``
        (variant or lineage) and ``covariate``: the share of the covariate's variance left within
        families, how many families vary it at all, and of how many.
    rank, columns : int
        Rank of the design matrix (covariates and a dummy for each variant) and its columns.
    condition : float
        Condition number of the covariates within families, each scaled by its total spread.
    problems : tuple of str
        What the data cannot carry, in words.
    """

    theorem: pd.DataFrame
    within: pd.DataFrame
    rank: int
    columns: int
    condition: float
    problems: tuple[str, ...]


def examine(scores: Scores, specification: Specification) -> Assumptions:
    """Return what a table of scores can identify under a specification.

    Parameters
    ----------
    scores : Scores
        Models without size, tokens or a score are passed over.
    specification : Specification

    Returns
    -------
    Assumptions
    """
    used = scores.with_size_and_tokens()[0]
    within = variance_within(used)
    rank, columns, condition = _rank_and_condition(used.models)
    return Assumptions(
        theorem=_theorem(used, specification, rank, columns),
        within=within,
        rank=rank,
        columns=columns,
        condition=condition,
        problems=(
            *_skill_problems(used, specification),
            *_covariate_problems(used, within),
            *_tuning_problems(used.models),
        ),
    )


def sloth_covariates(models: pd.DataFrame) -> np.ndarray:
    """Return log size, log tokens and their product, of shape (model, 3).

    Natural logs of billions and trillions, as Sloth's own design: the share of the product that
    is left within families depends on that origin, those of size and tokens do not.
    """
    size, tokens = (np.log(models[c].to_numpy(float)) for c in ("params_b", "tokens_t"))
    return np.column_stack([size, tokens, size * tokens])


def variance_within(scores: Scores) -> pd.DataFrame:
    r"""Return the share of each covariate's variance that is left within families.

    .. math:: \sum_m (x_m - \bar x_{f(m)})^2 \Big/ \sum_m (x_m - \bar x)^2,

    the tolerance of a covariate given the intercepts of the families alone.

    Parameters
    ----------
    scores : Scores

    Returns
    -------
    DataFrame
        See `Assumptions`. NaN where a covariate does not vary at all.
    """
    complete = scores.values.notna().all(axis=1)
    rows = [
        {"models": f"{label} ({len(models)})", "family": family, "covariate": name, **share}
        for label, models in (("all", scores.models), ("complete", scores.models[complete]))
        if len(models)
        for family in ("variant", "lineage")
        for name, share in _shares(models, family).items()
    ]
    return pd.DataFrame(rows).set_index(["models", "family", "covariate"])


def _shares(models: pd.DataFrame, family: str) -> dict[str, dict[str, float]]:
    x = pd.DataFrame(sloth_covariates(models), columns=list(COVARIATE_NAMES), index=models.index)
    groups = x.groupby(models[family])
    left, total = _sum_of_squares(x - groups.transform("mean")), _sum_of_squares(x - x.mean())
    varying = (groups.nunique() > 1).sum()
    return {
        name: {
            "share": float(left[name] / total[name]) if total[name] > 1e-12 else np.nan,
            "families_varying": int(varying[name]),
            "families": groups.ngroups,
        }
        for name in COVARIATE_NAMES
    }


def _sum_of_squares(x: pd.DataFrame) -> pd.Series:
    return (x**2).sum()


def _rank_and_condition(models: pd.DataFrame) -> tuple[int, int, float]:
    """Return rank and columns of the design, and the condition of the covariates within families.

    By the Frisch-Waugh theorem the rank is that of the dummies and that of the covariates once
    their families' means are taken away.
    """
    x = pd.DataFrame(sloth_covariates(models), index=models.index)
    left = (x - x.groupby(models["variant"]).transform("mean")).to_numpy()
    spread = x.std(ddof=0).to_numpy()
    singular = np.linalg.svd(left / np.where(spread > 0, spread, 1), compute_uv=False)
    full = np.pad(singular, (0, x.shape[1] - len(singular)))
    rank = int((full > 1e-8 * max(full[0], 1)).sum())
    families = models["variant"].nunique()
    condition = float(full[0] / full[-1]) if rank == x.shape[1] else np.inf
    return rank + families, x.shape[1] + families, condition


def _theorem(scores: Scores, specification: Specification, rank: int, columns: int) -> pd.DataFrame:
    benchmarks, skills = len(scores.benchmarks), specification.skills
    fixed = specification.link == "logistic"
    rows = [
        (
            "fixed link and asymptotes",
            MET if fixed else NOT_MET,
            "plain logistic from the chance level to 1"
            if fixed
            else "shape and ceiling of the link are estimated: they rest on the curvature of "
            "scores, and on their priors",
        ),
        (
            "design of full column rank",
            MET if rank == columns else NOT_MET,
            f"rank {rank} of {columns} columns (3 covariates and {columns - 3} variants)",
        ),
        (
            "loadings of rank d",
            NOT_MET if benchmarks < skills else NOT_CHECKABLE,
            f"{skills} skills on {benchmarks} benchmarks: "
            + ("impossible" if benchmarks < skills else "to be seen in the posterior"),
        ),
        (
            "fixed covariance of the skills",
            MET,
            "by construction: skills of lineages have unit variance and no correlation a priori",
        ),
    ]
    return pd.DataFrame(rows, columns=["assumption", "status", "why"]).set_index("assumption")


def most_skills(benchmarks: int) -> int:
    """Return the largest number of skills whose covariance leaves specific variances identified.

    Ledermann (1937): ``(B - d)^2 >= B + d``.

    Parameters
    ----------
    benchmarks : int

    Returns
    -------
    int
    """
    return max((d for d in range(benchmarks) if (benchmarks - d) ** 2 >= benchmarks + d), default=0)


def _skill_problems(scores: Scores, specification: Specification) -> list[str]:
    benchmarks, skills = len(scores.benchmarks), specification.skills
    lineages, found = scores.models["lineage"].nunique(), []
    if skills > benchmarks:
        found.append(
            f"{skills} skills on {benchmarks} benchmark(s) cannot be fitted: choose "
            f"skills={benchmarks} or fewer"
        )
    if benchmarks == 1:
        found.append(
            "there is one benchmark: what it shares with others cannot be told from what is its "
            "own, so skills and loadings say what the prior says; forecasts of it stand"
        )
    elif most_skills(benchmarks) < skills <= benchmarks:
        found.append(
            f"{skills} skills are more than {benchmarks} benchmarks can carry: at most "
            f"{most_skills(benchmarks)} can be told from each benchmark's own part (Ledermann's "
            "bound); the rest is prior"
        )
    if lineages <= skills:
        found.append(
            f"{lineages} lineages cannot show {skills} skills in which lineages differ: loadings "
            "say little more than their prior"
        )
    return found


def _covariate_problems(scores: Scores, within: pd.DataFrame) -> list[str]:
    """Return the covariates whose effects the families hide, worst first."""
    found = []
    everything = within.xs("variant", level="family").groupby(level="covariate").first()
    for name in ("size", "tokens"):
        share, varying, families = everything.loc[name]
        if np.isnan(share):
            found.append(f"every model has the same {name}: its effect is its prior")
        elif varying == 0:
            found.append(
                f"no variant has two models that differ in {name}: its effect cannot be told "
                f"from the differences between families; it is not identified within families"
            )
        elif share < TOLERANCE_LIMIT:
            found.append(_weak(name, share, int(varying), int(families), within))
    return found or _collinear(scores.models)


def _collinear(models: pd.DataFrame) -> list[str]:
    """Say where size and tokens each vary within variants, but hardly one without the other."""
    x = pd.DataFrame(sloth_covariates(models), columns=list(COVARIATE_NAMES), index=models.index)
    left = x - x.groupby(models["variant"]).transform("mean")
    correlation = left["size"].corr(left["tokens"])
    apart = (1 - correlation**2) * _sum_of_squares(left) / _sum_of_squares(x - x.mean())
    if apart[["size", "tokens"]].min() < TOLERANCE_LIMIT:
        return [
            f"within variants size and tokens go together (correlation of logs {correlation:.3f}): "
            "their effects cannot be told apart, and how they share the growth is the prior's word"
        ]
    return []


def _tuning_problems(models: pd.DataFrame) -> list[str]:
    tuned = models["instruct"].astype(bool)
    if not tuned.any() or tuned.all():
        return [
            f"{'no' if not tuned.any() else 'every'} model is instruction-tuned: the effect of "
            "tuning is its prior"
        ]
    both = int((tuned.groupby(models["lineage"]).nunique() > 1).sum())
    if both < FEW_LINEAGES:
        return [
            f"{both or 'no'} lineage{' has' if both < 2 else 's have'} both tuned and untuned "
            "models: the effect of tuning can hardly be told from differences between lineages"
        ]
    return []


def _weak(name: str, share: float, varying: int, families: int, within: pd.DataFrame) -> str:
    text = (
        f"effects of {name} are weakly identified: {share:.1%} of the variance of log {name} is "
        f"left within variants, and {varying} of {families} variants vary it at all"
    )
    complete = [label for label in within.index.unique("models") if label.startswith("complete")]
    if complete:
        part = within.loc[(complete[0], "variant", name)]
        text += (
            f" ({part['share']:.1%} and {part['families_varying']:.0f} of "
            f"{part['families']:.0f} among models with every benchmark known)"
        )
    return text + f"; every statement about {name} leans on those, and on the prior"
