"""Attempts: the requests that did not bring all of their plays to Last.fm, and which plays were in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from tonearm.core.verdict import Cause
from tonearm.store.schema import attempt, tried

REMEMBERED = 50
"""Attempts of one play that its story tells, the latest."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request at a moment (Unix seconds): what its answer meant, Last.fm's number if any, and the words."""

    at: float
    verdict: str
    number: int | None
    words: str


def write(db: Connection, account: int, at: float, verdict: str, cause: Cause, plays: Sequence[int]) -> None:
    """Keep an attempt of these plays."""
    row = insert(attempt).values(account=account, at=at, verdict=verdict, number=cause.number, words=cause.words)
    number = db.execute(row.returning(attempt.c.id)).scalar_one()
    db.execute(insert(tried), [{"play": play, "attempt": number} for play in plays])


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
