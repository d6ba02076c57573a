"""How Sphinx builds the documentation: ``sphinx-build -W docs site``."""

from bayes_sloth import __version__

project = "bayes_sloth"
author = "The bayes_sloth authors"
copyright = "2026, the bayes_sloth authors"
release = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints", "notebooks/*.nc"]

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

# Links to other projects' pages need the network; without it the pages build all the same.
intersphinx_mapping = {}

html_theme = "pydata_sphinx_theme"
html_title = "bayes_sloth"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
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
