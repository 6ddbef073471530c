"""One listener's tags: adding them, removing them, and what is tagged with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import named, paging
from tonearm.lastfm.methods.track import TrackWrite, read_done
from tonearm.lastfm.music import AlbumEntry, ArtistEntry, TrackEntry
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import Node, attributes, node
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import Page

T = TypeVar("T")

MAX_TAGS = 10
"""In one call: https://www.last.fm/api/show/track.addTags"""


def _tag_write(method: str, params: dict[str, str], session_key: str) -> Request[TrackWrite]:
    return Request(method, params, None, read_done, signed=True, session_key=named("session_key", session_key))


def _joined(tags: Sequence[str]) -> str:
    if isinstance(tags, str) or not 1 <= len(tags) <= MAX_TAGS:
        raise ValueError(f"tags must be 1 to {MAX_TAGS} of them")
    return ",".join([_single("tags", tag) for tag in tags])


def _single(argument: str, tag: str) -> str:
    if "," in named(argument, tag):
        raise ValueError(f"{argument} must not contain a comma: Last.fm would end the tag there")
    return tag.strip()


def add_artist_tags(artist: str, tags: Sequence[str], session_key: str) -> Request[TrackWrite]:
    """Tag an artist with 1 to 10 tags; tags that are there already stay. https://www.last.fm/api/show/artist.addTags"""
    return _tag_write("artist.addTags", {"artist": named("artist", artist), "tags": _joined(tags)}, session_key)


def add_album_tags(artist: str, album: str, tags: Sequence[str], session_key: str) -> Request[TrackWrite]:
    """Tag an album with 1 to 10 tags; tags that are there already stay. https://www.last.fm/api/show/album.addTags"""
    params = {"artist": named("artist", artist), "album": named("album", album), "tags": _joined(tags)}
    return _tag_write("album.addTags", params, session_key)


def add_track_tags(artist: str, track: str, tags: Sequence[str], session_key: str) -> Request[TrackWrite]:
    """Tag a track with 1 to 10 tags; tags that are there already stay. https://www.last.fm/api/show/track.addTags"""
    params = {"artist": named("artist", artist), "track": named("track", track), "tags": _joined(tags)}
    return _tag_write("track.addTags", params, session_key)


def remove_artist_tag(artist: str, tag: str, session_key: str) -> Request[TrackWrite]:
    """Remove a tag from an artist; fine if it isn't there. https://www.last.fm/api/show/artist.removeTag"""
    return _tag_write("artist.removeTag", {"artist": named("artist", artist), "tag": _single("tag", tag)}, session_key)


def remove_album_tag(artist: str, album: str, tag: str, session_key: str) -> Request[TrackWrite]:
    """Remove a tag from an album; fine if it isn't there. https://www.last.fm/api/show/album.removeTag"""
    params = {"artist": named("artist", artist), "album": named("album", album), "tag": _single("tag", tag)}
    return _tag_write("album.removeTag", params, session_key)


def remove_track_tag(artist: str, track: str, tag: str, session_key: str) -> Request[TrackWrite]:
    """Remove a tag from a track; fine if it isn't there. https://www.last.fm/api/show/track.removeTag"""
    params = {"artist": named("artist", artist), "track": named("track", track), "tag": _single("tag", tag)}
    return _tag_write("track.removeTag", params, session_key)


def _tagged(kind: str, read: Callable[[Node], T], user: str, tag: str) -> Callable[[PagePosition], Request[Page[T]]]:
    params = {"user": named("user", user), "tag": named("tag", tag), "taggingtype": kind}

    def ask(position: PagePosition) -> Request[Page[T]]:
        read_page = partial(_read_tagged, kind=kind, read=read, requested_page=position.page)
        return Request("user.getPersonalTags", given({**params, **paging(position)}), "taggings", read_page)

    return ask


def _read_tagged(content: object, kind: str, read: Callable[[Node], T], requested_page: int) -> Page[T]:
    # One level deeper than other lists: {"artists": {"artist": […]}, "@attr": {…}}
    found = node(content)
    inner = node(found.get(f"{kind}s"))
    children = {kind: inner[kind]} if kind in inner else {}
    return shapes.page({"@attr": attributes(found), **children}, kind, read, requested_page)


def tagged_artists(
    user: str, tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """The artists that a user gave this tag. https://www.last.fm/api/show/user.getPersonalTags"""
    return listing(_tagged("artist", shapes.artist, user, tag), limit, size, start, usual=50)


def tagged_albums(
    user: str, tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[AlbumEntry]:
    """The albums that a user gave this tag. https://www.last.fm/api/show/user.getPersonalTags"""
    return listing(_tagged("album", shapes.album, user, tag), limit, size, start, usual=50)


def tagged_tracks(
    user: str, tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[TrackEntry]:
    """The tracks that a user gave this tag. https://www.last.fm/api/show/user.getPersonalTags"""
    return listing(_tagged("track", shapes.track, user, tag), limit, size, start, usual=50)
