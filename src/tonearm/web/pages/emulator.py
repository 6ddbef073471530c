"""The page at `/emulator`, where a stand-in plays Last.fm: throw a fault, and watch what becomes of the plays."""

from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from tonearm.deck import Listener
from tonearm.web.address import at
from tonearm.web.pages.base import in_place
from tonearm.web.pages.layout import Frame
from tonearm.web.view import play_rows

PATIENCE = 5.0
"""Seconds for the stand-in, which is on this machine."""

LATEST = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """A bad day of Last.fm's: what it is, what to watch for, and how the stand-in is told."""

    key: str
    title: str
    watch: str
    fault: dict[str, Any]


_SENDING = {"methods": ["track.scrobble"]}

SCENARIOS = (
    Scenario(
        "away", "Last.fm is down", "Plays wait, and are retried less and less often.", {"kind": "error", "error": 11}
    ),
    Scenario(
        "busy",
        "A proxy says when to try again",
        "The next attempt is at the time it named.",
        {"kind": "proxy-busy", "seconds": 20},
    ),
    Scenario(
        "lost",
        "The answer is lost, once",
        "Last.fm has the play, but we can't know: it is sent again unchanged and counts once.",
        {"kind": "commit-then-close", "calls": 1},
    ),
    Scenario(
        "cut",
        "The connection is cut, three times",
        "Nothing arrived, so the plays are sent again.",
        {"kind": "close-before-commit", "calls": 3},
    ),
    Scenario(
        "nonsense",
        "A page instead of an answer, three times",
        "That isn't an answer, so plays wait.",
        {"kind": "html-in-200", "calls": 3},
    ),
    Scenario(
        "limit",
        "Too many scrobbles, twice",
        "The profile waits for minutes; press Retry to test it.",
        {"kind": "account-limit", "calls": 2},
    ),
    Scenario(
        "refused",
        "Everything is rejected, four times",
        "All plays are rejected, so no single one is to blame: they are sent again.",
        {"kind": "error", "error": 6, "calls": 4},
    ),
    Scenario(
        "session",
        "The session ends",
        "A banner asks you to sign in again; then the queue drains.",
        {"kind": "error", "error": 9, "calls": 3},
    ),
    Scenario(
        "key",
        "The API key is rejected, twice",
        "Everything is on hold, and a banner says so.",
        {"kind": "error", "error": 26, "calls": 2},
    ),
    Scenario(
        "slow", "Each answer takes five seconds", "You can watch plays being sent.", {"kind": "delay", "seconds": 5}
    ),
)


def emulator_routes(router: APIRouter, frame: Frame) -> None:
    """`/emulator`: throw a fault, take them all away."""
    Me = Annotated[Listener, Depends(frame.who)]

    async def shown(name: str, me: Listener) -> Response:
        moment = frame.moment()
        told = await _asked(frame, "GET")
        seen, leaf = await frame.deck.views.latest(me.id, LATEST)
        rows = [play_rows.row(entry, seen, moment) for entry in leaf.entries]
        return frame.page(
            name,
            seen,
            moment,
            scenarios=SCENARIOS,
            armed=told.json()["faults"],
            rows=rows,
            again=play_rows.again(rows, moment),
            more=False,
        )

    @router.get("/emulator")
    async def emulator(me: Me) -> Response:
        """The faults, and the plays that they strike."""
        return await shown("emulator", me)

    @router.get("/fragments/armed")
    async def armed(me: Me) -> Response:
        """The faults in force."""
        return await shown("_armed", me)

    @router.post("/emulator/throw")
    async def throw(me: Me, request: Request, what: Annotated[str, Form(max_length=20)]) -> Response:
        """One more fault."""
        scenario = next((one for one in SCENARIOS if one.key == what), None)
        if scenario is None:
            raise HTTPException(400, "There's no such fault.")
        await _asked(frame, "POST", {**_SENDING, **scenario.fault})
        return await shown("_armed", me) if in_place(request) else RedirectResponse(at("/emulator"), 303)

    @router.post("/emulator/calm")
    async def calm(me: Me, request: Request) -> Response:
        """No faults any more."""
        await _asked(frame, "DELETE")
        return await shown("_armed", me) if in_place(request) else RedirectResponse(at("/emulator"), 303)


async def _asked(frame: Frame, method: str, fault: dict[str, Any] | None = None) -> httpx2.Response:
    try:
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            answer = await http.request(method, frame.emulator, json=fault)
            return answer.raise_for_status()
    except httpx2.HTTPError:
        raise HTTPException(502, "The stand-in for Last.fm isn't answering.") from None
