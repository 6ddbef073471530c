"""The JSON of `/metadata`: what Last.fm knows, how old that is, and pictures under addresses of our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from tonearm.lastfm.cache import Remembered
from tonearm.lastfm.music import (
    AlbumEntry,
    AlbumInfo,
    ArtistEntry,
    ArtistInfo,
    Images,
    SimilarArtist,
    Tag,
    TrackEntry,
    TrackInfo,
    Wiki,
)
from tonearm.service.enrichment import enriched
from tonearm.service.metadata import Artist, SearchResult
from tonearm.service.values import LibraryTrack, Run

Picture = Callable[[str], str]
"""The address under which we serve an image of Last.fm's."""


class Aged(BaseModel):
    """How old an answer is: `fetched_at` in Unix seconds UTC, `age` in seconds.

    `stale`: it should have been renewed by now; Last.fm is being asked, or can't be reached.
    """

    fetched_at: float
    age: float
    stale: bool


class ImagesOut(BaseModel):
    """A picture by its sizes: about 34, 64, 174 and 300 pixels, and the largest. Each is served by this service."""

    small: str | None = None
    medium: str | None = None
    large: str | None = None
    extralarge: str | None = None
    mega: str | None = None


class TagOut(BaseModel):
    """A tag that listeners gave; `count` is from 0 to 100, if Last.fm gives one."""

    name: str
    url: str
    count: int | None


class WikiOut(BaseModel):
    """What listeners wrote: as text, and as HTML that contains only text, line breaks and links.

    Last.fm's terms require showing the `link` with it.
    """

    summary: str
    content: str
    summary_html: str
    content_html: str
    link: str
    published: datetime | None


class ArtistEntryOut(BaseModel):
    """An artist in a list. What the list does not contain is null; `match` is from 0 to 1, the most similar."""

    name: str
    mbid: str
    url: str
    images: ImagesOut | None
    listeners: int | None
    playcount: int | None
    match: float | None = None


class AlbumEntryOut(BaseModel):
    """An album in a list. What the list does not contain is null."""

    artist: str
    title: str
    mbid: str
    url: str
    images: ImagesOut | None
    playcount: int | None


class TrackEntryOut(BaseModel):
    """A track in a list. `duration` is in seconds; what the list does not contain is null."""

    artist: str
    title: str
    mbid: str
    url: str
    images: ImagesOut | None
    duration: float | None
    listeners: int | None
    playcount: int | None
    rank: int | None


class ArtistOut(Aged):
    """An artist. `missing` names the lists that aren't available right now: `similar`, `albums`, `tracks`."""

    name: str
    mbid: str
    url: str
    images: ImagesOut | None
    listeners: int | None
    playcount: int | None
    on_tour: bool
    tags: list[TagOut]
    bio: WikiOut | None
    similar: list[ArtistEntryOut]
    top_albums: list[AlbumEntryOut]
    top_tracks: list[TrackEntryOut]
    missing: list[str]


class SimilarOut(Aged):
    """Similar artists, the most similar first."""

    similar: list[ArtistEntryOut]


class AlbumOut(Aged):
    """An album with its tracks; `rank` is a track's number on it."""

    artist: str
    title: str
    mbid: str
    url: str
    images: ImagesOut | None
    listeners: int | None
    playcount: int | None
    tags: list[TagOut]
    wiki: WikiOut | None
    tracks: list[TrackEntryOut]


class TrackOut(Aged):
    """A track; `duration` is in seconds."""

    artist: str
    title: str
    mbid: str
    artist_mbid: str
    url: str
    duration: float | None
    listeners: int | None
    playcount: int | None
    album: AlbumEntryOut | None
    tags: list[TagOut]
    wiki: WikiOut | None


class SearchOut(Aged):
    """What was found, the best match first; the two lists that were not searched are empty."""

    artists: list[ArtistEntryOut] = []
    albums: list[AlbumEntryOut] = []
    tracks: list[TrackEntryOut] = []


class EnrichOut(BaseModel):
    """A run over the library, in songs. `known` is how many Last.fm knows.

    While Last.fm can't be reached, it waits and says so in `fault`; it continues automatically.
    """

    id: int
    state: Literal["running", "done", "failed"]
    done: int
    total: int
    known: int
    unknown: int
    fault: str | None


class SongOut(BaseModel):
    """What Last.fm knows about a song, as of `looked_at` (Unix seconds UTC); `known` is false if it knows nothing."""

    known: bool
    looked_at: float = Field(validation_alias="fetched_at")
    mbid: str
    artist_mbid: str
    album_mbid: str
    listeners: int | None
    playcount: int | None
    tags: list[str]


class LibraryTrackOut(BaseModel):
    """A file of the library by the names in its tags; `facts` is null until its song was looked up."""

    id: int
    path: str
    artist: str
    title: str
    album: str
    loved: bool
    facts: SongOut | None


class LibraryOut(BaseModel):
    """A part of the library; `next` is the `start` of the next part, null at the end."""

    tracks: list[LibraryTrackOut]
    next: int | None


def library(tracks: list[LibraryTrack], limit: int) -> LibraryOut:
    listed = [LibraryTrackOut.model_validate(entry, from_attributes=True) for entry in tracks]
    return LibraryOut(tracks=listed, next=listed[-1].id + 1 if len(listed) == limit else None)


def enrich(run: Run) -> EnrichOut:
    found = enriched(run)
    return EnrichOut(
        id=run.id,
        state=run.state.value,
        done=run.done,
        total=run.total,
        known=found.known,
        unknown=found.unknown,
        fault=run.failure or None,
    )


def artist(found: Remembered[Artist], picture: Picture) -> ArtistOut:
    page = found.value
    facts = _plain(page.info, picture)
    return ArtistOut(
        **_age(found),
        **facts,
        on_tour=page.info.on_tour,
        tags=_tags(page.info.tags),
        bio=_wiki(page.info.bio),
        similar=[artist_entry(entry, picture) for entry in page.similar],
        top_albums=[album_entry(entry, picture) for entry in page.albums],
        top_tracks=[track_entry(entry, picture) for entry in page.tracks],
        missing=list(page.missing),
    )


def similar(found: Remembered[tuple[SimilarArtist, ...]], picture: Picture) -> SimilarOut:
    return SimilarOut(**_age(found), similar=[artist_entry(entry, picture) for entry in found.value])


def album(found: Remembered[AlbumInfo], picture: Picture) -> AlbumOut:
    about = found.value
    return AlbumOut(
        **_age(found),
        **_work(about),
        images=images(about.images, picture),
        listeners=about.listeners,
        tags=_tags(about.tags),
        wiki=_wiki(about.wiki),
        tracks=[track_entry(entry, picture) for entry in about.tracks],
    )


def track(found: Remembered[TrackInfo], picture: Picture) -> TrackOut:
    about = found.value
    return TrackOut(
        **_age(found),
        **_work(about),
        artist_mbid=about.artist_mbid,
        duration=about.duration,
        listeners=about.listeners,
        album=album_entry(about.album, picture) if about.album else None,
        tags=_tags(about.tags),
        wiki=_wiki(about.wiki),
    )


def search(found: Remembered[tuple[SearchResult, ...]], picture: Picture) -> SearchOut:
    answer = SearchOut(**_age(found))
    for entry in found.value:
        match entry:
            case ArtistEntry():
                answer.artists.append(artist_entry(entry, picture))
            case AlbumEntry():
                answer.albums.append(album_entry(entry, picture))
            case TrackEntry():
                answer.tracks.append(track_entry(entry, picture))
    return answer


def artist_entry(entry: ArtistEntry, picture: Picture) -> ArtistEntryOut:
    match = entry.match if isinstance(entry, SimilarArtist) else None
    return ArtistEntryOut(**_plain(entry, picture), match=match)


def _plain(entry: ArtistEntry | ArtistInfo, picture: Picture) -> dict[str, Any]:
    return {
        "name": entry.name,
        "mbid": entry.mbid,
        "url": entry.url,
        "images": images(entry.images, picture),
        "listeners": entry.listeners,
        "playcount": entry.playcount,
    }


def album_entry(entry: AlbumEntry, picture: Picture) -> AlbumEntryOut:
    return AlbumEntryOut(**_work(entry), images=images(entry.images, picture))


def track_entry(entry: TrackEntry, picture: Picture) -> TrackEntryOut:
    return TrackEntryOut(
        **_work(entry),
        images=images(entry.images, picture),
        duration=entry.duration,
        listeners=entry.listeners,
        rank=entry.rank,
    )


def _work(entry: AlbumEntry | AlbumInfo | TrackEntry | TrackInfo) -> dict[str, Any]:
    """The fields that albums and tracks share."""
    return {
        "artist": entry.artist,
        "title": entry.title,
        "mbid": entry.mbid,
        "url": entry.url,
        "playcount": entry.playcount,
    }


def images(found: Images, picture: Picture) -> ImagesOut | None:
    """The addresses of the available sizes; None if there is no picture."""
    given = {size.name: getattr(found, size.name) for size in fields(found)}
    return ImagesOut(**{size: picture(url) for size, url in given.items() if url}) if found else None


def _age(found: Remembered[Any]) -> dict[str, Any]:
    return {"fetched_at": found.fetched_at, "age": found.age, "stale": found.stale}


def _tags(tags: tuple[Tag, ...]) -> list[TagOut]:
    return [TagOut(name=tag.name, url=tag.url, count=tag.count) for tag in tags]


def _wiki(wiki: Wiki | None) -> WikiOut | None:
    if wiki is None:
        return None
    return WikiOut(
        summary=wiki.summary,
        content=wiki.content,
        summary_html=wiki.summary_html,
        content_html=wiki.content_html,
        link=wiki.link,
        published=wiki.published,
    )
