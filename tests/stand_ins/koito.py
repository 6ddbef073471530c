"""A stand-in for Koito, as the source of its server (May 2026) has it."""

from __future__ import annotations

from typing import Any

from tests.stand_ins.serving import Asked, Fault, Said, StandIn, Stored, page, said


class KoitoStandIn(StandIn):
    """Its database drops a listen that it has: the same track in the same second. Its pages answer everything else.

    `login_gate`: nothing can be read without a key.
    """

    path = "/apis/listenbrainz"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.playing: dict[str, Stored] = {}
        self.login_gate = False

    def handle(self, asked: Asked, fault: Fault) -> Said:
        if asked.path == "/apis/web/v1/listens":
            return self._listens(fault)
        call = asked.path.removeprefix(self.path)
        if call == asked.path or call not in ("/1/submit-listens", "/1/validate-token"):
            return page(200, "Koito") if asked.method == "GET" else Said(405, b"")
        if fault is Fault.OUTAGE:  # its database is away: nobody knows the key
            return said(401, {"error": "unauthorized"})
        if fault is Fault.THROTTLED:
            return said(429, {"error": "too many requests"}, Retry_After=str(self.retry_after))
        user = self.users.get(asked.headers.get("authorization", "").removeprefix("Token ").strip())
        if user is None or fault is Fault.REVOKED:
            return said(401, {"error": "unauthorized"})
        if call == "/1/validate-token":
            return said(200, {"code": 200, "message": "Token valid.", "valid": True, "user_name": user})
        return self._submit(user, asked.json(), fault)

    def _listens(self, fault: Fault) -> Said:
        if self.login_gate:
            return said(401, {"error": "unauthorized"})
        if fault is Fault.OUTAGE:
            return said(500, {"error": "failed to get listens"})
        return said(200, {"items": [], "total_record_count": len(self.stored)})

    def _submit(self, user: str, document: Any, fault: Fault) -> Said:
        payload = document.get("payload") or []
        if not payload or fault is Fault.BAD_REQUEST:
            return said(400, {"error": "payload is nil"})
        if len(payload) > 1 and document.get("listen_type") != "import":
            return said(400, {"error": "payload must only contain one listen for non-import requests"})
        plays = [self._play(user, listen) for listen in payload]
        if any(not play.artist or not play.title or self.bad(play) for play in plays):
            return said(400, {"error": "Artist name or track name are missing"})
        if document.get("listen_type") == "playing_now":
            self.playing[user] = plays[0]
            return said(200, {"status": "ok"})
        for play in plays[: (len(plays) + 1) // 2] if fault is Fault.BROKEN else plays:
            if play[:4] not in {kept[:4] for kept in self.stored}:
                self.stored.append(play)
        if fault is Fault.BROKEN:
            return said(500, {"status": "internal server error"})
        return said(200, {"status": "ok"})

    def _play(self, user: str, listen: Any) -> Stored:
        metadata = listen["track_metadata"]
        about = metadata.get("additional_info", {})
        length = about.get("duration") or about.get("duration_ms", 0) // 1000 or None
        at = listen.get("listened_at") or int(self.now())
        return Stored(
            user, at, metadata["artist_name"], metadata["track_name"], metadata.get("release_name", ""), length
        )
