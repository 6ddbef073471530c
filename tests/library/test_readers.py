"""Files are read in processes apart, which no file can make expensive, and whose end costs no other file."""

from __future__ import annotations

import functools
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import audio
from tests import odd_audio as odd
from tests.audio import Tags
from tonearm.core.play import Track
from tonearm.library.answer import NotRead, Unfit, from_json, to_json
from tonearm.library.answer import Tags as Read
from tonearm.library.readers import ReaderFailed, ReaderPool

SOURCES = Path(__file__).parents[2] / "src"


@pytest.fixture
def readers() -> Iterator[ReaderPool]:
    with ReaderPool() as readers:
        yield readers


def file(folder: Path, content: bytes, name: str = "a.mp3") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def title(answer: object) -> str:
    assert isinstance(answer, Read), answer
    return answer.track.title


def test_answers_come_in_the_order_of_the_files(readers: ReaderPool, tmp_path: Path) -> None:
    paths = [file(tmp_path, audio.mp3(Tags("A", f"Song {n}"), 0.1), f"{n}.mp3") for n in range(200)]
    assert list(map(title, readers.read(paths))) == [f"Song {n}" for n in range(200)]
    assert list(readers.read([])) == []


@pytest.mark.parametrize(
    "answer",
    [
        Read(Track("A & B", "T", "X", "Y", 1.5, 3, "m"), ("A", "B")),
        Read(Track("A", "T")),
        Unfit("no tags"),
        NotRead("Permission denied"),
        NotRead("No such file or directory", gone=True),
    ],
)
def test_every_answer_arrives_as_it_was_sent(answer: Read | Unfit | NotRead) -> None:
    assert from_json(to_json(answer)) == answer


def test_what_the_system_says_is_passed_on(readers: ReaderPool, tmp_path: Path) -> None:
    there = file(tmp_path, audio.mp3(Tags("A", "B")))
    gone, folder, one = readers.read([str(tmp_path / "none.mp3"), str(tmp_path), there])
    assert gone == NotRead("No such file or directory", gone=True)
    assert folder == NotRead("Is a directory")
    assert title(one) == "B"


def test_a_large_picture_is_not_damage(readers: ReaderPool, tmp_path: Path) -> None:
    picture = bytes(12 * 2**20)
    texts = [odd.id3_text("TPE1", "A"), odd.id3_text("TIT2", "B")]
    mp3 = odd.mp3(odd.id3([*texts, (b"APIC", b"\0image/png\0\x03\0" + picture)]))
    flac = odd.flac([("ARTIST", "A"), ("TITLE", "B")])
    block = struct.pack(">I", 3) + struct.pack(">I", 9) + b"image/png" + bytes(20) + struct.pack(">I", len(picture))
    at = 4 + 4 + 34
    flac = flac[:at] + b"\x06" + (len(block) + len(picture)).to_bytes(3, "big") + block + picture + flac[at:]
    cover = audio._atom(b"covr", audio._atom(b"data", struct.pack(">II", 14, 0), picture))
    m4a = odd.m4a([odd.mp4_text("\xa9ART", "A"), odd.mp4_text("\xa9nam", "B"), cover])
    paths = [file(tmp_path, *one) for one in ((mp3, "a.mp3"), (flac, "a.flac"), (m4a, "a.m4a"))]
    assert list(map(title, readers.read(paths * 3))) == ["B"] * 9


def zlib_bomb() -> bytes:
    """A title that is compressed from a gigabyte of blanks."""
    blanks, squeeze = b" " * 2**20, zlib.compressobj(9)
    first, again = (squeeze.compress(blanks) + squeeze.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    check = functools.reduce(lambda sum_, _: zlib.adler32(blanks, sum_), range(1024), 1)
    packed = first + again * 1023 + b"\x03\0" + check.to_bytes(4)  # an empty last block, and the sum of all
    content = audio._synchsafe(2**28 - 1) + packed
    frame = b"TIT2" + audio._synchsafe(len(content)) + b"\0\x09" + content
    return b"ID3\x04\0\0" + audio._synchsafe(len(frame)) + frame + audio._mp3_stream(1.0)


def huge_claim(content: bytes, name: bytes) -> bytes:
    """The file with a size of nearly 4 GiB after the name of a chunk."""
    at = content.index(name) + len(name)
    return content[:at] + b"\xf0\xff\xff\xff" + content[at + 4 :]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mp3", zlib_bomb),
        ("a.m4a", lambda: audio.m4a(Tags("A", "B")) + b"\0\0\0\x08free" * 1_000_000),
        ("a.m4a", lambda: b"\xff\xff\xff\xf0moov" + b"\0\0\0\x08trak" * 2_000_000),
        ("a.flac", lambda: b"fLaC" + b"\x04\xff\xff\xff" * 3_000_000),
        ("a.ogg", lambda: audio.ogg(Tags("A", "B"))[:80] + bytes(8_000_000)),
        ("a.wav", lambda: b"RIFF\0\0\0\0WAVE" + b"LIST\0\0\0\0" * 2_000_000),
    ],
)
def test_a_hostile_file_is_damaged_and_the_next_one_is_read(
    readers: ReaderPool, tmp_path: Path, name: str, content: Callable[[], bytes]
) -> None:
    (tmp_path / "x").mkdir()
    good, bad = file(tmp_path, audio.mp3(Tags("A", "B"))), file(tmp_path / "x", content(), name)
    before, hostile, after = readers.read([good, bad, good])
    assert (title(before), title(after)) == ("B", "B")
    assert isinstance(hostile, Unfit)
    assert hostile.reason.startswith("damaged")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.wav", huge_claim(audio.wav(Tags("A", "B")), b"data")),
        ("a.aiff", odd.aiff([(b"ID3 ", odd.id3([odd.id3_text("TPE1", "A"), odd.id3_text("TIT2", "B")]))])),
        ("a.dsf", odd.dsf(odd.id3([odd.id3_text("TPE1", "A"), odd.id3_text("TIT2", "B")]))),
    ],
)
def test_a_chunk_that_claims_a_huge_size_does_not_prevent_reading(
    readers: ReaderPool, tmp_path: Path, name: str, content: bytes
) -> None:
    for chunk in (b"SSND", b"data"):
        if chunk in content:
            content = huge_claim(content, chunk)
    assert title(next(readers.read([file(tmp_path, content, name)]))) == "B"


def test_a_disk_that_does_not_answer_is_retried_by_the_next_scan(tmp_path: Path) -> None:
    pipe = tmp_path / "b.mp3"
    os.mkfifo(pipe)  # opening it waits for somebody who writes
    good = file(tmp_path, audio.mp3(Tags("A", "B")))
    with ReaderPool(patience=0.5) as readers:
        (waits,) = readers.read([str(pipe)])
        assert waits == NotRead("the disk isn't responding")
    with ReaderPool() as readers:
        assert title(next(readers.read([good]))) == "B"


def test_a_process_that_is_killed_costs_no_other_file(readers: ReaderPool, tmp_path: Path) -> None:
    good = file(tmp_path, audio.mp3(Tags("A", "B")))
    list(readers.read([good] * 100))
    for reader in readers._readers:
        if reader._process is not None:
            os.kill(reader._process.pid, signal.SIGKILL)
            reader._process.wait()
    answers = list(readers.read([good] * 100))
    stopped = [answer for answer in answers if answer == NotRead("the tag reader was stopped")]
    assert len(stopped) <= 2
    assert [title(answer) for answer in answers if answer not in stopped] == ["B"] * (100 - len(stopped))


@pytest.mark.parametrize(
    ("python", "reason"), [("/bin/false", "exits as soon as it starts"), ("/none", "No such file or directory")]
)
def test_a_process_that_does_not_start_is_an_error(
    readers: ReaderPool, monkeypatch: pytest.MonkeyPatch, python: str, reason: str
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(ReaderFailed, match=reason):
        list(readers.read(["/a.mp3"]))


def test_nothing_of_the_current_folder_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "mutagen", "tonearm", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open('{tmp_path}/was-run', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ".")
    with ReaderPool() as readers:
        assert title(next(readers.read([file(tmp_path, audio.mp3(Tags("A", "B")))]))) == "B"
    assert not (tmp_path / "was-run").exists()


def test_without_mutagen_a_scan_says_what_to_install() -> None:
    code = "import sys; sys.path.append(sys.argv[1]); from tonearm.library.folder import scan; scan('.', {})"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(SOURCES)], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        "ImportError: a scan needs mutagen, which is not installed: pip install 'tonearm[library]'"
    )
