"""Reads about tags."""

from __future__ import annotations

from tonearm.lastfm import shapes
from tonearm.lastfm.methods.arguments import language, named, pages, valid_limit
from tonearm.lastfm.methods.artist import read_tags
from tonearm.lastfm.music import AlbumEntry, ArtistEntry, Tag, TagEntry, TagInfo, TrackEntry
from tonearm.lastfm.paging import Listing, PagePosition, listing, within
from tonearm.lastfm.quirks import Node, UnreadableAnswer, at, node, text, whole
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import Week


def info(tag: str, *, lang: str | None = None) -> Request[TagInfo]:
    """All about a tag, with an article in the language `lang` (ISO 639-1). https://www.last.fm/api/show/tag.getInfo

    A tag that nobody used has zeros; it raises no error.
    """
    params = given({"tag": named("tag", tag), "lang": language(lang)})
    return Request("tag.getInfo", params, "tag", read_info)


def read_info(content: object) -> TagInfo:
    found = node(content)
    known = entry(found)
    if not known.name:
        raise UnreadableAnswer("the tag has no name")
    return TagInfo(known.name, known.url, known.taggings, known.reach, shapes.wiki(found.get("wiki")))


def entry(found: Node) -> TagEntry:
    # How often it was given: "taggings" in charts and until about 2015, "total" in tag.getInfo, "count" in getTopTags.
    given_in_all = found.get("taggings", found.get("total", found.get("count")))
    return TagEntry(text(found.get("name")), text(found.get("url")), whole(given_in_all), whole(found.get("reach")))


def similar(tag: str) -> Request[tuple[Tag, ...]]:
    """Tags like this one. Last.fm still answers, but has named none for years.

    https://www.last.fm/api/show/tag.getSimilar
    """
    return Request("tag.getSimilar", {"tag": named("tag", tag)}, "similartags", read_tags)


def top_artists(
    tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[ArtistEntry]:
    """Artists with this tag, the most relevant first. https://www.last.fm/api/show/tag.getTopArtists"""
    ask = pages("tag.getTopArtists", "topartists", "artist", shapes.artist, {"tag": named("tag", tag)})
    return listing(ask, limit, size, start, usual=50)


def top_albums(
    tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[AlbumEntry]:
    """Albums with this tag, the most relevant first. https://www.last.fm/api/show/tag.getTopAlbums"""
    ask = pages("tag.getTopAlbums", "albums", "album", shapes.album, {"tag": named("tag", tag)})
    return listing(ask, limit, size, start, usual=50)


def top_tracks(
    tag: str, *, limit: int | None = None, size: int | None = None, start: PagePosition | None = None
) -> Listing[TrackEntry]:
    """Tracks with this tag, the most relevant first. https://www.last.fm/api/show/tag.getTopTracks"""
    ask = pages("tag.getTopTracks", "tracks", "track", shapes.track, {"tag": named("tag", tag)})
    return listing(ask, limit, size, start, usual=50)


def top_tags(*, limit: int | None = None, offset: int = 0) -> Request[tuple[TagEntry, ...]]:
    """The most used tags, from number `offset` on: at most `limit` (1 to 1000; Last.fm's default is 50).

    https://www.last.fm/api/show/tag.getTopTags (which does not name the two)
    """
    params = given(
        {
            "num_res": valid_limit(limit),
            "offset": within("offset", offset, 0, 1_000_000) or None,
        }
    )
    return Request("tag.getTopTags", params, "toptags", read_top_tags)


def read_top_tags(content: object) -> tuple[TagEntry, ...]:
    return shapes.entries(content, "tag", entry)


def weeks(tag: str) -> Request[tuple[Week, ...]]:
    """The weeks with charts: the same for every tag. https://www.last.fm/api/show/tag.getWeeklyChartList"""
    return Request("tag.getWeeklyChartList", {"tag": named("tag", tag)}, "weeklychartlist", read_weeks)


def read_weeks(content: object) -> tuple[Week, ...]:
    return tuple([week for week in shapes.entries(content, "chart", _week) if week])


def _week(chart: Node) -> Week | None:
    start, end = at(chart.get("from")), at(chart.get("to"))
    return Week(start, end) if start and end else None
