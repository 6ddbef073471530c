"""`/metadata`: artists, albums, tracks and their pictures, from cached answers of Last.fm.

Names are in the path, each encoded separately: `/metadata/tracks/AC%2FDC/T.N.T.`. Names that a path can't hold (one or
two dots, or whatever a proxy decodes on the way) are parameters of the same address without names:
`/metadata/tracks?artist=..&title=.`.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response, params
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from starlette.routing import Match
from starlette.types import Scope

from tonearm.core.play import MissingName
from tonearm.deck import Deck, Listener
from tonearm.lastfm.breaker import Resting
from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.images import Image
from tonearm.service.metadata import LONGEST_NAME, NotKnown, SearchKind
from tonearm.service.metadata_upstream import NO_KEY
from tonearm.web.api import metadata_schemas as shapes
from tonearm.web.api.errors import ErrorResponses
from tonearm.web.api.plays import Ask
from tonearm.web.api.schemas import Detail, Responses, RowId

T = TypeVar("T")

A_YEAR, A_DAY, AN_HOUR = 31_536_000, 86_400, 3_600
LONGEST_TICKET = 4096

# Not `model`: of that, FastAPI would make a validator for each status of each route, which a start would wait for.
_DETAIL = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Detail.__name__}"}}}
_AWAY: Responses = {
    401: {"content": _DETAIL, "description": "Missing or unknown token."},
    404: {"content": _DETAIL, "description": "Last.fm doesn't know this name."},
    502: {
        "content": _DETAIL,
        "description": "Last.fm rejects the request or can't be reached, and no earlier answer is cached.",
    },
    503: {
        "content": _DETAIL,
        "description": "As 502, but Last.fm wasn't contacted: requests to it are paused, or no API key is set.",
    },
}
_PICTURE: Responses = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
}

_InPath = Annotated[str, Path(description="URL-encoded by itself: a slash is %2F."), AfterValidator(unquote)]
_Given = Annotated[str, Query(max_length=LONGEST_NAME)]


class ByRawPath(ErrorResponses):
    """Routes that are matched by the raw address, so that an encoded slash is part of a name."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this route, with its parameters still encoded."""
        if not self.may_match(scope["path"]):
            return Match.NONE, {}
        raw = scope.get("raw_path", b"").decode("latin-1").partition("?")[0]
        path = raw if unquote(raw) == scope["path"] else quote(scope["path"])  # else a host changed it
        return super().matches({**scope, "path": path})


def metadata_router(deck: Deck, authenticate: Ask, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """The endpoints on a deck, for every signed-in listener: Last.fm's answers are the same for all."""
    router = APIRouter(
        prefix="/metadata",
        tags=["metadata"],
        responses=_AWAY,
        route_class=ByRawPath,
        dependencies=[*dependencies, Depends(authenticate)],
    )
    _artist_routes(router, deck)
    _work_routes(router, deck)
    _picture_routes(router, deck)
    _enrich_routes(router, deck, authenticate)
    return router


def _artist_routes(router: APIRouter, deck: Deck) -> None:
    look = deck.metadata

    @router.get("/artists/{name:path}/similar", response_model=shapes.SimilarOut)
    async def similar(request: Request, name: _InPath) -> Any:
        """Up to a hundred similar artists, the most similar first."""
        return await _answer(look.similar(name), shapes.similar, _pictures(deck, request))

    @router.get("/similar", response_model=shapes.SimilarOut)
    async def similar_by_parameter(request: Request, artist: _Given) -> Any:
        """The same as `/metadata/artists/{name}/similar`, for names that don't fit into a path."""
        return await _answer(look.similar(artist), shapes.similar, _pictures(deck, request))

    @router.get("/artists/{name:path}", response_model=shapes.ArtistOut)
    async def artist(request: Request, name: _InPath) -> Any:
        """An artist: biography, tags, counts, similar artists, most played albums and tracks."""
        return await _answer(look.artist(name), shapes.artist, _pictures(deck, request))

    @router.get("/artists", response_model=shapes.ArtistOut)
    async def artist_by_parameter(request: Request, name: _Given) -> Any:
        """The same as `/metadata/artists/{name}`, for names that don't fit into a path."""
        return await _answer(look.artist(name), shapes.artist, _pictures(deck, request))


def _work_routes(router: APIRouter, deck: Deck) -> None:
    look = deck.metadata

    @router.get("/albums/{artist}/{title}", response_model=shapes.AlbumOut)
    async def album(request: Request, artist: _InPath, title: _InPath) -> Any:
        """An album with its tracks."""
        return await _answer(look.album(artist, title), shapes.album, _pictures(deck, request))

    @router.get("/albums", response_model=shapes.AlbumOut)
    async def album_by_parameter(request: Request, artist: _Given, title: _Given) -> Any:
        """The same as `/metadata/albums/{artist}/{title}`, for names that don't fit into a path."""
        return await _answer(look.album(artist, title), shapes.album, _pictures(deck, request))

    @router.get("/tracks/{artist}/{title}", response_model=shapes.TrackOut)
    async def track(request: Request, artist: _InPath, title: _InPath) -> Any:
        """A track. Last.fm has every track that anybody ever scrobbled."""
        return await _answer(look.track(artist, title), shapes.track, _pictures(deck, request))

    @router.get("/tracks", response_model=shapes.TrackOut)
    async def track_by_parameter(request: Request, artist: _Given, title: _Given) -> Any:
        """The same as `/metadata/tracks/{artist}/{title}`, for names that don't fit into a path."""
        return await _answer(look.track(artist, title), shapes.track, _pictures(deck, request))

    @router.get("/search", response_model=shapes.SearchOut)
    async def search(
        request: Request,
        q: _Given,
        kind: SearchKind = SearchKind.ARTIST,
        limit: Annotated[int, Query(ge=1, le=100)] = 30,
    ) -> Any:
        """Artists, albums or tracks by name, the best match first."""
        return await _answer(look.search(kind, q, limit), shapes.search, _pictures(deck, request))


def _picture_routes(router: APIRouter, deck: Deck) -> None:
    look = deck.metadata

    @router.get("/images/{ticket}", response_class=Response, responses=_PICTURE, name="metadata_image")
    async def image(ticket: Annotated[str, Path(max_length=LONGEST_TICKET)]) -> Any:
        """A picture whose address came from another response of this service."""
        return _image_response(await look.picture(ticket), A_YEAR)

    @router.get("/covers", response_class=Response, responses=_PICTURE)
    async def cover(artist: _Given, album: _Given = "", title: _Given = "") -> Any:
        """The picture of an album, or of the album that a track is on."""
        return await _answer_or_error(
            look.cover(artist, album_=album, title=title), lambda image: _image_response(image, A_DAY)
        )


def _enrich_routes(router: APIRouter, deck: Deck, authenticate: Ask) -> None:
    Me = Annotated[Listener, Depends(authenticate)]

    @router.post("/enrich", status_code=202, response_model=shapes.EnrichOut)
    async def enrich(me: Me, request: Request, response: Response) -> Any:
        """Look up the songs of the listener's library, whenever no scrobble needs the slot. `Location` shows the
        progress.

        No file is changed. After a crash or an outage, the run continues where it stopped.
        """
        if not deck.configured:
            raise HTTPException(503, NO_KEY)
        run = await deck.enrichment.start(me.id)
        response.headers["Location"] = request.url_for("enrich_job", job=run.id).path
        return shapes.enrich(run)

    @router.get("/enrich/{job}", response_model=shapes.EnrichOut, name="enrich_job")
    async def enrich_job(me: Me, job: RowId) -> Any:
        """The progress of a run; `lastfm:enrich-progress` on `/events` reports the same."""
        run = await deck.enrichment.job(me.id, job)
        if run is None:
            raise HTTPException(404, f"no such run: {job}")
        return shapes.enrich(run)

    @router.get("/library", response_model=shapes.LibraryOut)
    async def library(me: Me, start: RowId = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Any:
        """The listener's scanned files by id, with what `/metadata/enrich` found about their songs."""
        return shapes.library(await deck.enrichment.library(me.id, start, limit), limit)


async def _answer(
    lookup: Awaitable[Remembered[T] | NotKnown], shape: Callable[[Remembered[T], shapes.Picture], Any], picture: Any
) -> Any:
    def shaped(answer: Remembered[T] | NotKnown) -> Any:
        if isinstance(answer, NotKnown):
            return JSONResponse({"detail": f"Last.fm: {answer.message}", "error": 6}, 404)
        return shape(answer, picture)

    return await _answer_or_error(lookup, shaped)


async def _answer_or_error(lookup: Awaitable[T], render: Callable[[T], Any]) -> Any:
    """What was found, or an error: 503 if Last.fm was not even asked, otherwise 502."""
    try:
        return render(await lookup)
    except MissingName as error:
        parameter = "q" if error.field == "query" else error.field
        place = {"loc": ["query", parameter], "msg": str(error), "type": "nameless"}
        return JSONResponse({"detail": [place]}, 422)
    except LastFmError as error:
        status, message = (503, error.message) if isinstance(error, Resting) else (502, f"Last.fm: {error.message}")
        headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
        return JSONResponse({"detail": message, "error": error.error_code}, status, headers)


def _pictures(deck: Deck, request: Request) -> shapes.Picture:
    place = request.url_for("metadata_image", ticket="-").path.removesuffix("-")
    return lambda url: f"{place}{deck.metadata.ticket(url)}"


def _image_response(image: Image | None, seconds: int) -> Response:
    if image is None:
        headers = {"Cache-Control": f"private, max-age={AN_HOUR}"}
        return JSONResponse({"detail": "no picture", "error": None}, 404, headers)
    headers = {
        "Cache-Control": f"private, max-age={seconds}{', immutable' if seconds == A_YEAR else ''}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-site",
    }
    return Response(image.body, media_type=image.kind, headers=headers)
