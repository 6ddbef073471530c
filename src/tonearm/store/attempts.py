"""Attempts: the requests that did not bring all of their plays to Last.fm, and which plays were in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, or_, select

from tonearm.core.verdict import Cause
from tonearm.store.schema import attempt, play, tried

REMEMBERED = 50
"""Attempts of one play that its story tells, the latest."""

FORGOTTEN_AT_ONCE = 100
"""Attempts, each of up to 50 plays, that one transaction deletes: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request at a moment (Unix seconds): what its answer meant, Last.fm's number if any, and the words."""

    at: float
    verdict: str
    number: int | None
    words: str


_WRITE = insert(attempt).returning(attempt.c.id)
_TRIED = insert(tried)


def write(db: Connection, account: int, at: float, verdict: str, cause: Cause, plays: Sequence[int]) -> None:
    """Keep an attempt of these plays."""
    row = {"account": account, "at": at, "verdict": verdict, "number": cause.number, "words": cause.words}
    number = db.execute(_WRITE, row).scalar_one()
    db.execute(_TRIED, [{"play": play, "attempt": number} for play in plays])


def of_play(db: Connection, play: int) -> list[Attempt]:
    """The attempts of a play, oldest first."""
    rows = db.execute(
        select(attempt.c.at, attempt.c.verdict, attempt.c.number, attempt.c.words)
        .join(tried, tried.c.attempt == attempt.c.id)
        .where(tried.c.play == play)
        .order_by(attempt.c.id.desc())
        .limit(REMEMBERED)
    )
    return [Attempt(at, verdict, number, words) for at, verdict, number, words in rows][::-1]


_BEFORE: BindParameter[float] = bindparam("before")
_OLDEST = select(attempt.c.id).where(attempt.c.at < _BEFORE).order_by(attempt.c.at).limit(FORGOTTEN_AT_ONCE).subquery()
_STILL_TOLD = (
    select(tried.c.play)
    .join(play, play.c.id == tried.c.play)
    .where(tried.c.attempt == _OLDEST.c.id, or_(play.c.settled_at.is_(None), play.c.settled_at >= _BEFORE))
    .exists()
)
_FORGOTTEN = select(_OLDEST.c.id).where(~_STILL_TOLD)


def forgettable(db: Connection, before: float) -> list[int]:
    """Of the oldest attempts those whose plays have all been settled, before then (Unix seconds)."""
    return list(db.execute(_FORGOTTEN, {"before": before}).scalars())


def forget(db: Connection, before: float) -> None:
    """Delete these; the plays stay, with what became of them."""
    numbers = forgettable(db, before)
    db.execute(delete(tried).where(tried.c.attempt.in_(numbers)))
    db.execute(delete(attempt).where(attempt.c.id.in_(numbers)))
