"""The history at Last.fm comes home: each play once, also what tonearm sent, and over interruptions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import update

from lastfm_emulator.account import Play
from tests.history.files import AT, write, write_json
from tests.service.conftest import DAY, HOUR, During, House, Room
from tonearm.core.play import Track
from tonearm.history.play import ReadOptions
from tonearm.service.history_from_lastfm import NotImported
from tonearm.service.history_import import ImportResult
from tonearm.store.db.schema import account
from tonearm.store.history_imports import ImportState

pytestmark = pytest.mark.anyio

METHOD = "user.getRecentTracks"


def scrobbled(room: Room, *starts: int, title: str = "", artist: str = "Nina Simone", user: str = "RJ") -> None:
    """Plays that another app has sent."""
    for start in starts:
        name = title or f"Song {start}"
        play = Play(artist, name, start, sent_artist=artist, sent_track=name)
        assert room.emulator.known_user(user).keep(play)


async def brought(room: Room) -> ImportResult:
    return await room.deck.history_from_lastfm.run(room.me.id, lambda done, total: None)


async def starts(room: Room) -> list[int]:
    parts = [part async for part in room.deck.history_export.parts(room.me.id)]
    return [play.timestamp for part in parts for play in part]


async def test_every_play_of_the_profile_comes_home_once(room: Room) -> None:
    every = [AT + n // 3 * 60 for n in range(2500)]  # three in each of these seconds, also where two pages meet
    for place, start in enumerate(every):
        scrobbled(room, start, title=f"Song {place}")
    assert await room.deck.history_from_lastfm.waiting(room.me.id) == 2500
    found = await brought(room)
    assert (found.new, found.known, found.first, found.last) == (2500, 0, every[0], every[-1])
    assert await starts(room) == every
    assert set(await room.fates()) == {"imported"}
    assert await room.length() == 0
    again = await brought(room)
    assert (again.new, again.doubtful) == (0, 0)
    assert await starts(room) == every


async def test_an_empty_profile_is_imported(room: Room) -> None:
    room.emulator.known_user("RJ")
    assert (await brought(room)).new == 0


async def test_later_imports_look_only_at_what_may_be_new(room: Room) -> None:
    now = int(room.now)
    scrobbled(room, *(AT + n for n in range(1500)), now - 86400)
    await brought(room)
    calls = len(room.house.calls(METHOD))
    scrobbled(room, now - 3600, now - int(10 * DAY))  # one of them is ten days late
    found = await brought(room)
    assert (found.new, found.known) == (2, 1)
    assert len(room.house.calls(METHOD)) == calls + 1


async def test_what_tonearm_sent_is_known_also_under_the_name_that_last_fm_corrects(room: Room) -> None:
    room.emulator.correct_artist("Nina Simone", "Nina Simone (singer)")
    await room.play(1)
    await room.until_empty()
    (kept,) = await room.history()
    assert kept.correction
    found = await brought(room)
    assert (found.new, found.known) == (0, 1)
    assert len(await room.history()) == 1
    assert len(room.house.calls()) == 1


async def test_plays_that_arrive_meanwhile_hide_none(house: House) -> None:
    network = During(house.emulator, METHOD)
    async with httpx2.AsyncClient(transport=network) as http, house.open(http=http) as room:
        await room.sign_in()
        scrobbled(room, *(AT + n * 60 for n in range(3000)))

        async def arrive() -> None:
            """Many new ones, and one from an offline player that is earlier than what is still to be read."""
            scrobbled(room, *(int(room.now) - n for n in range(50)))
            scrobbled(room, AT + 2990 * 60 + 7)

        async def later() -> None:
            network.happens.append(arrive)

        network.happens.append(later)
        await brought(room)
        here = set(await starts(room))
        assert here >= {AT + n * 60 for n in range(3000)}
        assert AT + 2990 * 60 + 7 in here


async def test_an_import_that_fails_continues_where_it_stopped(room: Room) -> None:
    scrobbled(room, *(AT + n * 60 for n in range(3500)))
    room.emulator.fault("error", error=8, methods=[METHOD], after=2)
    with pytest.raises(NotImported, match="error 8"):
        await brought(room)
    assert len(await starts(room)) == 500
    room.emulator.clear_faults()
    found = await brought(room)
    assert (found.new, found.known, found.first, found.last) == (3500, 0, AT, AT + 3499 * 60)
    assert len(await starts(room)) == 3500
    (only,) = await room.deck.history_import.listed(room.me.id)
    assert only.state is ImportState.DONE
    assert await room.deck.history_import.undo(room.me.id, only.id, lambda done, total: None) == 3500


async def test_a_long_page_that_fails_is_read_in_shorter_ones(room: Room) -> None:
    scrobbled(room, *(AT + n * 60 for n in range(1200)))
    room.emulator.fault("error", error=8, methods=[METHOD], calls=2)
    assert (await brought(room)).new == 1200


async def test_a_private_profile_is_read_with_its_own_session(room: Room) -> None:
    user = room.emulator.known_user("RJ")
    user.private = True
    scrobbled(room, AT)
    assert (await brought(room)).new == 1


async def test_a_public_profile_needs_no_session(room: Room) -> None:
    scrobbled(room, AT)
    room.emulator.revoke("RJ")
    await room.play(0)
    await room.wait(60)
    assert (await room.me.account()).connection == "needs_sign_in"
    assert (await brought(room)).new == 1


async def test_who_is_not_signed_in_is_reported(house: House) -> None:
    async with house.open() as room:
        with pytest.raises(NotImported, match="tonearm login"):
            await brought(room)


async def test_histories_of_several_profiles_stay_apart(room: Room) -> None:
    scrobbled(room, AT)
    await brought(room)
    await room.sign_in("Other")
    scrobbled(room, AT + 10, title=f"Song {AT}", user="Other")
    assert (await brought(room)).new == 1
    assert len(await starts(room)) == 2


async def undo(room: Room, import_id: int | None) -> int:
    assert import_id is not None
    return await room.deck.history_import.undo(room.me.id, import_id, lambda done, total: None)


async def test_a_play_of_two_profiles_is_one_and_stays_while_either_has_it(room: Room) -> None:
    scrobbled(room, *(AT + n * 300 for n in range(5)))
    mine = await brought(room)
    await room.sign_in("Other")
    scrobbled(room, *(AT + n * 300 for n in range(3, 8)), user="Other")
    theirs = await brought(room)
    assert (theirs.new, theirs.known) == (3, 2)
    assert await starts(room) == [AT + n * 300 for n in range(8)]
    assert await undo(room, mine.id) == 3
    assert await starts(room) == [AT + n * 300 for n in range(3, 8)]
    listed = {one.id: one for one in await room.deck.history_import.listed(room.me.id)}
    assert theirs.id is not None
    assert (listed[theirs.id].counts["new"], listed[theirs.id].counts["known"]) == (5, 0)
    assert (await brought(room)).new == 0
    await room.sign_in("RJ")
    assert ((again := await brought(room)).new, again.known) == (3, 2)
    assert await undo(room, theirs.id) == 3
    assert await starts(room) == [AT + n * 300 for n in range(5)]
    assert await undo(room, again.id) == 5
    assert await starts(room) == []


async def test_a_profile_and_a_file_at_the_same_time_add_no_play_twice(room: Room, tmp_path: Path) -> None:
    every = [AT + n * 300 for n in range(1500)]
    scrobbled(room, *every)
    table = "\n".join(["uts,artist,track", *(f"{start + 5},Nina Simone,Song {start}" for start in every)])
    run = room.deck.history_import.run
    done = run(room.me.id, [write(tmp_path, table)], ReadOptions(), lambda done, total: None, apply=True)
    found, (file,) = await asyncio.gather(brought(room), done)
    assert found.new + file.new == 1500
    assert len(await starts(room)) == 1500


async def test_a_profiles_import_keeps_what_a_file_imported_before(room: Room, tmp_path: Path) -> None:
    table = "\n".join(["uts,artist,track", *(f"{AT + n * 300 + 5},Nina Simone,Song {AT + n * 300}" for n in range(3))])
    [file] = await room.deck.history_import.run(
        room.me.id, [write(tmp_path, table)], ReadOptions(), lambda done, total: None, apply=True
    )
    scrobbled(room, AT, AT + 300)
    found = await brought(room)
    assert (found.new, found.known) == (0, 2)
    lately = int(room.now) - 900
    scrobbled(room, lately)
    later = await brought(room)
    assert later.new == 1
    assert await undo(room, file.id) == 1
    assert await starts(room) == [AT + 5, AT + 305, lately]
    assert await undo(room, later.id) + await undo(room, found.id) == 3


async def test_a_stream_that_was_paused_is_known_by_when_it_began(room: Room, tmp_path: Path) -> None:
    stream = {
        "ts": "2020-09-13T12:26:40Z",
        "ms_played": 200_000,
        "master_metadata_track_name": "Sinnerman",
        "master_metadata_album_artist_name": "Nina Simone",
        "master_metadata_album_album_name": "Pastel Blues",
        "offline_timestamp": AT - 1900,
    }
    path = write_json(tmp_path, [stream])
    await room.deck.history_import.run(room.me.id, [path], ReadOptions(), lambda done, total: None, apply=True)
    assert await starts(room) == [AT - 200]
    scrobbled(room, AT - 8000, AT - 1890, title="Sinnerman")  # the second was paused for half an hour
    found = await brought(room)
    assert (found.new, found.known) == (1, 1)
    assert await starts(room) == [AT - 8000, AT - 200]


async def test_an_import_keeps_what_is_undone_elsewhere_while_it_runs(house: House, tmp_path: Path) -> None:
    network = During(house.emulator, METHOD)
    async with httpx2.AsyncClient(transport=network) as http, house.open(http=http, deliver=False) as room:
        await room.sign_in()
        lately = int(room.now - DAY)
        scrobbled(room, *(lately + n * 30 for n in range(1100)))
        await brought(room)
        [file] = await room.deck.history_import.run(
            room.me.id,
            [write(tmp_path, f"uts,artist,track\n{lately - 500},Nina Simone,Song {lately - 500}\n")],
            ReadOptions(),
            lambda done, total: None,
            apply=True,
        )
        scrobbled(room, lately - 500)

        async def undone() -> None:
            assert await undo(room, file.id) == 0

        async def nothing() -> None:
            """The oldest page has not been asked for yet."""

        network.happens += [undone, nothing, nothing]
        again = await brought(room)
        assert network.happens == []
        assert len(await starts(room)) == 1101
        assert await undo(room, again.id) == 1
        assert len(await starts(room)) == 1100


async def test_what_was_sent_to_one_profile_is_not_known_at_another(room: Room) -> None:
    await room.play(1)
    await room.until_empty()
    (sent,) = await room.history()
    await room.sign_in("Other")
    scrobbled(room, sent.play.timestamp + 20, title=sent.play.track.title, artist=sent.play.track.artist, user="Other")
    assert (await brought(room)).new == 1
    scrobbled(room, sent.play.timestamp, title=sent.play.track.title, artist=sent.play.track.artist, user="Other")
    found = await brought(room)
    assert (found.new, len(await room.history()), await room.length()) == (0, 2, 0)
    await room.sign_in("RJ")
    assert (await brought(room)).known == 1


async def test_a_session_that_is_damaged_is_reported(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.deck.store.write(lambda db: db.execute(update(account).values(lastfm_session_key="damaged")))
        with pytest.raises(NotImported, match="sign in again"):
            await brought(room)


@pytest.mark.parametrize("file_first", [False, True])
async def test_what_is_on_last_fm_already_is_not_sent_when_a_player_reports_it(
    room: Room, tmp_path: Path, file_first: bool
) -> None:
    start = int(room.now - HOUR)
    scrobbled(room, start, title="Sinnerman")
    if file_first:
        path = write(tmp_path, f"uts,artist,track\n{start},Nina Simone,Sinnerman\n")
        await room.deck.history_import.run(room.me.id, [path], ReadOptions(), lambda done, total: None, apply=True)
    await brought(room)

    async def said(by: int, title: str = "Sinnerman", played: float = 400) -> str:
        track = Track("NINA SIMONE" if by else "Nina Simone", title, duration=622)
        taken = await room.me.scrobble(track, started_at=start + by, played=played, reporter="a player")
        return taken.status

    assert [await said(0), await said(2), await said(-3)] == ["duplicate"] * 3
    assert await room.fates() == ["suspected", "imported", "suspected"]
    (kept, *_) = await room.history()
    assert kept.reason == "looks like play 1, imported for the same time; not sent unless you choose to"
    assert [await said(700), await said(300, "Four Women")] == ["queued"] * 2
    await room.until_empty()
    assert sorted(room.arrived()) == ["Four Women", "Sinnerman", "Sinnerman"]
