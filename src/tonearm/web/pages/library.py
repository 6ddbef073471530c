"""The page at `/library`: the scanned files, which of them are loved, and what Last.fm knows of their songs."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from tonearm.web.api.schemas import RowId
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame

PAGE_SIZE = 50
"""Files on a page."""


def library_routes(router: APIRouter, frame: Frame) -> None:
    """`/library`."""

    @router.get("/library")
    async def library(me: Me, start: Annotated[RowId, Query()] = 0) -> Response:
        """A page of the library, in the order in which its files were found."""
        found = await frame.deck.enrichment.library(me.id, start, PAGE_SIZE + 1)
        snapshot, files = await frame.deck.views.library_size(me.id)
        next_start = found[PAGE_SIZE].id if len(found) > PAGE_SIZE else 0
        return frame.page(
            "library",
            snapshot,
            frame.context(),
            tracks=found[:PAGE_SIZE],
            files=files,
            start=start,
            next_start=next_start,
        )
