"""One way to call both faces, so that each test of the wire runs over the async one and the sync one."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio.to_thread

from tonearm.lastfm import Keys, LastFm, LastFmSync, Page, SyncWalk, Walk

KEYS = Keys("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")

FACES = (LastFm, LastFmSync)

Face = type[LastFm] | type[LastFmSync]


async def call(client: LastFm | LastFmSync, name: str, *args: Any, **options: Any) -> Any:
    """What the method of that name gives; walks come as a list."""
    method = getattr(client, name)
    if isinstance(client, LastFmSync):
        got = await anyio.to_thread.run_sync(partial(method, *args, **options))
        return await anyio.to_thread.run_sync(list, got) if isinstance(got, SyncWalk) else got
    got = method(*args, **options)
    return [item async for item in got] if isinstance(got, Walk) else await got


async def pages(client: LastFm | LastFmSync, name: str, *args: Any, **options: Any) -> list[Page[Any]]:
    """The pages that a walk comes by."""
    walk = getattr(client, name)(*args, **options)
    if isinstance(walk, SyncWalk):
        return await anyio.to_thread.run_sync(list, walk.pages())
    return [page async for page in walk.pages()]


async def page(client: LastFm | LastFmSync, name: str, *args: Any, number: int = 1, **options: Any) -> Page[Any]:
    """One page of a list."""
    walk = getattr(client, name)(*args, **options)
    if isinstance(walk, SyncWalk):
        got: Page[Any] = await anyio.to_thread.run_sync(walk.page, number)
        return got
    return await walk.page(number)  # type: ignore[no-any-return]  # the name is not known to mypy
