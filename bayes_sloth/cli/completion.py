"""Shell completion: the script that turns it on, and the names that it knows."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

PROGRAM, VARIABLE = "bayes-sloth", "_BAYES_SLOTH_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


def complete_family(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the variants and lineages of the bundled data."""
    from bayes_sloth.scores import load_scores

    models = load_scores().models
    lineages = set(models["lineage"])
    names = sorted(lineages | set(models["variant"]))
    return [
        CompletionItem(name, help="lineage" if name in lineages else "variant")
        for name in names
        if name.startswith(incomplete)
    ]


def complete_benchmark(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the bundled benchmarks, with what each is called in full."""
    from bayes_sloth.scores import load_scores

    names = load_scores().benchmarks["name"]
    return [
        CompletionItem(str(key), help=str(name))
        for key, name in names.items()
        if str(key).startswith(incomplete)
    ]


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, families and benchmarks in SHELL.

    \b
    Put one of these lines where your shell starts:
      eval "$(bayes-sloth completion bash)"       ~/.bashrc
      eval "$(bayes-sloth completion zsh)"        ~/.zshrc
      bayes-sloth completion fish | source        ~/.config/fish/config.fish
    """
    from bayes_sloth.cli import main

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, PROGRAM, VARIABLE).source())
