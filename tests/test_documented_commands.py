r"""Every command and every piece of Python in the README and the pages is run.

By this rule, with a small fit in place of that of the whole leaderboard:

- a `bayes-sloth` command runs as it is written, in a folder that holds the files it names;
- one that samples a posterior (`fit`, `compare`, a backtest of the skills model) runs up to its
  sampler, which is replaced by the news that it was reached: its arguments, tables and model are in
  order;
- a line that is for a shell or another tool (`python -m venv`, `pytest`, `sphinx-build`) is not run
  here; every script that it names has to be there;
- Python runs as it is written, in the order of its page; where it would sample, the small fit
  stands in.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import bayes_sloth as bs
from bayes_sloth.cli import main
from bayes_sloth.comparing.ensemble import Ensemble

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def lines() -> list[str]:
    """Return every line of a shell, each once, without comments and place."""
    found = [
        shlex.join(shlex.split(line, comments=True)).removeprefix(".venv/bin/")
        for page in PAGES
        for block in blocks(page, "bash")
        for part in block.splitlines()
        for line in part.split("&&")
    ]
    return [line for line in dict.fromkeys(found) if line]


COMMANDS = [line.split(" ", 1)[1] for line in lines() if line.startswith("bayes-sloth ")]
OTHERS = [line for line in lines() if not line.startswith("bayes-sloth ")]
PYTHON = [page for page in PAGES if blocks(page, "python")]


class Reached(Exception):
    """The sampler was reached."""


@pytest.fixture(scope="module")
def folder(fits_folder: Path) -> Path:
    """Return a folder with the fits and the tables that the pages name."""
    readme = (ROOT / "README.md").read_text()
    own = re.search(r"^```csv\n(model,.*?)^```", readme, re.M | re.S)
    assert own is not None
    (fits_folder / "my_scores.csv").write_text(own.group(1))
    (fits_folder / "mine.nc").write_bytes((fits_folder / "fit.nc").read_bytes())
    (fits_folder / "undated.nc").write_bytes((fits_folder / "law.nc").read_bytes())
    fit = bs.load_fit(fits_folder / "fit.nc")
    Ensemble.of({"default": fit}, {"default": 1.0}).save(fits_folder / "stacked.nc")
    scores = fit.scores
    five = scores.values["mmlu"].dropna().iloc[::8].rename("score")
    five.to_csv(fits_folder / "own_scores.csv")
    about = scores.models.loc[five.index, ["variant", "params_b", "tokens_t"]]
    about.assign(my_task=five).to_csv(fits_folder / "my_tasks.csv")
    (fits_folder / "tasks.csv").write_text("benchmark,chance,n_items\nmy_task,0,100\n")
    budgets = pd.DataFrame(
        [
            {"model": model, "score": score * share, "effort": effort}
            for model, score in five.items()
            for effort, share in ((1000, 0.8), (8000, 1.0))
        ]
    )
    budgets.to_csv(fits_folder / "budgets.csv", index=False)
    counts = [
        {"model": model, "question": question, "correct": right, "samples": 100}
        for right, model in enumerate(five.index)
        for question in ("a", "b", "c")
    ]
    pd.DataFrame(counts).to_csv(fits_folder / "counts.csv", index=False)
    for name in ("MATH_Gemma-7B", "MATH_Pythia-12B"):
        (fits_folder / f"{name}.json").write_text(json.dumps([[True, False], [False, False]]))
    return fits_folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)

    def reached(*args: object, **kwargs: object) -> None:
        raise Reached

    monkeypatch.setattr("bayes_sloth.sampling.compile_model", reached)
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_command(command: str, here: Path):
    result = CliRunner().invoke(main, shlex.split(command))
    if isinstance(result.exception, Reached):
        samples = ("fit", "backtest", "compare", "test-time", "performance-law")
        assert command.split()[0] in samples
        return
    assert result.exit_code == 0, result.output
    assert result.stdout
    if "--plot" in command:
        assert (here / command.split("--plot ")[1].split()[0]).stat().st_size > 1000


@pytest.mark.parametrize("line", OTHERS, ids=range(len(OTHERS)))
def test_what_other_lines_name_is_there(line: str):
    words = shlex.split(line)
    assert words[0] in ("python", "pip", "ruff", "mypy", "source", "sphinx-build")
    for word in words[1:]:
        if word.endswith((".py", ".md")) or word == "docs":
            assert (ROOT / word).exists()


@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.stem)
def test_python(page: Path, here: Path, monkeypatch: pytest.MonkeyPatch):
    fit = bs.load_fit("fit.nc")
    monkeypatch.setattr(bs, "fit", lambda *args: fit, raising=False)
    math = bs.load_item_response("math.nc")
    monkeypatch.setattr(bs, "fit_item_response", lambda *args: math, raising=False)
    new = pd.DataFrame({"family": ["mine"], "params_b": [7.0], "tokens_t": [2.0]}, index=["a"])
    names = {
        "bs": bs,
        "fit": fit,
        "math": math,
        "scores": fit.scores,
        "models": new,
        "table": pd.DataFrame({"mmlu": [0.5]}, index=["a"]),
    }
    for block in blocks(page, "python"):
        exec(block, names)


def test_the_pages_have_commands_of_each_kind():
    groups = {command.split()[0] for command in COMMANDS}
    missing = set(main.commands) - groups
    assert not missing, f"no page shows: {', '.join(sorted(missing))}"
