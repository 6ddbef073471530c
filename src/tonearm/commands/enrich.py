"""`tonearm enrich`: looks up the songs of the library on Last.fm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.values import Run
    from tonearm.settings import Settings


@click.command()
@of_listener
def enrich(settings: Settings, listener: str, as_json: bool) -> None:
    """Look up the library's songs on Last.fm: tags, MusicBrainz ids, listeners. No file is changed.

    Plays are sent first. An interrupted run continues where it stopped; recent look-ups are skipped.
    """
    from tonearm.commands.opening import run_for
    from tonearm.commands.progress import bar
    from tonearm.service.enrichment import enriched

    with bar("looking up", hidden=as_json) as progress:
        over = run_for(settings, listener, lambda deck, me: _enrich(deck, me.id, progress))
    found = enriched(over)
    text = f"{found.known} songs looked up, {found.unknown} unknown to Last.fm (of {over.total} in the library)"
    print_result({"status": "success", "total": over.total, **asdict(found)}, text, as_json)


async def _enrich(deck: Deck, account: int, progress: Callable[[int, int], None]) -> Run:
    from tonearm.commands.opening import run_to_its_end

    if not deck.configured:
        raise Failed(NO_KEY)
    run = await deck.enrichment.start(account)
    run = await run_to_its_end(deck, deck.enrichment, account, run, progress)
    if run.failure:
        raise Failed(f"{run.failure}; {run.done} of {run.total} done; the next 'tonearm enrich' continues from there")
    return run
