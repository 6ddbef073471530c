"""Serving: the service on a port, from the first connection to a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn

from tonearm.deck import Deck
from tonearm.http_connection import ConnectionLimits, Crowd, HttpConnection, room_for_connections
from tonearm.web.front_door import FrontDoor
from tonearm.web.options import WebOptions
from tonearm.web.ways_in.entrance import refusals

GRACE = 1
"""Seconds that open requests get when the service stops. A stream of events would never end otherwise."""

YOUNG = 10_000
"""New objects that trigger a run of the garbage collector."""

ARENAS = 2
"""Arenas of the C library that all threads share."""

_M_ARENA_MAX = -8
"""`mallopt`'s name for that limit: https://man7.org/linux/man-pages/man3/mallopt.3.html"""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: they end the process before the deck is closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    deck: Deck, sock: socket.socket, options: WebOptions, limits: ConnectionLimits | None = None
) -> AsyncIterator[None]:
    """Answer requests on the socket while the block lasts; the socket is closed at its end."""
    limits = limits or ConnectionLimits()
    crowd = Crowd(min(limits.connections, room_for_connections()))
    protocol: Any = partial(
        HttpConnection, limits=limits, crowd=crowd, busy_answer_for=refusals(deck, options.public_url.rstrip("/"))
    )  # uvicorn only calls the class
    config = uvicorn.Config(
        FrontDoor(deck, options, _prepare_for_pages),
        http=protocol,
        timeout_keep_alive=limits.idle,  # type: ignore[arg-type]  # it is only passed to call_later
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # TONEARM_PUBLIC_URL says what our address is, not a header
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    up = asyncio.create_task(server.up.wait())
    try:
        await asyncio.wait((task, up), return_when=asyncio.FIRST_COMPLETED)
        spare_the_collector()
        yield
    finally:
        up.cancel()
        server.should_exit = True
        await task


def spare_the_collector() -> None:
    """Tune the garbage collector: objects that exist now stay, and nearly all new ones are freed without it. Scanning
    the old ones again and again costs some requests 40 ms; scanning the new ones every 700 objects costs all requests a
    quarter of their time. Loading modules leaves no garbage worth collecting first.
    """
    gc.freeze()
    gc.set_threshold(YOUNG)


def _prepare_for_pages() -> None:
    spare_the_collector()
    share_arenas()  # not at the start, which would wait for ctypes


def share_arenas() -> None:
    """Have all threads share two arenas of the C library's memory, where it has any: each thread would keep what it
    once needed in an arena of its own. Only one thread at a time runs Python, so they hardly wait for each other.
    """
    with suppress(ImportError, OSError, AttributeError, TypeError):  # another C library, or no ctypes
        from ctypes import CDLL

        CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


@contextmanager
def stop_requested() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop.set)
    try:
        yield stop
    finally:
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signal_number)
