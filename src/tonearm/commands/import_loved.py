"""`tonearm import-loved`: merges hearts with Last.fm's, and marks the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import print_result

if TYPE_CHECKING:
    from tonearm.core.loved import ImportCounts
    from tonearm.deck import Deck, Listener
    from tonearm.settings import Settings

NOTHING = "nothing would change now; what changed less than 10 minutes ago may be compared later"
"""The list that Last.fm gives may lag behind what it has accepted (`core.hearts.SETTLING`)."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would change here and on Last.fm, and change nothing.")
@click.option("--check", is_flag=True, help="Match loved tracks with the library again, without asking Last.fm.")
@click.option("--mirror/--no-mirror", default=None, help="Import every hour, or stop doing so.")
@click.option(
    "--conflicts",
    type=click.Choice(["latest", "here", "lastfm"]),
    help="Which side wins if you unloved a track here and loved it on Last.fm since the last import (default: latest).",
)
@of_listener
def import_loved(
    settings: Settings,
    listener: str,
    as_json: bool,
    dry_run: bool,
    check: bool,
    mirror: bool | None,
    conflicts: str | None,
) -> None:
    """Make what you love here and on Last.fm the same, and mark the library's tracks.

    An interrupted import continues where it stopped. --mirror and --conflicts only change settings.
    """
    from tonearm.commands.opening import run_for

    if mirror is not None or conflicts is not None:
        facts, text = run_for(settings, listener, lambda _, me: _set(me, mirror, conflicts), creates=True)
    elif dry_run:
        facts, text = run_for(settings, listener, _plan)
    else:
        facts, text = _imported(settings, listener, as_json, check)
    print_result(facts, text, as_json)


def _imported(settings: Settings, listener: str, as_json: bool, check: bool) -> tuple[dict[str, Any], str]:
    from tonearm.commands.opening import run_for
    from tonearm.commands.progress import bar

    if check:
        found = run_for(settings, listener, lambda deck, me: deck.loved_matching.check(me.id))
    else:
        with bar("importing", hidden=as_json) as progress:
            found = run_for(settings, listener, lambda deck, me: _import(deck, me, progress), creates=True)
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
    return facts, text


async def _import(deck: Deck, me: Listener, progress: Callable[[int, int], None]) -> ImportCounts:
    from tonearm.commands.opening import run_to_its_end
    from tonearm.service.loved_import import tally
    from tonearm.service.values import RunState

    await _check_ready(deck, me)
    run = await deck.loved_import.start(me.id)
    run = await run_to_its_end(deck, deck.loved_import, me.id, run, progress)
    if run.state is RunState.FAILED:
        raise Failed(f"Last.fm: {run.failure}; {run.done} of {run.total} done; the next import continues from there")
    return tally(run)


async def _check_ready(deck: Deck, me: Listener) -> None:
    if not deck.configured:
        raise Failed(NO_KEY)
    if not (await me.account()).signed_in:
        raise Failed(f"{me.name} isn't signed in to Last.fm: run 'tonearm login' first")


CONFLICTS = {
    "latest": "the later change wins",
    "here": "what you did here wins",
    "lastfm": "what Last.fm has wins",
}
"""Which side wins a conflict, in words."""


async def _set(me: Listener, mirror: bool | None, conflicts: str | None) -> tuple[dict[str, Any], str]:
    from tonearm.core.hearts import ConflictRule

    importing = me.deck.loved_import
    if mirror is not None:
        await importing.mirror(me.id, on=mirror)
    if conflicts is not None:
        await importing.decide(me.id, ConflictRule(conflicts))
    found = await importing.settings(me.id)
    hourly = found.mirror_at is not None
    when = "every hour while a service runs" if hourly else "only when you ask for it"
    said = f"loved tracks are imported {when}; in a conflict {CONFLICTS[found.rule]}"
    return {"mirror": hourly, "conflicts": str(found.rule)}, said


_DONE = {
    "love_here": "would be loved here",
    "unlove_here": "would be unloved here",
    "love_there": "would be loved on Last.fm",
    "unlove_there": "would be unloved on Last.fm",
}


async def _plan(deck: Deck, me: Listener) -> tuple[dict[str, Any], str]:
    from tonearm.service.loved_import import NotPlanned, counted

    await _check_ready(deck, me)
    try:
        planned = await deck.loved_import.plan(me.id)
    except NotPlanned as fault:
        raise Failed(f"Last.fm: {fault}") from fault
    lines = [
        f"{one.artist} – {one.title} {_DONE[one.change]}{' (conflict)' if one.conflict else ''}" for one in planned
    ]
    tracks = [
        {"artist": one.artist, "track": one.title, "change": str(one.change), "conflict": one.conflict}
        for one in planned
    ]
    return {**counted(planned), "tracks": tracks}, "\n".join(lines) or NOTHING
