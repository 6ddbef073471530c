"""`tonearm destination`: the other services that a listener's plays are sent to, beside Last.fm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tonearm.commands.destination_output import facts_of, line_of, name_of
from tonearm.commands.destination_policy import PolicyChange, previewed
from tonearm.commands.destination_sign_in import (
    SIGNED_IN,
    TOKEN_FILE,
    SignInOptions,
    approved,
    token_from,
    with_sign_in,
)
from tonearm.commands.errors import Failed
from tonearm.commands.options import FiniteNumber, WholeNumber, for_listener, with_json, with_settings
from tonearm.commands.output import HOUR, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.core.policy import Policy
    from tonearm.deck import Deck
    from tonearm.service.destination_results import DestinationOverview, DestinationRefused, NoSuchDestination
    from tonearm.service.destination_sign_in import NameAndPassword
    from tonearm.settings import Settings

    NotDone = DestinationRefused | NoSuchDestination

T = TypeVar("T")

KINDS = ("listenbrainz", "maloja", "koito", "librefm", "lastfm-like", "tealfm", "rocksky")
"""The values of `core.destination.DestinationKind`, which would be slow to import for `--help`."""

NUMBER = click.argument("number", type=WholeNumber(min=1))


@click.group()
def destination() -> None:
    """Send your plays to other services as well: add, list, change, pause and remove them."""


@destination.command()
@with_settings()
@click.option(
    "--url", metavar="URL", default="", help="Its address; not needed for ListenBrainz, Libre.fm, teal.fm, Rocksky."
)
@TOKEN_FILE
@with_sign_in
@click.option("--history", metavar="DAYS", help="Also send this many days of your history, or: all.")
@click.option("--first-artist", is_flag=True, help="If there are several artists, send only the first.")
@click.option("--no-album-artist", is_flag=True, help="Don't send the album artist.")
@click.option("--not-from", metavar="PLAYER", multiple=True, help="Don't send what this player reports.")
@click.option("--not-in", metavar="FOLDER", multiple=True, help="Don't send songs in this folder of your library.")
@click.option("--no-hearts", is_flag=True, help="Don't send the tracks you love.")
@click.option("--preview", is_flag=True, help="Only show what these options would have changed in your latest plays.")
@for_listener
@with_json
@click.argument("kind", type=click.Choice(KINDS))
def add(
    settings: Settings,
    url: str,
    token_file: Path | None,
    history: str | None,
    first_artist: bool,
    no_album_artist: bool,
    not_from: tuple[str, ...],
    not_in: tuple[str, ...],
    no_hearts: bool,
    preview: bool,
    listener: str,
    as_json: bool,
    kind: str,
    sign_in: SignInOptions,
) -> None:
    """Add a service that gets what you play from now on. The token is checked first.

    Libre.fm and other servers like Last.fm have no tokens: approve on the page that opens, or sign in with a password.
    teal.fm and Rocksky need your handle and an app password; your plays there are public.
    """
    from tonearm.commands.opening import run
    from tonearm.core.policy import ArtistForm, Policy

    artist = ArtistForm.FIRST if first_artist else ArtistForm.CREDITED
    policy = Policy(artist, not no_album_artist, not_from, not_in=not_in, hearts=not no_hearts)
    if preview:
        facts, text = run(previewed(settings, listener, policy))
        print_result(facts, text, as_json)
        return
    days = _days(history)
    sign_in.checked(kind, token_file)
    given = sign_in.by_password(kind) if kind in SIGNED_IN else token_from(token_file)
    found = run(_add(settings, listener, kind, url, given, sign_in, policy, days))
    text = f"{name_of(found)} is destination {found.stored.id}: it gets what you play from now on"
    if days:
        text += ", and the part of your history that you chose"
    print_result(facts_of(found), text, as_json)


@destination.command("list")
@with_settings()
@for_listener
@with_json
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show a listener's destinations, what is waiting for each, and why."""
    from tonearm.commands.opening import run

    found = run(_all(settings, listener))
    nothing = f"{listener} has no destinations besides Last.fm: 'tonearm destination add KIND' adds one"
    text = "\n".join(map(line_of, found)) or nothing
    print_result({"destinations": [facts_of(each) for each in found]}, text, as_json)


@destination.command()
@with_settings()
@for_listener
@with_json
@NUMBER
def pause(settings: Settings, listener: str, as_json: bool, number: int) -> None:
    """Send nothing there until it is resumed. Until then, plays wait."""
    _change(
        settings,
        listener,
        as_json,
        number,
        "is paused",
        lambda deck, me: deck.destinations.pause(me, number, paused=True),
    )


@destination.command()
@with_settings()
@for_listener
@with_json
@NUMBER
def resume(settings: Settings, listener: str, as_json: bool, number: int) -> None:
    """Resume sending, starting with what waits."""
    _change(
        settings,
        listener,
        as_json,
        number,
        "is resumed",
        lambda deck, me: deck.destinations.pause(me, number, paused=False),
    )


@destination.command()
@with_settings()
@for_listener
@with_json
@NUMBER
def retry(settings: Settings, listener: str, as_json: bool, number: int) -> None:
    """Send everything that waits there now."""
    _change(
        settings, listener, as_json, number, "is tried again now", lambda deck, me: deck.destinations.retry(me, number)
    )


@destination.command()
@with_settings()
@TOKEN_FILE
@with_sign_in
@for_listener
@with_json
@NUMBER
def token(
    settings: Settings, token_file: Path | None, listener: str, as_json: bool, number: int, sign_in: SignInOptions
) -> None:
    """Enter a new token for the same user, or sign in again. What waits is sent then."""
    from tonearm.commands.opening import run

    kind = str(run(_found(settings, listener, number)).kind)
    sign_in.checked(kind, token_file)
    given = sign_in.by_password(kind) if kind in SIGNED_IN else token_from(token_file)

    async def renew(deck: Deck, me: int) -> object:
        if given is not None:
            return await deck.destinations.sign_in_again(me, number, given)
        begun = await deck.destinations.begin_again(me, number, sign_in.keys())
        return await approved(deck, begun, sign_in, lambda state: deck.destinations.sign_in_again(me, number, state))

    said = "is signed in again" if kind in SIGNED_IN else "has a new token"
    _change(settings, listener, as_json, number, said, renew)


@destination.command()
@with_settings()
@click.argument("days")
@for_listener
@with_json
@NUMBER
def history(settings: Settings, days: str, listener: str, as_json: bool, number: int) -> None:
    """Also send the last DAYS of your history there, or: all. What it already has is not sent again."""
    wanted = _days(days)
    said = "gets your history too, after what you play now"
    _change(
        settings, listener, as_json, number, said, lambda deck, me: deck.destinations.send_history(me, number, wanted)
    )


@destination.command("policy")
@with_settings()
@click.option("--first-artist/--all-artists", default=None, help="If there are several artists, send the first or all.")
@click.option("--album-artist/--no-album-artist", default=None, help="Send the album artist, or don't.")
@click.option("--not-from", metavar="PLAYER", multiple=True, help="Don't send what this player reports.")
@click.option(
    "--from", "again_from", metavar="PLAYER", multiple=True, help="Stop leaving out what this player reports."
)
@click.option("--not-in", metavar="FOLDER", multiple=True, help="Don't send songs in this folder of your library.")
@click.option("--in", "again_in", metavar="FOLDER", multiple=True, help="Stop leaving out songs in this folder.")
@click.option("--hearts/--no-hearts", default=None, help="Send the tracks you love, or don't.")
@click.option("--yes", is_flag=True, help="Make the change. Without this, only show what it would have changed.")
@for_listener
@with_json
@NUMBER
def change_policy(settings: Settings, listener: str, as_json: bool, number: int, yes: bool, **given: Any) -> None:
    """Change what a destination gets from the next play on. Everything not named here stays as it is."""
    from tonearm.commands.opening import run

    if not any(value not in (None, ()) for value in given.values()):
        raise click.UsageError("choose a change, such as --first-artist or --no-hearts")
    wanted = PolicyChange(**given)
    if yes:

        async def change(deck: Deck, me: int) -> object:
            return await deck.destinations.change_policy(me, number, wanted.made)

        _change(settings, listener, as_json, number, "is changed; this applies from the next play", change)
        return
    found = run(_found(settings, listener, number))
    facts, text = run(previewed(settings, listener, wanted.made(found.stored.policy)))
    print_result(facts, f"{text}\n{name_of(found)} is unchanged. Add --yes to change it.", as_json)


@destination.command()
@with_settings()
@click.argument("hours", type=FiniteNumber(0, 8760))
@for_listener
@with_json
@NUMBER
def private(settings: Settings, hours: float, listener: str, as_json: bool, number: int) -> None:
    """Keep what you play in the next HOURS here: it is never sent there. 0 ends that."""
    said = f"gets nothing that you play in the next {hours:g} h" if hours else "gets what you play from now on"

    async def change(deck: Deck, me: int) -> object:
        until = deck.clock.now() + hours * HOUR if hours else 0.0
        return await deck.destinations.change_policy(me, number, lambda before: replace(before, private_until=until))

    _change(settings, listener, as_json, number, said, change)


@destination.command()
@with_settings()
@click.option(
    "--keep", "choice", flag_value="keep", help="Keep waiting plays, to be sent if the same profile is added again."
)
@click.option("--discard", "choice", flag_value="discard", help="Discard waiting plays: they are never sent there.")
@for_listener
@with_json
@NUMBER
def remove(settings: Settings, choice: str | None, listener: str, as_json: bool, number: int) -> None:
    """Remove a destination and forget its token. What was already sent stays there."""
    from tonearm.commands.opening import run

    kept, discarded = run(_remove(settings, listener, number, choice))
    text = f"destination {number} is removed"
    if kept:
        text += f"; {plays(kept)} will be sent if the same profile is added again"
    if discarded:
        text += f"; {plays(discarded)} discarded"
    print_result({"status": "success", "kept": kept, "discarded": discarded}, text, as_json)


def _days(given: str | None) -> float:
    from tonearm.service.destinations import EVERYTHING

    if given is None:
        return 0.0
    if given == "all":
        return EVERYTHING
    if given.isascii() and given.isdigit() and len(given) <= 5 and 0 < int(given) <= 36500:
        return float(given)
    raise click.UsageError(f"{given[:80]} isn't a number of days: use 1 to 36500, or: all")


def _change(
    settings: Settings,
    listener: str,
    as_json: bool,
    number: int,
    said: str,
    change: Callable[[Deck, int], Awaitable[object]],
) -> None:
    from tonearm.commands.opening import run

    found = run(_changed(settings, listener, number, change))
    print_result(facts_of(found), f"{name_of(found)} {said}", as_json)


async def _changed(
    settings: Settings, listener: str, number: int, change: Callable[[Deck, int], Awaitable[object]]
) -> DestinationOverview:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.destination_results import DestinationRefused, NoSuchDestination

    async with deck_of(settings, Sends.NO) as deck:
        me = await listener_of(deck, listener)
        outcome = await change(deck, me.id)
        if isinstance(outcome, DestinationRefused | NoSuchDestination):
            raise _failed(outcome, listener, number)
        return await _one(deck, me.id, listener, number)


async def _add(
    settings: Settings,
    listener: str,
    kind: str,
    url: str,
    given: str | NameAndPassword | None,
    sign_in: SignInOptions,
    policy: Policy,
    days: float,
) -> DestinationOverview:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.core.destination import DestinationKind
    from tonearm.service.values import StoredDestination

    async with deck_of(settings, Sends.NO) as deck:
        me, of_kind = await listener_of(deck, listener), DestinationKind(kind)

        async def finish(token: str | NameAndPassword) -> StoredDestination | DestinationRefused:
            return await deck.destinations.add(me.id, of_kind, url, token, policy=policy, days=days)

        if given is not None:
            added: StoredDestination | NotDone = await finish(given)
        else:
            begun = await deck.destinations.begin(of_kind, url, sign_in.keys())
            added = await approved(deck, begun, sign_in, finish)
        if not isinstance(added, StoredDestination):
            raise _failed(added, listener, 0)
        if not await deck.senders():
            say("It is sent when 'tonearm serve' runs.", err=True)
        return await _one(deck, me.id, listener, added.id)


def _failed(refused: NotDone, listener: str, number: int) -> Failed:
    from tonearm.service.destination_results import DestinationRefused

    return Failed(refused.reason) if isinstance(refused, DestinationRefused) else _unknown(listener, number)


async def _one(deck: Deck, account: int, listener: str, number: int) -> DestinationOverview:
    for found in await deck.destination_views.all(account):
        if found.stored.id == number:
            return found
    raise _unknown(listener, number)


async def _found(settings: Settings, listener: str, number: int) -> DestinationOverview:
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO) as deck:
        return await _one(deck, (await listener_of(deck, listener)).id, listener, number)


async def _all(settings: Settings, listener: str) -> list[DestinationOverview]:
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO) as deck:
        return await deck.destination_views.all((await listener_of(deck, listener)).id)


async def _remove(settings: Settings, listener: str, number: int, choice: str | None) -> tuple[int, int]:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.destination_results import KeepOrDiscard, NoSuchDestination

    discard = None if choice is None else choice == "discard"
    async with deck_of(settings, Sends.NO) as deck:
        me = await listener_of(deck, listener)
        match await deck.destinations.remove(me.id, number, discard=discard):
            case NoSuchDestination():
                raise _unknown(listener, number)
            case KeepOrDiscard(waiting):
                verb = "waits" if waiting == 1 else "wait"
                raise Failed(f"{plays(waiting)} {verb} there: add --keep or --discard")
            case removed:
                return removed.kept, removed.discarded


def _unknown(listener: str, number: int) -> Failed:
    return Failed(f"{listener} has no destination {number}: 'tonearm destination list' shows them")
