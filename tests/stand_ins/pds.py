"""A stand-in for a server that hosts accounts of the AT Protocol, as the one from the package index answers
(@atproto/pds 0.5.35).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored, page, said

PLAYS = ("fm.teal.feed.play", "app.rocksky.scrobble")
_KEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")


def did_of(handle: str) -> str:
    """The account behind a handle: 24 letters and digits, always the same."""
    return f"did:plc:{handle.encode().hex()[:24].ljust(24, '2')}"


class PdsStandIn(StandIn):
    """`users` are the handles by their app passwords, `own` those by the passwords of the accounts themselves.

    `records` holds what is there by account, collection and key. `end_sessions` lets every session expire.
    """

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        super().__init__(*([now] if now else []))
        self.own: dict[str, str] = {}
        self.records: dict[tuple[str, str, str], Any] = {}
        self.gone: set[str] = set()
        """The handles of accounts that were deactivated."""
        self._sessions: dict[str, str] = {}
        self._ended: set[str] = set()

    def end_sessions(self) -> None:
        """From now on each session has to be opened again."""
        self._ended |= set(self._sessions)

    def handle(self, asked: Asked, fault: Fault) -> Said:
        if fault is Fault.THROTTLED:
            headers = {"RateLimit-Reset": str(int(self.now()) + self.retry_after), "RateLimit-Remaining": "0"}
            return self._error(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
        if fault is Fault.OUTAGE:
            return self._error(503, "NotEnoughResources", "Not Enough Resources")
        match asked.method, asked.path:
            case "POST", "/xrpc/com.atproto.server.createSession":
                return self._parsed(asked, fault, self._open)
            case "POST", "/xrpc/com.atproto.repo.putRecord":
                return self._parsed(asked, fault, self._put)
            case "GET", "/":
                return page(200, "This is an AT Protocol Personal Data Server (aka, an atproto PDS)")
            case _, path if path.startswith("/xrpc/"):
                return self._error(401, "AuthMissing", "Authentication Required")
            case _:
                return page(404, "Error")

    def _parsed(self, asked: Asked, fault: Fault, handle: Callable[[Asked, Any, Fault], Said]) -> Said:
        try:
            return handle(asked, asked.json(), fault)
        except ValueError:
            return self._error(400, "SyntaxError", "Unexpected end of JSON input")

    def _open(self, asked: Asked, document: Any, fault: Fault) -> Said:
        if fault is Fault.BAD_REQUEST:
            return self._error(400, "InvalidRequest", 'Missing required key "identifier" at $')
        if fault is Fault.BROKEN:
            return self._error(500, "InternalServerError", "Internal Server Error")
        password = document.get("password", "")
        handle = self.users.get(password) or self.own.get(password)
        if handle is None or document.get("identifier") not in (handle, did_of(handle)) or fault is Fault.REVOKED:
            return self._error(401, "AuthenticationRequired", "Invalid identifier or password")
        scope = "com.atproto.access" if password in self.own else "com.atproto.appPass"
        claims = {"scope": scope, "sub": did_of(handle), "n": len(self._sessions)}
        token = f"e30.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"
        self._sessions[token] = handle
        names = {"did": did_of(handle), "handle": handle, "active": handle not in self.gone}
        return said(200, {**names, "accessJwt": token, "refreshJwt": "e30.e30.y"})

    def _put(self, asked: Asked, document: Any, fault: Fault) -> Said:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return self._error(401, "AuthMissing", "Authentication Required")
        handle = self._sessions.get(token)
        if handle is None:
            return self._error(400, "InvalidToken", "Token could not be verified")
        if token in self._ended or fault is Fault.REVOKED:
            return self._error(400, "ExpiredToken", "Token has expired")
        did, collection, key, record = (document.get(name) for name in ("repo", "collection", "rkey", "record"))
        if did != did_of(handle):
            return self._error(403, "AccountNotFound", "Account not found")
        if handle in self.gone:
            return self._error(403, "AccountDeactivated", "Account is deactivated")
        if not _KEY.fullmatch(key):
            return self._error(400, "InvalidRequest", f'Invalid record key (got "{key}") at $.rkey')
        if record.get("$type") != collection:
            words = f"Invalid $type: expected {collection}, got {record.get('$type')}"
            return self._error(400, "InvalidRequest", words)
        play = _play(handle, record) if collection in PLAYS else None
        if fault is Fault.BAD_REQUEST or (play and self.bad(play)):
            return self._error(400, "InvalidRequest", "Invalid record")
        before = self.records.get((did, collection, key))
        self.records[did, collection, key] = record
        if play and before is None:
            self.stored.append(play)
        elif play:
            self.stored[self.stored.index(_play(handle, before))] = play
        if fault is Fault.BROKEN:
            return self._error(500, "InternalServerError", "Internal Server Error")
        answer = {"uri": f"at://{did}/{collection}/{key}", "cid": "bafyrei", "validationStatus": "unknown"}
        return said(200, answer if record == before else {**answer, "commit": {"cid": "bafyrei", "rev": key}})

    @staticmethod
    def _error(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> Said:
        answer = said(status, {"error": error, "message": message})
        return replace(answer, headers={**answer.headers, **(headers or {})})


def _play(handle: str, record: Any) -> Stored:
    """A play as its service reads it. Rocksky's reader needs each of these fields."""
    if record["$type"] == "app.rocksky.scrobble":
        began = int(datetime.fromisoformat(record["createdAt"]).timestamp())
        length = record["duration"] // 1000 or None
        assert record["albumArtist"]
        return Stored(handle, began, record["artist"], record["title"], record["album"], length)
    return Stored(
        handle,
        int(datetime.fromisoformat(record["playedTime"]).timestamp()),
        record["artists"][0]["artistName"],
        record["trackName"],
        record.get("releaseName", ""),
        record.get("duration"),
    )
