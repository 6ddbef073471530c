"""The stand-in for Last.fm, in a separate process: it shares no code with what it tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx2

LISTENER = "listener"
"""The user who is signed in there, without a prompt."""

START = 30.0
END = 5.0

_UNTIL_THE_DEMO_ENDS = """
import os, sys, threading
def end():
    os.read(0, 1)
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
from lastfm_emulator.__main__ import main
sys.exit(main())
"""
"""The emulator, which ends with its standard input, so that it doesn't outlive a killed demo."""


class StandInFailed(Exception):
    """The stand-in does not answer."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in: its addresses, and the keys that it accepts."""

    api_url: str
    auth_url: str
    faults_url: str
    api_key: str
    api_secret: str = field(repr=False)

    async def approve(self, auth_url: str) -> None:
        """Approve a sign-in, as the listener would on Last.fm's page."""
        async with httpx2.AsyncClient() as browser:
            await _ask(browser, auth_url)

    async def plays(self) -> set[tuple[str, str, int]]:
        """(artist, title, start) of all plays that it has accepted, as they were sent."""
        async with httpx2.AsyncClient() as browser:
            state = await _ask(browser, self.faults_url.replace("/_faults", "/_state?plays=1000000&log=0"))
        plays = state.json()["plays"].get(LISTENER, ())
        return {(play["sent_artist"], play["sent_track"], play["timestamp"]) for play in plays}


async def _ask(browser: httpx2.AsyncClient, url: str) -> httpx2.Response:
    try:
        answer = await browser.get(url)
        return answer.raise_for_status()
    except httpx2.HTTPError:
        raise StandInFailed("the stand-in for Last.fm isn't answering") from None


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """Run one while the block lasts. Raises StandInFailed if it does not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _UNTIL_THE_DEMO_ENDS,
        *("--port", "0", "--auto-approve", LISTENER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # otherwise ^C in the terminal ends it before the last plays are sent
    )
    try:
        yield await _announced(process)
    finally:
        await _end(process)


async def _announced(process: asyncio.subprocess.Process) -> StandIn:
    assert process.stdout is not None
    said: dict[str, str] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(START):
            async for line in process.stdout:
                name, _, value = line.decode().strip().partition(" ")
                said[name] = value.strip()
                if name == "Secret":
                    return StandIn(said["API"], said["Approval"], said["Faults"], said["Key"], said["Secret"])
    raise StandInFailed("the stand-in for Last.fm didn't start")


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
