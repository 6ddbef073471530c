"""Hearts that players have given or taken: the last word on each track, with who said it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tonearm.core.play import Track
from tonearm.store import accounts
from tonearm.store.db.dialect import insert_or_change
from tonearm.store.db.schema import heart


@dataclass(frozen=True, slots=True)
class StoredHeart:
    """A heart given (`loved`) or taken at `said_at` (Unix seconds) by the player with this id, None for no player.

    `recording` is the id of the recording if its names are not known: then the track has none.
    """

    track: Track
    loved: bool
    said_at: float
    player: int | None = None
    recording: str = ""


def write(db: Connection, account: int, hearts: Sequence[StoredHeart]) -> None:
    """Write hearts, in order; each replaces the one that the track had before."""
    accounts.lock(db, [account])
    for said in hearts:
        row = {
            "account": account,
            "artist": said.track.artist,
            "track": said.track.title,
            "recording": said.recording,
            "mbid": said.track.mbid,
            "loved": said.loved,
            "said_at": said.said_at,
            "player": said.player,
        }
        unique, changed = ("account", "artist", "track", "recording"), ("mbid", "loved", "said_at", "player")
        insert_or_change(db, heart, [row], unique, changed)


def of_account(db: Connection, account: int, limit: int) -> list[StoredHeart]:
    """The hearts of an account, the latest first."""
    wanted = select(heart).where(heart.c.account == account).order_by(heart.c.said_at.desc(), heart.c.id.desc())
    return [
        StoredHeart(Track(row.artist, row.track, mbid=row.mbid), row.loved, row.said_at, row.player, row.recording)
        for row in db.execute(wanted.limit(limit))
    ]
