"""Does the architecture help the skills model? The development families of `development.py` say.

Writes ``results/architecture.csv``: the default model, and the same with depth and FFN size at
equal bulk as covariates where they are known, on the folds of ``development.py``, with the columns
of its results. ``--keep`` holds finished folds::

    python benchmarks/architecture.py
"""

from __future__ import annotations

import argparse

from development import RESULTS, compared

from bayes_sloth import Specification

CHOICES = {"default": Specification(), "architecture": Specification(architecture=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", default="development", help="folder of finished folds")
    table = compared(CHOICES, parser.parse_args().keep)
    table.to_csv(RESULTS.with_name("architecture.csv"), index=False)


if __name__ == "__main__":
    main()
