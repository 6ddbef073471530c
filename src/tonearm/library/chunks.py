"""Chunks of RIFF, RF64 and AIFF: their text, and the length of the sound, by what is actually in the file.

WAVE: http://soundfile.sapp.org/doc/WaveFormat/, RF64: https://tech.ebu.ch/docs/tech/tech3306v1_1.pdf,
AIFF: https://www.loc.gov/preservation/digital/formats/fdd/fdd000005.shtml, MP4:
https://developer.apple.com/documentation/quicktime-file-format
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple

_LARGEST_TEXT = 2**20
_MAX_CHUNKS = 10_000
_LARGEST_MOVIE = 16 * 2**20
_VIDEO_HANDLER = re.compile(rb"hdlr.{8}vide", re.DOTALL)
_NOT_COMPRESSED = (0x0001, 0x0003, 0xFFFE)
"""PCM, floating point, and each of them with an extended header."""
_SLOWEST = 1000
"""Bits a second, below what any codec in a WAVE file has."""
_TEXT_OF_AIFF = (b"NAME", b"AUTH")


class Chunk(NamedTuple):
    """A chunk's name, the offset of its content, and how many bytes of it are in the file."""

    name: bytes
    offset: int
    size: int


class Wave(NamedTuple):
    """A WAVE file: the text of its INFO list by lower-case name, the offset of its ID3 tag, and its length in seconds
    or None.
    """

    info: dict[str, list[str]]
    id3: Chunk | None
    seconds: float | None


def chunks(file: BinaryIO, start: int, end: int, order: str) -> Iterator[Chunk]:
    """The chunks between two offsets; one that claims to be longer ends at the second offset. `order` as in
    `struct`.
    """
    for _ in range(_MAX_CHUNKS):
        if start + 8 > end:
            return
        file.seek(start)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        chunk = Chunk(name, start + 8, min(size, end - start - 8))
        yield chunk
        start = chunk.offset + size + size % 2


def wave(file: BinaryIO, size: int) -> Wave | None:
    """The WAVE file with this content, or None if it isn't one or is damaged."""
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    info: dict[str, list[str]] = {}
    form, id3, samples, sound = b"", None, 0, 0
    for chunk in chunks(file, 12, size, "<"):
        match chunk.name:
            case b"fmt " if chunk.size >= 16:
                form = _content(file, chunk)
            case b"fact" if chunk.size >= 4:
                samples = struct.unpack("<I", _content(file, chunk)[:4])[0]
            case b"data":
                sound = sound or chunk.size
            case b"LIST":
                info |= _info(_content(file, chunk))
            case b"id3 " | b"ID3 ":
                id3 = chunk
            case _:
                pass
    return Wave(info, id3, _seconds(form, samples, sound)) if form else None


def _seconds(form: bytes, samples: int, sound: int) -> float | None:
    """The length of that many bytes of sound. If they are compressed, the header's bytes per second are unreliable."""
    kind, _, sample_rate, byte_rate = struct.unpack("<HHII", form[:12])
    if kind not in _NOT_COMPRESSED and sample_rate and 0 < samples / sample_rate * _SLOWEST < sound * 8:
        return float(samples / sample_rate)
    return float(sound / byte_rate) if byte_rate else None


def aiff_text(file: BinaryIO, size: int) -> dict[str, list[str]]:
    """The text chunks of an AIFF file by name in lower case."""
    file.seek(0)
    if file.read(4) != b"FORM":
        return {}
    there = [chunk for chunk in chunks(file, 12, size, ">") if chunk.name in _TEXT_OF_AIFF]
    return {chunk.name.decode().lower(): [text(_content(file, chunk))] for chunk in there}


def has_video(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 file has a video track."""
    start = 0
    while start + 16 <= size:
        file.seek(start)
        length, name, longer = struct.unpack(">I4sQ", file.read(16))
        length = longer if length == 1 else length or size - start
        if name == b"moov":
            file.seek(start)
            return _VIDEO_HANDLER.search(file.read(min(length, _LARGEST_MOVIE))) is not None
        start += max(length, 8)
    return False


def text(content: bytes) -> str:
    """The text of bytes: UTF-8 as programs write it today, otherwise what Windows and Macintosh programs used to
    write.
    """
    content = content.partition(b"\0")[0]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "ignore")


def _info(content: bytes) -> dict[str, list[str]]:
    if content[:4] != b"INFO":
        return {}
    found = chunks(BytesIO(content), 4, len(content), "<")
    return {
        chunk.name.decode("latin-1").lower(): [text(content[chunk.offset : chunk.offset + chunk.size])]
        for chunk in found
    }


def _content(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk.offset)
    return file.read(min(chunk.size, _LARGEST_TEXT))
