"""Ask the training data alone whether returns to size diminish.

Fits the default model without any model that a published fold tests, and writes
``results/squared_size.csv``: the effect of the square of size on each benchmark (logits for a
squared tenfold of parameters), with the sampler's health::

    python benchmarks/squared_size.py
"""

from __future__ import annotations

from pathlib import Path

from bayes_sloth import Sampling, benchmarks_of, fit, load_scores
from bayes_sloth.folds import make_folds

RESULTS = Path(__file__).parent / "results" / "squared_size.csv"
SAMPLING = Sampling(tune=1000, draws=1500, target_accept=0.95)
LEVELS = {"lower90": 0.05, "median": 0.5, "upper90": 0.95}


def main() -> None:
    scores, _ = load_scores(errata=False).select(benchmarks_of("both")).with_size_and_tokens()
    settings = [(suite, seen) for suite in ("v1", "v2", "both") for seen in (1, 2)]
    tested = {
        model
        for suite, seen in settings
        for fold in make_folds(scores, suite, seen)
        for model in fold.test_models
    }
    left = scores.models.index[~scores.models.index.isin(tested)]
    done = fit(scores.select(models=left), sampling=SAMPLING)
    print(done)
    effect = done.posterior["growth"].sel(covariate="size_size")
    table = effect.quantile(list(LEVELS.values()), dim=("chain", "draw")).T.to_pandas()
    table.columns = list(LEVELS)
    table["p_negative"] = (effect < 0).mean(("chain", "draw")).to_pandas()
    health = done.health
    table = table.assign(models=len(left), passed=health.passed, rhat=health.rhat)
    table.assign(ess_bulk=health.ess_bulk, divergences=health.divergences).round(4).to_csv(RESULTS)


if __name__ == "__main__":
    main()
