"""`tonearm names`: merges and renames artists, albums and tracks in the figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from tonearm.commands.errors import Failed
from tonearm.commands.options import Command, of_listener
from tonearm.commands.output import moment, plays, print_result

if TYPE_CHECKING:
    from tonearm.core.figures import NameKind
    from tonearm.deck import Deck
    from tonearm.service.values import StoredRename
    from tonearm.settings import Settings


@dataclass(frozen=True, slots=True)
class _Name:
    """A name as the options give it; the title is "" for an artist."""

    kind: NameKind
    artist: str
    title: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.artist, self.title

    def __str__(self) -> str:
        return f"{self.artist} – {self.title}" if self.title else self.artist


@dataclass(frozen=True, slots=True)
class _Renamed:
    """What a rename does: the number of plays of the name, and, before the rename, of the one that it counts as from
    then on.
    """

    name: _Name
    to: _Name
    plays: int
    joined: int

    @property
    def facts(self) -> dict[str, object]:
        """The facts with the field names of `PUT /stats/names`."""
        name = {"kind": str(self.name.kind), "artist": self.name.artist, "title": self.name.title or None}
        to = {"to_artist": self.to.artist, "to_title": self.to.title or None}
        return {**name, **to, "plays": self.plays, "joined_plays": self.joined}

    def text(self, verb: str) -> str:
        """The result as a sentence."""
        joined = f", together with {plays(self.joined)} of that" if self.joined else ""
        return f"{self.name} {verb} as {self.to} in your figures: {plays(self.plays)}{joined}"


def _naming(command: Command) -> Command:
    """`--artist`, and `--album` or `--track`: the command gets them as `name`."""

    @wraps(command)
    def with_name(*args: Any, artist: str, album: str | None, track: str | None, **given: Any) -> Any:
        from tonearm.core.figures import NameKind

        if album is not None and track is not None:
            raise click.UsageError("an album or a track, not both: --album or --track")
        kind = NameKind.ALBUM if album is not None else NameKind.TRACK if track is not None else NameKind.ARTIST
        return command(*args, name=_Name(kind, artist, album or track or ""), **given)

    decorated: Command = with_name
    for option, text in (("--track", "A track of the artist."), ("--album", "An album of the artist.")):
        decorated = click.option(option, metavar="TITLE", help=text)(decorated)
    return click.option("--artist", metavar="NAME", required=True, help="The artist.")(decorated)


def _renaming(command: Command) -> Command:
    """Add the options for the other name: the command gets it as `to`."""

    @wraps(command)
    def with_target(*args: Any, name: _Name, to_artist: str | None, to_title: str | None, **given: Any) -> Any:
        if to_artist is None and to_title is None:
            raise click.UsageError("say what it should count as: --to-artist or --to-title")
        if to_title is not None and not name.title:
            raise click.UsageError("--to-title goes with --album or --track")
        to = _Name(name.kind, name.artist if to_artist is None else to_artist, to_title or name.title)
        return command(*args, name=name, to=to, **given)

    decorated: Command = with_target
    for option in (
        click.option("--dry-run", is_flag=True, help="Only show which plays would change."),
        click.option("--to-title", metavar="TITLE", help="The album or track; default: the same title."),
        click.option("--to-artist", metavar="NAME", help="The artist that it counts as; default: the same artist."),
    ):
        decorated = option(decorated)
    return _naming(decorated)


@click.group()
def names() -> None:
    """Merge and rename artists, albums and tracks in your figures. What was sent stays as it was."""


@names.command("list")
@of_listener
def show(settings: Settings, listener: str, as_json: bool) -> None:
    """Show which names count as other names, latest first."""
    from tonearm.commands.opening import run_for

    found = run_for(settings, listener, lambda deck, me: deck.figures.renames(me.id))
    lines = [f"{moment(one.renamed_at)}  {one.kind} {_pair(one.name)} counts as {_pair(one.to)}" for one in found]
    text = "\n".join(lines) or "no names are merged or renamed"
    print_result({"listener": listener, "names": [_facts_of(one) for one in found]}, text, as_json)


def _facts_of(one: StoredRename) -> dict[str, object]:
    """A rename with the field names of `GET /stats/names`."""
    name = {"kind": str(one.kind), "artist": one.name[0], "title": one.name[1] or None}
    return {**name, "to_artist": one.to[0], "to_title": one.to[1] or None, "renamed_at": one.renamed_at}


def _pair(name: tuple[str, str]) -> str:
    return " – ".join(filter(None, name))


@names.command()
@of_listener
@_renaming
def merge(settings: Settings, listener: str, as_json: bool, name: _Name, to: _Name, dry_run: bool) -> None:
    """Count a name together with another one that you have played.

    All spellings of it that differ only in case, accents, punctuation or spaces go with it, and an artist's albums and
    tracks go with the artist.
    """
    _change(settings, listener, as_json, name, to, dry_run, new=False)


@names.command()
@of_listener
@_renaming
def rename(settings: Settings, listener: str, as_json: bool, name: _Name, to: _Name, dry_run: bool) -> None:
    """Show a name as you want it written, or under another name.

    If you have played that one as well, both count together.
    """
    _change(settings, listener, as_json, name, to, dry_run, new=True)


@names.command()
@of_listener
@_naming
def undo(settings: Settings, listener: str, as_json: bool, name: _Name) -> None:
    """Stop counting a name as another one."""
    from tonearm.commands.opening import run_for

    if not run_for(settings, listener, lambda deck, me: deck.figures.undo_rename(me.id, name.kind, name.pair)):
        raise Failed(f"{name} isn't merged or renamed: 'tonearm names list' shows the names that are")
    facts = {"listener": listener, "kind": str(name.kind), "artist": name.artist, "title": name.title or None}
    print_result(facts, f"{name} is no longer merged or renamed", as_json)


def _change(
    settings: Settings, listener: str, as_json: bool, name: _Name, to: _Name, dry_run: bool, *, new: bool
) -> None:
    """Merge or rename; the other name may be a `new` one."""
    from tonearm.commands.opening import run_for

    done = run_for(settings, listener, lambda deck, me: _renamed(deck, me.id, name, to, dry_run, new))
    text = done.text("would count" if dry_run else "counts")
    print_result({"listener": listener, **done.facts, "dry_run": dry_run}, text, as_json)


async def _renamed(deck: Deck, me: int, name: _Name, to: _Name, dry_run: bool, new: bool) -> _Renamed:
    from tonearm.core.figures import NameKind, numbers
    from tonearm.core.play import MissingName
    from tonearm.service.figures import cleaned_name
    from tonearm.service.values import MAX_RENAMES, TooManyRenames

    played = await _played(deck, me, name)
    if not played:
        raise Failed(f"you haven't played {name}: nothing to {'rename' if new else 'merge'}")
    if to.artist == name.artist and name.title:  # in the spelling in which that artist is shown
        artist, _ = await deck.figures.counts_as(me, NameKind.ARTIST, (to.artist, ""))
        to = replace(to, artist=artist)
    same = numbers(name.kind, *name.pair)[1] == numbers(to.kind, *to.pair)[1]
    joined = 0 if same else await _played(deck, me, to)
    if not new and not joined:
        reason = "is another spelling of it" if same else "isn't in your history"
        raise Failed(f"{to} {reason}: 'tonearm names rename' shows a name as you write it")
    try:
        cleaned = cleaned_name(to.kind, *to.pair)
        if not dry_run:
            await deck.figures.rename(me, name.kind, name.pair, cleaned)
    except MissingName as missing:
        raise Failed(str(missing)) from None
    except TooManyRenames:
        raise Failed(f"{MAX_RENAMES} names are renamed, which is the limit: undo some first") from None
    return _Renamed(name, _Name(to.kind, *cleaned), played, joined)


async def _played(deck: Deck, me: int, name: _Name) -> int:
    """How many plays count as this name."""
    from datetime import UTC

    return (await deck.figures.of_name(me, name.kind, name.pair, UTC, 0, 0)).plays
