"""Real, tiny, tagged audio files: silence, written byte by byte, as long as they say they are.

For the tests of the scanner and for the benchmark, which both want thousands of them in seconds. Formats:
MPEG https://www.datavoyage.com/mpgscript/mpeghdr.htm, ID3 https://id3.org/id3v2.4.0-structure, FLAC
https://www.rfc-editor.org/rfc/rfc9639, Ogg https://www.rfc-editor.org/rfc/rfc3533, Vorbis
https://xiph.org/vorbis/doc/Vorbis_I_spec.html, Opus https://www.rfc-editor.org/rfc/rfc7845, MP4
https://developer.apple.com/documentation/quicktime-file-format, WAVE http://soundfile.sapp.org/doc/WaveFormat/
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says about itself. An empty tag is not written; `mbid` is a MusicBrainz recording."""

    artist: str = ""
    title: str = ""
    album: str = ""
    album_artist: str = ""
    track_number: int = 0
    mbid: str = ""


# --- MP3: MPEG 2 layer III, 16 kHz, 8 kbit/s, mono: 36 bytes are 36 ms ---------------------------------------

_MP3_RATE, _MP3_SAMPLES, _MP3_LENGTH = 16_000, 576, 36
_MP3_HEADER = b"\xff\xf3\x18\xc0"
_MP3_SIDE_INFO = bytes(9)  # no bits for the granule: silence


@lru_cache
def _mp3_stream(seconds: float) -> bytes:
    frames = _frames(seconds, _MP3_RATE, _MP3_SAMPLES)
    size = (frames + 1) * _MP3_LENGTH
    info = _MP3_HEADER + _MP3_SIDE_INFO + b"Info" + struct.pack(">III", 3, frames, size)
    return info.ljust(_MP3_LENGTH, b"\0") + _MP3_HEADER.ljust(_MP3_LENGTH, b"\0") * frames


def mp3(tags: Tags, seconds: float = 1.0) -> bytes:
    """ID3v2.4, texts in UTF-8."""
    return _id3(tags, 4) + _mp3_stream(seconds)


def mp3_of_2003(tags: Tags, seconds: float = 1.0) -> bytes:
    """ID3v2.3, texts in UTF-16 with a byte order mark, as most players of that time write them."""
    return _id3(tags, 3) + _mp3_stream(seconds)


def _id3(tags: Tags, version: int) -> bytes:
    frames = b"".join(
        _id3_frame(name, _id3_text(text, version), version)
        for name, text in (
            (b"TIT2", tags.title),
            (b"TPE1", tags.artist),
            (b"TALB", tags.album),
            (b"TPE2", tags.album_artist),
            (b"TRCK", str(tags.track_number or "")),
        )
        if text
    )
    if tags.mbid:
        owner_and_id = b"http://musicbrainz.org\0" + tags.mbid.encode()
        frames += _id3_frame(b"UFID", owner_and_id, version)
    return b"ID3" + bytes((version, 0, 0)) + _synchsafe(len(frames)) + frames if frames else b""


def _id3_text(text: str, version: int) -> bytes:
    return b"\x03" + text.encode() if version == 4 else b"\x01\xff\xfe" + text.encode("utf-16-le")


def _id3_frame(name: bytes, content: bytes, version: int) -> bytes:
    size = _synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
    return name + size + b"\0\0" + content


def _synchsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


# --- FLAC: 8 kHz, 16 bit, mono, each block one constant -------------------------------------------------------

_FLAC_RATE, _FLAC_BLOCK = 8_000, 4_608


def flac(tags: Tags, seconds: float = 1.0) -> bytes:
    """Vorbis comments, as FLAC has them."""
    info, frames = _flac_stream(seconds)
    comments = _vorbis_comments(tags)
    return b"fLaC" + info + b"\x84" + len(comments).to_bytes(3, "big") + comments + frames


@lru_cache
def _flac_stream(seconds: float) -> tuple[bytes, bytes]:
    samples = max(16, round(seconds * _FLAC_RATE))
    blocks = [_FLAC_BLOCK] * (samples // _FLAC_BLOCK)
    if samples % _FLAC_BLOCK:
        blocks.append(samples % _FLAC_BLOCK)
    frames = [_flac_frame(number, block) for number, block in enumerate(blocks)]
    sizes = [len(frame) for frame in frames]
    info = struct.pack(">HH", _FLAC_BLOCK, _FLAC_BLOCK)
    info += min(sizes).to_bytes(3, "big") + max(sizes).to_bytes(3, "big")
    info += (_FLAC_RATE << 44 | 0 << 41 | 15 << 36 | samples).to_bytes(8, "big")
    info += hashlib.md5(bytes(2 * samples), usedforsecurity=False).digest()
    return b"\x00" + len(info).to_bytes(3, "big") + info, b"".join(frames)


def _flac_frame(number: int, samples: int) -> bytes:
    whole = samples == _FLAC_BLOCK
    header = b"\xff\xf8" + bytes((0x54 if whole else 0x74, 0x08)) + chr(number).encode()
    header += b"" if whole else struct.pack(">H", samples - 1)
    header += bytes((_crc(header, 8, 0x07),))
    frame = header + b"\x00" + b"\x00\x00"  # a constant subframe and its value
    return frame + struct.pack(">H", _crc(frame, 16, 0x8005))


def _crc(data: bytes, width: int, polynomial: int) -> int:
    crc, top, mask = 0, 1 << (width - 1), (1 << width) - 1
    for byte in data:
        crc ^= byte << (width - 8)
        for _ in range(8):
            crc = ((crc << 1) ^ (polynomial if crc & top else 0)) & mask
    return crc


def _vorbis_comments(tags: Tags) -> bytes:
    comments = [
        f"{name}={text}".encode()
        for name, text in (
            ("TITLE", tags.title),
            ("ARTIST", tags.artist),
            ("ALBUM", tags.album),
            ("ALBUMARTIST", tags.album_artist),
            ("TRACKNUMBER", str(tags.track_number or "")),
            ("MUSICBRAINZ_TRACKID", tags.mbid),
        )
        if text
    ]
    vendor = b"silence"
    return b"".join(
        struct.pack("<I", len(part)) + part if part is not None else struct.pack("<I", len(comments))
        for part in (vendor, None, *comments)
    )


# --- Ogg: pages with their checksums, around Vorbis and Opus --------------------------------------------------

_BITS_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_BEGINS, _ENDS = 2, 4


def _ogg_page(kind: int, granule: int, number: int, packets: list[bytes]) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    body = bytes((len(lacing),)) + lacing + b"".join(packets)
    head = b"OggS\0" + bytes((kind,)) + struct.pack("<qII", granule, 1, number)
    return head + _ogg_checksum(head + bytes(4) + body) + body


def _ogg_checksum(page: bytes) -> bytes:
    """Ogg's CRC runs over the bits in the other direction than zlib's and starts at zero."""
    turned = zlib.crc32(page.translate(_BITS_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2).to_bytes(4, "little")


def _ogg(heads: list[list[bytes]], audio: Callable[[int], bytes]) -> bytes:
    pages = [_ogg_page(0 if n else _BEGINS, 0, n, packets) for n, packets in enumerate(heads)]
    return b"".join(pages) + audio(len(pages))


def _ogg_audio(first_page: int, packet: bytes, count: int, granule: Callable[[int], int]) -> bytes:
    pages: list[bytes] = []
    for done in range(0, count, 255):
        end = min(count, done + 255)
        kind = _ENDS if end == count else 0
        pages.append(_ogg_page(kind, granule(end), first_page + len(pages), [packet] * (end - done)))
    return b"".join(pages)


_VORBIS_RATE, _VORBIS_BLOCK = 8_000, 8_192


def ogg(tags: Tags, seconds: float = 1.0) -> bytes:
    """Ogg Vorbis. The first packet only primes the decoder, the others give half a block each."""
    comments = b"\x03vorbis" + _vorbis_comments(tags) + b"\x01"
    return _ogg([[_vorbis_identity()], [comments, _vorbis_setup()]], lambda page: _vorbis_audio(page, seconds))


@lru_cache
def _vorbis_audio(page: int, seconds: float) -> bytes:
    packets = 1 + _frames(seconds, _VORBIS_RATE, _VORBIS_BLOCK // 2)
    return _ogg_audio(page, b"\0", packets, lambda end: (end - 1) * _VORBIS_BLOCK // 2)


def _vorbis_identity() -> bytes:
    return b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, _VORBIS_RATE, 0, 0, 0, 0xDD, 1)


@lru_cache
def _vorbis_setup() -> bytes:
    """One codebook of two one-bit words, a floor without a curve, an empty residue, one mapping, one mode."""
    bits: list[str] = []

    def put(value: int, width: int) -> None:
        bits.append(f"{value:0{width}b}"[::-1])

    for value, width in (
        *((0, 8), (0x564342, 24), (1, 16), (2, 24), (0, 1), (0, 1), (0, 5), (0, 5), (0, 4)),  # codebook
        *((0, 6), (0, 16)),  # time domain, unused
        *((0, 6), (1, 16), (0, 5), (0, 2), (4, 4)),  # floor 1 with no partitions
        *((0, 6), (0, 16), (0, 24), (0, 24), (31, 24), (0, 6), (0, 8), (0, 3), (0, 1)),  # residue 0
        *((0, 6), (0, 16), (0, 1), (0, 1), (0, 2), (0, 8), (0, 8), (0, 8)),  # mapping 0
        *((0, 6), (0, 1), (0, 16), (0, 16), (0, 8)),  # mode
        (1, 1),  # framing
    ):
        put(value, width)
    stream = "".join(bits)
    packed = bytes(int(stream[at : at + 8][::-1], 2) for at in range(0, len(stream), 8))
    return b"\x05vorbis" + packed


_OPUS_SAMPLES, _OPUS_SKIP = 2_880, 312
"""At 48 kHz: one packet of 60 ms, and what a decoder drops at the start."""


def opus(tags: Tags, seconds: float = 1.0) -> bytes:
    """Ogg Opus, packets of silence that is not transmitted."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _OPUS_SKIP, 48_000, 0, 0)
    return _ogg([[head], [b"OpusTags" + _vorbis_comments(tags)]], lambda page: _opus_audio(page, seconds))


@lru_cache
def _opus_audio(page: int, seconds: float) -> bytes:
    packets = _frames(seconds, 48_000, _OPUS_SAMPLES)
    length = packets * _OPUS_SAMPLES + _OPUS_SKIP
    return _ogg_audio(page, b"\x18", packets + 1, lambda end: min(end * _OPUS_SAMPLES, length))


# --- M4A: AAC-LC, 8 kHz, mono, each frame four bytes ------------------------------------------------------------

_AAC_RATE, _AAC_SAMPLES = 8_000, 1_024
_AAC_SILENCE = b"\0\0\0\x07"  # a single channel element with no scale factor bands, then the end


def m4a(tags: Tags, seconds: float = 1.0) -> bytes:
    """AAC in MP4 with the tags that iTunes writes."""
    start, movie = _m4a_stream(seconds)
    return start + _atom(b"moov", movie + _atom(b"udta", _m4a_tags(tags)))


def _atom(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", len(content) + 8) + name + content


@lru_cache
def _m4a_stream(seconds: float) -> tuple[bytes, bytes]:
    frames = _frames(seconds, _AAC_RATE, _AAC_SAMPLES)
    length = frames * _AAC_SAMPLES
    kind = _atom(b"ftyp", b"M4A \0\0\0\0M4A mp42isom")
    start = kind + _atom(b"mdat", _AAC_SILENCE * frames)
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie_head = struct.pack(">5IIHH2I", 0, 0, 0, _AAC_RATE, length, 0x10000, 0x100, 0, 0, 0)
    movie = _atom(b"mvhd", movie_head + matrix + bytes(24) + struct.pack(">I", 2))
    track_head = struct.pack(">6I2I4H", 7, 0, 0, 1, 0, length, 0, 0, 0, 0, 0x100, 0)
    media = _atom(b"mdhd", struct.pack(">5IHH", 0, 0, 0, _AAC_RATE, length, 0x55C4, 0))
    media += _atom(b"hdlr", bytes(8) + b"soun" + bytes(13))
    source = _atom(b"dinf", _atom(b"dref", struct.pack(">II", 0, 1), _atom(b"url ", b"\0\0\0\x01")))
    table = _m4a_samples(frames, len(kind) + 8)
    media += _atom(b"minf", _atom(b"smhd", bytes(8)), source, table)
    movie += _atom(b"trak", _atom(b"tkhd", track_head + matrix + bytes(8)), _atom(b"mdia", media))
    return start, movie


def _m4a_samples(frames: int, offset: int) -> bytes:
    decoder = b"\x40\x15" + bytes(3) + struct.pack(">II", 250, 250) + b"\x05\x02\x15\x88"
    config = b"\x04" + bytes((len(decoder),)) + decoder + b"\x06\x01\x02"
    stream = b"\x03" + bytes((len(config) + 3,)) + b"\0\x01\0" + config
    audio = bytes(6) + b"\0\x01" + bytes(8) + struct.pack(">HHHHI", 1, 16, 0, 0, _AAC_RATE << 16)
    entry = _atom(b"mp4a", audio, _atom(b"esds", bytes(4) + stream))
    return _atom(
        b"stbl",
        _atom(b"stsd", struct.pack(">II", 0, 1), entry),
        _atom(b"stts", struct.pack(">IIII", 0, 1, frames, _AAC_SAMPLES)),
        _atom(b"stsc", struct.pack(">IIIII", 0, 1, 1, frames, 1)),
        _atom(b"stsz", struct.pack(">III", 0, len(_AAC_SILENCE), frames)),
        _atom(b"stco", struct.pack(">III", 0, 1, offset)),
    )


def _m4a_tags(tags: Tags) -> bytes:
    atoms = [
        _atom(name, _atom(b"data", struct.pack(">II", 1, 0), text.encode()))
        for name, text in (
            (b"\xa9nam", tags.title),
            (b"\xa9ART", tags.artist),
            (b"\xa9alb", tags.album),
            (b"aART", tags.album_artist),
        )
        if text
    ]
    if tags.track_number:
        numbers = struct.pack(">II4H", 0, 0, 0, tags.track_number, 0, 0)
        atoms.append(_atom(b"trkn", _atom(b"data", numbers)))
    if tags.mbid:
        named = _atom(b"mean", bytes(4) + b"com.apple.iTunes") + _atom(b"name", bytes(4) + b"MusicBrainz Track Id")
        atoms.append(_atom(b"----", named, _atom(b"data", struct.pack(">II", 1, 0), tags.mbid.encode())))
    handler = _atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    return _atom(b"meta", bytes(4), handler, _atom(b"ilst", *atoms))


# --- WAVE: 8 kHz, 8 bit, mono ------------------------------------------------------------------------------------

_WAV_RATE = 8_000


def wav(tags: Tags, seconds: float = 1.0) -> bytes:
    """An INFO list, and an ID3 chunk for what that has no field for."""
    texts = ((b"INAM", tags.title), (b"IART", tags.artist), (b"IPRD", tags.album))
    info = b"INFO" + b"".join(_chunk(name, text.encode() + b"\0") for name, text in texts if text)
    chunks = _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, _WAV_RATE, _WAV_RATE, 1, 8)) + _chunk(b"LIST", info)
    if tags.album_artist or tags.track_number or tags.mbid:
        chunks += _chunk(b"id3 ", _id3(tags, 3))
    return _chunk(b"RIFF", b"WAVE" + chunks + _chunk(b"data", b"\x80" * round(seconds * _WAV_RATE)))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _frames(seconds: float, rate: int, samples: int) -> int:
    return max(1, round(seconds * rate / samples))


# --- a library ---------------------------------------------------------------------------------------------------

Writer = Callable[[Tags, float], bytes]

FORMATS: dict[str, tuple[str, Writer]] = {
    "mp3 with ID3v2.4": (".mp3", mp3),
    "mp3 with ID3v2.3": (".mp3", mp3_of_2003),
    "flac": (".flac", flac),
    "ogg vorbis": (".ogg", ogg),
    "ogg opus": (".opus", opus),
    "m4a": (".m4a", m4a),
    "wav": (".wav", wav),
}

_MIX = (
    ("mp3 with ID3v2.4",) * 9
    + ("mp3 with ID3v2.3",) * 4
    + ("flac",) * 3
    + ("m4a", "ogg vorbis")
    + (
        "ogg opus",
        "wav",
    )
)


def write_library(folder: Path, names: Iterable[tuple[str, str, str]], seconds: float = 1.0) -> int:
    """Writes a file for each (artist, title, album) into `folder/artist/album/` and says how many.

    Two of three are MP3, the rest a mix of all formats; the same names give the same files.
    """
    made: set[str] = set()
    count = 0
    for count, (artist, title, album) in enumerate(names, 1):
        suffix, write = FORMATS[_MIX[count % len(_MIX)]]
        home = os.path.join(folder, _file_name(artist), _file_name(album or "no album"))
        if home not in made:
            os.makedirs(home, exist_ok=True)
            made.add(home)
        content = write(Tags(artist, title, album, artist, count % 20 + 1), seconds)
        with open(os.path.join(home, f"{count:05} {_file_name(title)}{suffix}"), "wb", buffering=0) as file:
            file.write(content)
    return count


def _file_name(name: str) -> str:
    """A name that a file system accepts: no slash, not hidden, not too long."""
    plain = name.replace("/", "_").replace("\0", "").lstrip(".")
    return plain.encode()[:200].decode(errors="ignore").strip() or "_"
