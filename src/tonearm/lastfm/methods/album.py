"""Reads about albums, identified by artist and title or by MusicBrainz id (`mbid`)."""

from __future__ import annotations

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import language, named, named_if_given, one_of, results, user_params, yes
from tonearm.lastfm.methods.artist import read_tags
from tonearm.lastfm.music import AlbumEntry, AlbumInfo, Tag
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import UnreadableAnswer, many, node, text, whole
from tonearm.lastfm.request import Request, given


def info(
    artist: str | None = None,
    album: str | None = None,
    *,
    mbid: str | None = None,
    autocorrect: bool = False,
    user: str | None = None,
    lang: str | None = None,
) -> Request[AlbumInfo]:
    """All about an album and its tracks. https://www.last.fm/api/show/album.getInfo

    `user` adds that user's play count, `lang` (ISO 639-1) is the language of the article, and `autocorrect` replaces
    misspelt names. Raises BadParameters if there is no such album; Last.fm doesn't know many mbids.
    """
    params = one_of(mbid, artist=artist, album=album)
    more = {"autocorrect": yes(autocorrect), "username": named_if_given("user", user), "lang": language(lang)}
    return Request("album.getInfo", given({**params, **more}), "album", read_info)


def read_info(content: object) -> AlbumInfo:
    found = node(content)
    title = text(found.get("name")) or text(found.get("title"))
    if not title:
        raise UnreadableAnswer("the album has no title")
    tracks = node(found.get("tracks"))
    return AlbumInfo(
        artist=text(found.get("artist")),
        title=title,
        mbid=text(found.get("mbid")),
        url=text(found.get("url")),
        images=shapes.images(found.get("image")),
        listeners=whole(found.get("listeners")),
        playcount=whole(found.get("playcount")),
        user_playcount=whole(found.get("userplaycount")),
        tracks=tuple([shapes.track(one) for one in many(tracks.get("track"))]),
        tags=shapes.tags(found.get("tags")) or shapes.tags(found.get("toptags")),  # the second until about 2015
        wiki=shapes.wiki(found.get("wiki")),
    )


def top_tags(
    artist: str | None = None, album: str | None = None, *, mbid: str | None = None, autocorrect: bool = False
) -> Request[tuple[Tag, ...]]:
    """The tags that listeners give an album, the commonest first; its `count` is 100.

    Raises BadParameters if there is no such album. https://www.last.fm/api/show/album.getTopTags
    """
    params = given({**one_of(mbid, artist=artist, album=album), "autocorrect": yes(autocorrect)})
    return Request("album.getTopTags", params, "toptags", read_tags)


def tags(
    artist: str | None = None,
    album: str | None = None,
    *,
    mbid: str | None = None,
    user: str | None = None,
    autocorrect: bool = False,
    session_key: str | None = None,
) -> Request[tuple[Tag, ...]]:
    """The tags that one user gave an album: the `user` named, or the session's user.

    https://www.last.fm/api/show/album.getTags
    """
    params = {
        **one_of(mbid, artist=artist, album=album),
        **user_params(user, session_key),
        "autocorrect": yes(autocorrect),
    }
    return Request("album.getTags", given(params), "tags", read_tags, session_key=session_key)


def search(
    album: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[AlbumEntry]:
    """Albums with titles like this, the best match first. https://www.last.fm/api/show/album.search"""
    params = {"album": named("album", album)}
    return listing(results("album", shapes.album, params), limit, size, start, usual=30)
