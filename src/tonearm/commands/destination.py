"""`tonearm destination`: the other services that a listener's plays are sent to, beside Last.fm."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tonearm.commands.errors import Failed
from tonearm.commands.login import has_a_screen
from tonearm.commands.options import Command, for_listener, with_json, with_settings
from tonearm.commands.output import HOUR, moment, plays, print_result
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.core.policy import Policy
    from tonearm.deck import Deck
    from tonearm.service.destination_results import DestinationOverview, DestinationRefused, NoSuchDestination
    from tonearm.service.destination_sign_in import Approving, NameAndPassword, OwnKeys
    from tonearm.settings import Settings

    NotDone = DestinationRefused | NoSuchDestination

T = TypeVar("T")

ASK_AGAIN = 2.0
"""Seconds between two checks whether the listener has approved."""

OUT_OF_REACH = 5
"""How often in a row a service may be unreachable meanwhile."""

KINDS = ("listenbrainz", "maloja", "koito", "librefm", "lastfm-like")
APPROVED = ("librefm", "lastfm-like")
"""The values of `core.destination.DestinationKind`, which would be slow to import for `--help`."""

TOKEN = "TONEARM_DESTINATION_TOKEN"  # noqa: S105  # the name of a variable
_A_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
TOKEN_FILE = click.option(
    "--token-file",
    metavar="FILE",
    type=_A_FILE,
    help=f"Its token or API key, from a file or - for standard input; or set {TOKEN}. Asked for otherwise.",
)
SIGN_IN = (
    click.option("--user", metavar="NAME", help="Libre.fm and its like: sign in with this name and a password."),
    click.option(
        "--password-file",
        metavar="FILE",
        type=_A_FILE,
        help="The password, from a file or -; asked for otherwise. It is not stored.",
    ),
    click.option("--no-browser", is_flag=True, help="Only print the address of the page to approve on."),
    click.option("--api-key", metavar="KEY", default="", help="Your API key there, if the server wants one."),
    click.option("--api-secret-file", metavar="FILE", type=_A_FILE, help="Its shared secret, from a file or -."),
    click.option("--approval-url", metavar="URL", default="", help="Its page to approve on, if that is elsewhere."),
)
NUMBER = click.argument("number", type=click.IntRange(min=1))


@dataclass(frozen=True)
class _SignIn:
    """The options of how to sign in."""

    user: str | None
    password_file: Path | None
    no_browser: bool
    api_key: str
    api_secret_file: Path | None
    approval_url: str

    def checked(self, kind: str, token_file: Path | None) -> None:
        """Check that no option was given that this kind of service would ignore."""
        named = {
            "--user": self.user,
            "--password-file": self.password_file,
            "--api-key": self.api_key,
            "--api-secret-file": self.api_secret_file,
            "--approval-url": self.approval_url,
        }
        given = [name for name, value in named.items() if value]
        if given and kind not in APPROVED:
            raise click.UsageError(f"{given[0]} is for {' and '.join(APPROVED)}")
        if token_file is not None and kind in APPROVED:
            raise click.UsageError(f"{kind} has no tokens: approve on its page, or add --user NAME")
        if self.password_file and not self.user:
            raise click.UsageError("--password-file needs --user NAME")

    def keys(self) -> OwnKeys:
        """The listener's own keys, if there are any."""
        from tonearm.service.destination_sign_in import OwnKeys

        secret = _from_file(self.api_secret_file).strip() if self.api_secret_file else ""
        return OwnKeys(self.api_key.strip(), secret, self.approval_url)

    def by_password(self) -> NameAndPassword | None:
        """The name and the password, if they are used to sign in."""
        from tonearm.service.destination_sign_in import NameAndPassword

        if not self.user:
            return None
        if self.password_file:
            password = _from_file(self.password_file).removesuffix("\n").removesuffix("\r")
        else:
            password = str(click.prompt("Password", hide_input=True, err=True))
        return NameAndPassword(self.user, password, self.keys())


def _with_sign_in(command: Command) -> Command:
    """Add the options for signing in, as one argument."""

    @wraps(command)
    def taking(*settings: Settings, **given: Any) -> None:
        options = _SignIn(**{one.name: given.pop(one.name) for one in fields(_SignIn)})
        command(*settings, sign_in=options, **given)

    for option in reversed(SIGN_IN):
        option(taking)
    return taking


@click.group()
def destination() -> None:
    """Send your plays to other services as well: add, list, change, pause and remove them."""


@destination.command()
@with_settings()
@click.option("--url", metavar="URL", default="", help="Its address; ListenBrainz needs none.")
@TOKEN_FILE
@_with_sign_in
@click.option("--history", metavar="DAYS", help="Also send this many days of your history, or: all.")
@click.option("--first-artist", is_flag=True, help="If there are several artists, send only the first.")
@click.option("--no-album-artist", is_flag=True, help="Don't send the artist of the album.")
@click.option("--not-from", metavar="PLAYER", multiple=True, help="Don't send what this player reports.")
@click.option("--not-in", metavar="FOLDER", multiple=True, help="Don't send songs in this folder of your library.")
@click.option("--no-hearts", is_flag=True, help="Don't send the tracks you love.")
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
    not_in: tuple[str, ...],
    no_hearts: bool,
    preview: bool,
    listener: str,
    as_json: bool,
    kind: str,
    sign_in: _SignIn,
) -> None:
    """Add a service that gets what you play from now on. Its token is checked there first.

    Libre.fm and other servers like Last.fm have no tokens: approve on the page that opens, or sign in with a password.
    """
    from tonearm.commands.opening import run
    from tonearm.core.policy import ArtistForm, Policy

    artist = ArtistForm.FIRST if first_artist else ArtistForm.CREDITED
    policy = Policy(artist, not no_album_artist, not_from, not_in=not_in, hearts=not no_hearts)
    if preview:
        facts, text = run(_preview(settings, listener, policy))
        print_result(facts, text, as_json)
        return
    days = _days(history)
    sign_in.checked(kind, token_file)
    given = sign_in.by_password() if kind in APPROVED else _token(token_file)
    found = run(_add(settings, listener, kind, url, given, sign_in, policy, days))
    text = f"{_name(found)} is destination {found.stored.id}: it gets what you play from now on"
    if days:
        text += ", and the part of your history that you chose"
    print_result(facts_of(found), text, as_json)


@destination.command("list")
@with_settings()
@for_listener
@with_json
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show the destinations of a listener, what waits for each, and why."""
    from tonearm.commands.opening import run

    found = run(_all(settings, listener))
    nothing = f"{listener} has no destinations besides Last.fm: 'tonearm destination add KIND' adds one"
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
@_with_sign_in
@for_listener
@with_json
@NUMBER
def token(
    settings: Settings, token_file: Path | None, listener: str, as_json: bool, number: int, sign_in: _SignIn
) -> None:
    """Enter a new token for the same user, or sign in again. What waits is sent then."""
    from tonearm.commands.opening import run

    kind = str(run(_found(settings, listener, number)).kind)
    sign_in.checked(kind, token_file)
    given = sign_in.by_password() if kind in APPROVED else _token(token_file)

    async def renew(deck: Deck, me: int) -> object:
        if given is not None:
            return await deck.destinations.sign_in_again(me, number, given)
        begun = await deck.destinations.begin_again(me, number, sign_in.keys())
        return await _approved(deck, begun, sign_in, lambda state: deck.destinations.sign_in_again(me, number, state))

    said = "is signed in again" if kind in APPROVED else "has a new token"
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
@click.option("--album-artist/--no-album-artist", default=None, help="Send the artist of the album, or don't.")
@click.option("--not-from", metavar="PLAYER", multiple=True, help="Don't send what this player reports.")
@click.option("--from", "again_from", metavar="PLAYER", multiple=True, help="Send what this player reports again.")
@click.option("--not-in", metavar="FOLDER", multiple=True, help="Don't send songs in this folder of your library.")
@click.option("--in", "again_in", metavar="FOLDER", multiple=True, help="Send songs in this folder again.")
@click.option("--hearts/--no-hearts", default=None, help="Send the tracks you love, or don't.")
@click.option("--yes", is_flag=True, help="Change it. Without it, only show what this would have changed.")
@for_listener
@with_json
@NUMBER
def change_policy(settings: Settings, listener: str, as_json: bool, number: int, yes: bool, **given: Any) -> None:
    """Change what a destination gets, from the next play on. What isn't named here stays as it is."""
    from tonearm.commands.opening import run

    if not any(value not in (None, ()) for value in given.values()):
        raise click.UsageError("name a change, such as --first-artist or --no-hearts")
    wanted = _PolicyChange(**given)
    if yes:

        async def change(deck: Deck, me: int) -> object:
            return await deck.destinations.change_policy(me, number, wanted.made)

        _change(settings, listener, as_json, number, "is changed, from the next play on", change)
        return
    found = run(_found(settings, listener, number))
    facts, text = run(_preview(settings, listener, wanted.made(found.stored.policy)))
    print_result(facts, f"{text}\n{_name(found)} is unchanged. Add --yes to change it.", as_json)


@dataclass(frozen=True)
class _PolicyChange:
    """What the options change in a policy; what is None or empty changes nothing."""

    first_artist: bool | None
    album_artist: bool | None
    not_from: tuple[str, ...]
    again_from: tuple[str, ...]
    not_in: tuple[str, ...]
    again_in: tuple[str, ...]
    hearts: bool | None

    def made(self, before: Policy) -> Policy:
        """The policy with the changes. Raises Failed if nothing is kept that should be sent again."""
        from tonearm.core.policy import ArtistForm

        artist = before.artist
        if self.first_artist is not None:
            artist = ArtistForm.FIRST if self.first_artist else ArtistForm.CREDITED
        return replace(
            before,
            artist=artist,
            album_artist=before.album_artist if self.album_artist is None else self.album_artist,
            not_from=_listed(before.not_from, self.not_from, self.again_from, "what {} reports is sent there already"),
            not_in=_listed(before.not_in, self.not_in, self.again_in, "songs in {} are sent there already"),
            hearts=before.hearts if self.hearts is None else self.hearts,
        )


def _listed(before: tuple[str, ...], more: tuple[str, ...], fewer: tuple[str, ...], missing: str) -> tuple[str, ...]:
    """The list with some more and some fewer of them; raises Failed with `missing` for one that it doesn't have."""
    for one in fewer:
        if one not in before:
            raise Failed(missing.format(one))
    return tuple(one for one in dict.fromkeys((*before, *more)) if one not in fewer)


@destination.command()
@with_settings()
@click.argument("hours", type=click.FloatRange(0, 8760))
@for_listener
@with_json
@NUMBER
def private(settings: Settings, hours: float, listener: str, as_json: bool, number: int) -> None:
    """Don't send what you play in the next HOURS there; it stays here. 0 ends that."""
    said = f"gets nothing of what you play in the next {hours:g} h" if hours else "gets what you play again"

    async def change(deck: Deck, me: int) -> object:
        until = deck.clock.now() + hours * HOUR if hours else 0.0
        return await deck.destinations.change_policy(me, number, lambda before: replace(before, private_until=until))

    _change(settings, listener, as_json, number, said, change)


@destination.command()
@with_settings()
@click.option("--keep", "choice", flag_value="keep", help="What waits is sent once the same profile is added again.")
@click.option("--discard", "choice", flag_value="discard", help="What waits is never sent there.")
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


def facts_of(found: DestinationOverview) -> dict[str, object]:
    """A destination, with the field names of `GET /destinations`."""
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
        "hearts_waiting": found.hearts_waiting,
        "hearts_rejected": found.hearts_rejected,
        "queues_history": found.queues_history,
        "artist": str(stored.policy.artist),
        "album_artist": stored.policy.album_artist,
        "not_from": list(stored.policy.not_from),
        "private_until": stored.policy.private_until or None,
        "not_in": list(stored.policy.not_in),
        "hearts": stored.policy.hearts,
    }


def _name(found: DestinationOverview) -> str:
    stored = found.stored
    return f"{found.kind.label} ({stored.username or stored.url})"


def _line(found: DestinationOverview) -> str:
    stored, waiting = found.stored, found.waiting.plays
    needs = "has ended the session" if stored.kind in APPROVED else "needs a new token"
    text = f"{stored.id}  {_name(found)}  {needs if found.state == 'needs_sign_in' else found.state}"
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        text += f"  {plays(waiting)} {verb}" + (f": {found.reason.rstrip('.')}" if found.reason else "")
    elif found.state == "needs_sign_in" and stored.state.trouble:
        text += f": {stored.state.trouble.rstrip('.')}"
    if found.waits and found.waits.until:
        text += f"; not before {moment(found.waits.until)}"
    if rejected := found.outcomes.get("refused", 0) + found.outcomes.get("ignored", 0):
        text += f"  {plays(rejected)} not accepted"
    if found.hearts:
        text += f"  {found.hearts}"
    if found.queues_history:
        text += "  your history follows"
    return text


def _days(given: str | None) -> float:
    from tonearm.service.destinations import EVERYTHING

    if given is None:
        return 0.0
    if given == "all":
        return EVERYTHING
    if given.isascii() and given.isdigit() and len(given) <= 5 and 0 < int(given) <= 36500:
        return float(given)
    raise click.UsageError(f"{given[:80]} isn't a number of days: use 1 to 36500, or: all")


def _token(file: Path | None) -> str:
    """The token, read in a way that no other user of this machine can see."""
    if file is not None:
        given = _from_file(file)
    else:
        given = os.environ.get(TOKEN, "") or str(click.prompt("Token", hide_input=True, err=True))
    if not given.strip():
        raise Failed("enter a token: the service shows it in its settings")
    return given.strip()


def _from_file(file: Path) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8") as opened:
            return str(opened.read())
    except (OSError, UnicodeDecodeError):
        raise Failed(f"{file}: cannot be read") from None


async def _approved(
    deck: Deck, begun: Approving | NotDone, options: _SignIn, finish: Callable[[str], Awaitable[T | DestinationRefused]]
) -> T | NotDone:
    """The result of `finish` once the listener has approved; or why the sign-in can't be finished."""
    from tonearm.service.destination_results import DestinationRefused, WhyRefused
    from tonearm.service.destination_sign_in import Approving

    if not isinstance(begun, Approving):
        return begun
    say(f"Allow access here: {begun.url}", err=True)
    if not options.no_browser and has_a_screen():
        click.launch(begun.url)
    away = 0
    while True:
        outcome = await finish(begun.state)
        if not isinstance(outcome, DestinationRefused) or outcome.why not in (WhyRefused.PENDING, WhyRefused.AWAY):
            return outcome
        away = away + 1 if outcome.why is WhyRefused.AWAY else 0
        if away == OUT_OF_REACH:
            return outcome
        await deck.clock.sleep(ASK_AGAIN)


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
    sign_in: _SignIn,
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
            added = await _approved(deck, begun, sign_in, finish)
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


async def _preview(settings: Settings, listener: str, policy: Policy) -> tuple[dict[str, object], str]:
    from tonearm.commands.opening import Sends, deck_of, listener_of

    async with deck_of(settings, Sends.NO) as deck:
        seen = await deck.destination_views.preview((await listener_of(deck, listener)).id, policy)
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
