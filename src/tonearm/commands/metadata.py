"""`tonearm artist`, `album`, `track` and `search`: what Last.fm knows, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tonearm.commands.errors import NO_KEY, Failed
from tonearm.commands.options import Command, WholeNumber, with_json
from tonearm.terminal import say

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from tonearm.lastfm.cache import Remembered
    from tonearm.service.metadata import Metadata, NotKnown
    from tonearm.settings import Settings
    from tonearm.web.api import metadata_schemas as shapes

T = TypeVar("T")

SHOWN = 10
"""Entries of a list that a screen has room for; `--json` has them all."""

WIDEST = 100
"""Columns; longer lines of prose are hard to read."""


def _look_up(*arguments: tuple[str, str]) -> Callable[[Command], click.Command]:
    """Decorates a command that looks up what its arguments (name, metavar) name."""

    def decorate(command: Command) -> click.Command:
        for name, metavar in reversed(arguments):
            command = click.argument(name, metavar=metavar)(command)
        return click.command()(with_json(command))

    return decorate


@_look_up(("name", "NAME"))
def artist(settings: Settings, as_json: bool, name: str) -> None:
    """Show an artist: biography, tags, similar artists, most played albums and tracks."""
    from tonearm.web.api.metadata_schemas import artist as shape

    found = _answer(settings, lambda look: look.artist(name), f"artist {name!r}")
    _print(shape(found, str), as_json, _artist)


@_look_up(("by", "ARTIST"), ("title", "TITLE"))
def album(settings: Settings, as_json: bool, by: str, title: str) -> None:
    """Show an album and its tracks."""
    from tonearm.web.api.metadata_schemas import album as shape

    found = _answer(settings, lambda look: look.album(by, title), f"album {title!r} by {by!r}")
    _print(shape(found, str), as_json, _album)


@_look_up(("by", "ARTIST"), ("title", "TITLE"))
def track(settings: Settings, as_json: bool, by: str, title: str) -> None:
    """Show a track."""
    from tonearm.web.api.metadata_schemas import track as shape

    found = _answer(settings, lambda look: look.track(by, title), f"track {title!r} by {by!r}")
    _print(shape(found, str), as_json, _track)


@_look_up(("query", "QUERY"))
@click.option(
    "--kind", type=click.Choice(("artist", "album", "track")), default="artist", show_default=True, help="What to find."
)
@click.option("--limit", type=WholeNumber(1, 100), default=SHOWN, show_default=True, metavar="N", help="How many.")
def search(settings: Settings, as_json: bool, query: str, kind: str, limit: int) -> None:
    """Find artists, albums or tracks by name."""
    from tonearm.service.metadata import SearchKind
    from tonearm.web.api.metadata_schemas import search as shape

    found = _answer(settings, lambda look: look.search(SearchKind(kind), query, limit), f"a search for {query!r}")
    _print(shape(found, str), as_json, _found)


def _answer(
    settings: Settings, look_up: Callable[[Metadata], Coroutine[Any, Any, Remembered[T] | NotKnown]], what: str
) -> Remembered[T]:
    from tonearm.commands.opening import run_on
    from tonearm.lastfm.breaker import Resting
    from tonearm.lastfm.error import LastFmError
    from tonearm.service.metadata import NotKnown

    try:
        answer = run_on(settings, lambda deck: look_up(deck.metadata), creates=True)
    except LastFmError as error:
        if not settings.lastfm_api_key:
            raise Failed(f"no cached answer for {what}, and {NO_KEY}") from None
        answered = isinstance(error, Resting) or error.error_code is not None
        reason = str(error) if answered else f"Last.fm didn't answer: {error}"
        raise Failed(f"no cached answer for {what}; {reason}") from None
    if isinstance(answer, NotKnown):
        raise Failed(f"Last.fm knows no {what}: {answer.message}")
    return answer


S = TypeVar("S", bound="BaseModel")


def _print(facts: S, as_json: bool, show: Callable[[Console, S], None]) -> None:
    if as_json:
        say(facts.model_dump_json())
        return
    from rich.console import Console

    screen = Console(highlight=False, markup=False, emoji=False)
    screen.width = min(screen.width, WIDEST)
    show(screen, facts)
    if getattr(facts, "stale", False):
        _print_line(
            screen,
            f"(as of {_ago(getattr(facts, 'age', 0.0))}: refreshing from Last.fm, or it can't be reached)",
            style="dim",
        )


def _artist(screen: Console, facts: shapes.ArtistOut) -> None:
    _print_line(screen, facts.name, style="bold")
    _head(screen, facts.listeners, facts.playcount, facts.tags)
    _prose(screen, facts.bio)
    similar = [(entry.name, "" if entry.match is None else f"{entry.match:.0%}") for entry in facts.similar]
    _table(screen, "Similar artists", similar)
    _table(screen, "Albums", [(entry.title, _number(entry.playcount)) for entry in facts.top_albums])
    _table(screen, "Tracks", [(entry.title, _number(entry.playcount)) for entry in facts.top_tracks])
    if facts.missing:
        _print_line(screen, f"Not available right now: {', '.join(facts.missing)}", style="yellow")
    _print_line(screen, facts.url, style="dim")


def _album(screen: Console, facts: shapes.AlbumOut) -> None:
    _print_line(screen, f"{facts.title} – {facts.artist}", style="bold")
    _head(screen, facts.listeners, facts.playcount, facts.tags)
    _prose(screen, facts.wiki)
    tracks = [(f"{number}. {entry.title}", _length(entry.duration)) for number, entry in enumerate(facts.tracks, 1)]
    _table(screen, "Tracks", tracks, len(tracks))
    _print_line(screen, facts.url, style="dim")


def _track(screen: Console, facts: shapes.TrackOut) -> None:
    _print_line(screen, f"{facts.title} – {facts.artist}", style="bold")
    on = f"on {facts.album.title}" if facts.album else ""
    _print_line(screen, ", ".join(filter(None, (_length(facts.duration), on))))
    _head(screen, facts.listeners, facts.playcount, facts.tags)
    _prose(screen, facts.wiki)
    _print_line(screen, facts.url, style="dim")


def _found(screen: Console, facts: shapes.SearchOut) -> None:
    rows = [
        *((entry.name, f"{_number(entry.listeners)} listeners") for entry in facts.artists),
        *((f"{entry.title} – {entry.artist}", "") for entry in facts.albums),
        *((f"{entry.title} – {entry.artist}", f"{_number(entry.listeners)} listeners") for entry in facts.tracks),
    ]
    _table(screen, "", rows, len(rows))
    if not rows:
        _print_line(screen, "nothing found")


def _head(screen: Console, listeners: int | None, plays: int | None, tags: Sequence[shapes.TagOut]) -> None:
    counts = (
        "" if listeners is None else f"{_number(listeners)} listeners",
        "" if plays is None else f"{_number(plays)} plays",
    )
    _print_line(screen, ", ".join(filter(None, counts)))
    _print_line(screen, ", ".join(tag.name for tag in tags), style="cyan")


def _prose(screen: Console, wiki: shapes.WikiOut | None) -> None:
    """What listeners wrote, with a link to the rest: Last.fm's terms require it."""
    if wiki and wiki.summary:
        screen.print()
        for line in wiki.summary.splitlines():
            _print_line(screen, line)
        _print_line(screen, f"Read more on Last.fm: {wiki.link}", style="dim")


def _table(screen: Console, title: str, rows: Iterable[tuple[str, str]], limit: int = SHOWN) -> None:
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)[:limit]
    if not listed:
        return
    table = Table(box=None, show_header=False, pad_edge=False, title=title or None, title_justify="left")
    table.add_column(overflow="ellipsis", no_wrap=True)
    table.add_column(justify="right", style="dim")
    for name, fact in listed:
        table.add_row(Text(_plain(name)), Text(_plain(fact)))
    screen.print()
    screen.print(table)


def _print_line(screen: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    if text:
        screen.print(Text(_plain(text), style=style), soft_wrap=False)


def _plain(text: str) -> str:
    """The text without characters that would control a terminal."""
    from tonearm.core.cleaning import clean

    return clean(text)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _length(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _ago(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours / 24:.0f} days ago" if hours >= 48 else f"{hours:.0f} hours ago"
