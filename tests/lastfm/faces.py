"""One way to call both faces, so that each test of the wire runs over the async one and the sync one."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio.to_thread

from tonearm.lastfm import Keys, LastFm, LastFmSync

KEYS = Keys("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")

FACES = (LastFm, LastFmSync)

Face = type[LastFm] | type[LastFmSync]


async def call(client: LastFm | LastFmSync, name: str, *args: Any, **options: Any) -> Any:
    """What the method of that name gives; walks come as a list."""
    method = getattr(client, name)
    if isinstance(client, LastFmSync):
        got = await anyio.to_thread.run_sync(partial(method, *args, **options))
        return await anyio.to_thread.run_sync(list, got) if hasattr(got, "__next__") else got
    got = method(*args, **options)
    return [page async for page in got] if hasattr(got, "__anext__") else await got
