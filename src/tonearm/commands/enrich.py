"""`tonearm enrich`: looks up the songs of the library on Last.fm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import for_listener, with_json, with_settings
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.service.values import Run
    from tonearm.settings import Settings


@click.command()
@with_settings()
@for_listener
@with_json
def enrich(settings: Settings, listener: str, as_json: bool) -> None:
    """Look up the library's songs on Last.fm: tags, MusicBrainz ids, listeners. No file is changed.

    Plays are sent first. An interrupted run continues where it stopped; recent look-ups are skipped.
    """
    from tonearm.commands.opening import run
    from tonearm.commands.progress import bar
    from tonearm.service.enrichment import enriched

    with bar("looking up", hidden=as_json) as progress:
        over = run(_enrich(settings, listener, progress))
    found = enriched(over)
    text = f"{found.known} songs looked up, {found.unknown} unknown to Last.fm (of {over.total} in the library)"
    print_result({"status": "success", "total": over.total, **asdict(found)}, text, as_json)


async def _enrich(settings: Settings, name: str, progress: Callable[[int, int], None]) -> Run:
    from tonearm.commands.opening import Sends, deck_of, listener_of, run_to_its_end

    async with deck_of(settings, Sends.NO) as deck:
        if not deck.configured:
            raise Failed(NO_KEY)
        me = await listener_of(deck, name)
        run = await deck.enrichment.start(me.id)
        run = await run_to_its_end(deck, deck.enrichment, me.id, run, progress)
        if run.failure:
            raise Failed(
                f"{run.failure}; {run.done} of {run.total} done; the next 'tonearm enrich' continues from there"
            )
        return run
