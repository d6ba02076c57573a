"""The command line, used as a person would."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import click
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner, Result

from bayes_sloth.cli import main
from bayes_sloth.cli.shared import print_table
from bayes_sloth.fitting import Fit


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def fit_path(small_fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_fit.save(tmp_path_factory.mktemp("cli") / "fit.nc")


def test_forecast_prints_a_table_and_draws_a_picture(fit_path: Path, tmp_path: Path):
    picture = tmp_path / "forecast.png"
    result = run("forecast", "--family", "qwen2", "--params", 32, "--tokens", 7,
                 "--fit", fit_path, "--plot", picture)  # fmt: skip
    assert result.exit_code == 0
    assert "HellaSwag" in result.stdout
    assert "90 % interval" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_several_sizes_give_curves(fit_path: Path, tmp_path: Path):
    picture = tmp_path / "curves.svg"
    result = run("forecast", "--family", "qwen2", "--params", "1,7,70", "--tokens", 7,
                 "--fit", fit_path, "--plot", picture, "--json")  # fmt: skip
    assert result.exit_code == 0
    assert [part["model"]["params_b"] for part in json.loads(result.stdout)] == [1, 7, 70]
    assert "<svg" in picture.read_text()


def test_forecast_json_is_one_object(fit_path: Path):
    result = run("forecast", "--family", "new", "--params", 32, "--tokens", 7,
                 "--instruct", "--fit", fit_path, "--json")  # fmt: skip
    answer = json.loads(result.stdout)
    assert answer["model"]["instruct"] is True
    assert len(answer["forecasts"]) == 6


def test_check_tells_the_verdict(fit_path: Path):
    assert "NOT PASSED" in run("check", fit_path).stdout
    answer = json.loads(run("check", fit_path, "--json").stdout)
    assert answer["health"]["passed"] is False


def test_data_commands_show_the_bundled_tables(tmp_path: Path):
    benchmarks = json.loads(run("data", "list", "--json").stdout)
    assert {row["benchmark"]: row["chance"] for row in benchmarks}["gpqa"] == 0.25
    models = json.loads(run("data", "show", "gemma-2", "--json").stdout)
    assert {row["model"]: row["tokens_t"] for row in models}["gemma-2-9b"] == 8
    as_published = json.loads(run("data", "show", "gemma-2", "--as-published", "--json").stdout)
    assert {row["model"]: row["tokens_t"] for row in as_published}["gemma-2-9b"] == 13


GOOD = "model,variant,params_b,tokens_t,mmlu\na,f,7,2,0.5\n"
BAD_TABLES = [
    ("model,variant,params_b,tokens_t,mmul\na,f,7,2,0.5\n", "mmul"),
    ("model,variant,params_b,tokens_t,mmlu\na,f,7,2,62\n", "0.62"),
    ("model,variant,params_b,tokens_t,mmlu\na,f,7,2,0.5\na,f,7,2,0.6\n", "line 3"),
    ("model,variant,params_b,tokens_t,mmlu\na,f,7,-2,0.5\n", "tokens_t"),
    ("model,variant,params_b,tokens_t,mmlu\na,f,7e9,2,0.5\n", "billions"),
    ("model,variant,params_b,tokens_t,mmlu\na,f,7,2\n", "line 2"),
    ("", "empty"),
]


@pytest.mark.parametrize(("text", "says"), BAD_TABLES)
@pytest.mark.parametrize("command", [["fit"], ["data", "validate"]])
def test_a_bad_table_is_one_error_with_exit_code_2(
    command: list[str], text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(text)
    result = run(*command, "mine.csv")
    assert result.exit_code == 2
    message = result.stderr.strip().splitlines()
    assert len(message) == 1
    assert "mine.csv" in message[0]
    assert says in message[0]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fit", "--out", "nowhere/fit.nc"], "cannot write 'nowhere/fit.nc'"),
        (["fit", "--out", "scores.csv"], "the name of a table, which would be lost"),
        (["fit", "--skills", "-1"], "skills=-1"),
        (["fit", "--draws", "-5"], "draws=-5"),
        (["fit", "absent.csv"], "absent.csv"),
        (["forecast", "--family", "x", "--params", "7", "--tokens", "2"], "bayes-sloth fit"),
        (["forecast", "--family", "x", "--params", "7b", "--tokens", "2"], ""),
        (["check", "absent.nc"], "bayes-sloth fit --out absent.nc"),
        (["data", "show", "qwen22"], "qwen2"),
    ],
)
def test_bad_arguments_exit_with_2_and_say_what_to_do(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_table_in_place_of_a_fit_is_kept_and_named(tmp_path: Path):
    table = tmp_path / "mine.csv"
    table.write_text(GOOD)
    result = run("forecast", "--family", "x", "--params", 7, "--tokens", 2, "--fit", table)
    assert result.exit_code == 2
    assert "is a table, not a fit" in result.stderr
    result = run("fit", table, "--skills", 9, "--out", tmp_path / "fit.nc")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "9 skills cannot be told apart" in result.stderr


def test_a_picture_needs_a_known_ending(fit_path: Path):
    result = run("forecast", "--family", "qwen2", "--params", 7, "--tokens", 7,
                 "--fit", fit_path, "--plot", "picture.gif")  # fmt: skip
    assert result.exit_code == 2
    assert ".png" in result.stderr


def test_good_table_is_in_order(tmp_path: Path):
    (tmp_path / "good.csv").write_text(GOOD)
    result = run("data", "validate", tmp_path / "good.csv")
    assert result.exit_code == 0
    assert "in order" in result.stdout


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command that does something, by its path."""
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_has_an_example_of_itself_and_json(path: tuple[str, ...]):
    text = run(*path, "--help").stdout
    assert f"bayes-sloth {' '.join(path)}" in text.split("Options:")[0].split("\n", 1)[1]
    assert "--json" in text or path == ("completion",)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(shell: str):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_BAYES_SLOTH_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bayes-sloth foreca", "forecast"),
        ("bayes-sloth forecast --fam", "--family"),
        ("bayes-sloth forecast --family qwen2-i", "qwen2-instruct"),
        ("bayes-sloth plan next --target math", "math_lvl5"),
        ("bayes-sloth data show meta-llama-3", "meta-llama-3"),
    ],
)
def test_completion_knows_commands_families_and_benchmarks(words: str, offered: str):
    parts = words.split(" ")
    environment = {
        "_BAYES_SLOTH_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(parts) - 1),
    }
    result = CliRunner().invoke(main, [], env=environment, prog_name="bayes-sloth")
    assert offered in [line.partition(",")[2] for line in result.stdout.splitlines()]


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch):
    wanted = ["check", "absent.nc"]
    assert "\x1b[" in CliRunner().invoke(main, wanted, color=True).stderr
    assert "\x1b[" not in CliRunner().invoke(main, wanted).stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(main, wanted, color=True).stderr


def test_a_wide_table_goes_on_below(monkeypatch: pytest.MonkeyPatch):
    """At eighty columns every number is whole, and every part begins with the model."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")  # no escape codes to count
    table = pd.DataFrame(
        {"model": ["a", "b"]} | {f"benchmark_{i}": [0.1234, 0.5] for i in range(9)}
    )
    with redirect_stdout(Terminal()) as shown:
        print_table(table, "Scores")
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert shown.getvalue().count("0.1234") == 9
    assert shown.getvalue().count("model") == shown.getvalue().count("Scores") > 1


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["forecast", "--family", "x", "--params", "7", "--tokens", "2", "--seed", "-1"], "--seed"),
        (["check", "."], "is a folder"),
        (["backtest", "--jobs", "0"], "jobs=0"),
        (["report", "absent.nc"], "bayes-sloth fit --out absent.nc"),
        (["report", "absent.nc", "--out", "nowhere/r.html"], "cannot write 'nowhere/r.html'"),
        (["downstream", "--measurements", "mine.csv", "--known", "a"], "mine.csv: there is no col"),
        (["test-time", "fit", "--counts", "mine.csv"], "mine.csv: there is no column"),
    ],
)
def test_mistakes_that_once_ended_badly(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text("model,scor\na,0.5\n")
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_a_fit_whose_words_are_damaged_is_named(fit_path: Path, tmp_path: Path):
    with xr.open_datatree(fit_path, engine="h5netcdf") as lazy:
        tree = lazy.load()
    tree.attrs["specification"] = '{"skills'
    tree.to_netcdf(tmp_path / "damaged.nc", engine="h5netcdf")
    result = run("check", tmp_path / "damaged.nc")
    assert result.exit_code == 2
    assert "damaged.nc" in result.stderr
