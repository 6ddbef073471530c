"""`tonearm listener` and `tonearm token`: who scrobbles through this service, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.options import with_settings

if TYPE_CHECKING:
    from tonearm.settings import Settings


@click.group()
def listener() -> None:
    """The listeners of this service; the first one is `me`."""


@listener.command()
@with_settings()
@click.argument("name")
def add(settings: Settings, name: str) -> None:
    """Add a listener, with a queue and a Last.fm user of their own."""
    from tonearm.commands.opening import run

    run(_add(settings, name))
    click.echo(f"{name} may listen: 'tonearm login --listener {name}' connects with Last.fm")


async def _add(settings: Settings, name: str) -> None:
    from tonearm.commands.opening import Sends, deck_of

    async with deck_of(settings, Sends.NO) as deck:
        await deck.listeners.add(name)


@listener.command()
@with_settings()
@click.argument("name")
def link(settings: Settings, name: str) -> None:
    """Print a link that signs one browser in as this listener, once, within an hour."""
    from tonearm.commands.opening import run

    address = settings.tonearm_public_url.rstrip("/") or f"http://{settings.tonearm_host}:{settings.tonearm_port}"
    click.echo(f"{address}/signin?link={run(_secret(settings, name, for_browser=True))}")


@click.command()
@with_settings()
@click.argument("name", default="me")
def token(settings: Settings, name: str) -> None:
    """Make an API token for a listener's programs. It is shown this once."""
    from tonearm.commands.opening import run

    click.echo(f"A new token of {name}: {run(_secret(settings, name, for_browser=False))}")


async def _secret(settings: Settings, name: str, *, for_browser: bool) -> str:
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO) as deck:
        who = await listener_of(deck, name)
        return await (deck.listeners.link(who.id) if for_browser else deck.listeners.token(who.id))
