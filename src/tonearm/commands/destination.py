"""`tonearm destination`: the other services that a listener's plays are sent to, beside Last.fm."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import for_listener, with_json, with_settings
from tonearm.commands.output import HOUR, moment, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.core.policy import Policy
    from tonearm.deck import Deck
    from tonearm.service.destinations import DestinationOverview
    from tonearm.settings import Settings

T = TypeVar("T")

KINDS = ("listenbrainz", "maloja", "koito", "librefm", "lastfm-like")
APPROVED = ("librefm", "lastfm-like")
"""As `core.destination.DestinationKind` has them, which would be slow to import for `--help`."""

TOKEN = "TONEARM_DESTINATION_TOKEN"  # noqa: S105  # the name of a variable
TOKEN_FILE = click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help=f"Its token or API key, from a file or - for standard input; or set {TOKEN}. Asked for otherwise."
    " For lastfm-like: an API key and its shared secret, if the server wants them.",
)
NUMBER = click.argument("number", type=click.IntRange(min=1))


@click.group()
def destination() -> None:
    """Send your plays to other services as well: add, list, pause and remove them."""


@destination.command()
@with_settings()
@click.option("--url", metavar="URL", default="", help="Its address; ListenBrainz needs none.")
@TOKEN_FILE
@click.option("--history", metavar="DAYS", help="Also send this many days of your history, or: all.")
@click.option("--first-artist", is_flag=True, help="Send the first artist of several only.")
@click.option("--no-album-artist", is_flag=True, help="Don't send the artist of the album.")
@click.option("--not-from", metavar="PLAYER", multiple=True, help="Don't send what this player reports.")
@click.option("--preview", is_flag=True, help="Only show what this would have changed in your latest plays.")
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
    preview: bool,
    listener: str,
    as_json: bool,
    kind: str,
) -> None:
    """Add a service that gets what you play from now on. It is asked first whose token it is."""
    from tonearm.commands.opening import run
    from tonearm.core.policy import ArtistForm, Policy

    policy = Policy(ArtistForm.FIRST if first_artist else ArtistForm.CREDITED, not no_album_artist, not_from)
    if preview:
        facts, text = run(_preview(settings, listener, policy))
        print_result(facts, text, as_json)
        return
    days = _days(history)
    secret = _approved(settings, kind, url, _keys(token_file)) if kind in APPROVED else _token(token_file)
    found = run(_add(settings, listener, kind, url, secret, policy, days))
    text = f"{_name(found)} is destination {found.stored.id}: it gets what you play from now on"
    if days:
        text += ", and of your history what you asked for"
    print_result(facts_of(found), text, as_json)


@destination.command("list")
@with_settings()
@for_listener
@with_json
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show the destinations of a listener, what waits for each, and why."""
    from tonearm.commands.opening import run

    found = run(_all(settings, listener))
    nothing = f"{listener} has no destination but Last.fm: 'tonearm destination add KIND' adds one"
    text = "\n".join(map(_line, found)) or nothing
    print_result({"destinations": [facts_of(each) for each in found]}, text, as_json)


@destination.command()
@with_settings()
@for_listener
@with_json
@NUMBER
def pause(settings: Settings, listener: str, as_json: bool, number: int) -> None:
    """Send nothing there until it is resumed. What you play meanwhile waits."""
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
    """Send what waits there, and go on."""
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
@for_listener
@with_json
@NUMBER
def token(settings: Settings, token_file: Path | None, listener: str, as_json: bool, number: int) -> None:
    """Enter a new token for the same user. What waits is sent with it."""
    from tonearm.commands.opening import run

    found = run(_found(settings, listener, number))
    kind, url = str(found.kind), found.stored.url
    new = _approved(settings, kind, url, _keys(token_file)) if kind in APPROVED else _token(token_file)
    _change(
        settings,
        listener,
        as_json,
        number,
        "has a new token",
        lambda deck, me: deck.destinations.sign_in_again(me, number, new),
    )


@destination.command()
@with_settings()
@click.argument("days")
@for_listener
@with_json
@NUMBER
def history(settings: Settings, days: str, listener: str, as_json: bool, number: int) -> None:
    """Also send so many DAYS of your history there, or: all. What it has already is not sent again."""
    wanted = _days(days)
    said = "gets your history too, after what you play now"
    _change(
        settings, listener, as_json, number, said, lambda deck, me: deck.destinations.send_history(me, number, wanted)
    )


@destination.command()
@with_settings()
@click.argument("hours", type=click.FloatRange(0, 8760))
@for_listener
@with_json
@NUMBER
def private(settings: Settings, hours: float, listener: str, as_json: bool, number: int) -> None:
    """Keep here what you play in the next HOURS; 0 ends that."""
    said = f"gets nothing of what you play in the next {hours:g} h" if hours else "gets what you play again"

    async def change(deck: Deck, me: int) -> object:
        found = await _one(deck, me, listener, number)
        until = deck.clock.now() + hours * HOUR if hours else 0.0
        return await deck.destinations.set_policy(me, number, replace(found.stored.policy, private_until=until))

    _change(settings, listener, as_json, number, said, change)


@destination.command()
@with_settings()
@click.option("--keep", "choice", flag_value="keep", help="What waits is sent once the same profile is added again.")
@click.option("--discard", "choice", flag_value="discard", help="What waits is never sent there.")
@for_listener
@with_json
@NUMBER
def remove(settings: Settings, choice: str | None, listener: str, as_json: bool, number: int) -> None:
    """Remove a destination and forget its token. What it has had stays there."""
    from tonearm.commands.opening import run

    kept, discarded = run(_remove(settings, listener, number, choice))
    text = f"destination {number} is removed"
    if kept:
        text += f"; {plays(kept)} will be sent if the same profile is added again"
    if discarded:
        text += f"; {plays(discarded)} discarded"
    print_result({"status": "success", "kept": kept, "discarded": discarded}, text, as_json)


def facts_of(found: DestinationOverview) -> dict[str, object]:
    """A destination, under the names that `GET /destinations` has for it."""
    stored, waits = found.stored, found.waits
    return {
        "id": stored.id,
        "kind": str(found.kind),
        "name": found.kind.label,
        "url": stored.url,
        "username": stored.username,
        "state": str(found.state),
        "waiting": found.waiting.plays,
        "sending": found.waiting.sending,
        "oldest": found.waiting.oldest,
        "why": found.reason,
        "waits_for": str(waits.kind) if waits else None,
        "next_attempt_at": waits.until if waits else None,
        "last_answer_at": stored.state.answered_at or None,
        "trouble": stored.state.trouble,
        "rejected": found.outcomes.get("refused", 0),
        "ignored": found.outcomes.get("ignored", 0),
        "queues_history": found.queues_history,
        "artist": str(stored.policy.artist),
        "album_artist": stored.policy.album_artist,
        "not_from": list(stored.policy.not_from),
        "private_until": stored.policy.private_until or None,
    }


def _name(found: DestinationOverview) -> str:
    stored = found.stored
    return f"{found.kind.label} ({stored.username or stored.url})"


_STATES = {"connected": "connected", "paused": "paused", "needs_sign_in": "needs a new token"}


def _line(found: DestinationOverview) -> str:
    stored, waiting = found.stored, found.waiting.plays
    text = f"{stored.id}  {_name(found)}  {_STATES.get(found.state, found.state)}"
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        text += f"  {plays(waiting)} {verb}" + (f": {found.reason.rstrip('.')}" if found.reason else "")
    elif found.state == "needs_sign_in" and stored.state.trouble:
        text += f": {stored.state.trouble.rstrip('.')}"
    if found.waits and found.waits.until:
        text += f"; not before {moment(found.waits.until)}"
    if rejected := found.outcomes.get("refused", 0) + found.outcomes.get("ignored", 0):
        text += f"  {plays(rejected)} not accepted"
    if found.queues_history:
        text += "  your history follows"
    return text


def _days(given: str | None) -> float:
    from tonearm.service.destinations import EVERYTHING

    if given is None:
        return 0.0
    if given == "all":
        return EVERYTHING
    if given.isascii() and given.isdigit() and 0 < int(given) <= 36500:
        return float(given)
    raise click.UsageError(f"{given} isn't a number of days from 1 to 36500, nor: all")


def _token(file: Path | None) -> str:
    """The token, from where no other user of this machine sees it."""
    try:
        if file is not None:
            with click.open_file(str(file), encoding="utf-8") as opened:
                given = str(opened.read())
        else:
            given = os.environ.get(TOKEN, "") or str(click.prompt("Token", hide_input=True, err=True))
    except (OSError, UnicodeDecodeError):
        raise Failed(f"{file}: cannot be read") from None
    if not given.strip():
        raise Failed("enter a token: the service shows it in its settings")
    return given.strip()


def _keys(file: Path | None) -> str:
    """An API key and its shared secret, if the server wants to know the program."""
    if file is None and not os.environ.get(TOKEN):
        return ""
    keys = " ".join(_token(file).split())
    if len(keys.split(" ")) != 2:
        raise Failed("the file must hold an API key and its shared secret, with a blank or a line break between them")
    return keys


def _approved(settings: Settings, kind: str, url: str, keys: str) -> str:
    """What its listener has allowed on the service's page."""
    from tonearm.commands.opening import run

    address, secret = run(_begin(settings, kind, url, keys))
    say(f"Open this address, and allow tonearm there:\n{address}", err=True)
    click.pause("Then press a key", err=True)
    return secret


async def _begin(settings: Settings, kind: str, url: str, keys: str) -> tuple[str, str]:
    from tonearm.commands.opening import Sends, deck_of
    from tonearm.core.destination import DestinationKind
    from tonearm.service.destinations import DestinationRefused

    async with deck_of(settings, Sends.NO) as deck:
        begun = await deck.destinations.begin(DestinationKind(kind), url, keys)
        if isinstance(begun, DestinationRefused):
            raise Failed(begun.reason)
        return begun


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
    print_result(facts_of(found), f"{_name(found)} {said}", as_json)


async def _changed(
    settings: Settings, listener: str, number: int, change: Callable[[Deck, int], Awaitable[object]]
) -> DestinationOverview:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.destinations import DestinationRefused, NoSuchDestination

    async with deck_of(settings, Sends.NO) as deck:
        me = await listener_of(deck, listener)
        outcome = await change(deck, me.id)
        if isinstance(outcome, DestinationRefused):
            raise Failed(outcome.reason)
        if isinstance(outcome, NoSuchDestination):
            raise _unknown(listener, number)
        return await _one(deck, me.id, listener, number)


async def _add(
    settings: Settings, listener: str, kind: str, url: str, token: str, policy: Policy, days: float
) -> DestinationOverview:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.core.destination import DestinationKind
    from tonearm.service.destinations import DestinationRefused

    async with deck_of(settings, Sends.NO) as deck:
        me = await listener_of(deck, listener)
        added = await deck.destinations.add(me.id, DestinationKind(kind), url, token, policy=policy, days=days)
        if isinstance(added, DestinationRefused):
            raise Failed(added.reason)
        if not await deck.senders():
            say("It is sent when 'tonearm serve' runs.", err=True)
        return await _one(deck, me.id, listener, added.id)


async def _one(deck: Deck, account: int, listener: str, number: int) -> DestinationOverview:
    for found in await deck.destinations.all(account):
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
        return await deck.destinations.all((await listener_of(deck, listener)).id)


async def _preview(settings: Settings, listener: str, policy: Policy) -> tuple[dict[str, object], str]:
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO) as deck:
        seen = await deck.destinations.preview((await listener_of(deck, listener)).id, policy)
    changed = [
        {
            "track": heard.title,
            "artist": heard.artist,
            "album_artist": heard.album_artist,
            "sent_artist": sent.artist,
            "sent_album_artist": sent.album_artist,
        }
        for heard, sent in seen.changed
    ]
    lines = [f"Of your latest {plays(seen.plays)}, {seen.kept} would not have been sent."]
    for heard, sent in seen.changed:
        album_artist = "" if heard.album_artist == sent.album_artist else " (without the album's artist)"
        lines.append(f"{heard.artist} – {heard.title}: sent as {sent.artist}{album_artist}")
    return {"plays": seen.plays, "kept": seen.kept, "changed": changed}, "\n".join(lines)


async def _remove(settings: Settings, listener: str, number: int, choice: str | None) -> tuple[int, int]:
    from tonearm.commands.opening import Sends, deck_of, listener_of
    from tonearm.service.destinations import KeepOrDiscard, NoSuchDestination

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
