"""One posterior that has not seen some models: what partial scorecards are measured on.

Some whole lineages, and a random quarter of the other models with all twelve scores, are hidden in
one fit. Another fit of the
same compiled model may see some of their scores.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import Fit, Scores, Specification, benchmarks_of, load_fit, load_scores
from bayes_sloth.design import make_design
from bayes_sloth.fitting import assemble
from bayes_sloth.model import FORECAST_VARIABLES, build_model, observed_cells
from bayes_sloth.sampling import Sampling, compile_model, sample

SAMPLING = Sampling(chains=4, tune=500, draws=1200)
SEED = 7
RESULTS = Path(__file__).parent / "results"


def all_scores() -> Scores:
    """Return the bundled scores that take part in a fit."""
    return load_scores().select(benchmarks_of("both")).with_size_and_tokens()[0]


def hidden_models(scores: Scores) -> pd.Index:
    """Return all models of four random lineages, and a random quarter of the other complete ones.

    Lineages and models are drawn among those with a score on every benchmark.
    """
    complete = scores.values.index[scores.values.notna().all(axis=1)]
    rng = np.random.default_rng(SEED)
    lineage = scores.models["lineage"]
    gone = rng.choice(lineage[complete].unique(), 4, replace=False)
    rest = complete[~lineage[complete].isin(gone)]
    some = rng.choice(rest, len(rest) // 4, replace=False)
    return scores.models.index[lineage.isin(gone) | scores.models.index.isin(some)]


def hide(scores: Scores, shown: pd.DataFrame | None = None) -> Scores:
    """Return the scores without those of the hidden models, but for cells that are shown."""
    mask = pd.DataFrame(False, index=scores.values.index, columns=scores.values.columns)
    mask.loc[hidden_models(scores)] = True
    if shown is not None:
        mask &= ~shown.reindex(index=mask.index, columns=mask.columns).notna()
    return scores.hide(mask)


def fit_hidden(keep: Path, shown: dict[str, pd.DataFrame] | None = None) -> dict[str, Fit]:
    """Return the fit that sees nothing (``base``) and those that see what is given, from disk."""
    scores = all_scores()
    wanted = {"base": None, **(shown or {})}
    compiled, fits = None, {}
    for name, cells in wanted.items():
        file = keep / f"{name}.nc"
        if not file.is_file():
            known = hide(scores, cells)
            design = make_design(known)
            if compiled is None:
                model = build_model(make_design(scores))
                variables = [n for n in FORECAST_VARIABLES if n in model.named_vars]
                compiled = compile_model(model, variables)
            data = observed_cells(design, known.values.to_numpy(float))
            tree = sample(compiled.with_data(**data), SAMPLING, progress=False)
            keep.mkdir(parents=True, exist_ok=True)
            assemble(tree, design, Specification(), SAMPLING).save(file)
        fits[name] = load_fit(file)
        print(name, fits[name].health.sentence(), flush=True)
    return fits


def questions(scores: Scores, fit: Fit, models: pd.Index) -> pd.DataFrame:
    """Return hidden models as questions: of an unseen family, if all of it is hidden."""
    asked = scores.models.loc[models].rename(columns={"variant": "family"})
    scored = fit.scores.values.notna().any(axis=1)
    about = scores.models[scored]
    for model, row in asked.iterrows():
        if row["family"] not in set(about["variant"]):
            known = row["lineage"] in set(about["lineage"])
            asked.loc[model, "family"] = row["lineage"] if known else f"{row['lineage']} (hidden)"
    return asked[["family", "params_b", "tokens_t", "instruct"]]
