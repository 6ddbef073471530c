"""A server with ListenBrainz's API as documented: what it stores, and how it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

FEEDBACK, LOOKUP = "/feedback/recording-feedback", "/metadata/lookup"
TOO_HIGH = 3600.0
"""Seconds that a listen may lie ahead of the server's clock."""

Key = tuple[str, int, str, str, str, int | None]
"""By which the server knows a repeat: user, second, artist, title, release, length."""


class Trouble(StrEnum):
    """What goes wrong."""

    AWAY = "says that it is away"
    BROKEN = "stores half of a batch and says 500"
    THROTTLED = "says 429"
    LOST = "stores all, and its answer is lost"
    HANG_UP = "hangs up without a word"
    GATEWAY = "is hidden by the page of a gateway"
    PAGE = "is hidden by the page of a hotel"
    CUT = "stores all, and its answer is cut off"
    REFUSES = "says 400 to everything"
    SLOW = "answers after minutes"
    GONE = "cannot be reached"


@dataclass(slots=True)
class Lasting:
    """Trouble for that many requests, or until then (seconds of the run)."""

    trouble: Trouble
    calls: int = 0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Listen:
    """A listen as it is stored."""

    user: str
    at: int
    artist: str
    title: str


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; `delay` in seconds."""

    status: int
    body: bytes
    headers: dict[str, str]
    delay: float = 0.0


@dataclass(slots=True, eq=False)
class ListenServer:
    """`users` are the users by token; titles that begin with `bad` are rejected, with all that is sent with them.

    `recording` finds the MBID of an artist's title, "" for none; `hearts` are the scores by user and recording.

    `elapsed` is the time of the run, `now` the true time in Unix seconds, `off` what its own clock is ahead of that.
    """

    host: str
    bad: str
    elapsed: Callable[[], float]
    now: Callable[[], float]
    off: float = 0.0
    window: int | None = None
    users: dict[str, str] = field(default_factory=dict)
    recording: Callable[[str, str], str] = lambda _artist, _title: ""
    hearts: dict[tuple[str, str], int] = field(default_factory=dict)
    stored: dict[Key, Listen] = field(default_factory=dict)
    repeats: int = 0
    troubles: list[Lasting] = field(default_factory=list)
    journal: list[tuple[float, str, int, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def trouble(self) -> Trouble | None:
        """What goes wrong with the next request; one that is counted is used up."""
        self.troubles = [one for one in self.troubles if one.calls or one.until > self.elapsed()]
        if not self.troubles:
            return None
        first = self.troubles[0]
        if first.calls:
            first.calls -= 1
        return first.trouble

    @property
    def gone(self) -> bool:
        """Whether it can't be reached."""
        now = self.elapsed()
        return any(one.trouble is Trouble.GONE and (one.calls or one.until > now) for one in self.troubles)

    def well(self) -> None:
        """All failures end."""
        self.troubles.clear()
        self.off = 0.0

    def answer(self, path: str, query: str, headers: dict[str, str], body: bytes) -> Said | None:
        """Its answer; None if it hangs up."""
        trouble = self.trouble()
        match trouble:
            case Trouble.HANG_UP | Trouble.GONE:
                return None
            case Trouble.GATEWAY:
                return self._page(502)
            case Trouble.PAGE:
                return self._page(200)
            case Trouble.THROTTLED:
                return self._said(429, {"code": 429, "error": "You have exceeded your rate limit."})
            case Trouble.AWAY:
                return self._said(
                    503, {"code": 503, "error": "Cannot submit listens to queue, please try again later."}
                )
            case _:
                pass
        user = self.users.get(headers.get("authorization", "").removeprefix("Token "))
        if path.endswith("validate-token"):
            said = self._validated(user)
        elif path.rstrip("/").endswith(LOOKUP):
            said = self._looked_up(query, trouble)
        elif path.endswith(FEEDBACK):
            said = self._kept(user, body, trouble)
        else:
            said = self._submitted(user, body, trouble)
        self.journal.append((round(self.elapsed(), 3), user or "", said.status, len(self.stored) + len(self.hearts)))
        match trouble:
            case Trouble.LOST:
                return None
            case Trouble.CUT:
                return Said(said.status, said.body[:7], said.headers)
            case Trouble.SLOW:
                return Said(said.status, said.body, said.headers, delay=200.0)
            case _:
                return said

    def _validated(self, user: str | None) -> Said:
        if user is None:
            return self._said(200, {"code": 200, "message": "Token invalid.", "valid": False})
        return self._said(200, {"code": 200, "message": "Token valid.", "valid": True, "user_name": user})

    def _submitted(self, user: str | None, body: bytes, trouble: Trouble | None) -> Said:
        if user is None:
            return self._error(401, "Invalid authorization token.")
        document = json.loads(body)
        if document["listen_type"] == "playing_now":
            return self._said(200, {"status": "ok"})
        payload: list[dict[str, Any]] = document["payload"]
        if trouble is Trouble.REFUSES:
            return self._error(400, "Invalid JSON document submitted.")
        for listen in payload:
            if listen["listened_at"] > self.now() + self.off + TOO_HIGH:
                return self._error(400, "Value for key listened_at is too high.")
        if any(listen["track_metadata"]["track_name"].startswith(self.bad) for listen in payload):
            return self._error(400, "JSON document may only contain what is good.")
        for listen in payload[: (len(payload) + 1) // 2] if trouble is Trouble.BROKEN else payload:
            self._store(user, listen)
        if trouble is Trouble.BROKEN:
            return self._error(500, "Something went wrong. Please try again.")
        return self._said(200, {"status": "ok"})

    def _looked_up(self, query: str, trouble: Trouble | None) -> Said:
        asked = parse_qs(query)
        if trouble is Trouble.BROKEN:
            return self._error(500, "Server failed to lookup recording")
        if trouble is Trouble.REFUSES:
            return self._error(400, "artist_name is invalid or not present in arguments")
        found = self.recording(asked["artist_name"][0], asked["recording_name"][0])
        return self._said(200, {"recording_mbid": found, "artist_mbids": []} if found else {})

    def _kept(self, user: str | None, body: bytes, trouble: Trouble | None) -> Said:
        """Store a loved or unloved track; one that makes it fail is stored every second time."""
        if user is None:
            return self._error(401, "Invalid authorization token.")
        document = json.loads(body)
        if trouble is Trouble.REFUSES or document["score"] not in (1, 0):
            return self._error(400, "Invalid JSON document submitted.")
        if trouble is not Trouble.BROKEN or len(self.journal) % 2:
            self.hearts[user, document["recording_mbid"]] = document["score"]
        if trouble is Trouble.BROKEN:
            return self._error(500, "Something went wrong. Please try again.")
        return self._said(200, {"status": "ok"})

    def _store(self, user: str, listen: dict[str, Any]) -> None:
        about, at = listen["track_metadata"], int(listen["listened_at"])
        artist, title, album = about["artist_name"], about["track_name"], about.get("release_name", "")
        length = about["additional_info"].get("duration_ms")
        key = (user, at, artist.lower(), title.lower(), album.lower(), length)
        self.repeats += key in self.stored
        self.stored.setdefault(key, Listen(user, at, artist, title))

    def _error(self, status: int, words: str) -> Said:
        return self._said(status, {"code": status, "error": words})

    def _said(self, status: int, document: dict[str, Any]) -> Said:
        headers = {"Content-Type": "application/json", "Date": formatdate(self.now() + self.off, usegmt=True)}
        if status == 429 and self.window is not None:
            headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-In": str(self.window)}
        return Said(status, json.dumps(document).encode(), headers)

    def _page(self, status: int) -> Said:
        return Said(status, b"<!DOCTYPE html>\n<html><h1>Welcome</h1></html>\n", {"Content-Type": "text/html"})
