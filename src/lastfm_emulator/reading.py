"""user.getRecentTracks, user.getLovedTracks, user.getTrackScrobbles and user.getInfo.

Members are in the order of the XML answers, on which clients rely; JSON has no order.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lastfm_emulator.account import Play
from lastfm_emulator.method import Method, digits
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.render import one_or_many
from lastfm_emulator.shelf import SITE, SIZES, artist_url, slug, star, track_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastfm_emulator.account import Loved, NowPlaying, User
    from lastfm_emulator.method import Call
    from lastfm_emulator.render import Body, Value

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NO_IMAGES: Final = tuple({"size": size, "#text": ""} for size, _ in SIZES)
_STARS: Final = tuple(star())


def recent_tracks(call: Call) -> Body:
    """The track that is playing now comes first on every page, in addition to `limit` and not counted in `total`."""
    user = readable(call)
    page, limit = call.paging()
    extended = call.params.get("extended") == "1"
    plays = _visible(user, call.now, _moment(call, "from"), _moment(call, "to"))
    tracks: list[Value] = [_recent(user, play, extended) for play in _cut(plays, page, limit)]
    playing = user.now_playing(call.now)
    if playing is not None:
        first = _recent(user, playing, extended) | {"@attr": {"nowplaying": "true"}}
        tracks.insert(0, first)
    alone = playing is not None and len(tracks) == 1
    listed = one_or_many(tracks) if alone else tracks
    return {"recenttracks": {"track": listed, "@attr": _paging(user, page, limit, len(plays))}}


def track_scrobbles(call: Call) -> Body:
    """One track's plays: not documented, but used by pylast."""
    user = readable(call)
    page, limit = call.paging()
    wanted = (call.required("artist").casefold(), call.required("track").casefold())
    plays = [
        play
        for play in _visible(user, call.now, _moment(call, "from"), _moment(call, "to"))
        if (play.artist.casefold(), play.track.casefold()) == wanted
    ]
    tracks = [_recent(user, play, False) for play in _cut(plays, page, limit)]
    return {"trackscrobbles": {"track": tracks, "@attr": _paging(user, page, limit, len(plays))}}


def loved_tracks(call: Call) -> Body:
    user = call.named_user()
    page, limit = call.paging()
    newest = list(reversed(user.loved.values()))
    tracks = [_loved(one) for one in newest[(page - 1) * limit : page * limit]]
    return {"lovedtracks": {"track": tracks, "@attr": _paging(user, page, limit, len(newest))}}


def user_info(call: Call) -> Body:
    user = call.named_user() if call.user is None or call.params.get("user") else call.user
    return {"user": profile(user)}


def profile(user: User, *, friend: bool = False) -> Body:
    """A friend has fewer fields, and a date in words."""
    facts: dict[str, Value] = {
        "name": user.name,
        "realname": "",
        "image": _NO_IMAGES,
        "url": f"{SITE}/user/{slug(user.name)}",
        "country": "None",
        "age": "0",
        "gender": "n",
        "subscriber": "0",
        "playcount": str(len(user.plays)),
        "playlists": "0",
        "bootstrap": "0",
    }
    if friend:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(user.known_since()))
        return facts | {"registered": {"unixtime": str(user.known_since()), "#text": when}, "type": "user"}
    return facts | {
        "registered": {"unixtime": str(user.known_since()), "#text": user.known_since()},
        "type": "user",
        "artist_count": str(len({play.artist for play in user.plays})),
        "album_count": str(len({(play.artist, play.album) for play in user.plays if play.album})),
        "track_count": str(len({(play.artist, play.track) for play in user.plays})),
    }


def date(timestamp: int) -> Body:
    """`DD Mon YYYY, HH:MM` in UTC with English months, whatever the machine's locale."""
    when = time.gmtime(timestamp)
    listed = f"{when.tm_mday:02} {_MONTHS[when.tm_mon - 1]} {when.tm_year}, {when.tm_hour:02}:{when.tm_min:02}"
    return {"uts": str(timestamp), "#text": listed}


def readable(call: Call) -> User:
    """The requested user, unless their plays are hidden from the caller."""
    user = call.named_user()
    if user.private and call.user is not user:
        raise Refusal(17)
    return user


def _moment(call: Call, name: str) -> int | None:
    return digits(call.params.get(name, ""))


def _visible(user: User, now: float, first: int | None, last: int | None) -> Sequence[Play]:
    """Plays, oldest first; `from` is inclusive and `to` exclusive, which Last.fm leaves open."""
    start, stop = user.between(first, last)
    plays = user.plays[start:stop]
    return plays if user.settled <= now else [play for play in plays if play.visible_from <= now]


def _cut(plays: Sequence[Play], page: int, limit: int) -> list[Play]:
    """One page, newest first."""
    stop = len(plays) - (page - 1) * limit
    return list(reversed(plays[max(0, stop - limit) : stop])) if stop > 0 else []


def _paging(user: User, page: int, limit: int, total: int) -> Body:
    return {
        "user": user.name,
        "page": str(page),
        "perPage": str(limit),
        "totalPages": str(-(-total // limit)),
        "total": str(total),
    }


def _recent(user: User, play: Play | NowPlaying, extended: bool) -> dict[str, Value]:
    artist: Body = {"mbid": "", "#text": play.artist}
    if extended:
        artist = {"name": play.artist, "mbid": "", "url": artist_url(play.artist), "image": _STARS}
    listed: dict[str, Value] = {
        "artist": artist,
        "name": play.track,
        "streamable": "0",
        "mbid": play.mbid,
        "album": {"mbid": "", "#text": play.album},
        "url": track_url(play.artist, play.track),
        "image": _NO_IMAGES,
    }
    if extended:
        listed["loved"] = "1" if user.loves(play.artist, play.track) else "0"
    if isinstance(play, Play):
        listed["date"] = date(play.timestamp)
    return listed


def _loved(one: Loved) -> Body:
    return {
        "name": one.track,
        "mbid": "",
        "url": track_url(one.artist, one.track),
        "date": date(one.timestamp),
        "artist": {"name": one.artist, "mbid": "", "url": artist_url(one.artist)},
        "image": _STARS,
        "streamable": {"fulltrack": "0", "#text": "0"},
    }


METHODS = (
    Method("user.getRecentTracks", recent_tracks),
    Method("user.getTrackScrobbles", track_scrobbles),
    Method("user.getLovedTracks", loved_tracks),
    Method("user.getInfo", user_info),
)
