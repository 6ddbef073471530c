"""`tonearm status` and `tonearm queue` beside a running service: it answers them, and they import next to nothing."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tonearm
from lastfm_emulator import Emulator
from tests.cli.conftest import on_deck, settings_for, shell_in, sign_in
from tests.cli.shell import Said, Shell
from tests.cli.test_serve import service

HEAVY = {"sqlalchemy", "pydantic", "fastapi", "starlette", "uvicorn", "alembic", "httpx2", "asyncio", "cryptography"}
HEAVY |= {"rich", "jinja2", "mutagen", "pgqueuer", "psycopg", "tonearm.app", "tonearm.core.delivery"}

MODULES = """
import sys
sys.argv[0] = "tonearm"
from tonearm.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(",".join(sys.modules), file=sys.stderr)
"""


def imported(shell: Shell, *words: str) -> set[str]:
    """The modules that a command has imported when it is done."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES, *words],
        check=True,
        capture_output=True,
        text=True,
        env=shell.environment,
        cwd=shell.home,
    )
    return set(done.stderr.splitlines()[-1].split(","))


@pytest.fixture
def waiting(connected: Shell) -> Shell:
    """A listener whose plays wait because Last.fm is down."""
    return Shell(connected.home, {**connected.variables, "LASTFM_API_URL": "http://127.0.0.1:9/2.0/"})


@pytest.fixture
def served(connected: Shell) -> Iterator[tuple[Shell, Said]]:
    """A shell beside a running service."""
    with service(connected) as (_, out, _):
        out.until("sign")
        yield connected, out


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, fresh_database: Path) -> Iterator[tuple[Shell, Said, Emulator]]:
    """The same for all tests that leave the first listener and the service as they are, with its emulator."""
    emulator = Emulator()
    alone = shell_in(tmp_path_factory.mktemp("shared"), fresh_database)
    with settings_for(emulator) as settings:
        shell = Shell(alone.home, {**alone.variables, **settings})
        sign_in(shell, emulator)
        with service(shell) as (_, out, _):
            out.until("sign")
            yield shell, out, emulator


@pytest.mark.parametrize("words", [("--version",), ("--help",)])
def test_what_needs_no_database_imports_nothing_heavy(shell: Shell, words: tuple[str, ...]) -> None:
    assert not HEAVY & imported(shell, *words)


def test_beside_a_service_nothing_heavy_is_imported(shared: tuple[Shell, Said, Emulator]) -> None:
    shell, _, _ = shared
    for words in (["status"], ["status", "--json"], ["queue"], ["queue", "list", "--limit", "3"]):
        assert not HEAVY & imported(shell, *words)


def test_the_service_says_what_the_command_would_have_found_itself(
    shared: tuple[Shell, Said, Emulator],
) -> None:
    shell, out, _ = shared
    itself = Shell(shell.home, {**shell.variables, "TZ": "Asia/Tokyo"})
    same_clock = {"TZ": "UTC"}
    assert HEAVY & imported(itself, "status"), "the clock on the wall of the other shell shows something else"
    answered, looked = shell.facts("status"), itself.facts("status")
    assert answered == looked
    assert answered["service"] == str(out.process.pid)
    assert shell.facts("queue") == itself.facts("queue")
    assert Shell(shell.home, {**shell.variables, **same_clock})("queue").output == shell("queue").output


async def report_three(deck: tonearm.Deck) -> None:
    me = await deck.listener()
    for number in range(3):
        track = tonearm.Track("Björk", f"Song {number}", duration=200)
        await me.scrobble(track, started_at=deck.clock.now() - 4000 + 300 * number, played=200)


def test_the_plays_that_wait_are_the_same_from_both(waiting: Shell) -> None:
    on_deck(waiting, report_three)
    alone = waiting.facts("queue")
    with service(waiting) as (_, out, _):
        out.until("sign")
        beside = waiting.facts("queue", "--limit", "2")
        assert [play["id"] for play in beside["plays"]] == [play["id"] for play in alone["plays"]][:2]
        assert "and 1 more" in waiting("queue", "--limit", "2").output


def test_an_unknown_listener_is_reported_as_ever(shared: tuple[Shell, Said, Emulator]) -> None:
    shell, _, _ = shared
    for command in ("status", "queue"):
        said = shell(command, "--listener", "nobody")
        assert said.exit_code == 1
        assert said.stderr == "Error: no listener named 'nobody': add one with 'tonearm listener add'\n"


def test_each_listener_gets_what_is_theirs(shared: tuple[Shell, Said, Emulator]) -> None:
    shell, _, emulator = shared
    shell("listener", "add", "ann")
    sign_in(shell, emulator, "ann", "Ann")
    assert (shell.facts("status")["username"], shell.facts("status", "--listener", "ann")["username"]) == ("RJ", "Ann")


def test_the_socket_is_its_owners_alone_and_gone_with_the_service(served: tuple[Shell, Said]) -> None:
    shell, out = served
    file = shell.database.with_name(shell.database.name + ".sock")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert out.end() == 0
    assert not file.exists()
    assert shell.facts("status")["service"] is None


def test_leftovers_of_a_killed_service_do_not_stop_the_next(connected: Shell) -> None:
    with service(connected) as (_, out, _):
        out.until("sign")
        out.process.kill()
        out.process.wait()
    assert connected.database.with_name(connected.database.name + ".sock").exists()
    assert connected.facts("status")["service"] is None
    with service(connected) as (_, out, _):
        out.until("sign")
        assert not HEAVY & imported(connected, "status")


def test_a_database_under_a_long_name_is_served_too(connected: Shell) -> None:
    folder = connected.home / ("deep" * 30)
    folder.mkdir()
    shutil.copy(connected.database, folder / "plays.db")
    shutil.copy(connected.database.with_name("plays.db.key"), folder / "plays.db.key")
    deep = Shell(connected.home, {**connected.variables, "TONEARM_DATABASE": str(folder / "plays.db")})
    with service(deep) as (_, out, _):
        out.until("sign")
        assert not HEAVY & imported(deep, "status")


STRANGE = (
    b"no JSON\n",
    b"[]\n",
    b'{"version": "0.0.1", "zone": "", "question": "status", "listener": "me"}\n',
    b"x" * 70_000 + b"\n",
    b"",
)


def test_another_protocol_gets_no_answer_and_other_requests_continue(served: tuple[Shell, Said]) -> None:
    shell, out = served
    for asked in STRANGE:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(shell.database) + ".sock")
            line.sendall(asked)
            line.shutdown(socket.SHUT_WR)
            assert line.makefile("rb").read() in (b"", b"{}\n")
    assert json.loads(shell("status", "--json").output)["username"] == "RJ"
    assert out.end() == 0


def test_a_service_that_only_accepts_plays_answers_no_commands(connected: Shell) -> None:
    with service(connected, "--no-delivery") as (_, out, _):
        out.until("sign")
        assert not Path(str(connected.database) + ".sock").exists()
        assert connected.facts("status")["service"] is None
