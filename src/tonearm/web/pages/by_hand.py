"""The page at `/scrobble`: report a play by hand, by the same service as a player does."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.core.play import LONGEST_NEEDED, MissingName, Play, Track
from tonearm.deck import Listener
from tonearm.service.report_play import NotATime
from tonearm.web.address import at
from tonearm.web.api.schemas import LONGEST_NAME
from tonearm.web.pages.layout import Frame
from tonearm.web.view.formats import sentence
from tonearm.web.view.time_zone import zone_of

REPORTER = "by hand"

_LENGTH = re.compile(r"(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,5})", re.ASCII)

Text = Annotated[str, Form(max_length=LONGEST_NAME)]
Short = Annotated[str, Form(max_length=40)]


class Problem(ValueError):
    """What is wrong with one field of the form."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True)
class Given:
    """The form as it was filled in: `started` is the reader's local time, "" for a play that has just ended."""

    artist: str = ""
    track: str = ""
    album: str = ""
    length: str = ""
    started: str = ""


def by_hand_routes(router: APIRouter, frame: Frame) -> None:
    """`/scrobble`."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(me: Me, given: Given, problem: Problem | None = None) -> Response:
        problems: dict[str, Any] = dict.fromkeys(asdict(given), "")
        if problem:
            problems[problem.field] = sentence(str(problem))
        status = 422 if problem else 200
        return frame.page("by_hand", await frame.glance(me), frame.moment(), status, given=given, problems=problems)

    @router.get("/scrobble")
    async def form(me: Me) -> Response:
        """The form."""
        return await shown(me, Given())

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
        """The play is saved, and its story is shown; or the form as it was, with what is wrong."""
        given = Given(artist, track, album, length, started)
        try:
            play = as_play(given, frame.deck.clock.now(), zone_of(request))
            taken = await frame.deck.reports.scrobble(me.id, play, REPORTER)
        except Problem as problem:
            return await shown(me, given, problem)
        except MissingName as nameless:
            return await shown(me, given, Problem(nameless.field, str(nameless)))
        except NotATime as fault:
            return await shown(me, given, Problem("started", str(fault)))
        return RedirectResponse(at(f"/plays/{taken.id}"), 303)


def as_play(given: Given, now: float, zone: tzinfo) -> Play:
    """The play that the form describes, heard to its end. Raises Problem."""
    length = seconds(given.length)
    heard = length or LONGEST_NEEDED
    started = _start(given.started, zone) if given.started.strip() else now - heard
    return Play(Track(given.artist, given.track, given.album, duration=length), int(started), heard)


def seconds(text: str) -> float | None:
    """A length as a person writes it, such as 4:20 or 260; None for none. Raises Problem."""
    if not text.strip():
        return None
    written = _LENGTH.fullmatch(text.strip())
    if written is None:
        raise Problem("length", "we can't read that length. Use minutes and seconds, such as 4:20")
    hours, minutes, rest = (int(part or 0) for part in written.groups())
    return float(hours * 3600 + minutes * 60 + rest)


def _start(text: str, zone: tzinfo) -> float:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Problem("started", "we can't read that time. Use 2026-05-12 20:30") from None
