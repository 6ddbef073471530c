"""A play, and what is playing now, as records of teal.fm.
https://github.com/teal-fm/teal/tree/main/lexicons/fm.teal
"""

from __future__ import annotations

from tonearm.atproto.record import Form, Record, RecordCode, fitting, moment, rules_of, shown_for
from tonearm.core.play import MBID, Play, Track
from tonearm.version import __version__

_PLAYS = "fm.teal.feed.play"
_STATUS = "fm.teal.actor.status"


def _play_record(play: Play) -> Record | RecordCode:
    """A play as a record, or why it can never be one. What is unknown is left out."""
    about = _about(play.track)
    if isinstance(about, RecordCode):
        return about
    return {"$type": _PLAYS, **about, "playedTime": moment(play.timestamp)}


def _status_record(track: Track, now: float) -> Record | RecordCode:
    """A track that is playing now, until it is over."""
    about = _about(track)
    if isinstance(about, RecordCode):
        return about
    return {"$type": _STATUS, "time": moment(now), "expiry": moment(now + shown_for(track)), "item": about}


def _about(track: Track) -> Record | RecordCode:
    artist, title, album = fitting(track.artist), fitting(track.title), fitting(track.album)
    if not artist or not title:
        return RecordCode.NAMELESS
    about: Record = {
        "trackName": title,
        "artists": [{"artistName": artist}],
        "submissionClientAgent": f"tonearm/{__version__}",
    }
    if album:
        about["releaseName"] = album
    if track.known_length:
        about["duration"] = round(track.known_length)
    if MBID.fullmatch(track.mbid):
        about["recordingMbId"] = f"mbid:{track.mbid.lower()}"
    return about


FORM = Form(rules_of("teal.fm"), _PLAYS, _STATUS, _play_record, _status_record)
