"""Write ``docs/performance_law.md`` from the committed results; computes no forecast.

::

    python benchmarks/performance_law_page.py
"""

# ruff: noqa: E501
from __future__ import annotations

from pathlib import Path

import pandas as pd
from results_page import markdown

from bayes_sloth.performance_law.priors import priors_table

ROOT = Path(__file__).parents[1]
RESULTS, DOCS = ROOT / "benchmarks" / "results", ROOT / "docs"

PAGE = r"""# The Performance Law

MMLU of a language model from its architecture: layers, hidden size, FFN size, parameters (billions)
and training tokens (trillions). Made by `python benchmarks/performance_law_page.py` from
`benchmarks/results/`, which `python benchmarks/performance_law.py` wrote. MMLU, errors and widths are
in percentage points.

```bash
bayes-sloth performance-law forecast --published --layers 62 --hidden 4096 --ffn 8192 --params 10.07 --tokens 6.5
bayes-sloth performance-law fit --out law.nc
bayes-sloth performance-law check law.nc
bayes-sloth performance-law forecast --layers 80 --hidden 8192 --ffn 28672 --params 70.6 --tokens 15 --plot curve.png
bayes-sloth performance-law backtest --protocol forward
bayes-sloth performance-law plan architecture --flops 1e24 --plot shapes.png
bayes-sloth performance-law plan expansion --layers 32 --hidden 4096 --ffn 14336 --params 8.03 --tokens 15 --mmlu 66
bayes-sloth performance-law training --layers 80 --hidden 8192 --ffn 28672 --params 70.6 --tokens 15 --so-far 5 --mmlu 70
bayes-sloth performance-law closed --mmlu 86.4 --release 2024-05 --plot ridge.png
bayes-sloth performance-law contamination --layers 40 --hidden 5120 --ffn 17920 --params 14.7 --tokens 9.8 --mmlu 84.8 --second mmlu_pro=50
bayes-sloth performance-law fit --variant "without date" --out undated.nc
bayes-sloth performance-law compare law.nc undated.nc
```

**Units.** A shape nearly determines a size, so that a size in millions is refused. More than 100 trillion
tokens are refused too: they are in billions. From 40 trillion, or from 60,000 tokens for each parameter,
both laws warn and name the remedy, because no published model saw as many. Fewer billions given as
trillions (15 for 0.015) cannot be told from a plan.

## The published law

For dense models (arXiv 2408.09895), with N layers, hidden size h, FFN size d, T trillion tokens, S
billion parameters and a precision loss of at least 1, written γ:

    T' = min(T, S),   u = exp(-((10/d + 20/h) γ N)²)
    MMLU = 13.950 ln(uN) + 0.231 ln(uh) - 0.485 ln(ud) + 5.398 ln(uT') + 9.195

below 25 it is 25; above 90 it becomes 90 + 10 tanh(0.1 MMLU - 9). `bayes_sloth.performance_law.published`
has every digit; a test holds it to the ten values that its authors' planner prints. Its mean absolute
error on the public dense models of the bundled table, with γ = 1:

{published}

## The Bayesian law

With size s and tokens t in tenfolds from 7 billion and 2 trillion, contrasts of depth z and of FFN
size f, the exponent v of the unstable discount, and y years from the start of 2024:

    s   = (1 - w) log10 S_total + w log10 S_active          (a dense model's size is its own)
    t'  = t - τ ln(1 + exp((t - s - r) / τ))                (soft saturation)
    η   = a + b_s s + b_t (t' - t'_0 - q s) + b_z z + b_f f + b_y y - b_v v + developer + lineage + model
    μ   = link(η): from 25, the level of guessing, to an estimated ceiling
    y_j ~ Student(μ + offset_j, σ_j),   σ_j² = μ (1 - μ) / 14042 + φ_j²       (harness, reported)

- **A link in place of clips.** The generalised logistic of the skills model (`bayes_sloth.link`),
  anchored at the middle of MMLU's range, 62.5 points: there one logit is the 18.75 points by which the
  published coefficients are translated into priors, and the intercept's prior is what the published law
  says at 7 billion parameters and 2 trillion tokens.
- **Soft saturation.** As τ → 0, t' → min(t, s + r); r = 0 is the published thousand tokens for each
  parameter. t'_0 and q are the value and the slope in size at the reference, which only makes
  coordinates that hardly correlate.
- **Contrasts.** Layers, hidden and FFN size correlate strongly. The law uses the size, and of the shape
  only what the size does not tell: log10(N/h) and log10(d/h) about their regressions on N h² over dense
  models. The FFN contrast of a mixture of experts counts as typical, because tables give the size of an
  expert for some and that of the first dense layers for others.
- **Mixtures of experts** count with a learned weight w between total and active parameters. This is
  not the variant of the paper, whose equation is not public.
- **Missing tokens** are parameters with the tokens of other models of that size and date as their
  population; a dense model's missing size follows from its shape.
- **Two sources** speak of one ability, with noise of their own and an offset of what is reported.

The released model's year stands for everything that improved over time and is in no column.

## Priors

The effects of architecture are centred on the published coefficients and weigh ten models.

{priors}

Before any fit, the prior simulates tables of MMLU for the models of the bundled one. Quantiles and spread
of the bundled table should lie amid those of simulated tables (points; `below` is the share of simulated
tables below it; a test asks for 0.05 to 0.95):

{prior}

**How the priors came about.** Those of the link's shape, of its ceiling and of the softness were set after
looking at fits of all the data, before any backtest was run. The anchor was **changed after a backtest had
failed**: it used to be the typical level of the training table. What was released before a date stands
there:

{anchor}

So a table of early models put the anchor near guessing, and with it the prior's centre for a model of 7
billion parameters and 2 trillion tokens, of which the published law says 58 points; effects were priced in
logits of a flat part of the curve. The forward fold of 2023-07 then did not converge (R-hat 1.16) and
erred by 19.6 points. The fixed anchor follows from what the priors mean, and passes the check above, but
it was that fold that made us look. The backtests below are not wholly blind to what they hide.

## What the data say, and what they do not

Prior and posterior of a fit to all models. A contraction of 1 means that the data say all, 0 or less
that they say nothing.

{parameters}

Not identified by these data, whatever the contraction:

- **the precision loss**: no model's is recorded, and it only multiplies the unstable discount (by its
  square). It is fixed at 1; the effect of instability is the product;
- **hidden against FFN size**: they grow together, and only their ratio is asked about;
- **the constants 10 and 20** of the discount: their common factor is that of its effect, and their
  ratio hardly changes it. Both are fixed as published;
- **tokens against the date of release**: later models saw more tokens. Growth with tokens and with time
  trade off, and forecasts that change one without the other lean on the priors.

`bayes-sloth performance-law check` prints the correlations behind these sentences for the fit at hand.
The law describes models that somebody chose to train and to publish: effects are what such models
scored, not what a change of shape causes.

{health}

## Backtests

*developer*: hide every model of one developer, forecast them from all others. *forward*: hide what was
released in a month or later, forecast it from what came before; the published law is of September
2024. MMLU is as reported, or else from the harness. Every model counts alike. Regressions have flat
priors and Student intervals, and use the active parameters of mixtures of experts. The published law
states no interval; its CRPS is its absolute error. The published law saw most of these models when
it was made; the others did not see what they forecast.

Dense models with known tokens, which every method can forecast:

{common}

{where}

The Bayesian law on all hidden models, mixtures of experts and models with unknown tokens among them:

{everything}

Sampler of the folds: {folds}

## Leaving one model out

The same fit, simpler laws (each the law with some priors shut) and the regressions, by the log density
that each gives a model's MMLU from all other models (`bayes_sloth/performance_law/comparing.py`). Developers
and lineages of the model are mostly known here, other than in the backtests by developer. The difference
is from the best, with its standard error; within two of them nothing is decided.

{loo}

{decided}

## Uses

- `forecast`: before training, with an interval.
- `plan architecture`: shapes that exist, with the tokens that a budget of 6 x parameters x tokens buys;
  the probability that the first is truly the best, by the law and once each training departs from the
  law on its own; the regret of choosing each.
- `plan expansion`: deeper, wider, more experts; gain with an interval, and its cost.
- `training`: the score so far against what the law expects at these tokens, as a tail probability, and
  a forecast of the end given it. The law was learned from finished trainings, which score higher than a
  checkpoint whose learning rate has not decayed.
- `closed`: what size and tokens may be behind an MMLU: a joint posterior along a ridge.
- `contamination`: a residual, and whether a second benchmark agrees with the law or with MMLU. It
  cannot tell contamination from a better recipe: both leave the same residual.

## In the skills model

The two laws meet in `bayes-sloth fit --architecture` (`Specification(architecture=True)`): depth and FFN
size at equal bulk become covariates of the skills model, through the skills and on each benchmark. The
shape of 119 of its 180 models is known (`data/score_architectures.csv`); any other, and a model that is
forecast, counts as of average shape. {architecture}
"""


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / f"performance_law{name}.csv")


def backtest_table(table: pd.DataFrame, models: str) -> str:
    part = table[table["models"] == models]
    names = {
        "protocol": "protocol", "fold": "from", "method": "method", "n": "models", "mae": "error",
        "crps": "CRPS", "coverage50": "50 %", "coverage80": "80 %", "coverage90": "90 %",
        "width90": "width 90 %", "interval_score90": "interval score",
    }  # fmt: skip
    shown = part[list(names)].rename(columns=names)
    return markdown(shown.astype(object).where(shown.notna(), "")).replace(" nan ", "  ")


def health_sentence(health: pd.DataFrame) -> str:
    verdict = "passed" if health["passed"].all() else "**NOT PASSED**"
    values = ", ".join(f"{row.diagnostic} {row.value:.3g}" for row in health.itertuples())
    return f"Sampler health of that fit: {verdict} ({values})."


def folds_sentence(folds: pd.DataFrame) -> str:
    passed = (folds["rhat"] <= 1.01) & (folds["ess"] >= 400) & (folds["divergences"] == 0)
    failed = [
        f"{row.fold} (R-hat {row.rhat:.3f}, ESS {row.ess:.0f}, {row.divergences} divergences)"
        for row in folds[~passed].itertuples()
    ]
    again = int((folds["draws"] > folds["draws"].min()).sum())
    rest = f" Not passed: {', '.join(failed)}." if failed else ""
    return (
        f"{int(passed.sum())} of {len(folds)} folds passed every limit of a fit (R-hat at most 1.01, "
        f"ESS at least 400 in bulk and tail, no divergence, for every parameter), {again} of them or "
        f"of the others in a second, longer run; the largest R-hat is {folds['rhat'].max():.3f}, the "
        f"smallest ESS {folds['ess'].min():.0f}.{rest}"
    )


def losses(table: pd.DataFrame) -> str:
    """Return where another method has the smaller error, or the intervals cover too little."""
    common = table[table["models"] == "dense, tokens known"]
    worse, narrow = [], []
    for (protocol, fold), group in common.groupby(["protocol", "fold"], sort=False):
        own = group[group["method"] == "Bayesian law"].iloc[0]
        best = group.loc[group["mae"].idxmin()]
        name = f"{protocol}, {fold}"
        if best["method"] != "Bayesian law":
            worse.append(
                f"{name} ({own['mae']:.1f} against {best['mae']:.1f} of the {best['method']})"
            )
        if own["coverage90"] < 0.85:
            narrow.append(f"{name} ({own['coverage90']:.0%} of {own['n']} models)")
    text = "**Where it loses.** "
    text += f"In error: {'; '.join(worse)}. " if worse else "In error, in none of these. "
    text += (
        f"Its 90 % intervals cover too little: {'; '.join(narrow)}."
        if narrow
        else ("Its 90 % intervals cover at least 85 % in each.")
    )
    return text


def decided(table: pd.DataFrame) -> str:
    """Return which laws are clearly worse than the best, and which are not."""
    rest = table.iloc[1:]
    clear = rest["difference"] < -2 * rest["difference_se"]
    worse, open_ = (", ".join(rest.loc[chosen, "law"]) for chosen in (clear, ~clear))
    return (
        f"Best: {table.iloc[0]['law']}. Clearly worse: {worse or 'none'}. "
        f"Not to be told apart from the best: {open_ or 'none'}."
    )


def verdict(table: pd.DataFrame) -> str:
    """Return whether the architecture helps, within two standard errors."""
    row = table.loc["architecture"]
    size, error = row["crps_difference"], row["crps_difference_se"]
    if abs(size) <= 2 * error:
        return (
            "A CRPS difference within two standard errors is **no difference**: on these families\n"
            "the architecture does not help the skills model, and it stays out of the default."
        )
    if size > 0:
        return "It makes forecasts worse, and stays out of the default."
    return (
        "It helps on these families; the default was not changed for it, as the published folds "
        "have not been run with it."
    )


def loo_table(table: pd.DataFrame) -> str:
    shown = table.assign(sampler=table["sampler_passed"].map({True: "passed", False: "not passed"}))
    names = {
        "law": "law", "elpd": "log density", "difference": "difference", "difference_se": "its se",
        "models": "models", "unsure": "Pareto k > 0.7", "sampler": "sampler",
    }  # fmt: skip
    shown = shown[list(names)].rename(columns=names)
    return markdown(shown.astype(object).where(shown.notna(), "")).replace(" nan ", "  ")


def architecture(table: pd.DataFrame) -> str:
    """Return what the development families say of the architecture."""
    return (
        "On the development families\n([how they are chosen](choices.md)), against the default "
        "(`error` averages folds alike, as Sloth does;\ndifferences count cells alike):\n\n"
        f"{architecture_table(table)}\n\n{verdict(table.set_index('choice'))}"
    )


def architecture_table(table: pd.DataFrame) -> str:
    names = {
        "choice": "model", "cells": "scores", "mae": "error", "crps": "CRPS",
        "coverage90": "coverage 90 %", "crps_difference": "CRPS, difference",
        "crps_difference_se": "its se", "error_difference": "error, difference",
        "error_difference_se": "its se ",
    }  # fmt: skip
    return markdown(table[list(names)].rename(columns=names), digits=3)


def main() -> None:
    table = read("")
    page = PAGE
    parts = {
        "published": markdown(read("_published")),
        "priors": markdown(priors_table().reset_index()),
        "parameters": markdown(read("_parameters"), digits=3),
        "health": health_sentence(read("_health")),
        "common": backtest_table(table, "dense, tokens known"),
        "everything": backtest_table(table, "all"),
        "folds": folds_sentence(read("_folds")),
        "where": losses(table),
        "decided": decided(read("_loo")),
        "prior": markdown(read("_prior")),
        "anchor": markdown(read("_anchor")),
        "loo": loo_table(read("_loo")),
        "architecture": architecture(pd.read_csv(RESULTS / "architecture.csv")),
    }
    for name, text in parts.items():
        page = page.replace("{" + name + "}", text)
    (DOCS / "performance_law.md").write_text(page)


if __name__ == "__main__":
    main()
