"""`tonearm worker`: delivers beside other processes on the same PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed, in_one_line
from tonearm.commands.options import with_settings
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.settings import Settings


@click.command()
@with_settings()
def worker(settings: Settings) -> None:
    """Only send plays, alongside services and other workers on the same PostgreSQL, until stopped."""
    import asyncio

    import uvloop

    from tonearm import log
    from tonearm.commands.opening import url_of
    from tonearm.service.database import sqlite_file

    if sqlite_file(url_of(settings)) is not None:
        raise Failed(
            "workers need PostgreSQL (TONEARM_DATABASE=postgresql://...): with a SQLite file only one process sends,"
            " and that is 'tonearm serve'"
        )
    if not (settings.lastfm_api_key and settings.lastfm_api_secret.get_secret_value()):
        raise Failed("a worker needs LASTFM_API_KEY and LASTFM_API_SECRET")
    log.begin(settings.tonearm_log)
    with in_one_line(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings))


async def _work(settings: Settings) -> None:
    from tonearm.commands.opening import Sends, database_is_up, deck_of
    from tonearm.serving import spare_the_collector, stop_requested

    with stop_requested() as stop:
        if not await database_is_up(settings, stop):
            return
        async with deck_of(settings, Sends.YES, creates=True):
            spare_the_collector()
            say("tonearm delivers")
            await stop.wait()
