"""Jobs as the tables know them, whatever engine rings: whose turn a chore is, what is paused, what broke, what runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from tonearm.store import queue
from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account, chore, fault, pause

DELIVER = queue.DELIVER


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A job that broke: how often in a row, why, and when it is tried again. Times are Unix seconds."""

    kind: str
    account: int
    tries: int
    at: float
    again_at: float
    message: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What may not begin: the kinds that are paused, and by (kind, account) what broke and has not mended since."""

    paused: frozenset[str]
    faults: dict[tuple[str, int], JobFailure]


_OVERDUE = or_(chore.c.done_at <= bindparam("before"), chore.c.done_at > bindparam("now"))  # a clock was put back
_IS_DUE = select(chore.c.name).where(chore.c.name == bindparam("chore"), _OVERDUE)
_TAKE = update(chore).where(chore.c.name == bindparam("chore"), _OVERDUE).values(done_at=bindparam("now"))


def is_due(db: Connection, name: str, now: float, every: float) -> bool:
    """Whether a chore was done last so many seconds ago, or never."""
    there = db.execute(select(chore.c.name).where(chore.c.name == name)).first()
    asked = {"chore": name, "before": now - every, "now": now}
    return there is None or db.execute(_IS_DUE, asked).first() is not None


def take(db: Connection, name: str, now: float, every: float) -> bool:
    """Whether this process does a chore now; no other does, then, for so many seconds."""
    insert_ignore(db, chore, [{"name": name}])
    return db.execute(_TAKE, {"chore": name, "before": now - every, "now": now}).rowcount > 0


def put_back(db: Connection, name: str) -> None:
    """A chore is not done yet: whoever comes next goes on with it."""
    db.execute(update(chore).where(chore.c.name == name).values(done_at=0))


_PAUSED = select(pause.c.kind)
_FAULTS = select(fault)


def gate(db: Connection) -> Gate:
    """What may not begin."""
    broken = [JobFailure(*row) for row in db.execute(_FAULTS)]
    return Gate(paused(db), {(one.kind, one.account): one for one in broken})


def paused(db: Connection) -> frozenset[str]:
    """The kinds of which nothing begins."""
    return frozenset(row.kind for row in db.execute(_PAUSED))


def faults(db: Connection, most: int, number: int | None) -> list[JobFailure]:
    """What broke and has not mended since, the first to be tried again first: of all accounts, or of one."""
    wanted = _FAULTS if number is None else _FAULTS.where(fault.c.account == number)
    return [JobFailure(*row) for row in db.execute(wanted.order_by(fault.c.again_at).limit(most))]


def sending_paused(db: Connection) -> bool:
    """Whether no delivery begins."""
    return db.execute(_PAUSED.where(pause.c.kind == DELIVER)).first() is not None


def set_paused(db: Connection, kind: str, now: float | None) -> None:
    """Let nothing of a kind begin from now on; None: let it begin again."""
    if now is None:
        db.execute(delete(pause).where(pause.c.kind == kind))
    else:
        insert_ignore(db, pause, [{"kind": kind, "since": now}])


def broke(db: Connection, broken: JobFailure) -> None:
    """Remember that a job broke."""
    mended(db, broken.kind, broken.account)
    insert_ignore(db, fault, [asdict(broken)])


def mended(db: Connection, kind: str, number: int) -> None:
    """A job is as good as any other."""
    db.execute(delete(fault).where(fault.c.kind == kind, fault.c.account == number))


def take_away(db: Connection, number: int, now: float) -> bool:
    """Take an account from whoever delivers it, whose word no longer counts; False where nobody does."""
    taken = (
        update(account)
        .where(account.c.id == number, account.c.lease_until > now)
        .values(lease_number=account.c.lease_number + 1, lease_until=0, lease_owner="")
    )
    if not db.execute(taken).rowcount:
        return False
    queue.rescue(db, number)
    return True


def names(db: Connection, numbers: Sequence[int]) -> dict[int, str]:
    """The names of accounts."""
    found = db.execute(select(account.c.id, account.c.name).where(account.c.id.in_(list(numbers))))
    return {row.id: row.name for row in found}
