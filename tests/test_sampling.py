"""Sampling: a seed reproduces, other data need no second compile, samplers by option."""

import importlib.util
import os
import signal
from contextlib import nullcontext

import numpy as np
import pytest

from bayes_sloth.design import make_design
from bayes_sloth.errors import InputError
from bayes_sloth.model import build_model, observed_cells
from bayes_sloth.sampling import Sampling, compile_model, interrupt_afterwards, sample
from bayes_sloth.scores import Scores

SHORT = Sampling(chains=2, tune=150, draws=50, seed=7)


@pytest.mark.slow
def test_a_seed_reproduces_and_one_compiled_model_serves_other_data(small_scores: Scores):
    design = make_design(small_scores)
    compiled = compile_model(build_model(design), ["intercept", "lineage_level"])
    first, again = (sample(compiled, SHORT, progress=False) for _ in range(2))
    np.testing.assert_array_equal(first["posterior"]["intercept"], again["posterior"]["intercept"])

    values = small_scores.values.to_numpy().copy()
    values[small_scores.models["lineage"] == "opt"] = np.nan
    hidden = sample(compiled.with_data(**observed_cells(design, values)), SHORT, progress=False)
    known, unknown = (
        tree["posterior"]["lineage_level"].sel(lineage="opt").std(("chain", "draw")).mean()
        for tree in (first, hidden)
    )
    assert unknown > 1.5 * known


@pytest.mark.slow
def test_pymc_samples_the_same_model(small_scores: Scores):
    model = build_model(make_design(small_scores))
    tiny = Sampling(chains=1, tune=5, draws=5, sampler="pymc", cores=1)
    tree = sample(model, tiny, progress=False)
    assert dict(tree["posterior"]["growth"].sizes)["draw"] == 5
    assert {"energy", "diverging"} <= set(tree["sample_stats"])


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN])
def interruption(request: pytest.FixtureRequest):
    """Set what an interruption does: a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield request.param
    signal.signal(signal.SIGINT, before)


def test_an_interruption_waits_for_the_compiler(interruption, capsys: pytest.CaptureFixture[str]):
    heard, done = interruption != signal.SIG_IGN, []
    with pytest.raises(KeyboardInterrupt) if heard else nullcontext(), interrupt_afterwards():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("compiled")
    assert done == ["compiled"]
    assert ("stops once compiled" in capsys.readouterr().err) == heard
    assert signal.getsignal(signal.SIGINT) == interruption


@pytest.mark.skipif(bool(importlib.util.find_spec("numpyro")), reason="NumPyro is installed")
def test_a_sampler_that_is_not_installed_is_named_with_the_remedy():
    with pytest.raises(InputError, match=r"pip install 'bayes-sloth\[numpyro\]'"):
        sample(None, Sampling(sampler="numpyro"))


@pytest.mark.parametrize(
    ("choice", "says"),
    [({"sampler": "gibbs"}, "sampler 'gibbs'"), ({"chains": 0}, "chains=0"), ({"tune": 0}, "tune")],
)
def test_choices_that_cannot_be_run_are_refused(choice: dict, says: str):
    with pytest.raises(InputError, match=says):
        Sampling(**choice)
