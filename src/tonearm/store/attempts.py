"""Attempts: requests in which not all plays were accepted, and the plays that were in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select

from tonearm.core.verdict import Cause
from tonearm.store.db.dialect import Among
from tonearm.store.db.schema import attempt, attempt_play, play

REMEMBERED = 20
"""The number of latest attempts of a play that are stored."""

FORGOTTEN_AT_ONCE = 100
"""Attempts, each of up to 50 plays, that one transaction deletes: a few tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request at `at` (Unix seconds): the verdict on its answer, Last.fm's error code if any, and the message."""

    at: float
    verdict: str
    error_code: int | None
    message: str


_WRITE = insert(attempt).returning(attempt.c.id)
_WRITE_PLAYS = insert(attempt_play)
_others = attempt_play.alias()
_NEWEST_DROPPED = (
    select(_others.c.attempt)
    .where(_others.c.play == attempt_play.c.play)
    .order_by(_others.c.attempt.desc())
    .limit(1)
    .offset(REMEMBERED)
    .correlate(attempt_play)
    .scalar_subquery()
)
_TOO_MANY = (
    delete(attempt_play)
    .where(Among(attempt_play.c.play, "ids"), attempt_play.c.attempt <= _NEWEST_DROPPED)
    .returning(attempt_play.c.attempt)
)
_WITHOUT_PLAYS = delete(attempt).where(
    Among(attempt.c.id, "attempts"), ~select(attempt_play.c.play).where(attempt_play.c.attempt == attempt.c.id).exists()
)


def write(db: Connection, account: int, at: float, verdict: str, cause: Cause, plays: Sequence[int]) -> None:
    """Write an attempt of these plays."""
    row = {"account": account, "at": at, "verdict": verdict, "error_code": cause.error_code, "message": cause.message}
    attempt_id = db.execute(_WRITE, row).scalar_one()
    db.execute(_WRITE_PLAYS, [{"play": play, "attempt": attempt_id} for play in plays])
    dropped = set(db.execute(_TOO_MANY, {"ids": list(plays)}).scalars())
    if dropped:
        db.execute(_WITHOUT_PLAYS, {"attempts": list(dropped)})


_FIRST_SINCE = (
    select(attempt.c.at)
    .where(attempt.c.account == bindparam("account_id"), attempt.c.at > bindparam("since"))
    .order_by(attempt.c.at)
    .limit(1)
)


def first_since(db: Connection, account: int, since: float) -> float | None:
    """When (Unix seconds) an account's first attempt since `since` failed; None if none did."""
    return db.execute(_FIRST_SINCE, {"account_id": account, "since": since}).scalar()


def of_play(db: Connection, play: int) -> list[Attempt]:
    """The attempts of a play, oldest first."""
    rows = db.execute(
        select(attempt.c.at, attempt.c.verdict, attempt.c.error_code, attempt.c.message)
        .join(attempt_play, attempt_play.c.attempt == attempt.c.id)
        .where(attempt_play.c.play == play)
        .order_by(attempt.c.id.desc())
        .limit(REMEMBERED)
    )
    return [Attempt(*row) for row in rows][::-1]


_BEFORE: BindParameter[float] = bindparam("before")
_OLDEST = select(attempt.c.id).where(attempt.c.at < _BEFORE).order_by(attempt.c.at).limit(FORGOTTEN_AT_ONCE).subquery()
_STILL_SHOWN = (
    select(attempt_play.c.play)
    .join(play, play.c.id == attempt_play.c.play)
    .where(attempt_play.c.attempt == _OLDEST.c.id, or_(play.c.settled_at.is_(None), play.c.settled_at >= _BEFORE))
    .exists()
)
_FORGOTTEN = select(_OLDEST.c.id).where(~_STILL_SHOWN)


def forgettable(db: Connection, before: float) -> list[int]:
    """The oldest attempts whose plays were all settled before `before` (Unix seconds)."""
    return list(db.execute(_FORGOTTEN, {"before": before}).scalars())


def forget(db: Connection, before: float) -> None:
    """Delete the attempts that `forgettable` returns; the plays stay, with their fates."""
    attempt_ids = forgettable(db, before)
    db.execute(delete(attempt_play).where(attempt_play.c.attempt.in_(attempt_ids)))
    db.execute(delete(attempt).where(attempt.c.id.in_(attempt_ids)))
