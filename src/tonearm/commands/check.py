"""`tonearm check`: is everything as it should be? A line for each check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import NO_KEY, Failed, WrongKey
from tonearm.commands.options import with_json
from tonearm.commands.output import print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tonearm.deck import Deck
    from tonearm.service.database import ServerInfo
    from tonearm.settings import Settings

SKEW = 60.0
"""Seconds that this clock may be wrong: plays get their times from it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    what: str
    fine: bool
    message: str


@click.command()
@with_json
def check(settings: Settings, as_json: bool) -> None:
    """Check the configuration, database, key file, connection to Last.fm, and clock.

    Exit status 1 if something is wrong.
    """
    findings: list[Finding] = []
    for finding in _findings(settings):
        findings.append(finding)
        if not as_json:
            say(f"{'ok   ' if finding.fine else 'WRONG'}  {finding.what:13}  {finding.message}")
    wrong = [finding.what for finding in findings if not finding.fine]
    if as_json:
        facts = [{"what": finding.what, "fine": finding.fine, "words": finding.message} for finding in findings]
        print_result({"fine": not wrong, "findings": facts}, "", as_json)
    if wrong:
        raise Failed(f"problems found: {', '.join(wrong)}")


def _findings(settings: Settings) -> Iterator[Finding]:
    position = len(_pairs(settings))
    configured = bool(settings.lastfm_api_key and settings.lastfm_api_secret.get_secret_value())
    there = "settings and API key found" if position == 1 else f"settings and {position} API keys found"
    yield Finding("configuration", configured, there if configured else NO_KEY)
    try:
        yield _database(settings)
        yield from _server(settings)
        yield _key_file(settings)
    except WrongKey as refused:
        yield Finding("key", False, str(refused))
    yield from _lastfm(settings)


def _pairs(settings: Settings) -> tuple[tuple[str, str], ...]:
    from tonearm.core.keys import paired

    return paired(settings.lastfm_api_key, settings.lastfm_api_secret.get_secret_value())


def _database(settings: Settings) -> Finding:
    from tonearm.commands.opening import run_on, sender_of, url_of

    try:
        where = url_of(settings).render_as_string()
        waiting = run_on(settings, _waiting)
    except WrongKey:  # the key's own check says so
        raise
    except Failed as failed:
        return Finding("database", False, str(failed))
    sender = sender_of(settings)
    return Finding(
        "database",
        True,
        f"{where}, {waiting} waiting{_sender(settings, sender)}",
    )


def _sender(settings: Settings, sender: str | None) -> str:
    from tonearm.commands.opening import url_of
    from tonearm.service.database import sqlite_file

    if sqlite_file(url_of(settings)) is None:
        return ""
    return f"; process {sender} sends" if sender else "; no service is running"


async def _waiting(deck: Deck) -> int:
    from tonearm.service.database import plays_waiting
    from tonearm.service.monitoring import check_database

    await check_database(deck.store)
    return await plays_waiting(deck.store)


def _server(settings: Settings) -> Iterator[Finding]:
    """What is known about the database server, or the SQLite library."""
    from tonearm.commands.opening import run_on, url_of
    from tonearm.service.database import sqlite_file

    try:
        if sqlite_file(url_of(settings)) is not None:
            yield _sqlite()
            return
        about, skew = run_on(settings, _postgres)
    except Failed:  # the database's own check says so
        return
    processes = f"{about.processes} other tonearm process{'es' if about.processes != 1 else ''} connected"
    processes += f", {about.deliver} of them send{'s' if about.deliver == 1 else ''} plays" if about.processes else ""
    room = f"{about.connections} of {about.max_connections} connections in use"
    yield Finding("PostgreSQL", about.durable, f"{about.version}, {room}, {processes}{_durable(about.durable)}")
    agrees = "agrees with the database's" if abs(skew) <= SKEW else f"{abs(skew):.0f} s from the database's"
    yield Finding("shared clock", True, f"this machine's {agrees}, which tonearm uses")


def _durable(durable: bool) -> str:
    return "" if durable else "; fsync or full_page_writes is off: a server crash would lose plays"


async def _postgres(deck: Deck) -> tuple[ServerInfo, float]:
    import time

    from tonearm.service.database import server_info

    about = await server_info(deck.store)
    assert about is not None  # it is not a SQLite file
    return about, time.time() - deck.clock.now()


def _sqlite() -> Finding:
    from tonearm.service.database import sqlite_info

    here = sqlite_info()
    if here.wal_is_safe:
        return Finding("SQLite", True, f"{here.version}, journal mode {here.journal_mode}")
    message = (
        f"{here.version} has the WAL-reset bug, so the journal mode is {here.journal_mode}, which is safe;"
        " pip install 'tonearm[sqlite]' installs a newer one, which lets pages be read without delaying plays"
    )
    return Finding("SQLite", True, message)


def _key_file(settings: Settings) -> Finding:
    from tonearm.commands.opening import url_of
    from tonearm.service.database import key_file, sqlite_file

    if settings.tonearm_secret_key.get_secret_value():
        return Finding("key", True, "TONEARM_SECRET_KEY encrypts the sessions")
    try:
        file = sqlite_file(url_of(settings))
    except Failed as failed:
        return Finding("key", False, str(failed))
    if file is None:
        return Finding("key", False, "set TONEARM_SECRET_KEY: there is no database file to keep a key beside")
    path = key_file(file)
    if not file.exists() and not path.exists():
        return Finding("key file", True, f"{path} doesn't exist yet; the first start creates it")
    try:
        rights = path.stat().st_mode & 0o777
    except OSError as error:
        return Finding("key file", False, f"{path}: {error.strerror}")
    if rights & 0o077:
        return Finding("key file", False, f"{path} can be read by others ({rights:o}): run chmod 600 '{path}'")
    return Finding("key file", True, f"only you can read {path}")


def _lastfm(settings: Settings) -> Iterator[Finding]:
    """Whether Last.fm answers and accepts each API key; keys are named by their position in the list."""
    pairs = _pairs(settings)
    skews: list[float] = []
    for position, (key, secret) in enumerate(pairs, start=1):
        which = f"API key {position} of {len(pairs)}" if len(pairs) > 1 else "the API key"
        yield _key_check(settings, key, secret, which, skews)
    if skews:
        yield _clock(skews[0])


def _key_check(settings: Settings, key: str, secret: str, which: str, skews: list[float]) -> Finding:
    import time

    from tonearm.lastfm import Keys, LastFmError, LastFmSync, Patience

    within = Patience(connect=5.0, read=10.0, answer=10.0)
    client = LastFmSync(
        Keys(key or "none", secret or "none"),
        settings.lastfm_api_url,
        patience=within,
        on_date=lambda there, trip: skews.append(time.time() - trip / 2 - there),
    )
    with client as lastfm:
        try:
            lastfm.get_token()
            message, fine = f"answers and accepts {which}", True
        except LastFmError as error:
            fine = bool(skews) and not key
            message = "answers" if fine else str(error) if which == "the API key" else f"{which}: {error}"
    return Finding("Last.fm", fine, f"{settings.lastfm_api_url} {message}")


def _clock(skew: float) -> Finding:
    if abs(skew) <= SKEW:
        return Finding("clock", True, "agrees with Last.fm's within a minute")
    direction = "ahead of" if skew > 0 else "behind"
    return Finding(
        "clock", False, f"{abs(skew):.0f} s {direction} Last.fm's: set it (only the times of live plays are corrected)"
    )
