"""The colours of covers: computed once from the image, and stored with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b

from tonearm.core.tint import Rgb, Tint, tint
from tonearm.lastfm.cache import CachedReads
from tonearm.lastfm.flights import Flights
from tonearm.lastfm.images import KEPT, NONE_KEPT, Image

AT_ONCE = 1
"""Images that are decoded concurrently: each costs a process."""


class CoverColours:
    """The colour of each cover. `decode` returns a few pixels of an image, none if it can't be read."""

    def __init__(
        self,
        decode: Callable[[bytes], Awaitable[list[Rgb]]],
        now: Callable[[], float],
        answers: CachedReads | None = None,
    ) -> None:
        self._decode = decode
        self._now = now
        self._answers = answers
        self._places = asyncio.Semaphore(AT_ONCE)
        self._flights = Flights[str, Tint | None]()

    async def of(self, image: Image) -> Tint | None:
        """The colour of an image; None if it can't be read."""
        key = blake2b(b"tint\0" + image.body, digest_size=16).hexdigest()
        return await self._flights.result(key, partial(self._obtain, key, image.body))

    async def close(self) -> None:
        """Cancel what is being computed."""
        await self._flights.close()

    async def _obtain(self, key: str, body: bytes) -> Tint | None:
        try:
            kept = await self._answers.find(key) if self._answers else None
        except OSError:
            kept = None
        if kept and (kept.body or self._now() < kept.fresh_until):
            return Tint.unpacked(kept.body)
        async with self._places:
            pixels = await self._decode(body)
        found = tint(pixels) if pixels else None
        if self._answers:
            now = self._now()
            packed = found.packed() if found else b""
            until = now + (KEPT if found else NONE_KEPT)  # the machine may only have been too busy to read it
            self._answers.save(key, packed, fetched_at=now, fresh_until=until, artist="", listener="")
        return found
