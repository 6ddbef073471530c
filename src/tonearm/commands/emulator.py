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
@click.option("--user", metavar="NAME:PASSWORD", multiple=True, help="A user who signs in with a password.")
@click.option("--any-key", is_flag=True, help="Accept every API key, signed in any way.")
@click.option("--state", metavar="FILE", help="Keep everything in this file over a restart.")
@click.option("--tls", is_flag=True, help="HTTPS with a certificate of its own.")
@click.option("--certificate", metavar="FILE", help="Keep the certificate in this file (turns on --tls).")
@click.option("--seed", type=int, help="Of tokens, and of chance in faults.")
def emulator(
    private: tuple[str, ...], user: tuple[str, ...], any_key: bool, tls: bool, **given: str | int | None
) -> None:
    """Run the stand-in for Last.fm alone; it prints its addresses and keys."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
    options += [f"--private={name}" for name in private] + [f"--user={one}" for one in user]
    options += ["--any-key"] * any_key + ["--tls"] * tls
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "lastfm_emulator", *options])  # noqa: S606  # no shell
