"""The listeners of one service, and who may see whose plays."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, or_, select, update

from tonearm.store.db.dialect import insert_ignore
from tonearm.store.db.schema import account, attempt, metadata, play, player, token, viewer
from tonearm.store.plays import StoredPlay, stored_play
from tonearm.store.secrets import tokens
from tonearm.store.secrets.tokens import TokenKind
from tonearm.store.summaries import NOT_COUNTED


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A listener of this service, as another one sees them: `sees` says that they may see the other's plays, `shows`
    that they share theirs, `invited` that they have nothing here but an invitation.
    """

    id: int
    name: str
    sees: bool
    shows: bool
    invited: bool


_HELD = [
    table
    for table in metadata.sorted_tables
    if "account" in table.c and table.c.account.foreign_keys and table not in (attempt, token, viewer)
]
"""The tables in which a listener who has come has something. Without plays, there are no attempts."""

_COME = or_(
    account.c.id == select(func.min(account.alias().c.id)).scalar_subquery(),
    account.c.lastfm_username != "",
    exists(select(token.c.hash).where(token.c.account == account.c.id, token.c.kind != TokenKind.LINK)),
    *(exists(select(table.c.account).where(table.c.account == account.c.id)) for table in _HELD),
)


def members(db: Connection, asking: int) -> list[StoredMember]:
    """All listeners in the order in which they came."""
    shown = select(viewer.c.viewer).where(viewer.c.account == asking, viewer.c.viewer == account.c.id)
    seen = select(viewer.c.account).where(viewer.c.account == account.c.id, viewer.c.viewer == asking)
    rows = db.execute(select(account.c.id, account.c.name, exists(seen), exists(shown), ~_COME).order_by(account.c.id))
    return [StoredMember(id_, name, *map(bool, known)) for id_, name, *known in rows]


def first(db: Connection) -> int | None:
    """The first listener; None if there is none yet."""
    found: int | None = db.execute(select(func.min(account.c.id))).scalar()
    return found


def has_come(db: Connection, account_id: int, now: float) -> bool:
    """Whether a listener has, or ever had, access: a browser, a token, or a player."""
    alive = or_(token.c.expires_at.is_(None), token.c.expires_at > now)
    let_in = select(token.c.hash).where(token.c.account == account_id, token.c.kind != TokenKind.LINK, alive).limit(1)
    players = select(player.c.id).where(player.c.account == account_id).limit(1)
    return db.execute(let_in).first() is not None or db.execute(players).first() is not None


def rename(db: Connection, account_id: int, name: str) -> bool:
    """Rename a listener; False for one who has come."""
    return db.execute(update(account).where(account.c.id == account_id, ~_COME).values(name=name)).rowcount == 1


def remove(db: Connection, account_id: int) -> bool:
    """Delete a listener and their invitation; False for one who has come."""
    tokens.end_links(db, account_id)  # first, so that whoever opens one now finds none, or has come
    forget(db, account_id)
    return db.execute(delete(account).where(account.c.id == account_id, ~_COME)).rowcount == 1


def latest(db: Connection, account_id: int, limit: int) -> list[StoredPlay]:
    """The last plays of a listener that counted, latest first."""
    counted = (play.c.account == account_id, play.c.counted, play.c.fate.not_in(NOT_COUNTED))
    newest_first = select(play).where(*counted).order_by(play.c.timestamp.desc(), play.c.id.desc()).limit(limit)
    return [stored_play(row) for row in db.execute(newest_first)]


def share(db: Connection, account_id: int, with_whom: int) -> None:
    """Share a listener's plays with another one."""
    insert_ignore(db, viewer, [{"account": account_id, "viewer": with_whom}])


def stop_sharing(db: Connection, account_id: int, with_whom: int) -> None:
    """Stop sharing a listener's plays with another one."""
    db.execute(delete(viewer).where(viewer.c.account == account_id, viewer.c.viewer == with_whom))


def forget(db: Connection, account_id: int) -> None:
    """Stop all sharing from and with this listener."""
    db.execute(delete(viewer).where(or_(viewer.c.account == account_id, viewer.c.viewer == account_id)))
