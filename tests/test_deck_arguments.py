"""What a host passes in by mistake is a ValueError that names it, before anything is written."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import tonearm
from tonearm import Listener, Play, Track

pytestmark = pytest.mark.anyio

WHEN = 1_700_000_000


@pytest.fixture
async def me(tmp_path: Path) -> AsyncIterator[Listener]:
    async with tonearm.open(tmp_path / "plays.db", deliver=False) as deck:
        yield await deck.listener()


def reported(**wrong: Any) -> Callable[[Listener], Coroutine[Any, Any, Any]]:
    given = {"track": Track("Low", "Lullaby"), "started_at": time.time() - 600, "played": 500.0, **wrong}
    return lambda me: me.scrobble(**given)


def named(**wrong: Any) -> Callable[[Listener], Coroutine[Any, Any, Any]]:
    return reported(track=Track(**{"artist": "Low", "title": "Lullaby", **wrong}))


WRONG: Any = None
MISTAKES: dict[str, Callable[[Listener], Coroutine[Any, Any, Any]]] = {
    "artist must be text, not 5": named(artist=5),
    'title must be text, not None: "" if there is none': named(title=None),
    'album must be text, not None: "" if there is none': named(album=None),
    "album_artist must be text, not b'Low'": named(album_artist=b"Low"),
    "mbid must be text, not 1": named(mbid=1),
    "duration must be a number of seconds, not '3:20'": named(duration="3:20"),
    "track_number must be a whole number, not '3'": named(track_number="3"),
    "track must be a tonearm.Track, not 'Lullaby'": reported(track="Lullaby"),
    "started_at must be Unix seconds or a datetime with its time zone, not None": reported(started_at=None),
    "played must be a number of seconds, not '500'": reported(played="500"),
    'reporter must be text, not None: "" if there is none': reported(reporter=None),
    "track must be a tonearm.Track, not None": lambda me: me.now_playing(WRONG),
    "plays must be a list of tonearm.Play, not None": lambda me: me.scrobble_all(WRONG),
    "play 1 must be a tonearm.Play, not": lambda me: me.scrobble_all([Play(Track("a", "b"), WHEN, 300), WRONG]),
    "play 0: title must be text, not 7": lambda me: me.scrobble_all([Play(Track("a", 7), WHEN, 300)]),  # type: ignore[arg-type]
    "play 0: timestamp must be a number": lambda me: me.scrobble_all([Play(Track("a", "b"), WRONG, 300)]),
    'artist must be text, not None: "" if there is none': lambda me: me.love(WRONG, "b"),
    "title must be text, not 5": lambda me: me.loves("a", 5),  # type: ignore[arg-type]
    'token must be text, not None: "" if there is none': lambda me: me.finish_sign_in(WRONG),
    "kind must be one of lastfm, listenbrainz": lambda me: me.add_destination("nope", "token"),  # type: ignore[arg-type]
    "enabled must be True or False, not 1": lambda me: me.change_settings(enabled=1),  # type: ignore[arg-type]
    "threshold must be a whole number, not 50.5": lambda me: me.change_settings(threshold=50.5),  # type: ignore[arg-type]
    "the threshold must be 25 to 100 percent": lambda me: me.change_settings(threshold=10),
    'name must be text, not None: "" if there is none': lambda me: me.deck.listener(WRONG),
    "kind must be one of artist, album, track, not 'nope'": lambda me: me.deck.search("nope", "Low"),  # type: ignore[arg-type]
    "limit must be a whole number from 1 to 100, not 0": lambda me: me.deck.search(tonearm.SearchKind.ARTIST, "Low", 0),
    "limit must be a whole number from 1 to 100, not 500": lambda me: me.deck.search(
        tonearm.SearchKind.ARTIST, "Low", 500
    ),
    "enter a query": lambda me: me.deck.search(tonearm.SearchKind.ARTIST, " "),
}


@pytest.mark.parametrize("message", MISTAKES)
async def test_a_mistake_is_named_before_anything_is_written(me: Listener, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the message is compared below)
        await MISTAKES[message](me)
    assert str(raised.value).startswith(message)
    assert await me.fate(1) is None


async def test_a_folder_may_be_named_as_text(me: Listener, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    assert await me.scan(str(tmp_path / "music")) == tonearm.ScanResult()
    with pytest.raises(tonearm.FolderUnreadable):
        await me.scan(str(tmp_path / "nowhere"))
