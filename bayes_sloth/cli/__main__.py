"""Run the command line as ``python -m bayes_sloth.cli``."""

from bayes_sloth.cli import main

main()
