"""Figures of a history: what was played how often, when, and in one session. Values in, values out.

A month is summed up once and stored; the figures of any span are the sums of its months, with the plays between its
ends and the nearest ends of months added or subtracted. Spellings of a name that fold alike count as one name, shown in
its most frequent spelling.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import blake2b
from heapq import nlargest
from typing import NamedTuple, assert_never

from tonearm.core.days import DAY, HOUR, Stretch
from tonearm.core.name_caches import remembering
from tonearm.core.spelling import fold

QUARTER = 900
"""Seconds: by these plays are counted, since no zone's clock is off from UTC by less than one."""

PAUSE = 1800
"""Seconds without music after which another session begins."""

TIED = 1000
"""Names with the same number of plays up to which they are listed by the alphabet."""

NAMES_KNOWN = 2**11
"""Names whose numbers are remembered: those of a month. Months are summed up one after the other, and more names save
no time.
"""

_EPOCH = date(1970, 1, 1).toordinal()


class NameKind(StrEnum):
    """The kinds of names that plays are counted by."""

    ARTIST = "artist"
    ALBUM = "album"
    TRACK = "track"


class Measure(StrEnum):
    """What the most played are ranked by: plays, or seconds heard."""

    PLAYS = "plays"
    HEARD = "heard"


def month_of(timestamp: float) -> int:
    """The number of the month (UTC) of a time: twelve for each year."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.year * 12 + moment.month - 1


def month_start(month: int) -> int:
    """The first second of a month with that number, in Unix seconds."""
    return (date(month // 12, month % 12 + 1, 1).toordinal() - _EPOCH) * DAY


class FiguredPlay(NamedTuple):
    """What the figures need to know about a play; `counted` by the listener's rule, `heard` is 0 if it isn't known."""

    timestamp: int
    artist: str
    album: str
    track: str
    heard: int
    counted: bool


@remembering(NAMES_KNOWN)
def numbers(kind: NameKind, artist: str, title: str) -> tuple[int, int]:
    """The numbers of a name: one for just this spelling, and one for all spellings that fold alike."""
    return _number(f"{kind}\n{artist}\n{title}"), _number(f"{kind} folded\n{_folded(artist)}\n{_folded(title)}")


@remembering(NAMES_KNOWN)
def _folded(name: str) -> str:
    return fold(name) or name.casefold()


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little", signed=True)


NAMES_IN_A_ROW = 8
"""Renames that are followed from a name to the one that it counts as."""


@dataclass(frozen=True, slots=True)
class Renames:
    """Names that a listener has merged or renamed: (artist, title) by the kind and the number of all spellings."""

    names: Mapping[tuple[NameKind, int], tuple[str, str]] = field(default_factory=dict)

    def applied(self, kind: NameKind, artist: str, title: str) -> tuple[str, str]:
        """What a name counts as. A renamed artist's albums and tracks are renamed with it."""
        if not self.names:
            return artist, title
        for _ in range(NAMES_IN_A_ROW):
            found = self.names.get((kind, numbers(kind, artist, title)[1]))
            if found is None and kind is not NameKind.ARTIST:
                of_artist = self.names.get((NameKind.ARTIST, numbers(NameKind.ARTIST, artist, "")[1]))
                found = (of_artist[0], title) if of_artist else None
            if found is None or found == (artist, title):
                break
            artist, title = found
        return artist, title

    def group(self, kind: NameKind, artist: str, title: str) -> int:
        """The number for all spellings of the name that a name counts as."""
        return numbers(kind, *self.applied(kind, artist, title))[1]

    @property
    def independent(self) -> bool:
        """Whether no rename has to do with another one: no name counts as one that counts as another itself, and not
        both artists and what is theirs are renamed.
        """
        of_artists = {kind is NameKind.ARTIST for kind, _ in self.names}
        return len(of_artists) < 2 and all(self.applied(kind, *to) == to for (kind, _), to in self.names.items())


AS_PLAYED = Renames()
"""Nothing is renamed."""


@dataclass(frozen=True, slots=True)
class NameCounts:
    """For each spelling of a name: its number, the number for all its spellings, plays, seconds heard, and the first
    play.
    """

    spellings: Sequence[int] = ()
    groups: Sequence[int] = ()
    plays: Sequence[int] = ()
    heard: Sequence[int] = ()
    first: Sequence[int] = ()

    def packed(self) -> bytes:
        """The stored form: the columns one after another."""
        number = len(self.spellings)
        return struct.pack(
            f"<{number * 2}q{number * 3}I", *self.spellings, *self.groups, *self.plays, *self.heard, *self.first
        )

    @classmethod
    def unpacked(cls, stored: bytes) -> NameCounts:
        """The value from what `packed` returned."""
        number = len(stored) // _OF_A_NAME
        values = struct.unpack(f"<{number * 2}q{number * 3}I", stored)
        return cls(*(values[number * column : number * (column + 1)] for column in range(5)))

    @staticmethod
    def packed_spellings(stored: bytes, group: int) -> list[int]:
        """The spellings of one name in what `packed` returned, without unpacking it."""
        number = len(stored) // _OF_A_NAME
        wanted, end = struct.pack("<q", group), number * 16
        found: list[int] = []
        at = stored.find(wanted, number * 8, end)
        while at >= 0:
            if at % 8 == 0:
                found += struct.unpack_from("<q", stored, at - number * 8)
            at = stored.find(wanted, at + 1, end)
        return found


_OF_A_NAME = 28
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Quarters:
    """Plays and seconds heard by the quarter of an hour (its number since 1970), for those in which one began.

    Or by the hour, which is enough for time zones with whole hours of offset.
    """

    at: Sequence[int] = ()
    plays: Sequence[int] = ()
    heard: Sequence[int] = ()

    def packed(self) -> bytes:
        """The stored form: the columns one after another."""
        return struct.pack(f"<{len(self.at) * 3}I", *self.at, *self.plays, *self.heard)

    def by_hour(self) -> Quarters:
        """The same by the hour."""
        plays: dict[int, int] = {}
        heard: dict[int, int] = {}
        for at, number, seconds in zip(self.at, self.plays, self.heard, strict=True):
            plays[at >> 2] = plays.get(at >> 2, 0) + number
            heard[at >> 2] = heard.get(at >> 2, 0) + seconds
        return Quarters(list(plays), list(plays.values()), list(heard.values()))

    @classmethod
    def unpacked(cls, stored: bytes) -> Quarters:
        """The value from what `packed` returned."""
        number = len(stored) // 12
        values = struct.unpack(f"<{number * 3}I", stored)
        return cls(values[:number], values[number : number * 2], values[number * 2 :])


@dataclass(frozen=True, slots=True)
class ListeningSession:
    """Plays that follow each other with no pause longer than `PAUSE`; from the first start to the last end."""

    start: int
    end: int
    plays: int

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return self.end - self.start

    def with_next(self, later: ListeningSession) -> ListeningSession:
        """The two sessions as one."""
        return ListeningSession(self.start, max(self.end, later.end), self.plays + later.plays)


@dataclass(frozen=True, slots=True)
class Sessions:
    """The first, last and longest of some sessions; if there is `one`, it is all three."""

    first: ListeningSession
    last: ListeningSession
    longest: ListeningSession
    one: bool

    def with_later(self, later: Sessions) -> Sessions:
        """Combined with the sessions that follow."""
        if later.first.start - self.last.end > PAUSE:
            return Sessions(self.first, later.last, _longer(self.longest, later.longest), one=False)
        joined = self.last.with_next(later.first)
        return Sessions(
            joined if self.one else self.first,
            joined if later.one else later.last,
            _longer(self.longest, later.longest, joined),
            self.one and later.one,
        )

    def packed(self) -> list[int]:
        """The stored form."""
        return [number for one in (self.first, self.last, self.longest) for number in (one.start, one.end, one.plays)]

    @classmethod
    def unpacked(cls, stored: Sequence[int]) -> Sessions:
        """The value from what `packed` returned."""
        first, last, longest = (ListeningSession(*stored[place : place + 3]) for place in (0, 3, 6))
        return cls(first, last, longest, one=first == last)


def _longer(*sessions: ListeningSession) -> ListeningSession:
    return max(sessions, key=lambda one: (one.seconds, -one.start, one.plays))


def sessions_of(plays: Iterable[FiguredPlay]) -> Sessions | None:
    """The sessions in plays that are in the order of time; None without plays."""
    found: Sessions | None = None
    current: ListeningSession | None = None
    for play in plays:
        this = ListeningSession(play.timestamp, play.timestamp + play.heard, 1)
        if current is not None and this.start - current.end <= PAUSE:
            current = current.with_next(this)
            continue
        found = _and(found, current)
        current = this
    return _and(found, current)


def _and(found: Sessions | None, more: ListeningSession | None) -> Sessions | None:
    if more is None:
        return found
    alone = Sessions(more, more, more, one=True)
    return alone if found is None else found.with_later(alone)


@dataclass(frozen=True, slots=True)
class Totals:
    """Plays that count and the seconds heard of them; the length of `untimed` ones isn't known. `skipped` plays are in
    none of these: too little of them was heard.
    """

    plays: int = 0
    heard: int = 0
    untimed: int = 0
    skipped: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.plays + other.plays,
            self.heard + other.heard,
            self.untimed + other.untimed,
            self.skipped + other.skipped,
        )

    def __sub__(self, other: Totals) -> Totals:
        return Totals(
            self.plays - other.plays,
            self.heard - other.heard,
            self.untimed - other.untimed,
            self.skipped - other.skipped,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """The plays of a span of time, summed up. `texts` are the artist and the title ("" for an artist) of each
    spelling.
    """

    totals: Totals = Totals()
    names: Mapping[NameKind, NameCounts] = field(default_factory=lambda: dict.fromkeys(NameKind, NameCounts()))
    quarters: Quarters = Quarters()
    sessions: Sessions | None = None
    texts: Mapping[int, tuple[str, str]] = field(default_factory=dict)


def summed_up(plays: Sequence[FiguredPlay], renames: Renames = AS_PLAYED) -> Summary:
    """The summary of plays in the order of time."""
    texts: dict[int, tuple[str, str]] = {}
    names = {kind: names_of(plays, kind, texts, renames) for kind in NameKind}
    counted = [play for play in plays if play.counted]
    return Summary(totals_of(plays), names, quarters_of(plays), sessions_of(counted), texts)


def totals_of(plays: Sequence[FiguredPlay]) -> Totals:
    """The totals of plays."""
    heard = [play.heard for play in plays if play.counted]
    return Totals(len(heard), sum(heard), heard.count(0), len(plays) - len(heard))


def quarters_of(plays: Iterable[FiguredPlay]) -> Quarters:
    """The quarters of an hour in which plays in the order of time began."""
    quarters: dict[int, list[int]] = {}
    for play in plays:
        if play.counted:
            of_quarter = quarters.setdefault(play.timestamp // QUARTER, [0, 0])
            of_quarter[0] += 1
            of_quarter[1] += play.heard
    return Quarters(list(quarters), [one for one, _ in quarters.values()], [heard for _, heard in quarters.values()])


def names_of(
    plays: Iterable[FiguredPlay],
    kind: NameKind,
    texts: dict[int, tuple[str, str]],
    renames: Renames = AS_PLAYED,
) -> NameCounts:
    """The names of one kind; the texts of their spellings are added to `texts`."""
    names: dict[tuple[str, str], list[int]] = {}
    for play in plays:
        if not play.counted:
            continue
        match kind:
            case NameKind.ARTIST:
                _count(names, (play.artist, ""), play.heard, play.timestamp)
            case NameKind.ALBUM:
                if play.album:
                    _count(names, (play.artist, play.album), play.heard, play.timestamp)
            case NameKind.TRACK:
                _count(names, (play.artist, play.track), play.heard, play.timestamp)
            case _:
                assert_never(kind)
    return _columns(kind, names, texts, renames)


def _count(names: dict[tuple[str, str], list[int]], name: tuple[str, str], heard: int, at: int) -> None:
    found = names.get(name)
    if found is None:
        names[name] = [1, heard, at]
    else:
        found[0] += 1
        found[1] += heard


def _columns(
    kind: NameKind,
    names: Mapping[tuple[str, str], list[int]],
    texts: dict[int, tuple[str, str]],
    renames: Renames,
) -> NameCounts:
    spellings, groups = list[int](), list[int]()
    for name in names:
        spelling, group = numbers(kind, *name)
        texts[spelling] = name
        spellings.append(spelling)
        groups.append(renames.group(kind, *name) if renames.names else group)
    plays, heard, first = ([found[place] for found in names.values()] for place in range(3))
    return NameCounts(spellings, groups, plays, heard, first)


@dataclass(slots=True)
class Tally:
    """Counts of names, added up over several spans, by the number of each spelling."""

    plays: dict[int, int] = field(default_factory=dict)
    heard: dict[int, int] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)

    def add(self, counts: NameCounts) -> None:
        """Add these counts."""
        plays, heard, first = self.plays, self.heard, self.first
        self.groups.update(zip(counts.spellings, counts.groups, strict=True))
        if not plays:
            plays.update(zip(counts.spellings, counts.plays, strict=True))
            heard.update(zip(counts.spellings, counts.heard, strict=True))
            first.update(zip(counts.spellings, counts.first, strict=True))
            return
        for spelling, number, seconds, at in zip(
            counts.spellings, counts.plays, counts.heard, counts.first, strict=True
        ):
            if spelling in plays:
                plays[spelling] += number
                heard[spelling] += seconds
                first[spelling] = min(first[spelling], at)
            else:
                plays[spelling], heard[spelling], first[spelling] = number, seconds, at

    def take(self, counts: NameCounts) -> None:
        """Subtract these counts. First plays stay as they are."""
        for spelling, number, seconds in zip(counts.spellings, counts.plays, counts.heard, strict=True):
            self.plays[spelling] -= number
            self.heard[spelling] -= seconds
            if not self.plays[spelling]:
                for column in (self.plays, self.heard, self.groups, self.first):
                    del column[spelling]

    def counts(self) -> NameCounts:
        """The counts as columns."""
        return NameCounts(
            list(self.plays),
            [self.groups[spelling] for spelling in self.plays],
            list(self.plays.values()),
            list(self.heard.values()),
            [self.first[spelling] for spelling in self.plays],
        )

    def by_group(self, measure: Measure = Measure.PLAYS) -> dict[int, int]:
        """Plays, or seconds heard, of all spellings of a name together."""
        of = self.plays if measure is Measure.PLAYS else self.heard
        sums = dict(zip(self.groups.values(), of.values(), strict=True))  # all in the order of the first play
        if len(sums) < len(of):
            several = {group for group, number in Counter(self.groups.values()).items() if number > 1}
            sums.update(dict.fromkeys(several, 0))
            for spelling, group in self.groups.items():
                if group in several:
                    sums[group] += of[spelling]
        return sums

    def first_by_group(self) -> dict[int, int]:
        """The first play of each name, however it was spelt."""
        firsts: dict[int, int] = {}
        for spelling, at in self.first.items():
            group = self.groups[spelling]
            firsts[group] = min(at, firsts.get(group, at))
        return firsts

    def spellings_of(self, groups: Collection[int]) -> dict[int, list[int]]:
        """The spellings of these names, the most played first."""
        found: dict[int, list[int]] = {group: [] for group in groups}
        for spelling, group in [one for one in self.groups.items() if one[1] in found]:
            found[group].append(spelling)
        return {group: sorted(spellings, key=lambda one: (-self.plays[one], one)) for group, spellings in found.items()}


def ranks(sums: Mapping[int, int], groups: Iterable[int]) -> dict[int, int]:
    """The rank of each of these names: 1 for the most; those with equal sums share theirs. Unknown ones have none."""
    rank: dict[int, int] = {}
    higher = 0
    for value, number in sorted(Counter(sums.values()).items(), reverse=True):
        rank[value] = higher + 1
        higher += number
    return {group: rank[sums[group]] for group in groups if group in sums}


@dataclass(frozen=True, slots=True)
class TopPart:
    """A part of a list of the most played: names with the same sum, those of `groups` from position `start` on. They
    are listed alphabetically, unless there are too `many`; then in the order given.
    """

    start: int
    groups: tuple[int, ...]
    many: bool


def top_parts(sums: Mapping[int, int], limit: int, offset: int) -> list[TopPart]:
    """The names from position `offset` on, in parts of equal sums, each of them complete."""
    values = nlargest(offset + limit, sums.values())[offset:]
    if not values:
        return []
    highest, lowest = values[0], values[-1]
    by_sum: dict[int, list[int]] = {}
    for group, number in [one for one in sums.items() if lowest <= one[1] <= highest]:
        by_sum.setdefault(number, []).append(group)
    start = sum(number > highest for number in sums.values())
    parts = []
    for number in sorted(by_sum, reverse=True):
        tied = by_sum[number]
        parts.append(TopPart(start, tuple(sorted(tied)), len(tied) > TIED))
        start += len(tied)
    return parts


def whole_hours(stretches: Iterable[Stretch]) -> bool:
    """Whether all of these begin and end at whole hours, and have whole hours of offset from UTC."""
    return not any(one.offset % HOUR or one.start % HOUR or one.end % HOUR for one in stretches)


def by_local_hour(
    quarters: Iterable[Quarters], stretches: Sequence[Stretch], *, hours: bool = False
) -> tuple[Counter[int], Counter[int]]:
    """Plays and seconds heard by the number of the local hour since 1970; `// 24` is the number of the day.

    Plays outside the stretches are left out. `hours`: the quarters are whole hours.
    """
    plays: dict[int, int] = {}
    heard: dict[int, int] = {}
    unit, places = (HOUR, 0) if hours else (QUARTER, 2)
    for each in quarters:
        for stretch in stretches:
            start, end = stretch.start / unit, stretch.end / unit
            if not each.at or start > each.at[-1] or end <= each.at[0]:
                continue
            first, last = bisect_left(each.at, start), bisect_left(each.at, end)
            shift = stretch.offset // unit
            for at, number, seconds in zip(
                each.at[first:last], each.plays[first:last], each.heard[first:last], strict=True
            ):
                hour = (at + shift) >> places
                plays[hour] = plays.get(hour, 0) + number
                heard[hour] = heard.get(hour, 0) + seconds
    return Counter(plays), Counter(heard)


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row with plays, by their numbers (`core.days.day_number`); both ends are included."""

    first: int
    last: int

    @property
    def days(self) -> int:
        """How many days."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Streaks:
    """The longest streak, the later of equal ones, and the current one: until today, or until yesterday so far."""

    longest: Streak | None
    current: Streak | None


def streaks(days: Iterable[int], today: int) -> Streaks:
    """The streaks of days with plays."""
    longest = current = None
    for day in sorted(set(days)):
        if day > today:
            break
        current = Streak(current.first, day) if current is not None and current.last == day - 1 else Streak(day, day)
        if longest is None or current.days >= longest.days:
            longest = current
    return Streaks(longest, current if current is not None and current.last >= today - 1 else None)


def by_weekday_and_hour(by_hour: Mapping[int, int]) -> list[list[int]]:
    """Counts by local hour as seven days from Monday on, with 24 hours each."""
    week = [[0] * 24 for _ in range(7)]
    for hour, number in by_hour.items():
        week[(hour // 24 + 3) % 7][hour % 24] += number  # 1 January 1970 was a Thursday
    return week


@dataclass(frozen=True, slots=True)
class FigurePart:
    """A piece of a span of time: whole months from `first` to before `end`, or seconds if it is not `whole`.

    `sign` -1: to be subtracted.
    """

    first: int
    end: int
    whole: bool
    sign: int = 1


def parts_of(start: int, end: int, until: int, *, inside: bool) -> list[FigurePart]:
    """A span of time (from, to before, in Unix seconds) in months until `until`, and the rest in seconds.

    The months are those between the beginnings of months nearest to both ends, or `inside` the span; the month of
    `until` ends there, and is included if the span lasts until then.
    """
    if start >= end:
        return []
    if inside:
        first, last = month_of(start - 1) + 1, month_of(end)
    else:
        first, last = _nearest(start), _nearest(end)
    present = month_of(until)
    last = present + 1 if end >= until > month_start(present) else min(last, present)
    if first >= last:
        return [FigurePart(start, end, whole=False)]
    begins, ends = month_start(first), min(month_start(last), until)
    edges = (
        (start, begins, 1),
        (begins, start, -1),
        (ends, end, 1),
        (end, ends, -1),
    )
    seconds = [FigurePart(*edge[:2], whole=False, sign=edge[2]) for edge in edges if edge[0] < edge[1]]
    return [FigurePart(first, last, whole=True), *seconds]


def _nearest(at: int) -> int:
    month = month_of(at)
    return month if at - month_start(month) <= month_start(month + 1) - at else month + 1
