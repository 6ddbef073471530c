"""The page at `/scrobble/album`: report a whole album by hand, with the tracks and lengths that Last.fm knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response

from tonearm.core.album import AlbumTrack, played_through
from tonearm.core.play import SHORTEST_TRACK, MissingName, Play, When, when
from tonearm.deck import Deck
from tonearm.lastfm.error import LastFmError
from tonearm.lastfm.music import AlbumInfo
from tonearm.service.metadata import NotKnown
from tonearm.service.report import NotPlays, ReportResult
from tonearm.web.api.schemas import LONGEST_NAME
from tonearm.web.pages.base import Me
from tonearm.web.pages.by_hand import IMPOSSIBLE, REPORTER, FieldError, Short, Text, local_time
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import plays, sentence
from tonearm.web.view.time_zone import request_zone

MAX_TRACKS = 200
"""Tracks of one album; a box of a dozen records has about as many."""

AlbumQuery = Annotated[str, Query(max_length=LONGEST_NAME)]


@dataclass(frozen=True, slots=True)
class AlbumInput:
    """The form as it was filled in: `ended` is local time in the reader's zone, "" for an album that has just ended."""

    artist: str = ""
    album: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track to choose, with the play that it would become. `short`: it is too short to count."""

    number: int
    play: Play
    chosen: bool
    short: bool


def album_by_hand_routes(router: APIRouter, frame: Frame) -> None:
    """`/scrobble/album`."""

    async def render(me: Me, given: AlbumInput, problem: FieldError | None = None, **values: Any) -> Response:
        problems: dict[str, Any] = dict.fromkeys((*asdict(given), "tracks"), "")
        if problem:
            problems[problem.field] = sentence(str(problem))
        status = 422 if problem else 200
        shown: dict[str, Any] = {"given": given, "problems": problems, "found": None, "results": None} | values
        return await frame.show("by_hand_album", me, status, **shown)

    @router.get("/scrobble/album")
    async def form(me: Me, artist: AlbumQuery = "", album: AlbumQuery = "") -> Response:
        """The form."""
        return await render(me, AlbumInput(artist, album))

    @router.post("/scrobble/album")
    async def preview(me: Me, request: Request, artist: Text = "", album: Text = "", ended: Short = "") -> Response:
        """Show the tracks with their times; nothing is saved yet."""
        given = AlbumInput(artist, album, ended)
        try:
            ended_at = _ended_at(given, frame.deck.clock.now(), request_zone(request))
            found = await _album(frame.deck, given)
        except FieldError as problem:
            return await render(me, given, problem)
        tracks = _tracks(found)
        return await render(me, given, found=found, rows=_rows(tracks, found, ended_at, tracks), ended_at=ended_at)

    @router.post("/scrobble/album/report")
    async def report(
        me: Me,
        ended_at: Annotated[int, Form()],
        artist: Text = "",
        album: Text = "",
        track: Annotated[list[int] | None, Form(max_length=MAX_TRACKS)] = None,
    ) -> Response:
        """Save the chosen tracks as plays that followed each other; doing it again changes nothing."""
        given = AlbumInput(artist, album)
        try:
            _check_time(ended_at, frame.deck.clock.now())
            found = await _album(frame.deck, given)
        except FieldError as problem:
            return await render(me, given, problem)
        tracks = _tracks(found)
        chosen = [one for one in tracks if one.number in (track or ())]
        shown = {"found": found, "rows": _rows(tracks, found, ended_at, chosen), "ended_at": ended_at}
        wanted = played_through(chosen, found.title, found.artist, ended_at)
        if not wanted:
            return await render(me, given, FieldError("tracks", "choose at least one track"), **shown)
        try:
            results = await frame.deck.reports.scrobble_all(me.id, wanted, REPORTER)
        except NotPlays as faults:
            return await render(me, given, FieldError("tracks", str(faults.faults[0][1])), **shown)
        return await render(me, AlbumInput(), results=_summary(results))


async def _album(deck: Deck, given: AlbumInput) -> AlbumInfo:
    """The album as Last.fm knows it, with its tracks. Raises FieldError."""
    if not deck.configured:
        raise FieldError("album", "there's no API key yet, so we can't get the tracks from Last.fm")
    try:
        answer = await deck.album(given.artist, given.album)
    except MissingName as missing:
        raise FieldError("artist" if missing.field == "artist" else "album", _enter(missing)) from None
    except LastFmError as error:
        if error.error_code is None:
            raise FieldError("album", "couldn't reach Last.fm, so we don't know the tracks: try again soon") from None
        raise FieldError("album", f"Last.fm couldn't answer: {error.message}") from None
    if isinstance(answer, NotKnown):
        raise FieldError("album", "Last.fm doesn't know this album: check both names") from None
    found = answer.value
    if not found.tracks:
        raise FieldError("album", "Last.fm knows this album, but not its tracks: scrobble the songs one by one")
    return replace(found, tracks=found.tracks[:MAX_TRACKS])


def _enter(missing: MissingName) -> str:
    return str(missing) if missing.field == "artist" else "enter an album"


def _tracks(found: AlbumInfo) -> list[AlbumTrack]:
    return [
        AlbumTrack(one.artist or found.artist, one.title, number, one.duration, one.mbid)
        for number, one in enumerate(found.tracks, 1)
    ]


def _rows(
    tracks: Sequence[AlbumTrack], found: AlbumInfo, ended_at: float, chosen: Sequence[AlbumTrack]
) -> list[TrackRow]:
    """The tracks with their times, if all of them were played."""
    plays_of_all = played_through(tracks, found.title, found.artist, ended_at)
    return [
        TrackRow(one.number, play, one in chosen, one.duration is not None and one.duration <= SHORTEST_TRACK)
        for one, play in zip(tracks, plays_of_all, strict=True)
    ]


def _ended_at(given: AlbumInput, now: float, zone: tzinfo) -> int:
    """When the album ended. Raises FieldError."""
    if not given.ended.strip():
        return int(now)
    ended_at = int(local_time("ended", given.ended, zone))
    _check_time(ended_at, now)
    return ended_at


def _check_time(ended_at: int, now: float) -> None:
    """Raises FieldError if nobody can have scrobbled then."""
    if when(ended_at, now) is When.NONSENSE:
        raise FieldError("ended", IMPOSSIBLE)


_RESULTS = {
    "queued": "{} will be sent to Last.fm",
    "duplicate": "{} already reported",
    "threshold_not_met": "{} too short to count",
    "too_old": "{} too old for Last.fm",
    "disabled": "{} kept here, because scrobbling is turned off",
    "not_authenticated": "{} kept here, because you're not signed in to Last.fm",
}


def _summary(results: Sequence[ReportResult]) -> list[str]:
    """How many plays got which answer."""
    counts = Counter(result.status for result in results)
    return [words.format(plays(counts[status])) for status, words in _RESULTS.items() if counts[status]]
