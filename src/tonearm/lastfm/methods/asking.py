"""What is asked, checked before it is sent: each ValueError names the argument that it is about."""

from __future__ import annotations

import re
from datetime import datetime

from tonearm.lastfm.listing import Place

_MBID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LANGUAGE = re.compile(r"[A-Za-z]{2}")

Params = dict[str, str | int | None]


def named(argument: str, value: str) -> str:
    """A name that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{argument} must be a name, not {value!r}")
    return value


def named_if_given(argument: str, value: str | None) -> str | None:
    return None if value is None else named(argument, value)


def musicbrainz(value: str) -> str:
    if not isinstance(value, str) or not _MBID.fullmatch(value):
        raise ValueError(f"mbid must be a MusicBrainz id such as 83d91898-7763-47d7-b03b-b92132375c47, not {value!r}")
    return value


def language(value: str | None) -> str | None:
    if value is not None and not _LANGUAGE.fullmatch(value):
        raise ValueError(f"lang must be an ISO 639-1 code of two letters, such as 'de', not {value!r}")
    return value


def one_of(mbid: str | None, **names: str | None) -> Params:
    """Names, or the MusicBrainz id in their place: one of them, not both."""
    if mbid is None:
        return {argument: named(argument, value or "") for argument, value in names.items()}
    if any(value is not None for value in names.values()):
        raise ValueError(f"mbid stands in the place of {' and '.join(names)}: give one or the other")
    return {"mbid": musicbrainz(mbid)}


def yes(value: bool) -> int | None:
    """Last.fm's 1; a no is not sent, as all of these are off by themselves."""
    return 1 if value else None


def paging(place: Place) -> Params:
    return {"page": place.page, "limit": place.size}


def unix(argument: str, value: datetime | int | None) -> int | None:
    """Unix seconds of a time, which must have its zone."""
    if not isinstance(value, datetime):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"{argument} must be Unix seconds or a datetime, not {value!r}")
        return value
    if value.tzinfo is None:
        raise ValueError(f"{argument} must be a datetime with its time zone")
    return int(value.timestamp())
