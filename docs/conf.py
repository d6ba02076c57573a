"""How Sphinx builds the documentation: ``sphinx-build -W docs site``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_sloth import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "bayes_sloth"
author = "The bayes_sloth authors"
copyright = "2026, the bayes_sloth authors"
release = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]

# Pages are plain Markdown that also reads well in the repository. Notebooks are committed with
# their outputs (notebooks/run.py) and shown as they are.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # shell comments after a command

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say them
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "autolink"
smartquotes = False  # they would join the dashes of an option

html_theme = "pydata_sphinx_theme"
html_title = "bayes_sloth"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "quick_start", "limits")}  # nothing beneath them
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True


def copy_notebooks(*_: object) -> None:
    """Put the notebooks beneath the pages, where Sphinx looks for them."""
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    (HERE / "notebooks").mkdir()
    for path in (HERE.parent / "notebooks").glob("*.ipynb"):
        shutil.copy2(path, HERE / "notebooks")


def link_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links between pages and notebooks lead where they do in the repository."""
    if docname.startswith("notebooks/"):
        source[0] = source[0].replace("](../docs/", "](../")
    else:
        source[0] = source[0].replace("../notebooks/", "notebooks/")


def setup(app: Sphinx) -> None:
    """Connect the two."""
    app.connect("config-inited", copy_notebooks)
    app.connect("source-read", link_pages)
