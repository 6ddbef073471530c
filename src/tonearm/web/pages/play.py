"""The page of one play at `/plays/{id}`: its whole story, and sending, correcting or discarding it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from tonearm.core.play import MissingName, Track
from tonearm.deck import Listener
from tonearm.service.play_actions import ActionDone, ActionRefused, ActionResult, NoSuchPlay
from tonearm.web.address import at
from tonearm.web.api.schemas import LONGEST_NAME, RowId
from tonearm.web.pages.base import in_place
from tonearm.web.pages.layout import Frame, back
from tonearm.web.view import play_rows
from tonearm.web.view.formats import sentence
from tonearm.web.view.play_timeline import steps

FormName = Annotated[str, Form(max_length=LONGEST_NAME)]


def play_routes(router: APIRouter, frame: Frame) -> None:
    """`/plays/{id}`, its part, and what can be done to it."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(
        name: str, me: Listener, play: int, given: dict[str, str] | None = None, fault: MissingName | None = None
    ) -> Response:
        moment = frame.moment()
        story = await frame.deck.play_actions.story(me.id, play)
        if story is None:
            raise HTTPException(404, "You don't have that play.")

        seen, entry = await frame.deck.views.play(story.stored)
        row = play_rows.row(entry, seen, moment)
        again = play_rows.again([row], moment)
        track = story.stored.play.track
        names = {"artist": track.artist, "track": track.title, "album": track.album, "album_artist": track.album_artist}
        problems = {"artist": "", "track": ""} | ({fault.field: sentence(str(fault))} if fault else {})
        facts = {"play": story.stored, "story": story, "row": row, "again": again, "steps": steps(story, row)}
        status = 422 if fault else 200
        return frame.page(name, seen, moment, status, given=given or names, problems=problems, **facts)

    @router.get("/plays/{play}")
    async def story(me: Me, play: RowId) -> Response:
        """The whole story of a play."""
        return await shown("play", me, play)

    @router.get("/fragments/story/{play}")
    async def part(me: Me, play: RowId) -> Response:
        """The story alone, as it is now."""
        return await shown("_story", me, play)

    @router.post("/plays/{play}/send")
    async def send(me: Me, request: Request, play: RowId) -> Response:
        """Send a play that waits, was held back or was left out."""
        _done(await frame.deck.play_actions.retry(me.id, play))
        return back(request, "/queue")

    @router.post("/plays/{play}/discard")
    async def discard(me: Me, request: Request, play: RowId) -> Response:
        """Take a play out; it stays in the history, and for a while the page offers to undo it."""
        _done(await frame.deck.play_actions.discard(me.id, play))
        if not in_place(request):
            return back(request, "/queue")
        undo = {"Tonearm-Undo": at(f"/plays/{play}/undo")}
        return PlainTextResponse("Discarded. It stays in the history.", headers={**frame.headers, **undo})

    @router.post("/plays/{play}/undo")
    async def undo(me: Me, request: Request, play: RowId) -> Response:
        """A discarded play is again what it was before."""
        _done(await frame.deck.play_actions.undo_discard(me.id, play))
        return back(request, "/queue")

    @router.post("/plays/{play}/correct")
    async def correct(
        me: Me,
        play: RowId,
        artist: FormName = "",
        track: FormName = "",
        album: FormName = "",
        album_artist: FormName = "",
    ) -> Response:
        """Send a play with other names: a play of its own, unless only the album differs."""

        def change(named: Track) -> Track:
            mbid = named.mbid if (artist, track) == (named.artist, named.title) else ""
            return Track(artist, track, album, album_artist, named.duration, named.track_number, mbid)

        try:
            number = _done(await frame.deck.play_actions.correct(me.id, play, change))
        except MissingName as fault:
            given = {"artist": artist, "track": track, "album": album, "album_artist": album_artist}
            return await shown("play", me, play, given, fault)
        return RedirectResponse(at(f"/plays/{number}"), 303)


def _done(outcome: ActionResult) -> int:
    match outcome:
        case ActionDone(play=number):
            return number
        case ActionRefused(why):
            raise HTTPException(409, sentence(why))
        case NoSuchPlay():
            raise HTTPException(404, "You don't have that play.")
