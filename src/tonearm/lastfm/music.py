"""What Last.fm knows about artists, albums, tracks and tags, typed and frozen. Text, addresses and MusicBrainz ids are
"" if it named none; numbers and times are None. Durations are seconds, times are aware and in UTC, plays are those of
all listeners unless stated otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Images:
    """The addresses of an image by Last.fm's names for its sizes: about 34, 64, 174 and 300 pixels, and the largest.

    False if there is no image. The star that Last.fm has shown for every artist since 2019 counts as none.
    """

    small: str = ""
    medium: str = ""
    large: str = ""
    extralarge: str = ""
    mega: str = ""

    @property
    def largest(self) -> str:
        """The address of the largest size that there is."""
        return self.mega or self.extralarge or self.large or self.medium or self.small

    def __bool__(self) -> bool:
        return bool(self.largest)


NO_IMAGES = Images()


@dataclass(frozen=True, slots=True)
class Wiki:
    """What listeners wrote. Last.fm's terms require showing the text with `link`, which leads to the full article, and
    its licence.

    `summary` and `content` are plain text with neither. `summary_html` and `content_html` include both, and are safe in
    any page as they are: they hold only text, line breaks and links to http(s) addresses.
    """

    summary: str = ""
    content: str = ""
    summary_html: str = ""
    content_html: str = ""
    link: str = ""
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag on something. `count` is how often it was given: for music from 0 to 100, against its commonest tag."""

    name: str
    url: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class TagEntry:
    """A tag in a chart: how often it was given, and by how many listeners."""

    name: str
    url: str = ""
    taggings: int | None = None
    reach: int | None = None


@dataclass(frozen=True, slots=True)
class TagInfo(TagEntry):
    """All about a tag. One that nobody ever used has zeros and no wiki."""

    wiki: Wiki | None = None


@dataclass(frozen=True, slots=True)
class ArtistEntry:
    """An artist in a list. What the list does not contain is None; `rank` counts from 1.

    In a listener's lists, `playcount` counts that listener's plays.
    """

    name: str
    mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    listeners: int | None = None
    playcount: int | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class SimilarArtist(ArtistEntry):
    """A similar artist: `match` is from 0 to 1, where 1 is the most similar."""

    match: float = 0.0


@dataclass(frozen=True, slots=True)
class ArtistInfo:
    """All about an artist. `user_playcount` counts the plays of the `user` named in the request."""

    name: str
    mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    listeners: int | None = None
    playcount: int | None = None
    user_playcount: int | None = None
    on_tour: bool = False
    tags: tuple[Tag, ...] = ()
    similar: tuple[ArtistEntry, ...] = ()
    bio: Wiki | None = None


@dataclass(frozen=True, slots=True)
class AlbumEntry:
    """An album in a list. What the list does not contain is None; `rank` counts from 1.

    In a listener's lists, `playcount` counts that listener's plays.
    """

    artist: str
    title: str
    mbid: str = ""
    artist_mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    playcount: int | None = None
    rank: int | None = None
    artist_url: str = ""


@dataclass(frozen=True, slots=True)
class TrackEntry:
    """A track in a list. What the list does not contain is None; `rank` counts from 1, `duration` is in seconds.

    In a listener's lists, `playcount` counts that listener's plays.
    """

    artist: str
    title: str
    mbid: str = ""
    artist_mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    duration: float | None = None
    listeners: int | None = None
    playcount: int | None = None
    rank: int | None = None
    artist_url: str = ""


@dataclass(frozen=True, slots=True)
class SimilarTrack(TrackEntry):
    """A similar track: `match` is from 0 to 1, where 1 is the most similar."""

    match: float = 0.0


@dataclass(frozen=True, slots=True)
class AlbumInfo:
    """All about an album; the `rank` of its tracks is their number on it. `user_playcount` counts the plays of the
    `user` named in the request.
    """

    artist: str
    title: str
    mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    listeners: int | None = None
    playcount: int | None = None
    user_playcount: int | None = None
    tracks: tuple[TrackEntry, ...] = ()
    tags: tuple[Tag, ...] = ()
    wiki: Wiki | None = None


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """All about a track; its album's `rank` is the track's number there. `duration` is in seconds.

    `user_playcount` and `user_loved` are about the `user` named in the request.
    """

    artist: str
    title: str
    mbid: str = ""
    artist_mbid: str = ""
    url: str = ""
    duration: float | None = None
    listeners: int | None = None
    playcount: int | None = None
    user_playcount: int | None = None
    user_loved: bool | None = None
    album: AlbumEntry | None = None
    tags: tuple[Tag, ...] = ()
    wiki: Wiki | None = None
    artist_url: str = ""


@dataclass(frozen=True, slots=True)
class CorrectedTrack:
    """How Last.fm spells a track, and which of the two names it corrected."""

    artist: str
    title: str
    mbid: str = ""
    artist_mbid: str = ""
    url: str = ""
    artist_corrected: bool = False
    title_corrected: bool = False
    artist_url: str = ""
