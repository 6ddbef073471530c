"""A server on the loopback with prescribed answers, down to the bytes and the way it hangs up."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

Behaviour = Callable[[socket.socket], None]


@dataclass
class Loopback:
    """Where it listens, and the requests that it got: first line, headers and body as they came."""

    url: str
    received: list[bytes] = field(default_factory=list)


@contextmanager
def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Each connection brings one request and then meets `behave`."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{port}/2.0/")
    thread = Thread(target=_serve, args=(listener, behave, server, tls))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _serve(listener: socket.socket, behave: Behaviour, server: Loopback, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), closing(tls.wrap_socket(connection, True) if tls else connection) as stream:
            server.received.append(_request(stream))
            behave(stream)


def _request(stream: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(stream)
    head, _, rest = got.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(rest) < length:
        rest += _more(stream)
    return head + b"\r\n\r\n" + rest


def _more(stream: socket.socket) -> bytes:
    more = stream.recv(65536)
    if not more:
        raise ConnectionError
    return more


def http(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def answering(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> Behaviour:
    return saying(http(body, status, *headers, length=length))


def saying(reply: bytes) -> Behaviour:
    def say(stream: socket.socket) -> None:
        stream.sendall(reply)

    return say


def hanging_up(stream: socket.socket) -> None:
    """The request was read; the connection ends without a word."""


def resetting(stream: socket.socket) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def waiting(stream: socket.socket) -> None:
    """Says nothing until the other side has had enough."""
    stream.recv(1)


def dripping(stream: socket.socket) -> None:
    """Never stops, never pauses, never comes to an end."""
    stream.sendall(http(b"{", length=2**40))
    while True:
        stream.sendall(b" " * 4096)


@contextmanager
def deaf() -> Iterator[str]:
    """An address that never accepts a connection: its queue is full."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/2.0/"
        finally:
            for filler in fillers:
                filler.close()


def nobody() -> str:
    """An address where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/2.0/"
