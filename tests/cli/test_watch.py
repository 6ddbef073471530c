"""`tonearm watch`: from a player on this machine to the database here, or to a service elsewhere."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.audio import Tags
from tests.cli.shell import Shell
from tests.cli.test_serve import service
from tests.watch.desktop import needs_dbus, on_the_bus, session_bus
from tests.watch.mpd import WHY_NOT, installed, playing
from tonearm.core.play import Track
from tonearm.core.session import Finished
from tonearm.watch.elsewhere import Destination, Elsewhere
from tonearm.watch.waiting import Spool, SpoolBroken

SINNERMAN = Track("Nina Simone", "Sinnerman", "Pastel Blues", duration=622.0, track_number=9)
__all__ = ["session_bus"]
STARTED = 1_790_000_000.0


def reporting(address: str, secret: str, file: Path, plays: list[Finished]) -> tuple[bool, list[str]]:
    """Report these and send what waits: whether the service has it all, and what was said."""
    said: list[str] = []

    async def do() -> bool:
        elsewhere = Elsewhere(Destination(address, secret), Spool(file), said.append)
        for play in plays:
            await elsewhere.report(play, "vlc")
        await elsewhere.announce(SINNERMAN, "vlc")
        sent = await elsewhere.send_waiting()
        await elsewhere.close()
        return sent

    return asyncio.run(do()), said


def history(shell: Shell) -> list[tuple[str, int, float]]:
    """Titles, starts and seconds heard, as they are kept, oldest first."""
    with closing(sqlite3.connect(shell.database)) as db:
        return db.execute("SELECT track, timestamp, played FROM play ORDER BY timestamp").fetchall()


def test_plays_wait_on_disk_until_the_service_is_back_and_arrive_once(asking: Shell, tmp_path: Path) -> None:
    token, file, now = asking("token").output.split()[-1], tmp_path / "waiting.db", int(time.time())
    plays = [Finished(SINNERMAN, now - 1000 * n, 400.0) for n in (3, 2, 1)]
    sent, said = reporting("http://127.0.0.1:1", token, file, plays)
    assert not sent
    assert len(said) == 1
    assert "cannot be reached" in said[0]
    assert token not in said[0]
    with service(asking) as (address, out, _):
        assert reporting(address, token, file, []) == (True, [])
        assert reporting(address, token, file, plays[:1]) == (True, [])
        assert out.end() == 0
    assert history(asking) == [("Sinnerman", now - 1000 * n, 400.0) for n in (3, 2, 1)]


def test_plays_stay_on_disk_if_the_token_is_rejected(asking: Shell, tmp_path: Path) -> None:
    file = tmp_path / "waiting.db"
    with service(asking) as (address, out, _):
        sent, said = reporting(address, "wrong", file, [Finished(SINNERMAN, STARTED, 400.0)])
        assert not sent
        assert "does not accept this token" in said[0]
        assert out.end() == 0
    assert Spool(file).oldest() is not None


def test_what_the_service_refuses_for_good_stays_on_disk_and_stops_nothing(asking: Shell, tmp_path: Path) -> None:
    token, file, now = asking("token").output.split()[-1], tmp_path / "waiting.db", int(time.time())
    with service(asking) as (address, out, _):
        plays = [Finished(SINNERMAN, 7.0, 400.0), Finished(SINNERMAN, now - 1000, 400.0)]
        sent, said = reporting(address, token, file, plays)
        assert sent
        assert len(said) == 1
        assert "rejected a play, which stays in" in said[0]
        assert out.end() == 0
    assert history(asking) == [("Sinnerman", now - 1000, 400.0)]
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM waiting WHERE refused LIKE 'HTTP 422%'").fetchone() == (1,)


def test_the_file_of_waiting_plays_is_private(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "waiting.db").close()
    assert (tmp_path / "a" / "waiting.db").stat().st_mode & 0o077 == 0
    with pytest.raises(SpoolBroken, match="waiting"):
        Spool(tmp_path / "a" / "waiting.db" / "waiting.db")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("mpd --to http://127.0.0.1:1", 1, "needs an API token or a player's secret"),
        ("mpd --token-file plays.db", 2, "add --to URL"),
        ("mpris", 1, "no D-Bus session bus"),
        ("mpd --mpd-port 0", 2, "--mpd-port"),
    ],
)
def test_wrong_usage_is_reported_in_a_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: str, status: int, said: str
) -> None:
    monkeypatch.chdir(shell.home)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    done = shell("watch", *words.split())
    assert done.exit_code == status
    assert said in done.output


@pytest.mark.skipif(not installed, reason=WHY_NOT)
def test_what_mpd_plays_arrives_at_a_service_elsewhere(asking: Shell, tmp_path: Path) -> None:
    (tmp_path / "mpd").mkdir()
    files = [(Tags("Nina Simone", "Sinnerman"), 1.5), (Tags("King Crimson", "Red"), 600.0)]
    token = asking("token").output.split()[-1]
    with service(asking) as (address, serving, _), playing(tmp_path / "mpd", files) as mpd:
        elsewhere = {**asking.variables, "TONEARM_WATCH_TO": address, "TONEARM_WATCH_TOKEN": token}
        far = Shell(tmp_path / "mpd", elsewhere)
        with far.running("watch", "mpd", "--mpd-host", str(mpd.socket)) as (out, err):
            err.until("watching MPD")
            mpd.control("play 0")
            mpd.control.until("songid: 2")
            assert out.end() == 0
        assert serving.end() == 0
    assert history(asking)[0][0] == "Sinnerman"


@pytest.mark.skipif(not installed, reason=WHY_NOT)
def test_what_mpd_plays_is_in_the_database_when_it_is_over_or_the_watcher_ends(shell: Shell, tmp_path: Path) -> None:
    files = [(Tags("Nina Simone", "Sinnerman"), 1.5), (Tags("King Crimson", "Red"), 600.0)]
    (tmp_path / "mpd").mkdir()
    with (
        playing(tmp_path / "mpd", files) as mpd,
        shell.running("watch", "mpd", "--mpd-host", str(mpd.socket)) as (out, err),
    ):
        err.until("watching MPD")
        mpd.control("play 0")
        out.until("Nina Simone – Sinnerman: not_authenticated")
        mpd.control.until_heard(1.2)
        assert out.end() == 0
    (first, second) = history(shell)
    assert first[0] == "Sinnerman"
    assert second[0] == "Red"
    assert abs(first[1] + 1.5 - second[1]) <= 2
    assert 0.5 <= first[2] <= 3
    assert second[2] >= 1


def test_a_players_secret_works_instead_of_a_token(asking: Shell, tmp_path: Path) -> None:
    secret, now = asking.facts("player", "add", "Desk", "--kind", "listenbrainz")["secret"], int(time.time())
    with service(asking) as (address, out, _):
        plays = [Finished(SINNERMAN, now - 1000, 300.5), Finished(SINNERMAN, now - 2000, 10.0)]
        assert reporting(address, secret, tmp_path / "waiting.db", plays) == (True, [])
        assert out.end() == 0
    assert history(asking) == [("Sinnerman", now - 2000, 10.0), ("Sinnerman", now - 1000, 300.5)]
    (player,) = asking.facts("player", "list")["players"]
    assert "tonearm watch" in player["program"]


@pytest.mark.parametrize("secret_of", ["player", "listener"])
def test_a_service_elsewhere_gets_all_that_is_known_of_a_track(asking: Shell, tmp_path: Path, secret_of: str) -> None:
    added = asking("player", "add", "Desk", "--kind", "listenbrainz") if secret_of == "player" else asking("token")
    secret, mbid = added.output.split()[-1], "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
    track = replace(SINNERMAN, album_artist="Various Artists", mbid=mbid)
    with service(asking) as (address, out, _):
        plays = [Finished(track, int(time.time()) - 1000, 300.0)]
        assert reporting(address, secret, tmp_path / "waiting.db", plays) == (True, [])
        assert out.end() == 0
    with closing(sqlite3.connect(asking.database)) as db:
        found = db.execute("SELECT artist, track, album, album_artist, duration, track_number, mbid FROM play")
        assert [Track(*row) for row in found] == [track]


@needs_dbus
def test_what_a_desktop_player_plays_is_in_the_database_when_it_stops(shell: Shell, session_bus: str) -> None:
    there = Shell(shell.home, {**shell.variables, "DBUS_SESSION_BUS_ADDRESS": session_bus})

    async def do() -> None:
        with there.running("watch", "mpris", "--ignore", "firefox*") as (out, _):
            await asyncio.to_thread(out.until, "watching the players of this desktop session")
            async with on_the_bus("vlc.instance7") as player, on_the_bus("firefox.instance_1") as browser:
                browser.play("Sinnerman", 300)
                player.play("Sinnerman", 300)
                await player.asked.wait()
            await asyncio.to_thread(out.until, "Nina Simone – Sinnerman: not_authenticated")
            assert await asyncio.to_thread(out.end) == 0

    asyncio.run(asyncio.wait_for(do(), 100))
    (play,) = history(shell)
    assert play[2] >= 300
