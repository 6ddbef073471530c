"""What commands do if there is no database: those that begin something create it, and the others don't."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.shell import Shell, every_command

WITHOUT_A_DATABASE = {"demo", "emulator", "completion", "move-database", "restore", "watch mpris", "watch mpd"}
"""Commands that need none or name theirs, and those that watch players, which create it as `scrobble` does."""

CREATE = (
    *("serve", "worker", "login", "love --artist A --track B", "unlove --artist A --track B", "import-loved"),
    *("scrobble --artist A --track B", "scan .", "import-history", "artist A", "album A B", "track A B", "search A"),
    *("listener add a", "listener link me", "token new", "player add a --kind lastfm", "rule add --artist A --yes"),
    *("destination add listenbrainz",),
)

NEED_ONE = (
    *("status", "queue", "queue list", "queue list --refused", "queue status", "queue retry", "queue retry 1"),
    *("queue discard 1", "queue why 1", "jobs", "jobs list", "jobs cancel deliver-1", "jobs retry deliver-1"),
    *("jobs pause deliver", "jobs resume deliver", "import-loved --check", "import-loved --dry-run"),
    *("import-history --list", "import-history --undo 1", "import-history --no-mirror", "export-history"),
    *("export-history out.csv", "stats", "names list", "names merge --artist A --to-artist B"),
    *("names rename --artist A --to-artist B", "names undo --artist A", "enrich", "token list", "token revoke abc"),
    *("player list", "player map a b", "player revoke a", "player test a", "rule list", "rule undo 1"),
    *("rule add --artist A --to-artist B", "destination add listenbrainz --preview", "destination list"),
    *("destination history all 1", "destination pause 1", "destination policy 1 --no-hearts"),
    *("destination policy 1 --no-hearts --yes", "destination private 1 1", "destination remove 1"),
    *("destination resume 1", "destination retry 1", "destination token 1", "backup copy.db", "change-secret --lost"),
)

NONE_AT = "no tonearm database at {}: check --database and TONEARM_DATABASE, or create one with 'tonearm serve'"


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_command_is_here() -> None:
    known = [*CREATE, *NEED_ONE, "check", *WITHOUT_A_DATABASE]
    missing = [leaf for leaf, _ in every_command() if not any(f"{one} ".startswith(f"{leaf} ") for one in known)]
    assert missing == []


@pytest.mark.parametrize("words", NEED_ONE)
def test_a_command_that_begins_nothing_says_that_there_is_no_database_and_creates_none(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "data" / "typo.db"
    said = Shell(tmp_path, {"TONEARM_DATABASE": str(database)})(*words.split())
    assert (said.exit_code, said.stdout, said.stderr) == (1, "", f"Error: {NONE_AT.format(database)}\n")
    assert everything_in(tmp_path) == []


def test_check_says_so_beside_its_other_checks(tmp_path: Path) -> None:
    database = tmp_path / "data" / "typo.db"
    said = Shell(tmp_path, {"TONEARM_DATABASE": str(database)})("check")
    assert said.exit_code == 1
    assert f"WRONG  database       {NONE_AT.format(database)}\n" in said.stdout
    assert f"ok     key file       {database}.key doesn't exist yet; the first start creates it\n" in said.stdout
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    "words",
    [
        *("scrobble --artist A --track B", "love --artist A --track B", "scan .", "listener add a", "listener link me"),
        *("token new", "player add a --kind lastfm", "rule add --artist A --to-artist B --yes", "login"),
        *("import-history", "import-history --mirror", "import-loved", "import-loved --mirror", "artist Low"),
    ],
)
def test_a_command_that_begins_something_creates_the_database(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = Shell(tmp_path, {"TONEARM_DATABASE": str(tmp_path / "data" / "new.db")})
    shell(*words.split())
    assert shell.database.exists()
    assert shell("status").exit_code == 0


def test_a_file_without_tonearms_tables_stays_as_it_is(tmp_path: Path) -> None:
    (empty := tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(other := tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE album (id INTEGER)")
        db.commit()
    for file in (empty, other):
        before = file.read_bytes()
        said = Shell(tmp_path, {"TONEARM_DATABASE": str(file)})("status", "--json")
        assert (said.exit_code, said.stdout, said.stderr) == (1, "", f"Error: {NONE_AT.format(file)}\n")
        assert file.read_bytes() == before
    assert everything_in(tmp_path) == ["empty.db", "other.db"]


def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    said = Shell(tmp_path, {"TONEARM_DATABASE": str(long)})("status")
    assert (said.exit_code, said.stderr) == (
        1,
        f"Error: the database is unavailable: {long}: File name too long\n",
    )


def test_postgresql_without_tables_is_no_tonearm_database_until_something_begins(
    tmp_path: Path, postgres_url: str
) -> None:
    shell = Shell(tmp_path, {"TONEARM_DATABASE": postgres_url, "TONEARM_SECRET_KEY": "hush"})
    for words in ("status", "stats", "queue", "backup copy.db"):
        said = shell(*words.split())
        assert (said.exit_code, said.stdout) == (1, "")
        assert said.stderr.startswith("Error: no tonearm database at postgresql")
        assert said.stderr.count("\n") == 1
    assert "WRONG  database       no tonearm database at postgresql" in shell("check").stdout
    assert shell("listener", "add", "ada").exit_code == 0
    assert shell("status", "--listener", "ada").exit_code == 0


def test_a_server_that_cannot_be_reached_is_not_an_absent_database(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"TONEARM_SECRET_KEY": "hush"})
    said = shell("status", "--database", "postgresql://u:hush@127.0.0.1:1/x")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: the database is unavailable: ")
    assert "Connection refused" in said.stderr
    assert "hush" not in said.stderr
    assert said.stderr.count("\n") == 1
