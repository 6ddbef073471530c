"""Styles, scripts and pictures: each has its hash in its address, so that browsers can cache it for ever."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "static"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_MANIFEST = "manifest.webmanifest"
_OURS = (".js", ".css")
_PACKED = ".gz"
"""Scripts of others are stored packed, as `gzip -9 -n` packs them: the base install has to stay small."""
_UNREAD = re.compile(rb"(?:^|[ \t])[ \t]*//[^'\"`\n]*$|^[ \t]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One of our files, plain and compressed."""

    url: str
    media: str
    body: bytes = field(repr=False)
    gzipped: bytes = field(repr=False)


def _asset(name: str, media: str, body: bytes) -> Asset:
    stem, dot, suffix = name.rpartition(".")
    url = f"/static/{stem}.{sha256(body).hexdigest()[:12]}{dot}{suffix}"
    return Asset(url, media, body, gzip.compress(body, 9, mtime=0))


def _manifest(files: Mapping[str, Asset]) -> Asset:
    """The web app manifest, with the current addresses of its icons."""
    manifest = json.loads((_FOLDER / _MANIFEST).read_bytes())
    for icon in manifest["icons"]:
        icon["src"] = files[icon["src"]].url.rpartition("/")[2]
    return _asset(_MANIFEST, "application/manifest+json", json.dumps(manifest).encode())


def lean(source: bytes) -> bytes:
    """A script or style as it is sent: without indentation and comments to the end of a line, except comments with a
    quotation mark, which might be within a string.
    """
    return re.sub(rb"\n{2,}", b"\n", _UNREAD.sub(b"", source)).lstrip(b"\n")


def _body(file: Path) -> bytes:
    body = file.read_bytes()
    if file.suffix == _PACKED:
        return gzip.decompress(body)
    return lean(body) if file.suffix in _OURS and file.parent == _FOLDER else body


def _read() -> Iterator[tuple[str, Asset]]:
    for file in sorted(_FOLDER.rglob("*")):
        name = file.name.removesuffix(_PACKED)
        media = _MEDIA.get(Path(name).suffix)
        if media:
            yield name, _asset(name, media, _body(file))


_BY_NAME = dict(_read())
_BY_NAME[_MANIFEST] = _manifest(_BY_NAME)
_OFFLINE_FILES = ("page.css", "offline.js", "favicon.svg")
_BY_URL = {asset.url: asset for asset in _BY_NAME.values()}


def url(name: str) -> str:
    """The address of a file; KeyError if there is none with that name."""
    return _BY_NAME[name].url


def worker(root: str, page: str) -> str:
    """The service worker: it caches the page at `page` with the files that this page loads; `root` as in addresses."""
    files = [root + url(name) for name in _OFFLINE_FILES]
    text = _BY_NAME["worker.js"].body.decode()
    digest = sha256(json.dumps([files, page, text]).encode()).hexdigest()[:12]
    facts = {"CACHE": f"tonearm-offline-{digest}", "PAGE": page, "FILES": files}
    return "".join(f"const {name} = {json.dumps(value)};\n" for name, value in facts.items()) + text


def find(path: str) -> Asset | None:
    """The file at an address; None if there is none, or if its content has changed."""
    return _BY_URL.get(path)
