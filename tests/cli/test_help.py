"""What `tonearm` says of itself, and how it fails."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from tests.cli.shell import Shell, every_command
from tonearm import cli

FIRST = ["demo", "serve", "worker", "login", "scan", "scrobble", "import-loved", "queue", "status", "emulator"]
COMMANDS = [*FIRST, "artist", "album", "track", "search", "enrich", "listener", "token", "check", "change-secret"]
COMMANDS += ["import-history", "export-history", "stats", "names"]
BELOW = [
    "queue list",
    "queue status",
    "queue retry",
    "queue discard",
    "queue why",
    "listener add",
    "listener link",
    "token new",
    "token list",
    "token revoke",
]


def test_help_names_every_command_that_is_promised(shell: Shell) -> None:
    said = shell("--help")
    assert said.exit_code == 0
    named = {line.split()[0] for line in said.output.partition("Commands:")[2].splitlines() if line.strip()}
    assert named >= set(COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS, *BELOW])
def test_every_command_explains_itself(shell: Shell, command: str) -> None:
    said = shell(*command.split(), "--help")
    assert said.exit_code == 0
    assert f"Usage: tonearm {command}" in said.output


def test_every_command_that_ends_by_itself_answers_in_json() -> None:
    without = {name for name, command in every_command() if "as_json" not in {one.name for one in command.params}}
    assert without == {"demo", "serve", "worker", "watch mpd", "watch mpris", "completion", "emulator"}


@pytest.mark.parametrize("group", ["", *sorted({name.split()[0] for name, _ in every_command() if " " in name})])
def test_a_list_of_commands_fits_a_terminal_of_80_columns(shell: Shell, group: str) -> None:
    listed = shell(*group.split(), "--help").output.partition("Commands:")[2].splitlines()
    assert len(listed) > 1
    assert [line for line in listed if line.endswith("...") or len(line) > 80] == []


SHARED = ["--listener", "--json", "--database", "--config", "-h, --help"]


@pytest.mark.parametrize("command", [name for name, _ in every_command() if name != "serve"])
def test_help_shows_what_a_command_alone_has_first(shell: Shell, command: str) -> None:
    options = re.findall(r"^  (--?[a-z][-a-z]*(?:, --help)?)", shell(*command.split(), "--help").output, re.MULTILINE)
    shared = [one for one in options if one in SHARED]
    assert shared == [one for one in SHARED if one in shared]
    assert options[-len(shared) :] == shared


def test_help_waits_for_nothing_that_takes_long_to_load() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tonearm.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "click" in loaded
    heavy = {"asyncio", "fastapi", "sqlalchemy", "pydantic", "rich", "uvicorn", "httpx2", "tonearm.app"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize(
    "words",
    [
        "nothing-of-the-kind",
        "scrobble --artist A",
        "queue nope",
        "serve --port x",
        "serve --lastfm-cache-ttl 1",
        "scan",
    ],
)
def test_wrong_usage_is_status_2(shell: Shell, words: str) -> None:
    said = shell(*words.split())
    assert said.exit_code == 2
    assert "Error: " in said.stderr


def test_a_bad_option_is_named_as_it_was_written(shell: Shell) -> None:
    assert "--lastfm-cache-ttl: must be a duration" in shell("status", "--lastfm-cache-ttl", "1").stderr


def test_a_bad_setting_stops_any_command_in_one_line(shell: Shell) -> None:
    said = Shell(shell.home, {**shell.variables, "LASTFM_API_SECRT": "hush"})("status")
    assert said.exit_code == 1
    assert said.stderr.splitlines() == [
        "Error: LASTFM_API_SECRT (environment): unknown setting: did you mean LASTFM_API_SECRET?"
    ]


def test_the_version_is_printed(shell: Shell) -> None:
    assert shell("--version").output.startswith("tonearm ")


def test_an_unexpected_error_is_reported_in_one_line_without_a_traceback_or_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def broken() -> None:
        raise RuntimeError("holds a secret")

    monkeypatch.setattr(cli, "tonearm", broken)
    monkeypatch.setattr(sys, "argv", ["tonearm"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "RuntimeError" not in said
    assert "secret" not in said


def test_a_file_that_is_no_database_is_reported_in_one_line(shell: Shell) -> None:
    shell.database.write_text("Dear diary, today I listened to music. " * 100)
    said = shell("status")
    assert said.exit_code == 1
    words = "file is not a database (the file is damaged or isn't a database: restore a backup)"
    assert said.stderr == f"Error: the database is unavailable: {shell.database}: {words}\n"


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("mysql://db.example/x", "mysql isn't supported"),
        ("://", "use a path or a URL"),
        ("sqlite:////proc/nowhere/plays.db", "the database is unavailable"),
    ],
)
def test_an_impossible_database_is_reported_in_one_line(shell: Shell, database: str, words: str) -> None:
    said = shell("listener", "add", "ada", "--database", database)
    assert said.exit_code == 1
    assert words in said.stderr
    assert said.stderr.count("\n") == 1


def test_workers_say_what_they_need(shell: Shell) -> None:
    said = shell("worker")
    assert said.exit_code == 1
    assert said.stderr.startswith("Error: workers need PostgreSQL")
    assert "that is 'tonearm serve'" in said.stderr
