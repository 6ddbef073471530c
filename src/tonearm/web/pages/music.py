"""The pages of an artist and of an album: the listener's plays over time, and what Last.fm knows.

The listener's plays are there at once, and so is Last.fm's part if it is cached. Otherwise the open page asks for it,
or the reader follows the link in its place.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from tonearm.core import days
from tonearm.core.days import Stretch
from tonearm.core.period import HistoryPeriod, PeriodKind
from tonearm.core.play import MissingName
from tonearm.deck import Listener
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.music import Images
from tonearm.service.metadata import LONGEST_NAME, NotKnown
from tonearm.service.values import PlayQuery, StatsScope
from tonearm.web.address import local_url
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, play_rows
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
    """`/artist` and `/album`, each with Last.fm's part."""
    Me = Annotated[Listener, Depends(frame.listener)]

    @router.get("/artist")
    async def artist(me: Me, request: Request, name: RequiredName, wait: bool = False) -> Response:
        """The page of an artist."""
        about = await _if_quick(_from_lastfm(frame.deck.metadata.artist(name)), wait)
        own = await _own_plays(frame, me, request, StatsScope(me.id, name))
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
        own = await _own_plays(frame, me, request, StatsScope(me.id, artist, title))
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "album", params, about, **params, **own)

    @router.get("/fragments/album")
    async def about_album(me: Me, artist: RequiredName, title: RequiredName) -> Response:
        """What Last.fm knows of an album, however long it takes."""
        about = await _from_lastfm(frame.deck.metadata.album(artist, title))
        params = {"artist": artist, "title": title}
        return await _page(frame, me, "_about_album", params, about, **params)


async def _from_lastfm(answer: Awaitable[Remembered[T] | NotKnown]) -> MusicInfo:
    try:
        found = await answer
    except MissingName:
        raise HTTPException(400, "Enter a name.") from None
    except LastFmError as error:
        if error.error_code is None:
            return MusicInfo(message="Couldn't reach Last.fm. Trying again soon.")
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


async def _own_plays(frame: Frame, me: Listener, request: Request, scope: StatsScope) -> dict[str, Any]:
    """The listener's plays of it."""
    zone, context = request_zone(request), frame.context()
    bounds = await frame.deck.views.first_and_last(me.id) or (0, 0)
    start, end = bounds[0], bounds[1] + 1
    stretches: list[Stretch] = days.stretches(zone, start, end)

    query = PlayQuery(me.id, artist=scope.artist, album=scope.album)
    snapshot = await frame.snapshot(me)
    latest, hours, top = await frame.deck.views.figures(scope, (start, end), stretches, TOP_SIZE, query, LATEST)
    counts = hours.by_day
    return {
        "total": counts.total(),
        "since": days.date_of(min(counts)) if counts else None,
        "over_time": _over_time(counts, scope),
        "albums": figures.top_rows(top.albums),
        "tracks": figures.top_rows(top.tracks),
        "rows": [play_rows.play_row(entry, snapshot, context) for entry in latest.entries],
    }


def _over_time(counts: Counter[int], scope: StatsScope) -> Any:
    if not counts:
        return None
    first, last = min(counts), max(counts)
    period = HistoryPeriod(PeriodKind.SPAN, days.date_of(min(first, last - MIN_DAYS)), days.date_of(last))
    params = {"artist": scope.artist or ""} | ({"album": scope.album} if scope.album else {})
    return figures.over_time(period, counts, f"/history?{urlencode(params)}&period=")
