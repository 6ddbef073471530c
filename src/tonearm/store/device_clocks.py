"""The clocks of devices that media servers report about, so that a restart loses nothing of what was heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from tonearm.core.play import Track
from tonearm.core.session import PATIENCE, ListeningClock
from tonearm.store import accounts
from tonearm.store.db.schema import device_clock

MAX_CLOCKS = 1000
"""Clocks of one player; of more the one that was moved longest ago is forgotten."""

ENDED_KEPT = 86400.0
"""Seconds for which a clock that has ended is remembered."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a media server's user who is mapped to this account. `player` is the media server's id as a
    player.
    """

    player: int
    account: int
    their_user: str
    device: str


@dataclass(frozen=True, slots=True)
class StoredClock:
    """The clock of a device. `version` is 0 for one that is not stored, and raised with each change."""

    device: Device
    clock: ListeningClock
    program: str
    device_name: str
    version: int = 0


def find(db: Connection, device: Device) -> StoredClock | None:
    """The clock of a device; None if it has none."""
    row = db.execute(select(device_clock).where(_is(device))).first()
    return _stored(row) if row else None


def overdue(db: Connection, now: float) -> list[StoredClock]:
    """Clocks that have not ended and may be overdue; the clock itself decides."""
    silent = ~device_clock.c.ended & (device_clock.c.at < now - PATIENCE)
    return [_stored(row) for row in db.execute(select(device_clock).where(silent).order_by(device_clock.c.at))]


def any_open(db: Connection) -> bool:
    """Whether there is a clock that has not ended."""
    return db.execute(select(device_clock.c.player).where(~device_clock.c.ended).limit(1)).first() is not None


def save(db: Connection, device: Device, before: StoredClock | None, after: StoredClock | None) -> bool:
    """Replace a clock; None: there was or will be none. False if another process has changed it since."""
    accounts.lock(db, [device.account])
    version = before.version if before else 0
    if (db.execute(select(device_clock.c.version).where(_is(device))).scalar() or 0) != version:
        return False
    if after is None:
        db.execute(delete(device_clock).where(_is(device)))
    elif version:
        db.execute(update(device_clock).where(_is(device)).values(**_values(after), version=version + 1))
    else:
        db.execute(insert(device_clock).values(**asdict(device), **_values(after), version=1))
        _forget(db, device.player, after.clock.at)
    return True


def _forget(db: Connection, player: int, now: float) -> None:
    of_player = device_clock.c.player == player
    db.execute(delete(device_clock).where(of_player, device_clock.c.ended, device_clock.c.at < now - ENDED_KEPT))
    newest_first = select(device_clock.c.at).where(of_player).order_by(device_clock.c.at.desc())
    last = db.execute(newest_first.offset(MAX_CLOCKS - 1).limit(1)).scalar()
    if last is not None:
        db.execute(delete(device_clock).where(of_player, device_clock.c.at < last))


def _is(device: Device) -> ColumnElement[bool]:
    return (
        (device_clock.c.player == device.player)
        & (device_clock.c.account == device.account)
        & (device_clock.c.their_user == device.their_user)
        & (device_clock.c.device == device.device)
    )


def _values(stored: StoredClock) -> dict[str, Any]:
    return {
        "program": stored.program,
        "device_name": stored.device_name,
        "at": stored.clock.at,
        "ended": stored.clock.ended,
        "clock": asdict(stored.clock),
    }


def _stored(row: Any) -> StoredClock:
    device = Device(row.player, row.account, row.their_user, row.device)
    return StoredClock(device, _clock(row.clock), row.program, row.device_name, row.version)


def _clock(written: Mapping[str, Any]) -> ListeningClock:
    known = {one.name for one in fields(ListeningClock)}
    values = {name: value for name, value in written.items() if name in known}
    return ListeningClock(**{**values, "track": Track(**written["track"])})
