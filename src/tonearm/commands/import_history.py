"""`tonearm import-history`: imports past plays from files and from Last.fm."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import WholeNumber, of_listener
from tonearm.commands.output import moment, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from datetime import tzinfo

    from tonearm.deck import Deck
    from tonearm.service.history_from_lastfm import HistoryFromLastFm
    from tonearm.service.history_import import ImportResult
    from tonearm.service.values import StoredImport
    from tonearm.settings import Settings

T = TypeVar("T")

FAULTS_SHOWN = 20


def _zone(ctx: click.Context, param: click.Parameter, value: str | None) -> tzinfo | None:
    from tonearm import zones

    zone = zones.named(value or "")
    if value and zone is None:
        raise click.BadParameter(zones.unknown(value))
    return zone


@click.command()
@of_listener
@click.option("--yes", is_flag=True, help="Write what is new. Without this, only show what an import would do.")
@click.option("--dry-run", is_flag=True, help="Only show what an import would do (the default).")
@click.option(
    "--zone", callback=_zone, metavar="NAME", help="Time zone of a device that logs local times, such as Europe/Berlin."
)
@click.option("--queue", is_flag=True, help="Also send waiting plays of other scrobblers that are under 14 days old.")
@click.option("--doubtful", is_flag=True, help="Also import plays that may be in the history already.")
@click.option("--rules", is_flag=True, help="Apply your rules for names ('tonearm rule') to what is imported.")
@click.option("--private", is_flag=True, help="Also import what was played in private sessions of Spotify.")
@click.option("--from-lastfm", is_flag=True, help="Import from your Last.fm profile (the default without FILE).")
@click.option("--mirror/--no-mirror", default=None, help="Import from Last.fm every hour, or stop doing so.")
@click.option("--list", "listing", is_flag=True, help="List the imports so far.")
@click.option("--undo", type=WholeNumber(1), metavar="ID", help="Remove everything that an import added.")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_history(
    settings: Settings,
    listener: str,
    as_json: bool,
    yes: bool,
    dry_run: bool,
    zone: tzinfo | None,
    queue: bool,
    doubtful: bool,
    rules: bool,
    private: bool,
    from_lastfm: bool,
    mirror: bool | None,
    listing: bool,
    undo: int | None,
    files: tuple[Path, ...],
) -> None:
    """Import a listening history from files or, without any, from Last.fm; nothing is sent to Last.fm.

    Reads exports of Last.fm (CSV, JSON), ListenBrainz, Spotify, Maloja, Koito, Pano Scrobbler, Libre.fm and tonearm,
    .scrobbler.log and playback.log of portable players, and waiting plays of mpdscribble, Audacious, Strawberry,
    Clementine, qmmp and Rhythmbox. What a file holds is recognised by its content; zip and gzip are unpacked.

    Importing the same file again, or the same months from another service, adds nothing.
    """
    from tonearm.commands.opening import run_for
    from tonearm.commands.progress import bar
    from tonearm.history.play import ReadOptions
    from tonearm.service.history_import import ImportChoices

    if yes and dry_run:
        raise click.UsageError("--yes and --dry-run contradict each other")
    if mirror is not None:
        run_for(settings, listener, lambda deck, me: deck.history_mirror.mirror(me.id, on=mirror), creates=mirror)
        words = "every hour while a service runs" if mirror else "only when you ask for it"
        print_result({"mirror": mirror}, f"the history at Last.fm is imported {words}", as_json)
    elif listing:
        found = run_for(settings, listener, lambda deck, me: deck.history_import.listed(me.id))
        print_result({"imports": [_listed_facts(one) for one in found]}, _listed(found), as_json)
    elif undo is not None:
        with bar("undoing", hidden=as_json) as progress:
            gone = run_for(settings, listener, lambda deck, me: deck.history_import.undo(me.id, undo, progress))
        print_result({"import": undo, "removed": gone}, f"removed {plays(gone)}", as_json)
    elif from_lastfm or not files:
        if files:
            raise click.UsageError("import files or the history at Last.fm, not both at once")
        _import_from_lastfm(settings, listener, as_json, yes)
    else:
        options, choices = ReadOptions(zone, private), ImportChoices(queue, doubtful, rules)
        with bar("importing" if yes else "comparing", hidden=as_json) as progress:
            results = run_for(
                settings,
                listener,
                lambda deck, me: _readable(
                    deck.history_import.run(me.id, files, options, progress, apply=yes, choices=choices)
                ),
                creates=True,
            )
        for result in results:
            _print_unreadable(result)
        text = "\n".join(_summary_text(result, yes, rules) for result in results)
        print_result(_facts(results, yes), text if yes else f"{text}\n{_NEXT}", as_json)


_NEXT = "Nothing was written. Add --yes to import what is new."


def _import_from_lastfm(settings: Settings, listener: str, as_json: bool, yes: bool) -> None:
    from tonearm.commands.opening import run_for
    from tonearm.commands.progress import bar

    if not yes:
        waiting = run_for(settings, listener, lambda deck, me: _with_key(deck).waiting(me.id), creates=True)
        text = f"Last.fm has {plays(waiting)} to compare with the history here. {_NEXT}"
        print_result({"dry_run": True, "to_compare": waiting, "imports": []}, text, as_json)
        return
    with bar("importing", hidden=as_json) as progress:
        result = run_for(settings, listener, lambda deck, me: _with_key(deck).run(me.id, progress), creates=True)
    print_result(_facts([result], yes), _summary_text(result, yes), as_json)


async def _readable(work: Awaitable[T]) -> T:
    try:
        return await work
    except OSError as error:
        raise Failed(f"{error.filename or 'a file'}: {error.strerror or 'it could not be read'}") from None


def _with_key(deck: Deck) -> HistoryFromLastFm:
    if not deck.configured:
        raise Failed(NO_KEY)
    return deck.history_from_lastfm


def _facts(results: Sequence[ImportResult], yes: bool) -> dict[str, object]:
    summed = ("new", "known", "doubtful", "queued", "young", "ruled", "unreadable")
    return {
        "dry_run": not yes,
        **{name: sum(getattr(result, name) for result in results) for name in summed},
        "skipped": sum(sum(result.skipped.values()) for result in results),
        "imports": [asdict(result) for result in results],
    }


def _summary_text(result: ImportResult, yes: bool, rules: bool = False) -> str:
    from tonearm.core.wording import import_outcome

    if result.first is None:
        counted = import_outcome({"unreadable": result.unreadable})
    else:
        counted = f"{result.new:,} new, {result.known:,} already there, {result.doubtful:,} doubtful"
        counted += f", {sum(result.skipped.values()):,} skipped, {result.unreadable:,} unreadable"
    lines = [f"{result.source} ({', '.join(result.files)}): {counted}"]
    if result.first is not None and result.last is not None:
        lines.append(f"  from {_day(result.first)} to {_day(result.last)}")
    lines += [f"  skipped {count:,}: {reason}" for reason, count in sorted(result.skipped.items())]
    if result.queued:
        lines.append(f"  queued for Last.fm: {result.queued:,}")
    elif result.young:
        lines.append(f"  Last.fm still accepts {plays(result.young)} of these: add --queue to send them too")
    if result.ruled and rules:
        lines.append(f"  {plays(result.ruled)} {'get' if yes else 'would get'} other names by your rules")
    elif result.ruled:
        lines.append(f"  your rules for names aren't applied: with --rules they change {plays(result.ruled)}")
    if yes and result.id is not None and result.new:
        lines.append(f"  import {result.id}: 'tonearm import-history --undo {result.id}' undoes it")
    return "\n".join(lines)


def _day(seconds: int) -> str:
    """The local day of a play, as `tonearm stats` and the pages count it."""
    from tonearm import zones

    return f"{datetime.fromtimestamp(seconds, zones.own()):%Y-%m-%d}"


def _print_unreadable(result: ImportResult) -> None:
    for fault in result.faults[:FAULTS_SHOWN]:
        text = f": {fault.text}" if fault.text else ""
        say(f"{fault.file}, {fault.where}: {fault.reason}{text}", err=True)
    if result.unreadable > FAULTS_SHOWN:
        say(f"… and {result.unreadable - FAULTS_SHOWN:,} more that can't be read", err=True)


def _listed_facts(found: StoredImport) -> dict[str, object]:
    return {
        "id": found.id,
        "source": found.source,
        "name": found.name,
        "state": str(found.state),
        "started_at": found.started_at,
        **dict.fromkeys(("new", "known", "doubtful", "skipped", "unreadable"), 0),
        **found.counts,
    }


_STATES = {
    "running": "interrupted: import it again to continue, or undo it",
    "done": "done",
    "undoing": "being undone: undo it again to continue",
    "undone": "undone",
}


def _listed(found: Sequence[StoredImport]) -> str:
    from tonearm.core.wording import import_outcome

    def outcome(one: StoredImport) -> str:
        return f"{plays(one.counts.get('new', 0))} added" if one.state == "running" else import_outcome(one.counts)

    return (
        "\n".join(
            f"{one.id}  {moment(one.started_at)}  {one.source} ({one.name}): {outcome(one)}; {_STATES[one.state]}"
            for one in found
        )
        or "no imports yet"
    )
