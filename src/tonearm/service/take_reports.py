"""Reports are written and answered, in one transaction: in the history, in the queue, and for other destinations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from tonearm.core.account import Account
from tonearm.core.destination import Rules
from tonearm.core.edit_rules import ruled
from tonearm.core.play import Counted, Play, Track
from tonearm.core.report import judged
from tonearm.service.fan_out import LIVE_WITHIN, NOWHERE, FanOut, Sendable, receiving
from tonearm.service.repeated_reports import key_as_reported, key_of, moved, placed_alike, suspected
from tonearm.service.report import Report, ReportResult, Taken, UnknownListener
from tonearm.service.report_decision import NOT_QUEUED, Decision, decide
from tonearm.store import accounts, edit_rules, plays, queue, summaries
from tonearm.store.destinations import StoredDestination
from tonearm.store.line import QueueState

REPORTED_BEFORE = "reported before"
"""Not news, unlike a suspected duplicate, which is a play of its own and published."""

_TO_THE_SECOND = {"precision": None, "stamp": None, "earliest": None}
"""Values for a reported start, replacing those of an import that knew it less precisely."""


def take(db: Connection, reports: Sequence[Report], rules: Rules, fan_out: FanOut = NOWHERE) -> list[Taken]:
    """Write reported plays in one transaction, and decide each by Last.fm's rules; they are queued for other
    destinations, too.
    """
    accounts.lock(db, {r.account for r in reports})
    listeners = accounts.by_id(db, {r.account for r in reports})
    reports = _ruled(db, listeners, placed_alike(reports) if len(reports) > 1 else reports)
    keys = [key_of(r) for r in reports]
    decided = [decide(_known(listeners, r.account), r, rules) for r in reports]
    restamped = moved(db, reports, keys)
    decided = suspected(db, listeners, reports, keys, decided, restamped)
    replaced = _replaced(db, keys, decided, restamped)
    fresh = _fresh(listeners, reports, keys, decided, {*restamped, *replaced})
    numbers = plays.insert(db, list(fresh.values()))
    _summed_up_no_longer(db, listeners, numbers)
    _remember_sent(db, reports, keys, numbers | replaced)
    others = receiving(db, {account.id for account in listeners.values() if account.has_destinations})
    before = _before(db, restamped, [key for key in fresh if key not in numbers], replaced)
    taking = _Taking(db, listeners, others, numbers, before, replaced)
    taken = [taking.take(*one) for one in zip(reports, keys, decided, strict=True)]
    queue.enqueue(db, list(taking.queued.values()))
    if taking.sendable:
        fan_out.queue(db, others, list(taking.sendable.values()))
    return taken


@dataclass(slots=True, eq=False)
class _Taking:
    """Reports whose plays are in the history now, new in `numbers` and older ones in `before` with their fates.

    `replaced` are plays that were kept here only, whose place a report takes. `queued` and `sendable` is what follows
    for Last.fm and for the `others`, by the ids of the plays.
    """

    db: Connection
    listeners: Mapping[int, Account]
    others: Mapping[int, Sequence[StoredDestination]]
    numbers: Mapping[plays.PlayKey, int]
    before: dict[plays.PlayKey, tuple[int, str]]
    replaced: dict[plays.PlayKey, int]
    queued: dict[int, dict[str, Any]] = field(default_factory=dict)
    sendable: dict[int, Sendable] = field(default_factory=dict)

    def take(self, report: Report, key: plays.PlayKey, decision: Decision) -> Taken:
        """Answer one report, and note what follows."""
        play_id, fate = self.before.get(key) or (self.numbers[key], "")
        in_place = self.replaced.pop(key, None) is not None
        if fate and fate not in NOT_QUEUED:
            return _taken("duplicate", play_id, REPORTED_BEFORE, decision.heard, report)
        listener = self.listeners[report.account]
        if in_place or (fate and decision.fate != fate):
            plays.rewrite(self.db, play_id, _history_row(report, decision, listener) | _TO_THE_SECOND)
        if decision.status == "queued":
            now = report.at + report.skew
            self.queued[play_id] = queue_row(
                play_id, report.play, listener, now, decision.not_before, report.counter, report.boot
            )
        self.before[key] = (play_id, decision.fate)
        if report.account in self.others:  # a destination may lack what Last.fm has: its policy decides
            doubtful = decision.fate == "suspected" and not decision.imported
            fresh = not fate and not in_place
            self.sendable[play_id] = _sendable(play_id, report, listener, fresh=fresh, suspected=doubtful)
        said = f"{decision.reason}; {report.left_out}" if report.left_out else decision.reason
        return _taken(decision.status, play_id, said, decision.heard, report)


def _fresh(
    listeners: Mapping[int, Account],
    reports: Sequence[Report],
    keys: Sequence[plays.PlayKey],
    decided: Sequence[Decision],
    there: Collection[plays.PlayKey],
) -> dict[plays.PlayKey, dict[str, Any]]:
    """Rows of plays that are not there yet; of reports of one key the first that can be sent, else the last."""
    fresh: dict[plays.PlayKey, dict[str, Any]] = {}
    for report, key, decision in zip(reports, keys, decided, strict=True):
        if key not in there and (key not in fresh or fresh[key]["fate"] in NOT_QUEUED):
            fresh[key] = _history_row(report, decision, listeners[report.account])
    return fresh


def _before(
    db: Connection,
    restamped: Mapping[plays.PlayKey, tuple[int, str]],
    not_inserted: Iterable[plays.PlayKey],
    replaced: Mapping[plays.PlayKey, int],
) -> dict[plays.PlayKey, tuple[int, str]]:
    """Plays that were there before, by the keys of the reports: their ids and fates ("" for those replaced).

    An identical report is the same report, unless its play may still be queued and another play has its start by now.
    """
    there = plays.known(db, [*restamped, *not_inserted])
    before = there | {key: known for key, known in restamped.items() if key not in there or known[1] not in NOT_QUEUED}
    return before | {key: (play_id, "") for key, play_id in replaced.items()}


def _replaced(
    db: Connection,
    keys: Sequence[plays.PlayKey],
    decided: Sequence[Decision],
    restamped: Collection[plays.PlayKey],
) -> dict[plays.PlayKey, int]:
    """Plays that reports replace, by the keys of the reports; not if there is another play with the same key."""
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
    as_reported = [key_as_reported(report) for report in concerned]
    recorded = edit_rules.recorded(db, as_reported)
    there = plays.known(db, [key_of(report) for report in concerned])
    moved = plays.known_as_reported(db, as_reported, restamped=True)

    def changed(report: Report) -> Report:
        track, key = report.play.track, key_as_reported(report)
        if key in recorded:
            new = recorded[key].on(track)
        elif key_of(report) in there or key in moved:
            return report
        else:
            new = ruled(track, rules.get(report.account, ()))
        return report if new == track else report._replace(play=replace(report.play, track=new), sent=track)

    return [changed(report) if report.account in with_rules else report for report in reports]


def _remember_sent(
    db: Connection, reports: Sequence[Report], keys: Sequence[plays.PlayKey], numbers: Mapping[plays.PlayKey, int]
) -> None:
    """Save the names that players sent, for new plays that rules have changed."""
    sent: dict[int, tuple[int, int, Track]] = {}
    for report, key in zip(reports, keys, strict=True):
        if report.sent is not None and key in numbers:
            sent.setdefault(numbers[key], (report.account, report.reported_timestamp, report.sent))
    if sent:
        edit_rules.remember(db, sent)


def _sendable(play_id: int, report: Report, account: Account, *, fresh: bool, suspected: bool) -> Sendable:
    """What destinations may get from a report, whatever Last.fm accepts, and whether or not anybody is signed in
    there.
    """
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
    """Mark the sums of the written plays' months as stale."""
    late = [(account, at) for account, _, _, at in written if at < listeners[account].summed_until]
    for account in {account for account, _ in late}:
        summaries.make_stale(db, account, [at for of, at in late if of == account])


def _known(listeners: dict[int, Account], account_id: int) -> Account:
    if account_id not in listeners:
        raise UnknownListener(f"no listener with the id {account_id}")
    return listeners[account_id]


def _taken(status: str, play_id: int, message: str, heard: Counted, report: Report) -> Taken:
    return Taken(ReportResult(status, play_id, message, heard.played, heard.needed), report.play.track)


def _settled_at(report: Report, decision: Decision) -> float | None:
    return None if decision.fate == "queued" else report.at


def _history_row(report: Report, decision: Decision, account: Account) -> dict[str, Any]:
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
    """The queue row of a play to send to the Last.fm user whom the account belongs to now. `now` is Last.fm's time, or,
    if that isn't known, ours, with the steady counter and the boot of the machine.
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
