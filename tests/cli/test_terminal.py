"""Names and words of others reach a terminal as text that it does not obey, and files are their owner's alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Shell
from tonearm.terminal import escaped, visible

HOSTILE = "a\x1b]0;title\x07b\x9b31mc\r\u202ed"


def test_a_terminal_is_shown_text_only() -> None:
    assert visible(HOSTILE) == "a\ufffd]0;title\ufffdb\ufffd31mc\ufffd\ufffdd"
    assert visible("Björk\tJóga\n宇多田") == "Björk\tJóga\n宇多田"
    assert json.loads(escaped(json.dumps({"name": HOSTILE}, ensure_ascii=False))) == {"name": HOSTILE}


def test_names_of_files_and_errors_do_not_reach_the_terminal_as_they_are(shell: Shell) -> None:
    folder = shell.home / "music\x1b[2J"
    folder.mkdir()
    (folder / "song\x9b31m.mp3").write_bytes(b"no audio")
    for words in (("scan", str(folder)), ("scan", str(folder / "nothing")), ("listener", "add", "a\x1b[2J")):
        said = shell(*words)
        assert said.output
        assert not {"\x1b", "\x9b"} & set(said.output), words
    facts = shell.facts("scan", str(folder), "--all") if "--all" in shell("scan", "--help").output else {}
    assert "\x1b" not in json.dumps(facts, ensure_ascii=False)


def test_commands_that_only_look_make_nothing(shell: Shell, tmp_path: Path) -> None:
    database = tmp_path / "new" / "plays.db"
    for words in (("status",), ("status", "--json"), ("check",)):
        said = shell(*words, "--database", str(database))
        assert (
            "doesn't exist yet" in said.output or "no database yet" in said.output or '"database": null' in said.output
        )
    assert not database.parent.exists()


def test_files_and_folders_that_are_made_are_for_their_owner_alone(shell: Shell, tmp_path: Path) -> None:
    database = tmp_path / "new" / "plays.db"
    assert shell("scrobble", "--artist", "A", "--track", "B", "--database", str(database)).exit_code == 0
    assert database.parent.stat().st_mode & 0o777 == 0o700
    made = {file.name: file.stat().st_mode & 0o777 for file in database.parent.iterdir()}
    assert {"plays.db", "plays.db.lock", "plays.db.migrating", "plays.db.key"} <= set(made)
    assert set(made.values()) == {0o600}


def test_a_second_service_is_noticed_through_a_link_to_the_file(shell: Shell, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere.db"
    with shell.running("serve", "--port", "0") as (out, _):
        out.until("tonearm listens on")
        link.symlink_to(shell.database)
        second = shell.process("serve", "--port", "0", "--database", str(link))
        assert second.returncode == 1
        assert f"is in use by another tonearm (process {out.process.pid})" in second.stderr
        assert out.end() == 0
