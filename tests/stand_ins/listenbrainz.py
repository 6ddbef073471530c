"""A stand-in for ListenBrainz, as its documentation and the source of its server (August 2026) have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import time
from typing import Any

from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored, page, said

OLDEST = 1033430400
MAX_LISTENS, LARGEST = 1000, 10240
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Key = tuple[str, int, str, str, str, int | None]


class Refused(Exception):
    """What the server says with HTTP 400."""


class ListenBrainzStandIn(StandIn):
    """`playing` is what is playing now, by user, `hearts` the score by (user, recording MBID).

    `recordings` are the MBIDs that a look-up finds, by (artist, title) in lower case. `paused` are users whose accounts
    accept no listens. `blocked` are the names of programs without a contact.
    """

    def __init__(self, now: Callable[[], float] = time) -> None:
        super().__init__(now)
        self.playing: dict[str, Stored] = {}
        self.hearts: dict[tuple[str, str], int] = {}
        self.recordings: dict[tuple[str, str], str] = {}
        self.paused: set[str] = set()
        self.blocked = re.compile(r"|(python-requests|python-httpx2?|Go-http-client|curl)/.*")
        self._keys: set[Key] = set()

    def handle(self, asked: Asked, fault: Fault) -> Said:
        limits = {"X-RateLimit-Limit": "30", "X-RateLimit-Remaining": "29", "X-RateLimit-Reset-In": "10"}
        if fault is Fault.THROTTLED:
            spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-In": str(self.retry_after)}
            answer = self._error(429, "You have exceeded your rate limit. See the X-RateLimit-* response headers.")
            return Said(answer.status, answer.body, {**answer.headers, **limits, **spent})
        answer = self._routed(asked, fault)
        return Said(answer.status, answer.body, {**answer.headers, **limits})

    def _routed(self, asked: Asked, fault: Fault) -> Said:
        if self.blocked.fullmatch(asked.headers.get("user-agent", "")):
            return page(403, "403 Forbidden")
        match asked.method, asked.path.removeprefix(self.path):
            case "GET", "/1/validate-token":
                return self._validate(asked, fault)
            case "POST", "/1/submit-listens":
                return self._authorised(asked, fault, self._submit)
            case "POST", "/1/feedback/recording-feedback":
                return self._authorised(asked, fault, self._feedback)
            case "GET", "/1/metadata/lookup/":
                return self._lookup(asked, fault)
            case "GET", "/1/metadata/lookup":
                return Said(308, b"", {"Location": "/1/metadata/lookup/"})
            case _:
                return self._error(404, "Not found")

    def _validate(self, asked: Asked, fault: Fault) -> Said:
        if fault in (Fault.OUTAGE, Fault.BROKEN):
            return self._error(503, "Service unavailable")
        token = self._token(asked) or asked.query.get("token", "")
        if not token:
            return self._error(400, "You need to provide an Authorization token.")
        user = None if fault is Fault.REVOKED else self.users.get(token)
        if user is None:
            return said(200, {"code": 200, "message": "Token invalid.", "valid": False})
        return said(200, {"code": 200, "message": "Token valid.", "valid": True, "user_name": user})

    def _authorised(self, asked: Asked, fault: Fault, then: Callable[[str, Any, Fault], Said]) -> Said:
        if not asked.headers.get("authorization"):
            return self._error(401, "You need to provide an Authorization header.")
        user = self.users.get(self._token(asked))
        if user is None or fault is Fault.REVOKED:
            return self._error(401, "Invalid authorization token.")
        if user in self.paused:
            return self._error(401, "User account is paused. Please contact us for more information.")
        if fault is Fault.OUTAGE:
            return self._error(503, "Cannot submit listens to queue, please try again later.")
        if fault is Fault.BAD_REQUEST:
            return self._error(400, "Invalid JSON document submitted.")
        try:
            return then(user, asked.json(), fault)
        except Refused as refused:
            return self._error(400, str(refused))

    def _submit(self, user: str, document: Any, fault: Fault) -> Said:
        kind, payload = document["listen_type"], document["payload"]
        if kind not in ("single", "import", "playing_now"):
            raise Refused("JSON document requires a valid listen_type key.")
        if not payload:
            raise Refused("JSON document does not contain any listens")
        if len(payload) > MAX_LISTENS:
            raise Refused(f"Too many listens. You may only submit {MAX_LISTENS} listens at once.")
        if len(self.seen[-1].body) > LARGEST * len(payload):
            raise Refused(
                f"JSON document is too large. In aggregate, listens may not be larger than {LARGEST} characters."
            )
        if kind != "import" and len(payload) > 1:
            raise Refused(
                "JSON document contains more than listen for a single/playing_now. It should contain only one."
            )
        listens = [self._listen(user, listen, playing=kind == "playing_now") for listen in payload]
        if kind == "playing_now":
            self.playing[user] = listens[0][0]
            return said(200, {"status": "ok"})
        for play, key in listens[: (len(listens) + 1) // 2] if fault is Fault.BROKEN else listens:
            if key not in self._keys:
                self._keys.add(key)
                self.stored.append(play)
        if fault is Fault.BROKEN:
            return self._error(500, "Something went wrong. Please try again.")
        return said(200, {"status": "ok"})

    def _listen(self, user: str, listen: Any, *, playing: bool) -> tuple[Stored, Key]:
        if "\x00" in str(listen):
            raise Refused("listen contains a unicode null")
        metadata = listen["track_metadata"]
        if playing:
            if "listened_at" in listen:
                raise Refused("JSON document must not contain listened_at while submitting playing_now.")
            at = 0
        else:
            at = self._listened_at(listen)
        artist, title = str(metadata.get("artist_name", "")).strip(), str(metadata.get("track_name", "")).strip()
        if not artist:
            raise Refused("required field track_metadata.artist_name is empty.")
        if not title:
            raise Refused("required field track_metadata.track_name is empty.")
        about = metadata.get("additional_info", {})
        for name in ("recording_mbid", "release_mbid", "track_mbid", "release_group_mbid"):
            if about.get(name) and not UUID.fullmatch(about[name]):
                raise Refused(f"{name} MBID format invalid.")
        if "duration" in about and "duration_ms" in about:
            raise Refused("JSON document should not contain both duration and duration_ms.")
        length = about.get("duration_ms", about.get("duration", 0) * 1000) or None
        if length is not None and not 0 < length <= 2_073_600_000:
            raise Refused("Value for duration is invalid.")
        album = str(metadata.get("release_name", "")).strip()
        play = Stored(user, at, artist, title, album, length and length / 1000)
        if self.bad(play):
            raise Refused("JSON document may only contain what is good.")
        return play, (user, at, artist.lower(), title.lower(), album.lower(), length)

    def _listened_at(self, listen: Any) -> int:
        if "listened_at" not in listen:
            raise Refused("JSON document must contain the key listened_at at the top level.")
        if set(listen) - {"listened_at", "track_metadata"}:
            raise Refused("JSON document may only contain listened_at and track_metadata top level keys")
        at = int(listen["listened_at"])
        if at > self.now() + 3600:
            raise Refused("Value for key listened_at is too high.")
        if at < OLDEST:
            raise Refused(f"Value for key listened_at is too low. It should be greater than {OLDEST}.")
        return at

    def _feedback(self, user: str, document: Any, fault: Fault) -> Said:
        if fault is Fault.BROKEN:
            return self._error(500, "Something went wrong. Please try again.")
        if set(document) - {"recording_msid", "recording_mbid", "score"} or document["score"] not in (1, 0, -1):
            raise Refused("Invalid JSON document submitted.")
        mbid = document["recording_mbid"]
        if not UUID.fullmatch(mbid):
            raise Refused("Invalid JSON document submitted: recording_mbid is not valid.")
        self.hearts[user, mbid] = document["score"]
        return said(200, {"status": "ok"})

    def _lookup(self, asked: Asked, fault: Fault) -> Said:
        if fault in (Fault.OUTAGE, Fault.BROKEN):
            return self._error(500, "Server failed to lookup recording")
        if not asked.query.get("artist_name"):
            return self._error(400, "artist_name is invalid or not present in arguments")
        found = self.recordings.get((asked.query["artist_name"].lower(), asked.query["recording_name"].lower()))
        return said(200, {"recording_mbid": found, "artist_mbids": []} if found else {})

    @staticmethod
    def _token(asked: Asked) -> str:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "token" else ""

    @staticmethod
    def _error(status: int, words: str) -> Said:
        return said(status, {"code": status, "error": words})
