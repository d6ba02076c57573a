"""The fitted scores, the odd ones among them, and what was corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_sloth.reporting import figures
from bayes_sloth.reporting.sections.parts import Panel, Section
from bayes_sloth.reporting.tables import table_html
from bayes_sloth.scores import BUNDLED_WITH_ERRATA, data_folder

if TYPE_CHECKING:
    from bayes_sloth.reporting.content import Content


def data_section(content: Content) -> Section:
    """Return the section on the fitted scores and the odd ones among them."""
    scores = content.fit.scores
    size, tokens = scores.models["params_b"], scores.models["tokens_t"]
    known = scores.values.notna().to_numpy().mean()
    return Section(
        "data",
        "The data and their oddities",
        [
            f"Scores from {scores.source}: {len(scores.models)} models of "
            f"{scores.models['variant'].nunique()} variants and "
            f"{scores.models['lineage'].nunique()} lineages, {size.min():g} to {size.max():g} "
            f"billion parameters, {tokens.min():g} to {tokens.max():g} trillion tokens. "
            f"{known:.0%} of the scores are known; the rest are left out, not filled in."
        ],
        list(scores.notes),
        [
            Panel(
                "Benchmarks",
                "Chance level, number of questions, models with a score, and their scores.",
                table_html(scores.benchmark_table(), "Benchmarks in the fit", {"n_items": 0}),
            ),
            *_odd(content),
            *_errata(scores.source),
        ],
    )


def _errata(source: str) -> list[Panel]:
    """Return the corrections of the bundled table, where it was used with them."""
    if source != BUNDLED_WITH_ERRATA:
        return []
    table = pd.read_csv(data_folder() / "errata.csv", dtype=str).fillna("").set_index("model")
    return [
        Panel(
            "Corrections",
            "Sizes, tokens and families that were corrected before fitting; no score was.",
            table_html(table, "Errata of the bundled leaderboard"),
        )
    ]


def _odd(content: Content) -> list[Panel]:
    cells, models = content.check.cells, content.check.models
    assert cells is not None and models is not None
    points = pd.DataFrame(
        {
            "x": cells["expected"], "y": cells["score"],
            "text": [
                f"{model}, {benchmark}: {row.score:.3f}, expected {row.expected:.3f}"
                for (model, benchmark), row in zip(
                    cells.index, cells.itertuples(index=False), strict=True
                )
            ],
        }
    )  # fmt: skip
    odd, odd_models = cells[cells["flagged"]], models[models["flagged"]]
    shown = ["score", "expected", "two_sided", "reliable"]
    return [
        Panel(
            "Each score against what all others say of it",
            f"Score against its expectation from all other scores; {len(odd)} are odd.",
            table_html(odd[shown], "Odd scores (tail below 0.001)", {"two_sided": 5}),
            figures.scatter(
                {"scores": points[~cells["flagged"]], "odd": points[cells["flagged"]]},
                "expected (fraction of 1)", figures.SCORE, diagonal=True,
            ),
        ),
        Panel(
            "Odd models",
            "Models of which level or pattern do not fit; 'reliable' says whether importance "
            "sampling can be trusted.",
            table_html(odd_models, "Odd models (tail below 0.01)"),
        ),
    ]  # fmt: skip
