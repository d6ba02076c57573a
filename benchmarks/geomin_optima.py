"""Rotate the loadings of Sloth's point fit from many starts; writes ``results/geomin_optima.csv``.

    python benchmarks/geomin_optima.py

The law is Sloth's with three skills and a fixed link, fitted from several seeds to the models that
have every score of both suites; its loadings are put in units of the skills' standard deviations
and rotated by geomin. A row for each seed and each optimum, with how many of 100 starts end there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth.baselines.skills import SkillsProblems
from bayes_sloth.baselines.sloth import best_rate
from bayes_sloth.baselines.table import Covariates
from bayes_sloth.rotation import rotate
from bayes_sloth.scores import benchmarks_of, load_scores

RESULTS = Path(__file__).parent / "results" / "geomin_optima.csv"
SEEDS = range(6)
SKILLS = 3


def main() -> None:
    rows = []
    for seed, loadings in zip(SEEDS, point_loadings(), strict=True):
        optima = rotate(loadings, "geomin").optima.reset_index()
        rows.append(optima.assign(seed=seed))
        print(optima.to_string(index=False))
    table = pd.concat(rows)[["seed", "optimum", "criterion", "starts"]]
    table.to_csv(RESULTS, index=False, float_format="%.4f")


def point_loadings() -> list[np.ndarray]:
    """Return loadings of each seed, (benchmark, skill), of uncorrelated skills with unit sd."""
    scores = load_scores(errata=False).select(benchmarks_of("both"))
    models = scores.models[["params_b", "tokens_t"]].join(scores.values).dropna()
    variant = pd.get_dummies(scores.models.loc[models.index, "variant"]).to_numpy(float)
    size, tokens = np.log(models[["params_b", "tokens_t"]].to_numpy(float)).T
    design = np.hstack([Covariates(size, tokens, variant).translog, variant])
    values = models[scores.values.columns].to_numpy(float)
    chance = scores.benchmarks["chance"].to_numpy(float)[None]
    problems = SkillsProblems(
        design=design.astype(np.float32),
        scores=np.stack([values] * len(SEEDS)).astype(np.float32),
        chance=np.stack([chance] * len(SEEDS)).astype(np.float32),
        dimension=SKILLS,
    )
    fitted = problems.unpack(best_rate(problems, problems.draw(SEEDS, slopes=3)))
    skills = design @ fitted["coefficients"].astype(float)
    roots = [np.linalg.cholesky(np.cov(each.T)) for each in skills]
    return [
        each.astype(float).T @ root for each, root in zip(fitted["loadings"], roots, strict=True)
    ]


if __name__ == "__main__":
    main()
