"""Requests that real players have sent, as they were captured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Captured:
    """One request, and the body of the answer that the player got for it (b"" if it was not kept)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    answer: bytes


def read(file: Path) -> Captured:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    url = urlsplit(target)
    response = file.with_suffix(".resp")
    answer = response.read_bytes().partition(b"\n")[2] if response.exists() else b""
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Captured(method, url.path, query, headers, body[: int(headers.get("content-length", 0))], answer)
