"""Fit the Performance Law, backtest it and compare it with baselines; write what came of it.

Writes in ``results/``, each name beginning with ``performance_law``:

- ``.csv``: a row for each protocol, set of models and method; ``_cells.csv``: every forecast;
  ``_folds.csv``: diagnostics of each fold;
- ``_published.csv``: the published law's errors by the date of release;
- ``_parameters.csv``, ``_health.csv``: a fit to all models, its prior, posterior and diagnostics;
- ``_prior.csv``: tables simulated from the prior against the bundled one; ``_anchor.csv``: the
  typical level of what was released before a date;
- ``_loo.csv``: leave-one-model-out against simpler laws and regressions.

Finished fits and folds are kept in ``--keep``, so that a run that was stopped goes on::

    python benchmarks/performance_law.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import performance_law as law
from bayes_sloth.design import typical_level
from bayes_sloth.performance_law.backtesting import DATES, FOLD_SAMPLING, content_key
from bayes_sloth.performance_law.baselines import published_forecast
from bayes_sloth.performance_law.data import CHANCE
from bayes_sloth.performance_law.fitting import LAW_SAMPLING, LawFit
from bayes_sloth.performance_law.priors import VARIANTS
from bayes_sloth.storage import slug

RESULTS = Path(__file__).parent / "results"
PERIODS = {
    "2020 to 2022": ("2020-01", "2022-12"),
    "2023": ("2023-01", "2023-12"),
    "Jan to Sep 2024": ("2024-01", "2024-08"),
    "later": ("2024-09", "2030-01"),
}


def published_errors() -> pd.DataFrame:
    """Return the published law's mean absolute error by the date of release, in points."""
    architectures = law.load_architectures()
    error = 100 * (published_forecast(architectures) - architectures.mmlu).abs()
    release = architectures.models["release"]
    rows = []
    for period, (first, last) in PERIODS.items():
        part = error[release.between(first, last)].dropna()
        rows.append({"period": period, "models": len(part), "mae": part.mean()})
    return pd.DataFrame(rows)


def typical_levels() -> pd.DataFrame:
    """Return the typical MMLU, in points, of what was released before each date."""
    architectures = law.load_architectures()
    rows = []
    for date in (*DATES, "all"):
        known = architectures.mmlu[architectures.models["release"] < date].to_numpy()
        level = typical_level(known[:, None], np.array([CHANCE]))[0]
        rows.append({"before": date, "models": len(known), "typical_mmlu": 25 + 75 * level})
    return pd.DataFrame(rows)


def fitted(variant: str | None, keep: Path) -> LawFit:
    """Return the fit of a variant, from where it is kept if it is."""
    sampling = FOLD_SAMPLING if variant else LAW_SAMPLING
    name = slug(variant or "law").replace("_", "-")
    path = keep / content_key(law.load_architectures(), sampling) / f"{name}.nc"
    if path.is_file():
        return law.load_fit(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fit = law.fit(sampling=sampling, variant=variant)
    fit.save(path)
    print(variant or "law", fit.health.sentence(), flush=True)
    return fit


def write(table: pd.DataFrame, name: str, index: bool = False) -> None:
    table.round(4).to_csv(RESULTS / f"performance_law{name}.csv", index=index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", default="backtest/performance_law", help="fits and folds")
    keep = Path(parser.parse_args().keep)
    write(published_errors(), "_published")
    write(typical_levels(), "_anchor")
    fit = fitted(None, keep)
    write(law.contraction_table(fit), "_parameters", index=True)
    write(fit.health.table(), "_health", index=True)
    values = fit.architectures.values.to_numpy()
    simulated = fit.tree["prior_predictive"]["mmlu"].to_numpy()[0]
    write(law.prior_check(simulated, values[~np.isnan(values)]), "_prior", index=True)
    result = law.backtest(folder=keep)
    print(result)
    write(result.summary, "")
    write(result.cells, "_cells")
    write(result.folds.reset_index(), "_folds")
    fits = {name: fitted(name, keep) for name in VARIANTS}
    table = law.compare({"Bayesian law": fit, **fits})
    passed = {name: f.health.passed for name, f in {"Bayesian law": fit, **fits}.items()}
    print(table.to_string())
    write(table.assign(sampler_passed=table.index.map(passed)), "_loo", index=True)


if __name__ == "__main__":
    main()
