"""The page at `/history/names`: names that the listener has merged or renamed, and how to undo that."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Response

from tonearm.core.figures import NameKind
from tonearm.core.play import MissingName
from tonearm.deck import Listener
from tonearm.service.metadata import LONGEST_NAME
from tonearm.service.values import MAX_RENAMES, TooManyRenames
from tonearm.web.address import see_other
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence
from tonearm.web.view.templates import name_url

TypedName = Annotated[str, Form(max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class RefusedRename:
    """A rename that could not be made: what was typed for which name, and why not."""

    kind: NameKind
    artist: str
    title: str
    to_artist: str
    to_title: str
    problem: str
    field: str = ""


def name_routes(router: APIRouter, frame: Frame) -> None:
    """`/history/names` and its forms."""

    @router.get("/history/names")
    async def names(me: Me) -> Response:
        """The whole page."""
        return await _page(frame, me)

    @router.post("/history/names")
    async def rename(
        me: Me,
        kind: Annotated[NameKind, Form()],
        artist: TypedName,
        to_artist: TypedName,
        title: TypedName = "",
        to_title: TypedName = "",
    ) -> Response:
        """Count a name as another one from now on."""
        title = "" if kind is NameKind.ARTIST else title

        def refused(problem: str, field: str = "") -> RefusedRename:
            return RefusedRename(kind, artist, title, to_artist, to_title, problem, field)

        if (to_artist.strip(), to_title.strip() if title else "") == (artist, title):
            return await _page(frame, me, refused("That's its name already. Enter the name that it should count as."))
        try:
            await frame.deck.figures.rename(me.id, kind, (artist, title), (to_artist, to_title))
        except MissingName as missing:
            field = "artist" if missing.field == "artist" else "title"
            return await _page(frame, me, refused(sentence(str(missing)), field))
        except TooManyRenames:
            problem = f"You have renamed {MAX_RENAMES} names, which is the limit. Undo some first."
            return await _page(frame, me, refused(problem))
        return see_other("/history/names")

    @router.post("/history/names/undo")
    async def undo(me: Me, kind: Annotated[NameKind, Form()], artist: TypedName, title: TypedName = "") -> Response:
        """Stop counting a name as another one."""
        if not await frame.deck.figures.undo_rename(me.id, kind, (artist, title)):
            raise HTTPException(404, "This name isn't renamed.")
        return see_other("/history/names")


async def _page(frame: Frame, me: Listener, asked: RefusedRename | None = None) -> Response:
    renamed = await frame.deck.figures.renames(me.id)
    shown = [(one, name_url(one.kind, *one.to)) for one in renamed]
    status = 422 if asked else 200
    return await frame.show("names", me, status, renamed=shown, asked=asked)
