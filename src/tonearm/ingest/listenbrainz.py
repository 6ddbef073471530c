"""ListenBrainz as a server, what it reads: https://listenbrainz.readthedocs.io/en/latest/users/api/core.html

Rejections are worded like ListenBrainz's. Unlike there, one bad listen doesn't cause its batch to be rejected:
Navidrome and multi-scrobbler throw away everything that is answered with 400.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.form import json_text
from tonearm.ingest.incoming import Announced, Incoming, Malformed, Skipped

LARGEST_BODY = 10_240_000
"""Bytes of a submission."""

MAX_LISTENS = 1000
"""Listens in a submission, and in a list of them."""

_LISTENS_UNLESS_ASKED = 25

_TELL_THE_START = ("strawberry", "qmmp", "rhythmbox", "multi-scrobbler", "pano scrobbler", "web scrobbler")
"""Clients that were seen to send the start of play, as the documentation requires. Others send the end or the present
time.
"""

_SECONDS_FOR_MILLISECONDS = ("supysonic",)
"""Clients that were seen to send seconds as `duration_ms`. No song is shorter than a second, whoever says so."""


class ListenBrainzCall(StrEnum):
    """The calls of the API."""

    SUBMIT = "submit-listens"
    VALIDATE = "validate-token"
    FEEDBACK = "feedback/recording-feedback"
    LOOKUP = "metadata/lookup"
    DELETE_PLAYING_NOW = "playing-now/delete"
    LISTENS = "listens"
    PLAYING_NOW = "playing-now"
    LISTEN_COUNT = "listen-count"


_CALLS = {
    call.value: call
    for call in (
        ListenBrainzCall.SUBMIT,
        ListenBrainzCall.VALIDATE,
        ListenBrainzCall.FEEDBACK,
        ListenBrainzCall.LOOKUP,
        ListenBrainzCall.DELETE_PLAYING_NOW,
    )
}
_CALLS_OF_USERS = {
    call.value: call for call in (ListenBrainzCall.LISTENS, ListenBrainzCall.PLAYING_NOW, ListenBrainzCall.LISTEN_COUNT)
}


@dataclass(frozen=True, slots=True)
class ListenSubmission:
    """The content of a submission, in the order sent: plays to save, or the track that is playing now."""

    reports: tuple[Incoming | Skipped, ...] = ()
    playing_now: Announced | None = None

    @property
    def plays(self) -> list[Incoming]:
        """The plays to keep."""
        return [report for report in self.reports if isinstance(report, Incoming)]


@dataclass(frozen=True, slots=True)
class Feedback:
    """A heart given (or taken) to the track with this MBID or this MSID; one of them is not empty."""

    loved: bool
    mbid: str = ""
    msid: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Which listens are requested: after `after` and before `before` (Unix seconds, both excluded), newest first. With
    `after`, they are the first ones after it.
    """

    count: int = _LISTENS_UNLESS_ASKED
    after: int | None = None
    before: int | None = None


def route(path: str) -> tuple[ListenBrainzCall, str] | None:
    """The call at a path below the base, and its user ("" for none); None for an unknown address. `/1` may be there,
    missing, or repeated, and the path may end with a slash: players disagree on whether the configured address includes
    it.
    """
    parts = [part for part in path.split("/") if part]
    while parts and parts[0] == "1":
        parts.pop(0)
    if len(parts) == 3 and parts[0] == "user":
        call = _CALLS_OF_USERS.get(parts[2])
        return (call, unquote(parts[1])) if call else None
    call = _CALLS.get("/".join(parts))
    return (call, "") if call else None


def token(authorization: str | None, query: Mapping[str, str] | None = None) -> str:
    """The secret in the Authorization header (`Token X`, in upper or lower case) or in `?token=`; "" if there is
    none.
    """
    scheme, _, secret = (authorization or "").strip().partition(" ")
    if scheme.lower() in ("token", "bearer") and secret.strip():
        return secret.strip()
    return (query or {}).get("token", "").strip()


def parse_submission(body: bytes, now: float, user_agent: str = "") -> ListenSubmission | Malformed:
    """The listens in a body, whatever its Content-Type; `now` is Unix seconds.

    It is malformed only if no listen can be read from it. The User-Agent names the program if the listens don't.
    """
    document = _json(body)
    if isinstance(document, Malformed):
        return document
    if "listen_type" not in document and "payload" not in document:
        return Malformed("Invalid JSON document submitted.")
    kind = document.get("listen_type", "single")
    if kind not in ("single", "import", "playing_now"):
        return Malformed("JSON document requires a valid listen_type key.")
    payload = document.get("payload")
    if not isinstance(payload, list):
        return Malformed("The payload in the JSON document should be a list of listens.")
    if not payload:
        return Malformed("JSON document does not contain any listens")
    if len(payload) > MAX_LISTENS:
        return Malformed(f"Too many listens. You may only submit {MAX_LISTENS} listens at once.")
    agent = fields.program_of(user_agent)
    if kind == "playing_now":
        announced = _announced(payload[0], agent)
        return Malformed(announced.reason) if isinstance(announced, Skipped) else ListenSubmission((), announced)
    reports = tuple([_report(listen, now, agent) for listen in payload])
    first = reports[0]
    if isinstance(first, Skipped) and all(isinstance(report, Skipped) for report in reports):
        return Malformed(first.reason)
    return ListenSubmission(reports)


def parse_feedback(body: bytes) -> Feedback | Malformed:
    """A heart (score 1), or its removal (0, and -1, for which Last.fm has no equivalent)."""
    document = _json(body)
    if isinstance(document, Malformed):
        return document
    mbid, msid = (fields.label(document.get(key)) for key in ("recording_mbid", "recording_msid"))
    score = fields.number(document.get("score"))
    if not (mbid or msid) or score is None:
        return Malformed("JSON document must contain either recording_msid or recording_mbid, and score top level keys")
    if score not in (1, 0, -1):
        return Malformed("Feedback can have a value of 1, 0 or -1.")
    return Feedback(score == 1, mbid.lower(), msid.lower())


def parse_window(query: Mapping[str, str]) -> Window | Malformed:
    """The parameters of a list of listens; at most 1,000 are returned."""
    numbers: dict[str, int | None] = {}
    for name in ("count", "min_ts", "max_ts"):
        sent = query.get(name, "").strip()
        if sent and not (sent.isascii() and sent.isdigit() and len(sent) < 16):
            return Malformed(f"'{name}' should be a non-negative integer")
        numbers[name] = int(sent) if sent else None
    after, before, count = numbers["min_ts"], numbers["max_ts"], numbers["count"]
    if after is not None and before is not None and after >= before:
        return Malformed("max_ts should be greater than min_ts")
    return Window(min(_LISTENS_UNLESS_ASKED if count is None else count, MAX_LISTENS), after, before)


def _json(body: bytes) -> dict[str, Any] | Malformed:
    if len(body) > LARGEST_BODY:
        return Malformed(f"JSON document is too large. It may not be larger than {LARGEST_BODY} bytes.")
    text = json_text(body)
    try:
        document = _parsed(text)
    except RecursionError:
        return Malformed("Cannot parse JSON document: it is nested too deeply")
    except ValueError as error:
        return Malformed(f"Cannot parse JSON document: {error}")
    if not isinstance(document, dict):
        return Malformed("Invalid JSON document submitted. Top level of JSON document should be a json object.")
    return document


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (json.JSONDecodeError, _NoConstant):
        raise
    except ValueError:  # Python can't parse a number with thousands of digits; only the listen with it is bad
        return json.loads(text, parse_constant=_no_constant, parse_int=float)


class _NoConstant(ValueError):
    """What Python accepts as a number, but JSON doesn't."""


def _no_constant(name: str) -> None:
    raise _NoConstant(f"{name} is not JSON")


def _report(listen: object, now: float, agent: str) -> Incoming | Skipped:
    read = _metadata(listen, agent)
    if isinstance(read, Skipped):
        return read
    assert isinstance(listen, dict)
    if listen.get("listened_at") in (None, ""):
        return Skipped("JSON document must contain the key listened_at at the top level.")
    if fields.unix_time(listen["listened_at"]) is None:
        return Skipped("JSON document must contain an int value for listened_at.")
    timestamp = fields.moment_of_play(listen["listened_at"], now)
    if isinstance(timestamp, Skipped):
        return timestamp
    played = fields.seconds(read.info.get("duration_played"))
    if played is None and (ms_played := fields.seconds(read.info.get("ms_played"))) is not None:
        played = ms_played / 1000
    return Incoming(
        read.track,
        timestamp,
        Stamp.START if read.program.lower().startswith(_TELL_THE_START) else Stamp.UNKNOWN,
        played,
        Listening.ASSUMED if played is None else Listening.MEASURED,
        program=read.program,
        left_out=fields.explained(read.left_out),
    )


def _announced(listen: object, agent: str) -> Announced | Skipped:
    read = _metadata(listen, agent)
    return read if isinstance(read, Skipped) else Announced(read.track, read.program)


@dataclass(frozen=True, slots=True)
class _ListenMetadata:
    track: Track
    program: str
    info: Mapping[str, Any]
    left_out: list[str] = field(default_factory=list)


_NO_NAMES = "JSON document does not contain a valid track_metadata.track_name and/or track_metadata.artist_name."


def _metadata(listen: object, agent: str) -> _ListenMetadata | Skipped:
    if not isinstance(listen, dict) or not isinstance(metadata := listen.get("track_metadata"), dict):
        return Skipped("JSON document must contain the key track_metadata at the top level.")
    artist, title = metadata.get("artist_name"), metadata.get("track_name")
    if not artist or not title:
        return Skipped(_NO_NAMES)
    if not fields.text(artist):
        return Skipped("artist_name must be a single string.")
    info = metadata.get("additional_info")
    info = info if isinstance(info, dict) else {}
    program = _program(info) or agent
    left_out: list[str] = []
    track = fields.read_track(
        artist,
        title,
        metadata.get("release_name") or "",
        _album_artist(info),
        _duration(info, program),
        info.get("tracknumber") or info.get("track_number"),
        info.get("recording_mbid"),
        left_out=left_out,
    )
    return Skipped(_NO_NAMES) if isinstance(track, Skipped) else _ListenMetadata(track, program, info, left_out)


def _duration(info: Mapping[str, Any], program: str) -> object:
    milliseconds = fields.seconds(info.get("duration_ms"))
    if not milliseconds:
        return info.get("duration") or info.get("duration_ms")
    shortest = 30_000 if program.lower().startswith(_SECONDS_FOR_MILLISECONDS) else 1000
    return milliseconds if milliseconds < shortest else milliseconds / 1000


def _album_artist(info: Mapping[str, Any]) -> object:
    for name in ("release_artist_name", "albumartist", "album_artist"):
        if found := info.get(name):
            return found
    names = info.get("release_artist_names")
    return ", ".join(n for n in names if isinstance(n, str)) if isinstance(names, list) else names


def _program(info: Mapping[str, Any]) -> str:
    for name in ("submission_client", "media_player", "original_submission_client", "listening_from"):
        if found := info.get(name):
            return fields.program(found, info.get(f"{name}_version"))
    return ""
