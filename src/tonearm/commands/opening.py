"""Opens a deck for one command, beside a service that may have the same database open."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL

from tonearm import app
from tonearm.clock import steady
from tonearm.commands.errors import Failed, in_one_line
from tonearm.deck import Deck, Listener
from tonearm.lastfm.client import USER_AGENT
from tonearm.service.accounts import FIRST_LISTENER
from tonearm.service.database import AlreadyOpen, address, database_url, has_tables, holder, sqlite_file, still_starting
from tonearm.settings import Settings
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.service.enrichment import Enrichment
    from tonearm.service.loved_import import LovedImport
    from tonearm.service.values import Run

T = TypeVar("T")

A_COMMAND = 15.0
"""Seconds that a starting service waits for a command that sends what waits, which takes up to ten."""

WAITS = 60.0
"""Seconds that a database server gets to start: both may have been started together."""

LOOKS_AGAIN = 0.5
"""Seconds between two checks whether something has changed."""


class Sends(Enum):
    """Whether a command sends what waits while it runs."""

    YES = "yes"
    NO = "no"
    IF_NOBODY_ELSE_DOES = "if nobody else does"


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do a command's work; failures become one line."""
    with in_one_line():
        return asyncio.run(work)


def run_on(settings: Settings, work: Callable[[Deck], Awaitable[T]], *, creates: bool = False) -> T:
    """Do a command's work on a deck that sends nothing; failures become one line."""

    async def done() -> T:
        async with deck_of(settings, Sends.NO, creates=creates) as deck:
            return await work(deck)

    return run(done())


def run_for(
    settings: Settings, name: str, work: Callable[[Deck, Listener], Awaitable[T]], *, creates: bool = False
) -> T:
    """As `run_on`, for a listener."""

    async def done(deck: Deck) -> T:
        return await work(deck, await listener_of(deck, name))

    return run_on(settings, done, creates=creates)


@asynccontextmanager
async def deck_of(settings: Settings, sends: Sends, *, creates: bool = False) -> AsyncIterator[Deck]:
    """A deck on the database of the settings; if it doesn't exist, a command that begins something `creates` it, and
    any other raises Failed. Raises AlreadyOpen only if the command has to send itself. Then it waits for another
    command that sends for a few seconds, but not for a running service.
    """
    if not creates and (reason := await asyncio.to_thread(absent, settings)):
        raise Failed(reason)
    ends, said = (steady() + A_COMMAND if sends is Sends.YES else 0.0), False
    file = sqlite_file(url_of(settings))
    async with AsyncExitStack() as stack:
        while True:
            try:
                deck = await stack.enter_async_context(_opened(settings, sends is not Sends.NO))
                break
            except AlreadyOpen:
                if sends is Sends.IF_NOBODY_ELSE_DOES:
                    sends = Sends.NO
                elif steady() >= ends or (file and address(file)):
                    raise
                if sends is Sends.YES:
                    if not said:
                        say("waiting up to 15 s for another command that is sending", err=True)
                    said = True
                    await asyncio.sleep(LOOKS_AGAIN)
        yield deck


async def run_to_its_end(
    deck: Deck, work: LovedImport | Enrichment, account: int, run: Run, progress: Callable[[int, int], None]
) -> Run:
    """Watch a run until it is over or waits for Last.fm, and report progress. Raises Failed if no process runs it."""
    from tonearm.service.values import RunState

    with deck.event_hub.subscribe(account) as (subscription, _):
        async with _done_here(deck, work, account) as check:
            while run.state is RunState.RUNNING and not run.failure:
                await subscription.within(LOOKS_AGAIN)
                run = await work.job(account, run.id) or run
                progress(run.done, run.total)
                if run.state is RunState.RUNNING and (stalled := await check()):
                    run = await work.job(account, run.id) or run  # it may have ended meanwhile
                    if run.state is RunState.RUNNING and not run.failure:
                        raise Failed(stalled)
    return run


_Check = Callable[[], Awaitable[str]]
"""Why a run no longer makes progress; "" if it does."""


@asynccontextmanager
async def _done_here(deck: Deck, work: LovedImport | Enrichment, account: int) -> AsyncIterator[_Check]:
    """Do a run in this process while the block lasts, if no process delivers. It doesn't lock the file for delivering,
    so that a service can be started meanwhile.
    """
    from tonearm.service.waiting import NOBODY

    task = None if await deck.senders() else asyncio.create_task(_to_its_end(deck, work, account))

    async def check() -> str:
        if task and task.done():
            task.result()
        reason = await work.waiting.reason(account)
        return "" if reason == NOBODY and task and not task.done() else reason

    try:
        yield check
    finally:
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _to_its_end(deck: Deck, work: LovedImport | Enrichment, account: int) -> None:
    while not await work.waiting.paused() and (again_at := await work.continue_run(account)) is not None:
        await deck.clock.sleep(max(0.0, again_at - deck.clock.now()))


def url_of(settings: Settings) -> URL:
    """The database of the settings."""
    try:
        url = database_url(settings.tonearm_database)
    except ValueError as error:
        raise Failed(f"TONEARM_DATABASE: {error}") from None
    if sqlite_file(url) is None and not settings.tonearm_secret_key.get_secret_value():
        raise Failed(
            "TONEARM_SECRET_KEY: required on PostgreSQL, and the same for all processes: use a long random"
            " text, for example from 'openssl rand -hex 32'"
        )
    return url


async def database_is_up(settings: Settings, stop: asyncio.Event) -> bool:
    """Wait for a PostgreSQL that is still starting, for a minute at most; False if it has to `stop` meanwhile.

    Any other problem is left to the opening, which reports it at once.
    """
    url, ends, said = url_of(settings), steady() + WAITS, False
    while sqlite_file(url) is None and steady() < ends and not stop.is_set():
        reason = await asyncio.to_thread(still_starting, url)
        if not reason:
            break
        if not said:
            say(f"waiting up to {WAITS:.0f} s for the database: {reason}", err=True)
            said = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOKS_AGAIN)
    return not stop.is_set()


def _opened(settings: Settings, deliver: bool) -> Any:
    return app.open(
        settings.tonearm_database,
        api_key=settings.lastfm_api_key,
        api_secret=settings.lastfm_api_secret.get_secret_value(),
        api_url=settings.lastfm_api_url,
        user_agent=_introduced(settings),
        contact=_contact(settings),
        auth_url=settings.lastfm_auth_url,
        requests_per_second=settings.lastfm_requests_per_second,
        daily_scrobbles=settings.lastfm_daily_scrobbles,
        cache_ttl=settings.lastfm_cache_ttl,
        secret_key=settings.tonearm_secret_key.get_secret_value(),
        deliver=deliver,
    )


def _introduced(settings: Settings) -> str:
    """The User-Agent for Last.fm: with the service's own address as the contact, if it has one."""
    contact = settings.tonearm_public_url
    return f"{USER_AGENT} (+{contact})" if contact and contact.isascii() and contact.isprintable() else USER_AGENT


def _contact(settings: Settings) -> str:
    """The service's own address as the contact for ListenBrainz; "" if there is none that fits a header."""
    url = settings.tonearm_public_url
    return url if url.isascii() and url.isprintable() and not set(url) & set("()\\") else ""


def absent(settings: Settings) -> str:
    """That the settings name no database of tonearm's, and what to do; "" if they do. Raises StoreUnavailable."""
    url = url_of(settings)
    if has_tables(url):
        return ""
    where = sqlite_file(url) or url.render_as_string()
    return f"no tonearm database at {where}: check --database and TONEARM_DATABASE, or create one with 'tonearm serve'"


async def listener_of(deck: Deck, name: str) -> Listener:
    """The listener with that name, who must exist; the first one is created. Raises UnknownListener."""
    if name == FIRST_LISTENER:
        return await deck.listener(name)
    account = await deck.accounts.named(name)
    return Listener(deck, account.id, account.name)


def sender_of(settings: Settings) -> str | None:
    """The id of the process that delivers from a SQLite file now; None if none does."""
    file = sqlite_file(url_of(settings))
    return holder(file) if file else None


def service_address(settings: Settings) -> str:
    """The address of the service for players and browsers."""
    file = sqlite_file(url_of(settings))
    usual = f"http://{settings.tonearm_host}:{settings.tonearm_port}"
    return settings.tonearm_public_url.rstrip("/") or (address(file) if file else "") or usual


def sent_elsewhere(settings: Settings) -> bool:
    """Whether another process delivers, so that this one only reports."""
    return sender_of(settings) not in (None, str(os.getpid()))
