"""Caches of what is worked out from names: all of them are emptied when a listener's data are erased."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

T = TypeVar("T")

_CLEAR: list[Callable[[], None]] = []


def remembering(number: int) -> Callable[[Callable[..., T]], _lru_cache_wrapper[T]]:
    """Cache what a function returns for the names that it was asked for last, at most that many."""

    def cached(function: Callable[..., T]) -> _lru_cache_wrapper[T]:
        wrapped = lru_cache(number)(function)
        _CLEAR.append(wrapped.cache_clear)
        return wrapped

    return cached


def forget_names() -> None:
    """Forget all names, since somebody's data are being erased."""
    for clear in _CLEAR:
        clear()
