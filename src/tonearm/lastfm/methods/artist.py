"""Reads about artists, identified by name or by MusicBrainz id (`mbid`)."""

from __future__ import annotations

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import (
    language,
    named,
    named_if_given,
    one_of,
    pages,
    results,
    user_params,
    valid_limit,
    yes,
)
from tonearm.lastfm.music import AlbumEntry, ArtistEntry, ArtistInfo, SimilarArtist, Tag, TrackEntry
from tonearm.lastfm.paging import Listing, PagePosition, listing
from tonearm.lastfm.quirks import Node, UnreadableAnswer, flag, many, node, text, whole
from tonearm.lastfm.request import Request, given


def info(
    artist: str | None = None,
    *,
    mbid: str | None = None,
    autocorrect: bool = False,
    user: str | None = None,
    lang: str | None = None,
) -> Request[ArtistInfo]:
    """All about an artist. https://www.last.fm/api/show/artist.getInfo

    `user` adds that user's play count, `lang` (ISO 639-1) is the language of the biography, and `autocorrect` replaces
    a misspelt name with the artist's. Raises BadParameters if there is no such artist.
    """
    params = one_of(mbid, artist=artist)
    more = {"autocorrect": yes(autocorrect), "username": named_if_given("user", user), "lang": language(lang)}
    return Request("artist.getInfo", given({**params, **more}), "artist", read_info)


def read_info(content: object) -> ArtistInfo:
    found = node(content)
    name, counts = text(found.get("name")), node(found.get("stats"))
    if not name:
        raise UnreadableAnswer("the artist has no name")
    return ArtistInfo(
        name=name,
        mbid=text(found.get("mbid")),
        url=text(found.get("url")),
        images=shapes.images(found.get("image")),
        listeners=whole(counts.get("listeners")),
        playcount=whole(counts.get("playcount")),
        user_playcount=whole(counts.get("userplaycount")),
        on_tour=flag(found.get("ontour")),
        tags=shapes.tags(found.get("tags")),
        similar=tuple([shapes.artist(one) for one in many(node(found.get("similar")).get("artist"))]),
        bio=shapes.wiki(found.get("bio")),
    )


def similar(
    artist: str | None = None, *, mbid: str | None = None, limit: int | None = None, autocorrect: bool = False
) -> Request[tuple[SimilarArtist, ...]]:
    """Similar artists, the most similar first: at most `limit` (1 to 1000; Last.fm's default is 100).

    Raises BadParameters if there is no such artist. https://www.last.fm/api/show/artist.getSimilar
    """
    params = one_of(mbid, artist=artist)
    more = {"limit": valid_limit(limit), "autocorrect": yes(autocorrect)}
    return Request("artist.getSimilar", given({**params, **more}), "similarartists", read_similar)


def read_similar(content: object) -> tuple[SimilarArtist, ...]:
    return shapes.entries(content, "artist", shapes.similar_artist)


def top_tags(
    artist: str | None = None, *, mbid: str | None = None, autocorrect: bool = False
) -> Request[tuple[Tag, ...]]:
    """The tags that listeners give an artist, the commonest first; its `count` is 100.

    Raises BadParameters if there is no such artist. https://www.last.fm/api/show/artist.getTopTags
    """
    params = given({**one_of(mbid, artist=artist), "autocorrect": yes(autocorrect)})
    return Request("artist.getTopTags", params, "toptags", read_tags)


def tags(
    artist: str | None = None,
    *,
    mbid: str | None = None,
    user: str | None = None,
    autocorrect: bool = False,
    session_key: str | None = None,
) -> Request[tuple[Tag, ...]]:
    """The tags that one user gave an artist: the `user` named, or the session's user.

    https://www.last.fm/api/show/artist.getTags
    """
    params = {**one_of(mbid, artist=artist), **user_params(user, session_key)}
    params["autocorrect"] = yes(autocorrect)
    return Request("artist.getTags", given(params), "tags", read_tags, session_key=session_key)


def read_tags(content: object) -> tuple[Tag, ...]:
    return shapes.entries(content, "tag", shapes.tag)


def top_tracks(
    artist: str | None = None,
    *,
    mbid: str | None = None,
    autocorrect: bool = False,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[TrackEntry]:
    """An artist's tracks, the most played first. https://www.last.fm/api/show/artist.getTopTracks

    Walks all pages, or stops after `limit` tracks. `total` counts tens of thousands of spellings, and deep pages are
    unreliable. The list may change during a walk: what moves between pages is returned twice or not at all.
    """
    params = {**one_of(mbid, artist=artist), "autocorrect": yes(autocorrect)}
    ask = pages("artist.getTopTracks", "toptracks", "track", shapes.track, params)
    return listing(ask, limit, size, start, usual=50)


def top_albums(
    artist: str | None = None,
    *,
    mbid: str | None = None,
    autocorrect: bool = False,
    limit: int | None = None,
    size: int | None = None,
    start: PagePosition | None = None,
) -> Listing[AlbumEntry]:
    """An artist's albums, the most played first. https://www.last.fm/api/show/artist.getTopAlbums

    Walks all pages, or stops after `limit` albums, as `artist_top_tracks` does.
    """
    params = {**one_of(mbid, artist=artist), "autocorrect": yes(autocorrect)}
    ask = pages("artist.getTopAlbums", "topalbums", "album", shapes.album, params)
    return listing(ask, limit, size, start, usual=50)


def search(
    artist: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """Artists with names like this, the best match first. https://www.last.fm/api/show/artist.search"""
    params = {"artist": named("artist", artist)}
    return listing(results("artist", shapes.artist, params), limit, size, start, usual=30)


def correction(artist: str) -> Request[ArtistEntry | None]:
    """The artist meant by a misspelt name; None if Last.fm knows of none.

    https://www.last.fm/api/show/artist.getCorrection
    """
    return Request("artist.getCorrection", {"artist": named("artist", artist)}, "corrections", read_correction)


def read_correction(content: object) -> ArtistEntry | None:
    found = shapes.entries(content, "correction", _corrected)
    return next((entry for entry in found if entry.name), None)


def _corrected(entry: Node) -> ArtistEntry:
    return shapes.artist(node(entry.get("artist")))
