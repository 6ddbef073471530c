"""What a host passes in by mistake is a ValueError that names it, before anything is written."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
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
LISTENBRAINZ = tonearm.DestinationKind.LISTENBRAINZ
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
    "token must be text, not NoneType": lambda me: me.finish_sign_in(WRONG),
    "token must be text, not bytes": lambda me: me.add_destination(LISTENBRAINZ, b"a secret"),  # type: ignore[arg-type]
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


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("database must be a path or a URL, not 5", {"database": 5}),
    ('api_key must be text, not None: "" if there is none', {"api_key": None}),
    ("api_secret must be text, not bytes", {"api_secret": b"a secret"}),
    ("secret_key must be text, not int", {"secret_key": 5}),
    ("requests_per_second must be a number from 0, not -1", {"requests_per_second": -1}),
    ("requests_per_second must be a number from 0, not nan", {"requests_per_second": float("nan")}),
    ("requests_per_second must be a number from 0, not '4'", {"requests_per_second": "4"}),
    ("cache_ttl must be a number from 0, not -1", {"cache_ttl": -1}),
    ("daily_scrobbles must be a whole number from 1, or None, not 0", {"daily_scrobbles": 0}),
    ("http must be an httpx2.AsyncClient, not", {"http": httpx2.Client}),
]


@pytest.mark.parametrize(("message", "wrong"), OPTIONS, ids=[message for message, _ in OPTIONS])
async def test_a_wrong_option_is_named_before_a_file_is_made(
    tmp_path: Path, message: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the message is compared below)
        async with tonearm.open(**{"database": tmp_path / "plays.db", **wrong}):
            pass
    assert str(raised.value).startswith(message)
    assert "a secret" not in str(raised.value)
    assert not (tmp_path / "plays.db").exists()


async def test_a_folder_may_be_named_as_text(me: Listener, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    assert await me.scan(str(tmp_path / "music")) == tonearm.ScanResult()
    with pytest.raises(tonearm.FolderUnreadable):
        await me.scan(str(tmp_path / "nowhere"))
