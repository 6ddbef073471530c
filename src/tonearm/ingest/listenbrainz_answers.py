"""ListenBrainz as a server, what it answers. Pages in browsers may read every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from tonearm.core.play import Track
from tonearm.core.spelling import fold
from tonearm.ingest.incoming import Announced, Listened, Malformed, PlayerAnswer, Skipped
from tonearm.ingest.listenbrainz import ListenSubmission

CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
)
"""On every answer: players in browsers need it, and a foreign page has no token for the header."""

_MSID_SPACE = UUID("5f1c3f0e-6d0f-4c55-9a4e-0b9d8f7f8a35")


def recording_msid(artist: str, title: str) -> str:
    """A stable id of a recording that has no MBID: the same for each spelling of its names."""
    return str(uuid5(_MSID_SPACE, f"{fold(artist)}\n{fold(title)}"))


def render_submitted(submission: ListenSubmission, *, return_msid: bool = False) -> PlayerAnswer:
    """All plays are on disk. Listens that were skipped are counted and explained beside the `ok`."""
    document: dict[str, Any] = {"status": "ok"}
    if return_msid and submission.playing_now:
        track = submission.playing_now.track
        document["recording_msid"] = recording_msid(track.artist, track.title)
    skipped = [(i, report) for i, report in enumerate(submission.reports) if isinstance(report, Skipped)]
    if skipped:
        document["skipped"] = len(skipped)
        document["skipped_listens"] = [{"index": i, "error": report.reason} for i, report in skipped]
    return _answer(200, document)


def render_ok() -> PlayerAnswer:
    """Done: a heart was noted, or now playing was cleared."""
    return _answer(200, {"status": "ok"})


def render_error(status: int, reason: str) -> PlayerAnswer:
    """A rejection. The status is repeated in the body, because Navidrome reads it there."""
    return _answer(status, {"code": status, "error": reason})


def render_malformed(malformed: Malformed) -> PlayerAnswer:
    """400, in ListenBrainz' words."""
    return render_error(400, malformed.reason)


def render_no_token() -> PlayerAnswer:
    """401: the call needs a token and has none."""
    return render_error(401, "You need to provide an Authorization header.")


def render_bad_token() -> PlayerAnswer:
    """401: the token is unknown or revoked."""
    return render_error(401, "Invalid authorization token.")


def render_unavailable(reason: str = "Cannot submit listens to queue, please try again later.") -> PlayerAnswer:
    """503: the plays could not be saved now. With any other status, Navidrome throws them away."""
    return render_error(503, reason)


def render_unknown_address() -> PlayerAnswer:
    """404: there is no such call."""
    return render_error(404, "The requested URL was not found on the server.")


def render_preflight() -> PlayerAnswer:
    """The answer to what a browser asks before it sends a request from another site's page."""
    return PlayerAnswer(200, b"", "text/plain", (*CORS, ("Access-Control-Max-Age", "86400")))


def render_validated(user: str | None) -> PlayerAnswer:
    """Whether the token is valid: with the user's name if it is. An invalid one is answered with 200 as well."""
    if user is None:
        return _answer(200, {"code": 200, "message": "Token invalid.", "valid": False})
    return _answer(200, {"code": 200, "message": "Token valid.", "valid": True, "user_name": user})


def render_validate_without_token() -> PlayerAnswer:
    """400: `validate-token` was called without a token."""
    return render_error(400, "You need to provide an Authorization token.")


def render_listens(user: str, listens: Sequence[Listened], newest: int = 0, oldest: int = 0) -> PlayerAnswer:
    """Plays, in the given order (newest first); `newest` and `oldest` are the times of the user's newest and oldest
    play, 0 if there is none.
    """
    payload = {
        "count": len(listens),
        "user_id": user,
        "listens": [
            {
                "listened_at": listen.timestamp,
                "recording_msid": recording_msid(listen.track.artist, listen.track.title),
                "track_metadata": _rendered_track(listen.track, listen.program),
                "user_name": user,
            }
            for listen in listens
        ],
        "latest_listen_ts": newest,
        "oldest_listen_ts": oldest,
        "playing_now": False,
    }
    return _answer(200, {"payload": payload})


def render_playing_now(user: str, playing: Announced | None) -> PlayerAnswer:
    """The track that is playing now, or an empty list."""
    listens = []
    if playing:
        listens = [{"playing_now": True, "track_metadata": _rendered_track(playing.track, playing.program)}]
    payload = {"count": len(listens), "user_id": user, "listens": listens, "playing_now": True}
    return _answer(200, {"payload": payload})


def render_listen_count(count: int) -> PlayerAnswer:
    """How many plays the user has."""
    return _answer(200, {"payload": {"count": count}})


def render_lookup() -> PlayerAnswer:
    """Nothing is known about a recording; Pano and Web Scrobbler ask before a love, and continue."""
    return _answer(200, {})


def _rendered_track(track: Track, program: str) -> dict[str, Any]:
    msid = recording_msid(track.artist, track.title)
    info: dict[str, Any] = {"recording_msid": msid}
    if track.duration:
        info["duration_ms"] = round(track.duration * 1000)
    if track.track_number:
        info["tracknumber"] = str(track.track_number)
    if track.mbid:
        info["recording_mbid"] = track.mbid
    if track.album_artist:
        info["release_artist_name"] = track.album_artist
    if program:
        info["submission_client"] = program
    rendered: dict[str, Any] = {"artist_name": track.artist, "track_name": track.title}
    if track.album:
        rendered["release_name"] = track.album
    return rendered | {"additional_info": info}


def _answer(status: int, document: Mapping[str, Any]) -> PlayerAnswer:
    return PlayerAnswer(status, json.dumps(document).encode(), "application/json", CORS)
