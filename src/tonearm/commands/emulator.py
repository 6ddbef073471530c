"""`tonearm emulator`: replaces this process with the stand-in for Last.fm, since the two share no code."""

from __future__ import annotations

import os
import sys

import click

from tonearm.commands.options import WholeNumber


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=8724,
    show_default=True,
    metavar="N",
    help="The port to listen on; 0 picks a free one.",
)
@click.option("--api-key", metavar="TEXT", help="The key to accept; default: a built-in one.")
@click.option("--api-secret", metavar="TEXT", help="Its shared secret.")
@click.option("--auto-approve", metavar="USER", help="Approve every sign-in at once, as this user.")
@click.option("--private", metavar="USER", multiple=True, help="A user who hides recent plays.")
@click.option("--user", metavar="NAME:PASSWORD", multiple=True, help="A user who signs in with a password.")
@click.option("--any-key", is_flag=True, help="Accept every API key, signed in any way.")
@click.option("--state", metavar="FILE", help="Keep all state in this file across restarts.")
@click.option("--tls", is_flag=True, help="Serve HTTPS with a self-signed certificate.")
@click.option("--certificate", metavar="FILE", help="Keep the certificate in this file (turns on --tls).")
@click.option("--seed", type=int, help="Seed for tokens and for random faults.")
def emulator(
    private: tuple[str, ...], user: tuple[str, ...], any_key: bool, tls: bool, **given: str | int | None
) -> None:
    """Run only the stand-in for Last.fm; it prints its addresses and keys."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
    options += [f"--private={name}" for name in private] + [f"--user={one}" for one in user]
    options += ["--any-key"] * any_key + ["--tls"] * tls
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "lastfm_emulator", *options])  # noqa: S606  # no shell
