"""Head and body of an answer are sent in one piece: VLC 3.0.24 reads once, and treats anything later as success."""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.api.raw import connection
from tests.api.test_hostile_connections import house
from tonearm.http_connection import ConnectionLimits


def test_one_read_gets_the_whole_answer(tmp_path: Path) -> None:
    with house(tmp_path / "plays.db", ConnectionLimits()) as service, connection(service.url) as sock:
        host = httpx2.URL(service.url).netloc.decode()
        for path in ("/1/validate-token?token=nonsense", "/1/nowhere", "/health") * 20:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            head, _, body = sock.recv(65536).partition(b"\r\n\r\n")
            (length,) = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length")]
            assert len(body) == int(length)
            assert body


def test_an_answer_without_a_body_leaves_at_once(tmp_path: Path) -> None:
    with house(tmp_path / "plays.db", ConnectionLimits()) as service, connection(service.url) as sock:
        host = httpx2.URL(service.url).netloc.decode()
        for method, path in (("OPTIONS", "/1/submit-listens"), ("HEAD", "/health"), ("HEAD", "/1/nowhere")):
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert sock.recv(65536).endswith(b"\r\n\r\n")
