"""Fits that several tests look at: small, sampled once."""

from __future__ import annotations

import pytest

from bayes_sloth.fitting import Fit, fit
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores, benchmarks_of, load_scores
from bayes_sloth.simulating import Simulator

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
