"""A stand-in for Maloja's own API, as Maloja 3.2.3 from the package index answers."""

from __future__ import annotations

import json
from typing import Any

from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored, page, said

CRASHED = "The server has encountered an exception."


class MalojaStandIn(StandIn):
    """One library for all keys, and one play for each of its seconds. `users` names the client of each key."""

    def handle(self, asked: Asked, fault: Fault) -> Said:
        match asked.method, asked.path.removeprefix(self.path):
            case "GET", "/apis/mlj_1/test":
                if "key" in asked.query and asked.query["key"] not in self.users:
                    return said(403, {"status": "error", "error": "Wrong API key"})
                return said(200, {"status": "ok"})
            case "POST", "/apis/mlj_1/newscrobble":
                try:
                    document = asked.json()
                except ValueError:
                    return page(400, "Error 400 - Maloja")
                return self._scrobble(document, fault)
            case "GET", path if path.startswith("/apis/"):
                return said(200, {"error": "Not found"})
            case "GET", "/":
                return page(200, "Maloja")
            case _:
                return page(404, "Error 404 - Maloja")

    def _scrobble(self, document: Any, fault: Fault) -> Said:
        client = self.users.get(document.get("key", "")) if isinstance(document, dict) else None
        if client is None or fault is Fault.REVOKED:
            words = "Invalid or missing authentication"
            return said(403, {"status": "failure", "error": {"type": "authentication_fail", "desc": words}})
        if fault is Fault.OUTAGE:
            words = "The database is being upgraded. Please try again later."
            return self._error(503, "error", "server_not_ready", "db_upgrade", words)
        if fault is Fault.THROTTLED:  # Maloja has no limit; a proxy before it may have one
            return Said(429, b"", {"Retry-After": str(self.retry_after)})
        artists = document.get("artists", []) + ([document["artist"]] if "artist" in document else [])
        title = document.get("title", "")
        missing = [name for name, given in (("track_artists", artists), ("track_title", title)) if not given]
        if missing or fault is Fault.BAD_REQUEST:
            words = "The scrobble is missing needed parameters."
            return self._error(400, "failure", "missing_scrobble_data", missing, words)
        at = int(document.get("time", self.now()))
        play = Stored("", at, ", ".join(artists), title, document.get("album") or "", document.get("length"))
        if self.bad(play):
            return self._error(500, "failure", "unknown_error", "IndexError()", CRASHED)
        there = next((kept for kept in self.stored if kept.timestamp == at), None)
        if there is None:
            self.stored.append(play)
        elif (there.artist.lower(), there.title.lower()) == (play.artist.lower(), title.lower()):
            return said(200, self._repeat())
        else:
            rejected = {"time": at, "track": {"artists": artists, "title": title}}
            words = "A scrobble is already registered with this timestamp."
            return self._error(409, "error", "duplicate_timestamp", rejected, words)
        if fault is Fault.BROKEN:
            return self._error(500, "failure", "unknown_error", "IndexError()", CRASHED)
        extra = set(document) - {"artist", "artists", "title", "album", "albumartists", "duration", "length", "time"}
        warnings = [
            {
                "type": "invalid_keyword_ignored",
                "value": name,
                "desc": "This key was not recognized by the server and has been discarded.",
            }
            for name in sorted(extra - {"nofix", "key", "apikey"})
        ]
        track = {"artists": artists, "title": title}
        answer = {"status": "success", "track": track, "desc": f"Scrobbled {title} by {', '.join(artists)}"}
        return said(200, {**answer, "warnings": warnings} if warnings else answer)

    @staticmethod
    def _repeat() -> dict[str, Any]:
        words = "This scrobble exists in the database (same timestamp and track). The submitted scrobble was not added."
        warning = {"type": "scrobble_exists", "value": None, "desc": words}
        answer = {"status": "success", "desc": "The scrobble is present in the database.", "track": {}}
        return {**answer, "warnings": [warning]}

    @staticmethod
    def _error(status: int, state: str, kind: str, value: Any, words: str) -> Said:
        document = {"status": state, "error": {"type": kind, "value": value, "desc": words}}
        return Said(status, json.dumps(document).encode(), {"Content-Type": "application/json"})
