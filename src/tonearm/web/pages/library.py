"""The page at `/library`: the scanned files, which of them are loved, and what Last.fm knows of their songs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from tonearm.deck import Listener
from tonearm.web.api.schemas import RowId
from tonearm.web.pages.layout import Frame

SHOWN = 50
"""Files of a page."""


def library_routes(router: APIRouter, frame: Frame) -> None:
    """`/library`."""
    Me = Annotated[Listener, Depends(frame.who)]

    @router.get("/library")
    async def library(me: Me, start: Annotated[RowId, Query()] = 0) -> Response:
        """A page of the library, in the order in which its files were found."""
        found = await frame.deck.enrichment.library(me.id, start, SHOWN + 1)
        seen, files = await frame.deck.views.library_size(me.id)
        following = found[SHOWN].id if len(found) > SHOWN else 0
        return frame.page(
            "library", seen, frame.moment(), tracks=found[:SHOWN], files=files, start=start, next_start=following
        )
