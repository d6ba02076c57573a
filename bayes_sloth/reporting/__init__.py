"""A report on a fit: one HTML file that needs no network, readable by eye, keyboard and ear.

    fit --> content (what is known) --> sections (words, plots, tables) --> page (HTML)

The content is computed by the package; the rest of this folder only says and shows it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bayes_sloth.backtesting import Backtest
    from bayes_sloth.fitting import Fit


@dataclass(frozen=True)
class Report:
    """A report that was written, and what stands in its first lines.

    Attributes
    ----------
    path : Path
    certain, uncertain : tuple of str
        What the fit and its tests support, and what they do not.
    """

    path: Path
    certain: tuple[str, ...]
    uncertain: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "out": str(self.path),
            "certain": list(self.certain),
            "uncertain": list(self.uncertain),
        }


def report(
    fit: Fit,
    path: str | os.PathLike[str],
    models: pd.DataFrame | None = None,
    *,
    family: str | None = None,
    params_b: float | Sequence[float] | None = None,
    tokens_t: float | None = None,
    instruct: bool = False,
    backtest: Backtest | str | os.PathLike[str] | None = None,
    seed: int = 1,
) -> Report:
    """Write a report on a fit: one HTML file, with plots to hover and zoom and their numbers.

    Parameters
    ----------
    fit : Fit
    path : path-like
        Such as ``report.html``; written whole or not at all.
    models : DataFrame, optional
        Models to forecast, as for `bayes_sloth.forecast`. By default, twice the largest size of
        each of the four lineages with the most models in the fit.
    family, params_b, tokens_t, instruct : optional
        Instead of `models`, as for `bayes_sloth.forecast`; of a known family, size and tokens may
        be left out: twice its largest size, on the tokens of that model.
    backtest : Backtest or path-like, optional
        A backtest of the fitted scores, or what ``bayes-sloth backtest --json`` printed. By
        default the one that comes with the package, if it speaks of this fit's data and model;
        otherwise the report says that calibration was not tested.
    seed : int
        Of the predictive draws.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the place cannot be written to, a model cannot be forecast, or the backtest speaks of
        other scores than the fit.
    """
    from bayes_sloth.reporting.content import gather
    from bayes_sloth.reporting.page import render
    from bayes_sloth.storage import check_writable, write_text

    check_writable(path)
    content = gather(fit, models, backtest, seed, family=family, params_b=params_b,
                     tokens_t=tokens_t, instruct=instruct)  # fmt: skip
    written = write_text(path, render(content))
    return Report(written, content.certain, content.uncertain)
