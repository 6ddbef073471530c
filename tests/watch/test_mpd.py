"""What a Music Player Daemon plays, seen over its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.audio import Tags
from tests.watch.mpd import WHY_NOT, installed, playing
from tests.watch.recorder import Recorder
from tonearm.clock import SystemClock
from tonearm.core.session import Notice
from tonearm.watch.follow import follow_mpd
from tonearm.watch.mpd import MpdAddress, MpdConnection, MpdError, mpd_address, notice_of
from tonearm.watch.watcher import Watcher

needs_mpd = pytest.mark.skipif(not installed, reason=WHY_NOT)
SINNERMAN = Tags("Nina Simone", "Sinnerman", "Pastel Blues", track_number=9)
RED = Tags("King Crimson", "Red")


@asynccontextmanager
async def watching(address: MpdAddress) -> AsyncIterator[Recorder]:
    """A watcher of one MPD; what plays at the end is reported."""
    recorder = Recorder()
    watcher = Watcher(recorder)
    following = asyncio.create_task(follow_mpd(address, watcher, SystemClock(), lambda words: None))
    try:
        yield recorder
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await watcher.close(SystemClock().now())


@needs_mpd
def test_what_mpd_plays_is_reported_with_its_start_and_the_seconds_heard(tmp_path: Path) -> None:
    async def do() -> tuple[Recorder, float]:
        with playing(tmp_path, [(SINNERMAN, 2.5), (RED, 600)]) as mpd:
            async with watching(MpdAddress(str(mpd.socket))) as recorder:
                began = SystemClock().now()
                mpd.control("play 0")
                await recorder.until_announced(2)
                mpd.control("seekcur 500")
                mpd.control("pause 1")
                await asyncio.to_thread(mpd.control.until, "state: pause")
                await recorder.until_reported(1)
            return recorder, began

    recorder, began = asyncio.run(asyncio.wait_for(do(), 60))
    first, second = recorder.finished if len(recorder.finished) == 2 else (recorder.finished[0], None)
    assert recorder.announced == ["Sinnerman", "Red"]
    assert (first.track.album, first.track.track_number) == ("Pastel Blues", 9)
    assert first.track.duration == pytest.approx(2.5, abs=0.1)
    assert first.start == pytest.approx(began, abs=2)
    assert first.played == pytest.approx(2.5, abs=1)
    assert second is None or (second.played or 0) < 60  # what was sought over was not heard


@needs_mpd
def test_mpd_may_end_and_come_back_while_it_is_watched(tmp_path: Path) -> None:
    async def do() -> Recorder:
        with playing(tmp_path, [(SINNERMAN, 600)]) as mpd:
            async with watching(MpdAddress(str(mpd.socket))) as recorder:
                mpd.control("play 0")
                await recorder.until_announced(1)
                await asyncio.to_thread(mpd.control.until_heard, mpd.control.elapsed() + 1.5)  # less is not reported
                mpd.stop()
                mpd.start()
                await recorder.until_reported(1)  # it is back, and plays nothing
                return recorder

    recorder = asyncio.run(asyncio.wait_for(do(), 60))
    assert [f.track.title for f in recorder.finished] == ["Sinnerman"]


async def _serve(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await MpdConnection.open(MpdAddress("127.0.0.1", port, "secret"))
        try:
            await connection.now(0)
        finally:
            await connection.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not MPD"),
        (b"x" * 3_000_000, "not MPD"),
        (b"OK MPD 0.23.12\nACK [3@0] {password} incorrect password\n", "incorrect password"),
    ],
)
def test_another_program_or_a_wrong_password_is_reported_without_the_password(answer: bytes, reason: str) -> None:
    with pytest.raises(MpdError, match=reason) as raised:
        asyncio.run(asyncio.wait_for(_serve(answer), 60))
    assert "secret" not in str(raised.value)


def test_mpd_that_hangs_up_is_retried() -> None:
    with pytest.raises(OSError, match="closed the connection"):
        asyncio.run(asyncio.wait_for(_hang_up(), 60))


async def _hang_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"OK MPD 0.23.12\n")
        await reader.readline()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        connection = await MpdConnection.open(MpdAddress("127.0.0.1", server.sockets[0].getsockname()[1]))
        try:
            await connection.now(0)
        finally:
            await connection.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("", MpdAddress()),
        ("music.local", MpdAddress("music.local")),
        ("secret@music.local", MpdAddress("music.local", password="secret")),
        ("/run/mpd/socket", MpdAddress("/run/mpd/socket")),
        ("@mpd", MpdAddress("@mpd")),
    ],
)
def test_the_address_has_the_form_of_other_clients_of_mpd(host: str, address: MpdAddress) -> None:
    assert mpd_address(host, 6600) == address


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(mpd_address("secret@music.local", 6600))


@pytest.mark.parametrize(
    ("more", "position"),
    [
        ({"file": "http://radio.example/live"}, None),
        ({"file": "http://nas.example/a.flac", "duration": "622"}, 3600.0),
        ({"file": "a.flac"}, 3600.0),
    ],
)
def test_the_time_of_a_radio_stream_is_not_the_songs(more: dict[str, str], position: float | None) -> None:
    song = {"state": "play", "title": "Sinnerman", "artist": "Nina Simone", "elapsed": "3600", "songid": "4"}
    notice = notice_of({**song, **more}, 7)
    assert notice
    assert notice.position == position


def test_radio_that_names_artist_and_title_in_one_is_a_play() -> None:
    notice = notice_of({"state": "play", "title": "Nina Simone - Sinnerman", "elapsed": "12.5", "songid": "4"}, 7)
    assert isinstance(notice, Notice)
    assert (notice.track.artist, notice.track.title, notice.track.duration) == ("Nina Simone", "Sinnerman", None)
    assert (notice.position, notice.paused) == (12.5, False)


@pytest.mark.parametrize(
    "facts", [{"state": "stop", "title": "A", "artist": "B"}, {"state": "play", "title": "A"}, {"state": "play"}, {}]
)
def test_what_has_no_artist_or_does_not_play_is_not_a_play(facts: dict[str, str]) -> None:
    assert notice_of(facts, 0) is None


def test_odd_numbers_of_mpd_are_unknown() -> None:
    odd = {"duration": "nan", "track": "A1", "elapsed": "-3"}
    notice = notice_of({"state": "pause", "title": "A", "albumartist": "B", **odd}, 0)
    assert notice
    assert (notice.track.duration, notice.track.track_number, notice.position) == (None, None, None)
    assert notice.track.artist == "B"
