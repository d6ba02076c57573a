"""What a backtest says of the intervals, by setting and by benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_sloth.reporting import figures
from bayes_sloth.reporting.sections.parts import Panel, Section
from bayes_sloth.reporting.tables import table_html

if TYPE_CHECKING:
    from bayes_sloth.reporting.content import Content


def calibration_section(content: Content) -> Section:
    """Return the section on what a backtest found, or that there was none."""
    found = content.calibration
    title = "Calibration: do the intervals hold what they promise?"
    if not found.tested:
        words = ["CALIBRATION WAS NOT TESTED for these scores and this model.", found.source]
        return Section("calibration", title, words)
    cautions = list(found.cautions)
    return Section(
        "calibration",
        title,
        [
            found.source,
            "Errors and widths are in percentage points, coverages in percent; 'seen' is how many "
            "of the smallest models of a hidden family stayed in training. The interval score is "
            "the width plus 20 times the distance outside: smaller is better.",
        ],
        cautions,
        [
            Panel(
                "Share of hidden scores within the intervals",
                "Scores within the 50, 80 and 90 % intervals by setting of the backtest, with two "
                "standard errors to each side; dashed lines mark what was promised.",
                _settings_table(found.settings),
                figures.coverage(found.settings),
            ),
            Panel(
                "By benchmark",
                "The same by setting and benchmark; few scores stand behind each row.",
                _benchmark_table(found.by_benchmark),
            ),
        ],
    )


_BACKTEST_COLUMNS = {
    "cells": "scores",
    "mae": "mean absolute error",
    "coverage50": "in 50 %",
    "coverage80": "in 80 %",
    "coverage90": "in 90 %",
    "width90": "width of 90 %",
    "interval_score90": "interval score",
}


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    shares = {name: 100 * table[name] for name in table if str(name).startswith("coverage")}
    return table.assign(**shares).astype({"cells": int})


def _settings_table(settings: pd.DataFrame) -> str:
    table = _percent(settings)
    shown = table[list(_BACKTEST_COLUMNS)].rename(columns=_BACKTEST_COLUMNS)
    shown.insert(5, "standard error", table["coverage90_se"])
    return table_html(shown, "Backtest by setting", {str(name): 1 for name in shown})


def _benchmark_table(parts: pd.DataFrame) -> str:
    shown = _percent(parts)[list(_BACKTEST_COLUMNS)].rename(columns=_BACKTEST_COLUMNS)
    return table_html(shown, "Backtest by setting and benchmark", {str(name): 1 for name in shown})
