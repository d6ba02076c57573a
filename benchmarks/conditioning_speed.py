"""Measure what conditioning on known scores costs, in seconds of the processor.

From a loaded fit: one model given 1, 3 and 5 scores (mean of ten), and many models at once, each of
a family of its own and given three scores. And the whole command, from its start to its answer, as
its own process (user and system time together). BLAS runs on one thread, as times are of the
processor. Writes ``results/conditioning_speed.csv``::

    python benchmarks/conditioning_speed.py --fit fit.nc
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from bayes_sloth import forecast, load_fit

RESULTS = Path(__file__).parent / "results"
SCORES = {"mmlu": 0.62, "gsm8k": 0.55, "bbh": 0.45, "arc_challenge": 0.58, "ifeval": 0.4}
ONE = {"family": "a family of mine", "params_b": 13.0, "tokens_t": 4.0}
REPEATS = 10


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the processor's mean seconds of a piece of work, after a first run."""
    if repeats > 1:
        work()
    started = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - started) / repeats


def many(fit, count: int) -> tuple[float, float]:
    """Return the seconds for many models in one call, and the share that passed."""
    names = [f"model {i}" for i in range(count)]
    sizes = np.geomspace(1, 70, count)
    models = pd.DataFrame({"params_b": sizes, "tokens_t": 4.0}, index=names)
    shown = dict(list(SCORES.items())[:3])
    lift = np.linspace(-0.1, 0.1, count)
    observed = pd.DataFrame({name: score + lift for name, score in shown.items()}, index=names)
    done = []

    def work() -> None:
        done.append(forecast(fit, models.assign(family=names), observed=observed))

    spent = seconds(work)
    return spent, float(np.mean([quality.passed for quality in done[0].quality.values()]))


def command(fit_path: str) -> float:
    """Return the user and system time of the whole command."""
    arguments = [sys.executable, "-m", "bayes_sloth.cli", "forecast", "--family", "qwen2"]
    arguments += ["--params", "32", "--tokens", "7", "--observed", "mmlu=0.82", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*arguments, "--fit", fit_path],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", default="fit.nc")
    parser.add_argument("--models", type=int, nargs="*", default=[1000, 4000])
    arguments = parser.parse_args()
    fit = load_fit(arguments.fit)
    rows = []
    with threadpool_limits(1):
        for count in (1, 3, 5):
            shown = dict(list(SCORES.items())[:count])
            spent = seconds(lambda shown=shown: forecast(fit, **ONE, observed=shown), REPEATS)
            rows.append({"what": "one model", "models": 1, "scores": count, "seconds": spent})
        for count in arguments.models:
            spent, passed = many(fit, count)
            rows.append({"what": "one call", "models": count, "scores": 3, "seconds": spent,
                         "passed": passed})  # fmt: skip
    whole = float(np.median([command(arguments.fit) for _ in range(3)]))
    rows.append({"what": "whole command", "models": 1, "scores": 1, "seconds": whole})
    table = pd.DataFrame(rows)
    print(table.round(3).to_string())
    table.round(3).to_csv(RESULTS / "conditioning_speed.csv", index=False)


if __name__ == "__main__":
    main()
