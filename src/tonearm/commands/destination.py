"""`tonearm destination`: the other services that a listener's plays are sent to, beside Last.fm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from tonearm.commands.options import Command, FiniteNumber, WholeNumber, of_listener
from tonearm.commands.output import HOUR, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.core.policy import Policy
    from tonearm.deck import Deck, Listener
    from tonearm.service.destination_results import DestinationOverview, DestinationRefused, NoSuchDestination
    from tonearm.service.destination_sign_in import NameAndPassword
    from tonearm.settings import Settings

    NotDone = DestinationRefused | NoSuchDestination

KINDS = ("listenbrainz", "maloja", "koito", "librefm", "lastfm-like", "tealfm", "rocksky")
"""The values of `core.destination.DestinationKind`, which would be slow to import for `--help`."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The destination that a command is about."""

    settings: Settings
    listener: str
    as_json: bool
    destination_id: int

    def found(self) -> DestinationOverview:
        """The destination as it is now. Raises Failed if the listener has none with this id."""
        from tonearm.commands.opening import run_for

        return run_for(self.settings, self.listener, lambda deck, me: _overview(deck, me, self.destination_id))

    def change(self, said: str, change: Callable[[Deck, Listener], Awaitable[object]]) -> None:
        """Change the destination, and print what was done. Raises Failed if that was refused."""
        from tonearm.commands.opening import run_for
        from tonearm.service.destination_results import DestinationRefused, NoSuchDestination

        async def changed(deck: Deck, me: Listener) -> DestinationOverview:
            outcome = await change(deck, me)
            if isinstance(outcome, DestinationRefused | NoSuchDestination):
                raise _failed(outcome, me, self.destination_id)
            return await _overview(deck, me, self.destination_id)

        found = run_for(self.settings, self.listener, changed)
        print_result(facts_of(found), f"{name_of(found)} {said}", self.as_json)


def _of_a_destination(command: Command) -> Command:
    """The settings, `--listener`, `--json` and NUMBER: the command gets the destination as its first argument."""

    @wraps(command)
    def choosing(settings: Settings, *, listener: str, as_json: bool, destination_id: int, **given: Any) -> None:
        command(_Chosen(settings, listener, as_json, destination_id), **given)

    numbered = click.argument("destination_id", metavar="NUMBER", type=WholeNumber(min=1))(choosing)
    return of_listener(numbered)


@click.group()
def destination() -> None:
    """Send your plays to other services as well: add, list, change, pause and remove them.

    NUMBER is a destination's number in `list`.
    """


@destination.command()
@of_listener
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
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
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

    KIND is listenbrainz, maloja, koito, librefm, lastfm-like, tealfm or rocksky.

    Libre.fm and other servers like Last.fm have no tokens: approve on the page that opens, or sign in with a password.
    teal.fm and Rocksky need your handle and an app password; your plays there are public.
    """
    from tonearm.commands.opening import run_for
    from tonearm.core.policy import ArtistForm, Policy

    artist = ArtistForm.FIRST if first_artist else ArtistForm.CREDITED
    policy = Policy(artist, not no_album_artist, not_from, not_in=not_in, hearts=not no_hearts)
    if preview:
        facts, text = previewed(settings, listener, policy)
        print_result(facts, text, as_json)
        return
    days = _days(history)
    sign_in.checked(kind, token_file)
    given = sign_in.by_password(kind) if kind in SIGNED_IN else token_from(token_file)
    wanted = _NewDestination(kind, url, policy, days)
    found = run_for(settings, listener, lambda deck, me: _add(deck, me, wanted, given, sign_in), creates=True)
    text = f"{name_of(found)} is destination {found.stored.id}: it gets what you play from now on"
    if days:
        text += ", and the part of your history that you chose"
    print_result(facts_of(found), text, as_json)


@destination.command("list")
@of_listener
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show a listener's destinations, what is waiting for each, and why."""
    from tonearm.commands.opening import run_for

    found = run_for(settings, listener, lambda deck, me: deck.destination_views.all(me.id))
    nothing = f"{listener} has no destinations besides Last.fm: 'tonearm destination add KIND' adds one"
    text = "\n".join(map(line_of, found)) or nothing
    print_result({"destinations": [facts_of(each) for each in found]}, text, as_json)


@destination.command()
@_of_a_destination
def pause(chosen: _Chosen) -> None:
    """Send nothing there until it is resumed. Until then, plays wait."""
    chosen.change("is paused", lambda deck, me: deck.destinations.pause(me.id, chosen.destination_id, paused=True))


@destination.command()
@_of_a_destination
def resume(chosen: _Chosen) -> None:
    """Resume sending, starting with what waits."""
    chosen.change("is resumed", lambda deck, me: deck.destinations.pause(me.id, chosen.destination_id, paused=False))


@destination.command()
@_of_a_destination
def retry(chosen: _Chosen) -> None:
    """Send everything that waits there now."""
    chosen.change("is tried again now", lambda deck, me: deck.destinations.retry(me.id, chosen.destination_id))


@destination.command()
@TOKEN_FILE
@with_sign_in
@_of_a_destination
def token(chosen: _Chosen, token_file: Path | None, sign_in: SignInOptions) -> None:
    """Enter a new token for the same user, or sign in again. What waits is sent then."""
    kind, destination_id = str(chosen.found().kind), chosen.destination_id
    sign_in.checked(kind, token_file)
    given = sign_in.by_password(kind) if kind in SIGNED_IN else token_from(token_file)

    async def renew(deck: Deck, me: Listener) -> object:
        again = partial(deck.destinations.sign_in_again, me.id, destination_id)
        if given is not None:
            return await again(given)
        begun = await deck.destinations.begin_again(me.id, destination_id, sign_in.keys())
        return await approved(deck, begun, sign_in, again)

    chosen.change("is signed in again" if kind in SIGNED_IN else "has a new token", renew)


@destination.command()
@click.argument("days")
@_of_a_destination
def history(chosen: _Chosen, days: str) -> None:
    """Also send the last DAYS of your history there, or: all. What it already has is not sent again."""
    wanted = _days(days)
    chosen.change(
        "gets your history too, after what you play now",
        lambda deck, me: deck.destinations.send_history(me.id, chosen.destination_id, wanted),
    )


@destination.command("policy")
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
@_of_a_destination
def change_policy(chosen: _Chosen, yes: bool, **given: Any) -> None:
    """Change what a destination gets from the next play on. Everything not named here stays as it is."""
    if not any(value not in (None, ()) for value in given.values()):
        raise click.UsageError("choose a change, such as --first-artist or --no-hearts")
    wanted = PolicyChange(**given)
    if yes:
        chosen.change(
            "is changed; this applies from the next play",
            lambda deck, me: deck.destinations.change_policy(me.id, chosen.destination_id, wanted.made),
        )
        return
    found = chosen.found()
    facts, text = previewed(chosen.settings, chosen.listener, wanted.made(found.stored.policy))
    print_result(facts, f"{text}\n{name_of(found)} is unchanged. Add --yes to change it.", chosen.as_json)


@destination.command()
@click.argument("hours", type=FiniteNumber(0, 8760))
@_of_a_destination
def private(chosen: _Chosen, hours: float) -> None:
    """Keep what you play in the next HOURS here: it is never sent there. 0 ends that."""
    said = f"gets nothing that you play in the next {hours:g} h" if hours else "gets what you play from now on"

    async def change(deck: Deck, me: Listener) -> object:
        until = deck.clock.now() + hours * HOUR if hours else 0.0
        keep = partial(replace, private_until=until)
        return await deck.destinations.change_policy(me.id, chosen.destination_id, keep)

    chosen.change(said, change)


@destination.command()
@click.option(
    "--keep", "choice", flag_value="keep", help="Keep waiting plays, to be sent if the same profile is added again."
)
@click.option("--discard", "choice", flag_value="discard", help="Discard waiting plays: they are never sent there.")
@_of_a_destination
def remove(chosen: _Chosen, choice: str | None) -> None:
    """Remove a destination and forget its token. What was already sent stays there."""
    from tonearm.commands.opening import run_for

    destination_id, discard = chosen.destination_id, None if choice is None else choice == "discard"
    kept, discarded = run_for(
        chosen.settings, chosen.listener, lambda deck, me: _remove(deck, me, destination_id, discard)
    )
    text = f"destination {destination_id} is removed"
    if kept:
        text += f"; {plays(kept)} will be sent if the same profile is added again"
    if discarded:
        text += f"; {plays(discarded)} discarded"
    print_result({"status": "success", "kept": kept, "discarded": discarded}, text, chosen.as_json)


def _days(given: str | None) -> float:
    from tonearm.service.destinations import EVERYTHING

    if given is None:
        return 0.0
    if given == "all":
        return EVERYTHING
    if given.isascii() and given.isdigit() and len(given) <= 5 and 0 < int(given) <= 36500:
        return float(given)
    raise click.UsageError(f"{given[:80]} isn't a number of days: use 1 to 36500, or: all")


@dataclass(frozen=True, slots=True)
class _NewDestination:
    """What is added, and how many days of the history it gets."""

    kind: str
    url: str
    policy: Policy
    days: float


async def _add(
    deck: Deck, me: Listener, wanted: _NewDestination, given: str | NameAndPassword | None, sign_in: SignInOptions
) -> DestinationOverview:
    from tonearm.core.destination import DestinationKind
    from tonearm.service.values import StoredDestination

    kind = DestinationKind(wanted.kind)

    async def finish(token: str | NameAndPassword) -> StoredDestination | DestinationRefused:
        return await deck.destinations.add(me.id, kind, wanted.url, token, policy=wanted.policy, days=wanted.days)

    if given is not None:
        added: StoredDestination | NotDone = await finish(given)
    else:
        begun = await deck.destinations.begin(kind, wanted.url, sign_in.keys())
        added = await approved(deck, begun, sign_in, finish)
    if not isinstance(added, StoredDestination):
        raise _failed(added, me, 0)
    if not await deck.senders():
        say("It is sent when 'tonearm serve' runs.", err=True)
    return await _overview(deck, me, added.id)


def _failed(refused: NotDone, me: Listener, destination_id: int) -> Failed:
    from tonearm.service.destination_results import DestinationRefused

    return Failed(refused.reason) if isinstance(refused, DestinationRefused) else _unknown(me, destination_id)


async def _overview(deck: Deck, me: Listener, destination_id: int) -> DestinationOverview:
    for found in await deck.destination_views.all(me.id):
        if found.stored.id == destination_id:
            return found
    raise _unknown(me, destination_id)


async def _remove(deck: Deck, me: Listener, destination_id: int, discard: bool | None) -> tuple[int, int]:
    from tonearm.service.destination_results import KeepOrDiscard, NoSuchDestination

    match await deck.destinations.remove(me.id, destination_id, discard=discard):
        case NoSuchDestination():
            raise _unknown(me, destination_id)
        case KeepOrDiscard(waiting):
            verb = "waits" if waiting == 1 else "wait"
            raise Failed(f"{plays(waiting)} {verb} there: add --keep or --discard")
        case removed:
            return removed.kept, removed.discarded


def _unknown(me: Listener, destination_id: int) -> Failed:
    return Failed(f"{me.name} has no destination {destination_id}: 'tonearm destination list' shows them")
