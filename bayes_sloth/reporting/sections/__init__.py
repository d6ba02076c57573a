"""The sections of a report: words, plots and their tables, in the order in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_sloth.reporting.sections.calibration import calibration_section
from bayes_sloth.reporting.sections.data import data_section
from bayes_sloth.reporting.sections.diagnostics import diagnostics_section
from bayes_sloth.reporting.sections.forecasts import forecasts_section
from bayes_sloth.reporting.sections.making import making_section
from bayes_sloth.reporting.sections.parts import Section
from bayes_sloth.reporting.sections.skills import efficiency_section, skills_section

if TYPE_CHECKING:
    from bayes_sloth.reporting.content import Content


def sections(content: Content) -> list[Section]:
    """Return the sections of a report."""
    return [
        forecasts_section(content),
        calibration_section(content),
        skills_section(content),
        efficiency_section(content),
        diagnostics_section(content),
        data_section(content),
        making_section(content),
    ]
