"""What the pages show about one account, read in one transaction so that its parts agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, false, func, literal_column, or_, select, tuple_

from tonearm.core.account import Account
from tonearm.core.delivery import DeliveryState
from tonearm.core.play import FURTHEST_AHEAD, Play
from tonearm.core.waits import DeliveryFacts, WaitingPlay, stopped
from tonearm.store import attempts, plays, queue
from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import play, scrobble_queue
from tonearm.store.line import QueueState
from tonearm.store.plays import PlayQuery, StoredPlay, play_from_row
from tonearm.store.queries import waiting
from tonearm.store.queue import Count

DAY = 86400.0
COUNTED = 1000
"""At most this many plays are counted for a filter: more are shown as "more than 999"."""


class PlayFilter(StrEnum):
    """Plays by state: in the queue (waiting, including retrying and on hold), or by final state."""

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


FATES: dict[PlayFilter, tuple[str, ...]] = {
    PlayFilter.ALL: (),
    PlayFilter.REFUSED: ("refused", "ignored"),
    PlayFilter.SUSPECTED: ("suspected",),
    PlayFilter.NOT_SENT: ("threshold_not_met", "disabled", "not_authenticated"),
    PlayFilter.TOO_OLD: ("expired",),
    PlayFilter.DISCARDED: ("discarded",),
    PlayFilter.ACCEPTED: ("accepted",),
}
"""The fates of a filter of settled plays; none for all of them."""


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A play in the queue: `owner` is the Last.fm user (case folded) that it was reported for.

    `live`: reported while it was played; all others are backlog, which waits for room under the daily limit.
    """

    id: int
    play: Play
    owner: str
    sending: bool
    tries: int
    not_before: float
    error: str
    live: bool

    @property
    def waiting(self) -> WaitingPlay:
        """The facts that decide why it waits."""
        return WaitingPlay(
            self.owner, self.play.timestamp, self.sending, self.tries, self.not_before, self.error, self.live
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One account as its listener sees it.

    `first` are the plays that may be sent first, one of each kind. `accepted` counts the last 24 hours; `needs` counts
    plays that Last.fm rejected or ignored, and would still accept after an edit. `trouble_since` (Unix seconds) is when
    the first attempt failed after which Last.fm has accepted nothing; None while it answers.
    """

    facts: DeliveryFacts
    count: Count
    first: tuple[WaitingPlay, ...]
    accepted: int
    needs: int
    trouble_since: float | None = None

    @property
    def account(self) -> Account:
        """The account, with the configured API keys."""
        return self.facts.account

    @property
    def state(self) -> DeliveryState:
        """The state of its delivery."""
        return self.facts.state


@dataclass(frozen=True, slots=True)
class PlayPage:
    """A page of plays. `after` is the (timestamp, id) to continue with, None on the last page."""

    entries: tuple[StoredPlay | QueuedRow, ...]
    after: tuple[int, int] | None


def load(db: Connection, facts: DeliveryFacts, oldest: float | None) -> Snapshot:
    """The account as it is now. `oldest` is the age in seconds from which no play is accepted; None: any is."""
    account_id = facts.account.id
    count = queue.count(db, account_id, facts.user, facts.now, lastfm_now=facts.lastfm_now, limited=facts.limited)
    accepted, needs = _accepted_and_needs(db, facts, oldest)
    return Snapshot(
        facts=facts,
        count=count,
        first=waiting.first_of_count(db, facts, count),
        accepted=accepted,
        needs=needs,
        trouble_since=attempts.first_since(db, account_id, facts.state.answered_at) if facts.state.fails else None,
    )


def page(
    db: Connection, snapshot: Snapshot, filter_: PlayFilter, limit: int, after: tuple[int, int] | None = None
) -> PlayPage:
    """Plays that match a filter: queued ones in the order in which they are sent, all others latest first."""
    account_id = snapshot.account.id
    if filter_ in FATES:
        stored = plays.latest(db, account_id, limit + 1, FATES[filter_], after)
        waits = _queued(db, account_id, [one.id for one in stored if one.fate == "queued"])
        return _page_of([waits.get(one.id, one) for one in stored], limit)
    query = select(scrobble_queue).where(scrobble_queue.c.account == account_id, *_of_queue(snapshot.facts, filter_))
    if after:
        query = query.where(tuple_(scrobble_queue.c.timestamp, scrobble_queue.c.id) > tuple_(*after))
    oldest_first = query.order_by(scrobble_queue.c.timestamp, scrobble_queue.c.id)
    return _page_of([_waiting(row) for row in db.execute(oldest_first.limit(limit + 1))], limit)


def history(
    ask: ReadQuestion,
    query: PlayQuery,
    limit: int,
    span: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
) -> PlayPage:
    """Plays of a span of time, or those that match a query, latest first, each from the queue or settled."""
    stored = plays.found(ask, query, limit + 1, span, after)
    queued = [one.id for one in stored if one.fate == "queued"]
    waits = ask(lambda db: _queued(db, query.account, queued))
    return _page_of([waits.get(one.id, one) for one in stored], limit)


def these(db: Connection, account_id: int, ids: Sequence[int]) -> list[StoredPlay | QueuedRow]:
    """Plays by their ids, in this order, each from the queue or settled."""
    stored = plays.by_id(db, account_id, ids)
    waits = _queued(db, account_id, [one.id for one in stored.values() if one.fate == "queued"])
    return [waits.get(id_, stored[id_]) for id_ in ids if id_ in stored]


def entry(db: Connection, stored: StoredPlay) -> StoredPlay | QueuedRow:
    """The play's row in the queue, or the settled play."""
    return _queued(db, stored.account, [stored.id]).get(stored.id, stored) if stored.fate == "queued" else stored


def filters(db: Connection, snapshot: Snapshot) -> dict[PlayFilter, int]:
    """How many plays each filter has, at most `COUNTED`; `all` and `accepted` are not counted."""
    account_id, count = snapshot.account.id, snapshot.count
    bounded: list[Select[Any]] = [
        select(literal_column("1"))
        .where(play.c.account == account_id, play.c.fate == fate, play.c.settled_at.is_not(None))
        .limit(COUNTED)
        for filter_ in (kind for kind in FATES if kind not in (PlayFilter.ALL, PlayFilter.ACCEPTED))
        for fate in FATES[filter_]
    ]
    queued: list[Select[Any]] = [
        select(literal_column("1"))
        .where(scrobble_queue.c.account == account_id, *_of_queue(snapshot.facts, filter_))
        .limit(COUNTED)
        for filter_ in (PlayFilter.RETRYING, PlayFilter.HELD)
    ]
    questions = [select(func.count()).select_from(one.subquery()) for one in (*bounded, *queued)]
    found = list(db.execute(select(*(question.scalar_subquery() for question in questions))).one())
    counts = {PlayFilter.WAITING: count.queued + count.sending}
    counts[PlayFilter.HELD], counts[PlayFilter.RETRYING] = found.pop(), found.pop()
    for filter_ in (kind for kind in FATES if kind not in (PlayFilter.ALL, PlayFilter.ACCEPTED)):
        counts[filter_] = min(COUNTED, sum(found.pop(0) for _ in FATES[filter_]))
    return counts


def _of_queue(facts: DeliveryFacts, filter_: PlayFilter) -> tuple[Any, ...]:
    """The SQL for rows that `core.waits.why_waits` calls held or retrying."""
    row = scrobble_queue.c
    held: Any = or_(row.owner != facts.user, row.timestamp > facts.lastfm_now)
    if facts.limited:
        held = or_(held, ~row.live)
    match filter_:
        case PlayFilter.RETRYING if stopped(facts):
            return (false(),)
        case PlayFilter.RETRYING:
            moves = (row.owner == facts.user, row.timestamp <= facts.lastfm_now)
            return (
                row.state == QueueState.QUEUED,
                row.retry_count > 0,
                *moves,
                *((row.live,) if facts.limited else ()),
            )
        case PlayFilter.HELD if stopped(facts):
            return (row.state == QueueState.QUEUED,)
        case PlayFilter.HELD:
            return (and_(row.state == QueueState.QUEUED, held),)
        case _:
            return ()


def _page_of(found: Sequence[StoredPlay | QueuedRow], limit: int) -> PlayPage:
    shown = tuple(found[:limit])
    last = shown[-1] if len(found) > limit else None
    return PlayPage(shown, (last.play.timestamp, last.id) if last else None)


def _queued(db: Connection, account_id: int, ids: Sequence[int]) -> dict[int, QueuedRow]:
    if not ids:
        return {}
    query = select(scrobble_queue).where(scrobble_queue.c.account == account_id, scrobble_queue.c.id.in_(ids))
    return {row.id: _waiting(row) for row in db.execute(query)}


def _waiting(row: Any) -> QueuedRow:
    return QueuedRow(
        row.id,
        play_from_row(row),
        row.owner,
        row.state == QueueState.SENDING,
        row.retry_count,
        row.next_attempt_at,
        row.last_error,
        bool(row.live),
    )


_ACCEPTED_AND_NEEDS = select(
    plays.ACCEPTED_SINCE.scalar_subquery(),
    # An index finds them by when they were settled, which is never long before the play.
    select(func.count(case((play.c.timestamp > bindparam("oldest"), 1))))
    .where(
        play.c.account == bindparam("account_id"),
        play.c.fate.in_(("refused", "ignored")),
        play.c.settled_at > bindparam("oldest_settled"),
    )
    .scalar_subquery(),
)


def _accepted_and_needs(db: Connection, facts: DeliveryFacts, oldest: float | None) -> tuple[int, int]:
    """Plays that were accepted in the last 24 hours, and those that can still be edited."""
    first = 0.0 if oldest is None else facts.now - oldest
    given = {"account_id": facts.account.id, "since": facts.now - DAY, "oldest": first}
    given["oldest_settled"] = first - FURTHEST_AHEAD
    accepted, needs = db.execute(_ACCEPTED_AND_NEEDS, given).one()
    return accepted, needs
