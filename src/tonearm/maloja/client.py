"""The client for Maloja: pace, send, parse, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tonearm.core.destination import Rules, TokenCheck, Turn
from tonearm.core.play import Play, Track
from tonearm.core.verdict import Answered, ItemAnswer, Verdict
from tonearm.http_exchange import (
    PATIENCE,
    HttpClient,
    Patience,
    Reply,
    ServiceClient,
    TransportError,
    base_address,
    sendable,
)
from tonearm.maloja import answer
from tonearm.maloja.rules import MALOJA, MalojaCode, reason_of

_NEW_SCROBBLE = "/apis/mlj_1/newscrobble"
_SPARE_ENDS = ("/newscrobble", "/mlj_1", "/1", "/listenbrainz", "/apis")
"""What people paste with the address."""


class MalojaClient(ServiceClient):
    """Maloja for async code. Never raises for anything that the server or the network does.

    `url` is the address as a listener enters it: ValueError says what is wrong with it, and `address` is the one that
    is used. Without `http`, it opens an httpx2 client of its own with the first request; one that is passed in is never
    closed. `pace` is awaited before each request, and `on_date` is called with the server's Unix time and the round
    trip in seconds after each answer of the API.
    """

    rules: Rules = MALOJA
    hearts: bool = False

    def __init__(
        self,
        url: str,
        *,
        user_agent: str,
        http: HttpClient | None = None,
        pace: Callable[[], Awaitable[None]] | None = None,
        on_date: Callable[[float, float], None] | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.address = base_address(url)
        for end in _SPARE_ENDS:
            self.address = self.address.removesuffix(end).rstrip("/")
        super().__init__(user_agent, http, pace, on_date, patience)

    async def submit(self, plays: Sequence[Play], token: str, *, live: bool) -> Verdict:
        """Send a play; `token` is the API key. Raises ValueError unless it is one play.

        The same play sent again makes no second one. Another play in the same second gets the code
        `MalojaCode.SECOND_TAKEN`: Maloja will never accept it.
        """
        if len(plays) != 1:
            raise ValueError(f"Maloja accepts one play per request, not {len(plays)}")
        return answer.verdict_on(await self._send(_scrobble(plays[0]), token), token, self.address)

    async def playing_now(self, track: Track, token: str) -> Verdict:
        """Maloja can't show what is playing now; the answer says so."""
        return _no_place_for(MalojaCode.NO_PLAYING_NOW)

    async def feedback(self, track: Track, token: str, *, loved: bool, turn: Turn | None = None) -> Verdict:
        """Maloja doesn't support hearts; the answer says so."""
        return _no_place_for(MalojaCode.NO_HEARTS)

    async def validate(self, token: str) -> TokenCheck:
        """Whether the API key can be used, or, in words for the listener, why not. It names no user. It is checked with
        a play without names: Maloja's own call for it, `test`, needs the key in the address, and addresses end up in
        logs.
        """
        if not token.strip():
            return TokenCheck(trouble="enter the API key")
        reply = await self._send({"artists": [], "title": ""}, token)
        return answer.key_check(reply, token, self.address)

    async def _send(self, scrobble: dict[str, Any], token: str) -> Reply | TransportError:
        body = json.dumps({**scrobble, "key": token}).encode()
        return await self._exchange("POST", f"{self.address}{_NEW_SCROBBLE}", body)


def _scrobble(play: Play) -> dict[str, Any]:
    """A play with Maloja's parameter names; what is unknown is left out. `duration` is the time heard, `length` the
    track's.
    """
    track = play.track
    scrobble: dict[str, Any] = {
        "artists": [sendable(track.artist)],
        "title": sendable(track.title),
        "time": play.timestamp,
        "nofix": True,  # the names stay as they are
    }
    if track.album:
        scrobble["album"] = sendable(track.album)
        if track.album_artist:
            scrobble["albumartists"] = [sendable(track.album_artist)]
    if track.known_length:
        scrobble["length"] = round(track.known_length)
    if math.isfinite(play.played) and play.played >= 1:
        scrobble["duration"] = int(play.played)
    return scrobble


def _no_place_for(code: MalojaCode) -> Answered:
    return Answered((ItemAnswer(code, reason_of(code, "")),), from_server=False)
