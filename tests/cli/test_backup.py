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
