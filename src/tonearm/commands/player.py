"""`tonearm player`: the players that report to this service, each with a secret that can only report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import of_listener
from tonearm.commands.output import moment, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.deck import Deck, Listener
    from tonearm.service.player_trial import PlayerTrial
    from tonearm.service.players import NewPlayer
    from tonearm.service.values import StoredPlayer
    from tonearm.settings import Settings

KINDS = ("listenbrainz", "audioscrobbler", "lastfm", "webscrobbler", "jellyfin", "plex", "tautulli", "maloja")
"""The values of `service.players.PlayerKind`, which would be slow to import for `--help`."""


@click.group()
def player() -> None:
    """Add, list, revoke and test the players that report here."""


@player.command()
@of_listener
@click.option("--kind", required=True, type=click.Choice(KINDS), help="The protocol that the player uses.")
@click.option(
    "--app-key", is_flag=True, help="Also make an API key and a shared secret, if the player needs them (lastfm)."
)
@click.argument("name")
def add(settings: Settings, kind: str, app_key: bool, listener: str, as_json: bool, name: str) -> None:
    """Add a player. Its secret is shown only once; it can report plays and nothing else."""
    from tonearm.commands.opening import run_for, service_address

    if app_key and kind != "lastfm":
        raise click.UsageError("--app-key needs --kind lastfm")
    new = run_for(settings, listener, lambda deck, me: _add(deck, me.id, name, kind, app_key), creates=True)
    address = new.address(service_address(settings))
    facts = {
        "name": new.player.name,
        "kind": new.player.kind,
        "secret": new.secret,
        "address": address,
        "user": new.player.user,
    }
    text = f"{new.player.name} reports to {address} as user {new.player.user}"
    if pair := new.app_key:
        facts |= {"api_key": pair.api_key, "api_secret": pair.shared_secret}
        text += f", with API key {pair.api_key} and shared secret {pair.shared_secret}"
    print_result(facts, f"{text}, with this secret: {new.secret}", as_json)


@player.command("list")
@of_listener
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show a listener's players and their latest reports."""
    from tonearm.commands.opening import run_for

    found = run_for(settings, listener, lambda deck, me: deck.players.of(me.id))
    text = "\n".join(map(_line, found)) or f"{listener} has no players: 'tonearm player add NAME --kind KIND' adds one"
    print_result({"players": [_facts(each) for each in found]}, text, as_json)


@player.command()
@of_listener
@click.argument("name")
def revoke(settings: Settings, listener: str, as_json: bool, name: str) -> None:
    """Revoke a player's secret. Its plays stay."""
    from tonearm.commands.opening import run_for

    if not run_for(settings, listener, lambda deck, me: deck.players.revoke(me.id, name)):
        raise _unknown(listener, name)
    print_result({"status": "success", "name": name}, f"{name} is revoked", as_json)


@player.command()
@of_listener
@click.option("--address", metavar="URL", default="", help="The address that the player uses, if it differs.")
@click.argument("name")
def test(settings: Settings, address: str, listener: str, as_json: bool, name: str) -> None:
    """Check that a player's reports arrive.

    Sends a test play to the running service as the player would, then removes it.
    """
    from tonearm.commands.opening import run_for, service_address

    base = address.rstrip("/") or service_address(settings)
    found, trial = run_for(settings, listener, lambda deck, me: _test(deck, me, name, base))
    if trial.problem:
        raise Failed(f"a play from {found.name} doesn't arrive: {trial.problem}")
    report = trial.taken
    facts = {"status": report.status, "name": found.name, "message": report.message, "heard_at": found.heard_at or None}
    queued = report.status == "queued"
    text = "would be queued for Last.fm" if queued else f"would be saved, but not sent: {report.message}"
    text = (
        f"A play from {found.name} arrives at {trial.address} and {text}. It was removed again. {_last_report(found)}"
    )
    print_result({**facts, "address": trial.address}, text, as_json)
    if trial.unmapped:
        hint = f"'tonearm player map \"{found.name}\" THEIR-USER {listener}'"
        say(f"Its users aren't mapped to listeners, so their plays are not kept: run {hint}", err=True)
    if found.refused_at > found.heard_at:
        say(f"Its last request was rejected: {found.refused_reason}", err=True)


@player.command("map")
@of_listener
@click.argument("name")
@click.argument("their_user")
@click.argument("is_listener", required=False)
def map_user(
    settings: Settings, listener: str, as_json: bool, name: str, their_user: str, is_listener: str | None
) -> None:
    """Choose which listener a media server's user is. Without IS_LISTENER, that user's plays are ignored from now on.

    Plays of users who are not listeners here are ignored.
    """
    from tonearm.commands.opening import run_for

    run_for(settings, listener, lambda deck, me: _map(deck, me, name, their_user, is_listener))
    facts = {"status": "success", "name": name, "their_user": their_user, "listener": is_listener}
    text = (
        f"{their_user} at {name} is {is_listener}" if is_listener else f"{their_user} at {name} is not a listener here"
    )
    print_result(facts, text, as_json)


def _facts(found: StoredPlayer) -> dict[str, object]:
    return {
        "name": found.name,
        "kind": found.kind,
        "user": found.user,
        "created_at": found.created_at,
        "heard_at": found.heard_at or None,
        "program": found.program,
        "refused_at": found.refused_at or None,
        "refused_reason": found.refused_reason,
    }


def _line(found: StoredPlayer) -> str:
    text = f"{found.name}  {found.kind}  {_last_report(found)}"
    if found.refused_at:
        text += f"  Rejected {moment(found.refused_at)}: {found.refused_reason.rstrip('.')}."
    return text


def _last_report(found: StoredPlayer) -> str:
    if not found.heard_at:
        return "No reports yet."
    return f"Last report {moment(found.heard_at)}{f', from {found.program}' if found.program else ''}."


async def _add(deck: Deck, account: int, name: str, kind: str, app_key: bool) -> NewPlayer:
    from tonearm.service.players import BadPlayer, PlayerKind

    try:
        return await deck.players.add(account, name, PlayerKind(kind), with_app_key=app_key)
    except BadPlayer as bad:
        raise Failed(str(bad)) from None


async def _test(deck: Deck, me: Listener, name: str, base: str) -> tuple[StoredPlayer, PlayerTrial]:
    from tonearm.service.player_trial import try_out

    found = await _named(deck, me, name)
    return found, await try_out(deck.players, deck.player_reports, deck.clock, found, base)


async def _map(deck: Deck, me: Listener, name: str, their_user: str, is_listener: str | None) -> None:
    from tonearm.commands.opening import listener_of
    from tonearm.service.players import BadPlayer

    found = await _named(deck, me, name)
    account = (await listener_of(deck, is_listener)).id if is_listener else None
    try:
        await deck.players.map_user(found, their_user, account)
    except BadPlayer as bad:
        raise Failed(str(bad)) from None


async def _named(deck: Deck, me: Listener, name: str) -> StoredPlayer:
    found = await deck.players.named(me.id, name)
    if found is None:
        raise _unknown(me.name, name)
    return found


def _unknown(listener: str, name: str) -> Failed:
    return Failed(f"{listener} has no player named \"{name}\": 'tonearm player list' shows them")
