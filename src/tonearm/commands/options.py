"""Options that several commands share: one for every setting, the listener, and the format of the output.

The settings are repeated here, because `tonearm --help` must not wait for what reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from math import inf, isfinite
from pathlib import Path
from typing import Any

import click

from tonearm.commands.errors import Failed
from tonearm.terminal import say

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Option:
    """A setting as an option, without `TONEARM_`."""

    setting: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return "--" + self.setting.removeprefix("tonearm_").replace("_", "-")


SETTINGS = (
    _Option("tonearm_database", "URL", "A path, or postgresql://...; default: a file in your data folder."),
    _Option("tonearm_host", "NAME", "Where to listen; default: 127.0.0.1, for this machine only."),
    _Option("tonearm_port", "N", "The port to listen on; default: 8723; 0 picks a free one."),
    _Option("tonearm_public_url", "URL", "The address that listeners use, if it differs."),
    _Option("tonearm_secret_key", "TEXT", "Encrypts the Last.fm sessions; default: a key file beside the database."),
    _Option("tonearm_secret_key_file", "FILE", "The same, from a file."),
    _Option("tonearm_log", "FORM", "How the log is written: console or json; default: console."),
    _Option("lastfm_api_key", "TEXT", "Your API key: https://www.last.fm/api/account/create (or several: A,B)"),
    _Option("lastfm_api_key_file", "FILE", "The same, from a file."),
    _Option(
        "lastfm_api_secret", "TEXT", "The key's shared secret. Other users of this machine can see it; prefer the file."
    ),
    _Option("lastfm_api_secret_file", "FILE", "The same, from a file."),
    _Option("lastfm_api_url", "URL", "Last.fm's API; default: https://ws.audioscrobbler.com/2.0/"),
    _Option("lastfm_auth_url", "URL", "Last.fm's sign-in page; default: https://www.last.fm/api/auth/"),
    _Option("lastfm_cache_ttl", "TIME", "How long Last.fm's answers are kept; default: 168h."),
    _Option("lastfm_requests_per_second", "N", "Requests to Last.fm a second; default: 4; 0 lifts the limit."),
    _Option("lastfm_daily_scrobbles", "N", "Plays a day that Last.fm accepts; default: learned."),
)

_ALWAYS_SHOWN = frozenset({"tonearm_database"})


def _shared(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that many commands have: their help shows it below their own."""

    def decorate(command: Command) -> Command:
        decorated: Command = click.option(*names, **attributes)(command)
        options = decorated.__dict__["__click_params__"]
        options.insert(0, options.pop())
        return decorated

    return decorate


def with_settings(*, all_shown: bool = False) -> Callable[[Command], Command]:
    """Pass the settings to the command as its first argument, and add an option for each of them. The rarer ones work
    everywhere, but only the help of `tonearm serve` shows them.
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_them(config: Path | None, **given: Any) -> Any:
            options = {o.setting: value for o in SETTINGS if (value := given.pop(o.setting)) is not None}
            return command(_load(options, config), **given)

        decorated: Command = with_them
        for option in SETTINGS:
            hidden = not all_shown and option.setting not in _ALWAYS_SHOWN
            about = {"metavar": option.metavar, "help": option.help, "hidden": hidden}
            decorated = _shared(option.flag, option.setting, **about)(decorated)
        return _shared(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Use this file instead of the tonearm.toml in your configuration folder.",
        )(decorated)

    return decorate


def _load(options: dict[str, str], config: Path | None) -> Any:
    from tonearm.settings import OPTION, BadSetting, load, unread_file

    if config is None and (unread := unread_file()):
        say(f"Not reading {unread} in this folder; if it is yours, add --config {unread}.", err=True)
    try:
        return load(options, config)
    except BadSetting as bad:
        if bad.place != OPTION:
            raise Failed(str(bad)) from None
        flag = next((o.flag for o in SETTINGS if o.setting == bad.name.lower()), bad.name)
        raise click.BadParameter(bad.message, param_hint=flag) from None


NUMBER = re.compile(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
"""Python itself also reads 1_000, nan and digits of other scripts."""


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not NUMBER.fullmatch(str(value)):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


class FiniteNumber(click.FloatRange):
    """A number in a range, which can't be "nan" or "inf"."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(value) if NUMBER.fullmatch(str(value)) else inf
        if not isfinite(number):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        checked: float = super().convert(number, param, ctx)
        return checked


class ListByDefault(click.Group):
    """A group that is its `list` if no subcommand is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = args and args[0] in ("-h", "--help")
        if not asks_for_help and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def for_listener(command: Command) -> Command:
    """`--listener NAME`, `me` if it is not given."""
    about = "Which listener to act for."
    return _shared("--listener", metavar="NAME", default="me", show_default=True, help=about)(command)


def with_json(command: Command) -> Command:
    """The settings, and `--json`: the command gets `as_json`."""
    about = "Print one JSON object, for programs."
    return with_settings()(_shared("--json", "as_json", is_flag=True, help=about)(command))


def of_listener(command: Command) -> Command:
    """The settings, `--json` and `--listener`."""
    return with_json(for_listener(command))
