"""A report of a play: by whose clock it was told, and whether two reporters tell of one play."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.play import Play, Track, When, when
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
    restamp_reason: str = ""
    by_clock: int = 0


def place(timestamp: int, played: float, now: float, skew: float = 0.0) -> Placed:
    """The start of a play that is reported at `now` by a clock that is `skew` seconds behind Last.fm's.

    A report that fits our wrong clock was made by it, and is moved with it. If something was heard, and the start is
    the very moment of the report, it is the end of the play (mpdscribble sends that), and is moved back by what was
    heard. An earlier start is believed, also from a player that reports early and sends the whole length as heard.
    No start is moved to where no report may lie.
    """
    told, moved, by_clock = timestamp, "", 0
    if stamped_by_our_clock(timestamp, played, now, skew):
        by_clock = round(skew)
        timestamp += by_clock
        moved = f"moved by {by_clock:+d} s: the clock here differs from Last.fm's"
    true_now = now + skew
    if abs(true_now - timestamp) <= SLACK and true_now + SLACK < timestamp + played / 2:
        back = round(played)
        timestamp -= back
        end = f"moved back by {back} s: it was reported with its end for its start"
        moved = f"{moved}; {end}" if moved else end
    if moved and when(timestamp, true_now) is When.NONSENSE:
        return Placed(told)
    return Placed(timestamp, moved, by_clock)


def stamped_by_our_clock(timestamp: int, played: float, now: float, skew: float) -> bool:
    """Whether a wrong clock of ours has made this time: by it, the play goes on, or has ended just now.

    Or it is over by our clock, and ahead by Last.fm's: then no right clock has made it.
    """
    ahead = now + skew + SKEW_THAT_MATTERS < timestamp <= now
    return abs(skew) > SKEW_THAT_MATTERS and (made_just_now(timestamp, played, now) or ahead)


def made_just_now(timestamp: int, played: float, now: float) -> bool:
    """Whether by our clock this play goes on or has ended just now."""
    return -SLACK <= now - timestamp <= played + LIVE


def queued_by_a_fast_clock(enqueued_at: float, now: float, skew: float) -> bool:
    """Whether a play was queued at a moment that has yet to come by Last.fm's clock.

    What is queued while the skew is known is queued in Last.fm's time, and need not be moved again.
    """
    return skew < -SKEW_THAT_MATTERS and enqueued_at > now + skew + SKEW_THAT_MATTERS


def too_old(timestamp: int, now: float, skew: float) -> bool:
    """Whether a play is too old for Last.fm by our clock and by Last.fm's: one of them may be wrong, and loses none."""
    return when(timestamp, now) is When.TOO_OLD and when(timestamp, now + skew) is When.TOO_OLD


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
