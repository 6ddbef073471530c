"""HTTP requests and replies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `query` is still encoded, header names are in lower case."""

    verb: str = "GET"
    path: str = "/2.0/"
    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def params(self) -> dict[str, str]:
        """Query and form body merged, decoded as UTF-8; if both have a name, the body wins; of repeated names, the
        last.
        """
        params = decoded(self.query)
        if self.body and self.headers.get("content-type", FORM).partition(";")[0].strip().lower() == FORM:
            params |= decoded(self.body.decode("utf-8", "replace"))
        return params


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; the server adds Content-Length and Date."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Hangup:
    """The connection is closed and nothing is sent back."""


def decoded(text: str) -> dict[str, str]:
    """The names and values of a query or form; bytes that aren't UTF-8 become U+FFFD."""
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    return {_name(name): unquote_plus(value, errors="replace") for name, _, value in pairs}


@lru_cache(4096)
def _name(text: str) -> str:
    # A batch names 400 parameters and the next batch names the same.
    return unquote_plus(text, errors="replace")


def page(html: str, status: int = 200) -> Reply:
    return Reply(status, html.encode(), (("Content-Type", "text/html; charset=UTF-8"),))


def redirect(address: str) -> Reply:
    return Reply(302, b"", (("Location", address),))
