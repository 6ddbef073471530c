"""Arguments, checked before they are sent: each ValueError names the argument that it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from tonearm.lastfm import shapes
from tonearm.lastfm.paging import PagePosition, within
from tonearm.lastfm.quirks import Node
from tonearm.lastfm.request import Request, given
from tonearm.lastfm.types import Page

T = TypeVar("T")

_MBID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LANGUAGE = re.compile(r"[A-Za-z]{2}")

_SECRET = frozenset({"session_key", "password", "token"})
"""Never shown, whatever they are."""

Params = dict[str, str | int | None]
Values = Mapping[str, str | int | None]


def named(argument: str, value: str) -> str:
    """A name that isn't empty."""
    if not isinstance(value, str) or not value.strip():
        shown = type(value).__name__ if value and argument in _SECRET else repr(value)
        raise ValueError(f"{argument} must be a name, not {shown}")
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
    """Names, or a MusicBrainz id instead: one of them, not both."""
    if mbid is None:
        return {argument: named(argument, value or "") for argument, value in names.items()}
    if any(value is not None for value in names.values()):
        raise ValueError(f"mbid replaces {' and '.join(names)}: give one or the other")
    return {"mbid": musicbrainz(mbid)}


def yes(value: bool) -> int | None:
    """Last.fm's 1; False is not sent, since all of these default to off."""
    return 1 if value else None


def valid_limit(limit: int | None) -> int | None:
    """The `limit` of a list without pages."""
    return None if limit is None else within("limit", limit, 1, 1000)


def user_params(user: str | None, session_key: str | None) -> Params:
    """Whose tags: a user's, or those of the session's user."""
    if user is None and not session_key:
        raise ValueError("user or session_key is required: whose tags?")
    return {"user": named_if_given("user", user)}


def paging(position: PagePosition) -> Params:
    return {"page": position.page, "limit": position.size}


def pages(
    method: str, root: str, child: str, read: Callable[[Node], T], params: Values
) -> Callable[[PagePosition], Request[Page[T]]]:
    """How each page of a list is requested."""

    def ask(position: PagePosition) -> Request[Page[T]]:
        read_page = partial(shapes.page, child=child, read=read, requested_page=position.page)
        return Request(method, given({**params, **paging(position)}), root, read_page)

    return ask


def results(kind: str, read: Callable[[Node], T], params: Values) -> Callable[[PagePosition], Request[Page[T]]]:
    """How each page of a search is requested."""

    def ask(position: PagePosition) -> Request[Page[T]]:
        read_page = partial(shapes.results, kind=kind, read=read, requested_page=position.page)
        return Request(f"{kind}.search", given({**params, **paging(position)}), "results", read_page)

    return ask


def unix(argument: str, value: datetime | int | None) -> int | None:
    """Unix seconds of a time, which must have a time zone."""
    if not isinstance(value, datetime):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"{argument} must be Unix seconds or a datetime, not {value!r}")
        return value
    if value.tzinfo is None:
        raise ValueError(f"{argument} must be a datetime with its time zone")
    return int(value.timestamp())
