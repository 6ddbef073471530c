"""The queries that figures are made of; each reads a history through a `HistoryReader`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from functools import partial
from itertools import groupby

from tonearm.core import days, figures
from tonearm.core.figures import (
    FiguredPlay,
    FigurePart,
    ListeningSession,
    Measure,
    NameKind,
    Quarters,
    Sessions,
    Tally,
    Totals,
    month_of,
    month_start,
)
from tonearm.core.period import HistoryPeriod
from tonearm.service.figure_months import YEAR
from tonearm.service.figure_results import (
    Anniversary,
    DayFigures,
    FirstHeard,
    FirstHeardList,
    ListeningTimes,
    NameFigures,
    Overview,
    Rewind,
    Span,
    TopList,
    TopName,
)
from tonearm.service.history_reader import HistoryReader, rounded
from tonearm.store import summaries
from tonearm.store.db.slices import FEW_OF_MANY, forward
from tonearm.store.queries import name_plays

AWAY = 365
"""Days without a play after which an artist, an album or a track is rediscovered."""


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What names are ranked by, and their counts: of the span, and of the one before (`past`)."""

    tally: Tally
    by: Measure = Measure.PLAYS
    past: Tally = field(default_factory=Tally)


def top_list(history: HistoryReader, kind: NameKind, span: Span, limit: int, offset: int, by: Measure) -> TopList:
    """The most played names of a span, with their ranks in the one before: `limit` names from position `offset` on."""
    tally = history.tally(kind, span.start, span.end)
    earlier = span.before
    past = history.tally(kind, earlier.start, earlier.end) if earlier else Tally()
    return _listed(history, kind, _Ranking(tally, by, past), range(offset, offset + limit))


def _listed(
    history: HistoryReader, kind: NameKind, ranking: _Ranking, positions: range, among: set[int] | None = None
) -> TopList:
    """The names at these positions of the list of the most played; only `among` these names if they are given."""
    tally, past = ranking.tally, ranking.past
    sums = tally.by_group(ranking.by)
    if among is not None:
        sums = {group: number for group, number in sums.items() if group in among}
    shown = _groups_at(history, kind, tally, sums, positions)
    spelt = tally.spellings_of(shown)
    names = history.shown(kind, (spelt[group][0] for group in shown))
    rank = figures.ranks(sums, shown)
    before, plays_before = past.by_group(ranking.by), past.by_group()
    rank_before = figures.ranks(before, shown)
    return TopList(
        len(sums),
        tuple(
            TopName(
                rank[group],
                *names[spelt[group][0]],
                sum(tally.plays[one] for one in spelt[group]),
                sum(tally.heard[one] for one in spelt[group]),
                rank_before.get(group),
                plays_before.get(group, 0),
            )
            for group in shown
        ),
    )


def _groups_at(
    history: HistoryReader, kind: NameKind, tally: Tally, sums: Mapping[int, int], positions: range
) -> list[int]:
    """The names at these positions, those with equal sums listed alphabetically unless there are too many of them."""
    wanted = figures.top_parts(sums, len(positions), positions.start)
    tied = tally.spellings_of({group for part in wanted if not part.many for group in part.groups})
    shown: list[int] = []
    for part in wanted:
        groups = list(part.groups)
        if not part.many:
            names = history.shown(kind, (tied[group][0] for group in groups))
            groups.sort(key=lambda group: tuple(map(str.casefold, names[tied[group][0]])))
        shown += groups[max(0, positions.start - part.start) : max(0, positions.stop - part.start)]
    return shown


def hours_of(history: HistoryReader, span: Span) -> tuple[Counter[int], Counter[int]]:
    """Plays and seconds heard by the local hour of a span."""
    found: list[Quarters] = []
    stretches = span.stretches
    hours = figures.whole_hours(stretches)

    def read(start: int, end: int) -> None:
        start, end = max(span.start, start), min(span.end, end)
        if start < end:
            quarters = figures.quarters_of(history.plays(FigurePart(start, end, whole=False)))
            found.append(quarters.by_hour() if hours else quarters)

    start, end = rounded(span.start, span.end, history.first, history.last, history.until)
    for made, run in groupby(range(month_of(start), month_of(end - 1) + 1), key=history.made.__contains__):
        months = list(run)
        if not made:
            read(month_start(months[0]), month_start(months[-1] + 1))
            continue
        for first in range(months[0], months[-1] + 1, YEAR):
            last = min(first + YEAR, months[-1] + 1)
            asked = partial(summaries.quarters, account=history.account, first=first, end=last, hours=hours)
            found += history.ask(asked)
        if months[-1] == month_of(history.until):
            read(history.until, month_start(months[-1] + 1))
    return figures.by_local_hour(found, stretches, hours=hours)


def _totals(history: HistoryReader, start: int, end: int) -> Totals:
    found = Totals()
    for part in history.parts(start, end):
        if part.whole:
            found += history.ask(partial(summaries.totals, account=history.account, first=part.first, end=part.end))
        elif part.sign > 0:
            found += figures.totals_of(history.plays(part))
        else:
            found -= figures.totals_of(history.plays(part))
    return found


def listening_times(history: HistoryReader, span: Span) -> ListeningTimes:
    """When plays happened in a span."""
    plays, heard = hours_of(history, span)
    seconds: Counter[int] = Counter()
    for hour, number in heard.items():
        seconds[hour // 24] += number
    by_day: Counter[int] = Counter()
    for hour, number in plays.items():
        by_day[hour // 24] += number
    return ListeningTimes(
        _totals(history, span.start, span.end),
        tuple(DayFigures(days.date_of(day), by_day[day], seconds[day]) for day in sorted(by_day)),
        figures.by_weekday_and_hour(plays),
        plays,
    )


def first_heard(history: HistoryReader, kind: NameKind, span: Span, limit: int, offset: int) -> FirstHeardList:
    """Names heard for the first time in a span, the latest first."""
    tally = history.tally(kind, span.start, span.end)
    found = _fresh(history, kind, span)
    shown = sorted(found, key=lambda group: (-found[group], group))[offset : offset + limit]
    spelt = tally.spellings_of(shown)
    names = history.shown(kind, (spelt[group][0] for group in shown))
    return FirstHeardList(
        len(found),
        tuple(
            FirstHeard(
                *names[spelt[group][0]],
                found[group],
                sum(tally.plays[one] for one in spelt[group]),
                sum(tally.heard[one] for one in spelt[group]),
            )
            for group in shown
        ),
    )


def _fresh(history: HistoryReader, kind: NameKind, span: Span) -> dict[int, int]:
    """Names that were first heard in a span, each with its first play."""
    firsts = history.tally(kind, history.first, span.end).first_by_group()
    return {group: at for group, at in firsts.items() if at >= span.start}


def heard_again(history: HistoryReader, kind: NameKind, span: Span, limit: int, offset: int) -> TopList:
    """Names heard again in a span after `AWAY` days or more, the most played first."""
    since = days.start_of(span.period.first - timedelta(days=AWAY), span.zone)
    tally = history.tally(kind, span.start, span.end)
    long_ago = history.tally(kind, history.first, since).by_group()
    lately = history.tally(kind, since, span.start).by_group()
    again = {group for group in tally.by_group() if group in long_ago and group not in lately}
    return _listed(history, kind, _Ranking(tally), range(offset, offset + limit), again)


def anniversaries(
    history: HistoryReader, everything: HistoryPeriod, today: date, zone: tzinfo, top: int
) -> list[Anniversary]:
    """The same day in earlier years that have plays on it, the latest first."""
    found = []
    for year in range(today.year - 1, everything.first.year - 1, -1):
        try:
            day = today.replace(year=year)
        except ValueError:  # 29 February
            continue
        start, end = days.start_of(day, zone), days.start_of(day + timedelta(days=1), zone)
        part = FigurePart(start, end, whole=False)
        totals = figures.totals_of(history.plays(part))
        if totals.plays:
            tally = Tally()
            tally.add(history.names_in(part, NameKind.TRACK))
            tracks = _listed(history, NameKind.TRACK, _Ranking(tally), range(top))
            found.append(Anniversary(day, totals, tracks.names))
    return found


def longest_session(history: HistoryReader, span: Span) -> ListeningSession | None:
    """The longest session within a span; None without plays."""
    parts: list[tuple[int, list[Sessions]]] = []
    for part in history.parts(span.start, span.end, inside=True):
        if part.whole:
            found = history.ask(partial(summaries.sessions, account=history.account, first=part.first, end=part.end))
            parts.append((month_start(part.first), found))
        elif sessions := figures.sessions_of(play for play in history.plays(part) if play.counted):
            parts.append((part.first, [sessions]))
    whole: Sessions | None = None
    for _, several in sorted(parts, key=lambda one: one[0]):
        for one in several:
            whole = one if whole is None else whole.with_later(one)
    return whole.longest if whole else None


def look_back(history: HistoryReader, span: Span, top: int, today: int) -> Rewind:
    """A look back at a span; `today` is a day number."""
    times = listening_times(history, span)
    artists = history.tally(NameKind.ARTIST, span.start, span.end)
    fresh = set(_fresh(history, NameKind.ARTIST, span))
    return Rewind(
        overview_of(history, span, top),
        times,
        _listed(history, NameKind.ARTIST, _Ranking(artists), range(top), fresh),
        heard_again(history, NameKind.ARTIST, span, top, 0),
        figures.streaks((days.day_number(one.day) for one in times.days), today).longest,
    )


_BELONGING = {
    NameKind.ARTIST: (NameKind.TRACK, NameKind.ALBUM),
    NameKind.ALBUM: (NameKind.TRACK,),
    NameKind.TRACK: (NameKind.ALBUM,),
}


def name_figures(
    history: HistoryReader, kind: NameKind, name: tuple[str, str], zone: tzinfo, top: int, latest: int
) -> NameFigures:
    """The figures of one name: the first `top` of each list, and the `latest` plays."""
    group = history.renames.group(kind, *name)
    names, numbered = _plays_of_name(history, kind, name, group)
    if not numbered:
        return NameFigures(names)
    plays = [play for _, play in numbered]
    sums = history.tally(kind, history.first, history.last + 1).by_group()
    return NameFigures(
        names,
        figures.ranks(sums, [group]).get(group),
        len(sums),
        len(plays),
        sum(play.heard for play in plays),
        plays[0].timestamp,
        plays[-1].timestamp,
        _plays_by_day(plays, zone),
        tuple(id_ for id_, _ in numbered[: -latest - 1 : -1]),
        {other: _top_of(history, other, plays, top) for other in _BELONGING[kind]},
    )


def _plays_of_name(
    history: HistoryReader, kind: NameKind, name: tuple[str, str], group: int
) -> tuple[frozenset[tuple[str, str]], list[tuple[int, FiguredPlay]]]:
    """All spellings of a name, and its plays with their ids, in the order of time."""
    names, spans = where_played(history, kind, name)
    numbered: list[tuple[int, FiguredPlay]] = []
    for start, end in spans:
        for first, last in forward(history.ask, history.account, start, end, FEW_OF_MANY):
            numbered += history.ask(
                partial(name_plays.of_name, account=history.account, kind=kind, names=names, start=first, end=last)
            )
    if history.renames.names:  # of two artists and two titles that are one track, not every pair need be that track
        numbered = [one for one in numbered if history.renames.group(kind, *_name_of(kind, one[1])) == group]
    numbered.sort(key=lambda one: one[1].timestamp)
    return names, numbered


def _plays_by_day(plays: Sequence[FiguredPlay], zone: tzinfo) -> Counter[int]:
    """How many plays, in the order of time, each local day has (`core.days.day_number`)."""
    start, end = plays[0].timestamp // days.HOUR, plays[-1].timestamp // days.HOUR + 1
    by_hour, _ = figures.by_local_hour(
        [figures.quarters_of(plays)], days.stretches(zone, start * days.HOUR, end * days.HOUR)
    )
    by_day: Counter[int] = Counter()
    for hour, number in by_hour.items():
        by_day[hour // 24] += number
    return by_day


def _top_of(history: HistoryReader, kind: NameKind, plays: Sequence[FiguredPlay], top: int) -> TopList:
    """The most played names of a kind in some plays."""
    tally = Tally()
    tally.add(figures.names_of(plays, kind, history.texts, history.renames))
    return _listed(history, kind, _Ranking(tally), range(top))


def where_played(
    history: HistoryReader, kind: NameKind, name: tuple[str, str]
) -> tuple[frozenset[tuple[str, str]], list[tuple[int, int]]]:
    """All spellings of a name, and the spans of time (from, to before) that include all its plays."""
    names, spans = {name}, []
    group = history.renames.group(kind, *name)
    for part in history.parts(history.first, history.last + 1):
        if not part.whole:
            texts: dict[int, tuple[str, str]] = {}
            counts = figures.names_of(history.plays(part), kind, texts, history.renames)
            spelt = [spelling for spelling, of in zip(counts.spellings, counts.groups, strict=True) if of == group]
            names.update(texts[spelling] for spelling in spelt)
            spans += [(part.first, part.end)] if spelt else []
            continue
        months = history.spellings_by_month(kind, group, part.first, part.end)
        names.update(history.names(spelling for spellings in months.values() for spelling in spellings).values())
        spans += [(month_start(month), min(month_start(month + 1), history.until)) for month in months]
    return frozenset(names), _joined(spans)


def _name_of(kind: NameKind, play: FiguredPlay) -> tuple[str, str]:
    return play.artist, {NameKind.ARTIST: "", NameKind.ALBUM: play.album, NameKind.TRACK: play.track}[kind]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of time, with adjacent ones joined."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def overview_of(history: HistoryReader, span: Span, top: int) -> Overview:
    """A span in a few figures, with the first names of each list."""
    earlier = span.before
    tops, names = {}, {}
    for kind in NameKind:
        tops[kind] = top_list(history, kind, span, top, 0, Measure.PLAYS)
        names[kind] = tops[kind].total
    return Overview(
        _totals(history, span.start, span.end),
        _totals(history, earlier.start, earlier.end) if earlier else None,
        names,
        len(_fresh(history, NameKind.ARTIST, span)),
        longest_session(history, span),
        tops,
    )
