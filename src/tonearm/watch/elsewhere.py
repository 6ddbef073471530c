"""Reports to a service on another machine, with an API token or a player's secret, even after it was down for a
week.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from tonearm.core.play import Track
from tonearm.core.session import Finished
from tonearm.version import __version__
from tonearm.watch.waiting import Spool

TIMEOUT = 30.0
LONGEST_WAIT = 60.0
"""Seconds between two attempts while the service is down."""

_PLAYER_SECRET = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REFUSED = frozenset((400, 413, 422))
"""HTTP statuses that no later attempt will change."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The address of a service without a slash at its end, and the secret for it."""

    url: str
    secret: str

    @property
    def by_player(self) -> bool:
        """Whether the secret is a player's; those have the form of a UUID."""
        return bool(_PLAYER_SECRET.fullmatch(self.secret))

    @property
    def authorization(self) -> str:
        """The value of the header."""
        return f"Token {self.secret}" if self.by_player else f"Bearer {self.secret}"

    def path(self, *, playing: bool) -> str:
        """The path for a play, or for what is playing now."""
        if self.by_player:
            return "/1/submit-listens"
        return "/lastfm/now-playing" if playing else "/lastfm/scrobble"


class Elsewhere:
    """A Reporter that stores each play on disk until a service has it. `say` is called with a sentence when the service
    goes down, rejects something, or is back.
    """

    def __init__(self, destination: Destination, spool: Spool, say: Callable[[str], None]) -> None:
        self._destination = destination
        self._spool = spool
        self._say = say
        self._new = asyncio.Event()
        self._trouble = ""
        self._client = httpx2.AsyncClient(
            base_url=destination.url,
            timeout=TIMEOUT,
            headers={"Authorization": destination.authorization, "User-Agent": f"tonearm-watch/{__version__}"},
        )

    async def announce(self, track: Track, player: str) -> None:
        """Report what is playing now, if the service is up."""
        body = _listen(track, player) if self._destination.by_player else json.dumps(_facts(track))
        try:
            await self._post(body, playing=True)
        except httpx2.HTTPError:
            return

    async def report(self, finished: Finished, player: str) -> None:
        """Save it to disk before this returns; `send` sends it. Raises SpoolBroken."""
        if self._destination.by_player:
            body = _listen(finished.track, player, finished)
        else:
            facts = _facts(finished.track)
            body = json.dumps(
                {**facts, "timestamp": int(finished.start), "played_time": _rounded(finished.played or 0)}
            )
        self._spool.add(body)
        self._new.set()

    async def send(self) -> None:
        """Send what waits, in order, for ever. Raises SpoolBroken."""
        wait = 1.0
        while True:
            self._new.clear()
            if await self.send_waiting():
                wait = 1.0
                await self._new.wait()
                continue
            try:
                await asyncio.wait_for(self._new.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, LONGEST_WAIT)

    async def send_waiting(self) -> bool:
        """Send what waits, once; True if the service has all of it. Raises SpoolBroken."""
        while (oldest := self._spool.oldest()) is not None:
            id_, body = oldest
            trouble, refused = await self._attempt(body)
            if refused:
                self._spool.refuse(id_, refused)
                self._say(f"the service rejected a play, which stays in {self._spool.file}: {refused}")
            elif trouble:
                self._now_in(trouble)
                return False
            else:
                self._spool.done(id_)
            self._now_in("")
        return True

    async def close(self) -> None:
        """Close the connection; what waits stays on disk."""
        await self._client.aclose()
        self._spool.close()

    async def _attempt(self, body: str) -> tuple[str, str]:
        """Why a play has to wait ("" if the service has it), and why it is rejected for good ("" if it isn't)."""
        try:
            answer = await self._post(body, playing=False)
        except httpx2.HTTPError as fault:
            return f"cannot be reached ({type(fault).__name__})", ""
        if answer.status_code == httpx2.codes.OK:
            return "", ""
        if answer.status_code in _REFUSED:
            return "", f"HTTP {answer.status_code}: {answer.text[:200]}"
        if answer.status_code in (401, 403):
            return "does not accept this token: make a new one", ""
        if answer.status_code == 404:
            return "has no such address: is it tonearm's?", ""
        return f"answers HTTP {answer.status_code}", ""

    async def _post(self, body: str, *, playing: bool) -> httpx2.Response:
        path = self._destination.path(playing=playing)
        return await self._client.post(path, content=body.encode(), headers={"Content-Type": "application/json"})

    def _now_in(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._say(f"{self._destination.url} {trouble}; plays wait here" if trouble else "the service is back")
        self._trouble = trouble


def _facts(track: Track) -> dict[str, Any]:
    """A track in the form of `POST /lastfm/scrobble`."""
    facts = {
        "artist": track.artist,
        "track": track.title,
        "album": track.album,
        "album_artist": track.album_artist,
        "duration": track.duration,
        "track_number": track.track_number,
        "mbid": track.mbid,
    }
    return {name: value for name, value in facts.items() if value}


def _listen(track: Track, player: str, finished: Finished | None = None) -> str:
    """A listen in the form of ListenBrainz's API; a playing-now report if it isn't over."""
    more: dict[str, object] = {
        "media_player": player,
        "submission_client": "tonearm watch",
        "submission_client_version": __version__,
    }
    if track.duration:
        more["duration_ms"] = round(track.duration * 1000)
    if track.track_number:
        more["tracknumber"] = track.track_number
    if track.mbid:
        more["recording_mbid"] = track.mbid
    if finished is not None:
        more["duration_played"] = _rounded(finished.played or 0)
    names = {"artist_name": track.artist, "track_name": track.title, "additional_info": more}
    if track.album:
        names["release_name"] = track.album
    if track.album_artist:
        more["release_artist_name"] = track.album_artist
    if finished is None:
        return json.dumps({"listen_type": "playing_now", "payload": [{"track_metadata": names}]})
    listen = {"listened_at": int(finished.start), "track_metadata": names}
    return json.dumps({"listen_type": "single", "payload": [listen]})


def _rounded(seconds: float) -> float:
    return round(seconds, 1)
