"""Pass@k and the counts it is estimated from, against closed forms."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.errors import InputError
from bayes_sloth.test_time.counts import load_counts
from bayes_sloth.test_time.pass_at_k import estimate_pass_at_k, pass_at_k


@pytest.mark.parametrize(("c", "n", "k"), [(1, 4, 2), (3, 7, 3), (0, 5, 5), (5, 5, 1), (4, 6, 3)])
def test_the_estimator_is_the_share_of_sets_with_a_right_answer(c, n, k) -> None:
    sets = list(combinations(range(n), k))
    share = np.mean([min(chosen) < c for chosen in sets])  # the first c answers are right
    assert estimate_pass_at_k(c, n, k) == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize("k", [1, 2, 10, 1000, 9999, 10000])
@pytest.mark.parametrize("c", [0, 1, 7, 5000, 9999, 10000])
def test_it_is_exact_at_ten_thousand_samples(c, k) -> None:
    n = 10_000
    exact = 1 - Fraction(comb(n - c, k), comb(n, k))
    assert estimate_pass_at_k(c, n, k) == pytest.approx(float(exact), rel=1e-12)


def test_it_is_unbiased() -> None:
    n, k, p = 12, 5, 0.13
    mean = sum(
        comb(n, c) * p**c * (1 - p) ** (n - c) * float(estimate_pass_at_k(c, n, k))
        for c in range(n + 1)
    )
    assert mean == pytest.approx(1 - (1 - p) ** k, rel=1e-12)


def test_many_counts_at_once() -> None:
    c, n = np.array([[0, 2], [3, 1]]), np.array([[5, 5], [8, 5]])
    expected = [[0, 1 - 3 / 10], [1 - comb(5, 2) / comb(8, 2), 2 / 5]]
    np.testing.assert_allclose(estimate_pass_at_k(c, n, 2), [[0, 0.7], [expected[1][0], 0.4]])


def test_success_by_its_logit_holds_at_both_ends() -> None:
    assert pass_at_k(-40.0, 1) == pytest.approx(np.exp(-40), rel=1e-12)
    assert pass_at_k(-40.0, 10_000) == pytest.approx(1e4 * np.exp(-40), rel=1e-10)
    assert pass_at_k(50.0, 1) == 1
    assert pass_at_k(0.0, 3) == pytest.approx(1 - 1 / 8)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((3, 2, 1), "3 right answers among 2 samples"),
        ((-1, 2, 1), "counts from 0"),
        ((1, 5, 6), "pass@6 cannot be estimated from 5 samples"),
        ((1, 5, 0), "k is 0"),
        ((0.5, 5, 1), "whole numbers"),
    ],
)
def test_impossible_counts_are_refused(arguments, says) -> None:
    with pytest.raises(InputError, match=says):
        estimate_pass_at_k(*arguments)


RECORDS = [
    {"question": "1 + 1?", "orig_dset_idx": 7, "is_corrects": [True, False, True]},
    {"question": "2 + 2?", "orig_dset_idx": 9, "is_corrects": [False, False, False]},
]


def test_the_published_format_and_plain_lists_give_the_same_counts(tmp_path) -> None:
    published, plain, both = (tmp_path / f"{name}.json" for name in ("a", "b", "both"))
    published.write_text(json.dumps(RECORDS))
    lists = [record["is_corrects"] for record in RECORDS]
    plain.write_text(json.dumps(lists, indent=2))
    both.write_text(json.dumps({"x": lists, "y": [[1, 1], [0, 1]]}))
    counts = load_counts({"m": published})
    assert counts.correct.loc["m"].to_dict() == {"7": 2, "9": 0}
    assert load_counts({"m": plain}).correct.to_numpy().tolist() == [[2, 0]]
    assert load_counts(both).samples.to_numpy().tolist() == [[3, 3], [2, 2]]
    table = counts.pass_at_k((1, 3, 10)).loc["m"]
    assert table[1] == pytest.approx(1 / 3) and table[3] == 0.5 and np.isnan(table[10])


def test_a_table_of_counts_may_leave_pairs_out() -> None:
    table = pd.DataFrame(
        {"model": ["a", "a", "b"], "question": ["q", "r", "q"], "correct": [1, 0, 5],
         "samples": [10, 10, 5]}
    )  # fmt: skip
    counts = load_counts(table)
    assert counts.samples.loc["b"].to_dict() == {"q": 5, "r": 0}
    assert counts.pass_at_k((1,)).loc["b", 1] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "JSON list"),
        ("[[true, false], ", "cut short"),
        ("[[true, false]", "cut short"),
        ("[[]]", "list of true and false"),
        ('[{"answers": [true]}]', "is_corrects"),
        ("[[2, 0]]", "list of true and false"),
        ("[]", "no question"),
        ('[{"question": "q", "is_corrects": [1]}, {"question": "q", "is_corrects": [1]}]', "twice"),
    ],
)
def test_bad_files_of_samples_are_one_clear_error(tmp_path, text, says) -> None:
    path = tmp_path / "samples.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        load_counts({"m": path})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"correct": ["11"]}, "more right answers than samples"),
        ({"correct": ["x"]}, "not a number"),
        ({"samples": ["1.5"]}, "whole number"),
    ],
)
def test_bad_tables_of_counts_name_the_row(change, says) -> None:
    row = {"model": ["a"], "question": ["q"], "correct": ["1"], "samples": ["10"]}
    with pytest.raises(InputError, match=says):
        load_counts(pd.DataFrame(row | change))
