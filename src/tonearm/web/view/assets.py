"""Styles, scripts and pictures: each under an address that holds its hash, so that a browser may keep it for ever."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "static"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of ours, as it is and packed."""

    url: str
    media: str
    body: bytes = field(repr=False)
    packed: bytes = field(repr=False)


def _read(file: Path) -> Asset:
    body = file.read_bytes()
    name = f"{file.stem}.{sha256(body).hexdigest()[:12]}{file.suffix}"
    return Asset(f"/static/{name}", _MEDIA[file.suffix], body, gzip.compress(body, 9, mtime=0))


_BY_NAME = {file.name: _read(file) for file in sorted(_FOLDER.rglob("*")) if file.suffix in _MEDIA}
_BY_URL = {asset.url: asset for asset in _BY_NAME.values()}


def url(name: str) -> str:
    """The address of a file; KeyError where there is none of that name."""
    return _BY_NAME[name].url


def at(path: str) -> Asset | None:
    """The file at an address; None where there is none, or was one of other content."""
    return _BY_URL.get(path)
