"""Fits that several tests look at: small, sampled once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_sloth import performance_law
from bayes_sloth.fitting import Fit, fit
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.simulating import Simulator
from bayes_sloth.test_time.counts import load_counts
from bayes_sloth.test_time.fitting import fit_item_response
from bayes_sloth.test_time.item_response import simulate

LINEAGES = ("qwen1.5", "qwen2", "llama-2", "meta-llama-3", "pythia", "opt", "yi-1.5", "gemma")


@pytest.fixture(scope="session")
def small_scores() -> Scores:
    """Return eight lineages on the six benchmarks of suite v1."""
    scores = load_scores().select(benchmarks_of("v1"))
    chosen = scores.models.index[scores.models["lineage"].isin(LINEAGES)]
    return scores.select(models=chosen).with_size_and_tokens()[0]


@pytest.fixture(scope="session")
def small_fit(small_scores: Scores) -> Fit:
    """Return a short fit: enough to test what is done with one, too short to believe."""
    return fit(small_scores, sampling=Sampling(chains=2, tune=300, draws=200), progress=False)


@pytest.fixture(scope="session")
def simulator(small_fit: Fit) -> Simulator:
    """Return the small design, compiled once to fit simulated scores."""
    return Simulator.make(small_fit.design, sampling=Sampling(chains=2, tune=300, draws=150))


@pytest.fixture(scope="session")
def fits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with short fits of each kind, for notebooks and documented commands."""
    folder, short = tmp_path_factory.mktemp("fits"), Sampling(chains=2, tune=150, draws=100)
    scores = load_scores().select(benchmarks_of("both"))
    chosen = scores.models.index[scores.models["lineage"].isin(LINEAGES)]
    fit(scores.select(models=chosen), sampling=short, progress=False).save(folder / "fit.nc")
    performance_law.fit(sampling=short, progress=False).save(folder / "law.nc")
    models = ["pythia-410m", "pythia-6.9b", "gemma-2b", "gemma-7b", "meta-llama-3-8b"]
    _, correct = simulate(np.linspace(-3, 2, len(models)), questions=20, samples=100)
    long = (
        pd.DataFrame(correct, models)
        .rename_axis("model")
        .melt(ignore_index=False, var_name="question", value_name="correct")
    )
    counts = load_counts(long.reset_index().assign(samples=100).astype({"question": str}))
    fit_item_response(counts, short, progress=False).save(folder / "math.nc")
    return folder
