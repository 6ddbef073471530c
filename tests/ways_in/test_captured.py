"""What real players sent, byte for byte, is accepted over a socket: each play once, with the answer that they got."""

from __future__ import annotations

import re
import socket
import time
from hashlib import md5
from http.client import HTTPResponse
from pathlib import Path

import httpx2
import pytest

from tests.ingest.test_captured import PLAYS
from tests.patience import PATIENCE
from tests.ways_in.conftest import Room
from tonearm.service.players import NewPlayer

USER = "testuser"

ONE_AND_THE_SAME = {"strawberry": 1}
"""Plays that were sent by two protocols."""


def hexed(text: str) -> bytes:
    return md5(text.encode()).hexdigest().encode()


def send(url: str, request: bytes) -> tuple[int, bytes]:
    """The status and the body of an answer to these bytes."""
    at = httpx2.URL(url)
    with socket.create_connection((at.host, at.port or 80), timeout=PATIENCE) as sock:
        sock.sendall(request)
        answer = HTTPResponse(sock)
        answer.begin()
        return answer.status, answer.read()


class Secrets:
    """Replaces the secrets of a captured player: everything else stays as it was sent."""

    def __init__(self, room: Room, player: NewPlayer) -> None:
        self.room = room
        self.secret = player.secret
        self.session = b""

    def in_place(self, raw: bytes) -> bytes:
        """The request with our own secrets, which are as long as the original ones if that matters."""
        raw = raw.replace(b"Token lztoken", b"Token " + self.secret.encode())
        if b"?hs=true&p=1.2" in raw:
            at = str(int(time.time()))
            auth = hexed(hexed(self.secret).decode() + at)
            raw = re.sub(rb"&t=\d+", b"&t=" + at.encode(), raw, count=1)
            return re.sub(rb"&a=[0-9a-f]{32}", b"&a=" + auth, raw, count=1)
        if b"/2.0/" in raw[:30]:
            self.session = self.session or self.mobile_session()
            return raw.replace(b"sk000000000000000000000000000000", self.session)
        return re.sub(rb"(?<=[\n&])((?:u=testuser&)?s=)[0-9a-f]{32}", rb"\g<1>" + self.session, raw)

    def mobile_session(self) -> bytes:
        sent = {"method": "auth.getMobileSession", "username": USER, "password": self.secret, "format": "json"}
        return str(httpx2.post(f"{self.room.url}/2.0/", data=sent).json()["session"]["key"]).encode()

    def remember(self, body: bytes) -> None:
        """The session that a handshake was answered with, or in 1.1 what its challenge makes of the secret."""
        lines = body.decode().splitlines()
        if lines[:1] == ["OK"] and len(lines) > 1:
            self.session = lines[1].encode()
        if lines[:1] == ["UPTODATE"]:
            self.session = hexed(hexed(self.secret).decode() + lines[1])


def in_order(folder: Path) -> list[Path]:
    """The requests as they were sent: handshakes first."""
    return sorted(folder.glob("*.raw"), key=lambda file: (not file.name.startswith("handshake"), file.name))


@pytest.mark.parametrize("program", PLAYS)
def test_every_captured_request_is_answered_and_its_plays_are_kept(room: Room, test_data: Path, program: str) -> None:
    secrets = Secrets(room, room.player("audioscrobbler", USER))
    for file in in_order(test_data / "captured" / program):
        status, body = send(room.url, secrets.in_place(file.read_bytes()))
        secrets.remember(body)
        response = file.with_suffix(".resp")
        if response.exists():
            first, _, was = response.read_bytes().partition(b"\n")
            assert status == int(first.split()[0]), file
            if was.startswith((b"OK", b'{"status"')):
                assert body.splitlines()[0] == was.splitlines()[0], file
        else:
            assert status == 200, file
            assert body.startswith((b"OK\n", b"UPTODATE\n", b"{", b"<?xml")), (file, body)
            assert b'status="failed"' not in body, (file, body)
    token = room.service.token_of(USER)
    found = httpx2.get(f"{room.url}/lastfm/queue?limit=500", headers={"Authorization": f"Bearer {token}"}).json()
    assert len(found["plays"]) == PLAYS[program] - ONE_AND_THE_SAME.get(program, 0)
