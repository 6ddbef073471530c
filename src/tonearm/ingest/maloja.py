"""Maloja's own `newscrobble`, as Web Scrobbler, foo_maloja and others call it.

https://github.com/krateng/maloja/blob/master/API.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.form import LARGEST_FORM, all_of, parse_form, urlencoded
from tonearm.ingest.incoming import Incoming, Malformed, PlayerAnswer, Skipped
from tonearm.ingest.webhook import parse_json

PATH = "/apis/mlj_1/newscrobble"


_LISTS = ("artists", "artist", "albumartists")


def key(sent: Mapping[str, Any]) -> str:
    """The secret; "" if there is none."""
    return fields.text(sent.get("key")).strip()


def read(sent: bytes, query: str = "", content_type: str = "") -> dict[str, Any] | Malformed:
    """The fields of the body, which is JSON or a form whatever its Content-Type, and those of the query."""
    in_query, body = _form(query), urlencoded(sent, content_type)
    if body is None:
        return Malformed("the form can't be read")
    if not body and in_query:
        return in_query
    if _is_form(body):
        return Malformed("the request is too large") if len(body) > LARGEST_FORM else in_query | _form(body)
    document = parse_json(body)
    return document if isinstance(document, Malformed) else in_query | document


def parse(sent: Mapping[str, Any], now: float, user_agent: str = "") -> Incoming | Skipped:
    """The play; `now` is Unix seconds. Without a `time` it has just ended."""
    left_out: list[str] = []
    track = fields.read_track(
        _joined(sent.get("artist") or sent.get("artists")),
        sent.get("title"),
        sent.get("album") or "",
        _joined(sent.get("albumartists")) or sent.get("albumartist") or "",
        sent.get("length"),
        left_out=left_out,
    )
    if isinstance(track, Skipped):
        return track
    untimed = sent.get("time") in (None, "")
    timestamp = None if untimed else fields.moment_of_play(sent["time"], now)
    if isinstance(timestamp, Skipped):
        return timestamp
    played = fields.seconds(sent.get("duration"))
    return Incoming(
        track,
        timestamp,
        Stamp.END if untimed else Stamp.UNKNOWN,
        played,
        Listening.ASSUMED if played is None else Listening.MEASURED,
        program=fields.program_of(user_agent),
        left_out=fields.explained(left_out),
    )


def render_ok(play: Incoming) -> PlayerAnswer:
    """On disk. Anything but 200 is an error to Web Scrobbler."""
    track = {"artists": [play.track.artist], "title": play.track.title}
    return _answer(200, {"status": "success", "track": track, "warnings": []})


def render_error(status: int, kind: str, reason: str) -> PlayerAnswer:
    """A rejection: 400 for what isn't a play, 403 for a wrong key, 503 if it can't be saved now."""
    return _answer(status, {"status": "failure", "error": {"type": kind, "desc": reason}})


def render_skipped(skipped: Skipped | Malformed) -> PlayerAnswer:
    """400: there is no play in the request."""
    return render_error(400, "missing_scrobble_data", skipped.reason)


def render_bad_key() -> PlayerAnswer:
    """403: no key, or an unknown one."""
    return render_error(403, "authentication_fail", "Invalid or missing API key")


def render_unavailable() -> PlayerAnswer:
    """503: the play could not be saved."""
    return render_error(503, "server_error", "can't save the play now, try again later")


def _joined(names: object) -> str:
    """The names of a list as one, separated by commas; or a single name."""
    return ", ".join(filter(None, map(fields.text, names))) if isinstance(names, list) else fields.text(names)


_is_form = re.compile(rb"\s*[\w%]+=").match


def _form(body: bytes | str) -> dict[str, Any]:
    """The fields of a form, in which each of several artists is a field of its own."""
    found: dict[str, Any] = dict(parse_form(body))
    for name in _LISTS:
        if name in found:
            names = all_of(body, name)
            found[name] = names if len(names) > 1 else names[0]
    return found


def _answer(status: int, document: dict[str, Any]) -> PlayerAnswer:
    return PlayerAnswer(status, json.dumps(document).encode(), "application/json")
