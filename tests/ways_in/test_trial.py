"""A player on trial: its play arrives at a real service, and nothing of it is kept."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from lastfm_emulator import Emulator
from tests.api.conftest import running
from tests.databases import with_tables
from tests.ways_in.conftest import Room
from tonearm.service.player_trial import PlayerTrial, _trouble, try_out
from tonearm.service.players import MEDIA_SERVERS, NewPlayer, PlayerKind


def trial(room: Room, new: NewPlayer, base: str = "") -> PlayerTrial:
    deck = room.service.deck
    found = room.service.call(try_out(deck.players, deck.player_reports, deck.clock, new.player, base or room.url))
    assert isinstance(found, PlayerTrial)
    return found


@pytest.mark.parametrize("kind", list(PlayerKind))
def test_a_play_of_each_kind_of_player_arrives_and_is_not_kept(room: Room, kind: PlayerKind) -> None:
    player = room.player(kind)
    for _ in range(2):
        found = trial(room, player)
        assert (found.problem, found.taken.status) == ("", "queued")
        assert found.unmapped == (kind in MEDIA_SERVERS)
    assert room.plays() == []
    deck, me = room.service.deck, player.player.account
    assert [one.name for one in room.service.call(deck.players.of(me))] == [player.player.name]
    assert room.again(player).heard_at == 0


class Proxy(BaseHTTPRequestHandler):
    """Something that isn't this service."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_what_answers_instead_of_the_service_is_named(room: Room, proxy: str) -> None:
    player = room.player("audioscrobbler")
    assert "answers with a web page" in trial(room, player, proxy).problem
    assert "(connection refused)" in trial(room, player, "http://127.0.0.1:9").problem
    assert "(no such host)" in trial(room, player, "http://nowhere.invalid").problem
    assert "(not an http address)" in trial(room, player, "nas:8723").problem
    assert "does not speak TLS" in trial(room, player, room.url.replace("http:", "https:")).problem
    assert _trouble(httpx2.ReadTimeout("")) == "no answer within 10 s"
    assert _trouble(httpx2.ReadError("")) == "the connection broke"
    assert "not trusted" in _trouble(ssl.SSLError())


def test_another_service_does_not_know_the_player(room: Room, tmp_path: Path, tables: Path) -> None:
    with running(with_tables(tmp_path / "other.db", tables), Emulator(), signed_in=False) as other:
        for kind in PlayerKind:
            assert "it uses another database" in trial(room, room.player(kind), other.url).problem
