"""Images named in Last.fm's answers: fetched once, cached, and checked before they are served to a browser.

Callers pass only addresses that an answer named. No redirect is followed, nothing is fetched from this machine or its
network, and only the formats below are let through.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tonearm.http_exchange import HttpClient, TransportError, client_of
from tonearm.lastfm.cache import CachedReads
from tonearm.lastfm.cache_policy import DAY, MINUTE
from tonearm.lastfm.flights import Flights

if TYPE_CHECKING:
    import httpx2

LARGEST_IMAGE = 2 * 2**20
"""Bytes; a cover of 300 pixels takes 30 kB."""

PATIENCE = 15.0
"""Seconds within which an image has to arrive."""

AT_ONCE = 4
"""Images that are fetched concurrently."""

KEPT = 30 * DAY
"""Seconds; the address of an image names its content, so it never changes."""

NONE_KEPT = 10 * MINUTE
"""Seconds for which the absence of an image is cached."""

_PRIVATE = frozenset({"localhost", "local", "internal", "lan", "home", "arpa"})
_FORMATS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
)
"""Which bytes identify a format, and where in the file. No SVG, which can contain scripts."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: `kind` is its media type, detected from its bytes."""

    kind: str
    body: bytes = field(repr=False)


class ImageFetcher:
    """Images from the store, otherwise from their address. `near` is the API's address: an emulator's images may be on
    the same machine as the emulator.
    """

    def __init__(
        self,
        http: HttpClient,
        now: Callable[[], float],
        *,
        answers: CachedReads | None = None,
        near: str = "",
        user_agent: str = "",
    ) -> None:
        self._http = http
        self._now = now
        self._answers = answers
        self._near = urlsplit(near).netloc.lower()
        self._headers = {"User-Agent": user_agent, "Accept": "image/*"}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._flights = Flights[str, Image | None]()

    async def get(self, url: str) -> Image | None:
        """The image at an address; None if there is none, or if it is unsafe for a browser."""
        if not self._allowed(url):
            return None
        return await self._flights.result(url, partial(self._obtain, url))

    async def close(self) -> None:
        """Cancel the requests under way."""
        await self._flights.close()

    def _allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or "@" in parts.netloc or not parts.hostname:
            return False
        return parts.netloc.lower() == self._near or not _is_within(parts.hostname)

    async def _obtain(self, url: str) -> Image | None:
        key = blake2b(f"image\0{url}".encode(errors="replace"), digest_size=16).hexdigest()
        try:
            cached = await self._answers.find(key) if self._answers else None
        except OSError:
            cached = None
        if cached and self._now() < cached.fresh_until:
            return as_image(cached.body)
        async with self._places:
            body = await self._fetch(url)
        image = as_image(body)
        if image is None and cached and cached.body:
            return as_image(cached.body)
        if self._answers:
            now = self._now()
            until = now + (KEPT if image else NONE_KEPT)
            body = body if image else b""
            self._answers.save(key, body, fetched_at=now, fresh_until=until, artist="", listener="")
        return image

    async def _fetch(self, url: str) -> bytes:
        """The bytes at an address; empty if they can't be fetched, or are too many."""
        import httpx2

        try:
            async with asyncio.timeout(PATIENCE):
                request = httpx2.Request("GET", url, headers=self._headers)  # without a cookie of a host's own client
                http = await client_of(self._http)
                if isinstance(http, TransportError):
                    return b""
                response = await http.send(request, stream=True, follow_redirects=False)
                try:
                    return await _whole(response) if response.status_code == 200 else b""
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError, RuntimeError):
            return b""


async def _whole(response: httpx2.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_IMAGE:
            return b""
    return body


def as_image(body: bytes) -> Image | None:
    """These bytes as an image; None if they are in no known format."""
    kind = next((kind for at, magic, kind in _FORMATS if body[at : at + len(magic)] == magic), None)
    return Image(kind, body) if kind else None


def _is_within(host: str) -> bool:
    """Whether a host is this machine or in its network, as far as its name shows."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        # "localhost", "intranet", "2130706433", "127.1", "0x7f.1": a name that isn't public may be any address.
        return last == host.rstrip(".") or last[:1].isdigit() or last.lower() in _PRIVATE
