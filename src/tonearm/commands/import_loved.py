"""`tonearm import-loved`: hearts from Last.fm for the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import for_listener, with_json, with_settings
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.core.loved import ImportCounts
    from tonearm.settings import Settings


@click.command()
@with_settings()
@for_listener
@with_json
def import_loved(settings: Settings, listener: str, as_json: bool) -> None:
    """Mark the library's tracks that you love on Last.fm. An interrupted import continues where it stopped."""
    from tonearm.commands.opening import run
    from tonearm.commands.progress import bar

    with bar("importing", hidden=as_json) as progress:
        found = run(_import(settings, listener, progress))
    text = (
        f"{found.imported} of {found.total} loved tracks newly marked; {found.already} already marked,"
        f" {found.doubtful} may be in the library, {found.missing} are not"
    )
    facts = {
        "status": "success",
        "total_loved_tracks": found.total,
        "imported_count": found.imported,
        "already": found.already,
        "doubtful": found.doubtful,
        "missing": found.missing,
        "message": text,
    }
    print_result(facts, text, as_json)


async def _import(settings: Settings, name: str, progress: Callable[[int, int], None]) -> ImportCounts:
    from tonearm.commands.opening import Sends, deck_of, listener_of, run_to_its_end
    from tonearm.service.loved_import import tally
    from tonearm.service.values import RunState

    async with deck_of(settings, Sends.NO) as deck:
        if not deck.configured:
            raise Failed(NO_KEY)
        me = await listener_of(deck, name)
        if not (await me.account()).signed_in:
            raise Failed(f"{name} isn't signed in to Last.fm: run 'tonearm login' first")
        run = await deck.loved_import.start(me.id)
        run = await run_to_its_end(deck, deck.loved_import, me.id, run, progress)
        if run.state is RunState.FAILED:
            raise Failed(
                f"Last.fm: {run.failure}; {run.done} of {run.total} done; the next import continues from there"
            )
        return tally(run)
