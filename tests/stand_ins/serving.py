"""What all stand-ins have: a server on the loopback, what it stored, and faults to switch on."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from tests.patience import PATIENCE


class Fault(StrEnum):
    """What goes wrong. Each server says it in its own words."""

    NONE = "none"
    OUTAGE = "outage"
    """It says that it is away; nothing is stored."""
    BROKEN = "broken"
    """It fails half-way: half of a batch is stored (of one play: the play), and it says HTTP 500."""
    THROTTLED = "throttled"
    """Too many requests; nothing is stored, and headers say how long to wait, if the server has such headers."""
    LOST_ANSWER = "lost answer"
    """All is stored, and the connection ends without a word."""
    HANG_UP = "hang up"
    """The request is read, nothing is stored, and the connection ends without a word."""
    GATEWAY = "gateway"
    """A proxy's page with HTTP 502; nothing is stored."""
    PAGE = "page"
    """A web page with HTTP 200, as from a hotel; nothing is stored."""
    REVOKED = "revoked"
    """The token, key or session is no longer good."""
    BAD_REQUEST = "bad request"
    """It refuses all that comes."""
    CUT = "cut"
    """All is stored, and the answer is cut off in its middle."""


class Stored(NamedTuple):
    """A play as a server has it. `length` is in seconds; None if it was not sent."""

    user: str
    timestamp: int
    artist: str
    title: str
    album: str = ""
    length: float | None = None


@dataclass(frozen=True)
class Asked:
    """A request. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Said:
    """An answer. Content-Length and Date are added when it is sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


def said(status: int, document: Any, **headers: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def page(status: int, title: str) -> Said:
    html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Said(status, html.encode(), {"Content-Type": "text/html; charset=utf-8"})


class StandIn:
    """A server on the loopback that keeps what it accepts in `stored`.

    `users` are the names by their tokens, `seen` the requests as they came, `now` its clock, `bad` which plays it
    refuses. `fault` lasts until it is set again; those of `fail_next` come first, one for each request.
    """

    path = ""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.users: dict[str, str] = {}
        self.stored: list[Stored] = []
        self.seen: list[Asked] = []
        self.fault = Fault.NONE
        self.bad: Callable[[Stored], bool] = lambda play: False
        self.retry_after = 7
        self._next: deque[Fault] = deque()
        self._lock = Condition()
        self._server: ThreadingHTTPServer | None = None
        self._thread: Thread | None = None

    def fail_next(self, *faults: Fault) -> None:
        """One for each of the next requests."""
        self._next.extend(faults)

    def until_stored(self) -> None:
        """Return when it has stored a play."""
        with self._lock:
            assert self._lock.wait_for(lambda: self.stored, PATIENCE)

    def answer(self, asked: Asked) -> Said | None:
        """What it answers; None: it hangs up without a word."""
        with self._lock:
            self.seen.append(asked)
            try:
                return self._answer(asked, self._next.popleft() if self._next else self.fault)
            finally:
                self._lock.notify_all()

    def _answer(self, asked: Asked, fault: Fault) -> Said | None:
        match fault:
            case Fault.GATEWAY:
                return page(502, "502 Bad Gateway")
            case Fault.PAGE:
                return page(200, "Welcome to our hotel")
            case Fault.HANG_UP:
                return None
            case Fault.LOST_ANSWER:
                self.handle(asked, Fault.NONE)
                return None
            case Fault.CUT:
                whole = self.handle(asked, Fault.NONE)
                return Said(whole.status, whole.body, whole.headers, cut=True)
            case _:
                return self.handle(asked, fault)

    def handle(self, asked: Asked, fault: Fault) -> Said:
        """What the server itself answers."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address that a listener would be given."""
        assert self._server is not None, "start it first"
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def start(self) -> Self:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply()

            def do_POST(self) -> None:
                self.reply()

            def reply(self) -> None:
                parts = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(int(self.headers.get("Content-Length", 0))),
                )
                self.close_connection = True
                if answer := stand_in.answer(asked):
                    self.connection.sendall(stand_in.as_bytes(answer))

            def log_message(self, *args: object) -> None:
                """The tests' output stays theirs."""

        class Server(ThreadingHTTPServer):
            def shutdown_request(self, request: Any) -> None:
                if isinstance(request, socket.socket):
                    request.close()

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def stop(self) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def as_bytes(self, answer: Said) -> bytes:
        """The answer as it travels, head and body in one."""
        headers = {
            "Date": formatdate(self.now(), usegmt=True),
            **answer.headers,
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        return f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode() + body

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
