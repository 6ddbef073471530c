"""One connection to the service: what it may request, how long it may take, and which one is closed to make room for
another.

uvicorn reads heads of any length, waits for the rest of a request for ever, and accepts connections until no file can
be opened any more. See docs/decisions/0022-limits-of-a-connection.md for why this is fixed here.
"""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

MAX_CONNECTIONS = 4000

JOINED = 64 * 1024
"""Bytes of a body up to which it is sent in one piece with its head."""

TURNED_AWAY = 16
"""Connections beyond the limit whose request is still read, so that they are rejected in the right protocol."""

FILES_KEPT = 64
"""Open files reserved for the database, for Last.fm and for everything else that a process opens."""


def room_for_connections() -> int:
    """Raise the limit of open files as far as the system allows; returns how many connections may be open at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + FILES_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
    files = wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
    return max(files - FILES_KEPT, files // 3)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of a connection. Sizes are in bytes, times in seconds. `arrival` is how long the head of a request may
    take from its first byte, and its body after that; `idle` is how long nothing may happen between two requests, or
    while an answer isn't being read. `connections` is how many may be open.
    """

    head: int = 64 * 1024
    arrival: float = 30.0
    idle: float = 75.0
    connections: int = MAX_CONNECTIONS


@dataclass(frozen=True, slots=True)
class BusyAnswer:
    """The answer "not now" of a protocol."""

    status: int
    content_type: str
    body: bytes


BusyAnswerFor = Callable[[str], BusyAnswer | None]
"""The answer of the protocol at an address (path and query); None if no player's protocol uses it."""


class Crowd:
    """The connections of one server. The one that has waited longest for its client makes room for a new one."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._open: set[HttpConnection] = set()
        self._waiting: dict[HttpConnection, None] = {}  # in the order in which they began to wait
        self._outside: set[HttpConnection] = set()

    def enter(self, new: HttpConnection) -> bool:
        """Count a connection in, and close another if there are too many; False if there is none to close."""
        while len(self._open) >= self._room:
            longest = next(iter(self._waiting), None)
            if longest is None:
                return False
            self.leave(longest)
            longest.transport.abort()
        self._open.add(new)
        return True

    def ask_outside(self, new: HttpConnection) -> bool:
        """Read the request of a connection that is over the limit; False if there are too many of those."""
        if len(self._outside) >= TURNED_AWAY:
            return False
        self._outside.add(new)
        return True

    def leave(self, gone: HttpConnection) -> None:
        """Count a connection out."""
        self._open.discard(gone)
        self._outside.discard(gone)
        self._waiting.pop(gone, None)

    def waits(self, connection: HttpConnection) -> None:
        """Note that a connection waits for its client from now on."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._waiting[connection] = None

    def works(self, connection: HttpConnection) -> None:
        """Note that a complete request is being answered: such a connection isn't closed for another."""
        self._waiting.pop(connection, None)


class _Phase(Enum):
    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()
    OUTSIDE = auto()
    CLOSING = auto()


class HttpConnection(HttpToolsProtocol):
    """A connection with limits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
        crowd: Crowd,
        busy_answer_for: BusyAnswerFor = lambda _: None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._crowd = crowd
        self._busy_answer_for = busy_answer_for
        self._phase = _Phase.BETWEEN
        self._size = 0
        self._unread = 0
        self._head = b""
        self._later: tuple[int, str] | None = None
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        if self._crowd.enter(self):
            self._crowd.waits(self)
            self._expect()
        elif self._crowd.ask_outside(self):
            self._phase = _Phase.OUTSIDE
            self._expect()
        else:
            transport.write(_answer(503, _CROWDED))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has disconnected."""
        self._crowd.leave(self)
        for timer in (self._timer, self._stuck):
            if timer is not None:
                timer.cancel()
        self._timer = self._stuck = None
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._phase is _Phase.CLOSING:  # read and forgotten: a close with unread bytes would reset the connection
            return
        if self._phase is _Phase.OUTSIDE:
            self._turn_away(data)
            return
        self._unread += len(data)  # until the parser makes something of them
        super().data_received(data)
        if self._unread > self._limits.head and self._phase in (_Phase.HEAD, _Phase.BODY):
            self._too_large()

    def send_400_response(self, msg: str) -> None:
        """The bytes are not HTTP."""
        if self._phase is not _Phase.CLOSING:
            self._refuse(400, "invalid HTTP request")

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: strangers decide how often this happens."""

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if self._phase is _Phase.CLOSING:
            return
        super().on_message_begin()
        self._phase, self._size = _Phase.HEAD, 0
        if self._is_answered():
            self._crowd.waits(self)
        self._expect()

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        if self._phase is _Phase.HEAD:
            self._size += len(url)
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes after the body is read and forgotten."""
        if self._phase is _Phase.HEAD:
            self._size += len(name) + len(value) + 4
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._phase is _Phase.CLOSING:
            return
        if self._size > self._limits.head:
            self._too_large()
            return
        self._phase, self._unread = _Phase.BODY, 0
        self._expect()
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", _Answering(self))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._phase is not _Phase.CLOSING:
            self._unread = 0
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        if self._phase is _Phase.CLOSING:
            return
        self._phase, self._unread, self._deadline = _Phase.BETWEEN, 0, None
        if self._is_answered():
            self._crowd.waits(self)
        else:
            self._crowd.works(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is complete."""
        self.flush_head()
        if self._phase is _Phase.CLOSING and self._later is None:
            return
        super().on_response_complete()
        if self._is_answered():
            self._crowd.waits(self)
            if self._later is not None:
                self._refuse(*self._later)

    def defer_head(self, head: bytes) -> None:
        """Hold the head of an answer until its body comes, but no longer than this iteration of the event loop."""
        self._head = head
        self.loop.call_soon(self.flush_head)

    def write_with_head(self, body: bytes) -> None:
        """Write a piece of a body, in one piece with the head if that is still here."""
        head, self._head = self._head, b""
        if head and len(body) > JOINED:
            self.transport.write(head)
            head = b""
        self.transport.write(head + body if head else body)

    def flush_head(self) -> None:
        """Write the head of an answer whose body takes longer, or that has none."""
        if self._head:
            head, self._head = self._head, b""
            self.transport.write(head)

    def pause_writing(self) -> None:
        """The client reads more slowly than the answer is written."""
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self._limits.idle, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        super().resume_writing()

    def end(self) -> None:
        """Close after an answer. The rest of the request is read first, or the client may never see the answer."""
        if self._phase is _Phase.BETWEEN:
            self.transport.close()
            return
        self._phase = _Phase.CLOSING
        self._later = None
        self.pipeline.clear()
        self._crowd.waits(self)
        self._expect()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _turn_away(self, head: bytes) -> None:
        """Reject a request by its first bytes. If the first line comes in pieces, no protocol is assumed."""
        line = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        self._write_refusal(line[1] if len(line) > 1 else "", 503, _CROWDED)
        self.end()

    def _write_refusal(self, target: str, status: int, message: str) -> None:
        refusal = self._busy_answer_for(target) if target else None
        self.transport.write(_answer(status, message) if refusal is None else _rendered(refusal))

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.disconnected or (self.cycle.response_complete and not self.pipeline)

    def _too_large(self) -> None:
        if self._phase is _Phase.HEAD:
            self._refuse(431, f"request headers must be smaller than {self._limits.head} bytes")
        else:
            self.transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        if not self._is_answered():
            self._phase, self._later, self._deadline = _Phase.CLOSING, (status, message), None
            return
        late = self._phase is _Phase.BODY
        self._write_refusal(self.url.decode("latin-1") if late else "", status, message)
        self._phase = _Phase.HEAD
        self.end()

    def _expect(self) -> None:
        """Start the time limit for what has begun."""
        self._deadline = self.loop.time() + self._limits.arrival
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        """Check whether the time is over. A timer runs until it is due: cancelling one at each request would cost
        more.
        """
        self._timer = None
        if self._deadline is None:
            return
        if self.flow.read_paused or (self._phase is _Phase.HEAD and not self._is_answered()):
            self._expect()  # it isn't the client that is late
        elif self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._look)
        else:
            self._too_late()

    def _too_late(self) -> None:
        if self._phase is _Phase.BODY and not self._is_answered() and not self.cycle.response_started:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif self._phase is _Phase.OUTSIDE:
            self._turn_away(b"")
            return
        elif self._phase is not _Phase.HEAD:
            self.transport.abort()
            return
        self._refuse(408, f"the request did not arrive within {self._limits.arrival:g} s")


_CROWDED = "too many open connections: try again in a moment"


def _answer(status: int, message: str) -> bytes:
    return _rendered(BusyAnswer(status, "application/json", json.dumps({"detail": message}).encode()))


def _rendered(refusal: BusyAnswer) -> bytes:
    head = (
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\ncontent-type: {refusal.content_type}\r\n"
        f"content-length: {len(refusal.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + refusal.body


class _Answering:
    """The transport that answers are written to: a head waits for its body, and closing it ends the connection
    properly.

    uvicorn writes them apart. VLC 3.0.24 reads once and treats what comes a moment later as success.
    """

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection
        self._begun = False
        self.is_closing = connection.transport.is_closing

    def write(self, data: bytes) -> None:
        """Write a piece of the answer."""
        if data.startswith(b"HTTP/1.1 1"):  # 100 Continue
            self._connection.transport.write(data)
        elif self._begun:
            self._connection.write_with_head(data)
        else:
            self._begun = True
            self._connection.defer_head(data)

    def close(self) -> None:
        """End the connection after the answer."""
        self._connection.flush_head()
        self._connection.end()
