"""A shell, and a Last.fm that its commands may ask."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests.cli.shell import Shell
from tests.listening import connect
from tonearm.store.db.database import database_url
from tonearm.store.db.migrate import migrate

USER = "RJ"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def lastfm(emulator: Emulator) -> Iterator[dict[str, str]]:
    """The settings that lead to the emulator."""
    with settings_for(emulator) as settings:
        yield settings


@contextmanager
def settings_for(emulator: Emulator) -> Iterator[dict[str, str]]:
    """The settings that lead to an emulator, which listens while the block lasts."""
    with serve(emulator) as address:
        yield {
            "LASTFM_API_URL": address.url,
            "LASTFM_AUTH_URL": address.auth_url,
            "LASTFM_API_KEY": API_KEY,
            "LASTFM_API_SECRET": API_SECRET,
            "LASTFM_REQUESTS_PER_SECOND": "0",
        }


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, and nothing in them."""
    file = tmp_path_factory.mktemp("fresh") / "plays.db"
    migrate(database_url(file))
    return file


@pytest.fixture
def shell(tmp_path: Path, fresh_database: Path) -> Shell:
    """A shell without an API key."""
    return shell_in(tmp_path, fresh_database)


@pytest.fixture
def asking(shell: Shell, lastfm: dict[str, str]) -> Shell:
    """A shell whose commands ask the emulator."""
    return Shell(shell.home, {**shell.variables, **lastfm})


@pytest.fixture
def connected(asking: Shell, emulator: Emulator) -> Shell:
    """A shell whose first listener is signed in."""
    sign_in(asking, emulator)
    return asking


def shell_in(home: Path, fresh_database: Path) -> Shell:
    """A shell in a folder, with a database of its own."""
    shutil.copy(fresh_database, home / "plays.db")
    return Shell(home, {"TONEARM_DATABASE": str(home / "plays.db"), "TONEARM_PORT": "0"})


def sign_in(shell: Shell, emulator: Emulator, name: str = "me", user: str = USER) -> None:
    """Connect a listener, as `tonearm login` does."""

    async def whole_way(deck: tonearm.Deck) -> None:
        await connect(await deck.listener(name), emulator, user)

    on_deck(shell, whole_way)


def on_deck(shell: Shell, work: Callable[[tonearm.Deck], Awaitable[object]]) -> None:
    """Do something on a deck of the shell's database that delivers nothing."""

    async def do() -> None:
        async with tonearm.open(
            shell.database,
            api_key=API_KEY,
            api_secret=API_SECRET,
            api_url=shell.variables["LASTFM_API_URL"],
            auth_url=shell.variables["LASTFM_AUTH_URL"],
            requests_per_second=0,
            deliver=False,
        ) as deck:
            await work(deck)

    asyncio.run(do())
