"""The report as one HTML file: template, style, plots and the library that draws them inside."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

from bayes_sloth import __version__
from bayes_sloth.reporting.figures import legend
from bayes_sloth.reporting.sections import sections

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from bayes_sloth.reporting.content import Content


def render(content: Content) -> str:
    """Return a report as HTML that opens without a network.

    Parameters
    ----------
    content : Content

    Returns
    -------
    str
    """
    import jinja2
    from plotly.offline import get_plotlyjs

    today = datetime.now(UTC)
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"plot_json": plot_json, "legend": legend}
    return environment.from_string(_own("page.html.jinja")).render(
        content=content,
        sections=sections(content),
        style=_own("page.css"),
        script=_own("page.js"),
        plotly=get_plotlyjs(),
        made=f"{today.day} {today:%B %Y}",
        version=__version__,
    )


def plot_json(figure: go.Figure) -> str:
    """Return a figure as JSON that cannot end the script element it stands in."""
    plain = json.loads(figure.to_json())
    text = json.dumps({"data": plain["data"], "layout": plain["layout"]}, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _own(name: str) -> str:
    """Read a file that stands beside this one."""
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
