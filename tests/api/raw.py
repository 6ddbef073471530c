"""Requests byte by byte, as no well-behaved client sends them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.patience import PATIENCE


@contextmanager
def connection(url: str) -> Iterator[socket.socket]:
    """A connection to a service, on which nothing was said."""
    at = httpx2.URL(url)
    with socket.create_connection((at.host, at.port or 80), timeout=PATIENCE) as sock:
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = bytearray()
    while piece := sock.recv(65536):
        found += piece
    return bytes(found)


def status(sock: socket.socket) -> int:
    """The status of the next answer, which has a body of a named length and is read as a whole."""
    with sock.makefile("rb") as lines:
        first = lines.readline()
        assert first.startswith(b"HTTP/1.1 "), first
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if line == b"\r\n":
                break
        lines.read(length)
        return int(first.split()[1])
