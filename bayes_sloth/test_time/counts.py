"""How often models were right when a question was put to them many times: reading and checking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_sloth import validate
from bayes_sloth.errors import InputError
from bayes_sloth.test_time.pass_at_k import DEFAULT_K, check_counts, estimate_pass_at_k

type Samples = str | PathLike[str]


@dataclass(frozen=True, eq=False, repr=False)
class Counts:
    """Right answers and samples of models on questions.

    Attributes
    ----------
    correct, samples : DataFrame of int, model by question
        Right answers, and how often the question was put; 0 samples where it never was.
    source : str
        Where the counts come from.
    """

    correct: pd.DataFrame
    samples: pd.DataFrame
    source: str

    def __post_init__(self) -> None:
        """Refuse impossible counts, and a table without a sample."""
        check_counts(self.correct.to_numpy(), self.samples.to_numpy())
        if not self.samples.to_numpy().any():
            raise InputError(f"{self.source}: there is no sample of any model on any question")

    @property
    def models(self) -> pd.Index:
        """Names of the models."""
        return self.correct.index

    @property
    def questions(self) -> pd.Index:
        """Names of the questions."""
        return self.correct.columns

    def pass_at_k(self, ks: tuple[int, ...] = DEFAULT_K) -> pd.DataFrame:
        """Estimate pass@k of each model by the unbiased estimator, averaged over its questions.

        A k above the number of samples is left unknown.
        """
        rows = {}
        for model in self.models:
            asked = self.samples.loc[model].to_numpy() > 0
            c = self.correct.loc[model].to_numpy()[asked]
            n = self.samples.loc[model].to_numpy()[asked]
            rows[model] = [
                estimate_pass_at_k(c, n, k).mean() if len(n) and k <= n.min() else np.nan
                for k in ks
            ]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=pd.Index(ks, name="k"))
        return table.rename_axis("model")

    def select(self, models: list[str]) -> Counts:
        """Keep some models."""
        return Counts(self.correct.loc[models], self.samples.loc[models], self.source)

    def __repr__(self) -> str:
        samples = self.samples.to_numpy()
        most = samples.max()
        return (
            f"Counts from {self.source}: {len(self.models)} models, {len(self.questions)} "
            f"questions, up to {most} samples each; {int((samples == 0).sum())} pairs not sampled"
        )


def load_counts(source: Samples | pd.DataFrame | Mapping[str, Samples]) -> Counts:
    """Read counts from a table, or count right answers in files of samples.

    Parameters
    ----------
    source : path, DataFrame or mapping
        A table with columns ``model``, ``question``, ``correct`` and ``samples`` (a CSV file or a
        data frame); or for each model, by the name it has among the scores, a JSON file of its
        samples. Such a file is a list with an entry for each question: a list of true and false
        (or 1 and 0), or an object that holds it as ``is_corrects``, as published with *Large
        Language Monkeys* (arXiv:2407.21787). Questions are told apart by ``orig_dset_idx`` or
        ``question`` where the objects have them, otherwise by their place in the list. A single
        JSON file may also hold an object with such a list for each model.

    Returns
    -------
    Counts

    Raises
    ------
    InputError
        At the first thing that cannot be used.
    """
    if isinstance(source, Mapping):
        tables = [_from_json(path, str(model)) for model, path in source.items()]
        if not tables:
            raise InputError("there is no file of samples: give one for each model")
        return _counts(pd.concat(tables), ", ".join(str(path) for path in source.values()))
    if not isinstance(source, pd.DataFrame) and str(source).lower().endswith(".json"):
        return _counts(_from_json(source, None), str(source))
    return _from_table(source)


def _from_table(source: Samples | pd.DataFrame) -> Counts:
    """Read a table of counts; rows are named by model and question together."""
    name, frame = validate.read_frame(source)
    keyed = frame.copy()
    if {"model", "question"} <= set(frame):
        keyed["model and question"] = (
            frame["model"].astype(str) + " / " + frame["question"].astype(str)
        )
    table = validate.read_table(
        keyed, key="model and question" if "model and question" in keyed else "model", name=name
    )
    validate.require_columns(table, ["model", "question", "correct", "samples"])
    long = table.cells[["model", "question"]].assign(
        correct=validate.numbers(table, "correct"), samples=validate.numbers(table, "samples")
    )
    for column in ("correct", "samples"):
        table.refuse(
            long[column].isna() | (long[column] < 0) | (long[column] % 1 > 0),
            "give a whole number, 0 or more",
            column=column,
        )
    table.refuse(
        long["correct"] > long["samples"], "more right answers than samples", column="correct"
    )
    return _counts(long, name)


def _counts(long: pd.DataFrame, source: str) -> Counts:
    wide = {
        column: long.pivot(index="model", columns="question", values=column)
        .fillna(0)
        .astype(int)
        .reindex(index=long["model"].unique(), columns=long["question"].unique())
        for column in ("correct", "samples")
    }
    return Counts(wide["correct"], wide["samples"], source)


def _from_json(path: Samples, model: str | None) -> pd.DataFrame:
    """Count the samples of one model, or of every model that the file names."""
    text = _read_text(path)
    if model is None and text.lstrip().startswith("{"):
        content = _parse(path, text)
        parts = [_count(path, str(name), iter(entries)) for name, entries in content.items()]
        return pd.concat(parts) if parts else _count(path, "", iter([]))
    return _count(path, Path(path).stem if model is None else model, _entries(path, text))


def _count(path: Samples, model: str, entries: Iterator[Any]) -> pd.DataFrame:
    rows = []
    for place, entry in enumerate(entries):
        where = f"{path}, model '{model}', entry {place}"
        answers: Any = entry.get("is_corrects") if isinstance(entry, dict) else entry
        valid = isinstance(answers, list) and len(answers) > 0
        if not valid or not set(map(type, answers)) <= {bool, int} or not set(answers) <= {0, 1}:
            raise InputError(
                f"{where}: give a list of true and false with one for each sample, or an object "
                "that holds it as 'is_corrects'"
            )
        rows.append((model, _question(entry, place), sum(answers), len(answers)))
    table = pd.DataFrame(rows, columns=["model", "question", "correct", "samples"])
    twice = table["question"].duplicated()
    if twice.any():
        question = table["question"][twice].iloc[0]
        raise InputError(f"{path}, model '{model}': question '{question}' comes twice; keep one")
    if table.empty:
        raise InputError(f"{path}: there is no question in it; give a list with one entry for each")
    return table


def _question(entry: Any, place: int) -> str:
    if isinstance(entry, dict):
        for name in ("orig_dset_idx", "question"):
            if name in entry:
                return str(entry[name])
    return str(place)


def _read_text(path: Samples) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; check the path") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read; give a JSON file in UTF-8") from None


def _parse(path: Samples, text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); was it cut short?") from None


def _entries(path: Samples, text: str) -> Iterator[Any]:
    """Decode a JSON list one entry at a time: files of samples hold gigabytes of answers."""
    decoder, position = json.JSONDecoder(), len(text) - len(text.lstrip())
    if text[position : position + 1] != "[":
        raise InputError(f"{path}: give a JSON list with an entry for each question")
    position += 1
    while True:
        position = _skip(text, position)
        if text[position : position + 1] == "]":
            return
        try:
            entry, position = decoder.raw_decode(text, position)
        except ValueError as error:
            raise InputError(f"{path}: not valid JSON ({error}); was it cut short?") from None
        yield entry
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position += 1
        elif text[position : position + 1] != "]":
            raise InputError(f"{path}: the list of questions does not end; was it cut short?")


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\n", "\r"):
        position += 1
    return position
