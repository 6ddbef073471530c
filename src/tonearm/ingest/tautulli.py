"""Tautulli's notification agent "Webhook", with the body that our page gives people to paste: Plex without a Plex Pass.

https://github.com/Tautulli/Tautulli/wiki/Notification-Agents-Guide
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import fields
from tonearm.ingest.incoming import Announced, Cleared, Incoming, Malformed, Skipped
from tonearm.ingest.webhook import Source, WebhookReport, parse_json

_FIELDS = {
    "action": "action",
    "user": "username",
    "user_id": "user_id",
    "media_type": "media_type",
    "artist": "track_artist",
    "album_artist": "artist_name",
    "title": "track_name",
    "album": "album_name",
    "track_number": "track_num",
    "duration": "duration_sec",
    "position": "progress_duration_sec",
    "started": "started_unixtime",
    "sent": "unixtime",
    "player": "player",
    "session": "session_key",
}

BODY = json.dumps({name: f"{{{value}}}" for name, value in _FIELDS.items()}, indent=2)
"""What to paste as JSON data, for Playback Start, Pause, Resume and Stop. Tautulli fills in each value."""


def parse(body: bytes, now: float) -> WebhookReport | Malformed:
    """One notification, which arrived at `now` (Unix seconds). The one at the stop is the play."""
    sent = parse_json(body)
    if isinstance(sent, Malformed):
        return sent
    player = fields.label(sent.get("player"))
    source = Source(
        user=fields.label(sent.get("user")),
        user_id=fields.label(sent.get("user_id")),
        device=fields.label(sent.get("session")) or player,
        device_name=player,
        program="Tautulli",
    )
    left_out: list[str] = []
    track = _track(sent, left_out)
    if isinstance(track, Skipped):
        return WebhookReport((track,), source=source)
    match fields.label(sent.get("action")).strip().lower():
        case "play" | "start" | "resume":
            return WebhookReport(playing=Announced(track, "Tautulli", player), source=source)
        case "pause":
            return WebhookReport(playing=Cleared(), source=source)
        case "stop":
            return WebhookReport((_report(sent, track, player, left_out, now),), Cleared(), source=source)
        case action:
            other = Skipped(f"neither a start nor a stop: {fields.quoted(action)}", by_design=True)
            return WebhookReport((other,), source=source)


def _report(sent: Mapping[str, Any], track: Track, player: str, left_out: list[str], now: float) -> Incoming | Skipped:
    """The report. The time heard is the position at which the track was stopped, but at most the time since its start:
    somebody may seek.
    """
    started = fields.moment_of_play(sent.get("started"), now)
    if isinstance(started, Skipped):
        return started
    position = fields.seconds(sent.get("position"))
    if position is None:
        left_out.append(f"position {fields.quoted(sent.get('position'))}")
    elapsed = (fields.number(sent.get("sent")) or now) - started
    return Incoming(
        track,
        started,
        Stamp.START,
        None if position is None else max(0.0, min(position, elapsed)),
        Listening.UNKNOWN if position is None else Listening.MEASURED,
        program="Tautulli",
        device=player,
        left_out=fields.explained(left_out),
    )


def _track(sent: Mapping[str, Any], left_out: list[str]) -> Track | Skipped:
    if fields.label(sent.get("media_type")) not in ("track", ""):
        return Skipped(f"not music: {fields.quoted(sent.get('media_type'))}", by_design=True)
    return fields.read_track(
        sent.get("artist") or sent.get("album_artist"),
        sent.get("title"),
        sent.get("album") or "",
        sent.get("album_artist") or "",
        sent.get("duration"),
        sent.get("track_number"),
        left_out=left_out,
    )
