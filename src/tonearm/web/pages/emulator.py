"""The page at `/emulator`, where a stand-in plays Last.fm: start a fault, and watch what happens to the plays."""

from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Form, HTTPException, Request, Response

from tonearm.deck import Listener
from tonearm.web.address import see_other
from tonearm.web.pages.base import Me, is_htmx
from tonearm.web.pages.layout import Frame
from tonearm.web.view import play_rows

TIMEOUT = 5.0
"""Seconds for the stand-in, which is on this machine."""

LATEST = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """A problem of Last.fm's: its title, what to watch for, and the fault that makes the stand-in have it."""

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
    """`/emulator`: start a fault, clear them all."""

    @router.get("/emulator")
    async def emulator(me: Me) -> Response:
        """The faults, and the plays that they hit."""
        return await _page(frame, "emulator", me)

    @router.get("/fragments/faults")
    async def faults_part(me: Me) -> Response:
        """The active faults."""
        return await _page(frame, "_faults", me)

    @router.post("/emulator/throw")
    async def start(
        me: Me, request: Request, scenario_key: Annotated[str, Form(alias="what", max_length=20)]
    ) -> Response:
        """Start one more fault."""
        scenario = next((scenario for scenario in SCENARIOS if scenario.key == scenario_key), None)
        if scenario is None:
            raise HTTPException(400, "There's no such fault.")
        await _call(frame, "POST", {**_SENDING, **scenario.fault})
        return await _page(frame, "_faults", me) if is_htmx(request) else see_other("/emulator")

    @router.post("/emulator/calm")
    async def clear(me: Me, request: Request) -> Response:
        """Clear all faults."""
        await _call(frame, "DELETE")
        return await _page(frame, "_faults", me) if is_htmx(request) else see_other("/emulator")


async def _page(frame: Frame, name: str, me: Listener) -> Response:
    context = frame.context()
    answer = await _call(frame, "GET")
    snapshot, page = await frame.deck.views.latest(me.id, LATEST)
    rows = [play_rows.play_row(entry, snapshot, context) for entry in page.entries]
    return frame.page(
        name,
        snapshot,
        context,
        scenarios=SCENARIOS,
        faults=answer.json()["faults"],
        rows=rows,
        refresh_in=play_rows.refresh_in(rows, context),
        more=False,
    )


async def _call(frame: Frame, method: str, fault: dict[str, Any] | None = None) -> httpx2.Response:
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
            answer = await http.request(method, frame.emulator, json=fault)
            return answer.raise_for_status()
    except httpx2.HTTPError:
        raise HTTPException(502, "The stand-in for Last.fm isn't answering.") from None
