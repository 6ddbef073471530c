"""Reading a profile: who it is, what was played, what is loved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tonearm.lastfm.habits import (
    Node,
    Unreadable,
    attributes,
    flag,
    many,
    moment,
    node,
    picture,
    text,
    whole,
)
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import LovedTrack, Page, RecentTrack, UserInfo

T = TypeVar("T")

LARGEST_PAGE = 1000
"""Accepted by Last.fm, though its page on recent tracks says 200. More answers error 6."""


def info(user: str | None = None, session_key: str | None = None) -> Request[UserInfo]:
    """A profile; without a name that of the session. https://www.last.fm/api/show/user.getInfo"""
    return Request("user.getInfo", given({"user": user}), "user", read_info, session_key=session_key)


def read_info(content: object) -> UserInfo:
    profile = node(content)
    name = text(profile.get("name"))
    if not name:
        raise Unreadable("no name in the profile")
    country = text(profile.get("country"))
    return UserInfo(
        name=name,
        realname=text(profile.get("realname")),
        url=text(profile.get("url")),
        country="" if country == "None" else country,  # that is how it spells none
        image=picture(profile.get("image")),
        playcount=whole(profile.get("playcount")),
        artist_count=whole(profile.get("artist_count")),
        album_count=whole(profile.get("album_count")),
        track_count=whole(profile.get("track_count")),
        registered=moment(profile.get("registered")),
        subscriber=flag(profile.get("subscriber")),
    )


def loved_tracks(user: str, page: int = 1, limit: int = LARGEST_PAGE) -> Request[Page[LovedTrack]]:
    """Newest first. https://www.last.fm/api/show/user.getLovedTracks"""
    params = given({"user": user, **_paging(page, limit)})
    return Request("user.getLovedTracks", params, "lovedtracks", partial(read_loved_tracks, asked=page))


def read_loved_tracks(content: object, asked: int = 1) -> Page[LovedTrack]:
    return _page(content, _loved_track, asked)


def _loved_track(track: Node) -> LovedTrack:
    return LovedTrack(
        artist=text(track.get("artist")),
        title=text(track.get("name")),
        loved_at=moment(track.get("date")),
        mbid=text(track.get("mbid")),
        artist_mbid=text(node(track.get("artist")).get("mbid")),
        url=text(track.get("url")),
        image=picture(track.get("image")),
    )


def recent_tracks(
    user: str,
    page: int = 1,
    limit: int = 200,
    *,
    since: int | None = None,
    until: int | None = None,
    extended: bool = False,
    session_key: str | None = None,
) -> Request[Page[RecentTrack]]:
    """Plays, newest first. https://www.last.fm/api/show/user.getRecentTracks

    `since` and `until` are Unix seconds; which end is inclusive is not documented, so ask for a second more
    on either side. Pages shift while new plays arrive: walk with a fixed `until`. A hidden history needs its
    own session.
    """
    span = {"from": since, "to": until, "extended": 1 if extended else None}
    params = given({"user": user, **_paging(page, limit), **span})
    read = partial(read_recent_tracks, asked=page)
    return Request("user.getRecentTracks", params, "recenttracks", read, session_key=session_key)


def read_recent_tracks(content: object, asked: int = 1) -> Page[RecentTrack]:
    return _page(content, _recent_track, asked)


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
        image=picture(track.get("image")),
    )


def _paging(page: int, limit: int) -> dict[str, int]:
    return {"page": max(page, 1), "limit": min(max(limit, 1), LARGEST_PAGE)}


def _page(content: object, read: Callable[[Node], T], asked: int) -> Page[T]:
    container = node(content)
    facts = attributes(container)
    total = whole(facts.get("total"))
    if total is None and "track" not in container:
        # An outage must not read as a profile where nothing is loved any more.
        raise Unreadable("neither tracks nor their number in the answer")
    tracks = many(container.get("track"))
    items = tuple(read(track) for track in tracks if not _plays_now(track))
    page = whole(facts.get("page")) or max(asked, 1)  # an empty list of 2014 says page 0
    pages = whole(facts.get("totalPages"))
    if pages is None:  # GNU FM: there may be another page as long as this one is not empty
        pages = page + 1 if items else page
    playing = next((read(track) for track in tracks if _plays_now(track)), None)
    return Page(items, page, pages, len(items) if total is None else total, playing)


def _plays_now(track: Node) -> bool:
    # By its attribute, not its place or its date: samples of old documentation show one with a date.
    return flag(node(track.get("@attr")).get("nowplaying"))
