"""Pictures of the stand-in: what answers name can be fetched from it, and is a picture."""

from __future__ import annotations

import re
import struct
import zlib

import httpx2
import pytest

from lastfm_emulator import Emulator, serve
from lastfm_emulator.shelf import PICTURES

from .caller import Caller

NAME = "0123456789abcdef" * 2


def get(emulator: Emulator, path: str) -> httpx2.Response:
    with serve(emulator) as address:
        return httpx2.get(f"{address.base_url}{path}")


@pytest.mark.parametrize(("folder", "side"), [("34s", 34), ("300x300", 300), ("9999s", 300)])
def test_a_picture_is_a_square_of_the_size_that_its_address_names(folder: str, side: int) -> None:
    answer = get(Emulator(), f"/i/u/{folder}/{NAME}.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert struct.unpack(">II", answer.content[16:24]) == (side, side)
    (length,) = struct.unpack(">I", answer.content[33:37])
    rows = zlib.decompress(answer.content[41 : 41 + length])
    assert rows == (b"\0" + bytes.fromhex(NAME[:6]) * side) * side


@pytest.mark.parametrize("path", ["/i/u/", "/i/u/34s/x.png", f"/i/u/34s/{NAME}.svg", f"/i/u/a/{NAME}.png"])
def test_any_other_address_has_none(path: str) -> None:
    assert get(Emulator(), path).status_code == 404


def test_answers_name_the_addresses_of_pictures() -> None:
    emulator = Emulator()
    asked = {"artist": "Can", "album": "Tago Mago", "sk": None}
    caller = Caller(emulator, "")
    assert PICTURES.encode() in caller.ask_all("album.getInfo", asked, "GET").body
    emulator.pictures_at = "http://localhost:9/i/u"
    answered = caller.ask_all("album.getInfo", asked, "GET").body
    assert PICTURES.encode() not in answered
    assert re.search(rb"http://localhost:9/i/u/300x300/[0-9a-f]{32}\.png", answered)
