"""What a watcher makes of what players say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.watch.recorder import Recorder
from tonearm.core.play import Track
from tonearm.core.session import PATIENCE, Notice, NoticeKind
from tonearm.watch.watcher import Watcher

T0 = 1_764_300_000.0
SINNERMAN = Track("Nina Simone", "Sinnerman", duration=622)
RED = Track("King Crimson", "Red", duration=378)


def at(seconds: float, track: Track, position: float | None, paused: bool = False) -> Notice:
    """A player's notice that many seconds into the test."""
    return Notice(NoticeKind.PROGRESS, T0 + seconds, track, position, paused=paused)


def watched(work: Callable[[Watcher], Awaitable[None]]) -> Recorder:
    """What a watcher has reported after this."""
    recorder = Recorder()

    async def do() -> None:
        await work(Watcher(recorder))

    asyncio.run(do())
    return recorder


def heard(recorder: Recorder) -> list[tuple[str, float, float]]:
    """Title, start from the beginning of the test, and seconds heard."""
    return [(f.track.title, round(f.start - T0, 1), round(f.played or 0, 1)) for f in recorder.finished]


def test_each_track_is_announced_at_its_start_and_reported_at_its_end() -> None:
    async def work(watcher: Watcher) -> None:
        for second in range(0, 620, 10):
            await watcher.notice("a", at(second, SINNERMAN, second))
        await watcher.notice("a", at(622, RED, 0))
        await watcher.stopped("a", T0 + 630)

    recorder = watched(work)
    assert recorder.announced == ["Sinnerman", "Red"]
    assert heard(recorder) == [("Sinnerman", 0, 622), ("Red", 622, 8)]


def test_a_pause_is_not_heard_and_two_players_do_not_disturb_each_other() -> None:
    async def work(watcher: Watcher) -> None:
        await watcher.notice("a", at(0, SINNERMAN, 0))
        await watcher.notice("b", at(1, RED, 0))
        await watcher.notice("a", at(10, SINNERMAN, 10, paused=True))
        await watcher.notice("b", at(20, RED, 19))
        await watcher.notice("a", at(500, SINNERMAN, 10))
        await watcher.notice("a", at(510, SINNERMAN, 20))
        await watcher.close(T0 + 511)

    assert sorted(heard(watched(work))) == [("Red", 1, 79), ("Sinnerman", 0, 21)]


def test_a_player_that_was_gone_for_a_moment_has_played_on() -> None:
    async def work(watcher: Watcher) -> None:
        await watcher.notice("mpd", at(0, SINNERMAN, 0))
        await watcher.notice("mpd", at(100, SINNERMAN, 100))
        watcher.lost("mpd", T0 + 100)
        watcher.lost("mpd", T0 + 120)
        await watcher.look(T0 + 130)
        await watcher.notice("mpd", at(140, SINNERMAN, 140))
        await watcher.stopped("mpd", T0 + 150)

    recorder = watched(work)
    assert heard(recorder) == [("Sinnerman", 0, 150)]
    assert recorder.announced == ["Sinnerman"]


def test_a_player_that_does_not_come_back_is_reported_as_far_as_it_was_seen() -> None:
    async def work(watcher: Watcher) -> None:
        await watcher.notice("mpd", at(0, SINNERMAN, 0))
        await watcher.notice("mpd", at(50, SINNERMAN, 50))
        watcher.lost("mpd", T0 + 50)
        await watcher.look(T0 + 50 + PATIENCE)
        await watcher.look(T0 + 51 + PATIENCE)

    assert heard(watched(work)) == [("Sinnerman", 0, 50)]


def test_what_was_skipped_at_once_and_what_has_no_artist_is_not_reported() -> None:
    async def work(watcher: Watcher) -> None:
        await watcher.notice("a", at(0, SINNERMAN, 0))
        await watcher.notice("a", at(0.5, RED, 0))
        await watcher.notice("a", at(0.9, Track("\u200b", "A video"), 0))
        await watcher.stopped("a", T0 + 100)
        await watcher.close(T0 + 100)

    assert heard(watched(work)) == []
