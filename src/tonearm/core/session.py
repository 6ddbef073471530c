"""The clock of one listen: how long a track was actually heard, from the notices of a player.

Media servers report when a track starts, pauses, continues, its position, and when it stops, but some of these may be
missing. Time counts while the track plays, and never more than the position has advanced, unless somebody sought. Each
device of each user has one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tonearm.core.play import LONGEST_NEEDED, Track

SLACK = 10.0
"""Seconds by which a position may be older than its notice, and by which a repeated notice may be late."""

LONGEST_SILENCE = 60.0
"""Seconds that count without news of a player that gives its position regularly."""

PATIENCE = 300.0
"""Seconds after its end within which a track may still be stopped or followed by another."""

LONGEST_PAUSE = 6 * 3600.0
"""Seconds after which nobody continues a paused track."""

LONGEST_UNKNOWN = 3600.0
"""Seconds that a track of unknown length may play without news."""


class NoticeKind(StrEnum):
    """The kinds of notices. COUNTED: the play counts, by the player's own rule."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    PROGRESS = "progress"
    SOUGHT = "sought"
    COUNTED = "counted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Notice:
    """A player's notice at `at` (Unix seconds by our clock). `position` is in seconds, None if it wasn't sent.

    `key` is the player's own id of the track; without one, the names identify it. `paused` comes with PROGRESS.
    """

    kind: NoticeKind
    at: float
    track: Track
    position: float | None = None
    key: str = ""
    paused: bool = False

    @property
    def identity(self) -> str:
        """A value that is equal for all notices of one track."""
        return self.key or f"{self.track.artist}\n{self.track.title}"


@dataclass(frozen=True, slots=True)
class Finished:
    """A listen that is over: its start (Unix seconds) and the seconds heard, None if only the player counted them."""

    track: Track
    start: float
    played: float | None


@dataclass(frozen=True, slots=True)
class ListeningClock:
    """A listen so far: `played` seconds heard up to the notice at `at`, with the track at `position`.

    `regular` says that the player regularly sends its position. A clock that has `ended` only remembers what has ended,
    and `previous` what played before, so that late and repeated notices don't count.
    """

    track: Track
    identity: str
    start: float
    at: float
    played: float = 0.0
    playing: bool = True
    position: float | None = None
    regular: bool = False
    ended: bool = False
    previous: str = ""

    def overdue(self, now: float) -> bool:
        """Whether no more notices are to be expected: then call `finish`."""
        if self.ended:
            return False
        if not self.playing:
            return now - self.at > LONGEST_PAUSE
        if self.regular:
            return now - self.at > PATIENCE
        remaining = self._remaining()
        return now - self.at > (LONGEST_UNKNOWN if remaining is None else remaining + PATIENCE)

    def finish(self, now: float) -> tuple[ListeningClock, Finished]:
        """End the listen at `now`, without a notice from the player."""
        return self._end(now, self.played + self._unseen(now))

    def _end(self, at: float, played: float) -> tuple[ListeningClock, Finished]:
        return replace(self, at=at, played=played, playing=False, ended=True), Finished(self.track, self.start, played)

    def _remaining(self) -> float | None:
        if not self.track.duration:
            return None
        return max(0.0, self.track.duration - (self.played if self.position is None else self.position))

    def _unseen(self, now: float) -> float:
        """Seconds heard since the last notice, if no position says how many."""
        if not self.playing:
            return 0.0
        remaining = self._remaining()
        limit = LONGEST_NEEDED if remaining is None else remaining
        return max(0.0, min(now - self.at, limit, LONGEST_SILENCE if self.regular else limit))

    def _since(self, notice: Notice) -> float:
        """Seconds heard between the last notice and this one."""
        elapsed = max(0.0, notice.at - self.at)
        if notice.position is None or self.position is None or notice.kind is NoticeKind.SOUGHT:
            return self._unseen(notice.at)
        moved = notice.position - self.position
        if not self.playing:  # a missed resume, unless it is this one
            missed = notice.kind in (NoticeKind.PROGRESS, NoticeKind.STOPPED) and not notice.paused
            return max(0.0, min(moved, elapsed)) if missed and moved <= elapsed + SLACK else 0.0
        if 0 <= moved <= elapsed + SLACK:
            return min(moved, elapsed)
        return self._unseen(notice.at)  # somebody sought


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What a notice leads to: the clock to keep, and the listens that are over."""

    clock: ListeningClock | None
    finished: tuple[Finished, ...] = ()


def step(clock: ListeningClock | None, notice: Notice) -> ClockStep:
    """Advance a device's clock (None: it has none yet) by a notice. Notices come in order, but some may be missing. A
    repeated notice changes nothing.
    """
    if clock is None or clock.ended:
        return _first(clock, notice)
    if clock.identity != notice.identity:
        over = notice.kind in (NoticeKind.STOPPED, NoticeKind.COUNTED)
        late = over and notice.identity == clock.previous and notice.at - clock.start <= PATIENCE
        return ClockStep(clock) if late else _another(clock, notice)
    if _of_the_one_before(clock, notice):
        return ClockStep(clock)
    if notice.kind is NoticeKind.STARTED and _begins(clock, notice):
        twice = notice.at - clock.start <= SLACK or notice.at - clock.at <= 1
        return ClockStep(clock) if twice else _another(clock, notice)
    if notice.kind is not NoticeKind.SOUGHT and _repeats(clock, notice):
        return _another(clock, notice)
    return _same(clock, notice)


def _first(ended: ListeningClock | None, notice: Notice, began: float | None = None) -> ClockStep:
    """The step for a notice while nothing is playing as far as is known; `began` is the earliest possible start."""
    again = ended is not None and ended.identity == notice.identity
    if again and ended is not None and _late(ended, notice):
        return ClockStep(ended)
    clock = replace(_started(notice, notice.at if again else began), previous=ended.identity if ended else "")
    if notice.kind is NoticeKind.COUNTED:
        return ClockStep(replace(clock, ended=True, playing=False), (Finished(notice.track, clock.start, None),))
    if notice.kind is not NoticeKind.STOPPED:
        return ClockStep(clock)
    if not clock.played:
        return ClockStep(ended)
    clock, finished = clock._end(notice.at, clock.played)
    return ClockStep(clock, (finished,))


def _of_the_one_before(clock: ListeningClock, notice: Notice) -> bool:
    """Whether a notice is still about the listen before, of the same track: the repeat can't have come that far."""
    if clock.previous != notice.identity or notice.position is None:
        return False
    if notice.kind not in (NoticeKind.PROGRESS, NoticeKind.COUNTED, NoticeKind.STOPPED):
        return False
    elapsed = notice.at - clock.start
    return elapsed <= SLACK and notice.position > elapsed + SLACK


def _late(ended: ListeningClock, notice: Notice) -> bool:
    """Whether a notice is still about the listen that has ended."""
    passed = notice.at - ended.at
    if notice.kind in (NoticeKind.STOPPED, NoticeKind.COUNTED):
        length = ended.track.duration
        return passed <= (min(PATIENCE, length / 2) if length else PATIENCE)
    return notice.kind is NoticeKind.PROGRESS and passed <= SLACK


def _begins(clock: ListeningClock, notice: Notice) -> bool:
    """Whether a START of the track that is already playing means its beginning; players send START for a resume,
    too.
    """
    if notice.position is None:
        return clock.playing
    return notice.position <= SLACK


def _another(clock: ListeningClock, notice: Notice) -> ClockStep:
    """The step if another listen has begun, of another track or the same one: the one before ended without a notice."""
    began = max(clock.at, notice.at - (notice.position or 0.0))
    _, finished = clock.finish(began)
    following = _first(None, notice, began)
    fresh = following.clock and replace(following.clock, previous=clock.identity)
    return ClockStep(fresh, (finished, *following.finished))


def _same(clock: ListeningClock, notice: Notice) -> ClockStep:
    """The step for a notice about the track that is playing."""
    played = clock.played + clock._since(notice)
    if notice.kind is NoticeKind.STOPPED:
        ended, finished = clock._end(max(clock.at, notice.at), played)
        return ClockStep(ended, (finished,))
    playing = clock.playing
    if notice.kind in (NoticeKind.STARTED, NoticeKind.RESUMED, NoticeKind.PROGRESS, NoticeKind.PAUSED):
        playing = not (notice.kind is NoticeKind.PAUSED or notice.paused)
    passed = notice.at - clock.at if clock.playing else 0.0
    position = clock.position
    if notice.position is not None:
        position = notice.position
    elif position is not None:
        position += max(0.0, passed)
    return ClockStep(
        replace(
            clock,
            track=notice.track if notice.track.duration or not clock.track.duration else clock.track,
            at=max(clock.at, notice.at),
            played=played,
            playing=playing,
            position=position,
            regular=clock.regular or notice.kind is NoticeKind.PROGRESS,
        )
    )


def _started(notice: Notice, began: float | None = None) -> ListeningClock:
    """A new clock. What was played before the first notice counts, except after a START."""
    before = (
        0.0
        if notice.kind is NoticeKind.STARTED
        else min(notice.position or 0.0, notice.track.duration or LONGEST_NEEDED)
    )
    start = notice.at - before if began is None else min(began, notice.at)
    return ListeningClock(
        notice.track,
        notice.identity,
        start,
        notice.at,
        min(before, notice.at - start),
        not (notice.paused or notice.kind is NoticeKind.PAUSED),
        0.0 if notice.position is None and notice.kind is NoticeKind.STARTED else notice.position,
        notice.kind is NoticeKind.PROGRESS,
    )


def _repeats(clock: ListeningClock, notice: Notice) -> bool:
    """Whether the track has ended and begun again: its position has gone back, and there was time for both."""
    if notice.position is None or clock.position is None or not clock.track.duration or not clock.playing:
        return False
    elapsed = notice.at - clock.at
    reached_end = clock.position + elapsed >= clock.track.duration - SLACK
    return reached_end and notice.position < clock.position and notice.position <= elapsed + SLACK
