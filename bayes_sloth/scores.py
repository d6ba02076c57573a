"""Benchmark scores of language models: the bundled leaderboard, or a table of the user's own.

Parameters are in billions, tokens in trillions, scores in [0, 1]; NaN is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_sloth import validate
from bayes_sloth.errors import InputError
from bayes_sloth.results import summary_html
from bayes_sloth.validate import Table, TableSource


def data_folder() -> Path:
    """Return the folder of the bundled tables, in an installed package or in a checkout."""
    package = Path(__file__).parent
    inside = package / "data"
    return inside if inside.is_dir() else package.parent / "data"


REQUIRED = ("model", "params_b", "tokens_t")
METADATA = (*REQUIRED, "lineage", "variant", "instruct")
IGNORED = ("hub_date", "source", "notes")
LONGEST_LIST = 20
BUNDLED_WITH_ERRATA = "the bundled leaderboard, with errata"

SUITES = {"v1": ("v1",), "v2": ("v2",), "both": ("v1", "v2"), "downstream": ("downstream",)}


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """Scores of models on benchmarks, with what is known about both.

    Attributes
    ----------
    models : DataFrame
        Indexed by ``model``: lineage, variant, instruct (bool), params_b and tokens_t (float,
        NaN where unknown).
    values : DataFrame
        Models by benchmarks: scores in [0, 1], NaN where unknown.
    benchmarks : DataFrame
        Indexed by ``benchmark``: name, suite, chance, n_items, metric, note.
    source : str
        Where the scores come from.
    notes : tuple of str
        What a fit leaves out and why: to be shown to the user.
    """

    models: pd.DataFrame
    values: pd.DataFrame
    benchmarks: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts that do not speak of the same models and benchmarks."""
        if not self.values.index.equals(self.models.index):
            raise ValueError("values and models must have the same index")
        if not self.values.columns.equals(self.benchmarks.index):
            raise ValueError("columns of values must be the index of benchmarks")

    @property
    def usable(self) -> pd.Series:
        """Whether each model can take part in a fit: size, tokens and a score are known."""
        return ~self._unsized & ~self._unscored

    @property
    def _unsized(self) -> pd.Series:
        return self.models[["params_b", "tokens_t"]].isna().any(axis=1)

    @property
    def _unscored(self) -> pd.Series:
        return self.values.isna().all(axis=1)

    def select(
        self,
        benchmarks: str | Iterable[str] | None = None,
        models: str | Iterable[str] | None = None,
    ) -> Scores:
        """Keep some benchmarks or models, in the order given.

        Parameters
        ----------
        benchmarks, models : str or iterable of str, optional
            Names to keep; all by default.

        Returns
        -------
        Scores

        See Also
        --------
        benchmarks_of : The benchmarks of a suite.
        """
        columns = _known("benchmark", benchmarks, self.benchmarks.index)
        rows = _known("model", models, self.models.index)
        chosen = replace(
            self,
            models=self.models.loc[rows],
            values=self.values.loc[rows, columns],
            benchmarks=self.benchmarks.loc[columns],
        )
        return replace(chosen, notes=chosen._set_aside_notes())

    def of_family(self, name: str) -> pd.DataFrame:
        """Return the models of a variant, or else of a lineage, with their scores.

        Parameters
        ----------
        name : str
            A variant wins where both exist; of an unknown name, no row is returned.

        Returns
        -------
        DataFrame
            As `to_frame` returns it.
        """
        table = self.to_frame()
        own = table[table["variant"] == name]
        return own if len(own) else table[table["lineage"] == name]

    def with_size_and_tokens(self) -> tuple[Scores, list[str]]:
        """Keep the models that can take part in a fit.

        Returns
        -------
        kept : Scores
            Models with a size, training tokens and at least one score; its notes say which
            models were set aside, and why.
        set_aside : list of str
            The other models.
        """
        usable = self.usable
        if not usable.any():
            raise InputError(
                f"{self.source}: no model has params_b, tokens_t and a score; fill them in for "
                "some models"
            )
        notes = tuple(dict.fromkeys(self.notes + self._set_aside_notes()))
        kept = replace(self, models=self.models[usable], values=self.values[usable], notes=notes)
        return kept, list(self.models.index[~usable])

    def hide(self, mask: pd.DataFrame | npt.ArrayLike) -> Scores:
        """Return a copy in which some scores are unknown.

        Parameters
        ----------
        mask : DataFrame or array-like of shape (model, benchmark)
            True for a score to hide. A data frame is aligned by its labels and may leave out
            models and benchmarks that keep their scores.

        Returns
        -------
        Scores
        """
        if isinstance(mask, pd.DataFrame):
            _known("model", mask.index, self.values.index)
            _known("benchmark", mask.columns, self.values.columns)
            mask = mask.reindex(
                index=self.values.index, columns=self.values.columns, fill_value=False
            )
        hidden = np.asarray(mask, dtype=bool)
        if hidden.shape != self.values.shape:
            raise ValueError(f"mask has shape {hidden.shape}, the scores {self.values.shape}")
        return replace(self, values=self.values.mask(hidden))

    def to_frame(self) -> pd.DataFrame:
        """Return one wide table, as `load_scores` reads it."""
        return self.models.join(self.values)

    def _set_aside_notes(self) -> tuple[str, ...]:
        unsized, unscored = self._unsized, self._unscored & ~self._unsized
        reasons = {"no known size or training tokens": unsized, "no score": unscored}
        return tuple(
            f"{_count(int(flag.sum()), 'model')} set aside from any fit, with {reason}: "
            f"{_listing(flag.index[flag])}"
            for reason, flag in reasons.items()
            if flag.any()
        )

    def benchmark_table(self) -> pd.DataFrame:
        """Return each benchmark with the number of its models, and their median and best score."""
        return self.benchmarks[["name", "suite", "chance", "n_items"]].assign(
            models=self.values.notna().sum(), median=self.values.median(), best=self.values.max()
        )

    def _summary(self) -> list[str]:
        """Return the lines that describe the table: its source, its models, its benchmarks."""
        models, suites = self.models, self.benchmarks["suite"].value_counts(sort=False)
        return [
            f"Scores from {self.source}",
            f"{_count(len(models), 'model')} of {_count(models['variant'].nunique(), 'variant')} "
            f"and {_count(models['lineage'].nunique(), 'lineage')}; "
            f"{int(self.usable.sum())} can take part in a fit",
            f"{_count(len(self.benchmarks), 'benchmark')} "
            f"({', '.join(f'{suite}: {count}' for suite, count in suites.items())}); "
            f"{self.values.notna().to_numpy().mean():.0%} of scores known",
            *self.notes,
        ]

    def __repr__(self) -> str:
        """Describe the table in a few lines."""
        return "\n  ".join(self._summary())

    def _repr_html_(self) -> str:
        table = self.benchmark_table().round(3).to_html(na_rep="")
        return summary_html(self._summary(), table)


def load_scores(
    source: TableSource | None = None,
    *,
    benchmarks: TableSource | None = None,
    errata: bool = True,
) -> Scores:
    """Load the bundled leaderboard, or a table of scores of your own.

    Parameters
    ----------
    source : str, path or DataFrame, optional
        A wide table with a row per model; the bundled leaderboard by default. Columns
        ``model``, ``params_b`` (billions) and ``tokens_t`` (trillions) are required, and
        ``variant`` or ``lineage``: each stands in for the other. ``instruct`` (true or false)
        is false by default. Each other column is a benchmark, with scores in [0, 1]; columns
        ``hub_date``, ``source`` and ``notes`` are passed over. A blank is unknown.
    benchmarks : str, path or DataFrame, optional
        Declares benchmarks that the package does not know, or knows otherwise, by ``benchmark``,
        ``chance`` and ``n_items``, and if wished ``name``, ``suite``, ``metric``, ``note``.
    errata : bool
        Correct the metadata of the bundled table that is known to be wrong; its scores stay as
        published. Without effect on a table of your own.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        At the first thing in the tables that cannot be used.

    Examples
    --------
    >>> scores = load_scores()
    >>> float(scores.values.at["meta-llama-3-70b", "mmlu"])
    0.7923
    """
    declared = _declare(benchmarks)
    if source is None:
        table = _bundled(errata)
        label = BUNDLED_WITH_ERRATA if errata else "the bundled leaderboard, as published"
    else:
        table = validate.read_table(source, key="model")
        label = table.name
    present = _benchmark_columns(table, declared)
    models, values = _models(table), _values(table, present)
    scored = values.columns[values.notna().any()]
    if scored.empty:
        raise table.error("there is no score in any row; fill in at least one")
    scores = Scores(models, values[scored], declared.loc[scored], label)
    empty = [column for column in present if column not in scored]
    left_out = (f"benchmarks without any score, left out: {_listing(empty)}",) if empty else ()
    return replace(scores, notes=left_out + scores._set_aside_notes())


def benchmarks_of(suite: str) -> list[str]:
    """Return the names of the bundled benchmarks of a suite.

    Parameters
    ----------
    suite : {"v1", "v2", "both", "downstream"}
        A version of the Open LLM Leaderboard, both of them (twelve benchmarks), or the
        benchmarks of what models are used for.

    Returns
    -------
    list of str
    """
    if suite not in SUITES:
        raise InputError(f"suite '{suite}' is not one of {', '.join(SUITES)}; choose one of them")
    declared = _declare(None)
    return list(declared.index[declared["suite"].isin(SUITES[suite])])


def _bundled(errata: bool) -> Table:
    table = validate.read_table(data_folder() / "scores.csv", key="model")
    if errata:
        corrections = pd.read_csv(data_folder() / "errata.csv", dtype=str)
        for model, field, value in corrections[["model", "field", "corrected"]].to_numpy():
            table.cells.loc[table.cells["model"] == model, field] = value
    return table


def _models(table: Table) -> pd.DataFrame:
    models = validate.families(table).assign(
        instruct=validate.flags(table, "instruct"),
        params_b=validate.quantities(table, "params_b"),
        tokens_t=validate.quantities(table, "tokens_t"),
    )
    validate.check_agreement(table, models)
    return models.set_index(_names(table))


def _values(table: Table, columns: Sequence[str]) -> pd.DataFrame:
    values = pd.DataFrame({column: validate.fractions(table, column) for column in columns})
    return values.rename_axis(columns="benchmark").set_index(_names(table))


def _names(table: Table) -> pd.Index:
    names: pd.Index = pd.Index(table.cells["model"], name="model")
    return names


def _benchmark_columns(table: Table, declared: pd.DataFrame) -> list[str]:
    """Return the benchmarks of a table in the order declared; refuse columns nobody knows."""
    validate.require_columns(table, REQUIRED, hint=", and leave it blank where unknown")
    for column in map(str, table.cells):
        if column not in (*METADATA, *IGNORED, *declared.index):
            hint = validate.nearest(column, [*declared.index, *METADATA])
            raise table.error(
                f"column '{column}' is neither a known benchmark nor about the model"
                f"{hint or '.'} To add a benchmark, declare it in a table with columns "
                "benchmark, chance and n_items, given as `benchmarks`"
            )
    present = [name for name in declared.index if name in table.cells]
    if not present:
        raise table.error(
            f"there is no benchmark column; add at least one, such as {', '.join(declared.index)}"
        )
    return present


def _declare(source: TableSource | None) -> pd.DataFrame:
    """Return the declarations of benchmarks, those of the user over the bundled ones."""
    bundled = pd.read_csv(data_folder() / "benchmarks.csv", index_col="benchmark")
    if source is None:
        return bundled
    table = validate.read_table(source, key="benchmark")
    taken = table.cells["benchmark"].isin([*METADATA, *IGNORED])
    table.refuse(taken, "the name is taken by a column about the model; choose another")
    own = validate.declarations(table, bundled.index).set_index("benchmark").replace("", None)
    merged = own.combine_first(bundled)
    defaults = {"name": merged.index.to_series(), "suite": "own", "metric": "", "note": ""}
    order = [*bundled.index, *(name for name in own.index if name not in bundled.index)]
    return merged.fillna(defaults).loc[order, list(bundled.columns)]


def _known(what: str, names: str | Iterable[str] | None, index: pd.Index) -> list[str]:
    """Return the names asked for, each once; refuse one that is not in the index."""
    if names is None:
        return list(index)
    chosen = list(dict.fromkeys([names] if isinstance(names, str) else names))
    for name in chosen:
        if name not in index:
            hint = validate.nearest(name, index) or f"; choose among {_listing(index)}"
            raise InputError(f"there is no {what} '{name}' among the scores{hint}")
    return chosen


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listing(names: Sequence[str] | pd.Index) -> str:
    rest = len(names) - LONGEST_LIST
    return ", ".join(names[:LONGEST_LIST]) + (f" and {rest} more" if rest > 0 else "")
