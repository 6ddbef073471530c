"""`tonearm scrobble`: reports a play from a shell."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import NUMBER, FiniteNumber, WholeNumber, of_listener
from tonearm.commands.output import print_result, report_answer, why_it_waits
from tonearm.core.typed import length_of, moment_of
from tonearm.core.wording import REPORTS

if TYPE_CHECKING:
    from tonearm.core.play import Track
    from tonearm.deck import Listener
    from tonearm.service.accounts import QueueStatus
    from tonearm.service.report import ReportResult
    from tonearm.settings import Settings

WAIT = 10.0
"""Seconds to wait for a play's fate."""

LOOK_AGAIN = 0.5
"""Seconds after which it checks again whether anything will move."""

_UNKNOWN_LENGTH = 240.0
"""Seconds heard of a track whose length isn't given: as many as it needs to count."""

_KEPT = ("not_authenticated", "disabled")
_DONE = ("success", "queued", "duplicate", *_KEPT)


class _TypedLength(FiniteNumber):
    """Seconds, or a length such as 4:20."""

    name = "length (use seconds, 4:20 or 1:04:20, up to 24 hours)"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        length = length_of(str(value)) if ":" in str(value) else None
        return super().convert(value if length is None else length, param, ctx)


class _StartTime(click.ParamType[float]):
    """Unix seconds, or a day and a time, which is local unless it has a time zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text, seconds = str(value), None
        with suppress(OverflowError, ValueError):  # the first and the last day of all
            moment = moment_of(text)
            seconds = moment.timestamp() if moment else float(text) if NUMBER.fullmatch(text) else None
        if seconds is None:
            self.fail(f"{text!r} isn't a time: use Unix seconds, or a time such as 2026-11-21T20:15:00", param, ctx)
        return seconds


@click.command()
@of_listener
@click.option("--artist", required=True)
@click.option("--track", required=True)
@click.option("--album", default="")
@click.option("--album-artist", default="")
@click.option("--duration", type=_TypedLength(min=0), metavar="TIME", help="The track's length: 4:20 or seconds.")
@click.option("--played", type=_TypedLength(min=0), metavar="TIME", help="How much was played; default: all of it.")
@click.option(
    "--timestamp",
    type=_StartTime(),
    help="When it started: 2026-11-21T20:15 or Unix seconds; default: so that it ends now.",
)
@click.option("--track-number", type=WholeNumber(min=1), metavar="N", help="Its number on the album.")
@click.option("--mbid", default="", help="The track's MusicBrainz id.")
@click.option("--not-chosen", is_flag=True, help="The track was chosen by a radio, not the listener.")
def scrobble(
    settings: Settings,
    listener: str,
    as_json: bool,
    artist: str,
    track: str,
    album: str,
    album_artist: str,
    duration: float | None,
    played: float | None,
    timestamp: float | None,
    track_number: int | None,
    mbid: str,
    not_chosen: bool,
) -> None:
    """Report a play. Saved before this returns; waits up to 10 seconds for Last.fm."""
    from tonearm.commands.opening import run
    from tonearm.core.play import Track

    played_seconds = played if played is not None else duration or _UNKNOWN_LENGTH
    reported = Track(artist, track, album, album_artist, duration, track_number, mbid)
    result = run(_scrobble(settings, listener, reported, timestamp, played_seconds, not not_chosen))
    text = f"{REPORTS.get(result.status, result.status)}: {result.message}"
    failed = result.status not in _DONE
    if result.status in _KEPT:
        text += "; the play stays in the history here"
    if as_json or not failed:
        print_result(asdict(result), text, as_json)
    if failed:
        raise Failed(text)


async def _scrobble(
    settings: Settings, name: str, track: Track, timestamp: float | None, played: float, chosen: bool
) -> ReportResult:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.report import NotATime

    async with deck_of(settings, Sends.IF_NOBODY_ELSE_DOES, creates=True) as deck:
        me = await listener_of(deck, name)
        began = timestamp if timestamp is not None else deck.clock.now() - played
        try:
            result = await me.scrobble(track, started_at=began, played=played, chosen_by_user=chosen)
        except NotATime as wrong:
            heard = "--duration" if played == track.duration else "--played"
            option = "--timestamp" if wrong.field == "timestamp" else heard
            raise Failed(f"{option}: {str(wrong).partition(': ')[2]}") from None
        return await _fate(settings, me, result) if result.status == "queued" else result


async def _fate(settings: Settings, me: Listener, result: ReportResult) -> ReportResult:
    """The result once the play's fate is known, or why it waits."""
    from tonearm.commands.opening import sent_elsewhere

    deck, elsewhere = me.deck, sent_elsewhere(settings)
    if deck.delivers() or elsewhere:
        deadline = deck.clock.now() + WAIT
        while (now := deck.clock.now()) < deadline and not _stuck(await me.queue(), deadline):
            stored = await deck.reports.fate(me.id, result.id, min(LOOK_AGAIN, deadline - now))
            if stored is not None and stored.fate != "queued":
                status, message = report_answer(stored)
                return replace(result, status=status, message=message)
    elif not deck.configured:
        return replace(result, message=NO_KEY)
    why = why_it_waits((await me.queue()).waits, elsewhere)
    return replace(result, message=why or result.message)


def _stuck(queue_status: QueueStatus, deadline: float) -> bool:
    """Whether nothing will be sent before the deadline."""
    soon = queue_status.next_attempt_at is not None and queue_status.next_attempt_at <= deadline
    return bool(queue_status.queued) and not queue_status.sending and not soon
