"""An import of loved tracks: every page, each counted once, and it continues where it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs

import httpx2
import pytest
from sqlalchemy import Connection, insert, select, update

from lastfm_emulator.transport import Direct
from tests.listening import library_row
from tests.service.conftest import HOUR, During, House, Room
from tonearm.core.event import ImportProgress
from tonearm.core.loved import ImportCounts
from tonearm.core.play import Track
from tonearm.deck import ImportFailed
from tonearm.service import loved_import
from tonearm.service.hourly_import import RESUME_WITHIN
from tonearm.service.loved_import import PAGE, TRIES
from tonearm.store import jobs, library, loved, runs
from tonearm.store.db.schema import job_run as run_table
from tonearm.store.db.schema import library as library_table
from tonearm.store.db.schema import loved as loved_table
from tonearm.store.db.sqlite_writer import DataFault
from tonearm.store.runs import RunState

pytestmark = pytest.mark.anyio

METHOD = ["user.getLovedTracks"]
SHORT = 100


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a tenth of their length: a list of several pages is made, matched and written ten times as quickly."""
    monkeypatch.setattr(loved_import, "PAGE", SHORT)
    monkeypatch.setattr(loved_import, "TRIES", tuple(size * SHORT // PAGE for size in TRIES))


def loves(room: Room, *numbers: int, user: str = "RJ") -> None:
    """That user loves these songs, the last of them the latest."""
    account = room.emulator.known_user(user)
    for number in numbers:
        account.heart("Nina Simone", f"Song {number}", room.now - 1_000_000 + number)


async def has(room: Room, *numbers: int, artist: str = "Nina Simone") -> None:
    """The library holds these songs."""
    rows = [library_row(f"/{artist}/{n}.mp3", artist, f"Song {n}") for n in numbers]
    await room.deck.store.write(lambda db: library.write(db, room.me.id, rows))


async def hearts(room: Room) -> int:
    return len(await room.deck.store.read(lambda db: library.loved(db, room.me.id)))


async def test_nothing_loved_is_an_import_too(room: Room) -> None:
    room.emulator.known_user("RJ")
    assert await room.me.import_loved() == ImportCounts()


@pytest.mark.parametrize("quirk", [None, "single-object"])
async def test_one_loved_track_gets_its_heart(room: Room, quirk: str | None) -> None:
    if quirk:
        room.emulator.fault(quirk)
    loves(room, 1)
    await has(room, 1, 2)
    assert await room.me.import_loved() == ImportCounts(imported=1)
    assert await hearts(room) == 1


async def test_all_pages_are_imported_and_a_second_time_nothing_changes(room: Room) -> None:
    loves(room, *range(1200))
    await has(room, *range(900))
    assert await room.me.import_loved() == ImportCounts(imported=900, missing=300)
    assert await hearts(room) == 900
    assert [entry.outcome for entry in room.house.calls("user.getLovedTracks")] == ["ok"] * 2
    assert await room.me.import_loved() == ImportCounts(already=900, missing=300)
    assert await hearts(room) == 900


async def test_names_are_matched_by_more_than_their_letters(room: Room) -> None:
    account = room.emulator.known_user("RJ")
    account.heart("NINA SIMONE", "song 1", room.now)
    account.heart("Nina Simone", "Song 1 (Remastered)", room.now + 1)
    await has(room, 1)
    found = await room.me.import_loved()
    assert (found.imported, found.doubtful, found.total) == (1, 1, 2)


async def test_an_artist_that_lastfm_renames_is_loved_under_both_names(room: Room) -> None:
    room.emulator.correct_artist("Utada Hikaru", "宇多田ヒカル")
    await room.me.scrobble(Track("Utada Hikaru", "First Love", duration=200), started_at=room.now - HOUR, played=150)
    await room.until_empty()
    room.emulator.known_user("RJ").heart("宇多田ヒカル", "Song 1", room.now)
    await has(room, 1, artist="Utada Hikaru")
    assert await room.me.import_loved() == ImportCounts(imported=1)


async def test_a_file_of_several_artists_is_loved_under_each_credit(room: Room) -> None:
    account = room.emulator.known_user("RJ")
    account.heart("Alice", "Song 1", room.now)
    account.heart("Alice, Bob", "Song 2", room.now + 1)
    await has(room, 1, 2, artist="Alice & Bob")
    await room.deck.store.write(lambda db: db.execute(update(library_table).values(artists=["Alice", "Bob"])))
    assert await room.me.import_loved() == ImportCounts(imported=2)


async def test_what_was_found_is_kept_by_outcome(room: Room) -> None:
    loves(room, 1, 2)
    await has(room, 1)
    await room.me.import_loved()

    def outcomes(db: Connection) -> set[tuple[str, str]]:
        rows = db.execute(select(loved_table.c.track, loved_table.c.outcome))
        return {(track, outcome) for track, outcome in rows}

    assert await room.deck.store.read(outcomes) == {("Song 1", "matched"), ("Song 2", "missing")}


@pytest.mark.usefixtures("short_pages")
async def test_an_import_says_how_far_it_is(room: Room) -> None:
    loves(room, *range(250))
    await room.me.import_loved()
    await room.house.clock.still()
    published = [event for event in room.events if isinstance(event, ImportProgress)]
    assert [(event.done, event.total) for event in published] == [(100, 250), (200, 250), (250, 250)]
    assert len({event.job for event in published}) == 1


@pytest.mark.usefixtures("short_pages")
async def test_a_page_that_fails_is_requested_again(room: Room) -> None:
    loves(room, *range(150))
    await has(room, *range(150))
    room.emulator.fault("error", error=8, methods=METHOD, after=1, calls=2)
    assert await room.me.import_loved() == ImportCounts(imported=150)


@pytest.mark.usefixtures("short_pages")
async def test_an_import_that_fails_says_why_and_continues_from_its_page(room: Room) -> None:
    loves(room, *range(250))
    await has(room, *range(250))
    room.emulator.fault("error", error=8, methods=METHOD, after=2)
    with pytest.raises(ImportFailed, match="error 8"):
        await room.me.import_loved()
    assert await hearts(room) == 200
    room.emulator.clear_faults()
    before = len(room.house.calls("user.getLovedTracks"))
    assert await room.me.import_loved() == ImportCounts(imported=250)
    assert len(room.house.calls("user.getLovedTracks")) == before + 1


@pytest.mark.usefixtures("short_pages")
async def test_an_import_that_failed_long_ago_starts_over(room: Room) -> None:
    loves(room, *range(150))
    room.emulator.fault("error", error=8, methods=METHOD, after=1)
    with pytest.raises(ImportFailed):
        await room.me.import_loved()
    room.emulator.clear_faults()
    await room.wait(RESUME_WITHIN)
    assert await room.me.import_loved() == ImportCounts(missing=150)


@pytest.mark.parametrize("error", [6, 10, 17, 26])
async def test_what_no_patience_mends_is_not_tried_again(room: Room, error: int) -> None:
    room.emulator.known_user("RJ")
    room.emulator.fault("error", error=error, methods=METHOD)
    with pytest.raises(ImportFailed, match=f"error {error}"):
        await room.me.import_loved()
    assert len(room.house.calls("user.getLovedTracks")) == 1


@pytest.mark.usefixtures("short_pages")
async def test_an_import_that_a_crash_interrupted_continues_by_itself(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        loves(room, *range(150))
        await has(room, *range(150))
        run = await room.deck.loved_import.start(room.me.id)
        half = replace(run, cursor=2, done=SHORT, total=150, counts={"imported": SHORT})
        await room.deck.store.write(lambda db: runs.write(db, half, run.cursor))
    async with house.open() as room:
        over = await room.deck.loved_import.finished(room.me.id, run.id)
        assert (over.state, over.done, over.counts["imported"]) == (RunState.DONE, 150, 150)
    assert len(house.calls("user.getLovedTracks")) == 1


@pytest.mark.usefixtures("short_pages")
async def test_an_import_of_one_user_does_not_continue_with_another_users_list(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        loves(room, *range(150))
        loves(room, *range(5000, 5150), user="Somebody Else")
        await has(room, *range(150))
        await room.deck.loved_import.start(room.me.id)
        await room.me.sign_out()
        await room.sign_in("Somebody Else")
    async with house.open() as room:
        await room.wait(HOUR)
        found = await room.me.import_loved()
        assert (found.imported, found.missing) == (0, 150)
        assert await hearts(room) == 0


async def test_who_asks_twice_joins_the_import_that_continues(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        first, again = await room.deck.loved_import.start(room.me.id), await room.deck.loved_import.start(room.me.id)
        assert first.id == again.id
        assert await room.deck.loved_import.job(room.me.id, 99) is None
        assert await room.deck.loved_import.job(room.me.id + 1, first.id) is None


async def test_without_a_key_there_is_no_import(house: House) -> None:
    async with house.open(api_key="", api_secret="") as room:
        with pytest.raises(ImportFailed, match="no API key"):
            await room.me.import_loved()


async def test_an_import_waits_while_requests_are_throttled(room: Room) -> None:
    loves(room, 1)
    await has(room, 1)
    room.emulator.fault("error", error=29, methods=METHOD, calls=1)
    with pytest.raises(ImportFailed, match=r"requests to Last\.fm are paused"):
        await room.me.import_loved()
    await room.wait(HOUR)
    found = await room.me.import_loved()
    assert found == ImportCounts(imported=1)
    at = [entry.at for entry in room.house.calls("user.getLovedTracks")]
    assert at[-1] - at[0] >= 60


async def test_an_import_without_a_run_does_nothing(room: Room) -> None:
    assert await room.deck.loved_import.continue_run(room.me.id) is None
    assert await room.deck.store.read(lambda db: room.deck.loved_import.due(db, room.now)) == []


async def test_two_loved_lists_do_not_mix(room: Room) -> None:
    rows = [{"artist": "a", "track": "t", "mbid": "", "loved_at": 1, "outcome": "matched"}]
    other = await room.deck.listener("other")
    for listener in (room.me, other, other):
        await room.deck.store.write(partial(loved.write, account=listener.id, rows=rows))
    count = await room.deck.store.read(lambda db: len(list(db.execute(select(loved_table)))))
    assert count == 2


async def test_what_is_chosen_among_several_files_gets_the_heart_and_is_not_asked_again(room: Room) -> None:
    account = room.emulator.known_user("RJ")
    account.heart("Nina Simone", "Song 1 (Remastered)", room.now)
    account.heart("Nina Simone", "Song 2 (Live)", room.now + 1)
    await has(room, 1, 2)
    assert await room.me.import_loved() == ImportCounts(doubtful=2)
    live, remastered = await room.deck.store.read(lambda db: loved.listing(db, room.me.id, "doubtful", 10))
    assert (live.title, [file.title for file in live.files]) == ("Song 2 (Live)", ["Song 2"])
    choose = room.deck.loved_import.choose
    assert await choose(room.me.id, remastered.id, remastered.files[0].id)
    assert await choose(room.me.id, live.id, None)
    assert await hearts(room) == 1
    assert await room.deck.store.read(lambda db: loved.counts(db, room.me.id)) == {"matched": 1, "missing": 1}
    assert await room.me.import_loved() == ImportCounts(already=1, missing=1)
    assert await hearts(room) == 1
    assert await choose(room.me.id, live.id, live.files[0].id) is False  # it is not in question any more
    again = await room.deck.store.read(lambda db: loved.listing(db, room.me.id, "missing", 10))
    assert [(track.title, track.chosen) for track in again] == [("Song 2 (Live)", 0)]


async def test_nothing_but_the_files_in_question_can_be_chosen(room: Room) -> None:
    account = room.emulator.known_user("RJ")
    account.heart("Nina Simone", "Song 1 (Remastered)", room.now)
    await has(room, 1)
    await has(room, 1, artist="Somebody Else")
    await room.me.import_loved()
    (track,) = await room.deck.store.read(lambda db: loved.listing(db, room.me.id, "doubtful", 10))
    other = await room.deck.listener("other")
    choose = room.deck.loved_import.choose
    assert await choose(room.me.id, track.id, 99) is False
    assert await choose(room.me.id, 99, None) is False
    assert await choose(other.id, track.id, track.files[0].id) is False
    assert await hearts(room) == 0


@pytest.mark.usefixtures("short_pages")
async def test_what_is_no_longer_loved_loses_its_heart_with_the_next_import(room: Room) -> None:
    loves(room, *range(150))
    await has(room, *range(150))
    await room.me.import_loved()
    room.emulator.known_user("RJ").unheart("Nina Simone", "Song 7")
    assert await room.me.import_loved() == ImportCounts(already=149)
    assert await hearts(room) == 149
    found = await room.deck.store.read(lambda db: loved.counts(db, room.me.id))
    assert found == {"matched": 149}


@pytest.mark.usefixtures("short_pages")
async def test_a_list_that_changed_during_its_import_takes_no_heart_away(house: House) -> None:
    """A page that has moved up hides a track from us that is loved all the same."""
    during = During(house.emulator, "user.getLovedTracks")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()
        loves(room, *range(150))
        await has(room, *range(150))
        await room.me.import_loved()

        async def unloves() -> None:
            room.emulator.known_user("RJ").unheart("Nina Simone", "Song 149")

        async def nothing() -> None:
            during.happens.append(unloves)

        during.happens.append(nothing)
        await room.me.import_loved()
        assert await hearts(room) == 150
        await room.me.import_loved()
        assert await hearts(room) == 149


@pytest.mark.usefixtures("short_pages")
async def test_whoever_signs_in_next_ends_an_import_and_begins_with_their_own_list(house: House) -> None:
    during = During(house.emulator, "user.getLovedTracks")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()
        loves(room, *range(150))
        loves(room, *range(5000, 5003), user="Somebody Else")
        await has(room, *range(150), *range(5000, 5003))

        async def takes_over() -> None:
            token = (await room.me.sign_in()).token  # type: ignore[union-attr]
            room.emulator.approve(token or "", "Somebody Else")
            await room.me.finish_sign_in(token or "")

        during.happens.append(takes_over)
        with pytest.raises(ImportFailed, match="no longer signed in"):
            await room.me.import_loved()
        assert await hearts(room) == 0
        assert await room.me.import_loved() == ImportCounts(imported=3)
        await room.sign_in()
        assert await room.me.import_loved() == ImportCounts(imported=150)
        assert await hearts(room) == 150


@pytest.mark.usefixtures("calm")
async def test_an_import_without_a_session_says_so(house: House) -> None:
    async with house.open() as room:
        with pytest.raises(ImportFailed, match="not signed in"):
            await room.me.import_loved()
        run = await room.deck.loved_import.start(room.me.id)  # as a retry of a job does
        assert (await room.deck.loved_import.finished(room.me.id, run.id)).failure == runs.LEFT


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "nobody delivers"])
async def test_waiting_for_an_import_that_no_process_runs_ends(house: House, paused: bool) -> None:
    async with house.open(deliver=paused) as room:
        await room.sign_in()
        if paused:
            await room.deck.jobs.pause("import")
            await room.deck.jobs.pause("enrich")
        words = "import is paused" if paused else "no process is sending"
        with pytest.raises(ImportFailed, match=words):
            await room.me.import_loved()
        with pytest.raises(ImportFailed, match=words.replace("import", "enrich")):
            await room.me.enrich()


async def test_who_waits_for_an_import_that_broke_is_answered(room: Room) -> None:
    now = room.now
    broken = jobs.JobFailure("import", room.me.id, 1, now, now + HOUR, "KeyError at loving.py:1")
    await room.deck.store.write(lambda db: jobs.remember_failure(db, broken))
    await room.wait(5)
    with pytest.raises(ImportFailed, match="it failed"):
        await room.me.import_loved()


async def test_two_runs_of_one_kind_never_continue_for_one_account(room: Room) -> None:
    def twice(db: Connection) -> None:
        row = {"account": room.me.id, "kind": "enrich", "state": "running"}
        db.execute(insert(run_table).values(**row))
        db.execute(insert(run_table).values(**row))

    with pytest.raises(DataFault):
        await room.deck.store.write(twice)


@pytest.mark.parametrize("kind", ["loved_import", "enrichment"])
async def test_two_who_begin_at_once_share_one_run(house: House, kind: str) -> None:
    async with house.open(deliver=False) as room:  # else the run may be over before the second begins
        await room.sign_in()
        begin = getattr(room.deck, kind).start
        first, second = await asyncio.gather(begin(room.me.id), begin(room.me.id))
        assert first.id == second.id


class WithoutLongPages(Direct):
    """A Last.fm that cannot give pages as long as this: it answers them with a 500."""

    longest = 200

    def handle(self, request: httpx2.Request) -> httpx2.Response | None:
        """The failure of a page that is too long."""
        asked = parse_qs(request.content.decode() or request.url.query.decode())
        too_long = asked["method"] == METHOD and int(asked["limit"][0]) > self.longest
        return httpx2.Response(500, content=b"<html>", request=request) if too_long else None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return self.handle(request) or await super().handle_async_request(request)


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("longest", [20, 5])
async def test_pages_that_lastfm_cannot_return_are_requested_in_shorter_ones(house: House, longest: int) -> None:
    line = WithoutLongPages(house.emulator)
    line.longest = longest
    async with httpx2.AsyncClient(transport=line) as http, house.open(http=http) as room:
        await room.sign_in()
        loves(room, *range(123))
        await has(room, *range(100))
        assert await room.me.import_loved() == ImportCounts(imported=100, missing=23)
        assert room.events[-1] == ImportProgress(1, 123, 123)


async def test_the_number_of_lastfms_error_reaches_the_caller(room: Room) -> None:
    loves(room, 1)
    room.emulator.fault("error", error=17, methods=METHOD)
    with pytest.raises(ImportFailed) as failed:
        await room.me.import_loved()
    assert failed.value.error_code == 17
    run = await room.deck.loved_import.latest(room.me.id)
    assert run
    assert run.error_code == 17


@pytest.mark.usefixtures("short_pages")
async def test_an_import_that_another_process_has_taken_on_is_left_to_it(house: House) -> None:
    during = During(house.emulator, "user.getLovedTracks")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http, deliver=False) as room:
        await room.sign_in()
        loves(room, *range(250))
        run = await room.deck.loved_import.start(room.me.id)

        async def another_was_quicker() -> None:
            moved = replace(run, cursor=2, done=SHORT, total=250)
            assert await room.deck.store.write(lambda db: runs.write(db, moved, run.cursor))

        during.happens.append(another_was_quicker)
        assert await room.deck.loved_import.continue_run(room.me.id) is None
        assert len(house.calls("user.getLovedTracks")) == 1
        assert not [event for event in room.events if isinstance(event, ImportProgress)]
