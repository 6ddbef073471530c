"""Names and words of others reach a terminal as text that it does not obey, and files are their owner's alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("words", ["export-history", "export-history --format listenbrainz", "stats --json", "--help"])
def test_output_that_does_not_fit_on_the_disk_is_an_error_that_says_so(shell: Shell, words: str) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "tonearm", *words.split()],
            env=shell.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: the output could not be written: No space left on device\n",
    )


def test_an_export_to_a_closed_output_is_an_error_that_says_so(shell: Shell) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tonearm", "export-history"],
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=lambda: os.close(1),
    )
    assert (ended.returncode, ended.stderr) == (1, "Error: standard output is closed: name a FILE\n")


@pytest.mark.parametrize(
    "words",
    [
        "destination private inf 1",
        "destination private x 1",
        "destination private nan 1",
        "demo --seconds nan",
    ],
)
def test_what_is_no_number_is_wrong_usage(shell: Shell, words: str) -> None:
    refused = shell(*words.split())
    assert refused.exit_code == 2
    assert "is not a valid number." in refused.stderr


def test_a_number_that_is_not_whole_is_wrong_usage(shell: Shell) -> None:
    refused = shell("queue", "why", "abc")
    assert (refused.exit_code, "'abc' is not a valid whole number." in refused.stderr) == (2, True)


def test_a_database_without_a_name_is_wrong_usage(shell: Shell) -> None:
    assert shell("status", "--database", "").exit_code == 2


def test_a_link_to_the_database_opens_it_with_its_key(shell: Shell, tmp_path: Path) -> None:
    assert shell("listener", "add", "anna").exit_code == 0
    (link := tmp_path / "link.db").symlink_to(shell.database)
    assert shell("token", "list", "--listener", "anna", "--database", str(link)).exit_code == 0
    assert not (tmp_path / "link.db.key").exists()
    assert str(shell.database) in shell.facts("backup", str(tmp_path / "copy"), "--database", str(link))["key_file"]


def test_a_hint_names_the_command_as_it_was_started(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TONEARM_STARTED_AS", "./run")
    assert "'./run login --listener anna'" in shell("listener", "add", "anna").stdout
    assert "'./run login'" in shell("love", "--artist", "A", "--track", "B").stdout
