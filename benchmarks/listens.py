"""A server with ListenBrainz's API over real HTTP, in threads of this process: where plays go besides Last.fm."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Lock, Thread
from urllib.parse import urlsplit

from benchmarks import rig
from benchmarks.simulation.listen_server import Lasting, ListenServer, Said, Trouble
from tonearm.core.destination import DestinationKind
from tonearm.store.destinations import StoredDestination

TROUBLES = (Trouble.LOST, Trouble.HANG_UP, Trouble.BROKEN, Trouble.CUT, Trouble.AWAY, Trouble.GATEWAY)
_SLOW = 0.3
"""Seconds that an answer takes now and then, after everything is stored."""

_TOKEN, _USER = "a-token", "listener"


@dataclass(slots=True)
class Listens:
    """The server. A share `faulty` of the requests meets one of the `TROUBLES`, and a share `slow` is slow."""

    chance: Random
    server: ListenServer = field(init=False)
    faulty: float = 0.0
    slow: float = 0.0
    url: str = ""
    token: str = _TOKEN
    _turn: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.server = ListenServer("127.0.0.1", "\0", time.monotonic, time.time, users={_TOKEN: _USER})

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Said | None:
        """The answer to a request; None: the connection ends without one."""
        address = urlsplit(path)
        with self._turn:
            if self.chance.random() < self.faulty:
                self.server.troubles.append(Lasting(self.chance.choice(TROUBLES), calls=1))
            said = self.server.answer(address.path, address.query, headers, body)
            slow = self.chance.random() < self.slow
        time.sleep(_SLOW * slow)
        return said

    def stored(self) -> Sequence[tuple[str, str, int]]:
        """What it has: artist, title and start of each listen."""
        with self._turn:
            return [(listen.artist, listen.title, listen.at) for listen in self.server.stored.values()]


async def add(other: Listens, listener: rig.Listener, lastfm: rig.LastFm) -> int:
    """Add the server to a listener's destinations; returns its number."""
    async with rig.deck_on(listener.database, lastfm.url, deliver=False) as deck:
        me = await deck.listener()
        added = await deck.destinations.add(me.id, DestinationKind.LISTENBRAINZ, other.url, other.token)
        assert isinstance(added, StoredDestination), added
        return added.id


@contextmanager
def listens(chance: Random) -> Iterator[Listens]:
    """The server, while the block lasts."""
    behind = Listens(chance)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("content-length", 0))))

        def _answer(self, body: bytes) -> None:
            said = behind.answer(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if said is None:
                self.close_connection = True
                return
            self.send_response_only(said.status)
            for name, value in {**said.headers, "Content-Length": str(len(said.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of a service that was killed while it was answered."""

    with Server(("127.0.0.1", 0), Handler) as server:
        behind.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield behind
        finally:
            server.shutdown()
            thread.join()
