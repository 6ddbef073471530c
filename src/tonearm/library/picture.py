"""Reads the colours of a picture in a process of its own, so that a hostile file can only harm that process.

It gets the bytes, decodes at most `LARGEST` pixels within `SECONDS` of processor time and `MEMORY`, and answers with a
few pixels. Only that process imports Pillow, so that a service doesn't grow even after a thousand covers.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from tonearm.core.tint import Rgb

SIDE = 24
"""The answer has this many pixels in a row, and this many rows."""

LARGEST = 16 * 2**20
"""Pixels; a cover has a tenth of a million."""

MEMORY, SECONDS = 768 * 2**20, 5
"""What the process may use: bytes of address space, most of which is only reserved, and seconds of the processor."""

PATIENCE = 20.0
"""Seconds for an answer, on a machine that is busy."""

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")

_START = "import sys; sys.path += sys.argv[1:]; from tonearm.library.picture import main; main()"


async def pixels(body: bytes) -> list[Rgb]:
    """A few pixels that represent the picture; none if it can't be read, or if Pillow is not installed."""
    # -I: nothing is imported from the current folder.
    folders = [str(Path(__file__).parents[2]), *filter(None, sys.path)]
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _START, *folders),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is for us
        )
    except OSError:
        return []
    try:
        async with asyncio.timeout(PATIENCE):
            answer, _ = await process.communicate(body)
    except TimeoutError:
        return []
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if len(answer) != 3 * SIDE * SIDE:
        return []
    return [(answer[at], answer[at + 1], answer[at + 2]) for at in range(0, len(answer), 3)]


def main() -> None:
    """Read a picture from standard input and write its pixels to standard output; nothing if it can't be read."""
    import resource

    for what, limit in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (limit, limit))
    sys.stdout.buffer.write(reduced(sys.stdin.buffer.read()))


def reduced(body: bytes) -> bytes:
    """The picture in SIDE by SIDE pixels, three bytes for each; empty if it isn't a picture, or is too large."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return b""
    try:
        with Image.open(BytesIO(body), formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST:
                return b""
            picture.draft("RGB", (SIDE * 2, SIDE * 2))  # a JPEG is decoded directly at that size
            return picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError, UnidentifiedImageError):
        return b""
