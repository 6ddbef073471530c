"""Reports of plays: judged by the listener's rule, and on disk before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, assert_never

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.account import Account
from tonearm.core.cleaning import clean
from tonearm.core.destination import Rules
from tonearm.core.edit_rules import ruled
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import (
    Counted,
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
from tonearm.core.report import (
    SLACK,
    Basis,
    Listening,
    Placed,
    assumed_played,
    judged,
    place,
    same_play,
    too_old,
)
from tonearm.core.waits import WaitKind, Waits, reason
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.counters import Counters
from tonearm.service.events import EventHub, Subscription
from tonearm.service.fan_out import LIVE_WITHIN, NOWHERE, FanOut, Sendable, receiving
from tonearm.store import accounts, edit_rules, plays, queue, summaries
from tonearm.store.db.database import Store
from tonearm.store.line import QueueState
from tonearm.store.plays import NearPlay

NOT_QUEUED = ("threshold_not_met", "disabled", "not_authenticated")
"""Fates of plays that stay in the history only, and may be queued when they are reported better."""


TOGETHER, PART = 1000, 250
"""Plays that are written in one transaction; more than these go part by part, with others' plays in between."""

SHARED = 50
"""Plays of one request up to which they share a transaction with those of other requests."""


STARTS_LATER = reason(Waits(WaitKind.FUTURE_START))
"""The answer to a play whose time has not come, in the words of all who say why it waits."""

_UNSAID = Basis()


class UnknownListener(LookupError):
    """There is no such account."""


class NotATime(ValueError):
    """The start of play cannot be a time at which anybody scrobbled, or the time heard cannot be a length of time.

    `field` says which: `timestamp` or `played_time`.
    """

    def __init__(self, message: str, field: str = "timestamp") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Report(NamedTuple):
    """A play as somebody reported it, cleaned and frozen, with the moment of the report by our clock.

    `reported_timestamp` is the start as it was reported, `restamp_reason` why it was corrected, `restamped_by` the
    seconds of that due to our clock, `skew` what our clock is behind, `left_out` what could not be read of it.
    `counter` and `boot` say when it came whatever our clock showed, so that the start can be corrected later: they are
    set if Last.fm's time was not known for sure, or the start was moved by it. `sent` is the track as it was reported,
    if a rule of the listener has changed its names.
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
    """A play as a player reports it, and what is known of its times. `left_out` as in `scrobble`.

    Its track is clean, and has an artist and a title.
    """

    play: Play
    basis: Basis
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The answer to a report. `status` is `queued` (it is on disk), `duplicate`, or why it was not queued.

    `id` is the play's id in the history; `heard` and `needed` are seconds.
    """

    status: str
    id: int
    message: str
    heard: float
    needed: float


class Taken(NamedTuple):
    """A report that was taken: its answer, and the track as the listener's rules have it."""

    result: ReportResult
    track: Track


class _Decision(NamedTuple):
    """What becomes of a report. It may take the place of a play that was kept here only, and is that play then.

    `imported`: it is suspected because it was imported from Last.fm, so nobody here has sent it anywhere.
    """

    status: str
    fate: str
    reason: str
    heard: Counted
    not_before: float = 0.0
    takes_place_of: int | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class _Moment:
    """When plays were reported together: by our clock and by the counter of this run of the machine.

    `skew` is what our clock is behind Last.fm's, and `settled` whether that is known for sure.
    """

    now: float
    skew: float
    counter: float
    boot: str
    settled: bool


def frozen_play(
    play: Play, now: float, skew: float = 0.0, basis: Basis = _UNSAID, *, clean_names: bool = False
) -> tuple[Play, Placed]:
    """The play as it will be sent for ever, and where its start was put: names cleaned, times in (whole) seconds.

    Our clock shows `now` and is `skew` seconds behind Last.fm's, whose time decides. What `basis` leaves open is
    guessed. `clean_names`: the track came through `cleaned` already. Raises MissingName if no artist or title is left,
    NotATime before 2002-10-01, over 30 days ahead, or for a time that nobody can have heard.
    """
    reported = start_of_play(play.timestamp)
    duration, played, until_end = _played(play, _elapsed(reported, now, skew), basis.listening)
    placed = place(reported, min(until_end, duration) if duration else until_end, now, skew, basis.stamp)
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
    """Seconds from a start to its report, by that of two clocks which shows fewer, and not less than none."""
    if not skew:
        return now - start
    passed = [now - start, now + skew - start]
    return min((seconds for seconds in passed if seconds >= -SLACK), default=max(passed))


def _decide(account: Account, report: Report, rules: Rules) -> _Decision:
    play = report.play
    heard = judged(play, report.listening, account.threshold)
    if not account.enabled:
        return _Decision("disabled", "disabled", "scrobbling is turned off", heard)
    if not account.signed_in:
        return _Decision("not_authenticated", "not_authenticated", "not signed in to Last.fm", heard)
    if not heard.counts:
        return _Decision("threshold_not_met", "threshold_not_met", heard.reason, heard)
    match when(play.timestamp, report.at + report.skew, rules.oldest):
        case When.TOO_OLD if too_old(play.timestamp, report.at, report.skew, rules.oldest):
            return _Decision("too_old", "expired", rules.too_old_reason, heard)
        case When.AHEAD:
            return _Decision("queued", "queued", STARTS_LATER, heard, play.timestamp - report.skew)
        case _:
            on_disk = "saved, waiting to be sent to Last.fm"
            return _Decision(
                "queued", "queued", f"{on_disk}; {report.restamp_reason}" if report.restamp_reason else on_disk, heard
            )


_KEPT_HERE = ("disabled", "not_authenticated")
"""Fates of plays that were not sent, however much of them was heard."""

_MAY_REPEAT = (*plays.ON_LASTFM, "discarded", *_KEPT_HERE, plays.IMPORTED)
"""Fates of plays that a report may repeat with another start, or with the names spelled otherwise."""

_OF_OTHERS = (*plays.ON_LASTFM, *_KEPT_HERE, plays.IMPORTED)
"""The same, for what others have reported."""

_BEFORE = "reported before"
"""Nothing new, unlike a suspected duplicate: that one is a play of its own, and announced."""


def take(db: Connection, reports: Sequence[Report], rules: Rules, fan_out: FanOut = NOWHERE) -> list[Taken]:
    """Write reported plays and answer each by the rules of Last.fm, in one transaction; other destinations get them."""
    accounts.lock(db, {r.account for r in reports})
    listeners = accounts.by_id(db, {r.account for r in reports})
    reports = _ruled(db, listeners, reports)
    keys = [_key(r) for r in reports]
    decided = [_decide(_known(listeners, r.account), r, rules) for r in reports]
    restamped = _moved(db, reports, keys)
    decided = _suspected(db, listeners, reports, keys, decided, restamped)
    taken_over = _taken_over(db, keys, decided, restamped)
    fresh: dict[plays.PlayKey, dict[str, Any]] = {}
    for report, key, decision in zip(reports, keys, decided, strict=True):
        if key not in restamped and key not in taken_over and (key not in fresh or fresh[key]["fate"] in NOT_QUEUED):
            fresh[key] = _history_row(report, decision, listeners[report.account])
    numbers = plays.insert(db, list(fresh.values()))
    _summed_up_no_longer(db, listeners, numbers)
    _remember_sent(db, reports, keys, numbers | taken_over)
    there = plays.known(db, [key for key in (*restamped, *fresh) if key not in numbers])
    # What was reported identically is the same report, unless it may still be queued where another play lies by now.
    before = there | {key: known for key, known in restamped.items() if key not in there or known[1] not in NOT_QUEUED}
    before |= {key: (play_id, "") for key, play_id in taken_over.items()}
    taken: list[Taken] = []
    queued: dict[int, dict[str, Any]] = {}
    others = receiving(db, {account.id for account in listeners.values() if account.has_destinations})
    sendable: dict[int, Sendable] = {}
    for report, key, decision in zip(reports, keys, decided, strict=True):
        play_id, fate = before.get(key) or (numbers[key], "")
        in_place = taken_over.pop(key, None) is not None
        again = fate and fate not in NOT_QUEUED
        if again:
            taken.append(_taken("duplicate", play_id, _BEFORE, decision.heard, report))
            continue
        if in_place or (fate and decision.fate != fate):
            plays.rewrite(db, play_id, _history_row(report, decision, listeners[report.account]) | _TO_THE_SECOND)
        if decision.status == "queued":
            queued[play_id] = queue_row(
                play_id,
                report.play,
                listeners[report.account],
                report.at + report.skew,
                decision.not_before,
                report.counter,
                report.boot,
            )
        before[key] = (play_id, decision.fate)
        if report.account in others:  # what Last.fm has already, a destination may not have: its policy decides
            suspected, listener = decision.fate == "suspected" and not decision.imported, listeners[report.account]
            fresh_here = not fate and not in_place
            sendable[play_id] = _sendable(play_id, report, listener, fresh=fresh_here, suspected=suspected)
        said = f"{decision.reason}; {report.left_out}" if report.left_out else decision.reason
        taken.append(_taken(decision.status, play_id, said, decision.heard, report))
    queue.enqueue(db, list(queued.values()))
    if sendable:
        fan_out.queue(db, others, list(sendable.values()))
    return taken


_TO_THE_SECOND = {"precision": None, "stamp": None}
"""A reported start, of a play whose start an import may have known less well."""


def _taken_over(
    db: Connection,
    keys: Sequence[plays.PlayKey],
    decided: Sequence[_Decision],
    restamped: Collection[plays.PlayKey],
) -> dict[plays.PlayKey, int]:
    """Plays whose place reports take, by the keys of the reports; not if there is a play of the same key beside it."""
    wanted = {key: one.takes_place_of for key, one in zip(keys, decided, strict=True) if one.takes_place_of is not None}
    wanted = {key: play_id for key, play_id in wanted.items() if key not in restamped}
    there = plays.known(db, list(wanted))
    return {key: play_id for key, play_id in wanted.items() if key not in there or there[key][0] == play_id}


def _ruled(db: Connection, listeners: Mapping[int, Account], reports: Sequence[Report]) -> Sequence[Report]:
    """The reports with the names that their listeners' rules give them.

    What was reported before keeps the names it got then, whatever the rules are now: it is the same report.
    """
    with_rules = {account.id for account in listeners.values() if account.has_rules}
    if not with_rules:
        return reports
    rules = edit_rules.of_accounts(db, with_rules)
    concerned = [report for report in reports if report.account in with_rules]
    as_reported = [_key_as_reported(report) for report in concerned]
    recorded = edit_rules.recorded(db, as_reported)
    there = plays.known(db, [_key(report) for report in concerned])
    moved = plays.known_as_reported(db, as_reported, restamped=True)

    def changed(report: Report) -> Report:
        track, key = report.play.track, _key_as_reported(report)
        if key in recorded:
            new = recorded[key].on(track)
        elif _key(report) in there or key in moved:
            return report
        else:
            new = ruled(track, rules.get(report.account, ()))
        return report if new == track else report._replace(play=replace(report.play, track=new), sent=track)

    return [changed(report) if report.account in with_rules else report for report in reports]


def _key_as_reported(report: Report) -> plays.PlayKey:
    return (*_key(report)[:3], report.reported_timestamp)


def _remember_sent(
    db: Connection, reports: Sequence[Report], keys: Sequence[plays.PlayKey], numbers: Mapping[plays.PlayKey, int]
) -> None:
    """Keep what players sent of the plays that are new and that rules have changed."""
    sent: dict[int, tuple[int, int, Track]] = {}
    for report, key in zip(reports, keys, strict=True):
        if report.sent is not None and key in numbers:
            sent.setdefault(numbers[key], (report.account, report.reported_timestamp, report.sent))
    if sent:
        edit_rules.remember(db, sent)


def _sendable(play_id: int, report: Report, account: Account, *, fresh: bool, suspected: bool) -> Sendable:
    """What destinations may get of a report: whatever Last.fm takes, and whether or not anybody is signed in there."""
    now, play = report.at + report.skew, report.play
    return Sendable(
        play_id,
        report.account,
        play,
        report.reporter,
        report.at,
        now,
        play.timestamp - report.skew if play.timestamp > now else 0.0,
        lambda shortest: judged(play, report.listening, account.threshold, shortest).counts,
        report.counter,
        report.boot,
        account.several_reporters,
        fresh,
        suspected=suspected,
    )


def _summed_up_no_longer(db: Connection, listeners: dict[int, Account], written: Iterable[plays.PlayKey]) -> None:
    """Plays are written: what has been summed up of their months is true no longer."""
    late = [(account, at) for account, _, _, at in written if at < listeners[account].summed_until]
    for account in {account for account, _ in late}:
        summaries.make_stale(db, account, [at for of, at in late if of == account])


def _moved(
    db: Connection, reports: Sequence[Report], keys: Sequence[plays.PlayKey]
) -> dict[plays.PlayKey, tuple[int, str]]:
    """Plays that were reported before with another start, restamped then or now, by the present key of each."""
    reported = [_key_as_reported(report) for report in reports]
    by_reported_start = plays.known_as_reported(db, reported, restamped=True)
    unmoved = [key for r, key in zip(reports, reported, strict=True) if r.restamp_reason or key in by_reported_start]
    for key, starts in plays.known_as_reported(db, unmoved, restamped=False).items():
        by_reported_start[key] = by_reported_start.get(key, {}) | starts
    if not by_reported_start:
        return {}
    return {
        now: _nearest(by_reported_start[then], r)
        for r, now, then in zip(reports, keys, reported, strict=True)
        if then in by_reported_start
    }


def _nearest(same_reports: dict[int, tuple[int, str]], report: Report) -> tuple[int, str]:
    """Of plays with the same report, the one whose start is nearest to this report's start now."""
    return same_reports[min(same_reports, key=lambda start: abs(start - report.play.timestamp))]


def _suspected(
    db: Connection,
    listeners: dict[int, Account],
    reports: Sequence[Report],
    keys: Sequence[plays.PlayKey],
    decided: Sequence[_Decision],
    restamped: Mapping[plays.PlayKey, tuple[int, str]],
) -> list[_Decision]:
    """The decisions, with plays suspected that share time with a play of the same song, whoever reported that one.

    A report that is known with another start, as `restamped` says, is no other play than itself.
    """
    judged: list[_Decision] = []
    in_this_batch: dict[tuple[int, str, str], list[NearPlay]] = {}
    of_others: dict[tuple[int, str], plays.PlaysOfOthers] = {}
    by_reporter: dict[int, dict[str, list[NearPlay]]] = {}
    taken: set[int] = set()
    counted = [index for index, decision in enumerate(decided) if _counts_now(decision)]
    found = plays.near(db, [(reports[index].account, reports[index].play) for index in counted], _MAY_REPEAT)
    near_by_index = {index: found.get(row, ()) for row, index in enumerate(counted)}
    for index, (report, decision) in enumerate(zip(reports, decided, strict=True)):
        account = listeners[report.account]
        if report.reporter != account.reporter and not account.several_reporters:
            listeners[report.account] = account = accounts.remember_reporter(db, account, report.reporter)
        if _counts_now(decision):
            play, song = report.play, keys[index][:3]
            near = [*near_by_index[index], *in_this_batch.get(song, ())]
            beside = by_reporter.setdefault(report.account, {})
            if account.several_reporters:
                source = (report.account, report.reporter)
                if source not in of_others:
                    theirs = [reports[i].play for i in counted if (reports[i].account, reports[i].reporter) == source]
                    of_others[source] = plays.of_others(db, *source, theirs, _OF_OTHERS)
                near += of_others[source].beside(play)
                for reporter, theirs_here in beside.items():
                    near += theirs_here if reporter != report.reporter else ()
            left_out = taken | {restamped[keys[index]][0]} if keys[index] in restamped else taken
            near = [one for one in near if one.counted and one.id not in left_out]
            compared = _compared(decision, play, near)
            if compared.takes_place_of is not None:
                taken.add(compared.takes_place_of)
            if compared.fate != "suspected":
                here = NearPlay(0, play, compared.fate)
                in_this_batch.setdefault(song, []).append(here)
                beside.setdefault(report.reporter, []).append(here)
            judged.append(compared)
        else:
            judged.append(decision)
    return judged


def _counts_now(decision: _Decision) -> bool:
    """Whether it is a play, of which there may be another report, sent or not."""
    return decision.status == "queued" or (decision.status in _KEPT_HERE and decision.heard.counts)


def _compared(decision: _Decision, play: Play, near: Sequence[NearPlay]) -> _Decision:
    """The decision about a play that is like some of these, or like none.

    What is or will be on Last.fm is not sent again. What was kept here only, or comes from a file, is sent now.
    """
    twins = [one for one in near if _again(play, one.play)]
    sent = decision.status == "queued"
    kept = [one for one in twins if _only_here(one)]
    twin = next((one for one in twins if not (sent and _only_here(one))), None)
    if twin is not None:
        return _held_back(decision, twin)
    if sent:
        # The very same report is known by its start, unless an import has brought it.
        kept += [one for one in near if one.fate == plays.IMPORTED and _only_here(one) and _itself(play, one.play)]
        nearest = min(kept, key=lambda one: abs(one.play.timestamp - play.timestamp), default=None)
        if nearest is not None and nearest.id:
            return decision._replace(takes_place_of=nearest.id)
    return decision


def _only_here(one: NearPlay) -> bool:
    """Whether a play was sent nowhere by anybody, as far as it is known."""
    return one.fate in _KEPT_HERE or (one.fate == plays.IMPORTED and not one.owner)


def by_others(db: Connection, account: Account, play: Play, reporter: str) -> list[NearPlay]:
    """Plays around the time of one, of an account's other reporters, who may spell the names otherwise."""
    if not account.several_reporters:
        return []
    return plays.of_others(db, account.id, reporter, [play]).beside(play)


def _again(play: Play, other: Play) -> bool:
    """Whether a play repeats one that was reported before; the very same report is recognised by its start."""
    return not _itself(play, other) and same_play(play, other)


def _itself(play: Play, other: Play) -> bool:
    """Whether two reports have the same start and the same names."""
    itself = (play.timestamp, play.track.artist, play.track.title)
    return itself == (other.timestamp, other.track.artist, other.track.title)


def _held_back(decision: _Decision, twin: NearPlay) -> _Decision:
    imported = twin.fate == plays.IMPORTED
    reason = f"looks like play {twin.id}, imported for the same time" if imported else _reported_for(twin.id)
    return _Decision("duplicate", "suspected", f"{reason}{_BY_CHOICE}", decision.heard, imported=imported)


def looks_like(twin: int) -> str:
    """Why a play is suspected, which shares time with another of that id (0: not known yet)."""
    return f"{_reported_for(twin)}{_BY_CHOICE}"


_BY_CHOICE = "; not sent unless you choose to"


def _reported_for(twin: int) -> str:
    return f"looks like {f'play {twin}' if twin else 'a play'}, reported for the same time"


def _known(listeners: dict[int, Account], account_id: int) -> Account:
    if account_id not in listeners:
        raise UnknownListener(f"no listener with the id {account_id}")
    return listeners[account_id]


def _key(report: Report) -> plays.PlayKey:
    track = report.play.track
    return (report.account, track.artist, track.title, report.play.timestamp)


def _taken(status: str, play_id: int, message: str, heard: Counted, report: Report) -> Taken:
    return Taken(ReportResult(status, play_id, message, heard.played, heard.needed), report.play.track)


def _settled_at(report: Report, decision: _Decision) -> float | None:
    return None if decision.fate == "queued" else report.at


def _history_row(report: Report, decision: _Decision, account: Account) -> dict[str, Any]:
    return {
        **plays.facts(report.play),
        "account": report.account,
        "counted_reason": decision.heard.reason,
        "counted": decision.heard.counts,
        "fate": decision.fate,
        "reason": decision.reason,
        "reported_at": report.at,
        "reported_timestamp": report.reported_timestamp,
        "restamp_reason": report.restamp_reason,
        "restamped_by": report.restamped_by,
        "left_out": report.left_out,
        "reporter": report.reporter,
        "player": report.player,
        "owner": account.username.casefold() if account.signed_in else "",
        "settled_at": _settled_at(report, decision),
    }


def queue_row(
    play_id: int,
    play: Play,
    account: Account,
    now: float,
    not_before: float,
    counter: float | None = None,
    boot: str = "",
) -> dict[str, Any]:
    """What the queue knows of a play that Last.fm is owed for the user whom the account belongs to now.

    `now` is Last.fm's time, or, if that is not known, ours, with the steady counter and the run of the machine.
    """
    return {
        "id": play_id,
        "owner": account.username.casefold(),
        "live": now - play.timestamp <= LIVE_WITHIN + play.played,
        "state": QueueState.QUEUED,
        "next_attempt_at": not_before,
        "enqueued_at": now,
        "counter": counter,
        "boot": boot,
    }


class NotPlays(Exception):
    """Some of several reports can be no plays: `faults` has their places (from 0) with what is wrong with each."""

    def __init__(self, faults: Sequence[tuple[int, MissingName | NotATime]]) -> None:
        super().__init__("; ".join(f"play {place}: {error}" for place, error in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Reports:
    """Accepts reports of plays. `hint` is called with the account that may have something to send, after the commit.

    `hint_others` is called where that can only be for other destinations than Last.fm, which `fan_out` knows.
    """

    store: Store
    clock: Clock
    event_hub: EventHub
    hint: Callable[[int], None]
    tally: Counters
    time: LastFmTime
    rules: Rules
    fan_out: FanOut = NOWHERE
    hint_others: Callable[[int], None] = lambda _: None

    async def scrobble(
        self, account: int, play: Play, reporter: str = "", left_out: str = "", basis: Basis = _UNSAID
    ) -> ReportResult:
        """Write a play and answer; on disk when this returns. `reporter` distinguishes players of one listener.

        `left_out` says in words what of the report could not be read: the answer and the details repeat it. `basis`
        says which moment of the play its time is, and how `played` is known (0 if no seconds were sent; not used if
        they are assumed): what it says is taken as it is, anything else is guessed.
        Raises MissingName, NotATime, UnknownListener; StoreUnavailable: then it is not written.
        """
        report = self._report(self._moment(), account, play, clean(reporter), left_out, basis)
        taken = await self.store.write_together(self._take, report, account)
        self.tally.reports[taken.result.status] += 1
        self._hint(account, [taken])
        self._announce(account, taken)
        return taken.result

    async def scrobble_all(
        self,
        account: int,
        plays: Sequence[Play],
        reporter: str = "",
        left_out: Sequence[str] = (),
        bases: Sequence[Basis] = (),
    ) -> list[ReportResult]:
        """Write several plays and answer each; all are on disk when this returns. Up to 1000 are one transaction.

        `left_out` and `bases` are empty, or have for each play what `scrobble` would be given.

        Subscribers get the queue's length and suspected plays, not each queued play. Raises NotPlays if some are
        invalid, and UnknownListener: then nothing is written. Raises StoreUnavailable: then report them again, since of
        more than 1000 some may be written, which are `duplicate`.
        """
        reports: list[Report] = []
        faults: list[tuple[int, MissingName | NotATime]] = []
        moment, reporter = self._moment(), clean(reporter)
        unread, known = left_out or [""] * len(plays), bases or [_UNSAID] * len(plays)
        for place_in_list, (play, not_read, basis) in enumerate(zip(plays, unread, known, strict=True)):
            try:
                reports.append(self._report(moment, account, play, reporter, not_read, basis))
            except (MissingName, NotATime) as error:
                faults.append((place_in_list, error))
        if faults:
            raise NotPlays(faults)
        return await self._take_all(account, reports)

    async def report_all(
        self, account: int, reported: Sequence[ReportedPlay], reporter: str, player: int
    ) -> list[ReportResult | None]:
        """As `scrobble_all`, for a player: what it says of the time heard is left out if nobody can have heard it.

        None for what cannot be a play at all.
        """
        moment, reporter = self._moment(), clean(reporter)
        reports = [self._player_report(moment, account, one, reporter, player) for one in reported]
        answers = iter(await self._take_all(account, [report for report in reports if report is not None]))
        return [None if report is None else next(answers) for report in reports]

    async def rehearse(self, account: int, reported: ReportedPlay, reporter: str, player: int) -> ReportResult:
        """What would be answered to a play of a player; nothing of it is kept. Raises NotATime."""
        report = self._player_report(self._moment(), account, reported, clean(reporter), player)
        if report is None:
            raise NotATime("no play")
        return await self.store.write(partial(self._rehearse, report=report))

    def _player_report(
        self, moment: _Moment, account: int, reported: ReportedPlay, reporter: str, player: int
    ) -> Report | None:
        try:
            return self._report(moment, account, reported.play, reporter, reported.left_out, reported.basis, player)
        except NotATime as error:
            if error.field != "played_time":
                return None
            message = f"left out: {reported.play.played:g} s played, which can't be right"
            message = f"{reported.left_out}; {message}" if reported.left_out else message
            unmeasured = ReportedPlay(reported.play, Basis(reported.basis.stamp, Listening.ASSUMED), message)
            return self._player_report(moment, account, unmeasured, reporter, player)

    def _take(self, db: Connection, reports: Sequence[Report]) -> list[Taken]:
        return take(db, reports, self.rules, self.fan_out)

    def _take_batches(self, db: Connection, batches: Sequence[Sequence[Report]]) -> list[list[Taken]]:
        """Write the plays of several requests and answer each, in one transaction."""
        answers = iter(self._take(db, list(chain.from_iterable(batches))))
        return [[next(answers) for _ in batch] for batch in batches]

    def _rehearse(self, db: Connection, report: Report) -> ReportResult:
        """What would be answered; nothing is written."""
        rehearsal = db.begin_nested()
        try:
            return self._take(db, [report])[0].result
        finally:
            rehearsal.rollback()

    async def _take_all(self, account: int, reports: Sequence[Report]) -> list[ReportResult]:
        if not reports:
            return []
        taken: list[Taken] = []
        if len(reports) <= min(SHARED, TOGETHER):
            taken = await self.store.write_together(self._take_batches, reports, account)
        else:
            size = PART if len(reports) > TOGETHER else TOGETHER
            for start in range(0, len(reports), size):
                taken += await self.store.write(partial(self._take, reports=reports[start : start + size]))
        self.tally.reports.update(one.result.status for one in taken)
        self._hint(account, taken)
        for one in taken:
            if one.result.status == "duplicate":
                self._announce(account, one)
        return [one.result for one in taken]

    def _hint(self, account: int, taken: Sequence[Taken]) -> None:
        """Wake what sends plays: Last.fm's, or that of other destinations, which may take what Last.fm does not."""
        if any(one.result.status == "queued" for one in taken):
            self.hint(account)
        elif any(one.result.message != _BEFORE for one in taken):
            self.hint_others(account)

    def _announce(self, account: int, taken: Taken) -> None:
        result, track = taken
        if result.message != _BEFORE:
            event = ScrobbleStatus(result.id, result.status, track.artist, track.title, result.message)
            self.event_hub.publish(account, event)

    def _moment(self) -> _Moment:
        clock, time = self.clock, self.time
        return _Moment(clock.now(), time.skew, clock.steady(), clock.boot, settled=time.settled)

    def _report(
        self,
        moment: _Moment,
        account: int,
        play: Play,
        reporter: str,
        left_out: str,
        basis: Basis,
        player: int | None = None,
    ) -> Report:
        """As Report has it. What comes by a player has been cleaned where it came in."""
        clean_names = player is not None
        frozen, placed = frozen_play(play, moment.now, moment.skew, basis, clean_names=clean_names)
        final = not placed.by_clock and (moment.settled or bool(moment.skew))  # no clock of ours has made its start
        return Report(
            account,
            frozen,
            moment.now,
            start_of_play(play.timestamp),
            placed.restamp_reason,
            placed.by_clock,
            reporter,
            moment.skew,
            left_out,
            None if final else moment.counter,
            "" if final else moment.boot,
            basis.listening,
            player,
        )

    async def fate(self, account: int, play_id: int, seconds: float) -> plays.StoredPlay | None:
        """The play, as soon as its fate is known or the seconds are over."""
        with self.event_hub.subscribe(account) as (subscription, _):
            deadline = self.clock.now() + seconds
            while True:
                stored = await self.store.read(lambda db: plays.find(db, account, play_id))
                remaining = deadline - self.clock.now()
                if stored is None or stored.fate != "queued" or remaining <= 0:
                    return stored
                await _until(subscription, play_id, min(remaining, 1.0))


async def _until(subscription: Subscription, play_id: int, seconds: float) -> None:
    """Return at the next event of that play, or after the seconds (another process may have sent it)."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for numbered in subscription:
                if isinstance(numbered.event, ScrobbleStatus) and numbered.event.id == play_id:
                    return
