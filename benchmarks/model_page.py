"""Write the priors of ``docs/model.md``.

::

    python benchmarks/model_page.py
"""

from __future__ import annotations

from page_blocks import write_page
from results_page import markdown

from bayes_sloth.priors import priors_table


def blocks() -> dict[str, str]:
    return {"priors": markdown(priors_table().reset_index())}


if __name__ == "__main__":
    write_page("model", blocks())
