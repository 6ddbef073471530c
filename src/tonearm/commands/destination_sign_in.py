"""How `tonearm destination` signs in: by a token, by a name and a password, or by approval on the service's page."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tonearm.commands.errors import Failed
from tonearm.commands.login import has_a_screen
from tonearm.commands.options import Command
from tonearm.terminal import say

if TYPE_CHECKING:
    from tonearm.deck import Deck
    from tonearm.service.destination_results import DestinationRefused, NoSuchDestination
    from tonearm.service.destination_sign_in import Approving, NameAndPassword, OwnKeys
    from tonearm.settings import Settings

    NotDone = DestinationRefused | NoSuchDestination

T = TypeVar("T")

ASK_AGAIN = 2.0
"""Seconds between two checks whether the listener has approved."""

OUT_OF_REACH = 5
"""How often in a row a service may be unreachable meanwhile."""

APPROVED = ("librefm", "lastfm-like")
"""The kinds whose users approve on the service's page, or enter a name and a password."""

BY_APP_PASSWORD = ("tealfm", "rocksky")
"""The kinds whose users enter a name and an app password."""

SIGNED_IN = (*APPROVED, *BY_APP_PASSWORD)
"""The kinds without tokens."""

TOKEN = "TONEARM_DESTINATION_TOKEN"  # noqa: S105  # the name of a variable
_A_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
TOKEN_FILE = click.option(
    "--token-file",
    metavar="FILE",
    type=_A_FILE,
    help=f"File with its token or API key, or - for standard input; or set {TOKEN}. Default: asks.",
)
SIGN_IN = (
    click.option("--user", metavar="NAME", help="For services without tokens: sign in with this name and a password."),
    click.option(
        "--password-file",
        metavar="FILE",
        type=_A_FILE,
        help="File with the password, or -; default: asks. Only an app password (teal.fm, Rocksky) is stored.",
    ),
    click.option("--no-browser", is_flag=True, help="Print the address of the approval page, but don't open it."),
    click.option("--api-key", metavar="KEY", default="", help="Your API key there, if the server wants one."),
    click.option("--api-secret-file", metavar="FILE", type=_A_FILE, help="File with the key's shared secret, or -."),
    click.option("--approval-url", metavar="URL", default="", help="Its approval page, if that is at another address."),
)


@dataclass(frozen=True)
class SignInOptions:
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
        by_password = ("--user", "--password-file")
        for name in (name for name, value in named.items() if value):
            kinds = SIGNED_IN if name in by_password else APPROVED
            if kind not in kinds:
                raise click.UsageError(f"{name} is for {', '.join(kinds[:-1])} and {kinds[-1]}")
        if token_file is not None and kind in SIGNED_IN:
            other = "" if kind in BY_APP_PASSWORD else "approve on its page, or "
            raise click.UsageError(f"{kind} has no tokens: {other}add --user NAME")
        if kind in BY_APP_PASSWORD and not self.user:
            raise click.UsageError(f"{kind} needs --user NAME: your handle, such as anna.bsky.social")
        if self.password_file and not self.user:
            raise click.UsageError("--password-file needs --user NAME")

    def keys(self) -> OwnKeys:
        """The listener's own keys, if there are any."""
        from tonearm.service.destination_sign_in import OwnKeys

        secret = _from_file(self.api_secret_file).strip() if self.api_secret_file else ""
        return OwnKeys(self.api_key.strip(), secret, self.approval_url)

    def by_password(self, kind: str) -> NameAndPassword | None:
        """The name and the password, if they are used to sign in."""
        from tonearm.service.destination_sign_in import NameAndPassword

        if not self.user:
            return None
        if self.password_file:
            password = _from_file(self.password_file).removesuffix("\n").removesuffix("\r")
        else:
            asked = "App password" if kind in BY_APP_PASSWORD else "Password"
            password = str(click.prompt(asked, hide_input=True, err=True))
        return NameAndPassword(self.user, password, self.keys())


def with_sign_in(command: Command) -> Command:
    """Add the options for signing in, as one argument."""

    @wraps(command)
    def taking(*settings: Settings, **given: Any) -> None:
        options = SignInOptions(**{one.name: given.pop(one.name) for one in fields(SignInOptions)})
        command(*settings, sign_in=options, **given)

    for option in reversed(SIGN_IN):
        option(taking)
    return taking


def token_from(file: Path | None) -> str:
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


async def approved(
    deck: Deck,
    begun: Approving | NotDone,
    options: SignInOptions,
    finish: Callable[[str], Awaitable[T | DestinationRefused]],
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
