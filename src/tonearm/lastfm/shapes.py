"""Readers for the shapes that many answers share: artists, albums, tracks, tags, pages.

An artist is {"name", "mbid", "url"} in most answers, {"#text", "mbid"} in recent tracks and weekly charts, and a
plain text in searches and albums: `text` reads the three alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tonearm.lastfm import markup
from tonearm.lastfm.music import (
    NO_IMAGES,
    AlbumEntry,
    ArtistEntry,
    Images,
    SimilarArtist,
    SimilarTrack,
    Tag,
    TrackEntry,
    Wiki,
)
from tonearm.lastfm.quirks import (
    NO_IMAGE,
    Node,
    UnreadableAnswer,
    attributes,
    flag,
    fraction,
    many,
    node,
    published,
    raw_text,
    seconds,
    small,
    text,
    whole,
)
from tonearm.lastfm.types import Page

T = TypeVar("T")

_SIZES = frozenset({"small", "medium", "large", "extralarge", "mega"})


def images(value: object) -> Images:
    """Images by size; a size without a name repeats the largest, and the star doesn't count as an image."""
    found: dict[str, str] = {}
    for image in many(value):
        address = text(image)
        if address and NO_IMAGE not in address:
            size = text(image.get("size"))
            if size in _SIZES:
                found[size] = address
    return Images(**found) if found else NO_IMAGES


ArtistFacts = tuple[str, str, str, Images, int | None, int | None, int | None]
TrackFacts = tuple[str, str, str, str, str, Images, float | None, int | None, int | None, int | None, str]


def artist(entry: Node) -> ArtistEntry:
    return ArtistEntry(*_artist(entry))


def similar_artist(entry: Node) -> SimilarArtist:
    return SimilarArtist(*_artist(entry), match(entry))


def _artist(entry: Node) -> ArtistFacts:
    return (
        text(entry.get("name")),
        text(entry.get("mbid")),
        text(entry.get("url")),
        images(entry.get("image")),
        whole(entry.get("listeners")),
        whole(entry.get("playcount")),
        rank(entry),
    )


def album(entry: Node) -> AlbumEntry:
    by = entry.get("artist")
    return AlbumEntry(
        artist=text(by),
        title=text(entry.get("name")) or text(entry.get("title")),  # in track.getInfo it is called title
        mbid=text(entry.get("mbid")),
        artist_mbid=text(node(by).get("mbid")),
        url=text(entry.get("url")),
        images=images(entry.get("image")),
        playcount=whole(entry.get("playcount")),
        rank=rank(entry),
        artist_url=text(node(by).get("url")),
    )


def track(entry: Node) -> TrackEntry:
    return TrackEntry(*_track(entry))


def track_from_zero(entry: Node) -> TrackEntry:
    """A track in geo.getTopTracks, where ranks begin at 0."""
    found = track(entry)
    return found if found.rank is None else replace(found, rank=found.rank + 1)


def similar_track(entry: Node) -> SimilarTrack:
    return SimilarTrack(*_track(entry), match(entry))


def _track(entry: Node) -> TrackFacts:
    by = entry.get("artist")
    return (
        text(by),
        text(entry.get("name")),
        text(entry.get("mbid")),
        text(node(by).get("mbid")),
        text(entry.get("url")),
        images(entry.get("image")),
        seconds(entry.get("duration")),
        whole(entry.get("listeners")),
        whole(entry.get("playcount")),
        rank(entry),
        text(node(by).get("url")),
    )


def tag(entry: Node) -> Tag:
    return Tag(text(entry.get("name")), text(entry.get("url")), whole(entry.get("count")))


def tags(container: object) -> tuple[Tag, ...]:
    """The tags within another answer; none if there is no container."""
    return tuple([tag(one) for one in many(node(container).get("tag"))])


def rank(entry: Node) -> int | None:
    attached = node(entry.get("@attr"))
    return whole(attached.get("rank", attached.get("position")))


def match(entry: Node) -> float:
    """How similar, from 0 to 1: text for artists, a number for tracks."""
    return min(max(float(fraction(entry.get("match")) or 0.0), 0.0), 1.0)


def wiki(value: object) -> Wiki | None:
    """The article; None if nobody wrote one: Last.fm then sends only the link, or empty texts."""
    article = node(value)
    summary, summary_html, link = markup.read(raw_text(article.get("summary")))
    content, content_html, more = markup.read(raw_text(article.get("content")))
    if not summary and not content:
        return None
    address = more or link or markup.safe_address(text(node(node(article.get("links")).get("link")).get("href")))
    return Wiki(summary, content, summary_html, content_html, address, published(article.get("published")))


def entries(content: object, child: str, read: Callable[[Node], T]) -> tuple[T, ...]:
    """A list without pages. An empty one is an empty array, blank text or an object without children. Raises
    UnreadableAnswer for anything else, so that garbage isn't read as an empty list.
    """
    if isinstance(content, str) and not content.strip():
        return ()
    if not isinstance(content, dict) or not content:
        raise UnreadableAnswer(f"no {child} in the answer, nor an empty list of them")
    return tuple([read(entry) for entry in many(content.get(child))])


def page(content: object, child: str, read: Callable[[Node], T], requested_page: int) -> Page[T]:
    """One page of a list that counts its pages."""
    container = node(content)
    facts = attributes(container)
    total = small(facts.get("total"))
    if total is None and child not in container:
        # An outage must not look like a profile on which nothing is loved any more.
        raise UnreadableAnswer(f"neither {child}s nor their number in the answer")
    found = many(container.get(child))
    items = tuple([read(entry) for entry in found if not plays_now(entry)])
    number = small(facts.get("page")) or requested_page  # an empty list of 2014 says page 0
    pages = small(facts.get("totalPages"))
    if pages is None:  # GNU FM: there may be another page unless this one is empty
        pages = number + 1 if items else number
    playing = next((read(entry) for entry in found if plays_now(entry)), None)
    return Page(items, number, pages, total, playing)


def plays_now(entry: Node) -> bool:
    # By its attribute, not its position or its date: samples in old documentation show one with a date.
    return "@attr" in entry and flag(node(entry["@attr"]).get("nowplaying"))


def results(content: object, kind: str, read: Callable[[Node], T], requested_page: int) -> Page[T]:
    """One page of the results of a search."""
    found = node(content)
    total = small(found.get("opensearch:totalResults"))
    matches = found.get(f"{kind}matches")
    if matches is None:  # no results come as an empty container; without one it isn't an answer to a search
        raise UnreadableAnswer(f"no {kind}matches in the answer")
    items = tuple([read(entry) for entry in many(node(matches).get(kind))])
    if total is None:
        return Page(items, requested_page, requested_page + 1 if items else requested_page, None)
    size = whole(found.get("opensearch:itemsPerPage")) or len(items) or 1
    return Page(items, requested_page, -(-total // size), total)
