"""A play, and what is playing now, as records of Rocksky.
https://github.com/tsirysndr/rocksky/tree/main/apps/api/lexicons
"""

from __future__ import annotations

from tonearm.atproto.record import Form, Record, RecordCode, fitting, moment, rules_of, shown_for
from tonearm.core.play import MBID, Play, Track

_PLAYS = "app.rocksky.scrobble"
_STATUS = "app.rocksky.actor.status"

_LONGEST_TITLE = 512
"""Bytes of UTF-8; other names have 256."""


def _play_record(play: Play) -> Record | RecordCode:
    """A play as a record, or why it can never be one.

    An album and a length are required. The length is 0 where it is unknown, as in records that Rocksky's own clients
    write; albums are never made up.
    """
    track = play.track
    artist, title, album = fitting(track.artist), fitting(track.title, _LONGEST_TITLE), fitting(track.album)
    if not artist or not title:
        return RecordCode.NAMELESS
    if not album:
        return RecordCode.NO_ALBUM
    record: Record = {
        "$type": _PLAYS,
        "title": title,
        "artist": artist,
        "album": album,
        "albumArtist": fitting(track.album_artist) or artist,
        "duration": _milliseconds(track),
        "createdAt": moment(play.timestamp),
    }
    if track.track_number and track.track_number > 0:
        record["trackNumber"] = track.track_number
    if MBID.fullmatch(track.mbid):
        record["mbid"] = track.mbid.lower()
    return record


def _status_record(track: Track, now: float) -> Record | RecordCode:
    """A track that is playing now, until it is over. What is unknown is left out."""
    artist, title, album = fitting(track.artist), fitting(track.title, _LONGEST_TITLE), fitting(track.album)
    if not artist or not title:
        return RecordCode.NAMELESS
    about: Record = {"name": title, "artist": artist, "source": "tonearm"}
    if album:
        about["album"] = album
    if length := _milliseconds(track):
        about["durationMs"] = length
    if MBID.fullmatch(track.mbid):
        about["recordingMbId"] = track.mbid.lower()
    return {"$type": _STATUS, "track": about, "startedAt": moment(now), "expiresAt": moment(now + shown_for(track))}


def _milliseconds(track: Track) -> int:
    """The length; 0 if it is unknown. The description in the lexicon says seconds, but all that write and read it
    use milliseconds: https://github.com/tsirysndr/rocksky/blob/main/crates/rocksky-sdk/src/agent.rs
    """
    return round(track.known_length * 1000)


FORM = Form(rules_of("Rocksky"), _PLAYS, _STATUS, _play_record, _status_record)
