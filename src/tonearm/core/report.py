"""A report of a play: what its numbers mean, which clock they come from, and whether two reports are of the same
play.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.name_caches import remembering
from tonearm.core.play import (
    LONGEST_NEEDED,
    SHORTEST_TRACK,
    Counted,
    Play,
    When,
    counts,
    long_enough,
    seconds_needed,
    when,
)
from tonearm.core.spelling import SURELY_SHORT, fold

SLACK = 10.0
"""Seconds by which honest clocks and rounded times differ."""

OVERLAP = 3.0
"""Seconds that two plays must share before they can be one: times are cut to whole seconds on both sides."""

SKEW_THAT_MATTERS = 60.0
"""Seconds; what a clock is wrong by less is nobody's concern."""

LIVE = 600.0
"""Seconds between the end of a play and its report within which both times surely come from one clock."""


COUNTED_BY_ITS_PLAYER = "its player decided that it counts, and doesn't say how much was heard"


class Stamp(StrEnum):
    """Which moment of a play the reported time is. Only an unknown one is ever guessed."""

    START = "start"
    END = "end"
    UNKNOWN = "unknown"


class Listening(StrEnum):
    """How the seconds heard are known. MEASURED: the player sent them, or they were counted from its notices. ASSUMED:
    it sent none, but has decided that the play counts. UNKNOWN: it decided nothing and sent none, or the meaning of
    those it sent isn't known.
    """

    MEASURED = "measured"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known about the numbers of a report. What is stated is not guessed; by default nothing is stated.

    `since` is how many seconds before the report the player said that it plays the track. An end is moved back by it.
    """

    stamp: Stamp = Stamp.UNKNOWN
    listening: Listening = Listening.UNKNOWN
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A play's start as determined (Unix seconds UTC), and why it was moved ("" if it was not). `by_clock` is the part
    of the move due to a wrong clock of ours, in seconds.
    """

    timestamp: int
    restamp_reason: str = ""
    by_clock: int = 0


def place(timestamp: int, played: float, now: float, skew: float = 0.0, stamp: Stamp = Stamp.UNKNOWN) -> Placed:
    """The start of a play that is reported at `now` by a clock that is `skew` seconds behind Last.fm's.

    A start that fits our wrong clock came from it, and is moved with it. An end is moved back by what was heard; a
    start is not. If it isn't known which it is, and the time is the moment of the report, it is the end (mpdscribble
    sends that); an earlier time is believed to be the start, also from a player that reports early and sends the whole
    length as heard. No start is moved to a time that a report may not have.
    """
    reported, reasons, by_clock, true_now = timestamp, list[str](), 0, now + skew
    back = round(played) if stamp is Stamp.END else 0
    if stamped_by_our_clock(timestamp - back, played, now, skew):
        by_clock = round(skew)
        timestamp += by_clock
        reasons.append(f"start moved {by_clock:+d} s: the clock here differs from Last.fm's")
    if stamp is Stamp.UNKNOWN and _is_its_end(timestamp, played, true_now):
        back = round(played)
    if back:
        timestamp -= back
        reasons.append(f"start moved back {back} s: the player sent the end time")
    if reasons and when(timestamp, true_now) is When.NONSENSE:
        return Placed(reported)
    return Placed(timestamp, "; ".join(reasons), by_clock) if reasons else Placed(timestamp)


def _is_its_end(timestamp: int, played: float, true_now: float) -> bool:
    """Whether a time is the moment of its report, which is too late to be the start of what was heard."""
    return abs(true_now - timestamp) <= SLACK and true_now + SLACK < timestamp + played / 2


def assumed_played(duration: float | None) -> tuple[float, float]:
    """The minimum of seconds of a track that a player counts, and the maximum that may have been heard by its end. For
    a play whose player says that it counts, but not how much of it was heard. The minimum follows Last.fm's rule:
    https://www.last.fm/api/scrobbling. It is what was certainly heard, so that no real repeat is suspected.
    """
    return seconds_needed(duration), duration or LONGEST_NEEDED


def judged(play: Play, listening: Listening, threshold: int, shortest: float = SHORTEST_TRACK) -> Counted:
    """Whether a reported play counts: by the listener's rule, or if nothing was measured, by its player's word."""
    duration = play.track.duration
    if listening is not Listening.ASSUMED or not long_enough(duration, shortest):
        return counts(duration, play.played, threshold, shortest)
    return Counted(play.played, seconds_needed(duration, threshold), True, COUNTED_BY_ITS_PLAYER)


def stamped_by_our_clock(timestamp: int, played: float, now: float, skew: float) -> bool:
    """Whether this time came from a wrong clock of ours: by that clock, the play is still running, or has just ended.
    Or the play is over by our clock, and in the future by Last.fm's: then the time came from no right clock.
    """
    if abs(skew) <= SKEW_THAT_MATTERS:
        return False
    return made_just_now(timestamp, played, now) or now + skew + SKEW_THAT_MATTERS < timestamp <= now


def made_just_now(timestamp: int, played: float, now: float) -> bool:
    """Whether this play is still running or has just ended, by our clock."""
    return -SLACK <= now - timestamp <= played + LIVE


def queued_by_a_fast_clock(enqueued_at: float, now: float, skew: float) -> bool:
    """Whether a play was queued at a time that is in the future by Last.fm's clock. Plays queued while the skew is
    known are queued in Last.fm's time, and don't have to be moved again.
    """
    return skew < -SKEW_THAT_MATTERS and enqueued_at > now + skew + SKEW_THAT_MATTERS


def too_old(timestamp: int, now: float, skew: float, oldest: float | None) -> bool:
    """Whether a play is too old for Last.fm by both our clock and Last.fm's, so that one wrong clock loses no play."""
    return all(when(timestamp, clock, oldest) is When.TOO_OLD for clock in (now, now + skew))


def same_play(one: Play, other: Play) -> bool:
    """Whether two reports may be of the same play: the same song at the same time, whoever reports it. A repeat begins
    after the first play has ended, and the time heard is never longer than the time that passed, so a real repeat
    doesn't overlap with its first play.
    """
    return (
        _shared(one, other) > OVERLAP
        and _same_name(one.track.artist, other.track.artist)
        and _same_name(one.track.title, other.track.title)
    )


def _shared(one: Play, other: Play) -> float:
    end = min(one.timestamp + one.played, other.timestamp + other.played)
    return end - max(one.timestamp, other.timestamp)


def _same_name(one: str, other: str) -> bool:
    if one == other:
        return True
    if len(one) > SURELY_SHORT or len(other) > SURELY_SHORT:
        return fold(one) == fold(other)
    return _known_fold(one) == _known_fold(other)


_known_fold = remembering(4096)(fold)
"""Plays around one time are compared with each other again and again."""
