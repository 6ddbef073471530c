"""Web Scrobbler's webhook: for one listener, with plays that it has counted by its own rule.

https://github.com/web-scrobbler/web-scrobbler, src/core/scrobbler/webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.incoming import Announced, Cleared, Heart, Incoming, Malformed, Skipped
from tonearm.ingest.webhook import WebhookReport, parse_json, part

PROGRAM = "Web Scrobbler"


def parse(body: bytes, now: float) -> WebhookReport | Malformed:
    """One event; `now` is Unix seconds. A `scrobble` may bring several songs that waited."""
    document = parse_json(body)
    if isinstance(document, Malformed):
        return document
    event, data = document.get("eventName"), part(document, "data")
    song = part(data, "song")
    match event:
        case "scrobble":
            songs = data.get("songs")
            songs = [each for each in songs if isinstance(each, dict)] if isinstance(songs, list) else []
            return WebhookReport(tuple([_report(each, document.get("time"), now) for each in songs or [song]]))
        case "nowplaying" | "resumedplaying":
            track = _track(song, [])
            if isinstance(track, Skipped):
                return WebhookReport((track,))
            return WebhookReport(playing=Announced(track, PROGRAM, _site(song)))
        case "paused":
            return WebhookReport(playing=Cleared())
        case "loved":
            track = _track(song, [])
            if isinstance(track, Skipped):
                return WebhookReport((track,))
            return WebhookReport(loved=(Heart(track, data.get("isLoved") is not False),))
        case _:
            return WebhookReport((Skipped(f"an event of another kind: {fields.quoted(event)}", by_design=True),))


def _report(song: Mapping[str, Any], event_time: object, now: float) -> Incoming | Skipped:
    left_out: list[str] = []
    track = _track(song, left_out)
    if isinstance(track, Skipped):
        return track
    started = part(dict(song), "metadata").get("startTimestamp")
    timestamp = fields.moment_of_play(started or event_time, now)
    if isinstance(timestamp, Skipped):
        return timestamp
    return Incoming(
        track,
        timestamp,
        Stamp.START if started else Stamp.UNKNOWN,
        None,
        Listening.ASSUMED,
        program=PROGRAM,
        device=_site(song),
        left_out=fields.explained(left_out),
    )


def _track(song: Mapping[str, Any], left_out: list[str]) -> Track | Skipped:
    """The track. Names corrected by rules or by hand take precedence over those read from the page."""
    processed, parsed = part(dict(song), "processed"), part(dict(song), "parsed")
    values = [processed.get(name) or parsed.get(name) for name in ("artist", "track", "album", "albumArtist")]
    artist, title, album, album_artist = values
    duration = processed.get("duration") or parsed.get("duration")
    return fields.read_track(artist, title, album or "", album_artist or "", duration, left_out=left_out)


def _site(song: Mapping[str, Any]) -> str:
    return fields.program(song.get("connectorLabel") or part(dict(song), "connector").get("label"))
