"""Desktop players on a real session bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from dbus_fast import Variant

from tests.watch.desktop import Player, needs_dbus, on_the_bus, session_bus
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


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_a_program_with_two_names_plays_a_track_once() -> None:
    async def do() -> Recorder:
        async with (
            on_the_bus("vlc") as first,
            on_the_bus("vlc.instance7") as second,
            on_the_bus("mpv") as other,
            watching(PlayerFilter()) as recorder,
        ):
            for one in (second, first):
                one.play("Sinnerman", 100)
            await recorder.until_announced(1)
            other.play("Red")  # is asked when the others have answered
            await recorder.until_announced(2)
            for one in (second, first):
                one.play("Four Women")
            await recorder.until_announced(3)
            other.play("Starless")
            await recorder.until_announced(4)
            return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), 60))
    assert recorder.announced == ["Sinnerman", "Red", "Four Women", "Starless"]
    assert [f.track.title for f in recorder.finished].count("Sinnerman") == 1


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_two_players_of_one_name_are_heard_both() -> None:
    async def do() -> Recorder:
        async with on_the_bus("vlc") as first, on_the_bus("vlc.instance7") as second:
            first.play("Sinnerman", 100)
            second.play("Four Women", 100)
            async with watching(PlayerFilter()) as recorder:
                await recorder.until_announced(2)
                return recorder

    assert sorted(asyncio.run(asyncio.wait_for(do(), 60)).announced) == ["Four Women", "Sinnerman"]


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_a_player_that_always_says_something_does_not_keep_another_from_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tonearm.watch.follow.LOOK_EVERY", 0.5)

    async def do() -> Recorder:
        async def chatter(player: Player) -> None:
            while True:
                player.chatter()
                await asyncio.sleep(0.01)

        async with on_the_bus("mpv") as chatty, on_the_bus("spotify") as quiet, watching(PlayerFilter()) as recorder:
            chatty.play("Sinnerman", 100)
            await recorder.until_announced(1)
            chattering = asyncio.create_task(chatter(chatty))
            quiet.play("Four Women", quietly=True)
            await recorder.until_announced(2)
            chattering.cancel()
            return recorder

    assert asyncio.run(asyncio.wait_for(do(), 60)).announced == ["Sinnerman", "Four Women"]


@needs_dbus
@pytest.mark.usefixtures("session_bus")
@pytest.mark.parametrize(
    ("url", "lengths", "durations"),
    [
        ("http://radio.example/live.ogg", (2, 13, 23, 23), [None, None, None, None]),
        ("http://nas.example/song.ogg", (622, 622.5, 622, 622), [None, 622.5, 622, 622]),
        ("file:///song.ogg", (2, 622, 13, 622), [2, 622, 13, 622]),
    ],
)
def test_the_length_of_a_live_stream_which_grows_is_unknown(
    url: str, lengths: Sequence[float], durations: list[float | None]
) -> None:
    async def do() -> list[float | None]:
        bus, found = MprisBus(PlayerFilter()), []
        async with on_the_bus("mpv") as player:
            player.play("Sinnerman")
            await bus.open()
            for number, length in enumerate(lengths):
                about = {"xesam:url": Variant("s", url), "mpris:length": Variant("x", round(length * 1_000_000))}
                player.about = {**player.about, **about}
                notice = await bus.now("org.mpris.MediaPlayer2.mpv", number * 10)
                assert notice
                found.append(notice.track.duration)
            bus.close()
        return found

    assert asyncio.run(asyncio.wait_for(do(), 60)) == durations


@needs_dbus
@pytest.mark.usefixtures("session_bus")
@pytest.mark.parametrize(("microseconds", "seconds"), [(-300_000, 0.0), (-5_000_000, None), (4_000_000, 4.0)])
def test_a_track_that_is_not_quite_heard_yet_is_at_its_beginning(microseconds: int, seconds: float | None) -> None:
    async def do() -> float | None:
        bus = MprisBus(PlayerFilter())
        async with on_the_bus("mpv") as player:
            player.play("Sinnerman", microseconds / 1_000_000)
            await bus.open()
            notice = await bus.now("org.mpris.MediaPlayer2.mpv", 0)
            bus.close()
        assert notice
        return notice.position

    assert asyncio.run(asyncio.wait_for(do(), 60)) == seconds


@needs_dbus
@pytest.mark.usefixtures("session_bus")
def test_when_the_bus_has_gone_nothing_plays() -> None:
    async def do() -> Notice | None:
        bus = MprisBus(PlayerFilter())
        async with on_the_bus("mpv") as player:
            player.play("Sinnerman")
            await bus.open()
            bus.close()
            await bus.closed()
            return await bus.now("org.mpris.MediaPlayer2.mpv", 0)

    assert asyncio.run(asyncio.wait_for(do(), 60)) is None


class Busy:
    """A bus with a player that doesn't answer the second query."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[str] = asyncio.Queue()
        self.players: list[str] = []
        self.asked = 0

    async def closed(self) -> None:
        await asyncio.Event().wait()

    async def now(self, name: str, at: float) -> Notice | None:
        self.asked += 1
        if self.asked == 2:
            self.changes.put_nowait(name)
            raise TimeoutError
        self.changes.put_nowait(name)
        if self.asked < 4:
            return notice_of(facts(), at, 100.0 + self.asked)
        return None


def test_a_player_that_is_busy_for_a_moment_has_not_stopped() -> None:
    async def do() -> Recorder:
        recorder, bus = Recorder(), Busy()
        bus.changes.put_nowait("vlc")
        following = asyncio.create_task(follow_mpris(cast("MprisBus", bus), Watcher(recorder), SystemClock()))
        await recorder.until_reported(1)
        following.cancel()
        assert bus.asked >= 4
        return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), 60))
    assert (recorder.announced, len(recorder.finished)) == (["Sinnerman"], 1)


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


@pytest.mark.parametrize(
    ("about", "number"),
    [
        ({"xesam_trackNumber": 3}, 3),
        ({"xesam_tracknumber": "3"}, 3),
        ({"xesam_tracknumber": "3/9"}, 3),
        ({"xesam_trackNumber": "A3"}, None),
        ({"xesam_trackNumber": 0}, None),
        ({"xesam_trackNumber": "9" * 5000}, None),
    ],
)
def test_a_track_number_may_be_a_text(about: dict[str, object], number: int | None) -> None:
    notice = notice_of(facts(**about), 0, None)
    assert notice
    assert notice.track.track_number == number


MBID = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"


@pytest.mark.parametrize(("told", "album"), [("Unknown", ""), ("Unknown Album", ""), ("The Unknown", "The Unknown")])
def test_an_album_that_the_player_does_not_know_is_none(told: str, album: str) -> None:
    """Rhythmbox 3.4 and Cantata 2.5 call it "Unknown"."""
    notice = notice_of(facts(xesam_album=told), 0, None)
    assert notice is not None
    assert notice.track.album == album


@pytest.mark.parametrize("about", [{"mb_trackId": MBID}, {"xesam_musicBrainzTrackID": [MBID]}])
def test_the_recording_is_named_if_the_player_knows_it(about: dict[str, object]) -> None:
    notice = notice_of(facts(**about), 0, None)
    assert notice
    assert notice.track.mbid == MBID


def test_without_an_artist_the_albums_is_taken() -> None:
    notice = notice_of(facts(xesam_artist=[], xesam_albumArtist=["Nina Simone"]), 0, None)
    assert notice
    assert (notice.track.artist, notice.track.album_artist) == ("Nina Simone", "Nina Simone")


STATION = {"xesam_url": "http://radio.example:8000/live", "xesam_artist": []}


@pytest.mark.parametrize(
    ("about", "names"),
    [
        ({**STATION, "xesam_title": "A station", "vlc_nowplaying": "Ella - Blue - Moon"}, ("Ella", "Blue - Moon")),
        (
            {
                **STATION,
                "xesam_artist": ["A station"],
                "xesam_title": "Ella - Blue",
                "xesam_album": "radio.example",
            },
            ("Ella", "Blue"),
        ),
        ({**STATION, "xesam_artist": ["Ella"], "xesam_title": "Blue - Live"}, ("Ella", "Blue - Live")),
    ],
)
def test_a_song_on_the_radio_has_its_own_names_and_no_position(
    about: dict[str, object], names: tuple[str, str]
) -> None:
    notice = notice_of(facts(**about), 0, 3600.0)
    assert notice
    assert (notice.track.artist, notice.track.title) == names
    assert notice.track.album == ""
    assert notice.position is None


@pytest.mark.parametrize(
    "about",
    [
        {**STATION, "xesam_title": "A film - The end"},
        {"xesam_artist": [], "xesam_url": "file:///a.ts", "vlc_nowplaying": "News - at ten"},
        {**STATION, "xesam_url": "http://[", "vlc_nowplaying": "Ella - Blue"},
    ],
)
def test_what_may_be_a_video_is_not_a_song_on_the_radio(about: dict[str, object]) -> None:
    assert notice_of(facts(**about), 0, None) is None


def test_an_artist_may_be_a_text_and_a_video_may_have_no_metadata() -> None:
    notice = notice_of(facts(xesam_artist="Nina Simone", xesam_trackNumber=3), 0, 4.0)
    assert notice
    assert (notice.track.artist, notice.track.track_number, notice.position) == ("Nina Simone", 3, 4.0)
    assert notice_of({"PlaybackStatus": "Playing"}, 0, None) is None
