"""The queue's rows and the fenced lease: one sender at a time, and nothing lost when a sender dies."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, update

from tests.databases import only_sqlite
from tests.store.rows import NOW, a_play, enqueue, history_row, listener, queue_row
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import DeliveryState
from tonearm.lastfm.rules import OLDEST
from tonearm.store import accounts, attempts, loved, plays, queue
from tonearm.store.db.database import Store
from tonearm.store.db.schema import metadata, scrobble_queue
from tonearm.store.db.schema import play as history
from tonearm.store.db.sqlite_writer import DataFault
from tonearm.store.line import Fenced, Lease, QueueState
from tonearm.store.queries import account_overview, deliveries
from tonearm.store.queries.waiting import delivery_facts

pytestmark = pytest.mark.anyio


def states(db: Connection) -> dict[int, str]:
    return {row.id: row.state for row in db.execute(select(scrobble_queue.c.id, scrobble_queue.c.state))}


def claimed(db: Connection, account_id: int, now: float = NOW, owner: str = "one") -> Lease:
    lease = queue.claim(db, account_id, owner, now, now + 30)
    assert lease is not None
    return lease


# One sender at a time


async def test_an_account_is_claimed_by_one_sender(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        lease = claimed(db, me)
        assert (lease.account, lease.lease_id, lease.user) == (me, 1, "rj")
        assert lease.sealed_session == "sealed session of RJ"
        assert lease.state == DeliveryState()
        assert queue.claim(db, me, "two", NOW + 29.9, NOW + 60) is None
        assert queue.leased_until(db, me) == NOW + 30

    await store.write(work)


async def test_a_lease_that_ran_out_goes_to_the_next_and_fences_the_first(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        first = claimed(db, me)
        second = claimed(db, me, NOW + 30, "two")
        assert second.lease_id == first.lease_id + 1
        with pytest.raises(Fenced):
            queue.renew(db, first, NOW + 90)
        with pytest.raises(Fenced):
            queue.set_delivery_state(db, first, DeliveryState(fails=9), NOW + 90)
        with pytest.raises(Fenced):
            queue.lock_lease(db, first)
        queue.release(db, first)
        assert queue.claim(db, me, "three", NOW + 40, NOW + 70) is None
        assert queue.lock_lease(db, second) == second

    await store.write(work)


async def test_a_renewal_after_the_lease_was_released_does_not_keep_it(store: Store) -> None:
    def give_back_and_renew(db: Connection) -> None:
        me = listener(db)
        lease = claimed(db, me)
        queue.release(db, lease)
        with pytest.raises(Fenced):
            queue.renew(db, lease, NOW + 90)
        assert claimed(db, me)

    await store.write(give_back_and_renew)


async def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        queue.renew(db, claimed(db, me), NOW + 100)
        assert queue.claim(db, me, "two", NOW + 99, NOW + 120) is None
        assert queue.claim(db, me, "two", NOW + 100, NOW + 120) is not None

    await store.write(work)


async def test_a_lease_that_is_held_shows_the_account_as_it_is_now(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        lease = claimed(db, me)
        accounts.sign_in(db, me, "Other", "another sealed session", "another key")
        held = queue.lock_lease(db, lease)
        assert (held.user, held.sealed_session, held.api_key) == ("other", "another sealed session", "another key")

    await store.write(work)


async def test_a_released_account_is_free_at_once(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        queue.release(db, claimed(db, me))
        assert queue.claim(db, me, "two", NOW, NOW + 30) is not None

    await store.write(work)


async def test_a_lease_on_one_account_leaves_others_free(store: Store) -> None:
    def work(db: Connection) -> None:
        claimed(db, listener(db))
        assert queue.claim(db, listener(db, "other"), "two", NOW, NOW + 30) is not None

    await store.write(work)


async def test_an_account_that_is_not_there_cannot_be_claimed(store: Store) -> None:
    assert await store.write(lambda db: queue.claim(db, 99, "one", NOW, NOW + 30)) is None


# What a sender leaves behind


@pytest.mark.parametrize("end", ["dies", "lets go", "dies with the process"])
async def test_what_was_being_sent_waits_again_unchanged(store: Store, end: str) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        first, second = enqueue(db, me, 1), enqueue(db, me, 2)
        before = queue.waiting(db, me, "rj", NOW, 50)
        lease = claimed(db, me)
        queue.mark_sending(db, lease, [first])
        assert states(db) == {first: QueueState.SENDING, second: QueueState.QUEUED}
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 50)] == [second]
        match end:
            case "dies":
                claimed(db, me, NOW + 30, "two")
            case "lets go":
                queue.release(db, lease)
            case _:
                queue.free_all(db)
                assert queue.claim(db, me, "two", NOW, NOW + 30) is not None
        assert queue.waiting(db, me, "rj", NOW, 50) == before

    await store.write(work)


async def test_what_another_account_sends_stays_on_its_way(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        sent = enqueue(db, other, 1)
        queue.mark_sending(db, claimed(db, other), [sent])
        queue.release(db, claimed(db, me))
        assert states(db) == {sent: QueueState.SENDING}

    await store.write(work)


async def test_a_fenced_sender_rescues_nothing(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        old = claimed(db, me)
        new = claimed(db, me, NOW + 30, "two")
        queue.mark_sending(db, new, [play_id])
        queue.release(db, old)
        assert states(db) == {play_id: QueueState.SENDING}

    await store.write(work)


async def test_at_its_start_the_only_sender_frees_accounts_that_are_signed_out_too(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        queue.mark_sending(db, claimed(db, me), [play_id])
        accounts.sign_out(db, me)
        queue.free_all(db)
        assert states(db) == {play_id: QueueState.QUEUED}

    await store.write(work)


# What waits


async def test_plays_wait_oldest_first_up_to_a_number(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        numbers = [enqueue(db, me, n) for n in (5, 3, 9, 1)]
        waiting = queue.waiting(db, me, "rj", NOW, 3)
        assert [w.id for w in waiting] == [numbers[3], numbers[1], numbers[0]]
        assert [w.play for w in waiting] == [a_play(1), a_play(3), a_play(5)]

    await store.write(work)


async def test_plays_that_were_rejected_alone_keep_no_others_from_being_found(store: Store) -> None:
    """Only the answer for another play can show that the server doesn't reject every play."""

    def work(db: Connection) -> None:
        me = listener(db)
        refused, others = [enqueue(db, me, n) for n in (1, 2)], [enqueue(db, me, n) for n in (3, 4)]
        queue.put_back(db, [replace(w, refusals=1) for w in queue.waiting(db, me, "rj", NOW, 2)])
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 2)] == others
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 3)] == [*refused, others[0]]
        queue.remove(db, others)
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 2)] == refused

    await store.write(work)


async def test_plays_of_another_lastfm_user_do_not_wait_for_this_one(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        mine, _ = enqueue(db, me, 1), enqueue(db, me, 2, owner="somebody else")
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 50)] == [mine]

    await store.write(work)


async def test_a_play_that_waits_for_a_moment_waits_for_it(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1, next_attempt_at=NOW + 10)
        assert queue.waiting(db, me, "rj", NOW + 9.9, 50) == []
        assert len(queue.waiting(db, me, "rj", NOW + 10, 50)) == 1

    await store.write(work)


async def test_a_play_that_comes_back_brings_everything_that_is_known(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        [waiting] = queue.waiting(db, me, "rj", NOW, 50)
        queue.mark_sending(db, claimed(db, me), [play_id])
        back = replace(
            waiting,
            tries=3,
            not_before=NOW + 5,
            group=play_id,
            refused_at=NOW - 1,
            too_new=1,
            refusals=2,
            error="Last.fm error 8: x",
        )
        queue.put_back(db, [back])
        assert queue.waiting(db, me, "rj", NOW + 5, 50) == [back]
        queue.put_back(db, [])

    await store.write(work)


async def test_a_play_that_is_in_the_queue_stays_as_it_is(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        queue.enqueue(db, [queue_row(play_id, owner="somebody else")])
        queue.enqueue(db, [])
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 50)] == [play_id]

    await store.write(work)


async def test_a_play_that_leaves_the_queue_stays_in_the_history(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        queue.remove(db, [play_id])
        assert states(db) == {}
        assert plays.find(db, me, play_id) is not None

    await store.write(work)


async def test_the_state_of_a_delivery_is_kept(store: Store) -> None:
    line = DeliveryState(Connected.NEEDS_SIGN_IN, NOW + 5, 3, 2, 1, NOW, "Last.fm error 9: x")

    def work(db: Connection) -> None:
        me = listener(db)
        queue.set_delivery_state(db, claimed(db, me), line, NOW + 90)
        assert queue.delivery_state(db, me) == line
        assert queue.leased_until(db, me) == NOW + 90

    await store.write(work)


# Who has something to send


@pytest.mark.parametrize(
    ("change", "is_due"),
    [
        pytest.param({}, True, id="somebody who waits"),
        pytest.param({"next_attempt_at": NOW + 1}, False, id="nobody whose play waits for a moment"),
        pytest.param({"owner": "somebody else"}, False, id="nobody whose plays are another user's"),
        pytest.param({"state": QueueState.SENDING}, True, id="somebody whose sender died"),
    ],
)
async def test_who_is_due_by_the_rows(store: Store, change: dict[str, Any], is_due: bool) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1, **change)
        assert queue.due(db, NOW, "key") == ([me] if is_due else [])

    await store.write(work)


@pytest.mark.parametrize(
    ("line", "is_due"),
    [
        (DeliveryState(wait_until=NOW), True),
        (DeliveryState(wait_until=NOW + 0.1), False),
        (DeliveryState(Connected.NEEDS_SIGN_IN), False),
        (DeliveryState(Connected.SUSPENDED), False),
        (DeliveryState(Connected.DISCONNECTED), False),
    ],
)
async def test_who_is_due_by_the_account(store: Store, line: DeliveryState, is_due: bool) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1)
        lease = claimed(db, me)
        queue.set_delivery_state(db, lease, line, NOW + 30)
        queue.release(db, lease)
        assert queue.due(db, NOW, "key") == ([me] if is_due else [])

    await store.write(work)


async def test_an_account_that_is_taken_is_not_due(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1)
        claimed(db, me)
        assert queue.due(db, NOW + 29, "key") == []
        assert queue.due(db, NOW + 30, "key") == [me]

    await store.write(work)


async def test_who_waits_longest_comes_first(store: Store) -> None:
    def work(db: Connection) -> None:
        numbers = [listener(db, name) for name in "abc"]
        for account_id, answered_at in zip(numbers, (30.0, 10.0, 20.0), strict=True):
            enqueue(db, account_id, 1)
            lease = claimed(db, account_id)
            queue.set_delivery_state(db, lease, DeliveryState(answered_at=answered_at), NOW + 30)
            queue.release(db, lease)
        a, b, c = numbers
        assert queue.due(db, NOW, "key") == [b, c, a]

    await store.write(work)


async def test_what_is_too_old_is_found_whoever_it_belongs_to(store: Store) -> None:
    def work(db: Connection) -> None:
        me, gone = listener(db), listener(db, "gone")
        accounts.sign_out(db, gone)
        old = enqueue(db, me, 0, OLDEST)
        older = enqueue(db, gone, 0, OLDEST + 9, owner="x")
        enqueue(db, me, 1, OLDEST)
        queue.mark_sending(db, claimed(db, me), [enqueue(db, me, 3, OLDEST + 99)])
        assert queue.too_old(db, NOW - OLDEST, 50, "") == [(older, gone), (old, me)]
        assert queue.too_old(db, NOW - OLDEST, 1, "") == [(older, gone)]

    await store.write(work)


async def test_what_a_wrong_clock_has_put_back_is_due_when_its_time_has_come(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        ahead = enqueue(db, me, 1, -500, next_attempt_at=NOW + 20 * 86400)
        past = enqueue(db, me, 2, next_attempt_at=NOW + 3 * 3600)
        enqueue(db, other, 1, next_attempt_at=NOW + 3600)  # as after a refusal
        enqueue(db, other, 2, -9000, next_attempt_at=NOW + 9000)  # its own time
        assert queue.PUT_BACK.accounts(db, NOW, 0.5) == [me]
        queue.PUT_BACK.due_at_their_time(db, [me], NOW, 0.5)
        assert queue.PUT_BACK.accounts(db, NOW, 0.5) == []
        assert [w.id for w in queue.waiting(db, me, "rj", NOW, 50)] == [past]
        assert {w.id for w in queue.waiting(db, me, "rj", NOW + 502, 50)} == {past, ahead}
        assert queue.PUT_BACK.accounts(db, NOW, 20000.0) == [other], "by Last.fm's clock its time has long come"

    await store.write(work)


async def test_a_retry_makes_due_what_waits_and_ends_the_back_off(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        enqueue(db, me, 1, next_attempt_at=NOW + 99)
        enqueue(db, me, 2, -500, next_attempt_at=NOW + 502)
        enqueue(db, other, 1, next_attempt_at=NOW + 99)
        lease = claimed(db, me)
        queue.set_delivery_state(db, lease, DeliveryState(wait_until=NOW + 99), NOW + 30)
        queue.release(db, lease)
        queue.retry_all(db, me, NOW)
        assert [w.play for w in queue.waiting(db, me, "rj", NOW, 50)] == [a_play(1)]
        assert queue.due(db, NOW, "key") == [me]

    await store.write(work)


@pytest.mark.parametrize("skew", [0.0, 3600.0, -3600.0])
async def test_a_retry_by_a_fast_clock_sends_nothing_early_once_the_clock_is_right(store: Store, skew: float) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1, next_attempt_at=NOW + 99)
        ahead = enqueue(db, me, 2, -50_000, next_attempt_at=NOW + 50_000)
        start = a_play(2, -50_000).timestamp
        fast = NOW + 20 * 86400
        queue.retry_all(db, me, fast, skew)
        queue.due_now(db, me, ahead, fast, skew)
        assert len(queue.waiting(db, me, "rj", fast, 50)) == 2
        assert [w.play for w in queue.waiting(db, me, "rj", NOW, 50)] == [a_play(1)]
        assert len(queue.waiting(db, me, "rj", start - skew, 50)) == 2

    await store.write(work)


# Counts


async def test_the_counts_are_of_the_rows(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        assert queue.count(db, me, "rj", NOW) == queue.Count(0, 0, 0, 0, None, None, None)
        enqueue(db, me, 1, next_attempt_at=NOW + 5)
        enqueue(db, me, 2, next_attempt_at=NOW + 3)
        enqueue(db, me, 3, owner="somebody else", next_attempt_at=NOW)
        enqueue(db, me, 4, -500, next_attempt_at=NOW + 504)
        queue.mark_sending(db, claimed(db, me), [enqueue(db, me, 0)])
        enqueue(db, other, 1)
        count = queue.count(db, me, "rj", NOW)
        assert (count.queued, count.sending, count.held_for_others, count.held_ahead) == (4, 1, 1, 1)
        assert (count.next_live_at, count.next_late_at, count.oldest) == (NOW + 3, None, a_play(0).timestamp)
        assert (queue.length(db, me), queue.length(db, other), queue.length_of_all(db)) == (5, 1, 6)
        assert len(queue.in_queue(db, me, "rj")) == 4
        assert queue.others(db, me, "rj") == (queue.Others("somebody else", 1),)

    await store.write(work)


async def test_the_queue_is_listed_oldest_first(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        numbers = [enqueue(db, me, n) for n in (2, 1, 3)]
        assert queue.oldest(db, me, 2) == [numbers[1], numbers[0]]

    await store.write(work)


# However many plays wait


@only_sqlite
async def test_nothing_that_delivery_asks_goes_through_all_plays(store: Store) -> None:
    asked: list[tuple[str, Any]] = []

    def noted(_c: object, _k: object, statement: str, values: Any, _x: object, many: bool) -> None:
        asked.append((statement, values[0] if many else values))

    def work(db: Connection) -> None:
        me = listener(db)
        first, second = enqueue(db, me, 1), enqueue(db, me, 2)
        event.listen(db, "before_cursor_execute", noted)
        queue.free_all(db)
        queue.due(db, NOW, "key")
        queue.too_old(db, NOW, 50, "")
        lease = claimed(db, me)
        waiting = queue.waiting(db, me, "rj", NOW, 50)
        queue.mark_sending(db, lease, [first, second])
        queue.rows(db, [first, second])
        queue.count(db, me, "rj", NOW)
        queue.put_back(db, [replace(w, unanswered=True) for w in waiting])
        queue.restamp(db, first, a_play(3).timestamp, 60, 0.0)
        queue.due_now(db, me, first, NOW)
        queue.retry_all(db, me, NOW)
        plays.settle(db, [first], "accepted", NOW)
        queue.remove(db, [first])
        plays.accepted_since(db, me, NOW)
        attempts.forget(db, NOW)
        queue.release(db, lease)
        account_overview.load(db, delivery_facts(db, me, ["key"], NOW, NOW, configured=True), OLDEST)
        deliveries.of_all(db, ["key"], NOW, 50)
        before = len(asked)
        deliveries.of_account(db, me, NOW)
        assert not any("owing" in statement for statement, _ in asked[before:])  # it is nobody else's
        event.remove(db, "before_cursor_execute", noted)
        plans = [
            (step.detail, statement)
            for statement, values in asked
            for step in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
        assert any("scrobble_queue_by_turn" in step for step, _ in plans)
        assert [plan for plan in plans if plan[0].startswith(("SCAN scrobble_queue", "SCAN play"))] == []

    await store.write(work)


# Uniqueness lives in the table


async def test_a_play_is_in_the_table_once(store: Store) -> None:
    def two(db: Connection) -> None:
        me = listener(db)
        enqueue(db, me, 1)
        enqueue(db, me, 2)

    def same(db: Connection) -> None:
        db.execute(update(metadata.tables["play"]).values(artist="Nina Simone", track="Song", timestamp=1))

    await store.write(two)
    with pytest.raises(DataFault, match=r"(?i)unique"):
        await store.write(same)


async def test_names_of_any_length_are_distinguished(store: Store) -> None:
    """No index of PostgreSQL holds a text of more than a third of a page."""
    chance = random.Random(1)
    long = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(5000))

    def work(db: Connection) -> tuple[int, dict[str, int]]:
        me = listener(db)
        row = history_row(me, a_play(1))
        names = [(long, "x"), (long, "xy"), (long + "x", "y"), (long, "x")]
        written = plays.insert(db, [{**row, "artist": artist, "track": track} for artist, track in names])
        facts = [{"artist": artist, "track": track, "outcome": "missing"} for artist, track in names[:3]]
        for outcome in ("missing", "matched"):
            loved.write(db, me, [{**fact, "mbid": "", "loved_at": 1, "outcome": outcome} for fact in facts])
        return len(written), loved.counts(db, me)

    assert await store.write(work) == (3, {"matched": 3})


async def test_the_history_keeps_the_first_of_two_reports(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        first = plays.insert(db, [history_row(me, a_play(1), reason="first")])
        again = plays.insert(db, [history_row(me, a_play(1), reason="again"), history_row(me, a_play(2))])
        key = (me, "Nina Simone", "Song 1", a_play(1).timestamp)
        assert list(first) == [key]
        assert len(again) == 1
        assert len(plays.insert(db, [history_row(other, a_play(1))])) == 1
        stored = plays.find(db, me, first[key])
        assert stored is not None
        assert (stored.reason, stored.play) == ("first", a_play(1))
        assert plays.known(db, [key, (me, "x", "y", 1)]) == {key: (first[key], "queued")}
        assert plays.known(db, []) == {}
        assert plays.insert(db, []) == {}

    await store.write(work)


async def test_many_plays_are_written_found_and_queued_as_one_is(store: Store) -> None:
    """However many rows a statement is given, and whichever of them are there already."""

    def work(db: Connection) -> None:
        me = listener(db)
        rows = [history_row(me, a_play(n)) for n in range(120)]
        there = plays.insert(db, [dict(rows[n]) for n in (0, 40, 119)])
        fresh = plays.insert(db, rows)
        keys = [(me, row["artist"], row["track"], row["timestamp"]) for row in rows]
        numbers = plays.known(db, keys)
        assert len(numbers) == 120
        assert fresh == {key: number for key, (number, _) in numbers.items() if key not in there}
        assert {key: numbers[key][0] for key in there} == there
        ids = [numbers[key][0] for key in keys]
        queue.enqueue(db, [queue_row(play_id) for play_id in ids[:70]])
        queue.enqueue(db, [queue_row(play_id, owner="somebody else") for play_id in ids])
        owners = queue.rows(db, ids)
        assert [owners[play_id].owner for play_id in ids] == ["rj"] * 70 + ["somebody else"] * 50
        near = plays.near(db, [(me, a_play(n)) for n in range(121)])
        assert {place: found[:3] for place, [found] in near.items()} == {
            n: (ids[n], a_play(n), "queued") for n in range(120)
        }
        own = [ids[0], *ids[:119], 0]  # the first play is left out; all others are given another's id
        near = plays.near(db, [(me, a_play(n)) for n in range(121)], own=own)
        assert {place: found[0].id for place, found in near.items()} == {n: ids[n] for n in range(1, 120)}

    await store.write(work)


async def test_what_others_reported_is_found_by_the_time_that_it_shares(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")

        def said(number: int, minutes: float, length: float, reporter: str = "a server", **changed: Any) -> None:
            play = replace(a_play(number), timestamp=int(NOW + minutes * 60), played=length * 60)
            plays.insert(db, [history_row(changed.pop("account", me), play, reporter=reporter, **changed)])

        def beside(*asked: tuple[float, float]) -> list[list[str]]:
            mine = [
                replace(a_play(0), timestamp=int(NOW + minutes * 60), played=length * 60) for minutes, length in asked
            ]
            found = plays.of_others(db, me, "a player", mine)
            return [[theirs.play.track.title for theirs in found.beside(one)] for one in mine]

        said(1, 0, 3)
        said(2, 3, 4)
        said(3, -300, 301)
        said(4, -361, 400)
        said(5, 1, 3, "a player")
        said(6, 1, 3, account=other)
        said(7, 1, 3, fate="discarded")
        said(8, 1, 3, fate="accepted")
        said(9, 60 * 24, 3)
        assert beside((0, 3)) == [["Song 3", "Song 1", "Song 8"]]
        assert beside((5, 90)) == [["Song 2"]]
        assert beside((-500, 1)) == [[]]
        assert beside((60 * 24 + 1, 3), (2, 2), (60, 1)) == [["Song 9"], ["Song 1", "Song 8", "Song 2"], []]
        assert beside() == []
        said(10, -200, 300)
        assert beside((60, 1), (-190, 1)) == [["Song 10"], ["Song 4", "Song 3", "Song 10"]]

    await store.write(work)


async def test_one_letter_or_one_second_makes_another_play(store: Store) -> None:
    def work(db: Connection) -> int:
        me = listener(db)
        row = history_row(me, a_play(1))
        changes: list[dict[str, Any]] = [
            {},
            {"artist": "nina simone"},
            {"track": "Song 1 "},
            {"timestamp": row["timestamp"] + 1},
            {"album": "same play, other album"},
        ]
        return len(plays.insert(db, [{**row, **change} for change in changes]))

    assert await store.write(work) == 4


async def test_the_fate_of_a_play_is_stored_with_its_details(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        one, two = enqueue(db, me, 1), enqueue(db, me, 2)
        plays.settle(db, [one, two], "ignored", NOW + 1, reason="a filter", code=1, correction={"artist": "N. Simone"})
        for play_id in (one, two):
            stored = plays.find(db, me, play_id)
            assert stored is not None
            assert (stored.fate, stored.reason, stored.code, stored.settled_at) == ("ignored", "a filter", 1, NOW + 1)
            assert stored.correction == {"artist": "N. Simone"}
        plays.settle(db, [one], "queued", None)
        again = plays.find(db, me, one)
        assert again is not None
        assert (again.fate, again.reason, again.code, again.settled_at, again.correction) == (
            "queued",
            "",
            None,
            None,
            None,
        )
        assert plays.find(db, me + 1, one) is None
        assert plays.count_by_fate(db, me, ("ignored", "refused")) == {"ignored": 1}

    await store.write(work)


async def test_the_latest_plays_come_first(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        numbers = [enqueue(db, me, n) for n in (2, 1, 3)]
        plays.settle(db, [numbers[1]], "accepted", NOW)
        assert [stored.id for stored in plays.latest(db, me, 2)] == [numbers[2], numbers[0]]
        assert [stored.id for stored in plays.latest(db, me, 9, ("accepted",))] == [numbers[1]]

    await store.write(work)


async def test_a_play_that_is_reported_better_is_written_again(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        [play_id] = plays.insert(db, [history_row(me, a_play(1), fate="threshold_not_met")]).values()
        plays.rewrite(db, play_id, history_row(me, replace(a_play(1), played=190.0)))
        stored = plays.find(db, me, play_id)
        assert stored is not None
        assert (stored.fate, stored.play.played) == ("queued", 190.0)

    await store.write(work)


async def test_only_the_rules_freeze_a_row_of_the_queue(store: Store) -> None:
    """What a host may edit by hand in the history never changes what is sent."""

    def work(db: Connection) -> None:
        me = listener(db)
        play_id = enqueue(db, me, 1)
        db.execute(update(history).where(history.c.id == play_id).values(artist="edited"))
        assert [w.play for w in queue.waiting(db, me, "rj", NOW, 50)] == [a_play(1)]

    await store.write(work)


@only_sqlite
async def test_more_plays_than_a_statement_has_values_are_settled(store: Store) -> None:
    def work(db: Connection) -> None:
        driver: Any = db.connection.dbapi_connection
        if hasattr(driver, "setlimit"):  # which not every driver has
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        me = listener(db)
        several = [enqueue(db, me, number) for number in range(3)]
        many = [*range(10_000, 50_000), *several]
        plays.mark_unanswered(db, many)
        plays.settle(db, many, "discarded", NOW)
        queue.remove(db, many)
        assert queue.length(db, me) == 0
        assert {one.fate for one in plays.latest(db, me, 10)} == {"discarded"}

    await store.write(work)


@pytest.mark.parametrize("how", ["claimed anew", "given back", "freed at the start"])
async def test_what_was_being_sent_when_its_sender_was_lost_may_be_on_lastfm(store: Store, how: str) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        sent, waits = enqueue(db, me, 1), enqueue(db, me, 2)
        lease = queue.claim(db, me, "one", NOW, NOW + 30)
        assert lease is not None
        queue.mark_sending(db, lease, [sent])
        if how == "claimed anew":
            assert queue.claim(db, me, "another", NOW + 31, NOW + 61)
        elif how == "given back":
            queue.release(db, lease)
        else:
            queue.free_all(db)
        assert [plays.restamped(db, play_id).unanswered for play_id in (sent, waits)] == [True, False]

    await store.write(work)
