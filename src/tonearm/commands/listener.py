"""`tonearm listener` and `tonearm token`: manage listeners and their tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import of_listener, with_json
from tonearm.commands.output import moment, print_result

if TYPE_CHECKING:
    from tonearm.service.values import Admission
    from tonearm.settings import Settings


@click.group()
def listener() -> None:
    """Manage the listeners of this service; the first one is `me`."""


@listener.command()
@with_json
@click.argument("name")
def add(settings: Settings, as_json: bool, name: str) -> None:
    """Add a listener with their own queue and Last.fm profile."""
    from tonearm.commands.opening import run_on

    run_on(settings, lambda deck: deck.accounts.add(name), creates=True)
    text = f"Listener \"{name}\" is ready. Next: 'tonearm login --listener {name}'"
    print_result({"status": "success", "name": name}, text, as_json)


@listener.command()
@with_json
@click.argument("name")
def link(settings: Settings, as_json: bool, name: str) -> None:
    """Print a link that signs in a browser as this listener.

    It works once, within an hour.
    """
    from tonearm.commands.opening import run_for, service_address

    secret = run_for(settings, name, lambda deck, me: deck.accounts.link(me.id), creates=True)
    address = f"{service_address(settings)}/signin?link={secret}"
    print_result({"listener": name, "link": address}, address, as_json)


class _Token(click.Group):
    """`tonearm token NAME` is `tonearm token new NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = ["new", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Token, subcommand_metavar="[NAME] | COMMAND [ARGS]...")
def token() -> None:
    """Make, list and revoke API tokens for a listener's programs. Default NAME: `me`."""


@token.command()
@with_json
@click.argument("name", default="me")
def new(settings: Settings, as_json: bool, name: str) -> None:
    """Make an API token for a listener's programs. It is shown only once."""
    from tonearm.commands.opening import run_for
    from tonearm.service.values import name_of

    secret = run_for(settings, name, lambda deck, me: deck.accounts.token(me.id), creates=True)
    facts = {"listener": name, "id": name_of(secret), "token": secret}
    print_result(facts, f"New token for {name} (id {facts['id']}): {secret}", as_json)


@token.command("list")
@of_listener
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """List a listener's tokens: programs, browsers and unused links."""
    from tonearm.commands.opening import run_for

    found = run_for(settings, listener, lambda deck, me: deck.personal_data.admissions(me.id))
    lines = [f"{each.id}  {_WHOSE[each.kind]:7}  since {moment(each.made_at)}{_until(each)}" for each in found]
    text = "\n".join(lines) or f"no tokens for {listener}"
    print_result({"tokens": [asdict(each) for each in found]}, text, as_json)


@token.command()
@of_listener
@click.argument("which", metavar="ID")
def revoke(settings: Settings, listener: str, as_json: bool, which: str) -> None:
    """Revoke a token by the ID that `list` shows.

    A running service may accept it for another 30 seconds.
    """
    from tonearm.commands.opening import run_for

    if not run_for(settings, listener, lambda deck, me: deck.personal_data.revoke(me.id, which)):
        raise Failed(f"{listener} has no token {which}: 'tonearm token list' lists them")
    print_result({"status": "success", "id": which}, f"{which} revoked", as_json)


_WHOSE = {"api": "program", "browser": "browser", "link": "link"}


def _until(admission: Admission) -> str:
    return f", until {moment(admission.expires_at)}" if admission.expires_at is not None else ""
