"""Lines of destinations: what waits for one belongs to no other, and each has a record of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.store.rows import NOW, a_play, history_row, listener
from tonearm.core.account import SESSION_LOST
from tonearm.core.delivery import DeliveryState
from tonearm.core.policy import ArtistForm, Policy
from tonearm.store import accounts, destination_queue, destinations, jobs, pace, plays
from tonearm.store.db.database import Store
from tonearm.store.destination_queue import FAILING, KIND, LINE, Settlement
from tonearm.store.destinations import StoredDestination
from tonearm.store.jobs import JobFailure
from tonearm.store.line import Fenced, Lease, QueueState
from tonearm.store.pace import KeyThrottled
from tonearm.store.secrets.reseal import reseal
from tonearm.store.secrets.seal import SessionCipher

pytestmark = pytest.mark.anyio


def added(db: Connection, account: int, user: str = "rob", policy: Policy | None = None) -> StoredDestination:
    made = destinations.add(db, account, "listenbrainz", "http://one.test", user, policy or Policy(), NOW)
    destinations.sign_in(db, made.id, user, f"sealed token of {user}", f"listenbrainz http://one.test {user}")
    found = destinations.find(db, made.id)
    assert found is not None
    return found


def played(db: Connection, account: int, *numbers: int) -> list[int]:
    rows = [history_row(account, a_play(number)) for number in numbers]
    return sorted(plays.insert(db, rows).values())


def waiting_row(one: StoredDestination, play_id: int, number: int, **changed: Any) -> dict[str, Any]:
    return {
        "destination": one.id,
        "id": play_id,
        "account": one.account,
        **plays.facts(a_play(number)),
        "live": True,
        "state": QueueState.QUEUED,
        "next_attempt_at": 0.0,
        "enqueued_at": NOW,
        **changed,
    }


def filled(db: Connection, *users: str, plays_: int = 3) -> tuple[list[StoredDestination], list[int]]:
    """Destinations of one account for which the same plays wait."""
    me = listener(db)
    found = [added(db, me, user) for user in users]
    ids = played(db, me, *range(plays_))
    rows = [waiting_row(one, play_id, number) for one in found for number, play_id in enumerate(ids)]
    destination_queue.enqueue(db, rows)
    return found, ids


def claimed(db: Connection, one: StoredDestination, now: float = NOW) -> Lease:
    lease = LINE.claim(db, one.id, "a sender", now, now + 30)
    assert lease is not None
    return lease


def due(db: Connection, now: float) -> dict[str, list[int]]:
    return {kind: sorted(found) for kind, found in destination_queue.due(db, now).items()}


def waiting(db: Connection, one: StoredDestination, now: float = NOW) -> list[int]:
    return [w.id for w in destination_queue.waiting(db, one.id, now, 100)]


async def test_a_line_is_claimed_by_one_sender_and_others_are_free(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), _ = filled(db, "rob", "ann")
        lease = claimed(db, one)
        assert (lease.account, lease.line, lease.user) == (one.account, one.id, "rob")
        assert lease.sealed_session == "sealed token of rob"
        assert lease.state == DeliveryState()
        assert LINE.claim(db, one.id, "another", NOW + 29, NOW + 60) is None
        claimed(db, other)
        later = claimed(db, one, NOW + 30)
        with pytest.raises(Fenced):
            LINE.lock_lease(db, lease)
        assert LINE.lock_lease(db, later) == later
        destinations.remove(db, one.id, NOW)
        with pytest.raises(Fenced):
            LINE.renew(db, later, NOW + 90)

    await store.write(work)


async def test_a_lease_says_whether_its_destination_gets_plays_and_has_history_to_queue(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), _ = filled(db, "rob", "ann")
        lease = claimed(db, one)
        assert (lease.closed, lease.behind) == (False, False)
        destinations.set_backlog(db, one.id, 0, 0, 7)
        lease = LINE.lock_lease(db, lease)
        assert (lease.closed, lease.behind) == (False, True)
        destinations.pause(db, one.id, NOW)
        lease = LINE.lock_lease(db, lease)
        assert (lease.closed, lease.behind) == (True, True)
        destinations.remove(db, one.id, NOW)
        destinations.pause(db, one.id, None)
        lease = claimed(db, one)
        assert (lease.closed, lease.behind) == (True, False)
        lease = claimed(db, other)
        assert (lease.closed, lease.behind) == (False, False)

    await store.write(work)


async def test_what_happened_to_many_plays_is_written_and_changed(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), _ = filled(db, "rob", "ann")
        ids = range(1000, 1070)
        sent = {"artist": "Björk", "track": "Jóga"}
        gone = [Settlement(n, "ignored", NOW, "no", 3, attempts=n, sent=sent if n % 2 else None) for n in ids]
        destination_queue.settle(db, one.id, gone)
        destination_queue.settle(db, other.id, [Settlement(1001, "refused", NOW, "never", sent=sent)])
        assert destination_queue.sent_before(db, [one.id], ids) == {(one.id, n): sent for n in ids if n % 2}
        destination_queue.settle(db, one.id, [Settlement(n, "accepted", NOW + 1) for n in ids if n != 1069])
        stories = {story.play: story for story in destination_queue.stories(db, [one.id], ids)}
        assert stories.keys() == set(ids)
        last = stories.pop(1069)
        assert (last.fate, last.reason, last.code, last.at, last.attempts) == ("ignored", "no", 3, NOW, 1069)
        assert {(s.fate, s.reason, s.code, s.at, s.attempts) for s in stories.values()} == {
            ("accepted", "", None, NOW + 1, 0)
        }
        assert destination_queue.sent_before(db, [one.id, other.id], ids) == {
            (one.id, 1069): sent,
            (other.id, 1001): sent,
        }

    await store.write(work)


async def test_what_a_sender_that_died_was_sending_is_queued_again_as_unanswered(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), ids = filled(db, "rob", "ann")
        for each in (one, other):
            destination_queue.mark_sending(db, claimed(db, each), ids[:2])
        claimed(db, one, NOW + 31)
        stories = destination_queue.stories(db, [one.id, other.id], ids)
        assert {(reasons.destination, reasons.play, reasons.sending, reasons.unanswered) for reasons in stories} == {
            *((one.id, play_id, False, play_id in ids[:2]) for play_id in ids),
            *((other.id, play_id, play_id in ids[:2], False) for play_id in ids),
        }
        destination_queue.free_all(db)
        assert waiting(db, other) == ids

    await store.write(work)


async def test_plays_that_were_rejected_alone_keep_no_others_from_being_found(store: Store) -> None:
    """Maloja and Koito get one play at a time: another has to show that they don't reject every play."""

    def work(db: Connection) -> None:
        [one], ids = filled(db, "rob")
        first = destination_queue.waiting(db, one.id, NOW, 1)
        destination_queue.put_back(db, one.id, [replace(w, refusals=2, refused_at=NOW - 9) for w in first])
        assert [w.id for w in destination_queue.waiting(db, one.id, NOW, 1)] == ids[1:2]
        found = destination_queue.waiting(db, one.id, NOW, 100)
        assert [(w.id, w.refusals, w.refused_at) for w in found][:2] == [(ids[0], 2, NOW - 9), (ids[1], 0, 0.0)]
        destination_queue.settle(db, one.id, [Settlement(play_id, "accepted", NOW) for play_id in ids[1:]])
        assert [w.id for w in destination_queue.waiting(db, one.id, NOW, 1)] == ids[:1]

    await store.write(work)


async def test_what_happened_to_a_play_at_one_is_not_what_happened_at_another(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), ids = filled(db, "rob", "ann")
        destination_queue.settle(db, one.id, [Settlement(ids[0], "refused", NOW, "no", 400, attempts=2)])
        assert (waiting(db, one), waiting(db, other)) == (ids[1:], ids)
        known = destination_queue.known(db, [one.id, other.id], ids)
        assert known[one.id, ids[0]] == "refused"
        assert known[other.id, ids[0]] == "queued"
        assert destination_queue.of_fate(db, one.id, ["refused"], 10) == [ids[0]]
        assert destination_queue.fates(db, [one.id, other.id]) == {one.id: {"refused": 1}}
        destination_queue.enqueue(db, [waiting_row(one, ids[0], 0)])
        assert destination_queue.known(db, [one.id], [ids[0]]) == {(one.id, ids[0]): "queued"}
        destination_queue.settle(db, one.id, [Settlement(ids[0], "accepted", NOW, correction={"artist": "x"})])
        assert destination_queue.known(db, [one.id], [ids[0]]) == {(one.id, ids[0]): "accepted"}
        assert destination_queue.accepted_since(db, one.id, NOW - 1) == 1
        assert destination_queue.counts(db, [one.id, other.id])[other.id].plays == 3

    await store.write(work)


async def test_what_is_due_says_which_answer_and_which_fail(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, two, three), _ = filled(db, "rob", "ann", "eve")
        assert due(db, NOW) == {KIND: [one.id, two.id, three.id]}
        LINE.set_delivery_state(db, claimed(db, one), DeliveryState(fails=1, wait_until=NOW + 5), 0.0)
        assert due(db, NOW) == {KIND: [two.id, three.id]}
        assert due(db, NOW + 40) == {KIND: [two.id, three.id], FAILING: [one.id]}
        destinations.pause(db, two.id, NOW)
        pace.begin_throttle(db, three.pace_key, KeyThrottled(NOW + 90, "too many", refused=False, since=NOW))
        assert due(db, NOW + 40) == {FAILING: [one.id]}
        jobs.remember_failure(db, JobFailure(KIND, one.id, 1, NOW, NOW + 100, "a bug"))
        assert due(db, NOW + 40) == {}
        assert jobs.failures(db, 10, one.account, [one.id])[0].account == one.id
        assert jobs.failures(db, 10, one.account + 1) == []
        destinations.pause(db, two.id, None)
        assert due(db, NOW + 100) == {KIND: [two.id, three.id], FAILING: [one.id]}

    await store.write(work)


async def test_a_start_is_moved_if_the_play_certainly_is_not_there_yet(store: Store) -> None:
    def work(db: Connection) -> None:
        (one, other), ids = filled(db, "rob", "ann")
        destination_queue.mark_sending(db, claimed(db, one), [ids[0]])
        LINE.rescue(db, one.id)
        before = a_play(0).timestamp
        destination_queue.restamp(db, one.account, ids[0], before + 60, 60, 0.0)
        starts = {
            reasons.destination: reasons.timestamp
            for reasons in destination_queue.stories(db, [one.id, other.id], [ids[0]])
        }
        assert starts == {one.id: before, other.id: before + 60}

    await store.write(work)


async def test_removing_keeps_the_record_and_discarding_marks_what_is_unknown(store: Store) -> None:
    def work(db: Connection) -> None:
        (one,), ids = filled(db, "rob")
        destination_queue.mark_sending(db, claimed(db, one), [ids[0]])
        destinations.remove(db, one.id, NOW)
        assert destinations.of_accounts(db, [one.account]) == {}
        assert not accounts.by_id(db, [one.account])[one.account].has_destinations
        assert destination_queue.discard_all(db, one.id, NOW) == 3
        reasons = {reasons.play: reasons.reason for reasons in destination_queue.stories(db, [one.id], ids)}
        assert reasons[ids[0]] == "discarded; an answer was lost: it may be there"
        assert reasons[ids[1]] == "discarded by the listener"
        again = added(db, one.account, "ROB")
        assert (again.id, again.removed_at, again.sealed) == (one.id, None, "sealed token of ROB")
        assert accounts.by_id(db, [one.account])[one.account].has_destinations

    await store.write(work)


async def test_a_policy_is_kept_as_it_was_given(store: Store) -> None:
    def work(db: Connection) -> None:
        policy = Policy(ArtistForm.FIRST, album_artist=False, not_from=("tablet", "radio"), private_until=NOW)
        one = added(db, listener(db), policy=policy)
        assert one.policy == policy
        destinations.set_policy(db, one.id, replace(policy, private_until=0.0))
        found = destinations.find(db, one.id)
        assert found is not None
        assert found.policy.private_until == 0.0
        assert destinations.find(db, 99) is None
        assert destinations.of_account(db, one.account + 1, one.id) is None
        assert destinations.owners(db) == {one.account: (one.id,)}
        assert destinations.end_session(db, one.id, "another", "gone") is False
        assert destinations.end_session(db, one.id, one.sealed, "gone") is True

    await store.write(work)


async def test_tokens_are_sealed_again_with_another_secret(store: Store) -> None:
    old, new = SessionCipher(("old",)), SessionCipher(("new", "old"))

    def work(db: Connection) -> None:
        me = listener(db)
        good, bad = added(db, me, "rob"), added(db, me, "ann")
        destinations.sign_in(db, good.id, "rob", old.close("a token"), good.pace_key)
        reseal(db, new, lost=True)
        found = [destinations.find(db, one.id) for one in (good, bad)]
        assert found[0] is not None
        assert SessionCipher(("new",)).open(found[0].sealed) == "a token"
        assert found[1] is not None
        assert (found[1].sealed, found[1].state.connection, found[1].state.trouble) == (
            "",
            "needs_sign_in",
            SESSION_LOST,
        )

    await store.write(work)
