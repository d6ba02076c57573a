"""Prove forecasts of pass@k on simulated data with known truth, at the size of the published set.

Ten models are sampled 10,000 times on each of 128 questions; three that never are, a larger one of
each family, are forecast. The truth of each replicate is a draw of the skills from a saved fit,
loadings of the task drawn from those of the benchmarks, and questions drawn from the item-response
model; in scenario ``impossible``, 3 % of the questions have no right answer for any model. Writes
``results/test_time.csv`` (coverage with its standard error over replicates, errors, time and memory
by scenario, how models are held out and k) and ``results/test_time_cells.csv``::

    python benchmarks/test_time.py --fit fit.nc --replicates 8
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_sloth import load_fit
from bayes_sloth.factor_scores import loading_prior, skills_of
from bayes_sloth.metrics import covered, interval_score
from bayes_sloth.priors import GROWTH_SPREAD
from bayes_sloth.sampling import Sampling, compile_model, sample
from bayes_sloth.skill_regression import SPREAD
from bayes_sloth.targets import draws_of
from bayes_sloth.test_time.counts import Counts
from bayes_sloth.test_time.fitting import assemble
from bayes_sloth.test_time.forecasting import forecast_pass_at_k, stretch
from bayes_sloth.test_time.item_response import build_model, simulate
from bayes_sloth.test_time.pass_at_k import pass_at_k

RESULTS = Path(__file__).parent / "results"
SAMPLED = [
    *(f"pythia-{size}" for size in ("70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b")),
    "gemma-2b", "meta-llama-3-8b", "meta-llama-3-8b-instruct",
]  # fmt: skip
NEVER = ["pythia-12b", "gemma-7b", "meta-llama-3-70b-instruct"]
KS = [1, 10, 100, 1000, 10000]
QUESTIONS, SAMPLES = 128, 10_000
EASINESS_SD, RESIDUAL_SD = 2.2, 1.2
IMPOSSIBLE = 0.03
SAMPLING = Sampling(chains=4, tune=800, draws=1200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", default="fit.nc")
    parser.add_argument("--replicates", type=int, default=8, help="of each scenario")
    parser.add_argument("--scenarios", nargs="+", default=["as assumed", "impossible"])
    arguments = parser.parse_args()
    fit = load_fit(arguments.fit)
    started = time.perf_counter()
    compiled = compile_model(build_model(_counts(np.zeros((len(SAMPLED), QUESTIONS), int))))
    compile_seconds = time.perf_counter() - started
    done = []
    for seed in range(arguments.replicates):
        for scenario in arguments.scenarios:
            done.append(replicate(fit, compiled, seed, scenario))
            write(pd.concat(done), compile_seconds)


def write(cells: pd.DataFrame, compile_seconds: float) -> None:
    """Write what is done so far."""
    cells.round(5).to_csv(RESULTS / "test_time_cells.csv", index=False)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    summary = summarise(cells).assign(compile_seconds=compile_seconds, peak_memory_gb=memory)
    summary.round(4).to_csv(RESULTS / "test_time.csv", index=False)


def replicate(fit, compiled, seed: int, scenario: str) -> pd.DataFrame:
    """Simulate, fit, forecast, and return a row for each model and k."""
    logits, correct = truth(fit, seed, scenario)
    counts = _counts(correct[: len(SAMPLED)])
    started, processor = time.perf_counter(), time.process_time()
    data = {"right": counts.correct.to_numpy(), "samples": counts.samples.to_numpy()}
    tree = sample(compiled.with_data(**data), SAMPLING, progress=False)
    sampled_seconds = time.perf_counter() - started
    processor_seconds = time.process_time() - processor
    item_response = assemble(tree, counts, SAMPLING)
    started = time.perf_counter()
    forecast = forecast_pass_at_k(item_response, fit, known=NEVER, ks=KS, seed=seed)
    never = forecast.table().assign(role="never sampled", seconds=time.perf_counter() - started)
    own = item_response.pass_at_k(KS).assign(role="sampled", seconds=sampled_seconds)
    actual = pd.DataFrame(
        {k: pass_at_k(logits, k).mean(axis=1) for k in KS}, index=pd.Index(SAMPLED + NEVER)
    ).stack()
    table = pd.concat([own, never])
    health = item_response.health
    table = table.assign(
        scenario=scenario, replicate=seed, actual=actual.loc[table.index].to_numpy(),
        rhat=health.rhat, ess=min(health.ess_bulk, health.ess_tail),
        divergences=health.divergences, passed=health.passed, processor_seconds=processor_seconds,
    )  # fmt: skip
    print(scenario, seed, health.sentence(), f"{sampled_seconds:.1f} s", flush=True)
    return table.reset_index()


def truth(fit, seed: int, scenario: str) -> tuple[np.ndarray, np.ndarray]:
    """Return success logits and counts of all thirteen models."""
    rng = np.random.default_rng([seed, 8])
    rows = rng.integers(draws_of(fit), size=1)
    skills = skills_of(fit, SAMPLED + NEVER, rows)[0]
    prior = {name: part[0] for name, part in vars(loading_prior(fit, rows)).items()}
    slope = rng.normal(prior["mean"], prior["spread"])
    about = fit.scores.models.loc[SAMPLED + NEVER]
    eta = skills @ slope
    places = fit.scores.models.index.get_indexer(about.index)
    scale = {
        name: prior[name] * np.exp(rng.normal(0, SPREAD))
        for name in ("specific_sd", "variant_sd", "residual_sd")
    }
    growth = fit.design.x[places] @ (GROWTH_SPREAD * rng.standard_normal(len(GROWTH_SPREAD)))
    eta += scale["specific_sd"] * growth
    for names, sd in zip((about["lineage"], about["variant"], about.index), scale.values(),
                         strict=True):  # fmt: skip
        codes, each = pd.factorize(names)
        eta += sd * rng.standard_normal(len(each))[codes]
    ability = stretch(np.array(EASINESS_SD), np.array(RESIDUAL_SD)) * eta
    logits, correct = simulate(
        ability, questions=QUESTIONS, samples=SAMPLES, mean_easiness=-4.0,
        easiness_sd=EASINESS_SD, residual_sd=RESIDUAL_SD, seed=seed,
    )  # fmt: skip
    if scenario == "impossible":
        lost = rng.random(QUESTIONS) < IMPOSSIBLE
        logits, correct = np.where(lost, -np.inf, logits), np.where(lost, 0, correct)
    return logits, correct


def summarise(cells: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and errors by scenario, role and k."""
    cells = cells.assign(
        bias=100 * (cells["median"] - cells["actual"]),
        mae=100 * (cells["median"] - cells["actual"]).abs(),
        coverage50=covered(cells["actual"], cells["lower50"], cells["upper50"]),
        coverage90=covered(cells["actual"], cells["lower90"], cells["upper90"]),
        width90=100 * (cells["upper90"] - cells["lower90"]),
        interval_score90=100 * interval_score(cells["actual"], cells["lower90"], cells["upper90"]),
    )
    numbers = ["actual", "bias", "mae", "coverage50", "coverage90", "width90", "interval_score90"]
    keys = ["scenario", "role", "k"]
    groups = cells.groupby(keys, sort=False)
    by_replicate = cells.groupby([*keys, "replicate"], sort=False)["coverage90"].mean()
    return groups[numbers].mean().assign(
        coverage90_se=by_replicate.groupby(keys, sort=False).sem(),
        replicates=groups["replicate"].nunique(), cells=groups.size(),
        seconds=groups["seconds"].mean(),
        processor_seconds=groups["processor_seconds"].mean(), largest_rhat=groups["rhat"].max(),
        smallest_ess=groups["ess"].min(), divergences=groups["divergences"].max(),
        fits_passed=groups["passed"].mean(),
    ).reset_index()  # fmt: skip


def _counts(correct: np.ndarray) -> Counts:
    questions = pd.Index([f"question {q}" for q in range(correct.shape[1])], name="question")
    table = pd.DataFrame(correct, index=pd.Index(SAMPLED, name="model"), columns=questions)
    return Counts(table, table * 0 + SAMPLES, "simulation")


if __name__ == "__main__":
    main()
