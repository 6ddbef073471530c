"""What a program that embeds tonearm may name, and the deck without `await`."""

from __future__ import annotations

import inspect
import queue
import re
import subprocess
import sys
import threading
import typing
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType
from typing import Any

import httpx2
import pytest

import tonearm
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests import audio

FACES = (tonearm.Deck, tonearm.Listener, tonearm.SyncDeck, tonearm.SyncListener)
FUNCTIONS = {
    "open": inspect.unwrap(tonearm.open),
    "open_sync": inspect.unwrap(tonearm.open_sync),
    **{
        f"{face.__name__}.{name}": method
        for face in FACES
        for name, method in vars(face).items()
        if isinstance(method, FunctionType) and not name.startswith("_")
    },
}


def named(hint: Any) -> set[type]:
    """The classes of ours that a type is made of."""
    inside = {found for part in typing.get_args(hint) if not isinstance(part, list) for found in named(part)}
    ours = isinstance(hint, type) and hint.__module__.startswith("tonearm.")
    return inside | {hint} if ours else inside


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_public_function_takes_returns_and_raises_has_a_public_name(name: str) -> None:
    function = FUNCTIONS[name]
    hints = typing.get_type_hints(function, localns={"httpx2": httpx2})
    types = {kind.__name__ for hint in hints.values() for kind in named(hint)}
    raised = {
        word
        for sentence in re.findall(r"[Rr]aises ([^.;]*)", function.__doc__ or "")
        for word in re.findall(r"\b[A-Z][a-z]+[A-Z]\w+|\bNameless\b", sentence)
    }
    assert types | raised <= set(tonearm.__all__)
    assert all(getattr(tonearm, kind).__name__ == kind for kind in types | raised)


def test_every_way_a_sign_in_may_end_has_a_public_name() -> None:
    assert {kind.__name__ for kind in typing.get_args(tonearm.SignInResult)} <= set(tonearm.__all__)


def test_the_names_are_sorted_and_all_there() -> None:
    assert tonearm.__all__ == sorted(tonearm.__all__)
    assert set(tonearm.__all__) <= set(dir(tonearm))
    for name in tonearm.__all__:
        assert getattr(tonearm, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        tonearm.nothing_of_the_kind  # noqa: B018  # asking for it is the test


def test_the_package_alone_loads_nothing_of_itself_but_its_version() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tonearm; print(*(m for m in sys.modules if m.startswith('tonearm')))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert sorted(loaded) == ["tonearm", "tonearm.version"]


@pytest.mark.parametrize("name", [n for n, kind in vars(tonearm.Listener).items() if inspect.iscoroutinefunction(kind)])
def test_what_a_listener_does_it_does_without_await_too(name: str) -> None:
    asked = inspect.signature(getattr(tonearm.Listener, name))
    assert inspect.signature(getattr(tonearm.SyncListener, name)) == asked


def test_a_program_without_await_signs_in_scans_and_scrobbles(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "1.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
    emulator = Emulator()
    with (
        serve(emulator) as lastfm,
        tonearm.open_sync(
            tmp_path / "plays.db", api_key=API_KEY, api_secret=API_SECRET, api_url=lastfm.url, requests_per_second=0
        ) as deck,
    ):
        me = deck.listener()
        assert me.scan(music) == tonearm.ScanResult(new=1, total=1)
        with pytest.raises(tonearm.FolderUnreadable):
            me.scan(tmp_path / "nowhere")
        with pytest.raises(tonearm.BadName):
            deck.listener("a b")
        way = me.sign_in()
        assert isinstance(way, tonearm.AuthStart)
        assert way.token
        assert isinstance(me.finish_sign_in(way.token), tonearm.Pending)
        emulator.approve(way.token, "RJ")
        assert isinstance(me.finish_sign_in(way.token), tonearm.SignedIn)
        emulator.users["rj"].heart("Nina Simone", "Sinnerman", 1_700_000_000)
        assert me.import_loved().imported == 1
        track = tonearm.Track("Nina Simone", "Sinnerman", duration=622)
        assert me.now_playing(track) == tonearm.NowPlayingResult("success")
        with pytest.raises(ValueError, match="time zone"):
            me.scrobble(track, started_at=datetime.now(), played=622)
        taken = me.scrobble(track, started_at=datetime.now(UTC).timestamp() - 700, played=622, reporter="a player")
        assert taken.status == "queued"
        assert me.account().connection is tonearm.Connection.CONNECTED
        stored = me.fate(taken.id, seconds=20)
        assert stored is not None
        assert stored.fate == "accepted"
        assert me.fate(taken.id + 1) is None
        me.change_settings(enabled=False, threshold=75)
        assert (me.account().enabled, me.account().threshold, me.id, me.name) == (False, 75, me.account().id, "me")
        me.retry()
        assert me.queue().state == "connected"
        assert me.sign_out(discard=True) in (0, 1)


def test_without_await_the_options_are_those_of_open() -> None:
    assert inspect.signature(tonearm.open_sync).parameters == inspect.signature(tonearm.open).parameters


def test_a_deck_that_is_closed_says_so_without_await_too(tmp_path: Path) -> None:
    with tonearm.open_sync(tmp_path / "plays.db", deliver=False) as deck:
        me = deck.listener()
    for call in (me.queue, lambda: deck.listener("you"), lambda: deck.artist("Low")):
        with pytest.raises(tonearm.StoreUnavailable, match="the database is closed"):
            call()


def test_nothing_that_another_thread_waits_for_outlives_a_deck(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    ended: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
    begun = threading.Event()

    def ask_for_ever(me: tonearm.SyncListener) -> None:
        try:
            while True:
                me.queue()
                begun.set()
        except BaseException as error:
            ended.put(error)

    with tonearm.open_sync(tmp_path / "plays.db", deliver=False) as deck:
        asking = [threading.Thread(target=ask_for_ever, args=[deck.listener()]) for _ in range(4)]
        for thread in asking:
            thread.start()
        assert begun.wait(30)
    assert all(isinstance(ended.get(timeout=30), tonearm.StoreUnavailable) for _ in asking)
    for thread in asking:
        thread.join(30)
    assert set(threading.enumerate()) == before


def test_a_program_that_never_closes_its_deck_ends(tmp_path: Path) -> None:
    code = """import sys, tonearm
opened = tonearm.open_sync(sys.argv[1])
print(opened.__enter__().listener().name)"""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, str(tmp_path / "plays.db")]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout == "me\n"
