"""What a listener loves on Last.fm, as the last import saw it, and what came of each in the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from tonearm.store.dialect import insert_or_change
from tonearm.store.schema import loved


def write(db: Connection, account: int, rows: Sequence[dict[str, Any]]) -> None:
    """Write loved tracks with their outcomes: matched, doubtful or missing."""
    of_account = [{**row, "account": account} for row in rows]
    insert_or_change(db, loved, of_account, ("account", "artist", "track"), ("mbid", "loved_at", "outcome"))


def by_outcome(db: Connection, account: int, outcome: str) -> list[tuple[str, str]]:
    """(artist, track) of the loved tracks of one outcome."""
    rows = db.execute(
        select(loved.c.artist, loved.c.track)
        .where(loved.c.account == account, loved.c.outcome == outcome)
        .order_by(loved.c.artist, loved.c.track)
    )
    return [(artist, track) for artist, track in rows]
