"""Metadata: artists, albums and tracks as Last.fm knows them, from the cache if that is fresh enough."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from tonearm.core.cleaning import clean
from tonearm.core.play import MissingName
from tonearm.core.tint import Tint
from tonearm.lastfm.cache import Cache, Remembered
from tonearm.lastfm.error import BadParameters, LastFmError
from tonearm.lastfm.images import Image, ImageFetcher
from tonearm.lastfm.methods import album, artist, track
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
)
from tonearm.lastfm.request import Request
from tonearm.lastfm.types import Page
from tonearm.service.cover_colours import CoverColours
from tonearm.store.secrets.seal import PROOF, SessionCipher

T = TypeVar("T")

TOP = 20
"""How many albums and tracks are returned with an artist."""

LONGEST_NAME = 1024
"""Characters; Last.fm knows no longer names, and a name has to fit into an address."""


class SearchKind(StrEnum):
    """What is searched for."""

    ARTIST = "artist"
    ALBUM = "album"
    TRACK = "track"


SearchResult = ArtistEntry | AlbumEntry | TrackEntry


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Last.fm knows nothing by that name; `message` is Last.fm's."""

    message: str


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist with similar artists, albums and tracks, the most similar and the most played first. `missing` names
    the parts that could not be fetched now: "similar", "albums", "tracks".
    """

    info: ArtistInfo
    similar: tuple[SimilarArtist, ...] = ()
    albums: tuple[AlbumEntry, ...] = ()
    tracks: tuple[TrackEntry, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """Look-ups by name. Misspelt names are corrected by Last.fm. They raise MissingName for a name that is empty or has
    more than 1024 characters, and a LastFmError if Last.fm is unavailable and the answer isn't cached (Resting if no
    request was made).
    """

    cache: Cache
    images: ImageFetcher
    colours: CoverColours
    seal: SessionCipher

    async def artist(self, name: str) -> Remembered[Artist] | NotKnown:
        """An artist with similar artists, its albums and its tracks; as old as the oldest of these."""
        info = await self._known(artist.info(_name("artist", name), autocorrect=True))
        if isinstance(info, NotKnown):
            return info
        real = info.value.name  # requests with another spelling share these
        parts = await asyncio.gather(
            self._part("similar", artist.similar(real)),
            self._part("albums", artist.top_albums(real, size=TOP).page()),
            self._part("tracks", artist.top_tracks(real, size=TOP).page()),
        )
        similar, albums, tracks = parts
        value = Artist(
            info.value,
            similar.value if isinstance(similar, Remembered) else (),
            albums.value.items[:TOP] if isinstance(albums, Remembered) else (),
            tracks.value.items[:TOP] if isinstance(tracks, Remembered) else (),
            tuple(part for part in parts if isinstance(part, str)),
        )
        return _together(value, [info, *(part for part in parts if isinstance(part, Remembered))])

    async def similar(self, name: str) -> Remembered[tuple[SimilarArtist, ...]] | NotKnown:
        """Up to a hundred similar artists, the most similar first."""
        return await self._known(artist.similar(_name("artist", name), autocorrect=True))

    async def tags(self, name: str) -> Remembered[tuple[Tag, ...]] | NotKnown:
        """The tags that listeners give an artist, the commonest first; none for an artist whom nobody tagged."""
        info = await self._known(artist.info(_name("artist", name), autocorrect=True))
        if isinstance(info, NotKnown):
            return info
        return Remembered(info.value.tags, info.fetched_at, info.age, info.stale)

    async def album(self, artist_: str, title: str) -> Remembered[AlbumInfo] | NotKnown:
        """An album with its tracks."""
        return await self._known(album.info(_name("artist", artist_), _name("title", title), autocorrect=True))

    async def track(self, artist_: str, title: str) -> Remembered[TrackInfo] | NotKnown:
        """A track. Last.fm has every track that anybody ever scrobbled."""
        return await self._known(track.info(_name("artist", artist_), _name("title", title), autocorrect=True))

    async def search(self, kind: SearchKind, query: str, limit: int = 30) -> Remembered[tuple[SearchResult, ...]]:
        """Artists, albums or tracks with a name like `query`, best match first; `limit` is from 1 to 100."""
        query = _name("query", query)
        search: dict[SearchKind, Callable[[], Request[Page[Any]]]] = {
            SearchKind.ARTIST: lambda: artist.search(query, size=limit).page(),
            SearchKind.ALBUM: lambda: album.search(query, size=limit).page(),
            SearchKind.TRACK: lambda: track.search(query, size=limit).page(),
        }
        found = await self.cache.ask(search[kind]())
        return Remembered(found.value.items[:limit], found.fetched_at, found.age, found.stale)

    async def cover(self, artist_: str, *, album_: str = "", title: str = "", small: bool = False) -> Image | None:
        """The cover of an album, or of the album that a track is on; None if there is none. It is about 300 pixels
        wide, or 174 if `small`.
        """
        url = ""
        if clean(album_):
            found = await self.album(artist_, album_)
            url = "" if isinstance(found, NotKnown) else _sized(found.value.images, small=small)
        if not url and clean(title):
            track = await self.track(artist_, title)
            on = None if isinstance(track, NotKnown) else track.value.album
            url = _sized(on.images, small=small) if on else ""
        return await self.images.get(url) if url else None

    async def tint(self, artist_: str, *, album_: str = "", title: str = "") -> Tint | None:
        """The colour of that cover; None if there is none."""
        image = await self.cover(artist_, album_=album_, title=title, small=True)
        return await self.colours.of(image) if image else None

    def ticket(self, url: str) -> str:
        """A ticket for the address of an image that an answer named, for `picture`; only this service can make one."""
        return f"{self.seal.proof(url)}{urlsafe_b64encode(url.encode(errors='replace')).decode().rstrip('=')}"

    async def picture(self, ticket: str) -> Image | None:
        """The image of a ticket; None if there is none, or the ticket isn't ours."""
        try:
            proof, packed = ticket[:PROOF], ticket[PROOF:]
            url = urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
        except ValueError:  # not base64, or not text
            return None
        return await self.images.get(url) if self.seal.proves(url, proof) else None

    async def _known(self, request: Request[T]) -> Remembered[T] | NotKnown:
        try:
            return await self.cache.ask(request)
        except BadParameters as error:  # the only possible cause of that error number here
            return NotKnown(error.message)

    async def _part(self, name: str, request: Request[T]) -> Remembered[T] | str:
        try:
            return await self.cache.ask(request)
        except LastFmError:
            return name


def _sized(images: Images, *, small: bool) -> str:
    return (images.large if small else images.extralarge) or images.largest


def _name(field: str, given: str) -> str:
    name = clean(given)
    if not name or len(name) > LONGEST_NAME:
        raise MissingName(field)
    return name


def _together(value: T, parts: Iterable[Remembered[Any]]) -> Remembered[T]:
    """The value with its parts: as old as the oldest part, and stale if any part is."""
    parts = list(parts)
    fetched_at, age = min(part.fetched_at for part in parts), max(part.age for part in parts)
    return Remembered(value, fetched_at, age, any(part.stale for part in parts))
