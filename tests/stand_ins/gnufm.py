"""A stand-in for GNU FM, which Libre.fm runs, as the source of its web services has it.

Every answer has HTTP 200, errors too. A signature is checked for its length only. Code 3 is too new and 4 is too old,
91 is a repeat. Nothing is too old before December 2001 is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from time import time
from typing import Any
from xml.sax.saxutils import escape

from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored

OLDEST, AHEAD = 1009000000, 300
WORDS = {
    3: "Invalid Method - No method with that name in this package",
    4: "Invalid authentication token supplied",
    6: "Invalid parameters - Your request is missing a required parameter",
    9: "Invalid session key - Please re-authenticate",
    10: "Invalid API key - You must be granted a valid key by last.fm",
    11: "Service Offline - This service is temporarily offline. Try again later.",
    13: "Invalid method signature supplied",
    14: "This token has not been authorized",
    16: "The service is temporarily unavailable, please try again.",
}


class Failed(Exception):
    """An error of the API's, by its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class GnuFmStandIn(StandIn):
    """`users` are the names by their session keys. `approve` is what a listener does on the page with the token.

    `passwords` are those of its users. `playing` is what plays now by user, `hearts` are (user, artist, title).
    `unstored` are plays that its database cannot store, which it says with code 92 or 93 and `unstored_words`.
    """

    path = "/2.0/"

    def __init__(self, now: Callable[[], float] = time) -> None:
        super().__init__(now)
        self.playing: dict[str, Stored] = {}
        self.hearts: set[tuple[str, str, str]] = set()
        self.unstored: dict[tuple[int, str], int] = {}
        self.unstored_words = "exception with message 'ERROR: value too long for type character varying(255)'"
        self.tokens: dict[str, str | None] = {}
        self.passwords: dict[str, str] = {}

    @property
    def auth_url(self) -> str:
        return self.url.removesuffix(self.path) + "/api/auth/"

    def approve(self, token: str, user: str) -> None:
        assert token in self.tokens
        self.tokens[token] = user

    def handle(self, asked: Asked, fault: Fault) -> Said:
        params = {**asked.query, **(asked.form() if asked.method == "POST" else {})}
        as_json = params.get("format") == "json"
        if fault is Fault.THROTTLED:
            return Said(429, b"", {"Retry-After": str(self.retry_after)})
        if fault is Fault.BROKEN:
            return Said(500, b"")
        if fault in (Fault.OUTAGE, Fault.BAD_REQUEST):
            return self._failed(11 if fault is Fault.OUTAGE else 6, as_json)
        try:
            return self._good(self._called(params, fault), as_json)
        except Failed as failed:
            return self._failed(failed.number, as_json)

    def _called(self, params: dict[str, str], fault: Fault) -> dict[str, Any]:
        calls: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "auth.gettoken": self._token,
            "auth.getsession": self._session,
            "auth.getmobilesession": self._mobile_session,
        }
        of_users: dict[str, Callable[[dict[str, str], str], dict[str, Any]]] = {
            "track.scrobble": self._scrobble,
            "track.updatenowplaying": self._now_playing,
            "track.love": self._love,
            "track.unlove": self._unlove,
        }
        method = params.get("method", "").lower()
        if method not in calls and method not in of_users:
            raise Failed(3)
        if len(params.get("api_key", "")) != 32:
            raise Failed(10)
        if len(params.get("api_sig", "")) != 32:
            raise Failed(13)
        if method in calls:
            return calls[method](params)
        user = None if fault is Fault.REVOKED else self.users.get(params.get("sk", ""))
        if user is None:
            raise Failed(9)
        return of_users[method](params, user)

    def _token(self, params: dict[str, str]) -> dict[str, Any]:
        token = hashlib.md5(f"token {len(self.tokens)}".encode()).hexdigest()
        self.tokens[token] = None
        return {"token": token}

    def _session(self, params: dict[str, str]) -> dict[str, Any]:
        user = self.tokens.get(params.get("token", ""))
        if user is None:
            raise Failed(14)  # whether it was never approved, or never issued
        del self.tokens[params["token"]]
        return self._granted(user)

    def _mobile_session(self, params: dict[str, str]) -> dict[str, Any]:
        """By a digest alone: whatever comes as a password is not looked at."""
        name, known = params.get("username", "").lower(), {user.lower(): user for user in self.passwords}
        if name not in known:
            raise Failed(4)
        password = hashlib.md5(self.passwords[known[name]].encode()).hexdigest()
        if params.get("authToken") != hashlib.md5((name + password).encode()).hexdigest():
            raise Failed(4)
        return self._granted(known[name])

    def _granted(self, user: str) -> dict[str, Any]:
        key = hashlib.md5(f"session {len(self.users)}".encode()).hexdigest()
        self.users[key] = user
        return {"session": {"name": user, "key": key, "subscriber": "0"}}

    def _scrobble(self, params: dict[str, str], user: str) -> dict[str, Any]:
        indices = sorted({int(found[1]) for name in params if (found := re.fullmatch(r"artist\[(\d+)\]", name))})
        suffixes = [f"[{index}]" for index in indices] or [""]
        items = [self._item(params, user, suffix) for suffix in suffixes]
        ignored = sum(item["ignoredMessage"]["code"] != "0" for item in items)
        counts = {"accepted": str(len(items) - ignored), "ignored": str(ignored)}
        return {"scrobbles": {"scrobble": items if len(items) > 1 else items[0], "@attr": counts}}

    def _item(self, params: dict[str, str], user: str, suffix: str) -> dict[str, Any]:
        given = {name: params.get(name + suffix, "").strip() for name in ("artist", "track", "album", "timestamp")}
        length = float(params.get("duration" + suffix) or 0) or None
        play = Stored(user, int(given["timestamp"] or 0), given["artist"], given["track"], given["album"], length)
        code, words = self._ignored(play)
        if not code:
            self.stored.append(play)
        named = {name: {"corrected": "0", "#text": given[name]} for name in ("artist", "track", "album")}
        ignored = {"code": str(code), "#text": words}
        return {**named, "timestamp": given["timestamp"], "ignoredMessage": ignored}

    def _ignored(self, play: Stored) -> tuple[int, str]:
        if play.artist in ("", "0"):  # "0" is empty to PHP
            return 1, "Artist was ignored"
        if play.title in ("", "0") or self.bad(play):
            return 2, "Track was ignored"
        if play.timestamp > self.now() + AHEAD:
            return 3, "Timestamp is too new"
        if play.timestamp < OLDEST:
            return 4, "Timestamp is too old"
        if play[:4] in {known[:4] for known in self.stored}:
            return 91, "Already scrobbled"
        if code := self.unstored.get((play.timestamp, play.title)):
            return code, self.unstored_words
        return 0, ""

    def _now_playing(self, params: dict[str, str], user: str) -> dict[str, Any]:
        self.playing[user] = Stored(user, 0, params["artist"], params["track"], params.get("album", ""))
        named = {name: {"corrected": "0", "#text": params.get(name, "")} for name in ("artist", "track", "album")}
        return {"nowplaying": {**named, "ignoredMessage": {"code": "0", "#text": ""}}}

    def _love(self, params: dict[str, str], user: str) -> dict[str, Any]:
        self.hearts.add((user, params["artist"], params["track"]))
        return {}

    def _unlove(self, params: dict[str, str], user: str) -> dict[str, Any]:
        self.hearts.discard((user, params["artist"], params["track"]))
        return {}

    def _good(self, members: dict[str, Any], as_json: bool) -> Said:
        if as_json:
            document = members or {"lfm": {"status": "ok"}}
            return Said(200, json.dumps(document).encode(), {"Content-Type": "text/html; charset=UTF-8"})
        body = "".join(_xml(name, value) for name, value in members.items())
        return self._lfm(f'<lfm status="ok">{body}</lfm>')

    def _failed(self, number: int, as_json: bool) -> Said:
        if as_json:
            document = {"error": number, "message": WORDS[number]}
            return Said(200, json.dumps(document).encode(), {"Content-Type": "text/html; charset=UTF-8"})
        return self._lfm(f'<lfm status="failed"><error code="{number}">{escape(WORDS[number])}</error></lfm>')

    @staticmethod
    def _lfm(document: str) -> Said:
        return Said(200, f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'.encode(), {"Content-Type": "text/xml"})


def _xml(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(name, one) for one in value)
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>"
    attributes = dict(value.get("@attr", {}))
    attributes |= {key: value[key] for key in ("code", "corrected") if key in value}
    head = name + "".join(f' {key}="{escape(str(of))}"' for key, of in attributes.items())
    inner = "".join(_xml(key, of) for key, of in value.items() if key not in ("@attr", "#text", *attributes))
    return f"<{head}>{escape(str(value.get('#text', '')))}{inner}</{name}>"
