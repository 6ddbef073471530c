"""Slices of a history: queries over all of it run slice by slice, so that none takes long."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from tonearm.store.db.readers import ReadQuestion
from tonearm.store.db.schema import play

SLICE = 2000
"""Plays of a slice: some 5 to 10 milliseconds, whatever is asked of them."""

_OF_SPAN = select(play.c.timestamp).where(
    play.c.account == bindparam("of"), play.c.timestamp >= bindparam("start"), play.c.timestamp < bindparam("end")
)
FEW_OF_MANY = 10_000
"""Plays of a slice of which an index says that few are wanted."""

_AFTER = _OF_SPAN.order_by(play.c.timestamp).limit(1).offset(bindparam("skipped"))
_BEFORE = _OF_SPAN.order_by(play.c.timestamp.desc()).limit(1).offset(bindparam("skipped"))


def forward(
    ask: ReadQuestion, account: int, start: int, end: int, plays: int | None = None
) -> Iterator[tuple[int, int]]:
    """The slices of a span of time, the oldest first, each from a start to before an end in Unix seconds."""
    while start < end:
        found = ask(partial(_timestamp, wanted=_AFTER, account=account, start=start, end=end, plays=plays))
        middle = end if found is None else max(found, start + 1)
        yield start, middle
        start = middle


def backward(ask: ReadQuestion, account: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """As `forward`, the latest first."""
    while start < end:
        found = ask(partial(_timestamp, wanted=_BEFORE, account=account, start=start, end=end))
        middle = start if found is None else min(found + 1, end - 1)
        yield middle, end
        end = middle


def _timestamp(
    db: Connection, wanted: Select[Any], account: int, start: int, end: int, plays: int | None = None
) -> int | None:
    found: int | None = db.execute(
        wanted, {"of": account, "start": start, "end": end, "skipped": plays or SLICE}
    ).scalar()
    return found
