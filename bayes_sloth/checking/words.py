"""The verdict of a check in words, and the rows of its table: everything is computed elsewhere."""

from __future__ import annotations

import pandas as pd

from bayes_sloth.checking.odd_scores import CELL_LEVEL, MODEL_LEVEL
from bayes_sloth.checking.sensitivity import CONTRACTION_LIMIT
from bayes_sloth.health import RHAT_LIMIT
from bayes_sloth.rotation import Rotation


def parameter_verdict(parameters: pd.DataFrame) -> list[str]:
    """Say which parameters the data hardly narrow, and how sure growth is."""
    weak = parameters.index[parameters["contraction"] < CONTRACTION_LIMIT]
    found = []
    for name in dict.fromkeys(weak.get_level_values(0)):
        elements = "; ".join(
            filter(None, weak[weak.get_level_values(0) == name].get_level_values(1))
        )
        found.append(
            f"the data hardly narrow {name} (posterior variance above half the prior's)"
            + (f": {elements}" if elements else "")
        )
    covariates = _growth_by_covariate(parameters)
    return [
        *found,
        "posterior sd of growth (logits per tenfold, mean over benchmarks): "
        + ", ".join(f"{name} {row['posterior_sd']:.2f}" for name, row in covariates.iterrows()),
    ]


def _growth_by_covariate(parameters: pd.DataFrame) -> pd.DataFrame:
    growth = parameters.loc["growth"]
    covariate = pd.Index([str(label).split(", ")[0] for label in growth.index], name="covariate")
    return growth.groupby(covariate, sort=False).mean(numeric_only=False)


def forecast_verdict(forecasts: pd.DataFrame) -> list[str]:
    """Say which forecasts lean on a prior, and on which."""
    found = []
    for scenario, part in forecasts.groupby(level="scenario", sort=False):
        leaning = part[part["leans_on_prior"]]
        if leaning.empty:
            found.append(f"no forecast '{scenario}' leans on a prior")
            continue
        priors = leaning["prior"].value_counts()
        named = ", ".join(f"{name} ({count})" for name, count in priors.items())
        found.append(
            f"forecasts '{scenario}' lean on a prior for {len(leaning)} of {len(part)} lineages "
            f"(mean over benchmarks; strongest: {named})"
        )
    return found


def skill_verdict(aligned: pd.DataFrame, rotation: Rotation) -> list[str]:
    """Say whether chains agree on the skills, and whether they can be read in another way."""
    residual, rhat = aligned["residual"], float(aligned["rhat"].iloc[0])
    agree = rhat <= RHAT_LIMIT
    return [
        f"chains {'agree' if agree else 'DO NOT AGREE'} on the aligned loadings (R-hat "
        f"{rhat:.3f}); what alignment leaves: {residual['draws']:.2f} of their size over draws, "
        f"{residual['chains']:.3f} between chains",
        f"reading of the skills by {rotation.sentence()}",
    ]


def odd_verdict(cells: pd.DataFrame, models: pd.DataFrame) -> list[str]:
    """Say which scores and models do not fit, and what cannot be told."""
    odd, shown = cells[cells["flagged"]].sort_values("two_sided"), []
    for (model, benchmark), row in odd.iterrows():
        shown.append(f"{model} on {benchmark} ({row['score']:.3f}, expected {row['expected']:.3f})")
    named = [
        f"{model} ({'level' if row['level'] <= row['pattern'] else 'pattern'})"
        for model, row in models[models["flagged"]].iterrows()
    ]
    unsure = int((~models["reliable"]).sum())
    return [
        f"odd scores at a tail of {CELL_LEVEL:g}, where {CELL_LEVEL * len(cells):.1f} of "
        f"{len(cells)} are expected by chance: {', '.join(shown) or 'none'}",
        f"odd models at a tail of {MODEL_LEVEL:g}, where {MODEL_LEVEL * len(models):.1f} of "
        f"{len(models)} are expected by chance: {', '.join(named) or 'none'} (level: size, tokens, "
        f"lineage or quality; pattern: setting, extraction or another model's scores; importance "
        f"sampling is unsure for {unsure} models, where fewer or more may be flagged)",
        "contamination cannot be told from quality: leaked answers give the scores of a better "
        "model",
    ]


def skill_rows(aligned: pd.DataFrame, rotation: Rotation) -> list[tuple[str, str, str]]:
    """Return the rows of alignment and rotation."""
    rows = [
        (f"alignment residual over {over}", f"{row['residual']:.3f}", f"R-hat {row['rhat']:.3f}")
        for over, row in aligned.iterrows()
    ]
    return [*rows, ("starts that agree on geomin", f"{rotation.agreement:.0%}",
                    rotation.sentence())]  # fmt: skip


def odd_row(what: str, table: pd.DataFrame) -> tuple[str, str, str]:
    """Return the row of odd scores, or of odd models."""
    unsure = int((~table["reliable"]).sum())
    return (
        f"odd {what}",
        str(int(table["flagged"].sum())),
        f"of {len(table)}; importance sampling is unsure for {unsure}",
    )


def parameter_rows(parameters: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return a row of the table for each parameter."""
    return [
        (
            f"contraction of {name}",
            f"{part['contraction'].median():.2f}",
            f"median; least {part['contraction'].min():.2f}; {part['leans_on_prior'].sum()} of "
            f"{len(part)} lean on their prior",
        )
        for name, part in parameters.groupby(_labels(parameters), sort=False)
    ]


def _labels(parameters: pd.DataFrame) -> pd.Index:
    """Return the parameter of each row; of growth, the covariate too."""
    return pd.Index(
        [f"{n}[{e.split(', ')[0]}]" if n == "growth" else n for n, e in parameters.index]
    )


def forecast_rows(forecasts: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return a row of the table for each scenario."""
    return [
        (
            f"forecasts, {scenario}",
            f"{part['leans_on_prior'].mean():.0%}",
            f"of lineages lean on a prior; mean sd {part['sd'].mean():.3f}",
        )
        for scenario, part in forecasts.groupby(level="scenario", sort=False)
    ]
