"""How plays fared on their way to Last.fm: the time until they were accepted, how often they were sent, and why they
were ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tonearm.store.db.schema import attempt, play

SAMPLE = 1000
"""The latest accepted plays of a span whose times are looked at."""

REASONS = 50
"""Reasons that are listed, the most frequent first."""

_LEFT_OUT = ("ignored", "refused", "expired")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Plays that Last.fm has not accepted, for one reason: `fate` is ignored, refused or expired."""

    fate: str
    reason: str
    code: int | None
    plays: int


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """Figures of the plays that were settled in a span of time.

    `median` and `slow` are seconds from the report of a play until Last.fm accepted it, which half and 95 % of the
    latest `sample` accepted plays needed at most; None without any. `failed` counts requests after which plays were
    sent again, by verdict (`core.wording.VERDICTS`), as far back as they are kept.
    """

    sample: int
    median: float | None
    slow: float | None
    failed: dict[str, int]
    left_out: tuple[LeftOut, ...]


def figures(db: Connection, account: int, start: int, end: int) -> DeliveryFigures:
    """The figures of a span of time (from, to before, in Unix seconds), each by an index."""
    settled = (play.c.account == account, play.c.settled_at >= start, play.c.settled_at < end)
    took = select(play.c.settled_at - play.c.reported_at).where(*settled, play.c.fate == "accepted")
    found = sorted(db.execute(took.order_by(play.c.settled_at.desc()).limit(SAMPLE)).scalars())
    number = func.count().label("plays")
    reasons = (
        select(play.c.fate, play.c.reason, play.c.code, number)
        .where(*settled, play.c.fate.in_(_LEFT_OUT))
        .group_by(play.c.fate, play.c.reason, play.c.code)
        .order_by(number.desc(), play.c.fate, play.c.reason)
        .limit(REASONS)
    )
    verdicts = (
        select(attempt.c.verdict, func.count().label("requests"))
        .where(attempt.c.account == account, attempt.c.at >= start, attempt.c.at < end, attempt.c.verdict != "Answered")
        .group_by(attempt.c.verdict)
    )
    return DeliveryFigures(
        len(found),
        _percentile(found, 50),
        _percentile(found, 95),
        {row.verdict: row.requests for row in db.execute(verdicts)},
        tuple(LeftOut(*row) for row in db.execute(reasons)),
    )


def _percentile(found: Sequence[float], percent: int) -> float | None:
    """The percentile of sorted numbers."""
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    from statistics import quantiles

    return quantiles(found, n=100, method="inclusive")[percent - 1]
