"""Names that listeners have merged or renamed. A write makes the account's summaries stale, as far as they have the
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from tonearm.core.figures import NameKind, Renames, numbers
from tonearm.store import accounts, summaries
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import renamed_name

MAX_RENAMES = 1000
"""Renames of one listener."""


class TooManyRenames(Exception):
    """The listener has the maximum number of renames."""


@dataclass(frozen=True, slots=True)
class StoredRename:
    """A name, (artist, title), and what it counts as; the title is "" for an artist."""

    kind: NameKind
    name: tuple[str, str]
    to: tuple[str, str]
    renamed_at: float


@dataclass(frozen=True, slots=True)
class MonthsWithout:
    """The months without a name that was looked for while `renamed` were the renames, by the stamps of their
    summaries.
    """

    renamed: Renames = field(default_factory=Renames)
    stamps: Mapping[int, int] = field(default_factory=dict)


def of_account(db: Connection, account: int) -> list[StoredRename]:
    """The renames of a listener, the latest first."""
    wanted = select(renamed_name).where(renamed_name.c.account == account)
    rows = db.execute(wanted.order_by(renamed_name.c.renamed_at.desc(), renamed_name.c.spellings))
    return [
        StoredRename(NameKind(row.kind), (row.artist, row.title), (row.to_artist, row.to_title), row.renamed_at)
        for row in rows
    ]


def applied_by(db: Connection, account: int) -> Renames:
    """What each renamed name counts as."""
    wanted = select(renamed_name.c.kind, renamed_name.c.spellings, renamed_name.c.to_artist, renamed_name.c.to_title)
    rows = db.execute(wanted.where(renamed_name.c.account == account))
    return Renames({(NameKind(row.kind), row.spellings): (row.to_artist, row.to_title) for row in rows})


def rename(
    db: Connection,
    account: int,
    kind: NameKind,
    name: tuple[str, str],
    to: tuple[str, str],
    now: float,
    without: MonthsWithout,
) -> None:
    """Count a name as another one from now on. If that one counts as this one, it no longer does. The summaries of the
    months `without` the name stay. Raises TooManyRenames.
    """
    accounts.lock(db, [account])
    group, back = numbers(kind, *name)[1], numbers(kind, *to)[1]
    if name == to:
        return
    before = applied_by(db, account)
    if len(before.names) >= MAX_RENAMES and (kind, group) not in before.names:
        raise TooManyRenames
    if group != back and before.group(kind, *to) == group:
        _remove(db, account, kind, back)
    row = {"account": account, "kind": kind, "spellings": group, "artist": name[0], "title": name[1]}
    row |= {"to_artist": to[0], "to_title": to[1], "renamed_at": now}
    changed = ("artist", "title", "to_artist", "to_title", "renamed_at")
    insert_or_change(db, renamed_name, [row], ("account", "kind", "spellings"), changed)
    _make_stale(db, account, before, without)


def undo(db: Connection, account: int, kind: NameKind, name: tuple[str, str], without: MonthsWithout) -> bool:
    """Count a name as itself again; False if it was not renamed. The summaries of the months `without` it stay."""
    accounts.lock(db, [account])
    before = applied_by(db, account)
    gone = _remove(db, account, kind, numbers(kind, *name)[1])
    if gone:
        _make_stale(db, account, before, without)
    return gone


def _make_stale(db: Connection, account: int, before: Renames, without: MonthsWithout) -> None:
    """Mark what has the renamed name as stale: everything, if renames depended or depend on each other."""
    if before == without.renamed and before.independent and applied_by(db, account).independent:
        summaries.make_others_stale(db, account, without.stamps)
    else:
        summaries.make_all_stale(db, account)


def _remove(db: Connection, account: int, kind: NameKind, group: int) -> bool:
    mine = (renamed_name.c.account == account, renamed_name.c.kind == kind, renamed_name.c.spellings == group)
    return bool(db.execute(delete(renamed_name).where(*mine)).rowcount)


def forget(db: Connection, account: int) -> None:
    """Delete all renames of a listener."""
    db.execute(delete(renamed_name).where(renamed_name.c.account == account))
