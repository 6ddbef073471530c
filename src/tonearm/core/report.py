"""A report of a play: by whose clock it was told, and whether two reporters tell of one play."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.play import Play, Track
from tonearm.core.spelling import fold

SLACK = 10.0
"""Seconds by which honest clocks and rounded times differ."""

OVERLAP = 3.0
"""Seconds that two plays must share before they can be one: times are cut to whole seconds on both sides."""

SKEW_THAT_MATTERS = 60.0
"""Seconds; what a clock is wrong by less is nobody's concern."""

LIVE = 600.0
"""Seconds between the end of a play and its report within which both were surely told by one clock."""


class Stamp(StrEnum):
    """Which moment of a play the reported time is. Only an unknown one is ever guessed."""

    START = "start"
    END = "end"
    UNKNOWN = "unknown"


class Listening(StrEnum):
    """How the seconds heard are known.

    MEASURED: the reporter sent them, or they were counted from its notices. ASSUMED: it sent none, but has decided
    that the play counts. UNKNOWN: it sent none and decided nothing.
    """

    MEASURED = "measured"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a play's start is put (Unix seconds UTC), and why it was moved ("" if it was not).

    `by_clock` is what a wrong clock of ours accounts for, in seconds.
    """

    timestamp: int
    moved: str = ""
    by_clock: int = 0


def place(timestamp: int, played: float, now: float, skew: float = 0.0) -> Placed:
    """The start of a play that is reported at `now` by a clock that is `skew` seconds behind Last.fm's.

    A report that fits our wrong clock was told by it, and is moved with it. What would have ended after its own
    report by more than half of what was heard was told by its end (mpdscribble does so), and is moved back by what
    was heard; by less, somebody's clock is a little fast, and the start stays as it was told.
    """
    moved, by_clock = "", 0
    if told_by_our_clock(timestamp, played, now, skew):
        by_clock = round(skew)
        timestamp += by_clock
        moved = f"moved by {by_clock:+d} s: the clock here differs from Last.fm's"
    true_now = now + skew
    if timestamp <= true_now + SLACK < timestamp + played / 2:
        back = round(played)
        timestamp -= back
        end = f"moved back by {back} s: it was reported with its end for its start"
        moved = f"{moved}; {end}" if moved else end
    return Placed(timestamp, moved, by_clock)


def told_by_our_clock(timestamp: int, played: float, now: float, skew: float) -> bool:
    """Whether a wrong clock of ours has told this time: by it, the play has ended just now (or so its start says)."""
    ended_now = -SLACK <= now - (timestamp + played) <= LIVE or abs(now - timestamp) <= SLACK
    return abs(skew) > SKEW_THAT_MATTERS and ended_now


def queued_by_a_fast_clock(enqueued_at: float, now: float, skew: float) -> bool:
    """Whether a play was queued at a moment that has yet to come by Last.fm's clock.

    What is queued while the skew is known is queued in Last.fm's time, and need not be moved again.
    """
    return skew < -SKEW_THAT_MATTERS and enqueued_at > now + skew + SKEW_THAT_MATTERS


def same_play(one: Play, other: Play) -> bool:
    """Whether two reports may be of one play: the same song at the same time, whoever reports it.

    A repeat begins after its first play has ended, and what was heard is never longer than what went by, so a
    true repeat shares no time with its first play.
    """
    return _shared(one, other) > OVERLAP and _song(one.track) == _song(other.track)


def _shared(one: Play, other: Play) -> float:
    end = min(one.timestamp + one.played, other.timestamp + other.played)
    return end - max(one.timestamp, other.timestamp)


def _song(track: Track) -> tuple[str, str]:
    return fold(track.artist), fold(track.title)
