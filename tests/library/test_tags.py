"""What is read from one audio file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import audio
from tests.audio import FORMATS, Tags
from tonearm.core.play import Track
from tonearm.library.answer import Tags as Read
from tonearm.library.answer import Unfit
from tonearm.library.tags import read_tags

MBID = "054a6cef-c53a-4ffa-a76e-69d2b8cc7d09"
SAEGLOPUR = Tags("Sigur Rós", "Sæglópur — 椎名", "Takk…", "Sigur Rós & Amiina", 6, MBID)


def track_of(path: str) -> Track:
    read = read_tags(path)
    assert isinstance(read, Read), read
    return read.track


def file(folder: Path, content: bytes, name: str = "a.mp3") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("format_", FORMATS)
def test_all_tags_of_every_format_are_read(tmp_path: Path, format_: str) -> None:
    suffix, write = FORMATS[format_]
    track = track_of(file(tmp_path, write(SAEGLOPUR, 42.0), f"a{suffix}"))
    assert track.duration == pytest.approx(42.0, abs=0.6)
    assert track == Track("Sigur Rós", "Sæglópur — 椎名", "Takk…", "Sigur Rós & Amiina", track.duration, 6, MBID)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_may_leave_tags_out(tmp_path: Path, format_: str) -> None:
    suffix, write = FORMATS[format_]
    track = track_of(file(tmp_path, write(Tags("A", "B"), 1.0), f"a{suffix}"))
    assert track == Track("A", "B", duration=track.duration)


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    assert track_of(file(tmp_path, audio.flac(Tags("A", "B")), "A.FLAC")).artist == "A"


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    assert track_of(file(tmp_path, audio.mp3(Tags("A", "B")), "a.wav")).title == "B"
    assert track_of(file(tmp_path, audio.wav(Tags("A", "B")), "a.mp3")).title == "B"
    assert track_of(file(tmp_path, audio.flac(Tags("A", "B")), "a.mp3")).title == "B"
    assert track_of(file(tmp_path, audio.m4a(Tags("A", "B")), "a.mp3")).title == "B"
    assert track_of(file(tmp_path, audio.flac(Tags("A", "B")), "a.m4a")).title == "B"


def test_names_are_cleaned(tmp_path: Path) -> None:
    track = track_of(file(tmp_path, audio.flac(Tags(" Sigur Ro\u0301s\x07", "Two\nlines ")), "a.flac"))
    assert (track.artist, track.title) == ("Sigur Rós", "Two lines")


def test_invisible_characters_in_tags_are_left_out(tmp_path: Path) -> None:
    track = track_of(file(tmp_path, audio.flac(Tags("\ufeffSelah Sue", "upside\u200b-\u200bdown")), "a.flac"))
    assert (track.artist, track.title) == ("Selah Sue", "upside-down")


def test_a_tag_with_nothing_visible_is_none(tmp_path: Path) -> None:
    assert read_tags(file(tmp_path, audio.flac(Tags("\u200b", "B")), "a.flac")) == Unfit("no artist tag")


def test_the_album_artist_is_used_if_there_is_no_artist(tmp_path: Path) -> None:
    track = track_of(file(tmp_path, audio.mp3(Tags(title="B", album_artist="A"))))
    assert (track.artist, track.album_artist) == ("A", "A")


def test_an_invalid_track_number_is_left_out(tmp_path: Path) -> None:
    track = track_of(file(tmp_path, audio.mp3(Tags("A", "B", track_number=10**20))))
    assert track.track_number is None


def test_an_identifier_of_somebody_else_is_not_a_recording(tmp_path: Path) -> None:
    content = audio.mp3(Tags("A", "B", mbid=MBID)).replace(b"musicbrainz.org", b"example.invalid")
    track = track_of(file(tmp_path, content))
    assert track.mbid == ""


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp3", audio.mp3(Tags(title="B")), "no artist tag"),
        ("a.mp3", audio.mp3(Tags(artist="A")), "no title tag"),
        ("a.mp3", audio.mp3(Tags("\x07", "B")), "no artist tag"),
        ("a.mp3", audio.mp3(Tags()), "no tags"),
        ("a.mp3", b"", "the file is empty"),
        ("a.mp3", b"a letter, not music", "damaged, or not really .mp3"),
        ("a.flac", b"a letter, not music", "damaged, or not really .flac"),
        ("a.OGG", b"OggS", "damaged, or not really .ogg"),
        ("a.m4a", b"\0\0\0\x01ftyp" + b"\x7f" * 100, "damaged, or not really .m4a"),
        ("a.wav", b"RIFF\0\0\0\0WAVE", "damaged, or not really .wav"),
        ("a.txt", b"a letter, not music", "damaged, or not really .txt"),
    ],
)
def test_a_file_that_cannot_be_in_the_library_says_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    assert read_tags(file(tmp_path, content, name)) == Unfit(reason)


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_a_download_that_is_still_to_be_filled_is_read_as_far_as_it_goes(tmp_path: Path, filler: bytes) -> None:
    whole = audio.mp3(Tags("A", "B"))
    tags = whole[: whole.index(b"\xff")]
    assert track_of(file(tmp_path, tags + filler * 3_000_000)) == Track("A", "B")


def test_every_truncated_file_is_a_track_or_says_why_not(tmp_path: Path) -> None:
    for suffix, write in FORMATS.values():
        whole = write(SAEGLOPUR, 0.1)
        for length in range(0, len(whole), 7):
            assert isinstance(read_tags(file(tmp_path, whole[:length], f"a{suffix}")), Read | Unfit)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(str(tmp_path / "none.mp3"))
