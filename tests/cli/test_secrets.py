"""A wrong secret key is reported, and signs nobody out; how it is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from lastfm_emulator import Emulator
from tests.cli.conftest import USER
from tests.cli.shell import Shell

SONG = ("scrobble", "--artist", "Nina Simone", "--track", "Sinnerman", "--duration", "622")


def having(shell: Shell, **variables: str) -> Shell:
    return replace(shell, variables={**shell.variables, **variables})


@pytest.mark.parametrize(
    "command", [("serve",), ("status",), ("queue",), ("login",), SONG, ("listener", "add", "anna")]
)
def test_no_command_runs_with_a_mistyped_secret(connected: Shell, command: tuple[str, ...]) -> None:
    said = having(connected, TONEARM_SECRET_KEY="mistyped")(*command)
    assert said.exit_code == 1
    assert said.stderr.startswith(
        "Error: TONEARM_SECRET_KEY isn't the key that encrypted the sessions in this database"
    )
    assert said.stderr.count("\n") == 1
    assert connected.facts("status")["state"] == "connected"


def test_a_worker_with_a_mistyped_secret_is_rejected_while_another_continues(asking: Shell, postgres_url: str) -> None:
    right = having(asking, TONEARM_DATABASE=postgres_url, TONEARM_SECRET_KEY="right")
    with right.running("worker") as (worker, complained):
        worker.until("tonearm delivers")
        said = having(right, TONEARM_SECRET_KEY="wrong").process("worker")
        assert worker.end() == 0
        assert complained.rest() == []
    assert (said.returncode, said.stdout) == (1, "")
    assert "give every process the same" in said.stderr


def test_a_check_says_that_it_is_the_key(connected: Shell) -> None:
    said = having(connected, TONEARM_SECRET_KEY="mistyped")("check")
    assert (said.exit_code, said.stderr) == (1, "Error: problems found: key\n")
    assert "WRONG  key            TONEARM_SECRET_KEY isn't the key" in said.output
    assert "TONEARM_SECRET_KEY encrypts the sessions" not in said.output


def test_a_damaged_session_is_not_blamed_on_lastfm(connected: Shell, emulator: Emulator) -> None:
    with closing(sqlite3.connect(connected.database)) as db, db:
        db.execute("UPDATE account SET lastfm_session_key = 'damaged'")
    connected(*SONG)
    said = connected("status").output
    assert "the stored session can't be decrypted: run 'tonearm login'" in said
    assert "Last.fm has ended" not in said
    assert not emulator.plays(USER)


def test_the_key_file_is_replaced_and_sessions_survive(connected: Shell, emulator: Emulator) -> None:
    key = Path(f"{connected.database}.key")
    old = key.rename(key.with_name("old.key"))
    assert connected.facts("change-secret", "--old", str(old)) == {"sealed": 1, "lost": 0}
    assert key.read_text() != old.read_text()
    assert connected(*SONG).exit_code == 0
    assert len(emulator.plays(USER)) == 1


def test_a_secret_replaces_a_key_file(connected: Shell) -> None:
    given = having(connected, TONEARM_SECRET_KEY="new")
    said = given("change-secret", "--old", f"{connected.database}.key")
    assert (said.exit_code, said.output) == (0, "encrypted with the new secret: 1 session\n")
    assert given.facts("status")["state"] == "connected"
    assert "isn't the key file for the stored sessions" in connected("status").stderr


def test_if_the_old_secret_is_lost_everybody_has_to_sign_in(connected: Shell) -> None:
    Path(f"{connected.database}.key").unlink()
    refused = connected("status")
    assert refused.exit_code == 1
    assert "the key file for the stored sessions is missing: put it back" in refused.stderr
    said = connected("change-secret", "--lost")
    assert said.exit_code == 0
    assert "could not be decrypted: 1; their listeners have to sign in again" in said.output
    assert connected.facts("status")["state"] == "needs_sign_in"


def test_the_secret_of_a_postgresql_is_changed_if_nobody_else_has_it_open(asking: Shell, postgres_url: str) -> None:
    right = having(asking, TONEARM_DATABASE=postgres_url, TONEARM_SECRET_KEY="right")
    old = right.home / "old"
    old.write_text("right\n")
    assert right("token").exit_code == 0
    new = having(right, TONEARM_SECRET_KEY="new")
    with psycopg.connect(postgres_url, application_name="tonearm elsewhere:1:abc123"):
        said = new("change-secret", "--old", str(old))
    assert said.exit_code == 1
    assert "another tonearm process is connected to this database: stop them all first" in said.stderr
    assert new("change-secret", "--old", str(old)).exit_code == 0
    assert (new("status").exit_code, right("status").exit_code) == (0, 1)


def test_a_service_that_runs_keeps_the_secret_of_its_file(connected: Shell) -> None:
    with connected.running("serve") as (service, _):
        service.until("listens on")
        said = having(connected, TONEARM_SECRET_KEY="new")("change-secret", "--old", f"{connected.database}.key")
        assert service.end() == 0
    assert said.exit_code == 1
    assert "stop that one" in said.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "give the old secret (--old FILE), or --lost if you no longer have it"),
        (("--lost", "--old", "{key}"), 2, "give the old secret (--old FILE)"),
        (("--old", "nowhere"), 2, "'nowhere' does not exist"),
        (("--old", "{plays}"), 1, "cannot be read as text"),
        (("--old", "{wrong}"), 1, "neither the new secret nor the old one can decrypt the sessions"),
    ],
)
def test_what_changes_no_secret_says_why(connected: Shell, words: tuple[str, ...], status: int, said: str) -> None:
    places = {
        "key": f"{connected.database}.key",
        "plays": str(connected.home / "plays.bin"),
        "wrong": str(connected.home / "wrong"),
    }
    Path(places["wrong"]).write_text("mistyped")
    Path(places["plays"]).write_bytes(b"\xff\xfe")
    given = having(connected, TONEARM_SECRET_KEY="new")
    done = given("change-secret", *(word.format(**places) for word in words))
    assert done.exit_code == status
    assert said in done.stderr
    assert connected.facts("status")["state"] == "connected"
