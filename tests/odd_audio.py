"""Audio files as other programs write them: tags in unusual places, more formats, lengths that cannot be.

Formats beside those of `tests.audio`: APEv2 https://wiki.hydrogenaudio.org/index.php?title=APEv2_specification,
ASF https://learn.microsoft.com/en-us/windows/win32/wmformat/overview-of-the-asf-format, AIFF
https://www.loc.gov/preservation/digital/formats/fdd/fdd000005.shtml, WavPack https://www.wavpack.com/WavPack5FileFormat.pdf,
DSF https://dsd-guide.com/sites/default/files/white-papers/DSFFileFormatSpec_E.pdf, True Audio
https://en.true-audio.com/TTA_Lossless_Audio_Codec_-_Format_Description, Speex https://www.speex.org/docs/manual/speex-manual/
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence

from tests import audio
from tests.audio import Tags

Pairs = Sequence[tuple[str, str]]


# --- ID3 as programs write it ------------------------------------------------------------------------------------


def id3_text(name: str, text: str, *, utf16: bool = False) -> tuple[bytes, bytes]:
    """A frame's name and content. Several values are joined with a NUL."""
    content = b"\x01\xff\xfe" + text.encode("utf-16-le") if utf16 else b"\x03" + text.encode()
    return name.encode(), content


def id3_named_text(description: str, text: str) -> tuple[bytes, bytes]:
    """A TXXX frame."""
    return b"TXXX", b"\x03" + description.encode() + b"\0" + text.encode()


def id3_recording(mbid: str) -> tuple[bytes, bytes]:
    """A UFID frame of MusicBrainz."""
    return b"UFID", b"http://musicbrainz.org\0" + mbid.encode()


def id3(frames: Sequence[tuple[bytes, bytes]], version: int = 4, *, plain_sizes: bool = False) -> bytes:
    """A tag; with `plain_sizes`, a version 2.4 whose frame sizes are as in 2.3, which iTunes wrote for years."""
    synchsafe = version == 4 and not plain_sizes
    content = b"".join(
        name + (audio._synchsafe(len(text)) if synchsafe else struct.pack(">I", len(text))) + b"\0\0" + text
        for name, text in frames
    )
    return b"ID3" + bytes((version, 0, 0)) + audio._synchsafe(len(content)) + content


def id3_unsynchronised(frames: Sequence[tuple[bytes, bytes]], version: int) -> bytes:
    """The whole tag in 2.3, each frame in 2.4: a zero is written after each 0xff."""
    if version == 3:
        content = _unsynchronised(id3(frames, 3)[10:])
        return b"ID3\x03\0\x80" + audio._synchsafe(len(content)) + content
    content = b""
    for name, text in frames:
        written = _unsynchronised(text)
        length = audio._synchsafe(len(text))
        content += name + audio._synchsafe(len(written) + 4) + b"\0\x03" + length + written
    return b"ID3\x04\0\x80" + audio._synchsafe(len(content)) + content


def _unsynchronised(content: bytes) -> bytes:
    return content.replace(b"\xff", b"\xff\0")


def id3v1(artist: str, title: str) -> bytes:
    """The 128 bytes at the end of old files: no name is longer than 30 letters."""
    names = b"".join(text.encode("latin-1")[:30].ljust(30, b"\0") for text in (title, artist, ""))
    return b"TAG" + names + bytes(4) + bytes(30) + b"\xff"


def mp3(before: bytes, after: bytes = b"", seconds: float = 1.0) -> bytes:
    """The sound with tags before and after it."""
    return before + audio._mp3_stream(seconds) + after


def apev2(pairs: Pairs) -> bytes:
    """A tag with header and footer. Several values are joined with a NUL."""
    texts = [struct.pack("<II", len(text.encode()), 0) + name.encode() + b"\0" + text.encode() for name, text in pairs]
    size = sum(map(len, texts)) + 32

    def end(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, size, len(texts), flags) + bytes(8)

    return end(0xA0000000) + b"".join(texts) + end(0x80000000)


# --- Vorbis comments and MP4 with fields of one's own ------------------------------------------------------------


def vorbis_comments(pairs: Pairs) -> bytes:
    """The fields in this order; a name may come more than once."""
    texts = [f"{name}={text}".encode() for name, text in pairs]
    written = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack("<I", 4) + b"test" + struct.pack("<I", len(texts)) + written


def flac(pairs: Pairs, before: bytes = b"", seconds: float = 1.0) -> bytes:
    """With a tag of another kind before it, if you like."""
    info, frames = audio._flac_stream(seconds)
    comments = vorbis_comments(pairs)
    return before + b"fLaC" + info + b"\x84" + len(comments).to_bytes(3, "big") + comments + frames


def ogg_chained(tags: Sequence[Tags], seconds: float) -> bytes:
    """Several Ogg Vorbis streams, one after another, each that many seconds long."""
    return b"".join(_pages(audio.ogg(tag, seconds), serial=number) for number, tag in enumerate(tags, 7))


def from_the_middle(ogg: bytes, samples: int) -> bytes:
    """An Ogg stream whose sound begins that many samples after the start of a longer one."""
    return _pages(ogg, later=samples)


def _pages(stream: bytes, *, serial: int = 1, later: int = 0) -> bytes:
    pages = []
    while stream:
        lacing = stream[27 : 27 + stream[26]]
        length = 27 + len(lacing) + sum(lacing)
        page, stream = stream[:length], stream[length:]
        (end,) = struct.unpack_from("<q", page, 6)
        times = struct.pack("<qI", end + later if end > 0 else end, serial)
        page = page[:6] + times + page[18:22] + bytes(4) + page[26:]
        pages.append(page[:22] + audio._ogg_checksum(page) + page[26:])
    return b"".join(pages)


def speex(pairs: Pairs, seconds: float = 1.0) -> bytes:
    """Ogg Speex, 8 kHz: frames of 20 ms."""
    head = b"Speex   " + b"1.2".ljust(20, b"\0")
    head += struct.pack("<13i", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 1, 0, 0, 0)
    count = max(1, round(seconds * 50))
    packet = b"\x7f".ljust(6, b"\0")
    return audio._ogg(
        [[head], [vorbis_comments(pairs)]],
        lambda page: audio._ogg_audio(page, packet, count, lambda end: end * 160),
    )


def mp4_text(name: str, *texts: str) -> bytes:
    """An atom of the iTunes list; a name such as ----:ARTISTS is one of one's own."""
    data = b"".join(audio._atom(b"data", struct.pack(">II", 1, 0), text.encode()) for text in texts)
    if name.startswith("----:"):
        own = audio._atom(b"name", bytes(4) + name[5:].encode())
        return audio._atom(b"----", audio._atom(b"mean", bytes(4) + b"com.apple.iTunes") + own, data)
    return audio._atom(name.encode("latin-1"), data)


def m4a(atoms: Sequence[bytes], seconds: float = 1.0, *, video: bool = False) -> bytes:
    """AAC in MP4 with the atoms in this order, and an empty track of pictures if you like."""
    start, movie = audio._m4a_stream(seconds)
    if video:
        handler = audio._atom(b"hdlr", bytes(8) + b"vide" + bytes(13))
        movie += audio._atom(b"trak", audio._atom(b"mdia", handler))
    handler = audio._atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    meta = audio._atom(b"meta", bytes(4), handler, audio._atom(b"ilst", *atoms))
    return start + audio._atom(b"moov", movie + audio._atom(b"udta", meta))


# --- WAVE and AIFF -----------------------------------------------------------------------------------------------


def wav(info: Sequence[tuple[bytes, bytes]], seconds: float = 1.0, claims: int | None = None) -> bytes:
    """8 kHz, 8 bit, mono. `claims` is what the header says about the bytes of sound, as in a pipe."""
    listed = b"INFO" + b"".join(audio._chunk(name, text) for name, text in info)
    sound = b"\x80" * round(seconds * 8000)
    chunks = audio._chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)) + audio._chunk(b"LIST", listed)
    data = b"data" + struct.pack("<I", len(sound) if claims is None else claims) + sound
    size = len(chunks) + len(data) + 4
    return b"RIFF" + struct.pack("<I", size if claims is None else claims) + b"WAVE" + chunks + data


def wav_compressed(info: Sequence[tuple[bytes, bytes]], samples: int, byte_rate: int) -> bytes:
    """MP3 at 8 kHz in a WAVE file: 1,000 bytes, with the number of samples in a chunk of its own."""
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 8000, byte_rate, 1, 0, 12, 1, 2, 36, 1, 0)
    listed = b"INFO" + b"".join(audio._chunk(name, text) for name, text in info)
    chunks = audio._chunk(b"fmt ", form) + audio._chunk(b"fact", struct.pack("<I", samples))
    return audio._chunk(b"RIFF", b"WAVE" + chunks + audio._chunk(b"LIST", listed) + audio._chunk(b"data", bytes(1000)))


def rf64(info: Sequence[tuple[bytes, bytes]], seconds: float = 1.0) -> bytes:
    """The same with sizes of 64 bits in a chunk of their own."""
    plain = wav(info, seconds, 0xFFFFFFFF)
    sizes = struct.pack("<QQQI", len(plain) + 28, round(seconds * 8000), round(seconds * 8000), 0)
    return b"RF64\xff\xff\xff\xffWAVE" + audio._chunk(b"ds64", sizes) + plain[12:]


def aiff(texts: Sequence[tuple[bytes, bytes]], seconds: float = 1.0) -> bytes:
    """8 kHz, 8 bit, mono, with text chunks or an `ID3 ` chunk."""
    frames = round(seconds * 8000)
    rate = struct.pack(">HQ", 16383 + 12, 8000 << (63 - 12))  # 80-bit float
    common = _chunk_of_aiff(b"COMM", struct.pack(">hIh", 1, frames, 8) + rate)
    sound = _chunk_of_aiff(b"SSND", bytes(8 + frames))
    content = b"AIFF" + common + b"".join(_chunk_of_aiff(*text) for text in texts) + sound
    return b"FORM" + struct.pack(">I", len(content)) + content


def _chunk_of_aiff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + content + b"\0" * (len(content) % 2)


# --- Windows Media -----------------------------------------------------------------------------------------------


def wma(pairs: Pairs, artist: str, title: str, seconds: float = 1.0) -> bytes:
    """The headers of a Windows Media Audio file with extended fields, and no packets."""

    def guid(text: str) -> bytes:
        return uuid.UUID(text).bytes_le

    def part(name: str, content: bytes) -> bytes:
        return guid(name) + struct.pack("<Q", len(content) + 24) + content

    def utf16(text: str) -> bytes:
        return text.encode("utf-16-le") + b"\0\0"

    length = round(seconds * 10_000_000)
    file = part(
        "8CABDCA1-A947-11CF-8EE4-00C00C205365",
        bytes(16) + struct.pack("<QQQQQQIIII", 5000, 0, 0, length + 30_000_000, length, 3000, 2, 100, 100, 64_000),
    )
    sound = struct.pack("<HHIIHH", 0x161, 1, 8000, 1000, 100, 16) + struct.pack("<H", 0)
    kind, no_errors = guid("F8699E40-5B4D-11CF-A8FD-00805F5C442B"), guid("20FB5700-5B55-11CF-A8FD-00805F5C442B")
    stream = part(
        "B7DC0791-A9B7-11CF-8EE6-00C00C205365",
        kind + no_errors + struct.pack("<QIIHI", 0, len(sound), 0, 1, 0) + sound,
    )
    texts = [utf16(title), utf16(artist), b"", b"", b""]
    content = part("75B22633-668E-11CF-A6D9-00AA0062CE6C", struct.pack("<5H", *map(len, texts)) + b"".join(texts))
    fields = b"".join(
        struct.pack("<H", len(utf16(name))) + utf16(name) + struct.pack("<HH", 0, len(utf16(text))) + utf16(text)
        for name, text in pairs
    )
    extended = part("D2D0A440-E307-11D2-97F0-00A0C95EA850", struct.pack("<H", len(pairs)) + fields)
    parts = [file, stream, content, extended]
    head = struct.pack("<IBB", len(parts), 1, 2) + b"".join(parts)
    data = part("75B22636-668E-11CF-A6D9-00AA0062CE6C", bytes(16) + struct.pack("<QH", 0, 0x101))
    return part("75B22630-668E-11CF-A6D9-00AA0062CE6C", head) + data


# --- formats of which only headers are written: enough for tags and length ---------------------------------------


def wavpack(tag: bytes, seconds: float = 1.0) -> bytes:
    """44.1 kHz, 16 bit, mono; a tag of APEv2 after it."""
    samples = round(seconds * 44_100)
    flags = 0x1 | 0x4 | 0x800 | 0x1000 | 9 << 23
    head = b"wvpk" + struct.pack("<IHBBIIIII", 24, 0x410, 0, 0, samples, 0, samples, flags, 0)
    return head + bytes(1000) + tag


def dsf(tag: bytes, seconds: float = 1.0) -> bytes:
    """DSD64, mono; a tag of ID3 after it."""
    samples = round(seconds * 2_822_400)
    blocks = b"\x69" * (-(-samples // 8 // 4096) * 4096)
    audio_chunk = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 1, 1, 2_822_400, 1, samples, 4096, 0)
    data = b"data" + struct.pack("<Q", len(blocks) + 12) + blocks
    size = 28 + len(audio_chunk) + len(data)
    return b"DSD " + struct.pack("<QQQ", 28, size + len(tag), size) + audio_chunk + data + tag


def true_audio(before: bytes, seconds: float = 1.0) -> bytes:
    """44.1 kHz, 16 bit, mono, after a tag of ID3."""
    head = b"TTA1" + struct.pack("<HHHII", 1, 1, 16, 44_100, round(seconds * 44_100))
    return before + head + struct.pack("<I", zlib.crc32(head)) + bytes(1000)


def musepack(tag: bytes, seconds: float = 1.0) -> bytes:
    """Stream version 7 at 44.1 kHz: frames of 1,152 samples; a tag of APEv2 after it."""
    frames = max(1, round(seconds * 44_100 / 1152))
    return b"MP+\x07" + struct.pack("<I", frames) + bytes(20) + bytes(1000) + tag


def monkeys_audio(tag: bytes, seconds: float = 1.0) -> bytes:
    """Version 3.99 at 44.1 kHz, 16 bit, mono, in one frame; a tag of APEv2 after it."""
    descriptor = b"MAC " + struct.pack("<HHIIIIIII", 3990, 0, 52, 24, 4, 0, 1000, 0, 0) + bytes(16)
    head = struct.pack("<HHIIIHHI", 2000, 0, 73_728 * 4, round(seconds * 44_100), 1, 16, 1, 44_100)
    return descriptor + head + bytes(4) + bytes(1000) + tag
