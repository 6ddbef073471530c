"""A client as bare as can be: it signs, asks the emulator, and hands the answer over unread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from lastfm_emulator import API_KEY, API_SECRET, Hangup, Reply, Request, signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastfm_emulator import Emulator

NOW = 1_700_000_000
"""Where the tests' clock stands at first: 14 Nov 2023, 22:13:20 UTC."""


@dataclass
class Clock:
    """A clock that moves on request."""

    time: float = NOW

    def __call__(self) -> float:
        return self.time


def signed(params: Mapping[str, object], key: str = API_KEY, secret: str = API_SECRET) -> dict[str, str]:
    """These parameters with key and signature."""
    full = {name: str(value) for name, value in params.items()} | {"api_key": key}
    return full | {"api_sig": signature(full, secret)}


def plays(*sent: tuple[str, str, int]) -> dict[str, object]:
    """Indexed parameters for (artist, track, timestamp)."""
    params: dict[str, object] = {}
    for index, (artist, track, timestamp) in enumerate(sent):
        params |= {
            f"artist[{index}]": artist,
            f"track[{index}]": track,
            f"timestamp[{index}]": timestamp,
        }
    return params


@dataclass
class Caller:
    """One user's client, over no network at all."""

    emulator: Emulator
    session: str

    def ask(self, method: str, verb: str = "POST", **params: object) -> Reply:
        """A signed call in JSON with this user's session; `sk=None` leaves it out. Fails on a hang-up."""
        return self.ask_all(method, params, verb)

    def ask_all(self, method: str, params: Mapping[str, object], verb: str = "POST") -> Reply:
        given = {"method": method, "sk": self.session, "format": "json", **params}
        return self.send(signed({name: value for name, value in given.items() if value is not None}), verb)

    def send(self, params: Mapping[str, object], verb: str = "POST") -> Reply:
        """Exactly these parameters."""
        reply = self.attempt(params, verb)
        assert isinstance(reply, Reply)
        return reply

    def attempt(self, params: Mapping[str, object], verb: str = "POST") -> Reply | Hangup:
        """The same if a hang-up may be the answer."""
        text = urlencode({name: str(value) for name, value in params.items()})
        if verb == "POST":
            return self.emulator.answer(Request("POST", body=text.encode()))
        return self.emulator.answer(Request(verb, query=text))

    def read(self, method: str, **params: object) -> Any:
        """The body of an unsigned read without a session."""
        return body(self.send({"method": method, "api_key": API_KEY, "format": "json", **params}, "GET"))

    def scrobble(self, artist: str = "Low", track: str = "Sunflower", at: int = NOW - 300, **more: object) -> Any:
        """The body of the answer to one scrobble."""
        params = {"artist": artist, "track": track, "timestamp": at, **more}
        return body(self.ask_all("track.scrobble", params))


def body(reply: Reply) -> Any:
    return json.loads(reply.body)


def error(reply: Reply) -> tuple[int, int]:
    """Error number and HTTP status of a refusal."""
    return body(reply)["error"], reply.status
