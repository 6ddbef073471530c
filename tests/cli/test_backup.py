"""A backup from a shell, and the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.shell import Shell


def test_a_backup_is_put_back(shell: Shell) -> None:
    shell("listener", "add", "me")
    assert shell("status").exit_code == 0
    saved = shell.facts("backup", str(shell.home / "backup.db"))
    assert saved["bytes"] == (shell.home / "backup.db").stat().st_size
    assert saved["key_file"] == f"{shell.database}.key"
    shell("listener", "add", "later")
    assert "restored" in shell("restore", str(shell.home / "backup.db")).output
    with closing(sqlite3.connect(shell.database)) as db:
        assert db.execute("SELECT name FROM account").fetchall() == [("me",)]


def test_a_wrong_file_is_refused_in_one_line(shell: Shell) -> None:
    (shell.home / "wrong").write_text("no database")
    answer = shell("restore", str(shell.home / "wrong"))
    assert answer.exit_code == 1
    assert answer.output.splitlines() == [
        f"Error: nothing was changed: {shell.home / 'wrong'}: not a backup of a SQLite database"
    ]


def test_a_restore_without_the_key_says_at_once_what_is_missing(shell: Shell) -> None:
    shell("listener", "add", "me")
    key = shell.home / "plays.db.key"
    backup = str(shell.home / "backup.db")
    assert shell.facts("backup", backup)["key_file"] == str(key)
    kept = key.read_text()
    key.unlink()
    said = shell("restore", backup)
    assert (said.exit_code, said.stdout) == (0, f"restored from {backup}\n")
    assert said.stderr.startswith(f"It can't be used yet: {key}: the key file for the stored sessions is missing")
    key.write_text("another")
    assert "isn't the key file for the stored sessions" in shell.facts("restore", backup)["key_problem"]
    key.write_text("")
    assert "the key file is empty" in shell.facts("restore", backup)["key_problem"]
    key.write_text(kept)
    assert shell.facts("restore", backup)["key_problem"] is None
    assert shell("restore", backup).stderr == ""


def test_a_backup_that_cannot_be_written_does_not_blame_the_database(shell: Shell) -> None:
    for place, why in ((shell.home / "no" / "backup", "No such file or directory"), (shell.database, "belongs to")):
        refused = shell("backup", str(place))
        assert refused.exit_code == 1
        assert refused.stderr.startswith(f"Error: {place}: {why}")
