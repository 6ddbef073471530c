"""`tonearm status`: the connection and the queue."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tonearm.commands.local_service import CommandResult, service_answer
from tonearm.commands.options import of_listener
from tonearm.commands.output import (
    daily_limit_text,
    moment,
    others_wait,
    plays,
    print_result,
    status_facts,
    why_it_waits,
)

if TYPE_CHECKING:
    from tonearm.core.account import Account
    from tonearm.deck import Deck, Listener
    from tonearm.service.accounts import QueueStatus
    from tonearm.service.database import ServerInfo
    from tonearm.settings import Settings


@click.command()
@of_listener
def status(settings: Settings, listener: str, as_json: bool) -> None:
    """Show the connection and the queue."""
    if answer := service_answer(settings, "status", {"listener": listener}):
        print_result(*answer, as_json)
        return
    from tonearm.commands.opening import run_for, sender_of

    account, queue_status, now, server = run_for(settings, listener, _status)
    print_result(*_found(account, queue_status, server, sender_of(settings), now), as_json)


async def answer_status(deck: Deck, listener: str) -> CommandResult:
    """What `tonearm status` finds, for the service that delivers. Raises UnknownListener."""
    from tonearm.commands.opening import listener_of

    me = await listener_of(deck, listener)
    return _found(await me.account(), await me.queue(), None, str(os.getpid()), deck.clock.now())


def _found(
    account: Account, queue_status: QueueStatus, server: ServerInfo | None, sender: str | None, now: float
) -> CommandResult:
    delivering = int(sender is not None) if server is None else server.deliver
    facts: dict[str, object] = {
        "listener": account.name,
        "username": account.username or None,
        "enabled": account.enabled,
        "scrobble_threshold": account.threshold,
        "service": sender,
        "processes": None if server is None else server.processes,
        "delivering": delivering,
        **status_facts(queue_status),
    }
    return facts, "\n".join(_lines(account, queue_status, _service(sender, server), delivering, now))


async def _status(deck: Deck, me: Listener) -> tuple[Account, QueueStatus, float, ServerInfo | None]:
    from tonearm.service.database import server_info

    server = await server_info(deck.store)
    return await me.account(), await me.queue(), deck.clock.now(), server


def _service(sender: str | None, server: ServerInfo | None) -> str:
    if server is None:
        return f"running, process {sender}" if sender else "not running"
    others = (
        f"{server.processes} other tonearm process{'es' if server.processes != 1 else ''} connected to the database"
    )
    if server.deliver:
        return f"{others}, {server.deliver} of them send{'s' if server.deliver == 1 else ''} plays"
    return f"{others}, and none sends plays: start 'tonearm worker'"


def _lines(account: Account, queue_status: QueueStatus, service: str, delivering: int, now: float) -> list[str]:
    connection = str(queue_status.state).replace("_", " ")
    user = f", as {account.username}" if account.username else ""
    rule = "" if account.enabled else "; scrobbling is off"
    if not account.signed_in:
        rule += "; 'tonearm login' connects"
    lines = [
        f"listener  {account.name}: {connection}{user}{rule}",
        f"service   {service}",
        f"queue     {plays(queue_status.queued)} waiting ({queue_status.held} on hold),"
        f" {queue_status.sending} being sent",
    ]
    if why := why_it_waits(queue_status.waits, delivering > 0):
        lines.append(f"why       {why}")
    if others := others_wait(queue_status.others):
        lines.append(f"on hold   {others}")
    if budget := daily_limit_text(queue_status, now):
        lines.append(f"limit     {budget}")
    if queue_status.refused:
        lines.append(f"problems  {plays(queue_status.refused)} not accepted: 'tonearm queue list --refused' shows why")
    if queue_status.oldest is not None and queue_status.expires_next is not None:
        accepted_until = f"Last.fm accepts it until {moment(queue_status.expires_next)}"
        lines.append(f"oldest    started {moment(queue_status.oldest)}; {accepted_until}")
    return lines
