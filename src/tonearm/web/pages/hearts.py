"""Hearts on the pages: love or unlove a track with one click."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response

from tonearm.core.play import MissingName, Track
from tonearm.ingest.incoming import Heart
from tonearm.web.api.schemas import LONGEST_NAME
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, back
from tonearm.web.pages.play import FormName

AskedName = Annotated[str, Query(max_length=LONGEST_NAME)]


def heart_routes(router: APIRouter, frame: Frame) -> None:
    """The heart of a track: as it is now, and the button that changes it."""

    @router.get("/fragments/heart")
    async def part(me: Me, artist: AskedName, track: AskedName) -> Response:
        """The heart of a track, as it is now."""
        given = Track(artist, track)
        [loved] = await frame.deck.hearts.loved(me.id, [given])
        return await frame.show("_heart", me, given=given, loved=loved)

    @router.post("/heart")
    async def say(
        me: Me, request: Request, artist: FormName, track: FormName, loved: Annotated[bool, Form()]
    ) -> Response:
        """Love or unlove a track."""
        try:
            [said] = await frame.deck.hearts.say(me.id, [Heart(Track(artist, track), loved)])
        except MissingName as nameless:
            raise HTTPException(422, str(nameless)) from None
        text = "Loved." if loved else "Unloved."
        if said.status == "kept":
            text += " Connect Last.fm to have it there too."
        return back(request, "/loved", text)

    @router.post("/loved/retry")
    async def retry(me: Me, request: Request) -> Response:
        """Send everything that waits, or was rejected, now."""
        await frame.deck.hearts.retry(me.id)
        return back(request, "/loved", "Sending them now.")
