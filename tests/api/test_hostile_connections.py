"""Whatever strangers and broken networks do to a connection costs little, is answered, and disturbs nobody else."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

import tonearm
from tests.api.raw import connection, everything, status
from tests.api.test_plays import a_play
from tests.patience import PATIENCE
from tests.threads import Started, in_a_thread
from tonearm.http_connection import FILES_KEPT, MAX_CONNECTIONS, ConnectionLimits, room_for_connections
from tonearm.port import address_of, listening_socket
from tonearm.serving import serving
from tonearm.web.api.events import STREAMS
from tonearm.web.options import WebOptions

AT_ONCE = 0.05
"""Seconds that stand here for the half minute of a real service."""


@dataclass(frozen=True)
class House:
    """A service with these limits, and a token for it."""

    url: str
    token: str

    @property
    def http(self) -> httpx2.Client:
        """A player with a token."""
        return httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE)

    def head(self, *lines: str, method: str = "POST", path: str = "/lastfm/scrobble", known: bool = True) -> bytes:
        """The head of a request, without its end."""
        token = [f"Authorization: Bearer {self.token}"] if known else []
        both = [f"{method} {path} HTTP/1.1", f"Host: {httpx2.URL(self.url).netloc.decode()}", *token, *lines]
        return "\r\n".join(both).encode() + b"\r\n"


@contextmanager
def house(database: Path, limits: ConnectionLimits) -> Iterator[House]:
    """A service from its start to its end."""
    with listening_socket("127.0.0.1", 0) as sock:

        async def service(started: Started, over: asyncio.Event) -> None:
            async with tonearm.open(database) as deck, serving(deck, sock, WebOptions(), limits):
                me = await deck.listener("me")
                started(await deck.accounts.token(me.id))
                await over.wait()

        with in_a_thread(service) as token:
            yield House(address_of(sock), token)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service with the limits that it has in earnest."""
    with house(tmp_path_factory.mktemp("patient") / "plays.db", ConnectionLimits()) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service that waits for nobody."""
    with house(
        tmp_path_factory.mktemp("hasty") / "plays.db", ConnectionLimits(arrival=AT_ONCE, idle=AT_ONCE)
    ) as opened:
        yield opened


def sent_until_closed(sock: socket.socket, piece: bytes) -> bool:
    """Send the same again and again until the other side has closed, as it must at some point."""
    try:
        while True:
            sock.sendall(piece)
    except OSError:
        return True


def test_limits_are_those_that_are_promised() -> None:
    limits = ConnectionLimits()
    assert (limits.head, limits.arrival, limits.idle) == (64 * 1024, 30, 75)
    assert 0 < room_for_connections() <= MAX_CONNECTIONS + FILES_KEPT


@pytest.mark.parametrize("piece", [b"X-Many: 1\r\n" * 100, b"X-Long: " + b"x" * 1000], ids=["many", "one long"])
def test_a_head_without_an_end_is_refused_from_64_kib_on(patient: House, piece: bytes) -> None:
    with connection(patient.url) as sock:
        sock.sendall(patient.head(known=False))
        for _ in range(100):
            sock.sendall(piece)
        assert everything(sock).startswith(b"HTTP/1.1 431 ")


def test_a_head_in_one_piece_is_refused_from_64_kib_on_and_read_below(patient: House) -> None:
    for size, answer in ((60_000, 401), (70_000, 431)):
        with connection(patient.url) as sock:
            sock.sendall(patient.head(f"X-Long: {'x' * size}", path="/lastfm/scrobbles", known=False) + b"\r\n")
            assert status(sock) == answer
    with connection(patient.url) as sock:
        sock.sendall(b"GET /" + b"x" * 70_000)
        assert status(sock) == 431


def test_an_endless_trailer_ends_the_connection(patient: House) -> None:
    with connection(patient.url) as sock:
        sock.sendall(patient.head("Transfer-Encoding: chunked") + b"\r\n0\r\nX-Long: ")
        assert sent_until_closed(sock, b"x" * 1000)


def test_a_strangers_body_is_not_waited_for(patient: House) -> None:
    with connection(patient.url) as sock:
        sock.sendall(patient.head("Content-Type: application/json", "Content-Length: 2000000", known=False) + b"\r\n{")
        assert status(sock) == 401
    with connection(patient.url) as sock:
        sock.sendall(patient.head("Expect: 100-continue", "Content-Length: 2000000", known=False) + b"\r\n")
        assert status(sock) == 401


@pytest.mark.parametrize("path", ["/lastfm/scrobbles", "/lastfm/settings", "/settings", "/metadata/enrich"])
def test_a_stranger_is_401_whatever_is_sent(patient: House, path: str) -> None:
    with httpx2.Client(base_url=patient.url) as stranger:
        for body in (b"{", b"x" * 1_000_000):
            answer = stranger.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (401, 405), answer.text


def test_a_body_that_is_too_large_is_answered_though_it_is_still_on_its_way(patient: House) -> None:
    for ends in (b"", b"Connection: close\r\n"):
        with connection(patient.url) as sock:
            sock.sendall(patient.head("Content-Type: application/json", "Content-Length: 20000000") + ends + b"\r\n")
            for _ in range(200):
                sock.sendall(b" " * 100_000)
            assert status(sock) == 413


def test_what_does_not_arrive_in_time_is_408(hasty: House) -> None:
    with connection(hasty.url) as sock:
        sock.sendall(hasty.head())
        assert everything(sock).startswith(b"HTTP/1.1 408 ")
    with connection(hasty.url) as sock:
        sock.sendall(hasty.head("Content-Type: application/json", "Content-Length: 100") + b"\r\n{")
        assert everything(sock).startswith(b"HTTP/1.1 408 ")


def test_a_drop_now_and_then_does_not_keep_a_connection_open(hasty: House) -> None:
    with connection(hasty.url) as sock:
        sock.sendall(hasty.head())
        assert sent_until_closed(sock, b"X: 1\r\n")


def test_a_connection_on_which_nothing_happens_is_closed(hasty: House) -> None:
    with connection(hasty.url) as sock:
        assert everything(sock) == b""
    with connection(hasty.url) as sock:
        sock.sendall(hasty.head(method="GET", path="/health") + b"\r\n")
        assert status(sock) == 200
        assert everything(sock) == b""


def test_an_answer_that_takes_long_is_waited_for(hasty: House) -> None:
    """The limits are for what clients send, not for what they wait for."""
    with hasty.http as http:
        play = http.post("/lastfm/scrobble", json=a_play(), headers={"Prefer": "wait=1"}).json()
        assert play["status"] == "not_authenticated"
        with http.stream("GET", "/events") as events:
            for line in events.iter_lines():
                if "lastfm:queue-updated" in line:
                    break
            with hasty.http as player:
                for name in ("One", "Two", "Three"):
                    player.post("/lastfm/now-playing", json={"artist": name, "track": "x"})


def test_a_play_gets_a_connection_although_idle_ones_use_all(tmp_path: Path) -> None:
    with house(tmp_path / "plays.db", ConnectionLimits(connections=20)) as full, ExitStack() as stack:
        idle = [stack.enter_context(connection(full.url)) for _ in range(80)]
        for place, sock in enumerate(idle[-15:]):
            sock.sendall(full.head(known=False) if place % 2 else b"G")
        with full.http as player:
            assert player.post("/lastfm/scrobble", json=a_play()).status_code == 200
        assert everything(idle[0]) == b""


def test_with_every_connection_busy_one_more_has_to_come_back(tmp_path: Path) -> None:
    with house(tmp_path / "plays.db", ConnectionLimits(connections=3)) as full, ExitStack() as stack:
        for _ in range(3):
            sock = stack.enter_context(connection(full.url))
            sock.sendall(full.head(method="GET", path="/events") + b"\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        with connection(full.url) as sock:
            sock.sendall(full.head(method="GET", path="/health") + b"\r\n")
            assert status(sock) == 503


def test_a_listener_has_that_many_streams_and_another_has_them_too(patient: House) -> None:
    with ExitStack() as stack:
        for _ in range(STREAMS):
            sock = stack.enter_context(connection(patient.url))
            sock.sendall(patient.head(method="GET", path="/events") + b"\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        with patient.http as http:
            refused = http.get("/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
            assert http.post("/lastfm/scrobble", json=a_play()).status_code == 200


def test_a_post_that_is_broken_off_leaves_no_traceback(
    patient: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.WARNING)
    for path in ("/lastfm/scrobble", "/lastfm/scrobbles", "/lastfm/settings", "/settings", "/queue"):
        with connection(patient.url) as sock:
            sock.sendall(patient.head("Content-Type: application/json", "Content-Length: 100", path=path) + b"\r\n{")
    with patient.http as http:
        assert http.get("/health").status_code == 200
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_bytes_that_are_not_http_are_400(patient: House) -> None:
    with connection(patient.url) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert status(sock) == 400


def test_requests_that_come_together_are_answered_in_their_order_and_nonsense_after_them_last(patient: House) -> None:
    with connection(patient.url) as sock:
        one = patient.head(method="GET", path="/health") + b"\r\n"
        other = patient.head(method="GET", path="/lastfm/settings", known=False) + b"\r\n"
        sock.sendall(one + other + one + b"nonsense\r\n\r\n")
        answers = everything(sock)
    assert [int(found) for found in re.findall(rb"HTTP/1.1 (\d+)", answers)] == [200, 401, 200, 400]
