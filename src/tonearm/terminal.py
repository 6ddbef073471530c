"""Output for a terminal: text, without anything that the terminal would interpret."""

from __future__ import annotations

import os
import re

import click

_COMMAND = re.compile(r"(?<=')tonearm(?= [a-z])")
"""The command in a hint such as 'tonearm login'."""

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and new line, and those that change the direction of the text around them."""


def started_as() -> str:
    """How this program was started, such as "tonearm" or "./run"."""
    return os.environ.get("_TONEARM_STARTED_AS", "tonearm")


def visible(text: str) -> str:
    """The text with U+FFFD for each character that a terminal would interpret: names may contain any of them.

    Hints such as 'tonearm login' name the command as it was started.
    """
    return _OBEYED.sub("\ufffd", _COMMAND.sub(lambda _: started_as(), text))


def escaped(json: str) -> str:
    """JSON with these characters as escapes, so that its meaning stays the same."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def say(text: str, *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr."""
    click.echo(visible(text), err=err)
