"""`tonearm login`: Last.fm's desktop flow, in a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, assert_never

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import others_wait, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.deck import Listener
    from tonearm.service.sign_in import SignedIn
    from tonearm.settings import Settings

ASK_AGAIN = 2.0
"""Seconds between two checks whether the listener has approved."""

PATIENCE = 5
"""How often in a row Last.fm may be unreachable meanwhile."""

DRAIN = 10.0


@click.command()
@of_listener
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def login(settings: Settings, listener: str, as_json: bool, no_browser: bool) -> None:
    """Connect a listener to Last.fm: approve on the page that opens, within an hour."""
    from tonearm.commands.opening import run

    connected = run(_login(settings, listener, not no_browser))
    waited = f"; {plays(connected.drains)} that waited will be sent now" if connected.drains else ""
    on_hold = f"; on hold: {others_wait(connected.others)}" if connected.others else ""
    message = f"connected as {connected.username}{waited}{on_hold}"
    others = [{"lastfm_user": other.user, "plays": other.plays} for other in connected.others]
    facts = {"status": "success", "username": connected.username, "message": message, "held_for": others}
    print_result(facts, message, as_json)


async def _login(settings: Settings, name: str, browser: bool) -> SignedIn:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.sign_in import Unreachable

    async with deck_of(settings, Sends.NO, creates=True) as deck:
        if not deck.configured:
            raise Failed(NO_KEY)
        me = await listener_of(deck, name)
        start = await me.sign_in()
        if isinstance(start, Unreachable):
            raise Failed(f"Last.fm: {start.message}")
        say(f"Allow access here: {start.auth_url}", err=True)
        if browser and has_a_screen():
            click.launch(start.auth_url)
        assert start.token is not None
        connected = await _approved(me, start.token)
    if connected.drains:  # only now as the process that delivers: an approval may take an hour
        async with deck_of(settings, Sends.IF_NOBODY_ELSE_DOES) as deck:
            await deck.accounts.retry_and_wait(me.id, deck.hint, deck.event_hub, DRAIN)
    return connected


async def _approved(me: Listener, token: str) -> SignedIn:
    """The session, once the listener has approved."""
    from tonearm.service.sign_in import NotAsked, Pending, SignedIn, SignInExpired, Unreachable

    unreachable = 0
    while True:
        outcome = await me.finish_sign_in(token)
        match outcome:
            case SignedIn():
                return outcome
            case Pending():
                unreachable = 0
            case Unreachable(_, message):
                unreachable += 1
                if unreachable == PATIENCE:
                    raise Failed(f"Last.fm: {message}")
            case SignInExpired():
                raise Failed("access wasn't allowed within an hour: start again")
            case NotAsked(reason):
                raise Failed(reason)
            case _:
                assert_never(outcome)
        await me.deck.clock.sleep(ASK_AGAIN)


def has_a_screen() -> bool:
    """Whether a browser would open in a window rather than in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
