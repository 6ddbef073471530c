"""A glance: what the pages show of one account, read in one transaction so that its parts agree."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from tonearm.core.account import Account
from tonearm.core.delivery import Line
from tonearm.core.play import FURTHEST_AHEAD, OLDEST_ACCEPTED, Play
from tonearm.store import accounts, pace, plays, queue
from tonearm.store.pace import Held
from tonearm.store.plays import Kept, frozen, kept
from tonearm.store.queue import Count, State
from tonearm.store.schema import SETTLED, account, play

DAY = 86400.0
WAITING_SHOWN = 50
LATEST_SHOWN = 40


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
    """One account as its listener sees it. `waiting` is oldest first, `latest` latest first; both are cut short.

    Before `backlog_until` (Unix seconds) a backlog makes no attempt. `accepted` counts the last 24 hours; `needs`
    counts what Last.fm refused or ignored and would still take corrected.
    """

    account: Account
    line: Line
    backlog_until: float
    rests: Held | None
    count: Count
    waiting: tuple[InLine, ...]
    latest: tuple[Kept, ...]
    accepted: int
    needs: int


def look(db: Connection, number: int, key: str, now: float) -> Glance:
    """The account as it is now; `key` is the API key whose rests hold it up."""
    who = accounts.by_id(db, [number])[number]
    return Glance(
        account=who,
        line=queue.line(db, number),
        backlog_until=db.execute(select(account.c.backlog_until).where(account.c.id == number)).scalar_one(),
        rests=pace.held(db, key, now),
        count=queue.count(db, number, who.username.casefold(), now),
        waiting=_waiting(db, number),
        latest=_latest(db, number),
        accepted=plays.accepted_since(db, number, now - DAY),
        needs=_needs(db, number, now),
    )


def _waiting(db: Connection, number: int) -> tuple[InLine, ...]:
    return tuple(
        InLine(
            row.id,
            frozen(row),
            row.owner,
            row.state == State.SENDING,
            row.retry_count,
            row.next_attempt_at,
            row.last_error,
            bool(row.live),
        )
        for row in queue.listing(db, number, WAITING_SHOWN)
    )


def _latest(db: Connection, number: int) -> tuple[Kept, ...]:
    """The latest plays whose fate is known."""
    wanted = select(play).where(play.c.account == number, SETTLED)
    rows = db.execute(wanted.order_by(play.c.timestamp.desc(), play.c.id.desc()).limit(LATEST_SHOWN))
    return tuple(kept(row) for row in rows)


def _needs(db: Connection, number: int, now: float) -> int:
    """What can still be corrected. An index finds it by when it was settled, which is never long before the play."""
    oldest = now - OLDEST_ACCEPTED
    wanted = select(func.count(case((play.c.timestamp > oldest, 1)))).where(
        play.c.account == number,
        play.c.fate.in_(("refused", "ignored")),
        play.c.settled_at > oldest - FURTHEST_AHEAD,
    )
    return db.execute(wanted).scalar_one()
