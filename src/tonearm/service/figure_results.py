"""The results of figures of a history, and the spans of time they are about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo

from tonearm.core import days, period
from tonearm.core.days import Stretch
from tonearm.core.figures import ListeningSession, NameKind, Streak, Totals
from tonearm.core.period import HistoryPeriod

LONGEST_LIST = 1000
"""Names in a part of a list, at most."""

DEEPEST = 100_000
"""The largest offset in a list."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period of a listener's history in a time zone: Unix seconds from `start` to before `end`."""

    period: HistoryPeriod
    zone: tzinfo

    @property
    def start(self) -> int:
        return days.start_of(self.period.first, self.zone)

    @property
    def end(self) -> int:
        return days.start_of(self.period.last + timedelta(days=1), self.zone)

    @property
    def stretches(self) -> list[Stretch]:
        return days.stretches(self.zone, self.start, self.end)

    @property
    def before(self) -> Span | None:
        """The period of the same kind before it; None for all of the history."""
        earlier = period.before(self.period)
        return Span(earlier, self.zone) if earlier else None


@dataclass(frozen=True, slots=True)
class TopName:
    """A name in a list of the most played, as it is spelt most often; `title` is "" for an artist.

    `rank_before` and `plays_before` are those of the period before: None and 0 for a name that is new in the list, or
    if there is no such period. Names with the same number of plays share a rank.
    """

    rank: int
    artist: str
    title: str
    plays: int
    heard: int
    rank_before: int | None = None
    plays_before: int = 0


@dataclass(frozen=True, slots=True)
class TopList:
    """A part of a list of the most played, which has `total` names."""

    total: int
    names: tuple[TopName, ...]


@dataclass(frozen=True, slots=True)
class FirstHeard:
    """A name that was heard for the first time in a period at `at` (Unix seconds), and how often within it."""

    artist: str
    title: str
    at: int
    plays: int
    heard: int


@dataclass(frozen=True, slots=True)
class FirstHeardList:
    """A part of the names that were new in a period, of which there are `total`."""

    total: int
    names: tuple[FirstHeard, ...]


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A local day with plays."""

    day: date
    plays: int
    heard: int


@dataclass(frozen=True, slots=True)
class ListeningTimes:
    """When plays happened: by day, and by weekday (Monday first) and hour, in the time zone of the span. The keys of
    `by_hour` are local hours since 1970 (`// 24` gives the day).
    """

    totals: Totals
    days: tuple[DayFigures, ...]
    week: list[list[int]]
    by_hour: Counter[int]


@dataclass(frozen=True, slots=True)
class Anniversary:
    """What was played on this day of the year in another year."""

    day: date
    totals: Totals
    tracks: tuple[TopName, ...]


@dataclass(frozen=True, slots=True)
class FirstPlay:
    """The first play of a history that counts."""

    at: int
    artist: str
    track: str
    album: str


@dataclass(frozen=True, slots=True)
class Overview:
    """A period in a few figures: `names` counts artists, albums and tracks; `fresh` of the artists were new. `before`
    has the totals of the period before, None if there is none.
    """

    totals: Totals
    before: Totals | None
    names: dict[NameKind, int]
    fresh: int
    session: ListeningSession | None
    tops: dict[NameKind, TopList]


@dataclass(frozen=True, slots=True)
class Rewind:
    """A look back at a period: `new` are the most played artists that were first heard in it, `again` those heard again
    after `AWAY` days or more. `streak` is the longest within it.
    """

    overview: Overview
    times: ListeningTimes
    new: TopList
    again: TopList
    streak: Streak | None


@dataclass(frozen=True, slots=True)
class NameFigures:
    """The plays of an artist, an album or a track in all its spellings (`names`, as (artist, title)). `rank` is its
    place among all `total` names of its kind, None if no play of it counts. `first` and `last` are the starts of its
    first and its last play, 0 without one. The keys of `by_day` are local days since 1970. `ids` are the ids of the
    last plays, the latest first. `tops` lists what belongs to it: an artist's albums and tracks, an album's tracks, the
    albums that a track is on.
    """

    names: frozenset[tuple[str, str]]
    rank: int | None = None
    total: int = 0
    plays: int = 0
    heard: int = 0
    first: int = 0
    last: int = 0
    by_day: Counter[int] = field(default_factory=Counter)
    ids: tuple[int, ...] = ()
    tops: dict[NameKind, TopList] = field(default_factory=dict)
