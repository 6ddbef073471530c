"""Last.fm 2.0 as a server, what it answers, in XML or JSON.

Everything is an lfm document, including every failure: liblastfm throws its waiting plays away after an HTML page with
200, and sends them a thousand times in four seconds after one with 503. "Not now" is always error 11 or 16, because
Audacious throws a play away for 4, 6, 8, 10, 13, 14, 26 and 29. An ended session is error 9.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from tonearm.core.cleaning import clean
from tonearm.core.play import Track
from tonearm.ingest.incoming import Announced, Incoming, Listened, PlayerAnswer
from tonearm.ingest.lastfm20 import PageRequest, ScrobbleItem
from tonearm.ingest.lastfm20_call import LfmError

UNAVAILABLE = 16
NO_SESSION = 9

_MESSAGES = {
    3: "Invalid Method - No method with that name in this package",
    4: "Authentication Failed - You do not have permissions to access the service",
    6: "Invalid parameters - Your request is missing a required parameter",
    9: "Invalid session key - Please re-authenticate",
    10: "Invalid API key - You must be granted a valid key",
    11: "Service Offline - This service is temporarily offline. Try again later.",
    13: "Invalid method signature supplied",
    14: "Unauthorized Token - This token has not been authorized",
    15: "This token has expired",
    16: "The service is temporarily unavailable, please try again.",
    17: "Login: User required to be logged in",
}
_STATUSES = {3: 400, 6: 400, 11: 503, 13: 400, 16: 503}
"""Of the errors; 403 for the others."""

CORS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "POST, GET, OPTIONS"))
"""On every answer, as Last.fm has them: players in browsers need them, and a foreign page has no session key."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Document = Mapping[str, Any]


def render_error(refused: LfmError, *, as_json: bool) -> PlayerAnswer:
    """An error, in the document that the player expects."""
    message = refused.message or _MESSAGES.get(refused.code, "Operation failed")
    status = refused.status or _STATUSES.get(refused.code, 403)
    if as_json:
        return _json(status, {"error": refused.code, "message": message})
    error = f'<error code="{refused.code}">{_text(clean(message))}</error>'
    return _xml(status, f'<lfm status="failed">\n{error}\n</lfm>\n')


def render_unavailable(*, as_json: bool) -> PlayerAnswer:
    """Not now: the player keeps its plays and sends them again."""
    return render_error(LfmError(UNAVAILABLE), as_json=as_json)


def render_preflight() -> PlayerAnswer:
    """The answer to what a browser asks before it sends a request from another site's page."""
    return PlayerAnswer(200, b"", "text/xml; charset=UTF-8", (*CORS, ("Access-Control-Max-Age", "86400")))


def render_done(*, as_json: bool) -> PlayerAnswer:
    """A track was loved or unloved."""
    return _json(200, {}) if as_json else _xml(200, '<lfm status="ok"></lfm>\n')


def render_token(token: str, *, as_json: bool) -> PlayerAnswer:
    """A token to be approved in a browser."""
    return _document({"token": token}, as_json)


def render_session(user: str, key: str, *, as_json: bool) -> PlayerAnswer:
    """Signed in."""
    return _document({"session": {"name": user, "key": key, "subscriber": 0}}, as_json)


def render_session_info(user: str, key: str, *, as_json: bool) -> PlayerAnswer:
    """The user of the session."""
    session = {"name": user, "key": key, "subscriber": "0", "country": ""}
    return _document({"application": {"session": session}}, as_json)


def render_scrobbled(items: Sequence[ScrobbleItem], *, as_json: bool) -> PlayerAnswer:
    """Saved plays are accepted; what could never be a play is ignored, with its code. Items in the order sent."""
    accepted = sum(isinstance(item.report, Incoming) for item in items)
    ignored = len(items) - accepted
    if as_json:
        shown = [_names_json(item.track, item.ignored) | {"timestamp": item.timestamp} for item in items]
        scrobbles = {"scrobble": shown[0] if len(shown) == 1 else shown}
        return _json(200, {"scrobbles": scrobbles | {"@attr": {"ignored": ignored, "accepted": accepted}}})
    inner = "".join([_item_xml(item) for item in items])
    whole = f'<scrobbles accepted="{accepted}" ignored="{ignored}">\n{inner}</scrobbles>'
    return _xml(200, f'<lfm status="ok">\n{whole}\n</lfm>\n')


def render_now_playing(announced: Announced, *, as_json: bool) -> PlayerAnswer:
    """The announced track, as it will be shown."""
    if as_json:
        return _json(200, {"nowplaying": _names_json(announced.track)})
    return _xml(200, f'<lfm status="ok">\n<nowplaying>\n{_names_xml(announced.track)}</nowplaying>\n</lfm>\n')


def render_user(user: str, playcount: int, registered: int, *, as_json: bool) -> PlayerAnswer:
    """user.getInfo; `registered` is Unix seconds."""
    facts = {
        "name": user,
        "age": "0",
        "subscriber": "0",
        "realname": "",
        "bootstrap": "0",
        "playcount": str(playcount),
        "playlists": "0",
        "image": _no_images(),
        "registered": {"unixtime": str(registered), "#text": registered},
        "country": "None",
        "gender": "n",
        "url": f"https://www.last.fm/user/{quote_plus(user)}",
        "type": "user",
    }
    return _document({"user": facts}, as_json)


def render_recent_tracks(
    reading: PageRequest,
    user: str,
    plays: Sequence[Listened],
    total: int,
    playing: Announced | None = None,
    *,
    as_json: bool,
) -> PlayerAnswer:
    """A page of plays, in the given order (newest first); the track playing now comes first, in addition to the limit
    and without a date.
    """
    tracks = [_recent(play.track, play.loved, reading.extended) | _date(play.timestamp) for play in plays]
    if playing:
        tracks.insert(0, _recent(playing.track, False, reading.extended) | {"@attr": {"nowplaying": "true"}})
    return _document({"recenttracks": {"track": tracks, "@attr": _paging(reading, user, total)}}, as_json)


def render_loved_tracks(
    reading: PageRequest, user: str, loved: Sequence[Listened], total: int, *, as_json: bool
) -> PlayerAnswer:
    """A page of loved tracks, in the given order (newest first); the time of each is when it was loved."""
    tracks = [
        _track(one.track)
        | {"artist": _artist(one.track.artist), "streamable": {"fulltrack": "0", "#text": "0"}}
        | _date(one.timestamp)
        for one in loved
    ]
    return _document({"lovedtracks": {"track": tracks, "@attr": _paging(reading, user, total)}}, as_json)


def render_top_tracks(
    reading: PageRequest, user: str, tops: Sequence[tuple[Track, int]], total: int, *, as_json: bool
) -> PlayerAnswer:
    """A page of the tracks that were played most, with how often each was."""
    before = (reading.page - 1) * reading.limit
    tracks = [
        _track(track)
        | {
            "artist": _artist(track.artist),
            "duration": str(round(track.duration or 0)),
            "playcount": str(count),
            "@attr": {"rank": str(rank)},
        }
        for rank, (track, count) in enumerate(tops, before + 1)
    ]
    return _document({"toptracks": {"track": tracks, "@attr": _paging(reading, user, total)}}, as_json)


# -- tracks -------------------------------------------------------------------


def _names_json(track: Track, ignored: int = 0) -> dict[str, Any]:
    return {
        "artist": _named(track.artist),
        "album": _named(track.album),
        "track": _named(track.title),
        "ignoredMessage": {"code": str(ignored), "#text": ""},
        "albumArtist": {"corrected": "0", "#text": track.album_artist},
    }


def _named(name: str) -> dict[str, str]:
    """Last.fm gives no text for an empty name."""
    return {"corrected": "0", "#text": name} if name else {"corrected": "0"}


def _item_xml(item: ScrobbleItem) -> str:
    time = f"<timestamp>{_text(item.timestamp)}</timestamp>\n"
    return f"<scrobble>\n{_names_xml(item.track, item.ignored, time)}</scrobble>\n"


def _names_xml(track: Track, ignored: int = 0, time: str = "") -> str:
    return (
        f'<track corrected="0">{_text(track.title)}</track>\n<artist corrected="0">{_text(track.artist)}</artist>\n'
        f'<album corrected="0">{_text(track.album)}</album>\n'
        f'<albumArtist corrected="0">{_text(track.album_artist)}</albumArtist>\n'
        f'{time}<ignoredMessage code="{ignored}"></ignoredMessage>\n'
    )


def _recent(track: Track, loved: bool, extended: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "artist": {"mbid": "", "#text": track.artist},
        "streamable": "0",
        **_track(track),
        "album": {"mbid": "", "#text": track.album},
    }
    if extended:
        shown["artist"] = _artist(track.artist) | {"image": _no_images()}
        shown["loved"] = "1" if loved else "0"
    return shown


def _track(track: Track) -> dict[str, Any]:
    artist, title = quote_plus(track.artist), quote_plus(track.title)
    url = f"https://www.last.fm/music/{artist}/_/{title}"
    return {"name": track.title, "mbid": track.mbid, "url": url, "image": _no_images()}


def _artist(name: str) -> dict[str, Any]:
    return {"url": f"https://www.last.fm/music/{quote_plus(name)}", "name": name, "mbid": ""}


def _no_images() -> list[dict[str, str]]:
    return [{"size": size, "#text": ""} for size in ("small", "medium", "large", "extralarge")]


def _date(timestamp: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(timestamp, UTC)
    text = f"{at.day:02} {_MONTHS[at.month - 1]} {at.year}, {at.hour:02}:{at.minute:02}"
    return {"date": {"uts": str(timestamp), "#text": text}}


def _paging(reading: PageRequest, user: str, total: int) -> dict[str, str]:
    return {
        "user": user,
        "totalPages": str(-(-total // reading.limit)),
        "page": str(reading.page),
        "perPage": str(reading.limit),
        "total": str(total),
    }


# -- documents ----------------------------------------------------------------


def _document(document: Document, as_json: bool) -> PlayerAnswer:
    if as_json:
        return _json(200, document)
    inner = "".join([_element(name, value) for name, value in document.items()])
    return _xml(200, f'<lfm status="ok">\n{inner}</lfm>\n')


def _element(name: str, value: Any) -> str:
    """The XML of a member of a JSON document: members beside `#text`, and those in `@attr`, become attributes."""
    if isinstance(value, list):
        return "".join([_element(name, each) for each in value])
    if not isinstance(value, dict):
        return f"<{name}>{_text(str(value))}</{name}>\n"
    attributes: dict[str, Any] = value.get("@attr", {})
    if "#text" in value:
        attributes = {key: each for key, each in value.items() if key != "#text"}
    head = "".join([f" {key}={_quoted(str(each))}" for key, each in attributes.items()])
    if "#text" in value:
        return f"<{name}{head}>{_text(str(value['#text']))}</{name}>\n"
    inner = "".join([_element(key, each) for key, each in value.items() if key != "@attr"])
    return f"<{name}{head}>\n{inner}</{name}>\n"


def _json(status: int, document: Document) -> PlayerAnswer:
    body = json.dumps(document, separators=(",", ":")).encode()
    return PlayerAnswer(status, body, "application/json; charset=utf-8", CORS)


def _xml(status: int, text: str) -> PlayerAnswer:
    whole = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
    return PlayerAnswer(status, whole.encode(), "text/xml; charset=UTF-8", CORS)


def _text(text: str) -> str:
    from xml.sax.saxutils import escape  # brings much with it, which the players of other protocols don't need

    return escape(text)


def _quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)
