"""A play as somebody reports it, what is answered, and how its names and times are frozen for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, assert_never

from tonearm.core.play import (
    MissingName,
    Play,
    Track,
    When,
    cleaned,
    in_milliseconds,
    is_a_length_of_time,
    lengths,
    start_of_play,
    when,
)
from tonearm.core.report import SLACK, Basis, Listening, Placed, assumed_played, place

UNSAID = Basis()
"""Nothing is known about a report's times."""


class UnknownListener(LookupError):
    """There is no such account."""


class NotATime(ValueError):
    """The start can't be the time of a play, or the time heard can't be a length of time. `field` says which:
    `timestamp` or `played_time`.
    """

    def __init__(self, message: str, field: str = "timestamp") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class NotPlays(Exception):
    """Some of several reports can't be plays: `faults` has their positions (from 0) with what is wrong with each."""

    def __init__(self, faults: Sequence[tuple[int, MissingName | NotATime]]) -> None:
        super().__init__("; ".join(f"play {place}: {error}" for place, error in faults))
        self.faults = tuple(faults)


class Report(NamedTuple):
    """A play as somebody reported it, cleaned and frozen, with the moment of the report by our clock.

    `reported_timestamp` is the start as it was reported, `restamp_reason` why it was corrected, `restamped_by` the part
    of the correction due to our clock (seconds), `skew` how far our clock is behind (seconds), `left_out` which parts
    of it could not be read. `counter` and `boot` say when it came independently of our clock, so that the start can be
    corrected later: they are set if Last.fm's time was not known for certain, or if the start was corrected by it.
    `sent` is the track as it was reported, if a rule of the listener has changed its names.
    """

    account: int
    play: Play
    at: float
    reported_timestamp: int
    restamp_reason: str = ""
    restamped_by: int = 0
    reporter: str = ""
    skew: float = 0.0
    left_out: str = ""
    counter: float | None = None
    boot: str = ""
    listening: Listening = Listening.UNKNOWN
    player: int | None = None
    sent: Track | None = None


@dataclass(frozen=True, slots=True)
class ReportedPlay:
    """A play as a player reports it, and what is known about its times. `left_out` as in `scrobble`.

    Its track is clean, and has an artist and a title.
    """

    play: Play
    basis: Basis
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The answer to a report. `status` is `queued` (the play is on disk), `duplicate`, or why it was not queued. `id`
    is the play's id in the history; `heard` and `needed` are in seconds.
    """

    status: str
    id: int
    message: str
    heard: float
    needed: float


class Taken(NamedTuple):
    """A report that was saved: its result, and the track with the names that the listener's rules give it."""

    result: ReportResult
    track: Track


def frozen_play(
    play: Play, now: float, skew: float = 0.0, basis: Basis = UNSAID, *, clean_names: bool = False
) -> tuple[Play, Placed]:
    """The play as it will be sent from now on, and how its start was determined: names cleaned, times in whole seconds.

    Our clock shows `now` and is `skew` seconds behind Last.fm's, whose time decides. What `basis` leaves open is
    guessed. `clean_names`: the track has been through `cleaned` already. Raises MissingName if no artist or title is
    left; NotATime if the start is before 2002-10-01 or more than 30 days ahead, or if nobody can have heard it for that
    long.
    """
    reported = start_of_play(play.timestamp)
    duration, played, until_end = _played(play, _elapsed(reported, now, skew), basis.listening)
    if basis.since is not None:
        played, until_end = min(played, basis.since), basis.since
    elif duration:
        until_end = min(until_end, duration)
    placed = place(reported, until_end, now, skew, basis.stamp)
    if when(placed.timestamp, now + skew) is When.NONSENSE:
        raise NotATime(
            f"{play.timestamp} isn't a valid start time (Unix seconds, between 2002-10-01 and 30 days from now)"
        )
    track = play.track
    if duration != track.duration:
        track = cleaned(replace(track, duration=duration))
    elif not clean_names:
        track = cleaned(track)
    return Play(track, placed.timestamp, played, play.chosen_by_user), placed


def _played(play: Play, elapsed: float, listening: Listening) -> tuple[float | None, float, float]:
    """In seconds: the length of the track, what was heard, and what may have been heard until the end of the play."""
    duration, played = play.track.duration, play.played
    match listening:
        case Listening.ASSUMED:
            return duration, *assumed_played(duration)
        case Listening.MEASURED:
            pass
        case Listening.UNKNOWN:
            duration, played = lengths(duration, played, elapsed, in_milliseconds(play.timestamp))
        case _:
            assert_never(listening)
    if not is_a_length_of_time(duration, played, elapsed):
        raise NotATime(f"{play.played} isn't a valid number of seconds played for this track", "played_time")
    return duration, played, played


def _elapsed(start: int, now: float, skew: float) -> float:
    """Seconds from a start to its report, by whichever of the two clocks shows fewer; never negative."""
    if not skew:
        return now - start
    passed = [now - start, now + skew - start]
    return min((seconds for seconds in passed if seconds >= -SLACK), default=max(passed))
