"""The page of one play at `/plays/{id}`: what happened to it, and sending, editing or discarding it."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response

from tonearm.core.edit_rules import BadRule
from tonearm.core.play import MissingName, Track
from tonearm.deck import Listener
from tonearm.service.play_actions import ActionDone, ActionRefused, ActionResult, NoSuchPlay
from tonearm.web.address import local_url, see_other
from tonearm.web.api.schemas import LONGEST_NAME, RowId
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame, back
from tonearm.web.view import play_rows
from tonearm.web.view.destinations import play_there
from tonearm.web.view.formats import sentence
from tonearm.web.view.play_timeline import steps

FormName = Annotated[str, Form(max_length=LONGEST_NAME)]


def play_routes(router: APIRouter, frame: Frame) -> None:
    """`/plays/{id}`, its part, and what can be done to it."""
    _view_routes(router, frame)
    _action_routes(router, frame)
    _edit_route(router, frame)


def _view_routes(router: APIRouter, frame: Frame) -> None:
    @router.get("/plays/{play}")
    async def whole(me: Me, play: RowId) -> Response:
        """Everything that happened to a play."""
        return await play_page(frame, "play", me, play)

    @router.get("/fragments/timeline/{play}")
    async def part(me: Me, play: RowId) -> Response:
        """What happened alone, as it is now."""
        return await play_page(frame, "_timeline", me, play)


def _action_routes(router: APIRouter, frame: Frame) -> None:
    @router.post("/plays/{play}/send")
    async def send(me: Me, request: Request, play: RowId) -> Response:
        """Send a play that waits, is on hold, was ignored or rejected."""
        _play_id(await frame.deck.play_actions.retry(me.id, play))
        return back(request, "/queue", "It's in the queue.")

    @router.post("/plays/{play}/discard")
    async def discard(me: Me, request: Request, play: RowId) -> Response:
        """Discard a play; it stays in the history, and for a while the page offers to undo it."""
        _play_id(await frame.deck.play_actions.discard(me.id, play))
        answer = back(request, "/queue", "Discarded. It stays in the history.")
        answer.headers["Tonearm-Undo"] = local_url(f"/plays/{play}/undo")
        return answer

    @router.post("/plays/{play}/undo")
    async def undo(me: Me, request: Request, play: RowId) -> Response:
        """Restore a discarded play to the state it had."""
        _play_id(await frame.deck.play_actions.undo_discard(me.id, play))
        return back(request, "/queue", "Restored.")


def _edit_route(router: APIRouter, frame: Frame) -> None:
    @router.post("/plays/{play}/correct")
    async def edit(
        me: Me,
        play: RowId,
        artist: FormName = "",
        track: FormName = "",
        album: FormName = "",
        album_artist: FormName = "",
    ) -> Response:
        """Send a play with other names: as a new play, unless only the album differs."""

        def change(named: Track) -> Track:
            mbid = named.mbid if (artist, track) == (named.artist, named.title) else ""
            return Track(artist, track, album, album_artist, named.duration, named.track_number, mbid)

        try:
            play_id = _play_id(await frame.deck.play_actions.correct(me.id, play, change))
        except MissingName as error:
            given = {"artist": artist, "track": track, "album": album, "album_artist": album_artist}
            return await play_page(frame, "play", me, play, given, error)
        return see_other(f"/plays/{play_id}")


async def play_page(
    frame: Frame,
    name: str,
    me: Listener,
    play: int,
    given: dict[str, str] | None = None,
    error: MissingName | BadRule | None = None,
) -> Response:
    """The page of a play, or a part of it; with what was `given` in its form and what is wrong with that."""
    context = frame.context()
    details = await frame.deck.play_actions.details(me.id, play)
    if details is None:
        raise HTTPException(404, "You don't have that play.")

    snapshot, entry = await frame.deck.views.play(details.stored)
    row = play_rows.play_row(entry, snapshot, context)
    track = details.stored.play.track
    there = await frame.deck.destination_views.of_plays(me.id, [play])
    names = {"artist": track.artist, "track": track.title, "album": track.album, "album_artist": track.album_artist}
    problems = {"artist": "", "track": "", "rule": ""}
    if error:
        problems[error.field if isinstance(error, MissingName) else "rule"] = sentence(str(error))
    values = {
        "play": details.stored,
        "details": details,
        "row": row,
        "refresh_in": play_rows.refresh_in([row], context),
        "steps": steps(details, row),
        "loved": await me.loves(track.artist, track.title),
        "elsewhere": [play_there(one) for one in there.get(play, [])],
    }
    status = 422 if error else 200
    return frame.page(name, snapshot, context, status, given=given or names, problems=problems, **values)


def _play_id(outcome: ActionResult) -> int:
    match outcome:
        case ActionDone(play=play_id):
            return play_id
        case ActionRefused(reason):
            raise HTTPException(409, reason)
        case NoSuchPlay():
            raise HTTPException(404, "You don't have that play.")
