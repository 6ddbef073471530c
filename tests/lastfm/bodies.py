"""Answers in the shapes that Last.fm uses, old and new, written for these tests."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tonearm.core.play import Play, Track

PLAYS = (
    Play(Track("Low", "Sunflower", "Things We Lost in the Fire", duration=276.4), 1700000000, 270.0),
    Play(Track("Can", "Vitamin C", "Ege Bamyasi", "Can", 214), 1700000300, 214.0),
    Play(Track("Broadcast", "Tender Buttons"), 1700000600, 170.0, chosen_by_user=False),
)


def body(tree: object) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode()


def scrobbled(play: Play, code: str = "0", **changes: object) -> dict[str, object]:
    """The word on one play, as of 2024: an album without text has no "#text", an album artist not sent has "" in it."""
    album = {"corrected": "0", "#text": play.track.album} if play.track.album else {"corrected": "0"}
    return {
        "artist": {"corrected": "0", "#text": play.track.artist},
        "album": album,
        "track": {"corrected": "0", "#text": play.track.title},
        "ignoredMessage": {"code": code, "#text": ""},
        "albumArtist": {"corrected": "0", "#text": play.track.album_artist},
        "timestamp": str(play.timestamp),
    } | changes


def scrobbles(words: Sequence[object], ignored: object = 0) -> dict[str, object]:
    """A whole answer; one word comes as an object, several as an array."""
    answered = words[0] if len(words) == 1 else list(words)
    accepted = len(words) - int(float(str(ignored)))
    return {"scrobbles": {"scrobble": answered, "@attr": {"ignored": ignored, "accepted": accepted}}}


NOW_PLAYING = {
    "nowplaying": {
        "artist": {"corrected": "0", "#text": "Low"},
        "track": {"corrected": "0", "#text": "Sunflower"},
        "ignoredMessage": {"code": "0", "#text": ""},
        "albumArtist": {"corrected": "0", "#text": ""},
        "album": {"corrected": "0"},
    }
}

TOKEN = {"token": "t0k3n-Aa_0123456789abcdefghijklmn"}

SESSION = {"session": {"name": "Ada", "key": "s3ss10n-Aa_0123456789abcdefghijk", "subscriber": 0}}

USER = {
    "user": {
        "name": "Ada",
        "realname": "Ada L.",
        "url": "https://www.last.fm/user/Ada",
        "country": "None",
        "age": "0",
        "gender": "n",
        "subscriber": "1",
        "playcount": "104571",
        "artist_count": "1264",
        "track_count": "",
        "album_count": None,
        "image": [
            {"size": "small", "#text": "https://img.example/34s/a.png"},
            {"size": "extralarge", "#text": "https://img.example/300x300/a.png"},
        ],
        "registered": {"unixtime": "1561177193", "#text": 1561177193},
    }
}

STAR = "https://img.example/300x300/2a96cbd8b46e442fc41c2b86b821562f.png"


def loved(number: int) -> dict[str, object]:
    return {
        "artist": {"url": f"https://l.example/a{number}", "name": f"Artist {number}", "mbid": f"artist-{number}"},
        "date": {"uts": str(1700000000 - number), "#text": "14 Nov 2023, 22:13"},
        "mbid": f"track-{number}",
        "url": f"https://l.example/t{number}",
        "name": f"Song {number}",
        "image": [{"size": "small", "#text": STAR}],
        "streamable": {"fulltrack": "0", "#text": "0"},
    }


def listing(
    root: str, tracks: object, page: object = "1", total_pages: object = "1", total: object = "1"
) -> dict[str, object]:
    attributes = {"user": "Ada", "totalPages": total_pages, "page": page, "perPage": "50", "total": total}
    return {root: {"track": tracks, "@attr": attributes}}


def recent(number: int, **changes: object) -> dict[str, object]:
    return {
        "artist": {"mbid": f"artist-{number}", "#text": f"Artist {number}"},
        "streamable": "0",
        "image": [
            {"size": "large", "#text": f"https://img.example/{number}.png"},
            {"size": "extralarge", "#text": ""},
        ],
        "mbid": "",
        "album": {"mbid": f"album-{number}", "#text": f"Album {number}"},
        "name": f"Song {number}",
        "url": f"https://l.example/t{number}",
        "date": {"uts": str(1700000000 + number), "#text": "14 Nov 2023, 22:13"},
    } | changes


def playing(number: int) -> dict[str, object]:
    track = recent(number, **{"@attr": {"nowplaying": "true"}})
    del track["date"]
    return track
