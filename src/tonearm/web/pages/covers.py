"""Covers for the pages' lists: from our own cache, else a drawn sleeve, while the cover is looked up."""

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from tonearm.core.play import MissingName
from tonearm.deck import Deck, Listener
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.images import Image
from tonearm.service.metadata import LONGEST_NAME
from tonearm.web.pages.layout import Frame
from tonearm.web.view.sleeves import sleeve

AT_ONCE = 0.3
"""Seconds that a list waits for a cover: enough for a cached one."""

COVER_MAX_AGE, NO_COVER_MAX_AGE, PENDING_MAX_AGE = 86_400, 3_600, 30
"""Seconds that a browser caches a cover, a sleeve if there is no cover, and a sleeve while that is not known yet."""

Name = Annotated[str, Query(max_length=LONGEST_NAME)]


def cover_routes(router: APIRouter, frame: Frame) -> None:
    """`/covers`."""
    Me = Annotated[Listener, Depends(frame.listener)]

    @router.get("/covers")
    async def cover(_: Me, artist: Name, album: Name = "", title: Name = "", large: bool = False) -> Response:
        """Always a picture: the cover of an album, or of the album that a track is on, or a drawn sleeve."""
        lookup = asyncio.create_task(_cover(frame.deck, artist, album, title, large=large))
        lookup.add_done_callback(lambda task: task.cancelled() or task.exception())
        image, max_age = None, PENDING_MAX_AGE
        with suppress(TimeoutError, LastFmError, MissingName):
            image = await asyncio.wait_for(asyncio.shield(lookup), AT_ONCE)
            max_age = COVER_MAX_AGE if image else NO_COVER_MAX_AGE
        headers = {
            "Cache-Control": f"private, max-age={max_age}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        if image is None:
            return Response(sleeve(artist, album), media_type="image/svg+xml", headers=headers)
        return Response(image.body, media_type=image.kind, headers=headers)


async def _cover(deck: Deck, artist: str, album: str, title: str, *, large: bool) -> Image | None:
    if not album and not title:
        return None  # Last.fm has no pictures of artists
    return await deck.metadata.cover(artist, album_=album, title=title, small=not large)
