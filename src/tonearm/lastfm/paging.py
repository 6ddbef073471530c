"""Lists that come in pages, and the progress of a walk over one. Nothing here sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from tonearm.lastfm.request import Request
from tonearm.lastfm.types import Page

T = TypeVar("T")

LARGEST_PAGE = 1000
"""The largest page that Last.fm accepts, although its documentation of recent tracks says 200. More gives error 6."""

LAST_PAGE = 1_000_000
"""The highest page that can be requested."""


@dataclass(frozen=True, slots=True)
class PagePosition:
    """A position in a list: the next page, and the size of a page in items. `until` (Unix seconds UTC): a list of plays
    was fixed to those before it, so that new ones don't shift its pages. Save the position to continue later:
    `start=position`.
    """

    page: int = 1
    size: int = 50
    until: int | None = None

    def __post_init__(self) -> None:
        within("page", self.page, 1, LAST_PAGE)
        within("size", self.size, 1, LARGEST_PAGE)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list in pages: how each page is requested, where to start, and how many items are wanted at most.

    `fixed_by` returns the `until` that fixes the list as of its first page; `identity` identifies an item, if the pages
    of a list may overlap.
    """

    ask: Callable[[PagePosition], Request[Page[T]]] = field(repr=False)
    start: PagePosition
    limit: int | None = None
    fixed_by: Callable[[Page[T]], int | None] | None = field(default=None, repr=False)
    identity: Callable[[T], object] | None = field(default=None, repr=False)

    def page(self, number: int = 1) -> Request[Page[T]]:
        """That page alone; raises ValueError unless it is from 1 to 1,000,000."""
        return self.ask(replace(self.start, page=number))


class PagingProgress(Generic[T]):
    """The progress of a walk."""

    def __init__(self, listing: Listing[T]) -> None:
        self.position = listing.start
        """The page that is being read or comes next."""
        self.over = listing.limit == 0
        self._listing = listing
        self._left = listing.limit
        self._seen: frozenset[object] = frozenset()
        self._previous: tuple[frozenset[object], int] = (frozenset(), 0)

    def request(self) -> Request[Page[T]]:
        return self._listing.ask(self.position)

    def fresh(self, page: Page[T]) -> Page[T]:
        """The page without items that the page before it held already, and without those beyond the limit. Its items
        count as returned only once the page is turned: a walk that stops in the middle of a page reads it again.
        """
        items, identity, known = page.items, self._listing.identity, list[object]()
        if identity:
            known = [identity(item) for item in items]
            items = tuple([item for item, who in zip(items, known, strict=True) if who not in self._seen])
        if self._left is not None:
            items = items[: self._left]
        self._previous = frozenset(known) - {None}, len(items)
        return page if len(items) == len(page.items) else replace(page, items=items)

    def turn(self, page: Page[T]) -> None:
        """Note that the page has been read to its end."""
        self._seen, given = self._previous
        if self._left is not None:
            self._left -= given
        fixed_by, until = self._listing.fixed_by, self.position.until
        if fixed_by and until is None:
            until = fixed_by(page)
        # Charts claim millions of pages and are empty after a while: only a listener's own lists are walked past an
        # empty page.
        ended = not page.items and not self._listing.identity
        self.over = ended or self.position.page >= min(page.total_pages, LAST_PAGE) or self._left == 0
        self.position = replace(self.position, page=min(self.position.page + 1, LAST_PAGE), until=until)


def within(argument: str, value: int, minimum: int, maximum: int) -> int:
    """The value, or a ValueError that names the argument."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise ValueError(f"{argument} must be a whole number from {minimum} to {maximum}, not {value!r}")
    return value


def listing(
    ask: Callable[[PagePosition], Request[Page[T]]],
    limit: int | None,
    size: int | None,
    start: PagePosition | None,
    *,
    usual: int = LARGEST_PAGE,
) -> Listing[T]:
    """A list as the arguments describe it: pages of `size`; by default no larger than the number of items wanted in
    all.
    """
    if limit is not None:
        within("limit", limit, 0, 2**31 - 1)
    if start is None:
        chosen = min(usual, limit or usual) if size is None else within("size", size, 1, LARGEST_PAGE)
        start = PagePosition(1, chosen)
    elif size is not None and size != start.size:
        raise ValueError(f"size must be left out or be that of start, {start.size}: the pages are counted by it")
    return Listing(ask, start, limit)
