"""What waits for destinations, and what happened to each play at each destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    case,
    delete,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import QueuedPlay
from tonearm.store.db.dialect import Among, insert_ignore, insert_or_change, parts
from tonearm.store.db.schema import delivery, destination, destination_queue, history_import, job_failure, pace, play
from tonearm.store.due_times import PutBack, at_once
from tonearm.store.line import Lease, Line, Off, QueueState, not_off, over, waiting_columns, waiting_play
from tonearm.store.pace import no_throttle
from tonearm.store.plays import facts, frozen_columns, play_from_tuple

KIND = "destination"
"""The kind of job that delivers what waits for a destination."""

FAILING = f"{KIND}:2"
"""The same for the engine, if the destination has just failed: so those that answer wait for none that does not."""

ACCEPTED, DISCARDED, KEPT, SUSPECTED = "accepted", "discarded", "kept", "suspected"
"""Fates that are not an answer's own: `kept` here by the policy of a destination."""

_ROW = destination_queue.c


def _mark_unanswered(db: Connection, destination_id: int, ids: Iterable[int]) -> None:
    for play_ids in parts(ids):
        db.execute(_UNANSWERED, {"of": destination_id, "ids": play_ids})


_UNANSWERED = (
    update(destination_queue).where(_ROW.destination == bindparam("of"), Among(_ROW.id, "ids")).values(unanswered=True)
)

LINE = Line(
    destination,
    _ROW.destination,
    account="account",
    user="user_folded",
    secret="secret_sealed",  # noqa: S106  # the name of a column
    key="pace_key",
    unanswered=_mark_unanswered,
    closed=("paused_at", "removed_at"),
    behind="backlog_at",
)
"""The lines of destinations."""


def free_all(db: Connection) -> None:
    """End every lease and requeue what was being sent: for the only sending process, at its start."""
    db.execute(update(destination).where(destination.c.lease_until > 0).values(lease_until=0, lease_owner=""))
    sending = _ROW.destination.in_(select(destination.c.id)) & (_ROW.state == QueueState.SENDING)
    db.execute(update(destination_queue).where(sending).values(state=QueueState.QUEUED, unanswered=True))


def enqueue(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put plays into the queues of destinations; plays that wait there already stay as they are."""
    insert_ignore(db, destination_queue, rows)


_QUEUED = select(_ROW.destination, _ROW.id).where(Among(_ROW.destination, "destinations"), Among(_ROW.id, "ids"))
_SETTLED = select(delivery.c.destination, delivery.c.play, delivery.c.fate).where(
    Among(delivery.c.destination, "destinations"), Among(delivery.c.play, "ids")
)


def known(db: Connection, destinations: Sequence[int], ids: Iterable[int]) -> dict[tuple[int, int], str]:
    """What is known about these plays at these destinations: the fate by (destination, play); `queued` while it
    waits.
    """
    found: dict[tuple[int, int], str] = {}
    for play_ids in parts(ids) if destinations else ():
        asked = {"destinations": list(destinations), "ids": play_ids}
        queued = [
            (destination_id, play_id) for destination_id, play_id in db.execute(_QUEUED, asked)
        ]  # first: the query continues from there
        found |= {(destination_id, play_id): fate for destination_id, play_id, fate in db.execute(_SETTLED, asked)}
        found |= dict.fromkeys(queued, "queued")
    return found


_WAITING = (
    select(_ROW.unanswered, *waiting_columns(destination_queue))
    .where(
        _ROW.destination == bindparam("of"),
        _ROW.state == QueueState.QUEUED,
        _ROW.next_attempt_at <= bindparam("now"),
    )
    .order_by(_ROW.live.desc(), _ROW.timestamp, _ROW.id)
    .limit(bindparam("limit"))
)


_NOT_REFUSED = _WAITING.where(_ROW.refusals == 0)


def waiting(db: Connection, destination_id: int, now: float, limit: int, off: Off = not_off) -> list[QueuedPlay]:
    """The plays that are due for a destination: live ones, then its backlog, oldest first. If all of these were
    rejected alone, they are those after them that were not, if there are any.
    """
    wanted = {"of": destination_id, "now": now, "limit": limit}
    found = _queued(db.execute(_WAITING, wanted).all(), off)
    refused = len(found) == limit and all(w.refusals for w in found)
    return (_queued(db.execute(_NOT_REFUSED, wanted).all(), off) or found) if refused else found


def _queued(rows: Sequence[Sequence[Any]], off: Off) -> list[QueuedPlay]:
    return [waiting_play(row[1:], off, unanswered=row[0]) for row in rows]


_SENDING = (
    update(destination_queue)
    .where(_ROW.destination == bindparam("of"), Among(_ROW.id, "ids"))
    .values(state=QueueState.SENDING, batch=bindparam("lease"))
)


def mark_sending(db: Connection, lease: Lease, ids: Iterable[int]) -> None:
    """Mark plays as being sent; committed before the request."""
    db.execute(_SENDING, {"of": lease.line, "ids": list(ids), "lease": lease.lease_id})


_BACK = (
    update(destination_queue)
    .where(_ROW.destination == bindparam("of"), _ROW.id == bindparam("row"))
    .values(
        state=QueueState.QUEUED,
        retry_count=bindparam("tries"),
        next_attempt_at=bindparam("at"),
        split_group=bindparam("group"),
        split_at=bindparam("refused_at"),
        too_new=bindparam("new"),
        refusals=bindparam("refused"),
        last_error=bindparam("error"),
    )
)


def put_back(db: Connection, destination_id: int, back: Sequence[QueuedPlay]) -> None:
    """Queue plays of a destination again, with the reason."""
    _mark_unanswered(db, destination_id, [w.id for w in back if w.unanswered])
    values = [
        {
            "of": destination_id,
            "row": w.id,
            "tries": w.tries,
            "at": w.not_before,
            "group": w.group,
            "refused_at": w.refused_at,
            "new": w.too_new,
            "refused": w.refusals,
            "error": w.error,
        }
        for w in back
    ]
    if values:
        db.execute(_BACK, values)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What happened to a play at a destination, and when (Unix seconds). `attempts` counts failures before that. `sent`
    has the play's facts as they were sent, if the destination may have it although it is not accepted.
    """

    play: int
    fate: str
    at: float
    reason: str = ""
    code: int | None = None
    correction: Mapping[str, str] | None = None
    attempts: int = 0
    sent: Mapping[str, Any] | None = None


_REMOVE = delete(destination_queue).where(_ROW.destination == bindparam("of"), Among(_ROW.id, "ids"))
_CHANGED = ("fate", "reason", "code", "correction", "settled_at", "attempts", "sent")


def settle(db: Connection, destination_id: int, outcomes: Sequence[Settlement]) -> None:
    """Write what happened to plays at a destination, and remove them from its queue."""
    rows = [
        {
            "destination": destination_id,
            "play": one.play,
            "fate": one.fate,
            "reason": one.reason,
            "code": one.code,
            "correction": one.correction,
            "settled_at": one.at,
            "attempts": one.attempts,
            "sent": one.sent,
        }
        for one in outcomes
    ]
    insert_or_change(db, delivery, rows, ("destination", "play"), _CHANGED)
    for ids in parts(one.play for one in outcomes):
        db.execute(_REMOVE, {"of": destination_id, "ids": ids})


_OPEN = or_(_ROW.unanswered, _ROW.state == QueueState.SENDING)
"""A destination may have a play that waits for it."""


def may_have(db: Connection, destination_id: int, play_id: int | None = None) -> dict[int, dict[str, Any]]:
    """The facts of waiting plays, or of one of them, that a destination may have."""
    wanted = select(_ROW.id, *frozen_columns(destination_queue)).where(_ROW.destination == destination_id, _OPEN)
    found = db.execute(wanted if play_id is None else wanted.where(_ROW.id == play_id))
    return {id_: facts(play_from_tuple(values)) for id_, *values in found}


_SENT = select(delivery.c.destination, delivery.c.play, delivery.c.sent).where(
    Among(delivery.c.destination, "destinations"), Among(delivery.c.play, "ids"), delivery.c.sent.is_not(None)
)


def sent_before(db: Connection, destinations: Sequence[int], ids: Iterable[int]) -> dict[tuple[int, int], Any]:
    """The facts with which plays were sent that destinations may have, by (destination, play): only if they are sent
    unchanged is a repeat dropped there.
    """
    found: dict[tuple[int, int], Any] = {}
    for play_ids in parts(ids) if destinations else ():
        rows = db.execute(_SENT, {"destinations": list(destinations), "ids": play_ids})
        found |= {(destination_id, play_id): sent for destination_id, play_id, sent in rows}
    return found


def take_back(db: Connection, destination_ids: Sequence[int], play_id: int) -> None:
    """Delete the fate of a play at these destinations."""
    decided = (delivery.c.destination.in_(list(destination_ids)), delivery.c.play == play_id)
    db.execute(delete(delivery).where(*decided))


def discard_all(db: Connection, destination_id: int, now: float) -> int:
    """Discard everything that waits for a destination; returns how many plays. It may have received plays that were
    being sent.
    """
    rest = select(
        _ROW.destination,
        _ROW.id,
        literal_column(f"'{DISCARDED}'"),
        case(
            (_OPEN, "discarded; an answer was lost: it may be there"),
            else_="discarded by the listener",
        ),
        bindparam("at", now),
        _ROW.retry_count,
    ).where(_ROW.destination == destination_id)
    names = ["destination", "play", "fate", "reason", "settled_at", "attempts"]
    open_ = may_have(db, destination_id)
    db.execute(
        delete(delivery).where(
            delivery.c.destination == destination_id,
            delivery.c.play.in_(select(_ROW.id).where(_ROW.destination == destination_id)),
        )
    )
    db.execute(insert(delivery).from_select(names, rest))
    if open_:
        this = (delivery.c.destination == bindparam("of"), delivery.c.play == bindparam("id"))
        rows = [{"of": destination_id, "id": play_id, "facts": sent} for play_id, sent in open_.items()]
        db.execute(update(delivery).where(*this).values(sent=bindparam("facts")), rows)
    return db.execute(delete(destination_queue).where(_ROW.destination == destination_id)).rowcount


@dataclass(frozen=True, slots=True)
class Delivered:
    """What happened to a play at a destination; while it waits the `fate` is `queued`, and `at` the next attempt."""

    destination: int
    play: int
    fate: str
    reason: str
    code: int | None
    at: float
    attempts: int
    sending: bool = False
    timestamp: int = 0
    live: bool = True
    unanswered: bool = False


_STORY_QUEUED = select(
    *(_ROW.destination, _ROW.id, literal_column("'queued'"), _ROW.last_error, literal_column("NULL")),
    *(_ROW.next_attempt_at, _ROW.retry_count, _ROW.state, _ROW.timestamp, _ROW.live, _ROW.unanswered),
).where(Among(_ROW.destination, "destinations"), Among(_ROW.id, "ids"))
_STORY_SETTLED = select(
    *(delivery.c.destination, delivery.c.play, delivery.c.fate, delivery.c.reason, delivery.c.code),
    *(delivery.c.settled_at, delivery.c.attempts),
).where(Among(delivery.c.destination, "destinations"), Among(delivery.c.play, "ids"))


def stories(db: Connection, destinations: Sequence[int], ids: Iterable[int]) -> list[Delivered]:
    """What happened to plays at destinations, with what waits there."""
    found: dict[tuple[int, int], Delivered] = {}
    for play_ids in parts(ids) if destinations else ():
        asked = {"destinations": list(destinations), "ids": play_ids}
        queued = db.execute(_STORY_QUEUED, asked).all()  # first: the query continues from there
        found |= {(row[0], row[1]): Delivered(*row) for row in db.execute(_STORY_SETTLED, asked)}
        for row in queued:
            values: list[Any] = list(row)
            values[7] = values[7] == QueueState.SENDING
            found[row[0], row[1]] = Delivered(*values)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a destination: how many plays, those being sent among them, and the start of the oldest."""

    plays: int = 0
    sending: int = 0
    oldest: int | None = None
    next_live_at: float | None = None
    next_late_at: float | None = None


_COUNT = (
    select(
        _ROW.destination,
        func.count(),
        func.sum(case((_ROW.state == QueueState.SENDING, 1), else_=0)),
        func.min(_ROW.timestamp),
        func.min(case((_ROW.live, _ROW.next_attempt_at))),
        func.min(case((~_ROW.live, _ROW.next_attempt_at))),
    )
    .where(Among(_ROW.destination, "destinations"))
    .group_by(_ROW.destination)
)


def counts(db: Connection, destinations: Sequence[int]) -> dict[int, Waiting]:
    """What waits for destinations; destinations for which nothing waits are left out."""
    if not destinations:
        return {}
    return {row[0]: Waiting(*row[1:]) for row in db.execute(_COUNT, {"destinations": list(destinations)})}


_FATES = (
    select(delivery.c.destination, delivery.c.fate, func.count())
    .where(Among(delivery.c.destination, "destinations"), delivery.c.fate != literal_column("'accepted'"))
    .group_by(delivery.c.destination, delivery.c.fate)
)


def fates(db: Connection, destinations: Sequence[int]) -> dict[int, dict[str, int]]:
    """How many plays of destinations have each fate but `accepted`."""
    found: dict[int, dict[str, int]] = {}
    for destination_id, fate, total in db.execute(_FATES, {"destinations": list(destinations)}) if destinations else ():
        found.setdefault(destination_id, {})[fate] = total
    return found


_ACCEPTED_SINCE = select(func.count()).where(
    delivery.c.destination == bindparam("of"),
    delivery.c.fate == ACCEPTED,
    delivery.c.settled_at > bindparam("since"),
)


def accepted_since(db: Connection, destination_id: int, since: float) -> int:
    """How many plays a destination has accepted since then."""
    total: int = db.execute(_ACCEPTED_SINCE, {"of": destination_id, "since": since}).scalar_one()
    return total


def of_fate(db: Connection, destination_id: int, fates_: Sequence[str], limit: int) -> list[int]:
    """The plays of a destination with one of these fates, which are not `accepted`, the latest first."""
    wanted = select(delivery.c.play).where(delivery.c.destination == destination_id, delivery.c.fate.in_(list(fates_)))
    latest = wanted.order_by(delivery.c.settled_at.desc(), delivery.c.play.desc()).limit(limit)
    return list(db.execute(latest.where(delivery.c.fate != literal_column("'accepted'"))).scalars())


def first(db: Connection, destination_id: int, limit: int) -> list[int]:
    """The plays that wait for a destination, in the order in which they are sent."""
    wanted = select(_ROW.id).where(_ROW.destination == destination_id)
    return list(db.execute(wanted.order_by(_ROW.live.desc(), _ROW.timestamp, _ROW.id).limit(limit)).scalars())


def due_now(db: Connection, destination_id: int, now: float, skew: float = 0.0) -> None:
    """Make everything that waits for a destination due now, except plays in the future."""
    db.execute(at_once(destination_queue, now, skew).where(_ROW.destination == destination_id))


PUT_BACK = PutBack(destination_queue)
"""Plays that a wrong clock has postponed."""


_MINE = select(destination.c.id).where(destination.c.account == bindparam("account_id"))
_RESTAMP = (
    update(destination_queue)
    .where(
        _ROW.destination.in_(_MINE),
        _ROW.id == bindparam("play"),
        _ROW.state == QueueState.QUEUED,
        _ROW.unanswered == false(),
    )
    .values(
        timestamp=bindparam("to"),
        enqueued_at=_ROW.enqueued_at + bindparam("by"),
        next_attempt_at=bindparam("at"),
    )
)


def restamp(db: Connection, account_id: int, play_id: int, timestamp: int, by: int, not_before: float) -> None:
    """Correct the start of a play wherever it waits, except at destinations that may already have it."""
    values = {"account_id": account_id, "play": play_id, "to": timestamp, "by": by, "at": not_before}
    db.execute(_RESTAMP, values)


def rewrite(db: Connection, destination_id: int, play_id: int, changed: dict[str, Any]) -> None:
    """Overwrite the facts of a play that waits for a destination, unless the destination may already have it."""
    waits = (_ROW.destination == destination_id, _ROW.id == play_id, _ROW.state == QueueState.QUEUED, ~_ROW.unanswered)
    db.execute(update(destination_queue).where(*waits).values(**changed))


NOW: BindParameter[Any] = bindparam("now")


def _there_is(*conditions: Any) -> Any:
    of_line = _ROW.destination == destination.c.id
    one: Any = select(literal_column("1")).where(of_line, *conditions).limit(1).correlate(destination)
    return one.scalar_subquery().is_not(None)


_DUE_ROW = (_ROW.state == QueueState.QUEUED, _ROW.next_attempt_at <= NOW)
_HAS_DUE = case((over(destination.c.backlog_until, NOW), _there_is(*_DUE_ROW)), else_=_there_is(*_DUE_ROW, _ROW.live))
_WAITS_FOR_RETRY = (
    select(job_failure.c.account)
    .where(
        job_failure.c.kind == KIND,
        job_failure.c.account == destination.c.id,
        job_failure.c.at <= NOW,
        job_failure.c.retry_at > NOW,
    )
    .correlate(destination)
    .exists()
)
_DUE = (
    select(destination.c.id, destination.c.fails)
    .outerjoin(pace, pace.c.key == destination.c.pace_key)
    .where(
        destination.c.connection == Connected.CONNECTED,
        destination.c.removed_at.is_(None),
        destination.c.paused_at.is_(None),
        over(destination.c.wait_until, NOW),
        over(destination.c.lease_until, NOW),
        no_throttle(NOW),
        or_(_HAS_DUE, _there_is(_ROW.state == QueueState.SENDING), destination.c.backlog_at.is_not(None)),
        ~_WAITS_FOR_RETRY,
    )
    .order_by(destination.c.answered_at)
    .limit(1000)
)


def due(db: Connection, now: float) -> dict[str, list[int]]:
    """Destinations that have something to send now, the longest waiting first; not those that wait to retry. Those that
    have just failed are under `FAILING`; the others are under `KIND`.
    """
    found: dict[str, list[int]] = {}
    for destination_id, fails in db.execute(_DUE, {"now": now}):
        found.setdefault(FAILING if fails else KIND, []).append(destination_id)
    return found


_LEASED = case((over(destination.c.lease_until, NOW), 1), else_=0)
_AT_WORK = (
    select(destination.c.id)
    .where(destination.c.removed_at.is_(None), or_(_LEASED == 0, _there_is()))
    .order_by(_LEASED, destination.c.connection != Connected.CONNECTED, destination.c.wait_until, destination.c.id)
    .limit(bindparam("limit"))
)


def at_work(db: Connection, account_id: int | None, now: float, limit: int) -> list[int]:
    """Destinations that are being sent to, then those for which plays wait, due ones first. Of all accounts, or of
    one.
    """
    wanted = _AT_WORK if account_id is None else _AT_WORK.where(destination.c.account == account_id)
    return list(db.execute(wanted, {"now": now, "limit": limit}).scalars())


_OF_THE_PAST = (
    play.c.account == bindparam("account_id"),
    play.c.fate != DISCARDED,
    or_(play.c.fate != SUSPECTED, bindparam("with_suspected")),
    play.c.counted,
    or_(play.c.import_id.is_(None), func.lower(history_import.c.source).not_like(bindparam("source"))),
)
_PAST = (
    select(play.c.id, play.c.reporter, play.c.fate, *frozen_columns(play))
    .outerjoin(history_import, history_import.c.id == play.c.import_id)
    .where(
        *_OF_THE_PAST,
        tuple_(play.c.timestamp, play.c.id) > tuple_(bindparam("at"), bindparam("after")),
        play.c.id <= bindparam("last"),
    )
    .order_by(play.c.timestamp, play.c.id)
    .limit(bindparam("limit"))
)
_COUNT_PAST = (
    select(func.count())
    .select_from(play.outerjoin(history_import, history_import.c.id == play.c.import_id))
    .where(*_OF_THE_PAST, play.c.timestamp >= bindparam("begin"), play.c.timestamp < bindparam("end"))
)


def count_past(db: Connection, account_id: int, begin: int, end: int, source: str) -> int:
    """How many plays `past` would find from `begin` to before `end` (Unix seconds)."""
    asked = {"account_id": account_id, "begin": begin, "end": end, "with_suspected": False}
    total: int = db.execute(_COUNT_PAST, {**asked, "source": f"%{source.lower()}%"}).scalar_one()
    return total


@dataclass(frozen=True, slots=True)
class PastRow:
    """A play of the history that a destination may get."""

    id: int
    reporter: str
    suspected: bool
    play: Any


def past(
    db: Connection,
    account_id: int,
    after: tuple[int, int],
    last: int,
    source: str,
    limit: int,
    *,
    with_suspected: bool = False,
) -> list[PastRow]:
    """Plays that count, in the order of time, after a (timestamp, id) and up to the play `last`. Without those that an
    import has added from a source named like `source`.
    """
    asked = {"account_id": account_id, "at": after[0], "after": after[1], "last": last, "limit": limit}
    rows = db.execute(_PAST, {**asked, "source": f"%{source.lower()}%", "with_suspected": with_suspected})
    return [PastRow(row[0], row[1], row[2] == SUSPECTED, play_from_tuple(row[3:])) for row in rows]


def ids_of(db: Connection, account_id: int) -> list[int]:
    """The ids of all destinations that an account has or had."""
    return list(db.execute(select(destination.c.id).where(destination.c.account == account_id)).scalars())


def has_had(play_id: Any, destinations: Sequence[int]) -> Any:
    """Whether one of these destinations has a play, or may have it."""
    settled = (delivery.c.destination.in_(list(destinations)), delivery.c.play == play_id, delivery.c.fate == ACCEPTED)
    waits = (_ROW.destination.in_(list(destinations)), _ROW.id == play_id, _OPEN)
    return or_(select(delivery.c.play).where(*settled).exists(), select(_ROW.id).where(*waits).exists())


def forget(db: Connection, ids: Iterable[int], destinations: Sequence[int]) -> None:
    """Delete what is known about these plays at destinations, when they are removed from the history."""
    for play_ids in parts(ids) if destinations else ():
        here = (delivery.c.destination.in_(list(destinations)), delivery.c.play.in_(play_ids))
        db.execute(delete(delivery).where(*here))
        waits = (_ROW.destination.in_(list(destinations)), _ROW.id.in_(play_ids))
        db.execute(delete(destination_queue).where(*waits))
