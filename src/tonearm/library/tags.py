"""Tags: what an audio file says about itself, read with tinytag."""

from __future__ import annotations

import errno
import math
import os
import re
from dataclasses import dataclass
from io import BufferedReader, FileIO

from tinytag import TinyTag, TinyTagException

from tonearm.core.play import Nameless, Track, cleaned

SUFFIXES = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".wav", ".wma", ".aif", ".aiff")
"""What is taken for music, in lower case. Audio books (.m4b) and films in the same containers are not."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why the content of a file cannot be in the library, in words for the listener."""

    reason: str


_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RECORDING = ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz/track id", "ufid")
"""Where taggers keep the recording, whatever they call it, in Vorbis comments, MP4 and TXXX, WMA, and ID3:
https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html"""
_FURTHEST = 2**44
"""Bytes of the largest file on ext4: a file that leads further is damaged."""
_MUSICBRAINZ = "musicbrainz.org"
_NO_TAG = {"artist": "no artist tag", "track": "no title tag"}


def read_tags(path: str) -> Track | Unfit:
    """The track with its names cleaned, or why it cannot be played to Last.fm. Raises OSError where the disk fails.

    Without an artist the album artist stands in; nothing is guessed from the name of the file.
    """
    with _Bounded(FileIO(path)) as file:
        try:
            tag = TinyTag.get(filename=path, file_obj=file)
        except TinyTagException as fault:
            cause = fault.__cause__
            if isinstance(cause, OSError) and cause.errno != errno.EINVAL:  # that is a seek to nowhere
                raise cause from fault
            return Unfit(f"damaged, or not really {os.path.splitext(path)[1].lower()}")
    if not tag.filesize:
        return Unfit("the file is empty")
    artist = tag.artist or tag.albumartist or ""
    if not artist and not tag.title:
        return Unfit("no tags")
    try:
        return cleaned(
            Track(
                artist,
                tag.title or "",
                tag.album or "",
                tag.albumartist or "",
                _seconds(tag.duration),
                _number(tag.track),
                _recording(tag),
            )
        )
    except Nameless as nameless:
        return Unfit(_NO_TAG[nameless.field])


class _Bounded(BufferedReader):
    """A file that seems to end after so many reads that no music needs them.

    Without a first frame, as in a download that has room on the disk but no content yet, tinytag looks for one
    through the whole file in steps of four bytes: seconds for each file.
    """

    _left = 200_000

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        return super().read(size) if self._left > 0 else b""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if offset > _FURTHEST:  # some file systems say so themselves, others go there
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return super().seek(offset, whence)


def _seconds(duration: float | None) -> float | None:
    return round(duration, 3) if duration and math.isfinite(duration) and duration > 0 else None


def _number(track: int | None) -> int | None:
    return track if track and 0 < track < 10_000 else None  # ID3 has it as text of any length


def _recording(tag: TinyTag) -> str:
    for field in _RECORDING:
        for text in tag.other.get(field, ()):
            if (field != "ufid" or _MUSICBRAINZ in text) and (mbid := _MBID.search(text)):
                return mbid[0].lower()
    return ""
