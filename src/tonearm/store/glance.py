"""A glance: what the pages show of one account, read in one transaction so that its parts agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, case, false, func, literal_column, or_, select, tuple_

from tonearm.core.account import Account
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import Line
from tonearm.core.play import FURTHEST_AHEAD, OLDEST_ACCEPTED, Play
from tonearm.store import accounts, jobs, pace, plays, queue
from tonearm.store.pace import Held
from tonearm.store.plays import Kept, Wanted, frozen
from tonearm.store.queue import Count, State
from tonearm.store.readers import Ask
from tonearm.store.schema import account, play, scrobble_queue

DAY = 86400.0
COUNTED = 1000
"""Plays that a shelf counts at most: more are "more than 999", whatever the history holds."""


class Shelf(StrEnum):
    """Plays by how they stand: in the queue (waiting, of them retrying and held), or by their fate."""

    ALL = "all"
    WAITING = "waiting"
    RETRYING = "retrying"
    HELD = "held"
    REFUSED = "refused"
    SUSPECTED = "suspected"
    NOT_SENT = "not-sent"
    TOO_OLD = "too-old"
    DISCARDED = "discarded"
    ACCEPTED = "accepted"


FATES: dict[Shelf, tuple[str, ...]] = {
    Shelf.ALL: (),
    Shelf.REFUSED: ("refused", "ignored"),
    Shelf.SUSPECTED: ("suspected",),
    Shelf.NOT_SENT: ("threshold_not_met", "disabled", "not_authenticated"),
    Shelf.TOO_OLD: ("expired",),
    Shelf.DISCARDED: ("discarded",),
    Shelf.ACCEPTED: ("accepted",),
}
"""The fates on a shelf of settled plays; none for all of them."""


@dataclass(frozen=True, slots=True)
class InLine:
    """A play in the queue: `owner` is the Last.fm user (case folded) that it was reported for.

    `live`: reported when it was played; what is not is a backlog, which waits for room in the daily budget.
    """

    id: int
    play: Play
    owner: str
    sending: bool
    tries: int
    not_before: float
    error: str
    live: bool


@dataclass(frozen=True, slots=True)
class Glance:
    """One account as its listener sees it.

    Before `backlog_until` (Unix seconds) a backlog makes no attempt. `accepted` counts the last 24 hours; `needs`
    counts what Last.fm refused or ignored and would still take corrected. `paused`: no delivery begins.
    """

    account: Account
    line: Line
    backlog_until: float
    rests: Held | None
    count: Count
    accepted: int
    needs: int
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of plays. `after` (timestamp, id) continues it, None on the last."""

    entries: tuple[Kept | InLine, ...]
    after: tuple[int, int] | None


def look(db: Connection, number: int, keys: Sequence[str], now: float) -> Glance:
    """The account as it is now, where these API keys are set: the rests of its own hold it up."""
    who = accounts.by_id(db, [number])[number].under(keys)
    return Glance(
        account=who,
        line=queue.line(db, number),
        backlog_until=db.execute(select(account.c.backlog_until).where(account.c.id == number)).scalar_one(),
        rests=pace.held(db, who.key_among(keys), now) if who.key_is_set else None,
        count=queue.count(db, number, who.username.casefold(), now),
        accepted=plays.accepted_since(db, number, now - DAY),
        needs=_needs(db, number, now),
        paused=jobs.sending_paused(db),
    )


def leaf(
    db: Connection, seen: Glance, shelf: Shelf, now: float, limit: int, after: tuple[int, int] | None = None
) -> Leaf:
    """Plays of a shelf: what is in the queue oldest first, as it goes out, all others latest first."""
    number = seen.account.id
    if shelf in FATES:
        kept = plays.latest(db, number, limit + 1, FATES[shelf], after)
        waits = _in_line(db, number, [one.id for one in kept if one.fate == "queued"])
        return _leaf([waits.get(one.id, one) for one in kept], limit)
    wanted = select(scrobble_queue).where(scrobble_queue.c.account == number, *_of_queue(seen, shelf, now))
    if after:
        wanted = wanted.where(tuple_(scrobble_queue.c.timestamp, scrobble_queue.c.id) > tuple_(*after))
    oldest_first = wanted.order_by(scrobble_queue.c.timestamp, scrobble_queue.c.id)
    return _leaf([_waiting(row) for row in db.execute(oldest_first.limit(limit + 1))], limit)


def history(
    ask: Ask,
    wanted: Wanted,
    limit: int,
    span: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
) -> Leaf:
    """Plays of a span of time, or those that are wanted, latest first, each where it is now."""
    kept = plays.found(ask, wanted, limit + 1, span, after)
    queued = [one.id for one in kept if one.fate == "queued"]
    waits = ask(lambda db: _in_line(db, wanted.account, queued))
    return _leaf([waits.get(one.id, one) for one in kept], limit)


def entry(db: Connection, kept: Kept) -> Kept | InLine:
    """The play where it is now: in the queue, or settled."""
    return _in_line(db, kept.account, [kept.id]).get(kept.id, kept) if kept.fate == "queued" else kept


def shelves(db: Connection, seen: Glance, now: float) -> dict[Shelf, int]:
    """How many plays are on each shelf, at most `COUNTED`; what needs no look (all, accepted) is not counted."""
    number, count = seen.account.id, seen.count
    bounded: list[Select[Any]] = [
        select(literal_column("1"))
        .where(play.c.account == number, play.c.fate == fate, play.c.settled_at.is_not(None))
        .limit(COUNTED)
        for shelf in (kind for kind in FATES if kind not in (Shelf.ALL, Shelf.ACCEPTED))
        for fate in FATES[shelf]
    ]
    in_line: list[Select[Any]] = [
        select(literal_column("1"))
        .where(scrobble_queue.c.account == number, *_of_queue(seen, shelf, now))
        .limit(COUNTED)
        for shelf in (Shelf.RETRYING, Shelf.HELD)
    ]
    questions = [select(func.count()).select_from(one.subquery()) for one in (*bounded, *in_line)]
    found = list(db.execute(select(*(question.scalar_subquery() for question in questions))).one())
    counts = {Shelf.WAITING: count.queued + count.sending}
    counts[Shelf.HELD], counts[Shelf.RETRYING] = found.pop(), found.pop()
    for shelf in (kind for kind in FATES if kind not in (Shelf.ALL, Shelf.ACCEPTED)):
        counts[shelf] = min(COUNTED, sum(found.pop(0) for _ in FATES[shelf]))
    return counts


def _all_held(seen: Glance) -> bool:
    refused = seen.rests is not None and seen.rests.refused
    return seen.paused or refused or seen.account.connection is not Connected.CONNECTED


def _of_queue(seen: Glance, shelf: Shelf, now: float) -> tuple[Any, ...]:
    row = scrobble_queue.c
    match shelf:
        case Shelf.RETRYING if _all_held(seen):
            return (false(),)
        case Shelf.RETRYING:
            rests = (row.live,) if seen.backlog_until > now else ()
            return row.retry_count > 0, row.owner == seen.account.username.casefold(), *rests
        case Shelf.HELD if _all_held(seen):
            return (row.state == State.QUEUED,)
        case Shelf.HELD:
            held = [row.owner != seen.account.username.casefold(), row.timestamp > int(now)]
            return (or_(*held, ~row.live) if seen.backlog_until > now else or_(*held),)
        case _:
            return ()


def _leaf(found: Sequence[Kept | InLine], limit: int) -> Leaf:
    shown = tuple(found[:limit])
    last = shown[-1] if len(found) > limit else None
    return Leaf(shown, (last.play.timestamp, last.id) if last else None)


def _in_line(db: Connection, number: int, ids: Sequence[int]) -> dict[int, InLine]:
    if not ids:
        return {}
    wanted = select(scrobble_queue).where(scrobble_queue.c.account == number, scrobble_queue.c.id.in_(ids))
    return {row.id: _waiting(row) for row in db.execute(wanted)}


def _waiting(row: Any) -> InLine:
    return InLine(
        row.id,
        frozen(row),
        row.owner,
        row.state == State.SENDING,
        row.retry_count,
        row.next_attempt_at,
        row.last_error,
        bool(row.live),
    )


def _needs(db: Connection, number: int, now: float) -> int:
    """What can still be corrected. An index finds it by when it was settled, which is never long before the play."""
    oldest = now - OLDEST_ACCEPTED
    wanted = select(func.count(case((play.c.timestamp > oldest, 1)))).where(
        play.c.account == number,
        play.c.fate.in_(("refused", "ignored")),
        play.c.settled_at > oldest - FURTHEST_AHEAD,
    )
    return db.execute(wanted).scalar_one()
