"""Recovery and planted errors at the bundled design; writes results/planted*.csv and recovery*.csv.

    python benchmarks/planted_errors.py fit.nc --replicates 6

Scores are simulated at draws of a saved fit's posterior, so the truth is known, and fitted again
(2 chains of 300 draws after 300 of tuning). Clean replicates give the coverage of parameters and
of aligned loadings, and the false alarm rates of odd scores. In each planted replicate, eight
models each have a score of another model in one of their cells, tokens off by four, or size off by
four. One fit, the first, has the bundled scores with sizes and tokens as published, errors and all.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayes_sloth.checking.odd_scores import odd_cells, odd_models
from bayes_sloth.design import Design, make_design, typical_level
from bayes_sloth.fitting import load_fit
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import load_scores
from bayes_sloth.simulating import Simulator, one_draw, ranked_quantities, simulate

RESULTS = Path(__file__).parent / "results"
PLANTED_EACH = 8
KINDS = ("row", "tokens", "size")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fit")
    parser.add_argument("--replicates", type=int, default=6, help="every second one is clean")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    fit, rng = load_fit(given.fit), np.random.default_rng(given.seed)
    started = time.process_time()
    simulator = Simulator.make(
        fit.design, fit.specification, Sampling(chains=2, tune=300, draws=300)
    )
    recovered, judged = [], []
    reference = typical_level(fit.design.scores.values.to_numpy(float), fit.design.chance)
    design, planted = as_published(fit.design)
    posterior = simulator.refit(design, seed=given.seed)["posterior"].to_dataset()
    judged.append(judge(posterior, design, planted).assign(replicate="errata", clean=False))
    write(judged, recovered)
    n_draws = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    for i in range(given.replicates):
        truth = one_draw(fit.posterior, int(rng.integers(n_draws)))
        design = simulate(truth, fit.design, rng)
        planted = pd.DataFrame(columns=["model", "kind", "benchmark", "moved"])
        if i % 2 == 0:
            design, planted = plant(design, rng)
        # Intercepts, link shapes and ceilings are measured from the truth's own typical levels.
        tree = simulator.refit(design, i, reference)
        posterior = tree["posterior"].to_dataset()
        judged.append(judge(posterior, design, planted).assign(replicate=i, clean=planted.empty))
        if planted.empty:
            recovered.append(coverage(posterior, truth, fit.design).assign(replicate=i))
        print(f"replicate {i}: {time.process_time() - started:.0f} s of CPU time", flush=True)
        write(judged, recovered)


def write(judged: list[pd.DataFrame], recovered: list[pd.DataFrame]) -> None:
    table = pd.concat(judged, ignore_index=True)
    table.to_csv(RESULTS / "planted.csv", index=False, float_format="%.5f")
    rates(table).to_csv(RESULTS / "planted_rates.csv", index=False, float_format="%.4f")
    if recovered:
        intervals = pd.concat(recovered, ignore_index=True)
        intervals.to_csv(RESULTS / "recovery.csv", index=False, float_format="%.5f")
        covered(intervals).to_csv(RESULTS / "recovery_coverage.csv", float_format="%.3f")


def rates(judged: pd.DataFrame) -> pd.DataFrame:
    """Return how many planted errors are found, and how many of the rest are flagged.

    A score of another row counts as found if its cell or its model is flagged; cells are judged
    at 0.001, models at 0.01 (`bayes_sloth.checking.odd_scores`), and both at ten times that.
    """
    rows = []
    simulated = judged[judged["replicate"] != "errata"]
    for label, part in (("simulated", simulated), ("errata", judged.drop(simulated.index))):
        for factor in (1, 10):
            hit = part["tail"] < np.where(part["what"] == "cell", 0.001, 0.01) * factor
            for (what, kind), flags in hit.groupby(
                [part["what"], part["kind"].fillna("nothing planted")]
            ):
                rows.append((label, factor, what, kind, len(flags), int(flags.sum()), flags.mean()))
    columns = ["data", "times_level", "what", "planted", "number", "flagged", "rate"]
    return pd.DataFrame(rows, columns=columns)


def covered(recovered: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage of 90 % intervals by parameter."""
    inside = recovered["true"].between(recovered["lower90"], recovered["upper90"])
    return inside.groupby(recovered["parameter"]).agg(elements="size", coverage90="mean")


def plant(design: Design, rng: np.random.Generator) -> tuple[Design, pd.DataFrame]:
    """Return a design with errors in it, and what they are."""
    models, values = design.scores.models.copy(), design.scores.values.copy()
    enough = models["lineage"].map(models["lineage"].value_counts()) >= 2
    chosen = rng.choice(models.index[enough], PLANTED_EACH * len(KINDS), replace=False)
    rows = []
    for model, kind in zip(chosen, np.repeat(KINDS, PLANTED_EACH), strict=True):
        benchmark, moved = "", 4.0 ** rng.choice([-1, 1])
        if kind == "row":
            known = values.columns[values.loc[model].notna()]
            benchmark = str(rng.choice(known))
            others = values[benchmark].dropna().drop(model)
            taken = float(others[rng.choice(others.index)])
            moved = taken - values.at[model, benchmark]
            values.at[model, benchmark] = taken
        else:
            column = "tokens_t" if kind == "tokens" else "params_b"
            models.loc[model, column] *= moved
        rows.append({"model": model, "kind": kind, "benchmark": benchmark, "moved": moved})
    return make_design(replace(design.scores, models=models, values=values)), pd.DataFrame(rows)


def as_published(design: Design) -> tuple[Design, pd.DataFrame]:
    """Return the design with sizes and tokens as published, and the models that differ.

    Families stay as corrected: another lineage would be another model to compile.
    """
    models = design.scores.models.copy()
    published = load_scores(errata=False).models.reindex(models.index)
    rows = []
    for column, kind in (("tokens_t", "tokens"), ("params_b", "size")):
        wrong = published[column].notna() & (published[column] != models[column])
        for model in models.index[wrong]:
            moved = published.at[model, column] / models.at[model, column]
            rows.append({"model": model, "kind": kind, "benchmark": "", "moved": moved})
        models.loc[wrong, column] = published.loc[wrong, column]
    return make_design(replace(design.scores, models=models)), pd.DataFrame(rows)


def judge(posterior: xr.Dataset, design: Design, planted: pd.DataFrame) -> pd.DataFrame:
    """Return the tail probabilities of cells and models, with what was planted in them."""
    cells = odd_cells(posterior, design).reset_index()
    models = odd_models(posterior, design).reset_index()
    keep = ["model", "benchmark", "two_sided", "reliable"]
    cells = cells[keep].rename(columns={"two_sided": "tail"})
    cells = cells.assign(what="cell", level=np.nan, pattern=np.nan)
    models = models.assign(
        what="model", benchmark="", tail=2 * models[["level", "pattern"]].min(axis=1)
    )
    kinds = planted.set_index("model")[["kind", "moved"]]
    in_model = models.join(kinds, on="model")
    in_cell = cells.merge(planted[planted["kind"] == "row"], how="left", on=["model", "benchmark"])
    judged = ["what", "model", "benchmark", "tail", "reliable", "level", "pattern"]
    return pd.concat([in_cell, in_model], ignore_index=True)[[*judged, "kind", "moved"]]


def coverage(posterior: xr.Dataset, truth: xr.Dataset, design: Design) -> pd.DataFrame:
    """Return true values with their equal-tailed 90 % intervals; loadings are aligned alike."""
    fitted = ranked_quantities(posterior, design).assign(loadings=posterior["loadings"])
    true = ranked_quantities(truth, design).assign(loadings=truth["loadings"])
    low, high = (fitted.quantile(q, ("chain", "draw")) for q in (0.05, 0.95))
    rows = []
    for name in fitted:
        value = true[name].isel(chain=0, draw=0).transpose(*low[name].dims).to_numpy().ravel()
        rows.append(
            pd.DataFrame(
                {"parameter": name, "element": np.arange(value.size), "true": value,
                 "lower90": low[name].to_numpy().ravel(), "upper90": high[name].to_numpy().ravel()}
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


if __name__ == "__main__":
    main()
