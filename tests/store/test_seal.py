"""What must not be read from the file is sealed, with a key that only its owner may read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.patience import PATIENCE
from tonearm.store.db.sqlite_writer import StoreUnavailable
from tonearm.store.secrets import seal
from tonearm.store.secrets.seal import SealBroken, SessionCipher, key_file, seal_beside

SESSION = "a-session-key-of-32-letters-1234"
MAKE = "import sys; from pathlib import Path; from tonearm.store.secrets.seal import seal_beside; " + (
    "print(seal_beside(Path(sys.argv[1])).secrets[0])"
)


@given(st.text(), st.text())
def test_what_is_sealed_is_opened_again(plain: str, secret: str) -> None:
    assert SessionCipher((secret,)).open(SessionCipher((secret,)).close(plain)) == plain


def test_a_sealed_session_shows_nothing_of_it() -> None:
    one = SessionCipher(("secret",))
    assert SESSION not in one.close(SESSION)
    assert one.close(SESSION) != one.close(SESSION)


def test_a_wrong_key_says_what_to_do_and_nothing_more() -> None:
    sealed = SessionCipher(("old secret",)).close(SESSION)
    with pytest.raises(SealBroken, match="sign in again") as broken:
        SessionCipher(("new secret",)).open(sealed)
    assert not SessionCipher(("new secret",)).opens(sealed)
    said = str(broken.value)
    assert not any(word in said for word in (SESSION, sealed, "old secret", "new secret"))
    assert broken.value.__cause__ is None


@pytest.mark.parametrize("sealed", ["", "no seal at all", "gAAAAA", "ü"])
def test_what_was_never_sealed_is_not_opened(sealed: str) -> None:
    with pytest.raises(SealBroken):
        SessionCipher(("secret",)).open(sealed)


def test_a_secret_can_be_changed_while_the_old_one_is_kept() -> None:
    sealed = SessionCipher(("old",)).close(SESSION)
    both = SessionCipher(("new", "old"))
    assert both.open(sealed) == SESSION
    assert SessionCipher(("new",)).open(both.close(SESSION)) == SESSION


def test_a_seal_does_not_print_its_secret(tmp_path: Path) -> None:
    assert "hush" not in repr(SessionCipher(("hush",)))
    made = seal_beside(tmp_path / "plays.db")
    assert made.secrets[0] not in repr(made)


def test_the_key_is_beside_the_file_for_its_owner_only(tmp_path: Path) -> None:
    database = tmp_path / "new folder" / "plays.db"
    made = seal_beside(database)
    key = key_file(database)
    assert key == tmp_path / "new folder" / "plays.db.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(made.secrets[0]) == 64
    assert [path.name for path in key.parent.iterdir()] == ["plays.db.key"]


def test_the_key_is_made_once(tmp_path: Path) -> None:
    database = tmp_path / "plays.db"
    assert seal_beside(database) == seal_beside(database)


def test_two_files_have_two_keys(tmp_path: Path) -> None:
    assert seal_beside(tmp_path / "a.db") != seal_beside(tmp_path / "b.db")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "plays.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    secrets = {process.communicate(timeout=PATIENCE)[0] for process in processes}
    assert len(secrets) == 1
    assert secrets == {seal_beside(tmp_path / "plays.db").secrets[0] + "\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["plays.db.key"]


def test_whoever_links_first_wins(tmp_path: Path) -> None:
    """The loser of the race uses the winner's key, and leaves nothing behind."""
    database = tmp_path / "plays.db"
    key_file(database).write_text("the winner's secret\n")
    assert seal._new_secret(key_file(database)) == "the winner's secret"
    assert [path.name for path in tmp_path.iterdir()] == ["plays.db.key"]


def test_what_a_crash_left_does_not_stop_the_next_start_with_the_same_process_id(tmp_path: Path) -> None:
    database = tmp_path / "plays.db"
    key = key_file(database)
    key.with_name(f"{key.name}.{os.getpid()}").write_text("half a sec")
    assert len(seal_beside(database).secrets[0]) == 64


def test_an_empty_key_file_is_not_a_key(tmp_path: Path) -> None:
    key_file(tmp_path / "plays.db").write_text("\n")
    with pytest.raises(StoreUnavailable, match=r"plays\.db\.key: the key file is empty"):
        seal_beside(tmp_path / "plays.db")


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    key_file(tmp_path / "plays.db").mkdir()
    with pytest.raises(StoreUnavailable, match=r"plays\.db\.key: Is a directory"):
        seal_beside(tmp_path / "plays.db")


def test_a_proof_is_good_for_its_text_and_its_secret_alone_and_after_a_change_of_secrets() -> None:
    old, both, other = SessionCipher(("old",)), SessionCipher(("new", "old")), SessionCipher(("other",))
    proof = old.proof("https://example.org/雪.png")
    assert len(proof) == seal.PROOF
    assert both.proves("https://example.org/雪.png", proof)
    assert not old.proves("https://example.org/x.png", proof)
    assert not other.proves("https://example.org/雪.png", proof)
    assert not old.proves("https://example.org/雪.png", "é")
