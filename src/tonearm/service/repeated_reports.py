"""Reports that repeat one another: the same report with its start moved, or another player's of the same play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from tonearm.core.account import Account
from tonearm.core.play import Play
from tonearm.core.report import same_play
from tonearm.service.report import Report
from tonearm.service.report_decision import KEPT_HERE, Decision, counts_now
from tonearm.store import accounts, plays
from tonearm.store.plays import NearPlay

_MAY_REPEAT = (*plays.ON_LASTFM, "discarded", *KEPT_HERE, plays.IMPORTED)
"""Fates of plays that a report may repeat with another start, or with the names spelled otherwise."""

_OF_OTHERS = (*plays.ON_LASTFM, *KEPT_HERE, plays.IMPORTED)
"""The same, for what others have reported."""


def key_of(report: Report) -> plays.PlayKey:
    """By what the history knows it: its names, and its start as it was placed."""
    track = report.play.track
    return (report.account, track.artist, track.title, report.play.timestamp)


def key_as_reported(report: Report) -> plays.PlayKey:
    """The same with the start that was reported, wherever it was placed."""
    return (*key_of(report)[:3], report.reported_timestamp)


def placed_alike(reports: Sequence[Report]) -> Sequence[Report]:
    """The reports of one transaction: the same report has the start that its first one has, by the clock of that one.

    What a start really is may just be recognised in one, and a moment later no longer in the other.
    """
    first: dict[plays.PlayKey, Report] = {}
    return [_placed_as(first.setdefault(key_as_reported(report), report), report) for report in reports]


def _placed_as(first: Report, report: Report) -> Report:
    if report.play.timestamp == first.play.timestamp:
        return report
    return report._replace(
        play=replace(report.play, timestamp=first.play.timestamp),
        at=first.at,
        restamp_reason=first.restamp_reason,
        restamped_by=first.restamped_by,
        skew=first.skew,
        counter=first.counter,
        boot=first.boot,
    )


def moved(
    db: Connection, reports: Sequence[Report], keys: Sequence[plays.PlayKey]
) -> dict[plays.PlayKey, tuple[int, str]]:
    """Plays that were reported before with another start (restamped then or now), by their present keys."""
    reported = [key_as_reported(report) for report in reports]
    by_reported_start = plays.known_as_reported(db, reported, restamped=True)
    unmoved = [key for r, key in zip(reports, reported, strict=True) if r.restamp_reason or key in by_reported_start]
    for key, starts in plays.known_as_reported(db, unmoved, restamped=False).items():
        by_reported_start[key] = by_reported_start.get(key, {}) | starts
    if not by_reported_start:
        return {}
    return {
        now: nearest_of(by_reported_start[then], r)
        for r, now, then in zip(reports, keys, reported, strict=True)
        if then in by_reported_start
    }


def nearest_of(same_reports: dict[int, tuple[int, str]], report: Report) -> tuple[int, str]:
    """Among plays with the same report, the one whose start is nearest to this report's corrected start."""
    return same_reports[min(same_reports, key=lambda start: abs(start - report.play.timestamp))]


def suspected(
    db: Connection,
    listeners: dict[int, Account],
    reports: Sequence[Report],
    keys: Sequence[plays.PlayKey],
    decided: Sequence[Decision],
    moved: Mapping[plays.PlayKey, tuple[int, str]],
) -> list[Decision]:
    """The decisions, with plays marked as suspected that overlap with a play of the same song, whoever reported it.

    A report that is known with another start, as `moved` says, is no other play than itself. Who reports for the first
    time is remembered in `listeners`.
    """
    batch = _Batch(db, reports, keys, moved, [index for index, one in enumerate(decided) if counts_now(one)])
    judged: list[Decision] = []
    for index, (report, decision) in enumerate(zip(reports, decided, strict=True)):
        account = listeners[report.account]
        if report.reporter != account.reporter and not account.several_reporters:
            listeners[report.account] = account = accounts.remember_reporter(db, account, report.reporter)
        judged.append(batch.compared(index, decision, account) if counts_now(decision) else decision)
    return judged


class _Batch:
    """Reports that are compared in one transaction: with plays in the history, and with one another, in their order.

    `counted` are the places of those that are plays.
    """

    def __init__(
        self,
        db: Connection,
        reports: Sequence[Report],
        keys: Sequence[plays.PlayKey],
        moved: Mapping[plays.PlayKey, tuple[int, str]],
        counted: Sequence[int],
    ) -> None:
        self._db, self._reports, self._keys, self._moved, self._counted = db, reports, keys, moved, counted
        found = plays.near(db, [(reports[index].account, reports[index].play) for index in counted], _MAY_REPEAT)
        self._in_history = {index: found.get(row, ()) for row, index in enumerate(counted)}
        self._same_song: dict[tuple[int, str, str], list[NearPlay]] = {}
        self._by_reporter: dict[int, dict[str, list[NearPlay]]] = {}
        self._of_others: dict[tuple[int, str], plays.PlaysOfOthers] = {}
        self._replaced: set[int] = set()

    def compared(self, index: int, decision: Decision, account: Account) -> Decision:
        """What becomes of a play beside those that were reported before it."""
        report, key = self._reports[index], self._keys[index]
        itself = {self._moved[key][0]} if key in self._moved else set()
        left_out = self._replaced | itself
        near = [one for one in self._near(index, account) if one.counted and one.id not in left_out]
        found = _compared(decision, report.play, near)
        if found.takes_place_of is not None:
            self._replaced.add(found.takes_place_of)
        if found.fate != "suspected":
            here = NearPlay(0, report.play, found.fate)
            self._same_song.setdefault(key[:3], []).append(here)
            self._by_reporter.setdefault(report.account, {}).setdefault(report.reporter, []).append(here)
        return found

    def _near(self, index: int, account: Account) -> Iterator[NearPlay]:
        """Plays around the time of one: of its song, and of other reporters, who may spell the names otherwise."""
        report = self._reports[index]
        yield from self._in_history[index]
        yield from self._same_song.get(self._keys[index][:3], ())
        if account.several_reporters:
            yield from self._others_than(report).beside(report.play)
            for reporter, theirs in self._by_reporter.get(report.account, {}).items():
                if reporter != report.reporter:
                    yield from theirs

    def _others_than(self, report: Report) -> plays.PlaysOfOthers:
        """What others have reported around the plays of this report's reporter."""
        source = (report.account, report.reporter)
        if source not in self._of_others:
            reports = (self._reports[index] for index in self._counted)
            own = [one.play for one in reports if (one.account, one.reporter) == source]
            self._of_others[source] = plays.of_others(self._db, *source, own, _OF_OTHERS)
        return self._of_others[source]


def _compared(decision: Decision, play: Play, near: Sequence[NearPlay]) -> Decision:
    """The decision about a play, given the similar plays `near` it. A play that is or will be on Last.fm is not sent
    again. One that was kept only here, or comes from a file, is sent now.
    """
    twins = [one for one in near if _again(play, one.play)]
    sent = decision.status == "queued"
    kept = [one for one in twins if _only_here(one)]
    twin = next((one for one in twins if not (sent and _only_here(one))), None)
    if twin is not None:
        return _held_back(decision, twin)
    if sent:
        # An identical report is recognised by its start, unless an import added it.
        kept += [one for one in near if one.fate == plays.IMPORTED and _only_here(one) and _itself(play, one.play)]
        nearest = min(kept, key=lambda one: abs(one.play.timestamp - play.timestamp), default=None)
        if nearest is not None and nearest.id:
            return decision._replace(takes_place_of=nearest.id)
    return decision


def _only_here(one: NearPlay) -> bool:
    """Whether a play was sent nowhere, as far as is known."""
    return one.fate in KEPT_HERE or (one.fate == plays.IMPORTED and not one.owner)


def by_others(db: Connection, account: Account, play: Play, reporter: str) -> list[NearPlay]:
    """Plays around the time of one, from an account's other players, which may spell the names differently."""
    if not account.several_reporters:
        return []
    return plays.of_others(db, account.id, reporter, [play]).beside(play)


def _again(play: Play, other: Play) -> bool:
    """Whether a play repeats one that was reported before; an identical report is recognised by its start."""
    return not _itself(play, other) and same_play(play, other)


def _itself(play: Play, other: Play) -> bool:
    """Whether two reports have the same start and the same names."""
    itself = (play.timestamp, play.track.artist, play.track.title)
    return itself == (other.timestamp, other.track.artist, other.track.title)


def _held_back(decision: Decision, twin: NearPlay) -> Decision:
    imported = twin.fate == plays.IMPORTED
    reason = f"looks like play {twin.id}, imported for the same time" if imported else _reported_for(twin.id)
    return Decision("duplicate", "suspected", f"{reason}{_BY_CHOICE}", decision.heard, imported=imported)


def looks_like(twin: int) -> str:
    """Why a play is suspected that overlaps with the play of that id (0: not known yet)."""
    return f"{_reported_for(twin)}{_BY_CHOICE}"


_BY_CHOICE = "; not sent unless you choose to"


def _reported_for(twin: int) -> str:
    return f"looks like {f'play {twin}' if twin else 'a play'}, reported for the same time"
