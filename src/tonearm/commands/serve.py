"""`tonearm serve`: the service, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed, in_one_line
from tonearm.commands.options import with_settings
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.settings import Settings


SWITCH = 0.0005
"""Python's thread switch interval in seconds: how long a thread that counts a long history may keep the interpreter
from one that saves a play, which needs it a dozen times. A tenth of Python's own 0.005.
"""


@click.command()
@with_settings(all_shown=True)
@click.option("--link", is_flag=True, help="Print a new one-time sign-in link for a browser.")
@click.option("--no-delivery", is_flag=True, help="Only accept plays; 'tonearm worker' or another service sends them.")
def serve(settings: Settings, link: bool, no_delivery: bool) -> None:
    """Run the service: the API, the pages, and delivery to Last.fm.

    Each option is also a setting: in the environment, named TONEARM_... (or LASTFM_... for the lastfm options),
    or in the tonearm.toml of your configuration folder.
    """
    from tonearm.port import PortTaken, listening_socket

    try:
        sock = listening_socket(settings.tonearm_host, settings.tonearm_port)
    except PortTaken as taken:
        raise Failed(str(taken)) from None
    import asyncio
    import gc
    import sys

    sys.setswitchinterval(SWITCH)
    gc.disable()  # the collector would take a tenth of the start, and imports make no garbage
    import uvloop

    from tonearm import log

    log.begin(settings.tonearm_log)
    try:
        with sock, in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, sock, link, not no_delivery))
    finally:
        gc.enable()  # even if it didn't start


async def _serve(settings: Settings, sock: socket.socket, link: bool, delivers: bool) -> None:
    import gc

    from tonearm.commands.opening import Sends, database_is_up, deck_of
    from tonearm.port import address_of
    from tonearm.service.database import note_address, sqlite_file
    from tonearm.serving import serving, stop_requested
    from tonearm.web.options import WebOptions

    with stop_requested() as stop:
        if not await database_is_up(settings, stop):
            return
        async with (
            deck_of(settings, Sends.YES if delivers else Sends.NO, creates=True) as deck,
            _local(deck, delivers),
            serving(deck, sock, WebOptions(settings.tonearm_public_url)),
        ):
            public, secret = settings.tonearm_public_url.rstrip("/"), await _link(deck, link)
            file = sqlite_file(deck.store.url)
            if file and delivers:
                note_address(file, address_of(sock))
            say(f"tonearm listens on {address_of(sock)}{f', for {public}' if public else ''}")
            if not deck.configured:
                only = "sent to your other services only" if deck.destinations.any_here else "not sent"
                say(f"Plays are saved but {only}: set LASTFM_API_KEY and LASTFM_API_SECRET", err=True)
            if secret:
                door = f"{public or address_of(sock)}/signin?link={secret}"
                say(f"Sign in with your browser (once, within an hour): {door}")
            else:
                say("A browser is already signed in. For another one, run 'tonearm listener link me'")
            gc.enable()
            await stop.wait()


@asynccontextmanager
async def _local(deck: Deck, delivers: bool) -> AsyncIterator[None]:
    """Answer commands on this machine, if only this process delivers from the file."""
    from tonearm.service.database import sqlite_file

    if not delivers or (file := sqlite_file(deck.store.url)) is None:
        yield
        return
    from tonearm.commands.local_answers import answering_commands

    async with answering_commands(deck, file):
        yield


async def _link(deck: Deck, wanted: bool) -> str | None:
    """A one-time link: at the first start, and whenever it is wanted."""
    me = await deck.listener()
    if not wanted and await deck.accounts.has_browser(me.id):
        return None
    return await deck.accounts.link(me.id)
