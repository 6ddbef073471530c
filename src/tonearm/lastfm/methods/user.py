"""Reads about a user: the profile, friends, plays and loved tracks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import named, named_if_given, pages, paging, unix, yes
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import Node, UnreadableAnswer, flag, moment, node, text, whole
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import LovedTrack, Page, RecentTrack, UserInfo


def info(user: str | None = None, session_key: str | None = None) -> Request[UserInfo]:
    """A profile: the named user's, or the session's. https://www.last.fm/api/show/user.getInfo

    Raises BadParameters if there is no such user.
    """
    if user is None and not session_key:
        raise ValueError("user or session_key is required: whose profile?")
    page_params = given({"user": named_if_given("user", user)})
    return Request("user.getInfo", page_params, "user", read_info, session_key=session_key)


def read_info(content: object) -> UserInfo:
    profile = _profile(node(content))
    if not profile.name:
        raise UnreadableAnswer("the profile has no name")
    return profile


def _profile(profile: Node) -> UserInfo:
    country = text(profile.get("country"))
    return UserInfo(
        name=text(profile.get("name")),
        realname=text(profile.get("realname")),
        url=text(profile.get("url")),
        country="" if country == "None" else country,  # this is how Last.fm spells "no country"
        images=shapes.images(profile.get("image")),
        playcount=whole(profile.get("playcount")),
        artist_count=whole(profile.get("artist_count")),
        album_count=whole(profile.get("album_count")),
        track_count=whole(profile.get("track_count")),
        registered=moment(profile.get("registered")),
        subscriber=flag(profile.get("subscriber")),
    )


def friends(
    user: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[UserInfo]:
    """Whom a user follows. https://www.last.fm/api/show/user.getFriends

    Raises BadParameters if there are none, as Last.fm does: the error number is the same as for an unknown user.
    """
    ask = pages("user.getFriends", "friends", "user", _profile, {"user": named("user", user)})
    return listing(ask, limit, size, start, usual=50)


def loved_tracks(
    user: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[LovedTrack]:
    """The tracks that a user loves, newest first. https://www.last.fm/api/show/user.getLovedTracks

    Tracks loved during a walk shift the pages: a track at the border of two pages is not returned twice, but one that
    is unloved meanwhile may hide its neighbour.
    """
    ask = pages("user.getLovedTracks", "lovedtracks", "track", _loved_track, {"user": named("user", user)})
    return replace(listing(ask, limit, size, start), identity=_loved_identity)


def _loved_track(track: Node) -> LovedTrack:
    by = track.get("artist")
    return LovedTrack(
        artist=text(by),
        title=text(track.get("name")),
        loved_at=moment(track.get("date")),
        mbid=text(track.get("mbid")),
        artist_mbid=text(node(by).get("mbid")),
        url=text(track.get("url")),
        images=shapes.images(track.get("image")),
        artist_url=text(node(by).get("url")),
    )


def _loved_identity(track: LovedTrack) -> object:
    return (track.artist, track.title) if track.artist or track.title else None


def recent_tracks(
    user: str,
    *,
    since: datetime | int | None = None,
    until: datetime | int | None = None,
    extended: bool = False,
    session_key: str | None = None,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[RecentTrack]:
    """Plays, newest first. https://www.last.fm/api/show/user.getRecentTracks

    `since` and `until` are aware datetimes or Unix seconds; which end is inclusive is not documented, so request one
    second more on either side. `extended` adds whether each track is loved. A private history needs its own session;
    without it, this raises LoginRequired.

    Plays scrobbled during a walk don't shift its pages: the first page fixes the walk to what was played until then
    (see `PagePosition.until`), so no play is returned twice. Only a play that is scrobbled late, with an earlier time,
    can still shift them.
    """
    first, last = unix("since", since), unix("until", until)
    params = {"user": named("user", user), "from": first, "extended": yes(extended)}

    def ask(position: PagePosition) -> Request[Page[RecentTrack]]:
        page_params = given({**params, "to": position.until, **paging(position)})
        read = partial(read_recent_tracks, requested_page=position.page)
        return Request("user.getRecentTracks", page_params, "recenttracks", read, session_key=session_key)

    return _plays(listing(ask, limit, size, start, usual=200), last, start)


def read_recent_tracks(content: object, requested_page: int = 1) -> Page[RecentTrack]:
    return shapes.page(content, "track", _recent_track, requested_page)


def track_scrobbles(
    user: str,
    artist: str,
    track: str,
    *,
    since: datetime | int | None = None,
    until: datetime | int | None = None,
    session_key: str | None = None,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[RecentTrack]:
    """A user's plays of one track, newest first; as `recent_tracks`. Last.fm does not document this method."""
    first, last = unix("since", since), unix("until", until)
    params = {"user": named("user", user), "artist": named("artist", artist), "track": named("track", track)}

    def ask(position: PagePosition) -> Request[Page[RecentTrack]]:
        page_params = given({**params, "from": first, "to": position.until, **paging(position)})
        read = partial(read_recent_tracks, requested_page=position.page)
        return Request("user.getTrackScrobbles", page_params, "trackscrobbles", read, session_key=session_key)

    return _plays(listing(ask, limit, size, start, usual=200), last, start)


def _plays(found: Listing[RecentTrack], until: int | None, start: PagePosition | None) -> Listing[RecentTrack]:
    if start and until is not None and until != start.until:
        raise ValueError("until must be left out or be that of start, which fixes the pages")
    position = found.start if start else replace(found.start, until=until)
    return replace(found, start=position, fixed_by=_newest, identity=_play_identity)


def _newest(page: Page[RecentTrack]) -> int | None:
    """The second after the newest play: nothing older is left out, whether or not Last.fm includes that second."""
    times = [int(track.played_at.timestamp()) for track in page.items if track.played_at]
    return max(times) + 1 if times else None


def _play_identity(track: RecentTrack) -> object:
    # Last.fm itself tells plays apart by these. Plays without a time come from broken clients, and there may be many.
    return (track.played_at, track.artist, track.title) if track.played_at else None


def _recent_track(track: Node) -> RecentTrack:
    artist, album = track.get("artist"), track.get("album")
    return RecentTrack(
        artist=text(artist),
        title=text(track.get("name")),
        album=text(album),
        played_at=moment(track.get("date")),
        loved=flag(track["loved"]) if "loved" in track else None,
        mbid=text(track.get("mbid")),
        artist_mbid=text(node(artist).get("mbid")),
        album_mbid=text(node(album).get("mbid")),
        url=text(track.get("url")),
        images=shapes.images(track.get("image")),
        artist_url=text(node(artist).get("url")),
    )
