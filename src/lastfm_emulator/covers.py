"""Images: a square in a different colour for each name, so that clients have covers to show."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final

from lastfm_emulator.request import Reply, page

_PATH: Final = re.compile(r"/i/u/(\d+)(?:s|x\d+)/([0-9a-f]{32})\.(?:png|jpg)")
_LARGEST: Final = 300


def answer(path: str) -> Reply:
    """The image at an address of the kind that Last.fm gives, whatever its name; 404 for any other."""
    found = _PATH.fullmatch(path)
    if found is None:
        return page("<p>There is no such picture here.", 404)
    side, name = min(int(found[1]), _LARGEST), found[2]
    return Reply(200, png(side, bytes.fromhex(name[:6])), (("content-type", "image/png"),))


def png(side: int, colour: bytes) -> bytes:
    """A square: http://www.libpng.org/pub/png/spec/1.2/PNG-Structure.html"""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * side) * side
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
