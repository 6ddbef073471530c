"""Fan-out: a play that counts is queued for each destination of its listener, in the transaction that reports it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from tonearm.core.destination import Rules
from tonearm.core.play import Play
from tonearm.core.policy import PRIVATE
from tonearm.core.report import same_play
from tonearm.service.library_folders import files_of
from tonearm.store import destination_queue, destinations, plays
from tonearm.store.destination_queue import ACCEPTED, DISCARDED, KEPT, SUSPECTED, Delivered, Settlement
from tonearm.store.destinations import StoredDestination
from tonearm.store.line import QueueState
from tonearm.store.plays import NearPlay

LIVE_WITHIN = 3600.0
"""Up to this many seconds between its end and its report, a play is live; later ones are backlog."""

THERE = ("queued", ACCEPTED, DISCARDED)
"""Fates at a destination of plays that another play may repeat there."""

AT_LEAST_THERE = ("queued", ACCEPTED)
"""Fates at a destination of plays that are not sent again, even by hand."""

FATES = (
    *("queued", ACCEPTED, DISCARDED, "disabled", "not_authenticated", "threshold_not_met", "expired"),
    *("ignored", "refused", SUSPECTED, plays.IMPORTED),
)
"""Fates at Last.fm of plays that may have been sent to other destinations, which may accept what Last.fm rejects."""


class Sendable(NamedTuple):
    """A play that may be sent to destinations. `now` is when it was reported, as well as that is known.
    `counts(shortest)` says whether it counts at a service that accepts tracks of more than that many seconds.
    `several`: its listener has several players, which may spell the same names differently. `fresh`: it has just been
    written, so nothing is known about it yet. `late`: it is sent after live plays, whenever it was reported. `by_hand`:
    its listener wants it to be sent, so no policy and no similarity to another play keeps it back. It may be sent
    `instead_of` another. `suspected`: Last.fm doesn't get it, because it looks like a play that was reported before.
    """

    id: int
    account: int
    play: Play
    reporter: str
    reported_at: float
    now: float
    not_before: float
    counts: Callable[[float], bool] = lambda _: True
    counter: float | None = None
    boot: str = ""
    several: bool = False
    fresh: bool = False
    late: bool = False
    by_hand: bool = False
    instead_of: int | None = None
    suspected: bool = False


@dataclass(frozen=True, slots=True)
class FanOut:
    """Queues plays for destinations. `rules_at` returns what a kind of service accepts at an address; None: nothing.
    `noted` is called with the destinations that an account turns out to have.
    """

    rules_at: Callable[[str, str], Rules | None] | None = None
    noted: Callable[[int, tuple[int, ...]], None] = lambda _, __: None

    def queue(
        self, db: Connection, found: Mapping[int, Sequence[StoredDestination]], sendable: Sequence[Sendable]
    ) -> set[int]:
        """Queue plays for the destinations of their listeners (`found`); returns the destinations that have more to
        send. A play is queued once for each, and not if a repeat of it waits there, was sent there or was discarded.
        """
        for account, targets in found.items():
            self.noted(account, tuple(target.id for target in targets if target.removed_at is None))
        rules = {target.id: self._rules(target) for targets in found.values() for target in targets}
        wanted = [
            (one, target) for one in sendable for target in found.get(one.account, ()) if _goes(one, rules[target.id])
        ]
        if not wanted:
            return set()
        known = self._known(db, [(one, target) for one, target in wanted if not one.fresh])
        wanted = [(one, target) for one, target in wanted if not _blocks(one, known.get((target.id, one.id)))]
        twins, files, sent = _Twins(db, wanted), _files(db, wanted), _sent_before(db, wanted)
        rows: list[dict[str, Any]] = []
        kept: dict[int, list[Settlement]] = {}
        for one, target in wanted:
            if why := "" if one.by_hand else target.policy.keeps(one.reporter, one.reported_at, files.get(one.id, ())):
                kept.setdefault(target.id, []).append(Settlement(one.id, KEPT, one.reported_at, why))
            elif not one.by_hand and (twin := twins.of(one, target)) is not None:
                which = f"play {twin}" if twin else "a play"
                why = f"looks like {which}, reported for the same time; not sent there"
                kept.setdefault(target.id, []).append(Settlement(one.id, SUSPECTED, one.reported_at, why))
            else:
                twins.sent(one, target)
                rows.append(row(one, target, sent.get((target.id, one.id))))
        for destination_id, outcomes in kept.items():
            destination_queue.settle(db, destination_id, outcomes)
        destination_queue.enqueue(db, rows)
        return {one["destination"] for one in rows}

    def send(self, db: Connection, one: Sendable, also: Sequence[StoredDestination] = ()) -> bool:
        """Queue a play that its listener wants to be sent, for every destination that doesn't have it; True if there is
        one. It also waits for the destinations in `also`, which may be removed: until they are added again.
        """
        found = receiving(db, {one.account}) if self.rules_at else {}
        here = {target.id: target for target in (*found.get(one.account, ()), *also)}
        return bool(here and self.queue(db, {one.account: list(here.values())}, [one]))

    def bring_back(self, db: Connection, one: Sendable, destination_ids: Collection[int]) -> None:
        """Queue a play again for those of these destinations whose queues it was discarded from."""
        known = destination_queue.known(db, sorted(destination_ids), [one.id])
        mine = destinations.all_of(db, one.account)
        back = [target for target in mine if known.get((target.id, one.id)) == DISCARDED]
        sent = destination_queue.sent_before(db, [target.id for target in back], [one.id])
        destination_queue.take_back(db, [target.id for target in back], one.id)
        destination_queue.enqueue(db, [row(one, target, sent.get((target.id, one.id))) for target in back])

    def discard(self, db: Connection, account: int, play_id: int, now: float) -> list[int]:
        """Remove a play from every destination's queue; requests under way continue. Returns the destinations that it
        was removed from.
        """
        waiting = [one for one in self._waiting(db, account, play_id) if not one.sending]
        for one in waiting:
            doubt = "; it may be there, because an answer was lost" if one.unanswered else ""
            why = f"discarded by the listener{doubt}"
            sent = destination_queue.may_have(db, one.destination, play_id).get(play_id)
            gone = Settlement(play_id, DISCARDED, now, why, attempts=one.attempts, sent=sent)
            destination_queue.settle(db, one.destination, [gone])
        return [one.destination for one in waiting]

    def replace(self, db: Connection, account: int, play_id: int, fresh: int, now: float) -> list[StoredDestination]:
        """Replace a play that is sent with other names by a new one, except at destinations that have or may have the
        old one. Returns the destinations (also removed ones) for which the old one waits: there the new one is sent
        instead, and `give_way` removes the old one.
        """
        targets = {target.id: target for target in destinations.all_of(db, account)}
        waits: list[StoredDestination] = []
        for one in destination_queue.stories(db, sorted(targets), [play_id]):
            if one.fate == ACCEPTED or one.sending or one.unanswered:
                be = "is" if one.fate == ACCEPTED else "may be"
                why = f"play {play_id}, which it replaces, {be} there under its old names"
                destination_queue.settle(db, one.destination, [Settlement(fresh, KEPT, now, why)])
            elif one.fate == "queued":
                waits.append(targets[one.destination])
        return waits

    def give_way(
        self, db: Connection, targets: Sequence[StoredDestination], play_id: int, fresh: int, now: float
    ) -> None:
        """Remove a play that is sent with other names from these queues."""
        why = f"edited by the listener: sent as play {fresh}"
        for target in targets:
            destination_queue.settle(db, target.id, [Settlement(play_id, DISCARDED, now, why)])

    def forget(self, db: Connection, account: int, play_id: int) -> None:
        """Remove a play that was written in this transaction."""
        destination_queue.forget(db, [play_id], destination_queue.ids_of(db, account))

    def rewrite(self, db: Connection, account: int, play_id: int, play: Play) -> None:
        """Change other facts of a play that stays the same play, for destinations that certainly don't have it yet."""
        targets = {target.id: target for target in destinations.all_of(db, account)}
        for one in self._waiting(db, account, play_id):
            if not one.sending and not one.unanswered:
                sent = replace(play, track=targets[one.destination].policy.applied(play.track))
                destination_queue.rewrite(db, one.destination, play_id, plays.facts(sent))

    def waits(self, db: Connection, account: int, play_id: int) -> bool:
        """Whether a play waits for a destination."""
        return bool(self._waiting(db, account, play_id))

    def _waiting(self, db: Connection, account: int, play_id: int) -> list[Delivered]:
        mine = [target.id for target in destinations.all_of(db, account)]
        return [one for one in destination_queue.stories(db, mine, [play_id]) if one.fate == "queued"]

    def _rules(self, target: StoredDestination) -> Rules | None:
        return self.rules_at(target.kind, target.url) if self.rules_at else None

    def _known(
        self, db: Connection, wanted: Sequence[tuple[Sendable, StoredDestination]]
    ) -> dict[tuple[int, int], str]:
        targets, ids = {target.id for _, target in wanted}, {one.id for one, _ in wanted}
        return destination_queue.known(db, sorted(targets), sorted(ids))


def _goes(one: Sendable, rules: Rules | None) -> bool:
    """Whether a service with these rules accepts a play; None: it accepts nothing."""
    return rules is not None and not rules.too_old(one.play.timestamp, one.now) and one.counts(rules.shortest)


def row(one: Sendable, target: StoredDestination, sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The queue row for a destination: the play as the destination's policy sends it. If it may be there because an
    answer was lost, it is as it was `sent` before, since nothing else is recognized as a repeat.
    """
    play = Play(target.policy.applied(one.play.track), one.play.timestamp, one.play.played, one.play.chosen_by_user)
    return {
        "destination": target.id,
        "id": one.id,
        "account": one.account,
        **(sent or plays.facts(play)),
        "unanswered": sent is not None,
        "live": not one.late and one.now - play.timestamp <= LIVE_WITHIN + play.played,
        "state": QueueState.QUEUED,
        "next_attempt_at": one.not_before,
        "enqueued_at": one.now,
        "counter": one.counter,
        "boot": one.boot,
    }


def _sent_before(
    db: Connection, wanted: Sequence[tuple[Sendable, StoredDestination]]
) -> dict[tuple[int, int], Mapping[str, Any]]:
    """How plays that are sent by hand were sent before to destinations that may have them."""
    again = [(one.id, target.id) for one, target in wanted if one.by_hand and not one.fresh]
    ids, targets = {play_id for play_id, _ in again}, {destination_id for _, destination_id in again}
    return destination_queue.sent_before(db, sorted(targets), sorted(ids))


def _files(db: Connection, wanted: Sequence[tuple[Sendable, StoredDestination]]) -> dict[int, tuple[str, ...]]:
    """The paths of the files of plays that a policy may keep here because of them, by the ids of the plays."""
    asking: dict[int, dict[int, Play]] = {}
    for one, target in wanted:
        if target.policy.not_in and not one.by_hand:
            asking.setdefault(one.account, {})[one.id] = one.play
    found: dict[int, tuple[str, ...]] = {}
    for account, of_account in asking.items():
        files = files_of(db, account, (play.track for play in of_account.values()))
        found |= {id_: files[play.track] for id_, play in of_account.items() if play.track in files}
    return found


def reported_by_no_other(db: Connection, suspected: Sequence[Sendable], target: StoredDestination) -> set[int]:
    """Plays that look like others which a destination doesn't get, because its policy leaves out the player that
    reported those.
    """
    twins = _Twins(db, [(one, target) for one in suspected])
    return {one.id for one in suspected if twins.of(one, target) is None}


class _Twins:
    """Plays that others may repeat: those at a destination already, and those queued for it in this transaction."""

    def __init__(self, db: Connection, wanted: Sequence[tuple[Sendable, StoredDestination]]) -> None:
        self._by_song: dict[tuple[int, int, str, str], list[Sendable]] = {}
        self._by_reporter: dict[tuple[int, int], dict[str, list[Sendable]]] = {}
        asking = list({one.id: one for one, _ in wanted if not one.by_hand}.values())
        self._near = _near(db, asking)
        ids = {near.id for found in self._near.values() for near in found}
        targets = sorted({target.id for _, target in wanted})
        known = destination_queue.known(db, targets, sorted(ids - {one.id for one in asking})) if ids else {}
        kept = sorted({play_id for (_, play_id), fate in known.items() if fate == KEPT})
        stories = destination_queue.stories(db, targets if kept else [], kept)
        private = {(one.destination, one.play) for one in stories if one.reason == PRIVATE}  # by any player
        self._there = private | {key for key, fate in known.items() if fate in THERE}
        self._by_policy = {key for key, fate in known.items() if fate == KEPT} - private
        self._known = set(known)
        self._reporters = _reporters(db, [one for one in asking if one.suspected], self._near)

    def of(self, one: Sendable, target: StoredDestination) -> int | None:
        """The play that this one repeats at a destination; None if it repeats none, 0 if the other one isn't known."""
        if one.suspected:
            return self._first_report(one, target)
        there = [(n, other) for n, other, *_ in self._near[one.id] if (target.id, n) in self._there]
        there += [(before.id, before.play) for before in self._by_song.get(_song(one, target), ())]
        if one.several:
            for reporter, theirs in self._by_reporter.get((target.id, one.account), {}).items():
                there += [(before.id, before.play) for before in theirs if reporter != one.reporter]
        return next((n for n, other in there if n != one.id and same_play(one.play, other)), None)

    def _first_report(self, one: Sendable, target: StoredDestination) -> int | None:
        """As `of`, for a play that was reported before: None if the destination gets that report from no other
        player.
        """
        before = [near.id for near in self._near[one.id] if near.id != one.id and same_play(one.play, near.play)]
        before = before or [0]
        return next((n for n in before if not self._left_out(n, one, target)), None)

    def _left_out(self, play_id: int, one: Sendable, target: StoredDestination) -> bool:
        """Whether a destination certainly doesn't get a play that another one repeats, so that it gets the other
        one.
        """
        if (target.id, play_id) in self._known:
            return (target.id, play_id) in self._by_policy
        return play_id > one.id or self._reporters.get(play_id) in target.policy.not_from

    def sent(self, one: Sendable, target: StoredDestination) -> None:
        """Note that a play is queued for a destination."""
        self._by_song.setdefault(_song(one, target), []).append(one)
        theirs = self._by_reporter.setdefault((target.id, one.account), {})
        theirs.setdefault(one.reporter, []).append(one)


def _near(db: Connection, asking: Sequence[Sendable]) -> dict[int, list[NearPlay]]:
    """The plays around the time of each of these, which may be the same listen."""
    own = [one.id for one in asking]
    near = plays.near(db, [(one.account, one.play) for one in asking], FATES, own) if asking else {}
    found = {one.id: list(near.get(place, ())) for place, one in enumerate(asking)}
    by_source: dict[tuple[int, str], list[Sendable]] = {}
    for one in asking:
        if one.several:
            by_source.setdefault((one.account, one.reporter), []).append(one)
    for (account, reporter), theirs in by_source.items():
        beside = plays.of_others(db, account, reporter, [one.play for one in theirs], FATES)
        for one in theirs:
            found[one.id] += beside.beside(one.play)
    return found


def _reporters(db: Connection, suspected: Sequence[Sendable], near: Mapping[int, Sequence[NearPlay]]) -> dict[int, str]:
    """The players that reported the plays that these look like."""
    found: dict[int, str] = {}
    for account in {one.account for one in suspected}:
        ids = {beside.id for one in suspected if one.account == account for beside in near[one.id]}
        found |= {stored.id: stored.reporter for stored in plays.by_id(db, account, sorted(ids)).values()}
    return found


def _song(one: Sendable, target: StoredDestination) -> tuple[int, int, str, str]:
    return target.id, one.account, one.play.track.artist, one.play.track.title


def _blocks(one: Sendable, fate: str | None) -> bool:
    """Whether a play's fate at a destination keeps it from being queued there. A decision once made stands."""
    if fate is None or not one.by_hand:
        return fate is not None
    return fate in AT_LEAST_THERE or (fate == KEPT and one.instead_of is not None)


NOWHERE = FanOut()
"""For databases without destinations."""


def receiving(db: Connection, accounts: set[int]) -> dict[int, list[StoredDestination]]:
    """The destinations of these accounts that get plays, including paused ones, for which plays wait."""
    return destinations.of_accounts(db, accounts) if accounts else {}
