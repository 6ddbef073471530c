"""Desktop players on a real session bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.watch.desktop import needs_dbus, on_the_bus, session_bus
from tests.watch.recorder import Recorder
from tonearm.clock import SystemClock
from tonearm.core.session import Notice
from tonearm.watch.follow import follow_mpris
from tonearm.watch.mpris import MprisBus, NoBus, PlayerFilter, notice_of, player_of
from tonearm.watch.watcher import Watcher

__all__ = ["session_bus"]


@asynccontextmanager
async def watching(wanted: PlayerFilter) -> AsyncIterator[Recorder]:
    """A watcher of the session bus."""
    recorder, bus = Recorder(), MprisBus(wanted)
    await bus.open()
    following = asyncio.create_task(follow_mpris(bus, Watcher(recorder, player_of), SystemClock()))
    try:
        yield recorder
    finally:
        bus.close()
        await following


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_a_player_is_heard_whether_it_came_before_the_watcher_or_after() -> None:
    async def do() -> Recorder:
        async with on_the_bus("vlc.instance7") as first:
            first.play("Sinnerman", 100)
            async with watching(PlayerFilter()) as recorder:
                await recorder.until_announced(1)
                async with on_the_bus("spotify") as second:
                    second.play("Feeling Good", 30)
                    await recorder.until_announced(2)
                    first.play("Four Women")
                    await recorder.until_reported(1)
                await recorder.until_reported(2)  # the second was quit
                return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), 60))
    assert recorder.announced == ["Sinnerman", "Feeling Good", "Four Women"]
    assert [f.track.title for f in recorder.finished] == ["Sinnerman", "Feeling Good"]
    assert recorder.players == ["vlc", "spotify"]
    assert {(f.track.artist, f.track.duration) for f in recorder.finished} == {("Nina Simone", 622.0)}
    assert recorder.finished[0].played == pytest.approx(100, abs=20)


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_players_that_are_to_be_ignored_are_never_reported() -> None:
    async def do() -> Recorder:
        async with (
            on_the_bus("firefox.instance_1_2") as browser,
            on_the_bus("mpv") as player,
            on_the_bus("playerctld") as proxy,
            watching(PlayerFilter(ignore=("FireFox*",))) as recorder,
        ):
            for one in (browser, proxy, player):
                one.play("Sinnerman", 100)
            await recorder.until_announced(1)
            for one in (browser, proxy, player):
                one.stop(110)
            await recorder.until_reported(1)
            return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), 60))
    assert recorder.players == ["mpv"]
    assert recorder.announced == ["Sinnerman"]


def test_without_a_session_bus_one_is_asked_to_run_it_as_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with pytest.raises(NoBus, match="no D-Bus session bus"):
        asyncio.run(MprisBus(PlayerFilter()).open())


@pytest.mark.parametrize(
    ("bus_name", "player"),
    [
        ("org.mpris.MediaPlayer2.vlc", "vlc"),
        ("org.mpris.MediaPlayer2.vlc.instance7", "vlc"),
        ("org.mpris.MediaPlayer2.firefox.instance_1_2", "firefox"),
        ("org.mpris.MediaPlayer2.io.github.quodlibet.QuodLibet", "io.github.quodlibet.QuodLibet"),
        ("org.freedesktop.Notifications", ""),
    ],
)
def test_a_player_has_the_name_that_its_users_know(bus_name: str, player: str) -> None:
    assert player_of(bus_name) == player


def test_only_the_players_that_are_named_are_watched() -> None:
    only = PlayerFilter(only=("vlc", "*.QuodLibet"))
    assert only.watches("VLC")
    assert only.watches("io.github.quodlibet.QuodLibet")
    assert not only.watches("firefox")
    assert not PlayerFilter().watches("playerctld")


def facts(**about: Any) -> dict[str, Any]:
    """The properties of a player that plays."""
    named = {"xesam:artist": ["Nina Simone"], "xesam:title": "Sinnerman"}
    return {"PlaybackStatus": "Playing", "Metadata": {**named, **{n.replace("_", ":"): v for n, v in about.items()}}}


@pytest.mark.parametrize(
    ("length", "seconds"),
    [(622_000_000, 622.0), (0, None), (-1, None), ("622", None), (True, None), (2_383_503_300_000_000, None)],
)
def test_a_length_that_nothing_can_have_is_unknown(length: object, seconds: float | None) -> None:
    notice = notice_of(facts(mpris_length=length), 0, None)
    assert isinstance(notice, Notice)
    assert notice.track.duration == seconds


@pytest.mark.parametrize(
    "about", [{"xesam_artist": []}, {"xesam_title": ""}, {"xesam_artist": [""]}, {"xesam_artist": ["", 7]}]
)
def test_a_video_without_an_artist_or_a_title_is_not_a_play(about: dict[str, object]) -> None:
    assert notice_of(facts(**about), 0, None) is None


def test_an_artist_may_be_a_text_and_a_video_may_have_no_metadata() -> None:
    notice = notice_of(facts(xesam_artist="Nina Simone", xesam_trackNumber=3), 0, 4.0)
    assert notice
    assert (notice.track.artist, notice.track.track_number, notice.position) == ("Nina Simone", 3, 4.0)
    assert notice_of({"PlaybackStatus": "Playing"}, 0, None) is None
