"""One process sends from a file; a second one gets an error that names the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tonearm.store.db.file_lock import AlreadyOpen, sole_sender
from tonearm.store.db.sqlite_writer import StoreUnavailable

HOLD = """
import sys, time
from pathlib import Path
from tonearm.store.db.file_lock import sole_sender
with sole_sender(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_sender_learns_who_holds_the_file(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    message = rf"plays\.db is in use by another tonearm \(process {os.getpid()}\)"
    with sole_sender(file), pytest.raises(AlreadyOpen, match=message), sole_sender(file):
        pass
    with sole_sender(file):
        pass


def test_a_killed_holder_releases_its_lock(tmp_path: Path) -> None:
    file = tmp_path / "plays.db"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(AlreadyOpen, match=f"process {process.pid}"), sole_sender(file):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    with sole_sender(file):
        assert (tmp_path / "plays.db.lock").read_text() == f"{os.getpid()}\n"


def test_other_files_are_free(tmp_path: Path) -> None:
    with sole_sender(tmp_path / "a.db"), sole_sender(tmp_path / "b.db"), sole_sender(None), sole_sender(None):
        pass


def test_a_lock_whose_holder_did_not_write_its_number_is_held_anyway(tmp_path: Path) -> None:
    with sole_sender(tmp_path / "plays.db"):
        os.truncate(tmp_path / "plays.db.lock", 0)
        with pytest.raises(AlreadyOpen, match="process unknown"), sole_sender(tmp_path / "plays.db"):
            pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = r"nowhere/plays\.db\.lock: No such file or directory"
    with pytest.raises(StoreUnavailable, match=message), sole_sender(tmp_path / "nowhere" / "plays.db"):
        pass
