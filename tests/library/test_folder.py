"""What a scan of a folder finds, the first time and after changes."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import audio
from tests.audio import Tags
from tonearm.core.cleaning import clean
from tonearm.core.play import Track
from tonearm.library.folder import (
    Closed,
    Fingerprint,
    FolderUnreadable,
    ScannedPage,
    Tagged,
    UnreadableFile,
    scan,
)
from tonearm.library.path import on_disk

NOBODY = 65534


class Shelf:
    """A caller that stores what scans find, like the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Fingerprint] = {}

    def scan(self, page: int = 500) -> ScannedPage:
        """All pages as one."""
        new: list[Tagged] = []
        changed: list[Tagged] = []
        unreadable: list[UnreadableFile] = []
        last = None
        for last in scan(self.folder, self.known, page=page):
            new += last.new
            changed += last.changed
            unreadable += last.unreadable
            for tagged in last.new + last.changed:
                self.known[tagged.path] = tagged.fingerprint
            for unfit in last.unreadable:
                if unfit.fingerprint:
                    self.known[unfit.path] = unfit.fingerprint
            for path in last.gone:
                del self.known[path]
        assert last is not None
        return ScannedPage(tuple(new), tuple(changed), tuple(unreadable), last.seen, last.total, last.gone, last.closed)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "music"
    audio.write_library(folder, [("A", "One", "X"), ("A", "Two", "X"), ("B", "Three", "")], seconds=0.1)
    return Shelf(folder)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def unchanged(total: int) -> ScannedPage:
    return ScannedPage((), (), (), total, total)


def test_the_first_scan_finds_every_file_as_new(shelf: Shelf) -> None:
    found = shelf.scan()
    assert [(t.path, t.track.artist, t.track.title) for t in found.new] == [
        (str(path), artist, title)
        for path, (artist, title) in zip(files(shelf.folder), [("A", "One"), ("A", "Two"), ("B", "Three")], strict=True)
    ]
    assert (found.seen, found.total, found.gone, found.closed) == (3, 3, (), ())
    assert found.new[0].track == Track("A", "One", "X", "A", found.new[0].track.duration, 2)


def test_a_second_scan_finds_nothing_to_do(shelf: Shelf) -> None:
    shelf.scan()
    assert list(scan(shelf.folder, shelf.known)) == [unchanged(3)]


def test_a_rewritten_file_is_changed_a_removed_one_gone_an_added_one_new(shelf: Shelf) -> None:
    shelf.scan()
    one, two, _ = files(shelf.folder)
    one.write_bytes(audio.mp3(Tags("A", "One, corrected")))
    two.unlink()
    (shelf.folder / "four.flac").write_bytes(audio.flac(Tags("C", "Four")))
    found = shelf.scan()
    assert [tagged.track.title for tagged in found.changed] == ["One, corrected"]
    assert [tagged.track.title for tagged in found.new] == ["Four"]
    assert found.gone == (str(two),)
    assert shelf.scan() == unchanged(3)


def test_a_file_of_the_same_size_that_was_written_later_is_changed(shelf: Shelf) -> None:
    shelf.scan()
    one = files(shelf.folder)[0]
    content, status = one.read_bytes(), one.stat()
    one.write_bytes(content.replace(b"One", b"Eno"))
    os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert [tagged.track.title for tagged in shelf.scan().changed] == ["Eno"]


def test_a_retag_that_keeps_size_and_modification_time_is_changed(shelf: Shelf) -> None:
    shelf.scan()
    one = files(shelf.folder)[0]
    content, status = one.read_bytes(), one.stat()
    one.write_bytes(content.replace(b"One", b"Eno"))
    os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [tagged.track.title for tagged in shelf.scan().changed] == ["Eno"]


def test_pages_come_as_they_are_read_and_the_last_one_always(shelf: Shelf) -> None:
    pages = list(scan(shelf.folder, {}, page=2))
    assert [(len(page.new), page.seen, page.total) for page in pages] == [(2, 2, 3), (1, 3, 3)]
    assert [len(page.new) for page in scan(shelf.folder, {}, page=3)] == [3]
    assert [len(page.new) for page in scan(shelf.folder, {}, page=1)] == [1, 1, 1]


def test_an_interrupted_scan_continues_where_it_stopped(shelf: Shelf) -> None:
    first = next(scan(shelf.folder, {}, page=2))
    known = {tagged.path: tagged.fingerprint for tagged in first.new}
    (page,) = scan(shelf.folder, known, page=2)
    assert (len(page.new), page.seen, page.total) == (1, 3, 3)


def test_a_file_without_tags_is_reported_once_until_it_changes(shelf: Shelf) -> None:
    untagged = shelf.folder / "hum.mp3"
    untagged.write_bytes(audio.mp3(Tags(title="Hum")))
    (found,) = shelf.scan().unreadable
    assert (found.path, found.reason) == (str(untagged), "no artist tag")
    assert shelf.scan() == unchanged(4)
    untagged.write_bytes(audio.mp3(Tags("Me", "Hum")))
    assert [tagged.track.artist for tagged in shelf.scan().changed] == ["Me"]


def test_only_music_that_is_not_hidden_is_seen(shelf: Shelf) -> None:
    for name in ("cover.jpg", ".hidden.mp3", "._A.mp3", ".trash/a.mp3", "@eaDir/a.mp3", "notes.mp3.txt"):
        path = shelf.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(audio.mp3(Tags("A", "B")))
    (shelf.folder / "folder.mp3").mkdir()
    os.mkfifo(shelf.folder / "pipe.mp3")
    (shelf.folder / "link.jpg").symlink_to(shelf.folder / "cover.jpg")
    assert shelf.scan().total == 3


def test_the_folder_may_be_given_relative_and_other_folders_are_left_alone(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shelf.folder)
    shelf.known["/elsewhere/x.mp3"] = Fingerprint(1, 1, 1)
    shelf.known[f"{shelf.folder}2/x.mp3"] = Fingerprint(1, 1, 1)
    shelf.folder = Path("A")
    assert [tagged.path for tagged in shelf.scan().new] == [str(path) for path in files(shelf.folder.absolute())]
    assert shelf.scan().gone == ()


def test_a_name_in_another_encoding_is_read_and_kept(shelf: Shelf) -> None:
    name = os.path.join(os.fsencode(shelf.folder), b"caf\xe9.mp3")
    Path(os.fsdecode(name)).write_bytes(audio.mp3(Tags("A", "Café")))
    (found,) = [tagged for tagged in shelf.scan().new if tagged.track.title == "Café"]
    found.path.encode()
    assert os.fsencode(on_disk(found.path)) == name
    assert shelf.scan() == unchanged(4)
    os.unlink(name)
    assert shelf.scan().gone == (found.path,)


def test_a_folder_whose_name_is_in_another_encoding_is_scanned(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcsik"))
    audio.write_library(folder, [("A", "One", "X")], seconds=0.1)
    shelf = Shelf(folder)
    assert len(shelf.scan().new) == 1
    assert shelf.scan() == unchanged(1)
    with pytest.raises(FolderUnreadable, match="m%FCsik2"):
        scan(f"{folder}2", {})


def test_links_are_followed_and_loops_end(shelf: Shelf, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    audio.write_library(elsewhere, [("C", "Four", "")], seconds=0.1)
    (shelf.folder / "a link").symlink_to(elsewhere)
    (shelf.folder / "another link").symlink_to(elsewhere)
    (shelf.folder / "A" / "up").symlink_to(shelf.folder)
    (elsewhere / "back").symlink_to(shelf.folder / "A")
    (shelf.folder / "five.mp3").symlink_to(files(elsewhere)[0])
    found = shelf.scan()
    assert found.total == 5
    assert [tagged.path for tagged in found.new if tagged.track.title == "Four"] == [
        str(shelf.folder / "a link" / "C" / "no album" / files(elsewhere)[0].name),
        str(shelf.folder / "five.mp3"),
    ]
    assert shelf.scan() == unchanged(5)


def test_tracks_behind_a_link_to_a_missing_disk_are_not_gone(shelf: Shelf, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    audio.write_library(disk, [("C", "Four", "")], seconds=0.1)
    link = shelf.folder / "disk"
    link.symlink_to(disk)
    (shelf.folder / "five.flac").symlink_to(files(disk)[0])
    shelf.scan()
    disk.rename(tmp_path / "unmounted")
    found = shelf.scan()
    assert found.gone == ()
    assert {door.path: door.reason for door in found.closed} == {
        str(link): "broken link",
        str(shelf.folder / "five.flac"): "broken link",
    }


def test_a_link_to_itself_is_reported_and_the_scan_continues(shelf: Shelf) -> None:
    (shelf.folder / "loop").symlink_to(shelf.folder / "loop")
    found = shelf.scan()
    assert found.total == 3
    assert found.closed == (Closed(str(shelf.folder / "loop"), "Too many levels of symbolic links"),)


@contextmanager
def as_nobody() -> Iterator[None]:
    """The superuser may read everything; for a while it is somebody else."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_shelf() -> Iterator[Shelf]:
    """A shelf where another user may look, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="tonearm-"))
    folder.chmod(0o755)
    audio.write_library(folder, [("A", "One", "X"), ("A", "Two", "X"), ("B", "Three", "")], seconds=0.1)
    yield Shelf(folder)
    shutil.rmtree(folder)


def test_tracks_in_a_subfolder_that_may_not_be_read_are_not_gone(open_shelf: Shelf) -> None:
    open_shelf.scan()
    shut, gone = open_shelf.folder / "A" / "X", files(open_shelf.folder)[2]
    gone.unlink()
    shut.chmod(0)
    with as_nobody():
        found = open_shelf.scan()
    assert found.gone == (str(gone),)
    assert found.closed == (Closed(str(shut), "Permission denied"),)
    shut.chmod(0o755)
    assert open_shelf.scan() == unchanged(2)


def test_a_file_that_cannot_be_read_is_retried_by_the_next_scan(shelf: Shelf) -> None:
    one = files(shelf.folder)[0]
    content = one.read_bytes()
    pages = scan(shelf.folder, shelf.known)
    one.unlink()
    one.mkdir()
    (page,) = pages
    assert page.unreadable == (UnreadableFile(str(one), "Is a directory", None),)
    one.rmdir()
    one.write_bytes(content)
    assert str(one) in [tagged.path for tagged in shelf.scan().new]


def test_a_folder_that_may_not_be_read_is_an_error(open_shelf: Shelf) -> None:
    open_shelf.scan()
    open_shelf.folder.chmod(0)
    with as_nobody(), pytest.raises(FolderUnreadable, match="Permission denied"):
        open_shelf.scan()
    open_shelf.folder.chmod(0o755)


def test_a_folder_that_is_not_there_is_an_error_at_once(shelf: Shelf) -> None:
    shelf.scan()
    shutil.rmtree(shelf.folder)
    with pytest.raises(FolderUnreadable, match="No such file or directory"):
        scan(shelf.folder, shelf.known)


def test_a_file_is_not_a_folder(shelf: Shelf) -> None:
    with pytest.raises(FolderUnreadable, match="Not a directory"):
        scan(files(shelf.folder)[0], {})


def test_a_folder_that_was_emptied_loses_its_few_tracks(shelf: Shelf) -> None:
    shelf.scan()
    shutil.rmtree(shelf.folder)
    shelf.folder.mkdir()
    assert len(shelf.scan().gone) == 3


def test_an_empty_folder_that_had_many_tracks_is_treated_as_a_missing_disk(tmp_path: Path) -> None:
    known = {str(tmp_path / f"{n}.mp3"): Fingerprint(n, n, n) for n in range(100)}
    with pytest.raises(FolderUnreadable, match="100 known tracks"):
        scan(tmp_path, known)
    (page,) = scan(tmp_path, known, believe_empty=True)
    assert len(page.gone) == 100
    (tmp_path / "readme.txt").touch()
    (page,) = scan(tmp_path, known)
    assert len(page.gone) == 100


def test_a_file_that_goes_while_it_is_scanned_is_gone_with_the_next_scan(shelf: Shelf) -> None:
    shelf.scan()
    one = files(shelf.folder)[0]
    one.write_bytes(audio.mp3(Tags("A", "One again")))
    pages = scan(shelf.folder, shelf.known)
    one.unlink()
    assert list(pages) == [unchanged(3)]
    assert shelf.scan().gone == (str(one),)


@pytest.mark.slow
def test_a_library_of_18_000_real_names_is_read_without_a_loss(tmp_path: Path, test_data: Path) -> None:
    with (test_data / "data" / "library-18k.csv").open(encoding="utf-8", newline="") as file:
        names = [(artist, title, album) for artist, title, album in list(csv.reader(file))[1:]]
    shelf = Shelf(tmp_path / "music")
    assert audio.write_library(shelf.folder, names, seconds=0.1) == len(names) == 18_000
    found = shelf.scan()
    assert found.unreadable == ()
    read = sorted((t.track.artist, t.track.title, t.track.album) for t in found.new)
    assert len(read) == 18_000
    assert set(read) == {tuple(map(clean, row)) for row in names}
    assert shelf.scan() == unchanged(18_000)
    shutil.rmtree(shelf.folder)  # 18,000 files that pytest would keep for three runs
