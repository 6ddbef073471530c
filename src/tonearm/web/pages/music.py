"""The pages of an artist and of an album: one's own plays of it over time, and what Last.fm knows.

One's own plays are there at once. Last.fm's part is, too, where it is remembered; else the page asks for it when it
is open already, or when one follows the link in its place.
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
from tonearm.service.values import StatsScope, Wanted
from tonearm.web.address import at
from tonearm.web.pages.layout import Frame
from tonearm.web.view import figures, play_rows
from tonearm.web.view.time_zone import zone_of

T = TypeVar("T")

AT_ONCE = 0.1
"""Seconds that a page waits for what Last.fm knows: enough for what is remembered."""

LEAST = 29
"""Days before the last play that a chart shows even if nothing was played then."""

TOP, LATEST = 10, 10

Name = Annotated[str, Query(min_length=1, max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class MusicPage:
    """What Last.fm says: `found` is None while it is being asked, and where `words` tell why there is nothing."""

    found: Any = None
    message: str = ""

    @property
    def asked(self) -> bool:
        """Whether the answer is still to come."""
        return self.found is None and not self.message


def music_routes(router: APIRouter, frame: Frame) -> None:
    """`/artist` and `/album`, each with its part of Last.fm's."""
    Me = Annotated[Listener, Depends(frame.who)]

    @router.get("/artist")
    async def artist(me: Me, request: Request, name: Name, wait: bool = False) -> Response:
        """An artist."""
        about = await _soon(_told(frame.deck.metadata.artist(name)), wait)
        own = await _own(frame, me, request, StatsScope(me.id, name))
        return await _page(frame, me, "artist", {"name": name}, about, artist=name, **own)

    @router.get("/fragments/artist")
    async def about_artist(me: Me, name: Name) -> Response:
        """What Last.fm knows of an artist, however long it takes."""
        about = await _told(frame.deck.metadata.artist(name))
        return await _page(frame, me, "_about_artist", {"name": name}, about, artist=name)

    @router.get("/album")
    async def album(me: Me, request: Request, artist: Name, title: Name, wait: bool = False) -> Response:
        """An album."""
        about = await _soon(_told(frame.deck.metadata.album(artist, title)), wait)
        own = await _own(frame, me, request, StatsScope(me.id, artist, title))
        named = {"artist": artist, "title": title}
        return await _page(frame, me, "album", named, about, **named, **own)

    @router.get("/fragments/album")
    async def about_album(me: Me, artist: Name, title: Name) -> Response:
        """What Last.fm knows of an album, however long it takes."""
        about = await _told(frame.deck.metadata.album(artist, title))
        named = {"artist": artist, "title": title}
        return await _page(frame, me, "_about_album", named, about, **named)


async def _told(asked: Awaitable[Remembered[T] | NotKnown]) -> MusicPage:
    try:
        found = await asked
    except MissingName:
        raise HTTPException(400, "Enter a name.") from None
    except LastFmError as error:
        if error.error_code is None:
            return MusicPage(message="Couldn't reach Last.fm. Trying again soon.")
        return MusicPage(message=f"Last.fm couldn't answer: {error.message}")
    if isinstance(found, NotKnown):
        return MusicPage(message="Last.fm doesn't know this name.")
    return MusicPage(found.value)


async def _soon(asked: Coroutine[Any, Any, MusicPage], wait: bool) -> MusicPage:
    """The answer, if it is there soon; what was asked for goes on, and is remembered."""
    task = asyncio.create_task(asked)
    if not wait:
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(task), AT_ONCE)
        task.add_done_callback(lambda over: over.cancelled() or over.exception())
        return MusicPage()
    return await task


async def _page(
    frame: Frame, me: Listener, template: str, named: dict[str, str], about: MusicPage, **facts: Any
) -> Response:
    moment = frame.moment()
    return frame.page(
        template,
        await frame.glance(me),
        moment,
        about=about,
        found=about.found,
        named=urlencode(named),
        picture=partial(_picture, frame),
        **facts,
    )


def _picture(frame: Frame, images: Images | None) -> str:
    """The address of a cover at our own service; "" if there is none."""
    url = (images.extralarge or images.largest) if images else ""
    return at(f"/metadata/images/{frame.deck.metadata.ticket(url)}") if url else ""


async def _own(frame: Frame, me: Listener, request: Request, scope: StatsScope) -> dict[str, Any]:
    """One's own plays of it."""
    zone, moment = zone_of(request), frame.moment()
    ends = await frame.deck.views.first_and_last(me.id) or (0, 0)
    start, end = ends[0], ends[1] + 1
    stretches: list[Stretch] = days.stretches(zone, start, end)

    wanted = Wanted(me.id, artist=scope.artist, album=scope.album)
    seen = await frame.glance(me)
    latest, hours, most = await frame.deck.views.figures(scope, (start, end), stretches, TOP, wanted, LATEST)
    counts = hours.by_day
    return {
        "total": counts.total(),
        "since": days.date_of(min(counts)) if counts else None,
        "over_time": _over_time(counts, scope),
        "albums": figures.places(most.albums),
        "tracks": figures.places(most.tracks),
        "rows": [play_rows.row(entry, seen, moment) for entry in latest.entries],
    }


def _over_time(counts: Counter[int], whose: StatsScope) -> Any:
    if not counts:
        return None
    first, last = min(counts), max(counts)
    shown = HistoryPeriod(PeriodKind.SPAN, days.date_of(min(first, last - LEAST)), days.date_of(last))
    named = {"artist": whose.artist or ""} | ({"album": whose.album} if whose.album else {})
    return figures.over_time(shown, counts, f"/history?{urlencode(named)}&period=")
