"""Covers for the pages' lists: from our own cache, else a drawn sleeve, while the cover is looked up."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from tonearm.core.play import MissingName
from tonearm.lastfm.error import LastFmError
from tonearm.service.metadata import LONGEST_NAME
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view.sleeves import ground, record_label, sleeve, sleeve_tint

T = TypeVar("T")

AT_ONCE, LATER = 0.3, 5.0
"""Seconds that a list waits for a cover: enough for a cached one; and that a page waits for its colour, once."""

SVG = "image/svg+xml"

COVER_MAX_AGE, NO_COVER_MAX_AGE, PENDING_MAX_AGE = 86_400, 3_600, 30
"""Seconds that a browser caches a cover, a sleeve if there is no cover, and a sleeve while that is not known yet."""

Name = Annotated[str, Query(max_length=LONGEST_NAME)]


def cover_routes(router: APIRouter, frame: Frame) -> None:
    """`/covers`."""

    @router.get("/covers")
    async def cover(
        _: Me, artist: Name, album: Name = "", title: Name = "", large: bool = False, label: bool = False
    ) -> Response:
        """The cover of an album, or of the album that a track is on; a drawn sleeve, or a record's label, if there is
        none.
        """
        image, max_age = await _if_quick(
            frame.deck.metadata.cover(artist, album_=album, title=title, small=not large), AT_ONCE
        )
        if image is None:
            return _answer(record_label(artist, album) if label else sleeve(artist, album), SVG, max_age)
        return _answer(image.body, image.kind, max_age)

    @router.get("/covers/tint")
    async def tint(_: Me, artist: Name, album: Name = "", title: Name = "") -> Response:
        """The colour of that picture, as an image behind the page."""
        colour, max_age = await _if_quick(frame.deck.metadata.tint(artist, album_=album, title=title), LATER)
        return _answer(ground(colour or sleeve_tint(artist, album)), SVG, max_age)


async def _if_quick(answer: Coroutine[Any, Any, T | None], patience: float) -> tuple[T | None, int]:
    """The answer and how long a browser may keep it; None if there is none, or none yet: then the look-up continues."""
    lookup = asyncio.create_task(answer)
    lookup.add_done_callback(lambda task: task.cancelled() or task.exception())
    with suppress(TimeoutError, LastFmError, MissingName):
        found = await asyncio.wait_for(asyncio.shield(lookup), patience)
        return found, COVER_MAX_AGE if found else NO_COVER_MAX_AGE
    return None, PENDING_MAX_AGE


def _answer(picture: bytes | str, kind: str, max_age: int) -> Response:
    headers = {
        "Cache-Control": f"private, max-age={max_age}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return Response(picture, media_type=kind, headers=headers)
