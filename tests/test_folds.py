"""Folds are those of the published experiment, and hide what its protocol hides."""

import pandas as pd
import pytest

from bayes_sloth.errors import InputError
from bayes_sloth.folds import make_folds
from bayes_sloth.scores import load_scores

V1 = ["mmlu", "arc_challenge", "hellaswag", "winogrande", "truthfulqa", "gsm8k"]


@pytest.fixture(scope="module")
def published():
    return load_scores(errata=False)


def fold_of(folds, variant):
    return next(fold for fold in folds if variant in fold.variants)


def small_table(**changes):
    """Two lineages; the second has a base and a tuned variant."""
    rows = [
        ("ant-1", "ant", "ant", False, 1, 1.0, 0.3, 0.4),
        ("ant-7", "ant", "ant", False, 7, 1.0, 0.5, 0.6),
        ("bee-3", "bee", "bee", False, 3, 1.0, 0.4, 0.5),
        ("bee-1", "bee", "bee", False, 1, 1.0, 0.3, 0.4),
        ("bee-1-chat", "bee", "bee-chat", True, 1, 1.0, 0.3, None),
        ("bee-3-chat", "bee", "bee-chat", True, 3, 1.0, 0.4, 0.6),
        ("bee-9-chat", "bee", "bee-chat", True, 9, 1.0, 0.5, 0.7),
        ("cow-1", "cow", "cow", False, 1, None, 0.5, 0.5),
        ("cow-2", "cow", "cow", False, 2, 1.0, 0.5, 0.5),
    ]
    columns = ["model", "lineage", "variant", "instruct", "params_b", "tokens_t", "mmlu", "gsm8k"]
    return load_scores(pd.DataFrame(rows, columns=columns).assign(**changes))


@pytest.mark.parametrize(
    ("suite", "seen", "folds", "tests"),
    [
        ("v1", 1, 19, 60),
        ("v1", 2, 15, 46),
        ("v2", 1, 12, 37),
        ("v2", 2, 9, 26),
        ("both", 1, 11, 27),
        ("both", 2, 7, 20),
    ],
)
def test_published_settings_have_their_number_of_test_models(published, suite, seen, folds, tests):
    made = make_folds(published, suite, seen)
    assert len(made) == folds
    assert sum(len(fold.test_models) for fold in made) == tests
    assert len({fold.name for fold in made}) == folds


@pytest.mark.parametrize("seen", [0, 1, 2])
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_tested_is_hidden_and_what_is_seen_shows_the_suite_alone(published, seen, strict):
    for fold in make_folds(published, "v1", seen, strict=strict):
        assert fold.hidden.loc[list(fold.test_models)].to_numpy().all()
        shown = ~fold.hidden.loc[list(fold.seen_models)]
        assert shown[V1].to_numpy().all()
        assert not shown.drop(columns=V1).to_numpy().any()
        of_fold = published.models["variant"].isin(fold.variants)
        still_shown = of_fold & ~fold.hidden.all(axis=1)
        assert set(still_shown.index[still_shown]) == set(fold.seen_models)
        assert len(fold.seen_models) == seen * len(fold.variants)


def test_smallest_complete_models_are_seen(published):
    fold = fold_of(make_folds(published, "both", 1), "dolly-v2")
    assert "dolly-v2-7b" in fold.seen_models  # dolly-v2-3b has no score on v1
    assert fold.hidden.loc["dolly-v2-3b"].all()
    assert "dolly-v2-12b" in fold.test_models


def test_seeing_nothing_hides_the_lineage(published):
    folds = make_folds(published, "v2", 0)
    fold = fold_of(folds, "qwen2")
    assert "orca_mini_v7_" in fold.variants
    lineage = published.models["lineage"] == "qwen2"
    assert fold.hidden.loc[lineage].to_numpy().all()
    assert not fold.hidden.loc[~lineage].to_numpy().any()
    assert sorted(fold.test_models) == sorted(set(fold.test_models))


def test_relatives_outside_the_fold_stay_unless_strict(published):
    relative = "orca_mini_v7_72b"
    loose = fold_of(make_folds(published, "v2", 1), "qwen2")
    strict = fold_of(make_folds(published, "v2", 1, strict=True), "qwen2")
    assert not loose.hidden.loc[relative].any()
    assert strict.hidden.loc[relative].all()
    assert strict.test_models == loose.test_models
    assert strict.seen_models == loose.seen_models


def test_own_table_is_divided_by_lineage():
    ant, bee = make_folds(small_table(), ["mmlu", "gsm8k"], seen=1)
    assert ant.seen_models == ("ant-1",)
    assert ant.test_models == ("ant-7",)
    assert bee.variants == ("bee", "bee-chat")
    assert bee.seen_models == ("bee-1", "bee-3-chat")
    assert bee.test_models == ("bee-3", "bee-9-chat")
    assert bee.hidden.loc["bee-1-chat"].all()  # incomplete


def test_models_without_tokens_are_never_tested():
    folds = make_folds(small_table(), ["mmlu", "gsm8k"], seen=0)
    assert fold_of(folds, "cow").test_models == ("cow-2",)


def test_own_grouping():
    scores = small_table()
    (fold,) = make_folds(scores, ["mmlu"], seen=1, grouping=[["ant", "bee"]])
    assert fold.name == "ant"
    assert fold.test_models == ("ant-7", "bee-3")
    with pytest.raises(InputError, match="variant 'cow' has fewer than 2"):
        make_folds(scores, ["mmlu"], seen=1, grouping=[["cow"]])


def test_cells_put_forecasts_beside_what_happened():
    scores = small_table()
    fold = fold_of(make_folds(scores, ["mmlu", "gsm8k"], seen=1), "bee")
    cells = fold.cells(scores, median=scores.values + 0.1)
    assert len(cells) == 4
    row = cells.set_index(["model", "benchmark"]).loc[("bee-9-chat", "gsm8k")]
    assert (row["fold"], row["lineage"], row["variant"]) == ("bee", "bee", "bee-chat")
    assert row["instruct"]
    assert (row["actual"], row["median"]) == pytest.approx((0.7, 0.8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"suite": "v3"}, "no benchmark is in suite 'v3'; there are suites v1"),
        ({"suite": ["mmul"]}, "no benchmark is called"),
        ({"suite": []}, "no benchmark is called"),
        ({"suite": ["mmlu"], "seen": -1}, "seen is -1"),
        ({"suite": ["mmlu"], "seen": 5}, "no variant has 6 models"),
        ({"suite": ["mmlu"], "grouping": "published"}, "no folds were published"),
    ],
)
def test_what_cannot_be_divided_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_folds(small_table(), **arguments)
