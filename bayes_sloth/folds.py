"""Which models are held out together, and what of them stays hidden from the fit.

The protocol is Sloth's. Models are sorted by variant, then by size. A fold holds out every model
of its variants but the `seen` smallest that are complete, that is, have their size, their tokens
and every score of the suite. All scores of a held-out model are hidden, whether it is complete or
not; a seen model shows the scores of the suite alone. Every complete held-out model is tested.

With nothing seen, the whole lineage is hidden: a family that nobody has seen. The same is done
for the sake of strictness with ``strict=True``, where only the seen models of the fold stay.
Otherwise relatives outside the fold stay in training, as in the published experiment.

References
----------
Maia Polo et al. (2024), Sloth: scaling laws for LLM skills to predict multi-benchmark performance
across families, arXiv:2412.06540, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import pandas as pd

from bayes_sloth.errors import InputError
from bayes_sloth.scores import SUITES, Scores, data_folder

type Grouping = Literal["published", "lineage"] | Iterable[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Fold:
    """Models that are held out together.

    Attributes
    ----------
    name : str
        The first of its variants, which no other fold holds.
    suite : str
        The suite by name, or its benchmarks joined by ``+``.
    benchmarks : tuple of str
        Benchmarks of the suite: those that are seen and forecast.
    seen : int
        How many of the smallest complete models of each variant stay in training.
    variants : tuple of str
        The families held out.
    seen_models, test_models : tuple of str
        Models shown in training, and models to forecast, in the order of the protocol.
    hidden : DataFrame of bool, model by benchmark
        The cells that training must not show, over every model and benchmark of the table.
    """

    name: str
    suite: str
    benchmarks: tuple[str, ...]
    seen: int
    variants: tuple[str, ...]
    seen_models: tuple[str, ...]
    test_models: tuple[str, ...]
    hidden: pd.DataFrame

    def cells(self, scores: Scores, **forecasts: pd.DataFrame) -> pd.DataFrame:
        """Put forecasts beside what happened, one row per test model and benchmark.

        Parameters
        ----------
        scores : Scores
            The table with nothing hidden.
        **forecasts : DataFrame, test model by benchmark
            Forecasts by the name of their column, such as ``median`` or ``lower90``.

        Returns
        -------
        DataFrame
            Columns ``fold``, ``model``, ``variant``, ``lineage``, ``instruct``, ``benchmark`` and
            ``actual``, then one for each of the forecasts.
        """
        tests, benchmarks = list(self.test_models), list(self.benchmarks)
        tables = {"actual": scores.values, **forecasts}
        long = {name: table.loc[tests, benchmarks].stack() for name, table in tables.items()}
        cells = pd.DataFrame(long).rename_axis(["model", "benchmark"]).reset_index()
        about = scores.models[["variant", "lineage", "instruct"]]
        cells = cells.join(about, on="model").assign(fold=self.name)
        first = ["fold", "model", "variant", "lineage", "instruct", "benchmark", "actual"]
        return cells[[*first, *forecasts]]


def make_folds(
    scores: Scores,
    suite: str | Sequence[str] = "v1",
    seen: int = 1,
    *,
    strict: bool = False,
    grouping: Grouping | None = None,
) -> list[Fold]:
    """Divide the families of a table into folds.

    Parameters
    ----------
    scores : Scores
        The table, as published for a comparison with Sloth.
    suite : str or sequence of str
        ``"v1"``, ``"v2"`` or ``"both"``; for another table, the name of one of its suites or
        names of benchmarks.
    seen : int
        How many of the smallest models of each variant stay in training. A variant takes part if
        it has at least one complete model more.
    strict : bool
        Hold out the whole lineage but for the seen models of the fold.
    grouping : {"published", "lineage"} or iterable of sequences of str, optional
        Variants that are held out together: as in the published experiment, by lineage, or as
        given. By default as published for the models of the bundled table with one or two seen,
        and by lineage for anything else.

    Returns
    -------
    list of Fold
    """
    if seen < 0:
        raise InputError(f"seen is {seen}; it counts models, so give 0, 1, 2 or more")
    benchmarks = suite_benchmarks(scores, suite)
    models = complete_models(scores, benchmarks)
    models = models[models.groupby(models).transform("size") > seen]
    groups = _groups(scores, models, suite, seen, grouping)
    if not groups:
        raise InputError(
            f"no variant has {seen + 1} models with size, tokens and a score on every one of "
            f"{', '.join(benchmarks)}; see fewer models or take fewer benchmarks"
        )
    name = suite if isinstance(suite, str) else "+".join(benchmarks)
    whole_lineage = strict or seen == 0
    return [_fold(scores, models, name, benchmarks, seen, group, whole_lineage) for group in groups]


def suite_benchmarks(scores: Scores, suite: str | Sequence[str]) -> list[str]:
    """Return the benchmarks of a suite, given by name or as benchmarks.

    Parameters
    ----------
    scores : Scores
        The table whose benchmarks are meant.
    suite : str or sequence of str
        As for `make_folds`.

    Returns
    -------
    list of str
    """
    if not isinstance(suite, str):
        unknown = [name for name in suite if name not in scores.values]
        if unknown or not suite:
            known = ", ".join(map(str, scores.values))
            raise InputError(f"no benchmark is called {unknown or suite!r}; there are {known}")
        return list(suite)
    suites = scores.benchmarks["suite"]
    found = list(suites.index[suites.isin(SUITES.get(suite, (suite,)))])
    if not found:
        known = ", ".join(dict.fromkeys(suites))
        raise InputError(f"no benchmark is in suite '{suite}'; there are suites {known}")
    return found


def complete_models(scores: Scores, benchmarks: Sequence[str]) -> pd.Series:
    """Return the variant of every complete model, sorted by variant, then by size.

    Parameters
    ----------
    scores : Scores
        The table.
    benchmarks : sequence of str
        Benchmarks that a complete model has scores on, beside its size and its tokens.

    Returns
    -------
    Series
        Named ``variant``, indexed by model.
    """
    described = scores.models[["params_b", "tokens_t"]].notna().all(axis=1)
    scored = scores.values[list(benchmarks)].notna().all(axis=1)
    models = scores.models[described & scored].sort_values(["variant", "params_b"], kind="stable")
    return models["variant"]


def _groups(
    scores: Scores,
    models: pd.Series,
    suite: str | Sequence[str],
    seen: int,
    grouping: Grouping | None,
) -> list[list[str]]:
    """Return the variants of each fold."""
    if grouping is None:
        published = isinstance(suite, str) and (suite, seen) in _published_groups()
        bundled = published and set(scores.models.index) == _bundled_models()
        grouping = "published" if bundled else "lineage"
    if grouping == "lineage":
        lineages = scores.models["lineage"].loc[models.index]
        return [list(dict.fromkeys(group)) for _, group in models.groupby(lineages)]
    if grouping == "published":
        groups = _published_groups().get((str(suite), seen))
        if groups is None:
            raise InputError(
                f"no folds were published for suite {suite!r} with {seen} seen; "
                "group by lineage instead"
            )
    else:
        groups = [list(group) for group in grouping]
    taking_part = set(models)
    for variant in (variant for group in groups for variant in group):
        if variant not in taking_part:
            raise InputError(f"variant '{variant}' has fewer than {seen + 1} complete models")
    return groups


def _fold(
    scores: Scores,
    models: pd.Series,
    suite: str,
    benchmarks: Sequence[str],
    seen: int,
    variants: Sequence[str],
    whole_lineage: bool,
) -> Fold:
    """Hold out `variants`; `models` are the complete ones, in the order of the protocol."""
    ours = models[models.isin(variants)]
    smallest = ours.groupby(ours).cumcount() < seen
    seen_models, test_models = ours.index[smallest], ours.index[~smallest]
    held_out = scores.models["variant"].isin(variants)
    if whole_lineage:
        lineages = scores.models["lineage"]
        held_out |= lineages.isin(lineages[held_out])
    hidden = pd.DataFrame(False, index=scores.values.index, columns=scores.values.columns)
    hidden.loc[held_out] = True
    hidden.loc[seen_models, list(benchmarks)] = False
    return Fold(
        name=variants[0],
        suite=suite,
        benchmarks=tuple(benchmarks),
        seen=seen,
        variants=tuple(variants),
        seen_models=tuple(seen_models),
        test_models=tuple(test_models),
        hidden=hidden,
    )


@cache
def _published_groups() -> dict[tuple[str, int], list[list[str]]]:
    """Return the published folds by suite and number of models seen."""
    rows = pd.read_csv(data_folder() / "sloth_folds.csv").to_numpy().tolist()
    folds: dict[tuple[str, int], dict[int, list[str]]] = {}
    for suite, seen, fold, variant in rows:
        folds.setdefault((suite, seen), {}).setdefault(fold, []).append(variant)
    return {setting: list(groups.values()) for setting, groups in folds.items()}


@cache
def _bundled_models() -> frozenset[str]:
    return frozenset(pd.read_csv(data_folder() / "scores.csv", usecols=["model"])["model"])
