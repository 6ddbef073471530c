"""The page of one play at `/plays/{id}`: its whole story, and sending, correcting or discarding it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from tonearm.core.play import Nameless, Track
from tonearm.deck import Listener
from tonearm.service.telling import Done, NoSuchPlay, NotNow, Outcome
from tonearm.store import glance
from tonearm.store.glance import Glance, InLine
from tonearm.store.plays import Kept
from tonearm.web import views
from tonearm.web.address import at
from tonearm.web.frame import Frame, back
from tonearm.web.shapes import LONGEST_NAME, Row
from tonearm.web.steps import steps
from tonearm.web.words import sentence

Name = Annotated[str, Form(max_length=LONGEST_NAME)]


def play_routes(router: APIRouter, frame: Frame) -> None:
    """`/plays/{id}`, its part, and what can be done to it."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener, play: int) -> Response:
        moment = frame.moment()
        story = await frame.deck.telling.story(me.id, play)
        if story is None:
            raise HTTPException(404, "You have no such play.")

        def read(db: Connection) -> tuple[Glance, Kept | InLine]:
            return frame.look(db, me.id, moment.now), glance.entry(db, story.kept)

        seen, entry = await frame.deck.store.read(read)
        row = views.row(entry, seen, moment)
        again = views.again([row], seen, moment)
        return frame.page(
            name, seen, moment, play=story.kept, story=story, row=row, again=again, steps=steps(story, row)
        )

    @router.get("/plays/{play}")
    async def story(me: Me, play: Row) -> Response:
        """The whole story of a play."""
        return await shown("play", me, play)

    @router.get("/fragments/story/{play}")
    async def part(me: Me, play: Row) -> Response:
        """The story alone, as it is now."""
        return await shown("_story", me, play)

    @router.post("/plays/{play}/send")
    async def send(me: Me, request: Request, play: Row) -> Response:
        """Send a play that waits, was held back or was left out."""
        _done(await frame.deck.telling.retry(me.id, play))
        return back(request, "/queue")

    @router.post("/plays/{play}/discard")
    async def discard(me: Me, request: Request, play: Row) -> Response:
        """Take a play out; it stays in the history."""
        _done(await frame.deck.telling.discard(me.id, play))
        return back(request, "/queue")

    @router.post("/plays/{play}/correct")
    async def correct(
        me: Me, play: Row, artist: Name, track: Name, album: Name = "", album_artist: Name = ""
    ) -> Response:
        """Send a play with other names: a play of its own, unless only the album differs."""

        def change(named: Track) -> Track:
            mbid = named.mbid if (artist, track) == (named.artist, named.title) else ""
            return Track(artist, track, album, album_artist, named.duration, named.track_number, mbid)

        try:
            number = _done(await frame.deck.telling.correct(me.id, play, change))
        except Nameless as fault:
            raise HTTPException(400, sentence(str(fault))) from None
        return RedirectResponse(at(f"/plays/{number}"), 303)


def _done(outcome: Outcome) -> int:
    match outcome:
        case Done(play=number):
            return number
        case NotNow(why):
            raise HTTPException(409, sentence(why))
        case NoSuchPlay():
            raise HTTPException(404, "You have no such play.")
