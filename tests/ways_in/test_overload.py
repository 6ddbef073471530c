"""Players are rejected in their own protocol even if their request can't be read: they keep their plays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.api.raw import connection, everything
from tests.api.test_hostile_connections import AT_ONCE, house
from tonearm.http_connection import TURNED_AWAY, ConnectionLimits

REFUSALS = [
    ("/2.0/", b"503", b'<error code="16">'),
    ("/2.0/?format=json", b"503", b'{"error":16,'),
    ("//1/submit-listens", b"503", b'{"code": 503,'),
    ("/?hs=true&p=1.2", b"200", b"FAILED "),
    ("/protocol_1.2", b"200", b"FAILED "),
    ("/webhook/plex/x", b"503", b'{"error"'),
    ("/apis/mlj_1/newscrobble", b"503", b'{"status": "failure"'),
]

READ_THEIR_BODY = ("/2.0/", "/2.0/?format=json", "/protocol_1.2", "/apis/mlj_1/newscrobble")
"""Before they know whose it is. The others refuse a stranger at once."""


@pytest.mark.parametrize("late", [False, True])
def test_a_player_that_is_turned_away_keeps_its_plays(tmp_path: Path, late: bool) -> None:
    limits = ConnectionLimits(arrival=AT_ONCE) if late else ConnectionLimits(connections=1)
    with house(tmp_path / "plays.db", limits) as service, connection(service.url) as busy:
        if not late:
            busy.sendall(service.head(method="GET", path="/events") + b"\r\n")
            assert busy.recv(100).startswith(b"HTTP/1.1 200 ")
        for path, status, words in REFUSALS:
            if late and path not in READ_THEIR_BODY:
                continue
            with connection(service.url) as sock:
                sock.sendall(service.head("Content-Length: 100", path=path, known=False) + b"\r\n")
                answer = everything(sock)
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.split()[1] == status, path
            assert words in body, path
        with connection(service.url) as sock:
            sock.sendall(service.head("Content-Length: 100", path="/lastfm/scrobble") + b"\r\n")
            head, _, body = everything(sock).partition(b"\r\n\r\n")
            assert head.split()[1] == (b"408" if late else b"503")
            assert list(json.loads(body)) == ["detail"]


def test_only_some_are_asked_what_they_want(tmp_path: Path) -> None:
    with house(tmp_path / "plays.db", ConnectionLimits(connections=1)) as service, connection(service.url) as busy:
        busy.sendall(service.head(method="GET", path="/events") + b"\r\n")
        assert busy.recv(100).startswith(b"HTTP/1.1 200 ")
        silent = [connection(service.url) for _ in range(TURNED_AWAY)]
        opened = [one.__enter__() for one in silent]
        with connection(service.url) as sock:
            assert b"too many open connections" in everything(sock)
        opened[0].sendall(b"GET")
        assert b"too many open connections" in everything(opened[0])
        for one in silent:
            one.__exit__(None, None, None)
