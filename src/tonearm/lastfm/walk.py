"""Walks over lists in pages: each page is requested when it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Generic, TypeVar

from tonearm.lastfm.paging import Listing, PagePosition, PagingProgress
from tonearm.lastfm.request import Request
from tonearm.lastfm.types import Page

T = TypeVar("T")


class Walk(Generic[T]):
    """A list whose pages come one after another: `async for item in walk`. A LastFmError ends it; it can be continued.

    `position` is the page that is being read or comes next. To continue later, iterate again, or save the position,
    even for another process, and start a new walk with `start=position`; a page that was not read to its end is then
    read again.
    """

    def __init__(
        self, listing: Listing[T], ask: Callable[[Request[Page[T]]], Coroutine[object, object, Page[T]]]
    ) -> None:
        self._listing = listing
        self._ask = ask
        self._progress = PagingProgress(listing)

    @property
    def position(self) -> PagePosition:
        """The page that comes next."""
        return self._progress.position

    def __aiter__(self) -> AsyncIterator[T]:
        return self._items()

    async def _items(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The pages from the current one on: useful for their totals, or to save each in one transaction."""
        while not self._progress.over:
            page = await self._ask(self._progress.request())
            yield self._progress.fresh(page)
            self._progress.turn(page)

    async def page(self, number: int = 1) -> Page[T]:
        """That page alone, without moving the walk; raises ValueError unless it is from 1 to 1,000,000."""
        return await self._ask(self._listing.page(number))


class SyncWalk(Generic[T]):
    """`Walk` without `await`: `for item in walk`."""

    def __init__(self, listing: Listing[T], ask: Callable[[Request[Page[T]]], Page[T]]) -> None:
        self._listing = listing
        self._ask = ask
        self._progress = PagingProgress(listing)

    @property
    def position(self) -> PagePosition:
        """The page that comes next."""
        return self._progress.position

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[T]]:
        """The pages from the current one on: useful for their totals, or to save each in one transaction."""
        while not self._progress.over:
            page = self._ask(self._progress.request())
            yield self._progress.fresh(page)
            self._progress.turn(page)

    def page(self, number: int = 1) -> Page[T]:
        """That page alone, without moving the walk; raises ValueError unless it is from 1 to 1,000,000."""
        return self._ask(self._listing.page(number))
