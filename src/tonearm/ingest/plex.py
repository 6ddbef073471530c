"""Plex's own webhook (Plex Pass): what all users of a server play.
https://support.plex.tv/articles/115002267687-webhooks/

Its `media.scrobble` comes after a varying part of the track, and for some tracks twice. So play, pause, resume and stop
drive the clock, and `media.scrobble` counts only if the start was missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonearm.core.play import Track
from tonearm.core.session import Notice, NoticeKind
from tonearm.ingest import fields
from tonearm.ingest.form import is_multipart, parse_multipart
from tonearm.ingest.incoming import Heart, Malformed, Skipped
from tonearm.ingest.webhook import LARGEST_BODY, Source, WebhookReport, parse_json, part

_KINDS = {
    "media.play": NoticeKind.STARTED,
    "media.pause": NoticeKind.PAUSED,
    "media.resume": NoticeKind.RESUMED,
    "media.stop": NoticeKind.STOPPED,
    "media.scrobble": NoticeKind.COUNTED,
}

_HEART = 10
"""The rating that Plexamp's heart sends."""

_ECHO = "plex media cloud server"
"""The player that reports a second time that a track from TIDAL counts."""


def parse(body: bytes, content_type: str, now: float) -> WebhookReport | Malformed:
    """One event, which arrived at `now` (Unix seconds): a form of several parts, or its payload alone."""
    payload = _payload(body, content_type)
    sent = payload if isinstance(payload, Malformed) else parse_json(payload)
    if isinstance(sent, Malformed):
        return sent
    account, player, metadata = part(sent, "Account"), part(sent, "Player"), part(sent, "Metadata")
    name = fields.label(player.get("title"))
    source = Source(
        user=fields.label(account.get("title")),
        user_id=fields.label(account.get("id")),
        device=fields.label(player.get("uuid")) or name,
        device_name=name,
        program="Plex",
    )
    track = _track(metadata)
    event = sent.get("event")
    if isinstance(track, Skipped):
        return WebhookReport((track,), source=source)
    if event == "media.rate":
        return _rated(sent, metadata, track, source)
    kind = _KINDS.get(event) if isinstance(event, str) else None
    if kind is None:
        return _skipped(f"not a playback: {fields.quoted(event)}", source)
    if kind is NoticeKind.COUNTED and name.lower() == _ECHO:
        return _skipped("reported a second time, by Plex's cloud", source)
    notice = Notice(kind, now, track, _seconds(metadata.get("viewOffset")), fields.label(metadata.get("ratingKey")))
    return WebhookReport(notice=notice, source=source)


def _payload(body: bytes, content_type: str) -> bytes | Malformed:
    """The part named `payload`. There may be a cover beside it."""
    if not is_multipart(content_type):
        return body
    if len(body) > LARGEST_BODY:
        return Malformed("the request is too large")
    payload = dict(parse_multipart(body, content_type) or ()).get(b"payload")
    return Malformed("the form has no payload") if payload is None else payload


def _rated(sent: Mapping[str, Any], metadata: Mapping[str, Any], track: Track, source: Source) -> WebhookReport:
    given = sent.get("rating")
    rating = fields.number(metadata.get("userRating") if given is None else given)
    if rating is None or 0 < rating < _HEART:
        return _skipped("a rating that isn't a heart", source)
    return WebhookReport(loved=(Heart(track, rating >= _HEART),), source=source)


def _skipped(reason: str, source: Source) -> WebhookReport:
    return WebhookReport((Skipped(reason, by_design=True),), source=source)


def _track(metadata: Mapping[str, Any]) -> Track | Skipped:
    """The track. `grandparentTitle` is the album's artist; the track's own artist is sent, too, if it is a different
    one.
    """
    if metadata.get("type") != "track" or metadata.get("librarySectionType") not in (None, "artist"):
        return Skipped(f"not music: {fields.quoted(metadata.get('type'))}", by_design=True)
    album_artist = metadata.get("grandparentTitle")
    return fields.read_track(
        metadata.get("originalTitle") or album_artist,
        metadata.get("title"),
        metadata.get("parentTitle") or "",
        album_artist or "",
        _seconds(metadata.get("duration")),
        metadata.get("index"),
        left_out=[],
    )


def _seconds(milliseconds: object) -> float | None:
    found = fields.seconds(milliseconds)
    return None if found is None else found / 1000
