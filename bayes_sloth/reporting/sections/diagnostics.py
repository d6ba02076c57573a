"""What the check found: the sampler's health, and what the data cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_sloth.checking.sensitivity import CONTRACTION_LIMIT, row_labels
from bayes_sloth.reporting import figures
from bayes_sloth.reporting.sections.parts import Panel, Section
from bayes_sloth.reporting.tables import table_html

if TYPE_CHECKING:
    from bayes_sloth.reporting.content import Content


def diagnostics_section(content: Content) -> Section:
    """Return the section on the verdict of the check with its tables."""
    check = content.check
    health = content.fit.health.table()
    return Section(
        "diagnostics",
        "Diagnostics, and what the data cannot tell",
        ["The verdict of the check (bayes-sloth check), sentence by sentence:"],
        list(check.verdict),
        [
            Panel(
                "Health of the sampler",
                "Diagnostics over all quantities that do not depend on the rotation of the skills.",
                table_html(health, "Sampler diagnostics and their limits"),
            ),
            Panel(
                "What is identified",
                "Each aspect of identifiability with its value.",
                table_html(check.table(), "Identifiability", 3),
            ),
            _contraction(content),
        ],
    )


def _contraction(content: Content) -> Panel:
    table = content.check.parameters
    assert table is not None
    labels = row_labels(table)
    names = list(dict.fromkeys(labels))[::-1]
    points = pd.DataFrame(
        {
            "x": table["contraction"].to_numpy(),
            "y": [names.index(label) for label in labels],
            "text": [
                f"{n}, {e}: {v:.2f}"
                for (n, e), v in zip(table.index, table["contraction"], strict=True)
            ],
        }
    )
    leaning = table["leans_on_prior"].to_numpy(bool)
    return Panel(
        "What the data narrow",
        "Contraction of each parameter from prior to posterior: 1 if the data decide, 0 if they "
        "say nothing. The dashed line marks half the prior's variance; parameters that lean on "
        "their prior change with its strength.",
        table_html(table, "Parameters: prior, posterior and sensitivity to the prior"),
        figures.scatter(
            {"data decide": points[~leaning], "leans on its prior": points[leaning]},
            "contraction", "", labels=names, line=CONTRACTION_LIMIT,
        ),
    )  # fmt: skip
