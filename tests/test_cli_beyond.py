"""The commands beyond the leaderboard: bad input is one line and exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bayes_sloth.cli import main
from bayes_sloth.fitting import Fit

MODEL = ["--family", "qwen2", "--params", "32", "--tokens", "7"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["downstream", *MODEL, "--fit", "none.nc"], "there is no fit at 'none.nc'"),
        (["downstream", "--task", "humanevil", *MODEL], "did you mean 'humaneval'"),
        (["downstream", "--measurements", "none.csv", *MODEL], "there is no such file"),
        (["chain", *MODEL, "--plot", "no/where.png"], "cannot write"),
        (["test-time", "fit"], "give either --counts"),
        (["test-time", "fit", "--samples", "gemma-7b"], "MODEL=FILE.json"),
        (["test-time", "fit", "--counts", "none.csv"], "there is no such file"),
        (["test-time", "forecast", "none.nc", *MODEL], "test-time fit --counts COUNTS.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(tmp_path, monkeypatch, arguments, says) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert says in result.stderr and len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_the_chain_prints_json_and_draws(small_fit: Fit, tmp_path: Path) -> None:
    saved, picture = small_fit.save(tmp_path / "fit.nc"), tmp_path / "chain.png"
    arguments = [*MODEL, "--fit", str(saved), "--plot", str(picture), "--json"]
    result = CliRunner().invoke(main, ["chain", *arguments])
    assert result.exit_code == 0, result.output
    stages = json.loads(result.stdout)
    assert [row["name"] for row in stages["downstream"]] == [
        "humaneval", "eq_bench", "agentbench_overall",
    ]  # fmt: skip
    assert picture.stat().st_size > 1000
