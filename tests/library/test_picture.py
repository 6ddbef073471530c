"""The colours of a picture: read apart, and nothing that a hostile file asks for."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from tonearm.library import picture

pytestmark = pytest.mark.anyio

RED = (200, 10, 20)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def encoded(form: str, size: tuple[int, int] = (300, 300), mode: str = "RGB", colour: object = RED) -> bytes:
    body = BytesIO()
    Image.new(mode, size, colour).save(body, form)  # type: ignore[arg-type]  # as the mode wants it
    return body.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG whose head says that it is so large, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_a_cover_becomes_a_few_pixels(form: str) -> None:
    found = await picture.pixels(encoded(form))
    assert len(found) == picture.SIDE**2
    assert all(abs(part - wanted) < 12 for pixel in found for part, wanted in zip(pixel, RED, strict=True))


@pytest.mark.parametrize(
    "body",
    [b"", b"<svg/>", encoded("JPEG")[:40], encoded("BMP"), png_of(60_000, 60_000), png_of(4097, 4097), png_of(0, 5)],
    ids=["nothing", "svg", "cut off", "another format", "bomb", "too large", "no size"],
)
async def test_what_is_not_a_cover_has_no_pixels(body: bytes) -> None:
    assert picture.reduced(body) == b""
    assert await picture.pixels(body) == []


def test_palettes_and_transparency_are_colours_too() -> None:
    for mode, colour in (("P", 3), ("RGBA", (*RED, 0)), ("L", 9), ("CMYK", (0, 9, 9, 9))):
        assert len(picture.reduced(encoded("JPEG" if mode == "CMYK" else "PNG", mode=mode, colour=colour))) == 1728


async def test_a_process_that_cant_start_or_answer_gives_no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_START", "import time; time.sleep(60)")
    monkeypatch.setattr(picture, "PATIENCE", 0.01)
    assert await picture.pixels(encoded("PNG")) == []
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert await picture.pixels(encoded("PNG")) == []
