"""Backtest and comparison on a Dask cluster of two worker processes."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest

from bayes_sloth.backtesting import backtest
from bayes_sloth.comparing.comparison import compare
from bayes_sloth.comparing.specifications import read_specifications
from bayes_sloth.sampling import Sampling
from bayes_sloth.scores import Scores

pytestmark = pytest.mark.filterwarnings("default")  # what Dask warns of is not ours
distributed = pytest.importorskip("distributed")

ASKED = {"suite": ["mmlu", "hellaswag", "arc_challenge"], "seen": 1, "progress": False}
QUICK = Sampling(chains=1, tune=60, draws=40)


@pytest.mark.slow
def test_nothing_is_lost_when_a_worker_is_killed(small_scores: Scores, tmp_path: Path):
    with cluster() as workers:
        victim = workers.workers[0].pid
        killer = threading.Thread(target=kill_after_first_fold, args=(victim, tmp_path))
        killer.start()
        done = backtest(small_scores, **ASKED, sampling=QUICK, folder=tmp_path, jobs=-1)
        killer.join(timeout=1)
    assert not killer.is_alive()  # the worker was killed before the end
    carried = backtest(small_scores, **ASKED, model="carried over")
    names = ["fold", "model", "benchmark", "actual"]
    pd.testing.assert_frame_equal(done.cells[names], carried.cells[names], check_dtype=False)
    assert done.cells["median"].between(0, 1).all()
    assert len(list(tmp_path.glob("*/*.json"))) == len(carried.folds)


@pytest.mark.slow
def test_a_comparison_on_a_cluster_goes_on_without_it(
    small_scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    named = read_specifications(["flops", "size-tokens"])
    sampling = Sampling(chains=2, tune=60, draws=40)
    asked = {"refits": "folds", "folds": 2, "sampling": sampling, "refit_sampling": sampling}
    with cluster():
        there = compare(named, small_scores, "family", **asked, folder=tmp_path, jobs=-1)
    assert there.table()["refitted"].eq(there.table()["units"]).all()

    def fail(*_, **__):
        raise AssertionError("sampled again")

    monkeypatch.setattr("bayes_sloth.sampling.sample", fail)
    here = compare(named, small_scores, "family", **asked, folder=tmp_path)
    pd.testing.assert_frame_equal(there.table(), here.table())


@contextmanager
def cluster() -> Iterator[Any]:
    """Send the work of joblib to two processes."""
    made = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with made, distributed.Client(made), joblib.parallel_config(backend="dask"):
        yield made


def kill_after_first_fold(pid: int, folder: Path) -> None:
    while not list(folder.glob("*/*.json")):
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
