"""The bundled leaderboard, and what can be done with a table of scores."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_sloth.errors import InputError
from bayes_sloth.scores import Scores, benchmarks_of, data_folder, load_scores


@pytest.fixture
def scores() -> Scores:
    return load_scores()


@pytest.fixture
def published() -> Scores:
    return load_scores(errata=False)


@pytest.fixture
def table() -> pd.DataFrame:
    """Three models of two variants, as a user may bring them."""
    return pd.DataFrame(
        {
            "model": ["NA", "big", "big-chat"],
            "variant": ["mine", "mine", "mine-chat"],
            "lineage": ["mine", "mine", "mine"],
            "instruct": ["no", "no", "yes"],
            "params_b": [1, 70, 70],
            "tokens_t": [2.0, 15.0, 15.0],
            "mmlu": [0.3, None, 0.8],
            "gsm8k": [0.0, 0.5, None],
        }
    )


# --- the bundled tables -----------------------------------------------------------------------


def test_counts_as_published(published: Scores) -> None:
    assert len(published.models) == 188
    assert published.models["variant"].nunique() == 68
    assert published.models["lineage"].nunique() == 35
    assert published.usable.sum() == 175


def test_counts_with_errata(scores: Scores) -> None:
    assert len(scores.models) == 188
    assert scores.models["variant"].nunique() == 69
    assert scores.usable.sum() == 180


@pytest.mark.parametrize(
    ("model", "benchmark", "score"),
    [
        ("meta-llama-3-70b", "mmlu", 0.7923),
        ("meta-llama-3-70b", "ifeval", 0.16),
        ("meta-llama-3-70b-instruct", "ifeval", 0.81),
        ("qwen1.5-32b-chat", "gsm8k", 0.0705),
        ("gemma-2-9b-it", "math_lvl5", 0.0),
        ("llama-2-70b-chat", "eq_bench", 0.7359),
        ("codellama-34b-instruct", "agentbench_overall", 0.96),
    ],
)
def test_scores_are_as_published(scores: Scores, model: str, benchmark: str, score: float) -> None:
    assert scores.values.at[model, benchmark] == score


def test_blank_is_unknown(scores: Scores) -> None:
    assert scores.values.isna().at["bloom", "ifeval"]
    assert scores.models.isna().at["gpt2", "tokens_t"]


def test_errata_change_metadata_only(scores: Scores, published: Scores) -> None:
    assert published.models.at["gemma-2-9b", "tokens_t"] == 13
    assert scores.models.at["gemma-2-9b", "tokens_t"] == 8
    pd.testing.assert_frame_equal(scores.values, published.values)


def test_errata_say_what_was_published() -> None:
    published = pd.read_csv(data_folder() / "scores.csv", dtype=str).set_index("model")
    errata = pd.read_csv(data_folder() / "errata.csv", dtype=str)
    for row in errata.fillna("").to_dict("records"):
        assert published.fillna("").at[row["model"], row["field"]] == row["as_published"]
        assert row["corrected"] != row["as_published"]
        assert row["reason"]


def test_a_variant_has_one_lineage_and_is_tuned_or_not(scores: Scores) -> None:
    of_variant = scores.models.groupby("variant")
    assert (of_variant[["lineage", "instruct"]].nunique() == 1).all(axis=None)


def test_instruct_is_bool(scores: Scores) -> None:
    assert scores.models["instruct"].dtype == bool
    assert scores.models.at["gemma-7b-it", "instruct"]
    assert not scores.models.at["gemma-7b", "instruct"]


def test_suites() -> None:
    assert benchmarks_of("both") == benchmarks_of("v1") + benchmarks_of("v2")
    assert len(benchmarks_of("v1")) == len(benchmarks_of("v2")) == 6
    assert benchmarks_of("downstream") == ["humaneval", "eq_bench", "agentbench_overall"]
    with pytest.raises(InputError, match="v1, v2, both, downstream"):
        benchmarks_of("v3")


def test_benchmarks_describe_every_column(scores: Scores) -> None:
    assert list(scores.benchmarks.index) == list(scores.values.columns)
    assert scores.benchmarks["chance"].between(0, 1, inclusive="left").all()
    assert scores.benchmarks.at["mmlu", "n_items"] == 14042


def test_folds_name_variants_of_the_leaderboard(published: Scores) -> None:
    folds = pd.read_csv(data_folder() / "sloth_folds.csv")
    assert set(folds["variant"]) <= set(published.models["variant"])
    assert len(folds[["suite", "seen", "fold"]].drop_duplicates()) == 73


def test_reference_averages_are_means_over_benchmarks() -> None:
    reference = pd.read_csv(data_folder() / "sloth_reference_mae.csv")
    means = reference[benchmarks_of("both")].mean(axis=1)
    np.testing.assert_allclose(means, reference["average"], atol=1e-3)


def test_architectures_are_complete_where_a_law_needs_them() -> None:
    for name in ("architectures.csv", "performance_law_check.csv"):
        architectures = pd.read_csv(data_folder() / name)
        assert (architectures[["params_b", "layers", "hidden", "ffn"]] > 0).all(axis=None)


def test_every_bundled_table_is_described() -> None:
    sources = (data_folder() / "SOURCES.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in sources for path in data_folder().glob("*.csv"))


# --- what can be done with scores -------------------------------------------------------------


def test_notes_name_what_is_set_aside(scores: Scores) -> None:
    (note,) = scores.notes
    assert note.startswith("8 models set aside")
    assert "gpt2-large" in note


def test_select_keeps_what_is_asked_for_in_that_order(scores: Scores) -> None:
    few = scores.select(benchmarks=["gsm8k", "mmlu"], models=["yi-34b", "bloom"])
    assert list(few.values.columns) == list(few.benchmarks.index) == ["gsm8k", "mmlu"]
    assert list(few.values.index) == list(few.models.index) == ["yi-34b", "bloom"]
    assert scores.values.shape == (188, 15)


def test_select_takes_one_name_or_an_iterator(scores: Scores) -> None:
    assert scores.select("mmlu").values.shape == (188, 1)
    assert scores.select(iter(["mmlu", "gsm8k"])).values.shape == (188, 2)


def test_select_refuses_unknown_names(scores: Scores) -> None:
    with pytest.raises(InputError, match=r"no benchmark 'MMLU_por'.*did you mean 'mmlu_pro'"):
        scores.select(benchmarks=["MMLU_por"])
    with pytest.raises(InputError, match=r"no model 'yi-43b'.*did you mean"):
        scores.select(models=["yi-43b"])


def test_with_size_and_tokens(published: Scores) -> None:
    kept, set_aside = published.select(benchmarks_of("v2")).with_size_and_tokens()
    assert kept.models[["params_b", "tokens_t"]].notna().all(axis=None)
    assert kept.values.notna().any(axis=1).all()
    assert len(kept.models) + len(set_aside) == 188
    assert {"gpt2", "bloom"} <= set(set_aside)
    assert len(kept.notes) == 2
    again, none = kept.with_size_and_tokens()
    assert not none
    assert again.notes == kept.notes


def test_with_size_and_tokens_needs_a_model(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"data frame: no model has .*; fill them in"):
        load_scores(table.assign(tokens_t=None)).with_size_and_tokens()


def test_hide_by_array_and_by_label(scores: Scores) -> None:
    mask = pd.DataFrame(True, index=["yi-34b"], columns=["mmlu"])
    by_label = scores.hide(mask)
    assert by_label.values.isna().at["yi-34b", "mmlu"]
    assert by_label.values.notna().to_numpy().sum() == scores.values.notna().to_numpy().sum() - 1
    assert scores.values.at["yi-34b", "mmlu"] == 0.7635
    aligned = mask.reindex_like(scores.values).notna().to_numpy()
    pd.testing.assert_frame_equal(scores.hide(aligned).values, by_label.values)


def test_hide_refuses_what_does_not_fit(scores: Scores) -> None:
    with pytest.raises(ValueError, match="shape"):
        scores.hide(np.ones((2, 2), dtype=bool))
    with pytest.raises(InputError, match="no model 'nobody'"):
        scores.hide(pd.DataFrame(True, index=["nobody"], columns=["mmlu"]))


def test_to_frame_can_be_loaded_again(scores: Scores) -> None:
    again = load_scores(scores.to_frame(), benchmarks=scores.benchmarks)
    pd.testing.assert_frame_equal(again.models, scores.models)
    pd.testing.assert_frame_equal(again.values, scores.values)
    pd.testing.assert_frame_equal(again.benchmarks, scores.benchmarks)


def test_parts_must_agree(scores: Scores) -> None:
    with pytest.raises(ValueError, match="index"):
        dataclasses.replace(scores, models=scores.models.iloc[1:])
    with pytest.raises(ValueError, match="columns"):
        dataclasses.replace(scores, benchmarks=scores.benchmarks.iloc[1:])


def test_repr_counts(scores: Scores) -> None:
    text = repr(scores)
    for part in ("188 models", "69 variants", "35 lineages", "15 benchmarks", "62% of scores"):
        assert part in text
    assert "<table" in scores._repr_html_()


# --- a table of one's own ---------------------------------------------------------------------


def test_a_file_and_a_data_frame_load_alike(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "mine.csv", index=False)
    from_file, from_frame = load_scores(tmp_path / "mine.csv"), load_scores(table)
    pd.testing.assert_frame_equal(from_file.models, from_frame.models)
    pd.testing.assert_frame_equal(from_file.values, from_frame.values)
    assert from_file.source == str(tmp_path / "mine.csv")


def test_a_model_may_be_called_na(table: pd.DataFrame) -> None:
    assert list(load_scores(table).models.index) == ["NA", "big", "big-chat"]


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "model,variant,params_b,tokens_t,mmlu\n a , v , 7e0 ,\t1.5, 0.123456789012345\n"
    )
    scores = load_scores(path)
    assert scores.values.at["a", "mmlu"] == 0.123456789012345
    assert scores.models[["params_b", "tokens_t"]].to_numpy().tolist() == [[7.0, 1.5]]


def test_byte_order_mark_quotes_and_blank_lines_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    header, blank = "\ufeffmodel,variant,params_b,tokens_t,mmlu,notes", ",,,,,"
    rows = [header, "", 'a,"v, one",7,1,0.5,"two\r\nlines"', blank, ""]
    path.write_bytes("\r\n".join(rows).encode())
    assert load_scores(path).models["variant"].tolist() == ["v, one"]


@pytest.mark.parametrize("missing", ["variant", "lineage"])
def test_variant_and_lineage_stand_in_for_each_other(table: pd.DataFrame, missing: str) -> None:
    families = {"variant": ["a", "a", "b"], "lineage": ["a", "a", "b"]}
    models = load_scores(table.assign(**families).drop(columns=missing)).models
    assert models[missing].tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    "spelling", [["FALSE", "False", "True"], [0, 0, 1], [0.0, 0.0, 1.0], ["no", "No", "yes"]]
)
def test_spellings_of_instruct(table: pd.DataFrame, spelling: list[str] | list[float]) -> None:
    instruct = load_scores(table.assign(instruct=spelling)).models["instruct"]
    assert instruct.tolist() == [False, False, True]


def test_instruct_is_false_by_default(table: pd.DataFrame) -> None:
    assert not load_scores(table.drop(columns="instruct")).models["instruct"].any()


def test_models_and_benchmarks_without_scores_are_noted(table: pd.DataFrame) -> None:
    scores = load_scores(table.assign(mmlu=[0.3, np.nan, np.nan], gsm8k=np.nan))
    assert list(scores.values.columns) == ["mmlu"]
    assert scores.notes == (
        "benchmarks without any score, left out: gsm8k",
        "2 models set aside from any fit, with no score: big, big-chat",
    )


def test_some_columns_are_passed_over(table: pd.DataFrame) -> None:
    scores = load_scores(table.assign(hub_date="2024-01-01", source="me", notes="x"))
    assert list(scores.values.columns) == ["mmlu", "gsm8k"]


def test_declare_a_benchmark(table: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.csv"
    path.write_text("benchmark,chance,n_items,suite\nmine,0.5,100,\nmmlu,0.2,50,\n")
    scores = load_scores(table.assign(mine=0.75), benchmarks=path)
    assert scores.values["mine"].tolist() == [0.75] * 3
    own, known = scores.benchmarks.loc["mine"], scores.benchmarks.loc["mmlu"]
    assert (own["name"], own["suite"], own["chance"], own["n_items"]) == ("mine", "own", 0.5, 100)
    assert (known["name"], known["suite"], known["chance"]) == ("MMLU", "v1", 0.2)
