"""What Last.fm knows about listeners, typed and frozen. Times are aware and in UTC; "" means that it named none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from tonearm.lastfm.music import NO_IMAGES, Images

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Session:
    """A listener's session with its `key`, valid until it is revoked. `name` is spelt as on the profile."""

    name: str
    key: str = field(repr=False)
    subscriber: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """One page of a list that counts from 1. `total` is over all pages, None if the server does not say it.

    An empty list has 0 pages. If a server doesn't count pages, `pages` is one more than this page's number until a page
    is empty. What is playing right now is separate: Last.fm adds it to every page of recent tracks and doesn't count
    it.
    """

    items: tuple[T_co, ...]
    page: int
    total_pages: int
    total: int | None
    now_playing: T_co | None = None


@dataclass(frozen=True, slots=True)
class LovedTrack:
    """A track that a listener loves. Names may be "" if an old client left them out."""

    artist: str
    title: str
    loved_at: datetime | None = None
    mbid: str = ""
    artist_mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    artist_url: str = ""


@dataclass(frozen=True, slots=True)
class RecentTrack:
    """A play on a profile. `played_at` is None for the track playing now; `loved` is None unless it was requested
    (`extended`).

    Names may be "" if an old client left them out.
    """

    artist: str
    title: str
    album: str = ""
    played_at: datetime | None = None
    loved: bool | None = None
    mbid: str = ""
    artist_mbid: str = ""
    album_mbid: str = ""
    url: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    artist_url: str = ""


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A profile. Counts are None if Last.fm left them out."""

    name: str
    realname: str = ""
    url: str = ""
    country: str = ""
    images: Images = field(default=NO_IMAGES, repr=False)
    playcount: int | None = None
    artist_count: int | None = None
    album_count: int | None = None
    track_count: int | None = None
    registered: datetime | None = None
    subscriber: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """A week for which Last.fm has charts: from its first second to the first of the next week."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class WeeklyChart(Generic[T_co]):
    """What a listener played most between two times, which are None if Last.fm's answer didn't repeat them."""

    items: tuple[T_co, ...]
    start: datetime | None = None
    end: datetime | None = None
