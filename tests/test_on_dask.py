"""Backtest and comparison on a Dask cluster of two worker processes, one killed half way."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    with cluster_that_loses_a_worker(tmp_path, "*/*.json"):
        done = backtest(small_scores, **ASKED, sampling=QUICK, folder=tmp_path, jobs=-1)
    carried = backtest(small_scores, **ASKED, model="carried over")
    names = ["fold", "model", "benchmark", "actual"]
    pd.testing.assert_frame_equal(done.cells[names], carried.cells[names], check_dtype=False)
    assert done.cells["median"].between(0, 1).all()
    assert len(list(tmp_path.glob("*/*.json"))) == len(carried.folds)


@pytest.mark.slow
def test_a_comparison_on_a_cluster_is_that_of_one_process(small_scores: Scores, tmp_path: Path):
    named = read_specifications(["flops", "size-tokens"])
    sampling = Sampling(chains=2, tune=100, draws=60)
    asked = {"refits": "folds", "folds": 2, "sampling": sampling, "refit_sampling": sampling}
    with cluster_that_loses_a_worker(tmp_path / "cluster", "*.nc"):
        folder = tmp_path / "cluster"
        there = compare(named, small_scores, "family", **asked, folder=folder, jobs=-1)
    here = compare(named, small_scores, "family", **asked)
    pd.testing.assert_frame_equal(there.table(), here.table())


@contextmanager
def cluster_that_loses_a_worker(folder: Path, results: str) -> Iterator[None]:
    """Send joblib's work to two processes; kill one once the folder holds a first result."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        victim = cluster.workers[0].pid
        killer = threading.Thread(target=kill_after_first, args=(victim, folder, results))
        killer.start()
        yield
        killer.join(timeout=1)
    assert not killer.is_alive()  # the worker was killed before the end


def kill_after_first(pid: int, folder: Path, results: str) -> None:
    while not list(folder.glob(results)):
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
