"""What sections of a report are made of: panels, in groups, under a heading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class Panel:
    """A plot with the table of its numbers, or a table alone.

    Attributes
    ----------
    title : str
    says : str
        What is drawn, in a sentence: the caption, and what a screen reader says of the plot.
    table : str
        HTML.
    figure : plotly Figure, optional
    """

    title: str
    says: str
    table: str = ""
    figure: go.Figure | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """Panels under one heading; folded ones are opened by the reader."""

    title: str
    panels: list[Panel]
    table: str = ""
    folded: bool = False


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the report with its own heading.

    Attributes
    ----------
    key : str
        What links point at.
    title : str
    words : list of str
        Paragraphs.
    points : list of str
        Items of a list.
    groups : list of Group
    panels : list of Panel
    """

    key: str
    title: str
    words: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
