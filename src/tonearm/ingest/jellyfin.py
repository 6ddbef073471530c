"""Jellyfin's Webhook plugin, with "Send All Properties": what its users play, from start to stop.

https://github.com/jellyfin/jellyfin-plugin-webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind
from tonearm.ingest import fields
from tonearm.ingest.incoming import Heart, Malformed, Skipped
from tonearm.ingest.webhook import Source, WebhookReport, parse_json

_TICKS = 10_000_000
"""Of 100 ns, in a second."""

_KINDS = {
    "PlaybackStart": NoticeKind.STARTED,
    "PlaybackProgress": NoticeKind.PROGRESS,
    "PlaybackStop": NoticeKind.STOPPED,
}


def parse(body: bytes, now: float) -> WebhookReport | Malformed:
    """One notice, which arrived at `now` (Unix seconds). The plugin doesn't repeat lost notices."""
    sent = parse_json(body)
    if isinstance(sent, Malformed):
        return sent
    source = Source(
        user=fields.label(sent.get("NotificationUsername")),
        user_id=fields.label(sent.get("UserId")),
        device=fields.label(sent.get("DeviceId")) or fields.label(sent.get("DeviceName")),
        device_name=fields.label(sent.get("DeviceName")),
        program=fields.program("Jellyfin", sent.get("ClientName")),
    )
    notification = sent.get("NotificationType")
    if notification == "UserDataSaved":
        return _heart(sent, source)
    kind = _KINDS.get(notification) if isinstance(notification, str) else None
    if kind is None:
        return _skipped(f"not a playback: {fields.quoted(notification)}", source)
    track = _track(sent)
    if isinstance(track, Skipped):
        return WebhookReport((track,), source=source)
    paused = _switch(sent.get("IsPaused"))
    notice = Notice(kind, now, track, _seconds(sent, "PlaybackPositionTicks"), _text(sent, "ItemId"), paused)
    return WebhookReport(notice=notice, source=source)


def _heart(sent: Mapping[str, Any], source: Source) -> WebhookReport:
    """The heart in a notice, if it is one: Jellyfin sends the same notice for a user's rating and for its own play
    counts.
    """
    if sent.get("SaveReason") != "UpdateUserRating":
        return _skipped("neither a playback nor a heart", source)
    track = _track(sent)
    if isinstance(track, Skipped):
        return WebhookReport((track,), source=source)
    return WebhookReport(loved=(Heart(track, _switch(sent.get("Favorite"))),), source=source)


def _skipped(reason: str, source: Source) -> WebhookReport:
    return WebhookReport((Skipped(reason, by_design=True),), source=source)


def _track(sent: Mapping[str, Any]) -> Track | Skipped:
    if sent.get("ItemType") not in ("Audio", "Song"):
        return Skipped(f"not music: {fields.quoted(sent.get('ItemType'))}", by_design=True)
    return fields.read_track(
        _text(sent, "Artist") or _text(sent, "AlbumArtist"),
        _text(sent, "Name"),
        _text(sent, "Album"),
        _text(sent, "AlbumArtist"),
        _seconds(sent, "RunTimeTicks"),
        sent.get("TrackNumber"),
        sent.get("Provider_musicbrainzrecording"),
        left_out=[],
    )


def _text(sent: Mapping[str, Any], name: str) -> str:
    """A text without the backslash before quotation marks: the plugin escapes them, and then writes JSON, which escapes
    them again.
    """
    return fields.text(sent.get(name)).replace('\\"', '"')


def _seconds(sent: Mapping[str, Any], name: str) -> float | None:
    ticks = fields.seconds(sent.get(name))
    return None if ticks is None else ticks / _TICKS


def _switch(sent: object) -> bool:
    return sent is True or (isinstance(sent, str) and sent.strip().lower() == "true")
