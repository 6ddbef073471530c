"""The rate limit of one API key: the next free slot for a request, and a throttle for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from sqlalchemy import Connection, Float, Row, bindparam, or_, select, update

from tonearm.core import pacing
from tonearm.core.breaker import Circuit
from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import pace
from tonearm.store.line import over


@dataclass(frozen=True, slots=True)
class KeyThrottled:
    """Requests with this key wait until `until` (Unix seconds). `refused`: the key itself was rejected; `outage`:
    several accounts have met the same outage, and only plays wait. `level` counts throttles in a row since `since`.
    After `until` a single probe goes first.
    """

    until: float
    reason: str
    refused: bool
    level: int = 1
    since: float = 0.0
    outage: bool = False

    @property
    def circuit(self) -> Circuit:
        """The state for the circuit breaker."""
        return Circuit(self.level, self.until, self.reason)

    def in_force(self, now: float) -> bool:
        """Whether it throttles the key now."""
        return self.circuit.is_open(now)


def begin(db: Connection, key: str) -> None:
    """Create the row of a key."""
    insert_ignore(db, pace, [{"key": key, "throttle_refused": False}])


_NAMED = pace.c.key == bindparam("named")
_TAT = select(pace.c.tat).where(_NAMED).with_for_update()
_BOOKED = update(pace).where(_NAMED).values(tat=bindparam("booked"))


def book(db: Connection, key: str, now: float, per_second: float) -> float:
    """Book the next slot; returns the seconds to wait for it."""
    tat = db.execute(_TAT, {"named": key}).scalar_one()
    slot = pacing.book(tat, now, per_second)
    if slot.tat != tat:
        db.execute(_BOOKED, {"named": key, "booked": slot.tat})
    return slot.wait


def book_if_free(db: Connection, key: str, now: float, per_second: float) -> float:
    """Book a slot only if one is free at once (returns 0); otherwise the seconds until there may be one."""
    tat = db.execute(_TAT, {"named": key}).scalar_one()
    slot = pacing.book(tat, now, per_second)
    if slot.wait <= 0:
        db.execute(_BOOKED, {"named": key, "booked": slot.tat})
    return slot.wait


_THROTTLE = select(pace).where(_NAMED, pace.c.throttle_level > 0)
_THROTTLE_LOCKED = _THROTTLE.with_for_update()
_THROTTLES = select(pace).where(pace.c.key.in_(bindparam("keys", expanding=True)), pace.c.throttle_level > 0)


PUT_BACK = 60.0
"""Seconds; a throttle that begins further ahead was written by a clock that has been set back since."""


def _throttled(row: Row[Any], now: float) -> KeyThrottled:
    last = KeyThrottled(
        row.throttle_until,
        row.throttle_reason,
        bool(row.throttle_refused),
        row.throttle_level,
        row.throttle_since,
        bool(row.throttle_outage),
    )
    return replace(last, since=0.0, until=0.0) if last.since > now + PUT_BACK else last


def last_throttle(db: Connection, key: str, *, lock: bool = False, now: float = inf) -> KeyThrottled | None:
    """The last throttle of this key, over or not, until an answer shows that the key is served again.

    `lock`: no other writer changes it until the transaction ends. One that begins after `now` was written by a clock
    that has been set back since: it is over, and any answer may end it.
    """
    row = db.execute(_THROTTLE, {"named": key}).first()
    if row and lock and db.dialect.name != "sqlite":  # on SQLite a writer has the whole database
        row = db.execute(_THROTTLE_LOCKED, {"named": key}).first()
    return _throttled(row, now) if row else None


def current_throttle(db: Connection, key: str, now: float) -> KeyThrottled | None:
    """The throttle of this key that is in force now."""
    last = last_throttle(db, key, now=now)
    return last if last and last.in_force(now) else None


def unthrottled(db: Connection, keys: Sequence[str], now: float) -> list[str]:
    """Those of these keys that are not throttled now."""
    throttled = {row.key for row in db.execute(_THROTTLES, {"keys": list(keys)}) if _throttled(row, now).in_force(now)}
    return [key for key in keys if key not in throttled]


def no_throttle(now: Any) -> Any:
    """The SQL condition of `unthrottled`: no throttle of a row in `pace` is in force, or there is no row."""
    never = or_(pace.c.throttle_level.is_(None), pace.c.throttle_level == 0)
    return or_(never, over(pace.c.throttle_until, now), pace.c.throttle_since > now + PUT_BACK)


_PUT_BACK_SINCE = pace.c.throttle_since > bindparam("since") + PUT_BACK
# A probe by a fast clock extends a throttle, but doesn't move its beginning.
_TOO_FAR_AHEAD = pace.c.throttle_until > bindparam("since", type_=Float(53)) + pacing.LONGEST_THROTTLE
_BEGIN_THROTTLE = (
    update(pace)
    .where(_NAMED, or_(pace.c.throttle_until < bindparam("until"), _PUT_BACK_SINCE, _TOO_FAR_AHEAD))
    .values(
        throttle_until=bindparam("until"),
        throttle_reason=bindparam("reason"),
        throttle_refused=bindparam("refused"),
        throttle_level=bindparam("level"),
        throttle_since=bindparam("since"),
        throttle_outage=bindparam("outage"),
    )
)


def begin_throttle(db: Connection, key: str, throttle: KeyThrottled) -> None:
    """Throttle this key; a longer throttle stays, unless a clock that has been set back since wrote it."""
    db.execute(_BEGIN_THROTTLE, {"named": key, **asdict(throttle)})


MANUAL_PROBE_INTERVAL = 60.0
"""Seconds between two probes of a key that listeners request by hand, counting all listeners."""


def probe_now(db: Connection, key: str, now: float) -> None:
    """Let one request probe whether the throttle is over, since a listener retries by hand; not if one has probed
    recently.
    """
    probe = update(pace).where(
        pace.c.key == key,
        pace.c.throttle_until > now,
        or_(pace.c.probed_at <= now - MANUAL_PROBE_INTERVAL, pace.c.probed_at > now),  # a clock was set back
    )
    db.execute(probe.values(throttle_until=0, probed_at=now))


_OUTAGE_ACCOUNTS = select(pace.c.outage_accounts).where(_NAMED).with_for_update()
_WRITE_OUTAGE_ACCOUNTS = update(pace).where(_NAMED).values(outage_accounts=bindparam("accounts"))


def met_outage(db: Connection, key: str, account: int) -> int:
    """Note that an account has met an outage; returns how many have since the last answer, at most `COUNTED`."""
    met = db.execute(_OUTAGE_ACCOUNTS, {"named": key}).scalar_one().split()
    if str(account) not in met and len(met) < COUNTED:
        met.append(str(account))
        db.execute(_WRITE_OUTAGE_ACCOUNTS, {"named": key, "accounts": " ".join(met)})
    return len(met)


COUNTED = 10

_ANSWERED = update(pace).where(_NAMED, pace.c.outage_accounts != "").values(outage_accounts="")


def answered(db: Connection, key: str) -> None:
    """Note that Last.fm has answered: the outage is over."""
    db.execute(_ANSWERED, {"named": key})


_END_THROTTLE = (
    update(pace)
    .where(_NAMED)
    .values(
        throttle_until=0,
        throttle_reason="",
        throttle_refused=False,
        throttle_level=0,
        throttle_outage=False,
        outage_accounts="",
    )
)


def end_throttle(db: Connection, key: str) -> None:
    """End the throttle of a key."""
    db.execute(_END_THROTTLE, {"named": key})
