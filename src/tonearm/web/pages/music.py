"""The pages of an artist, an album and a track: the listener's plays over time, and what Last.fm knows.

The listener's plays are there at once, and so is Last.fm's part if it is cached. Otherwise the page requests it once it
is open, or the reader follows the link in its place.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response

from tonearm.core import days
from tonearm.core.figures import NameKind
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.core.play import MissingName, Track
from tonearm.deck import Listener
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.music import Images
from tonearm.service.metadata import LONGEST_NAME, NotKnown
from tonearm.service.values import PlayQuery
from tonearm.web.address import local_url
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, play_rows
from tonearm.web.view.formats import duration
from tonearm.web.view.time_zone import request_zone

T = TypeVar("T")

AT_ONCE = 0.1
"""Seconds that a page waits for what Last.fm knows: enough for a cached answer."""

MIN_DAYS = 29
"""Days before the last play that a chart shows at least."""

TOP_SIZE, LATEST = 10, 10

RequiredName = Annotated[str, Query(min_length=1, max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class MusicInfo:
    """What Last.fm says: `found` is None while it is being asked, and if `message` says why there is nothing."""

    found: Any = None
    message: str = ""

    @property
    def pending(self) -> bool:
        """Whether the answer is still to come."""
        return self.found is None and not self.message


def music_routes(router: APIRouter, frame: Frame) -> None:
    """`/artist`, `/album` and `/track`, each with Last.fm's part."""

    @router.get("/artist")
    async def artist(me: Me, request: Request, name: RequiredName, wait: bool = False) -> Response:
        """The page of an artist."""
        about = await _if_quick(_from_lastfm(frame.deck.metadata.artist(name)), wait)
        own = await _own_plays(frame, me, request, NameKind.ARTIST, name)
        return await _page(frame, me, "artist", {"name": name}, about, artist=name, **own)

    @router.get("/fragments/artist")
    async def about_artist(me: Me, name: RequiredName) -> Response:
        """What Last.fm knows of an artist, however long it takes."""
        about = await _from_lastfm(frame.deck.metadata.artist(name))
        return await _page(frame, me, "_about_artist", {"name": name}, about, artist=name)

    @router.get("/album")
    async def album(
        me: Me, request: Request, artist: RequiredName, title: RequiredName, wait: bool = False
    ) -> Response:
        """The page of an album."""
        about = await _if_quick(_from_lastfm(frame.deck.metadata.album(artist, title)), wait)
        own = await _own_plays(frame, me, request, NameKind.ALBUM, artist, title)
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "album", params, about, **params, **own)

    @router.get("/fragments/album")
    async def about_album(me: Me, artist: RequiredName, title: RequiredName) -> Response:
        """What Last.fm knows of an album, however long it takes."""
        about = await _from_lastfm(frame.deck.metadata.album(artist, title))
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "_about_album", params, about, **params)

    @router.get("/track")
    async def track(
        me: Me, request: Request, artist: RequiredName, title: RequiredName, wait: bool = False
    ) -> Response:
        """The page of a track."""
        about = await _if_quick(_from_lastfm(frame.deck.metadata.track(artist, title)), wait)
        own = await _own_plays(frame, me, request, NameKind.TRACK, artist, title)
        given = Track(artist, title)
        [loved] = await frame.deck.hearts.loved(me.id, [given])
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "track", params, about, **params, **own, given=given, loved=loved)

    @router.get("/fragments/track")
    async def about_track(me: Me, artist: RequiredName, title: RequiredName) -> Response:
        """What Last.fm knows of a track, however long it takes."""
        about = await _from_lastfm(frame.deck.metadata.track(artist, title))
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "_about_track", params, about, **params)


async def _from_lastfm(answer: Awaitable[Remembered[T] | NotKnown]) -> MusicInfo:
    try:
        found = await answer
    except MissingName:
        raise HTTPException(400, "Enter a name.") from None
    except LastFmError as error:
        if error.error_code is None:
            return MusicInfo(message="Couldn't reach Last.fm. Try again soon.")
        return MusicInfo(message=f"Last.fm couldn't answer: {error.message}")
    if isinstance(found, NotKnown):
        return MusicInfo(message="Last.fm doesn't know this name.")
    return MusicInfo(found.value)


async def _if_quick(answer: Coroutine[Any, Any, MusicInfo], wait: bool) -> MusicInfo:
    """The answer, if it comes at once; otherwise the request continues, and its answer is cached."""
    task = asyncio.create_task(answer)
    if not wait:
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(task), AT_ONCE)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return MusicInfo()
    return await task


async def _page(
    frame: Frame, me: Listener, template: str, params: dict[str, str], about: MusicInfo, **facts: Any
) -> Response:
    context = frame.context()
    return frame.page(
        template,
        await frame.snapshot(me),
        context,
        about=about,
        found=about.found,
        params=urlencode(params),
        picture=partial(_picture, frame),
        **facts,
    )


def _picture(frame: Frame, images: Images | None) -> str:
    """The address of a cover at our own service; "" if there is none."""
    url = (images.extralarge or images.largest) if images else ""
    return local_url(f"/metadata/images/{frame.deck.metadata.ticket(url)}") if url else ""


async def _own_plays(
    frame: Frame, me: Listener, request: Request, kind: NameKind, artist: str, title: str = ""
) -> dict[str, Any]:
    """The listener's plays of it, in all spellings: the list has those that the figures count."""
    zone, context = request_zone(request), frame.context()
    found = await frame.deck.figures.of_name(me.id, kind, (artist, title), zone, TOP_SIZE, LATEST)
    snapshot = await frame.snapshot(me)
    if found.ids:
        entries = await frame.deck.views.these(me.id, found.ids)
    else:  # only skipped, or by a longer name than an address has room for
        entries = list((await frame.deck.views.found(_query(me.id, kind, artist, title), LATEST)).entries)
    return {
        "total": found.plays,
        "rank": found.rank,
        "of": found.total,
        "kind": kind.value,
        "heard": duration(found.heard) if found.heard else "",
        "first": days.day_of(found.first, zone) if found.plays else None,
        "last": days.day_of(found.last, zone) if found.plays else None,
        "over_time": _over_time(found.by_day, kind, artist, title),
        **{f"{other}s": figures.top_rows(found.tops[other].names if other in found.tops else ()) for other in NameKind},
        "rows": [play_rows.play_row(entry, snapshot, context) for entry in entries],
    }


def _query(account: int, kind: NameKind, artist: str, title: str) -> PlayQuery:
    album, track = (title if kind is one else None for one in (NameKind.ALBUM, NameKind.TRACK))
    return PlayQuery(account, artist=artist, album=album, track=track)


def _over_time(counts: Counter[int], kind: NameKind, artist: str, title: str) -> Any:
    if not counts:
        return None
    first, last = min(counts), max(counts)
    period = HistoryPeriod(PeriodKind.SPAN, days.date_of(min(first, last - MIN_DAYS)), days.date_of(last))
    params = {"artist": artist} | ({kind.value: title} if title else {})
    return figures.over_time(period, counts, f"/history?{urlencode(params)}&period=")
