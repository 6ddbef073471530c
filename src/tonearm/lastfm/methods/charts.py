"""Charts: what everybody, a country or one listener plays most."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar, get_args

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import named, named_if_given, pages, unix, valid_limit
from tonearm.lastfm.methods.artist import read_tags
from tonearm.lastfm.methods.tag import entry, read_weeks
from tonearm.lastfm.music import AlbumEntry, ArtistEntry, Tag, TagEntry, TrackEntry
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import Node, at, attributes, node
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import Week, WeeklyChart

T = TypeVar("T")

Period = Literal["overall", "7day", "1month", "3month", "6month", "12month"]
"""The last days or months, by Last.fm's names."""


def chart_top_artists(
    *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """The artists that all listeners play most. https://www.last.fm/api/show/chart.getTopArtists

    Walks all pages, or stops after `limit` artists; there are millions, and deep pages are unreliable.
    """
    ask = pages("chart.getTopArtists", "artists", "artist", shapes.artist, {})
    return listing(ask, limit, size, start, usual=50)


def chart_top_tags(
    *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[TagEntry]:
    """The tags that all listeners use most. https://www.last.fm/api/show/chart.getTopTags"""
    return listing(pages("chart.getTopTags", "tags", "tag", entry, {}), limit, size, start, usual=50)


def chart_top_tracks(
    *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[TrackEntry]:
    """The tracks that all listeners play most. https://www.last.fm/api/show/chart.getTopTracks"""
    return listing(pages("chart.getTopTracks", "tracks", "track", shapes.track, {}), limit, size, start, usual=50)


def geo_top_artists(
    country: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """The artists that a country plays most; `country` is its English name in ISO 3166-1.

    Raises BadParameters for a country that Last.fm does not know. https://www.last.fm/api/show/geo.getTopArtists
    """
    params = {"country": named("country", country)}
    ask = pages("geo.getTopArtists", "topartists", "artist", shapes.artist, params)
    return listing(ask, limit, size, start, usual=50)


def geo_top_tracks(
    country: str,
    *,
    location: str | None = None,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[TrackEntry]:
    """The tracks that a country plays most (`country` is its English name in ISO 3166-1), or a place in it
    (`location`).

    Raises BadParameters for a country that Last.fm does not know. https://www.last.fm/api/show/geo.getTopTracks
    """
    params = {"country": named("country", country), "location": named_if_given("location", location)}
    ask = pages("geo.getTopTracks", "tracks", "track", shapes.track_from_zero, params)
    return listing(ask, limit, size, start, usual=50)


def library_artists(
    user: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """Every artist that a user ever played, with play counts. https://www.last.fm/api/show/library.getArtists"""
    ask = pages("library.getArtists", "artists", "artist", shapes.artist, {"user": named("user", user)})
    return listing(ask, limit, size, start)


def _of(user: str, period: Period) -> dict[str, str]:
    if period not in get_args(Period):
        raise ValueError(f"period must be one of {', '.join(get_args(Period))}, not {period!r}")
    return {"user": named("user", user), "period": period}


def user_top_artists(
    user: str,
    *,
    period: Period = "overall",
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[ArtistEntry]:
    """The artists that a user plays most. https://www.last.fm/api/show/user.getTopArtists

    A walk over all pages may miss or repeat artists that new plays move from one page to another.
    """
    ask = pages("user.getTopArtists", "topartists", "artist", shapes.artist, _of(user, period))
    return listing(ask, limit, size, start)


def user_top_albums(
    user: str,
    *,
    period: Period = "overall",
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[AlbumEntry]:
    """The albums that a user plays most; as `user_top_artists`. https://www.last.fm/api/show/user.getTopAlbums"""
    ask = pages("user.getTopAlbums", "topalbums", "album", shapes.album, _of(user, period))
    return listing(ask, limit, size, start)


def user_top_tracks(
    user: str,
    *,
    period: Period = "overall",
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[TrackEntry]:
    """The tracks that a user plays most; as `user_top_artists`. https://www.last.fm/api/show/user.getTopTracks"""
    ask = pages("user.getTopTracks", "toptracks", "track", shapes.track, _of(user, period))
    return listing(ask, limit, size, start)


def user_top_tags(user: str, *, limit: int | None = None) -> Request[tuple[Tag, ...]]:
    """The tags that a user gives most, each with its count. https://www.last.fm/api/show/user.getTopTags"""
    return Request(
        "user.getTopTags", given({"user": named("user", user), "limit": valid_limit(limit)}), "toptags", read_tags
    )


def weeks(user: str) -> Request[tuple[Week, ...]]:
    """The weeks for which there are charts, since February 2005: the same for every user.

    https://www.last.fm/api/show/user.getWeeklyChartList
    """
    return Request("user.getWeeklyChartList", {"user": named("user", user)}, "weeklychartlist", read_weeks)


def _weekly(
    what: str,
    read: Callable[[Node], T],
    user: str,
    start: datetime | int | None,
    end: datetime | int | None,
    limit: int | None,
) -> Request[WeeklyChart[T]]:
    if (start is None) != (end is None):
        raise ValueError("start and end must be given both, or neither for the last week")
    params = {
        "user": named("user", user),
        "from": unix("start", start),
        "to": unix("end", end),
        "limit": valid_limit(limit),
    }
    method, root = f"user.getWeekly{what.title()}Chart", f"weekly{what}chart"
    return Request(method, given(params), root, partial(_read_weekly, what=what, read=read))


def _read_weekly(content: object, what: str, read: Callable[[Node], T]) -> WeeklyChart[T]:
    span = attributes(node(content))
    return WeeklyChart(shapes.entries(content, what, read), at(span.get("from")), at(span.get("to")))


def weekly_artist_chart(
    user: str,
    *,
    start: datetime | int | None = None,
    end: datetime | int | None = None,
    limit: int | None = None,
) -> Request[WeeklyChart[ArtistEntry]]:
    """The artists that a user played most between `start` and `end`, which may be any times; without them, in the last
    week. At most `limit`, 1 to 1000. https://www.last.fm/api/show/user.getWeeklyArtistChart
    """
    return _weekly("artist", shapes.artist, user, start, end, limit)


def weekly_album_chart(
    user: str,
    *,
    start: datetime | int | None = None,
    end: datetime | int | None = None,
    limit: int | None = None,
) -> Request[WeeklyChart[AlbumEntry]]:
    """As `weekly_artist_chart`, for albums. https://www.last.fm/api/show/user.getWeeklyAlbumChart"""
    return _weekly("album", shapes.album, user, start, end, limit)


def weekly_track_chart(
    user: str,
    *,
    start: datetime | int | None = None,
    end: datetime | int | None = None,
    limit: int | None = None,
) -> Request[WeeklyChart[TrackEntry]]:
    """As `weekly_artist_chart`, for tracks. https://www.last.fm/api/show/user.getWeeklyTrackChart"""
    return _weekly("track", shapes.track, user, start, end, limit)
