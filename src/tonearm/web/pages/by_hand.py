"""The page at `/scrobble`: report a play by hand, through the same service as players."""

from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from tonearm.core.play import LONGEST_NEEDED, MissingName, Play, Track
from tonearm.core.typed import length_of, moment_of
from tonearm.service.report import NotATime
from tonearm.web.address import see_other
from tonearm.web.api.schemas import LONGEST_NAME
from tonearm.web.pages.base import Me
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence
from tonearm.web.view.time_zone import request_zone

REPORTER = "by hand"

IMPOSSIBLE = "enter a time between October 2002 and 30 days from now"
"""What is wrong with a time at which nobody can have scrobbled."""

Text = Annotated[str, Form(max_length=LONGEST_NAME)]
Short = Annotated[str, Form(max_length=40)]


class FieldError(ValueError):
    """What is wrong with one field of the form."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class FormInput:
    """The form as it was filled in: `started` is local time in the reader's zone, "" for a play that has just ended."""

    artist: str = ""
    track: str = ""
    album: str = ""
    length: str = ""
    started: str = ""


def by_hand_routes(router: APIRouter, frame: Frame) -> None:
    """`/scrobble`."""

    async def render(me: Me, given: FormInput, problem: FieldError | None = None) -> Response:
        problems: dict[str, Any] = dict.fromkeys(asdict(given), "")
        if problem:
            problems[problem.field] = sentence(str(problem))
        status = 422 if problem else 200
        return await frame.show("by_hand", me, status, given=given, problems=problems)

    @router.get("/scrobble")
    async def form(me: Me) -> Response:
        """The form."""
        return await render(me, FormInput())

    @router.post("/scrobble")
    async def report(
        me: Me,
        request: Request,
        artist: Text = "",
        track: Text = "",
        album: Text = "",
        length: Short = "",
        started: Short = "",
    ) -> Response:
        """Save the play and show it; or show the form as it was, with what is wrong."""
        given = FormInput(artist, track, album, length, started)
        try:
            play = play_from_form(given, frame.deck.clock.now(), request_zone(request))
            saved = await frame.deck.reports.scrobble(me.id, play, REPORTER)
        except FieldError as problem:
            return await render(me, given, problem)
        except MissingName as error:
            return await render(me, given, FieldError(error.field, str(error)))
        except NotATime:
            return await render(me, given, FieldError("started", IMPOSSIBLE))
        return see_other(f"/plays/{saved.id}")


def play_from_form(given: FormInput, now: float, zone: tzinfo) -> Play:
    """The play that the form describes, played to its end. Raises FieldError."""
    length = parse_length(given.length)
    played = length or LONGEST_NEEDED
    started = local_time("started", given.started, zone) if given.started.strip() else now - played
    return Play(Track(given.artist, given.track, given.album, duration=length), int(started), played)


def parse_length(text: str) -> float | None:
    """A length as a person writes it, such as 4:20 or 260; None for none. Raises FieldError."""
    if not text.strip():
        return None
    length = length_of(text.strip())
    if length is None:
        raise FieldError("length", "we can't read that length. Use 4:20, 1:04:20 or seconds, up to 24 hours")
    return length


def local_time(field: str, text: str, zone: tzinfo) -> float:
    """The time (Unix seconds) of a field, as its reader's clock shows it. Raises FieldError."""
    if (moment := moment_of(text.strip())) is None:
        raise FieldError(field, "we can't read that time. Use 2026-05-12 20:30")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
