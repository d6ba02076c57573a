"""Measure what a fit costs, by sampler: compile (cold, warm), sampling, effective draws.

Each case runs in a process of its own, so that nothing compiled before is in memory; a cold case
starts with an empty cache on disk as well. Seconds depend on the machine and what else it does;
ratios within one run are what to look at. Writes ``results/speed.csv``::

    python benchmarks/speed.py --draws 300
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results" / "speed.csv"

CASE = """
import json, sys, time
import numpy as np
start = time.perf_counter()
import arviz_stats, pymc
from bayes_sloth.design import make_design
from bayes_sloth.health import invariant_quantities
from bayes_sloth.model import build_model
from bayes_sloth.sampling import Sampling, compile_model, sample
from bayes_sloth.scores import benchmarks_of, load_scores

sampler, draws = sys.argv[1], int(sys.argv[2])
scores, _ = load_scores().select(benchmarks_of("both")).with_size_and_tokens()
model = build_model(make_design(scores))
imported = time.perf_counter()
sampling = Sampling(chains=2, tune=draws, draws=draws, sampler=sampler, seed=1)
target = compile_model(model) if sampler == "nutpie" else model
compiled = time.perf_counter()
tree = sample(target, sampling, progress=False)
done = time.perf_counter()
ess = arviz_stats.ess(invariant_quantities(tree["posterior"].to_dataset()))
ess = np.concatenate([values.to_numpy().ravel() for values in ess.data_vars.values()])
print(json.dumps({
    "import_and_build": imported - start,
    "compile": compiled - imported if sampler == "nutpie" else None,
    "sample": done - compiled,
    "total": done - start,
    "median_ess": float(np.median(ess)),
    "smallest_ess": float(ess.min()),
    "divergences": int(tree["sample_stats"]["diverging"].sum()),
}))
"""


def run(sampler: str, draws: int, cache: str) -> dict[str, float]:
    """Run one case in a new process with the given cache of compiled code."""
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={cache}"}
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CASE, sampler, str(draws)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=300, help="tuning steps, and draws, by chain")
    parser.add_argument("--samplers", nargs="+", default=["nutpie", "pymc", "numpyro"])
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for sampler in arguments.samplers:
            for state in ("cold", "warm") if sampler == "nutpie" else ("warm",):
                row = run(sampler, arguments.draws, cache)
                rows.append({"sampler": sampler, "cache": state, "draws": arguments.draws, **row})
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    table.round(3).to_csv(RESULTS, index=False)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
