"""`tonearm completion`: a script that lets a shell complete commands and options."""

from __future__ import annotations

import click

VARIABLE = "_TONEARM_COMPLETE"
"""Set by the script, to ask the command for completions."""

_LOAD = {
    "bash": 'eval "$(tonearm completion bash)"  # in ~/.bashrc',
    "zsh": 'eval "$(tonearm completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "tonearm completion fish | source  # in ~/.config/fish/config.fish",
}


@click.command(epilog="\b\n" + "\n".join(_LOAD.values()))
@click.argument("shell", type=click.Choice(list(_LOAD)))
def completion(shell: str) -> None:
    """Print a script that completes commands and options in your shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind
    script = kind(click.get_current_context().find_root().command, {}, "tonearm", VARIABLE)
    click.echo(script.source_template % script.source_vars())
