"""What the fields of a file mean, and how long its sound is, in every format that mutagen reads.

Names of fields: https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from os.path import splitext
from typing import Any, TypeVar

import mutagen
from mutagen._vorbis import VComment
from mutagen.aac import AAC
from mutagen.ac3 import AC3
from mutagen.aiff import AIFF
from mutagen.apev2 import APETextValue, APEv2
from mutagen.asf import ASF, ASFTags
from mutagen.dsdiff import DSDIFF
from mutagen.dsf import DSF
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TXXX, UFID, TextFrame
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Tags
from mutagen.musepack import Musepack
from mutagen.ogg import OggPage
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.optimfrog import OptimFROG
from mutagen.tak import TAK
from mutagen.trueaudio import TrueAudio
from mutagen.wavpack import WavPack

from tonearm.library import chunks
from tonearm.library.bounded import BoundedFile

Fields = Mapping[str, tuple[list[str], ...]]
"""The content of a tag: for each field of ours, its values under each of its names; the first counts most."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A file that was understood: its tags (the first with a field counts), its length or None, and whether it has
    video.
    """

    fields: tuple[Fields, ...]
    seconds: float | None
    video: bool = False


_OGG = (OggVorbis, OggOpus, OggSpeex, OggFLAC)
_KINDS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys((".mp3", ".mp2"), (MP3,)),
    ".flac": (FLAC,),
    **dict.fromkeys((".ogg", ".oga", ".opus", ".spx"), _OGG),
    **dict.fromkeys((".m4a", ".m4p", ".mp4"), (MP4,)),
    ".wma": (ASF,),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), (AIFF,)),
    ".wv": (WavPack,),
    ".ape": (MonkeysAudio,),
    **dict.fromkeys((".mpc", ".mpp", ".mp+"), (Musepack,)),
    ".tta": (TrueAudio,),
    ".tak": (TAK,),
    **dict.fromkeys((".ofr", ".ofs"), (OptimFROG,)),
    ".dsf": (DSF,),
    ".dff": (DSDIFF,),
    ".aac": (AAC,),
    **dict.fromkeys((".ac3", ".eac3"), (AC3,)),
}

_SMALLEST_FLAC_FRAME = 9
"""Bytes: https://www.rfc-editor.org/rfc/rfc9639#section-9"""
_SLOWEST = 16
"""Bits a second: Vorbis needs at least a byte of silence and one of framing for half a second; no format needs less."""
_LARGEST_OGG_PAGE = 65_307
_OPUS_PACKET, _FLAC_PACKET = 5_760, 65_535
"""Samples at most. For Vorbis (half of the larger block) and Speex (all packets alike), the first header says it."""

_T = TypeVar("_T")

_BY_CONTENT: dict[bytes, tuple[Any, ...]] = {
    b"fLaC": (FLAC,),
    b"OggS": _OGG,
    b"FORM": (AIFF,),
    b"\x30\x26\xb2\x75": (ASF,),
    b"wvpk": (WavPack,),
    b"MAC ": (MonkeysAudio,),
    b"MPCK": (Musepack,),
    b"TTA1": (TrueAudio,),
    b"DSD ": (DSF,),
}
"""Formats that the first four bytes identify for certain. In mutagen, the suffix .mp3 would take precedence."""

_ALBUM_ARTIST = ("albumartist", "album artist", "album_artist")
_COMMENTS = {
    "artist": ("artist",),
    "artists": ("artists",),
    "title": ("title",),
    "album": ("album",),
    "album_artist": _ALBUM_ARTIST,
    "track_number": ("tracknumber", "track"),
    "recording": ("musicbrainz_trackid",),
}
_ID3 = {
    "artist": ("tpe1",),
    "artists": ("txxx:artists",),
    "title": ("tit2",),
    "album": ("talb",),
    "album_artist": ("tpe2", *(f"txxx:{name}" for name in _ALBUM_ARTIST)),
    "track_number": ("trck",),
    "recording": ("ufid", "txxx:musicbrainz_trackid", "txxx:musicbrainz track id"),
}
_MP4 = {
    "artist": ("©art", "----:artist"),
    "artists": ("----:artists",),
    "title": ("©nam", "----:title"),
    "album": ("©alb", "----:album"),
    "album_artist": ("aart", *(f"----:{name}" for name in _ALBUM_ARTIST)),
    "track_number": ("trkn", "----:track"),
    "recording": ("----:musicbrainz track id", "----:musicbrainz_trackid"),
}
_ASF = {
    "artist": ("author", "artist"),
    "artists": ("wm/artists", "artists"),
    "title": ("title",),
    "album": ("wm/albumtitle", "album"),
    "album_artist": ("wm/albumartist", *_ALBUM_ARTIST),
    "track_number": ("wm/tracknumber", "tracknumber"),
    "recording": ("musicbrainz/track id", "musicbrainz_trackid"),
}
_INFO = {"artist": ("iart",), "title": ("inam",), "album": ("iprd",), "track_number": ("itrk", "iprt")}
_AIFF = {"artist": ("auth",), "title": ("name",)}


def opened(file: BoundedFile) -> Audio | None:
    """The audio in the file, by its content or else by its suffix; None if it isn't music, or is damaged.

    Raises MemoryError.
    """
    head = file.read(12)
    if head[8:] == b"WAVE" and (wave := _attempt(lambda: chunks.wave(file, file.size), file)):
        id3 = _attempt(lambda: _id3_of_chunk(file, wave.id3), file)
        return Audio((*_fields(id3), _named(wave.info, _INFO)), wave.seconds)
    audio = None
    if kinds := _kinds(head, file):
        audio = _attempt(lambda: mutagen.File(file, options=kinds), file)
    if audio is None:
        audio = _attempt(lambda: mutagen.File(file), file)
    fields = _fields(audio.tags) if audio is not None else ()
    if not _complete(fields) or _is_id3v1(audio):
        fields = tuple(_with_others(fields, audio, file))
    if audio is None:
        # An unfinished download: the tags are there, the sound isn't.
        return Audio(fields, None) if _complete(fields) else None
    return Audio(fields, _attempt(lambda: _seconds(audio, file), file), isinstance(audio, MP4) and _is_video(file))


def _kinds(head: bytes, file: BoundedFile) -> tuple[Any, ...]:
    if head[4:8] == b"ftyp":
        return (MP4,)
    return _BY_CONTENT.get(head[:4]) or _KINDS.get(splitext(str(file.name))[1].lower(), ())


def _attempt(read: Callable[[], _T], file: BoundedFile) -> _T | None:
    """The result of a reader, or None for any error in it except MemoryError."""
    try:
        file.seek(0)
        return read()
    except MemoryError:
        raise
    except Exception:  # mutagen raises its own errors for most damage, struct.error, IndexError … for the rest
        return None


def _with_others(fields: tuple[Fields, ...], audio: Any, file: BoundedFile) -> Iterator[Fields]:
    """The tags of the file, including kinds of tags that its format doesn't have but programs write anyway.

    As in TagLib, APEv2 counts more than ID3v1, whose names end after 30 characters.
    """
    yield from () if _is_id3v1(audio) else fields
    yield from _fields(_attempt(lambda: APEv2(file), file))
    yield from _fields(_attempt(lambda: ID3(file), file))
    yield _named(_attempt(lambda: chunks.aiff_text(file, file.size), file) or {}, _AIFF)


def _is_id3v1(audio: Any) -> bool:
    tags = getattr(audio, "tags", None)
    return isinstance(tags, ID3) and bool(tags.version < (2,))


def _complete(fields: Iterable[Fields]) -> bool:
    there = {name for table in fields for name, values in table.items() if any(map(any, values))}
    return "title" in there and ("artist" in there or "album_artist" in there)


def _id3_of_chunk(file: BoundedFile, chunk: chunks.Chunk | None) -> ID3 | None:
    if chunk is None:
        return None
    file.seek(chunk.offset)
    return ID3(BytesIO(file.read(chunk.size)))


def _named(values: Mapping[str, list[str]], names: Mapping[str, tuple[str, ...]]) -> Fields:
    """The values under our names."""
    return {
        field: found
        for field, theirs in names.items()
        if (found := tuple(values[name] for name in theirs if name in values))
    }


def _fields(tags: Any) -> tuple[Fields, ...]:
    match tags:
        case None:
            return ()
        case ID3():
            return (_named(_id3_values(tags), _ID3),)
        case MP4Tags():
            return (_named(_mp4_values(tags), _MP4),)
        case ASFTags():
            values = {name.lower(): list(map(str, texts)) for name, texts in tags.as_dict().items()}
            return (_named(values, _ASF),)
        case APEv2():
            texts = {name.lower(): list(value) for name, value in tags.items() if isinstance(value, APETextValue)}
            return (_named(texts, _COMMENTS),)
        case VComment():
            comments: dict[str, list[str]] = {}
            for name, comment in tags:
                comments.setdefault(name.lower(), []).append(comment)
            return (_named(comments, _COMMENTS),)
        case _:
            return ()


def _id3_values(tags: ID3) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for frame in tags.values():
        match frame:
            case TXXX():
                values.setdefault(f"txxx:{frame.desc.lower()}", list(map(str, frame.text)))
            case TextFrame():
                values.setdefault(frame.FrameID.lower(), list(map(str, frame.text)))
            case UFID() if "musicbrainz.org" in frame.owner:
                values["ufid"] = [frame.data.decode("ascii", "replace")]
    return values


def _mp4_values(tags: MP4Tags) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, content in tags.items():
        if name.startswith("----:"):
            texts = [bytes(text).decode("utf-8", "ignore") for text in content]
            values.setdefault(f"----:{name.rpartition(':')[2].lower()}", []).extend(texts)
        elif name == "trkn":
            values[name] = [str(number) for number, _ in content]
        elif isinstance(content, list):
            values[name.lower()] = [text for text in content if isinstance(text, str)]
    return values


def _is_video(file: BoundedFile) -> bool:
    """Whether an MP4 file that may be a video (.mp4) has a video track; in others that is chapters or a cover."""
    return str(file.name).lower().endswith(".mp4") and bool(_attempt(lambda: chunks.has_video(file, file.size), file))


def _seconds(audio: Any, file: BoundedFile) -> float | None:
    """The length, unless the file can't hold that much sound or doesn't say how much."""
    info = audio.info
    seconds = float(info.length)
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    if isinstance(audio, AIFF):  # not compressed, or hardly
        return min(seconds, file.size * 8 / info.bitrate) if info.bitrate else seconds
    if isinstance(audio, _OGG) and (_is_chained(file) or _begins_late(audio, file)):
        return None  # of a chain, mutagen knows the first link, TagLib the last
    return seconds if seconds * _slowest(audio) <= file.size * 8 else None


def _slowest(audio: Any) -> float:
    """Minimum bits for a second."""
    if isinstance(audio, MP3):
        return 32_000 if audio.info.version == 1 else 8_000
    if isinstance(audio, FLAC):
        block = audio.info.max_blocksize / audio.info.sample_rate
        return _SMALLEST_FLAC_FRAME * 8 / block if block else 0
    return _SLOWEST


def _is_chained(file: BoundedFile) -> bool:
    """Whether another stream follows the first: https://www.rfc-editor.org/rfc/rfc3533#section-4"""
    file.seek(0)
    first = set()
    while (page := OggPage(file)).first:
        first.add(page.serial)
    file.seek(max(0, file.size - _LARGEST_OGG_PAGE))
    end = file.read()
    last = end.rfind(b"OggS")
    return last >= 0 and int.from_bytes(end[last + 14 : last + 18], "little") not in first


def _begins_late(audio: Any, file: BoundedFile) -> bool:
    """Whether the first page of sound ends later than its packets last: the file was cut out of a longer stream, like a
    web radio's. Then the time at the end is not the length: https://www.rfc-editor.org/rfc/rfc7845#section-4.5
    """
    file.seek(0)
    while (page := OggPage(file)).serial != audio.info.serial:
        pass
    head = page.packets[0]
    match audio:
        case OggVorbis():
            longest = 1 << (head[28] >> 4) >> 1
        case OggOpus():
            longest = _OPUS_PACKET
        case OggSpeex():
            longest = int.from_bytes(head[56:60], "little") * max(1, int.from_bytes(head[64:68], "little"))
        case _:
            longest = _FLAC_PACKET
    while page.serial != audio.info.serial or page.position <= 0:
        page = OggPage(file)
    return bool(page.position > len(page.packets) * longest)
