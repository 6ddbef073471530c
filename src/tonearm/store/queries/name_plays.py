"""The plays of one artist, album or track, in all its spellings."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from tonearm.core.figures import FiguredPlay, NameKind
from tonearm.store.db.dialect import Among
from tonearm.store.db.schema import play
from tonearm.store.summaries import NOT_COUNTED

_TITLE = {NameKind.ALBUM: play.c.album, NameKind.TRACK: play.c.track}


@cache
def _wanted(kind: NameKind) -> Select[Any]:
    names = [Among(play.c.artist, "artists")]
    if kind in _TITLE:
        names.append(Among(_TITLE[kind], "titles"))
    facts = (play.c.timestamp, play.c.artist, play.c.album, play.c.track, play.c.played, play.c.duration)
    return (
        select(play.c.id, *facts)
        .where(
            play.c.account == bindparam("of"),
            play.c.timestamp >= bindparam("start"),
            play.c.timestamp < bindparam("end"),
            play.c.counted,
            play.c.fate.not_in(NOT_COUNTED),
            *names,
        )
        .order_by(play.c.timestamp)
    )


def of_name(
    db: Connection, account: int, kind: NameKind, names: Collection[tuple[str, str]], start: int, end: int
) -> list[tuple[int, FiguredPlay]]:
    """Plays that count in a span of time (from, to before, in Unix seconds), in the order of time, each with its id.

    `names` are spellings of one name, as (artist, title); every artist may come with every title.
    """
    spelt = {"artists": sorted({artist for artist, _ in names}), "titles": sorted({title for _, title in names})}
    asked = {"of": account, "start": start, "end": end, **spelt}
    rows = db.execute(_wanted(kind), asked).all()  # in one go: an artist has thousands
    return [
        (id_, FiguredPlay(at, artist, album, track, round(played or duration or 0), True))
        for id_, at, artist, album, track, played, duration in rows
    ]
