"""The service on a port: in a thread of its own, or in the foreground."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread
from anyio.from_thread import start_blocking_portal

from lastfm_emulator.app import create_app
from lastfm_emulator.emulator import Emulator
from lastfm_emulator.guard import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from ssl import SSLContext

    from uvicorn.server import ServerState


KEEP_EVERY: Final = 2.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a running emulator: `base_url` is `http://HOST:PORT` (or https), without a final slash."""

    base_url: str

    @property
    def url(self) -> str:
        """The API root, with its final slash."""
        return f"{self.base_url}/2.0/"

    @property
    def auth_url(self) -> str:
        """The approval page, with its final slash."""
        return f"{self.base_url}/api/auth/"


@contextmanager
def serve(
    emulator: Emulator, host: str = "127.0.0.1", port: int = 0, secure: SSLContext | None = None
) -> Iterator[Address]:
    """Run in a thread while the block lasts; port 0 picks a free one, `secure` is for HTTPS. Raises OSError if it can't
    listen.
    """
    with start_blocking_portal("asyncio", name="lastfm-emulator") as portal:
        listener = listening(emulator, host, port, secure)
        with portal.wrap_async_context_manager(listener) as address:
            yield address


def run(
    emulator: Emulator,
    host: str = "127.0.0.1",
    port: int = 8724,
    *,
    announce: Callable[[Address], object] = repr,
    secure: SSLContext | None = None,
    keep: Callable[[], object] | None = None,
) -> None:
    """Run in the foreground until SIGINT or SIGTERM, which end it quietly; `announce` gets the address.

    `keep` is called in a thread every two seconds if there were requests, and at the end. Raises OSError if it can't
    listen.
    """

    async def keep_often() -> None:
        seen = emulator.journal.total
        while keep is not None:
            await anyio.sleep(KEEP_EVERY)
            if emulator.journal.total != seen:
                seen = emulator.journal.total
                await anyio.to_thread.run_sync(keep)

    async def until_stopped() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with listening(emulator, host, port, secure) as address, anyio.create_task_group() as group:
                announce(address)
                group.start_soon(keep_often)
                await anext(aiter(signals))
                group.cancel_scope.cancel()

    anyio.run(until_stopped)
    if keep is not None:
        keep()


@asynccontextmanager
async def listening(
    emulator: Emulator, host: str = "127.0.0.1", port: int = 0, secure: SSLContext | None = None
) -> AsyncIterator[Address]:
    """The same on the running asyncio loop; at the end, connections are closed and delayed calls dropped."""
    # uvicorn is imported here, so that the emulator can be called in-process without it.
    import uvicorn
    import uvicorn.server

    from lastfm_emulator.connection import Connection

    config = uvicorn.Config(
        guarded(create_app(emulator), [host]), ws="none", lifespan="off", interface="asgi3", log_config=None
    )
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), host, port, ssl=secure)
    try:
        yield _address(server, host, "http" if secure is None else "https")
    finally:
        with anyio.CancelScope(shield=True):
            await _close(server, state)


async def _close(server: asyncio.Server, state: ServerState) -> None:
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # the aborted connections notice it, so that nothing more is sent
    for task in list(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    await server.wait_closed()


def _address(server: asyncio.Server, host: str, scheme: str) -> Address:
    port = server.sockets[0].getsockname()[1]
    return Address(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
