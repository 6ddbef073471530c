"""`tonearm status`: how the connection and the queue stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.options import for_listener, with_json, with_settings
from tonearm.commands.telling import budget_told, moment, plays, standing_facts, tell, waits_for

if TYPE_CHECKING:
    from tonearm.core.account import Account
    from tonearm.service.listeners import QueueStanding
    from tonearm.settings import Settings


@click.command()
@with_settings()
@for_listener
@with_json
def status(settings: Settings, listener: str, as_json: bool) -> None:
    """Show how the connection and the queue stand."""
    from tonearm.commands.opening import run, sender_of

    account, standing, now, others = run(_status(settings, listener))
    sender = sender_of(settings)
    facts = {
        "listener": account.name,
        "username": account.username or None,
        "enabled": account.enabled,
        "scrobble_threshold": account.threshold,
        "service": sender,
        "processes": others,
        **standing_facts(standing),
    }
    tell(facts, "\n".join(_lines(account, standing, sender, others, now)), as_json)


async def _status(settings: Settings, name: str) -> tuple[Account, QueueStanding, float, int | None]:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.store.postgres import about

    async with deck_of(settings, Sends.NO) as deck:
        me = await listener_of(deck, name)
        others = None if deck.store.one_process else (await deck.store.read(about)).processes
        return await me.account(), await me.queue(), deck.clock.now(), others


def _service(sender: str | None, others: int | None) -> str:
    if others is not None:
        return f"{others} other tonearm process{'es' if others != 1 else ''} connected to the database"
    return f"running, process {sender}" if sender else "not running"


def _lines(account: Account, standing: QueueStanding, sender: str | None, others: int | None, now: float) -> list[str]:
    connection = str(standing.state).replace("_", " ")
    user = f", as {account.username}" if account.username else ""
    rule = "" if account.enabled else "; scrobbling is switched off"
    if not account.signed_in:
        rule += "; 'tonearm login' connects"
    lines = [
        f"listener  {account.name}: {connection}{user}{rule}",
        f"service   {_service(sender, others)}",
        f"queue     {plays(standing.queued)} waiting ({standing.held} held), {standing.sending} being sent",
    ]
    if why := waits_for(standing, sender is not None or bool(others), now):
        lines.append(f"why       {why}")
    if budget := budget_told(standing, now):
        lines.append(f"limit     {budget}")
    if standing.refused:
        lines.append(f"refused   {plays(standing.refused)} that Last.fm does not take")
    if standing.oldest is not None and standing.expires_next is not None:
        taken_until = f"Last.fm takes it until {moment(standing.expires_next)}"
        lines.append(f"oldest    began {moment(standing.oldest)}; {taken_until}")
    return lines
