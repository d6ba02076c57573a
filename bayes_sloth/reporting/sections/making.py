"""How the fit was made: its choices, and every prior with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_sloth.reporting.sections.parts import Panel, Section
from bayes_sloth.reporting.tables import table_html

if TYPE_CHECKING:
    from bayes_sloth.reporting.content import Content


def making_section(content: Content) -> Section:
    """Return the section on the choices of the fit and its priors."""
    from bayes_sloth.priors import priors_table

    fit, attributes = content.fit, content.fit.tree.attrs
    rows = {
        "specification": attributes.get("specification", fit.specification.to_json()),
        "sampling": attributes.get("sampling", ""),
        "libraries": attributes.get("libraries", ""),
        "bayes_sloth": attributes.get("bayes_sloth_version", ""),
    }
    table = pd.DataFrame({"value": list(map(str, rows.values()))}, index=list(rows))
    return Section(
        "making",
        "How it was made",
        ["The choices of the fit, and every prior with its reason."],
        [],
        [
            Panel("The fit", "Choices, sampler, versions.",
                  table_html(table.rename_axis("what"), "How the fit was made")),
            Panel("Priors", "Every prior of the model, with its reason.",
                  table_html(priors_table(), "Priors")),
        ],
    )  # fmt: skip
