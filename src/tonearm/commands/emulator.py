"""`tonearm emulator`: the stand-in for Last.fm in place of this process, since the two share no code."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8724, show_default=True, help="0 takes a free one.")
@click.option("--api-key", metavar="TEXT", help="The key that it takes; default: one of its own.")
@click.option("--api-secret", metavar="TEXT", help="Its shared secret.")
@click.option("--auto-approve", metavar="USER", help="Approve every sign-in at once, as this user.")
@click.option("--private", metavar="USER", multiple=True, help="A user who hides what is played.")
@click.option("--seed", type=int, help="Of tokens, and of chance in faults.")
def emulator(private: tuple[str, ...], **given: str | int | None) -> None:
    """Run the stand-in for Last.fm alone; it prints its addresses and keys."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
    hidden = [f"--private={user}" for user in private]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "lastfm_emulator", *options, *hidden])  # noqa: S606  # no shell
