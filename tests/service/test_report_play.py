"""A play is reported: judged by the listener's rule, on disk before it is acknowledged, and published to
subscribers.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.databases import only_sqlite
from tests.service.conftest import DAY, HOUR, House, Room, songs
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import MissingName, Play, Track
from tonearm.core.report import Basis, Listening, Stamp
from tonearm.lastfm.rules import LASTFM
from tonearm.service import report_play
from tonearm.service.repeated_reports import nearest_of
from tonearm.service.report import NotATime, NotPlays, Report, ReportResult, UnknownListener
from tonearm.service.take_reports import take
from tonearm.store.admin import erase
from tonearm.store.db.database import connect
from tonearm.store.db.sqlite_writer import StoreUnavailable

pytestmark = pytest.mark.anyio

SONG = Track("Nina Simone", "Sinnerman", duration=622)


async def test_a_play_is_on_disk_when_it_is_acknowledged(room: Room) -> None:
    start = int(room.now - HOUR)
    taken = await room.me.scrobble(SONG, started_at=start, played=320)
    assert taken == ReportResult("queued", 1, "saved, waiting to be sent to Last.fm", 320, 240)
    other = connect(room.deck.store.url, writes=False)
    with other.connect() as db:
        rows = db.exec_driver_sql("SELECT artist, track, timestamp FROM play").all()
    other.dispose()
    assert [tuple(row) for row in rows] == [("Nina Simone", "Sinnerman", start)]


async def test_all_facts_of_a_play_reach_lastfm(room: Room) -> None:
    track = Track("Nina Simone", "Sinnerman", "Pastel Blues", "Various Poets", 622.4, 9, "an-mbid")
    start = int(room.now - HOUR)
    await room.me.scrobble(track, started_at=start, played=300, chosen_by_user=False)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    names = ("Nina Simone", "Sinnerman", "Pastel Blues", "Various Poets")
    assert (play.artist, play.track, play.album, play.album_artist) == names
    assert (play.duration, play.track_number, play.mbid) == (622, 9, "an-mbid")
    assert (play.timestamp, play.chosen_by_user) == (start, False)


@pytest.mark.parametrize(
    ("played", "age", "status", "fate", "message"),
    [
        pytest.param(100, HOUR, "queued", "queued", "saved, waiting to be sent", id="half was heard"),
        pytest.param(
            71, HOUR, "threshold_not_met", "threshold_not_met", "heard 71 s of 200 s, needs 100 s", id="less than half"
        ),
        pytest.param(150, 15 * DAY, "too_old", "expired", "older than 14 days", id="15 days ago"),
        pytest.param(150, -HOUR, "queued", "queued", "starts in the future: on hold until then", id="in an hour"),
    ],
)
async def test_the_answer_says_what_happened_to_a_report(
    house: House, played: float, age: float, status: str, fate: str, message: str
) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        taken = await room.play(1, age, played=played)
        assert taken.status == status
        assert message in taken.message
        assert (taken.heard, taken.needed) == (played, 100)
        [waited] = await room.history()
        assert (waited.id, waited.fate) == (taken.id, fate)
        assert (waited.settled_at is None) == (fate == "queued")
        assert await room.length() == (status == "queued")


async def test_a_listener_who_switched_scrobbling_off_keeps_a_history(room: Room) -> None:
    await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
    assert (await room.play(1)).status == "disabled"
    assert (await room.fates(), await room.length()) == (["disabled"], 0)


async def test_a_listener_who_never_signed_in_keeps_a_history(house: House) -> None:
    async with house.open() as room:
        assert (await room.play(1)).status == "not_authenticated"
        assert (await room.fates(), await room.length()) == (["not_authenticated"], 0)


async def test_a_threshold_takes_effect_at_once(room: Room) -> None:
    await room.deck.accounts.change_settings(room.me.id, enabled=None, threshold=100)
    assert (await room.play(1, played=199)).status == "threshold_not_met"
    await room.deck.accounts.change_settings(room.me.id, enabled=None, threshold=25)
    assert (await room.play(2, played=50)).status == "queued"


# What a report says of its own numbers


@pytest.mark.parametrize(
    ("stamp", "back"), [(Stamp.START, 0), (Stamp.END, 150), (Stamp.UNKNOWN, 150)], ids=["start", "end", "unknown"]
)
async def test_a_time_is_what_its_report_says(house: House, stamp: Stamp, back: int) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        now = int(room.now)
        play = Play(replace(SONG, duration=200.0), now, 150.0)
        taken = await room.deck.reports.scrobble(room.me.id, play, basis=Basis(stamp, Listening.MEASURED))
        assert taken.status == "queued"
        [waited] = await room.history()
        assert waited.play.timestamp == now - back
        again = await room.deck.reports.scrobble(room.me.id, play, basis=Basis(stamp, Listening.MEASURED))
        assert (again.status, again.id) == ("duplicate", taken.id)


async def test_measured_seconds_are_seconds_and_only_unknown_ones_may_be_milliseconds(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        start = int(room.now - HOUR)
        odd = [Play(replace(SONG, title=how, duration=200.0), start, 150_000.0) for how in Listening]
        bases = [Basis(Stamp.START, how) for how in Listening]
        with pytest.raises(NotPlays) as refused:
            await room.deck.reports.scrobble_all(room.me.id, odd, bases=bases)
        assert [at for at, _ in refused.value.faults] == [list(Listening).index(Listening.MEASURED)]
        long = replace(odd[0], played=2000.0)  # paused and listened to again: it was counted, so it is believed
        taken = await room.deck.reports.scrobble_all(room.me.id, [long, *odd[1:]], bases=bases)
        assert {play.track.title: one.heard for play, one in zip(odd, taken, strict=True)} == {
            Listening.MEASURED: 2000.0,
            Listening.ASSUMED: 100.0,
            Listening.UNKNOWN: 150.0,
        }


async def test_a_play_that_its_player_counts_is_sent_whatever_the_threshold_and_its_repeat_too(room: Room) -> None:
    await room.deck.accounts.change_settings(room.me.id, enabled=None, threshold=100)
    start, basis = int(room.now - HOUR), Basis(Stamp.START, Listening.ASSUMED)
    track = replace(SONG, duration=200.0)
    for later in (0, 110):  # the second half was skipped
        taken = await room.deck.reports.scrobble(room.me.id, Play(track, start + later, 0.0), basis=basis)
        assert taken.status == "queued"
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 2
    for waited in await room.history():
        assert waited.counted_reason == "its player decided that it counts, and doesn't say how much was heard"
        story = await room.deck.play_actions.details(room.me.id, waited.id)
        assert story is not None
        assert story.counted is True


# The same play again


async def test_a_play_is_a_duplicate_while_it_waits_and_for_ever_after(house: House) -> None:
    start = house.clock.now() - HOUR
    async with house.open() as room:
        await room.sign_in()
        first = await room.me.scrobble(SONG, started_at=start, played=300)
        assert (await room.me.scrobble(SONG, started_at=start, played=622)).status == "duplicate"
        await room.until_empty()
        again = await room.me.scrobble(SONG, started_at=start, played=300)
        assert (again.status, again.id) == ("duplicate", first.id)
    async with house.open() as room:
        assert (await room.me.scrobble(SONG, started_at=start, played=300)).status == "duplicate"
        assert await room.fates() == ["accepted"]
    assert len(house.calls()) == 1


async def test_a_duplicate_is_known_by_its_clean_names_and_whole_seconds(room: Room) -> None:
    start = int(room.now - HOUR)
    await room.me.scrobble(Track("Sigur Rós", "Hoppípolla", duration=200), started_at=start, played=150)
    same = Track(" Sigur Ro\u0301s\x00", "Hoppi\u0301polla\n", duration=199, album="Takk")
    assert (await room.me.scrobble(same, started_at=start * 1000 + 700, played=150)).status == "duplicate"


@pytest.mark.parametrize("change", [{"artist": "nina simone"}, {"title": "sinnerman"}])
async def test_another_spelling_is_another_play(room: Room, change: dict[str, Any]) -> None:
    start = room.now - HOUR
    await room.me.scrobble(SONG, started_at=start, played=300)
    taken = await room.me.scrobble(replace(SONG, **change), started_at=start, played=300)
    assert taken.status == "queued"


async def test_the_same_track_twice_in_a_row_is_two_plays(room: Room) -> None:
    start = int(room.now - HOUR)
    for at in (start, start + 622):
        assert (await room.me.scrobble(SONG, started_at=at, played=622)).status == "queued"
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 2


@pytest.mark.parametrize(
    ("later", "heard", "at_once"),
    [(1, 205, False), (1, 205, True), (-1, 210, False), (5, 210, False), (150, 210, True), (200, 205, False)],
)
async def test_one_listen_reported_twice_by_one_player_is_sent_once(
    room: Room, later: int, heard: float, at_once: bool
) -> None:
    track, start = replace(SONG, duration=210.0), int(room.now - HOUR)
    both = [Play(track, start, 205.0), Play(track, start + later, heard)]
    if at_once:
        taken = await room.me.scrobble_all(both)
    else:
        taken = [await room.me.scrobble(play.track, started_at=play.timestamp, played=play.played) for play in both]
    assert [one.status for one in taken] == ["queued", "duplicate"]
    await room.until_empty()
    assert await room.fates() == (["accepted", "suspected"] if later > 0 else ["suspected", "accepted"])
    assert len(room.emulator.plays("RJ")) == 1


@pytest.mark.parametrize("played", [205.0, 210.0])
async def test_a_true_repeat_that_begins_when_the_first_play_was_over_is_a_play(room: Room, played: float) -> None:
    track, start = replace(SONG, duration=210.0), int(room.now - HOUR)
    for at in (start, start + int(played), start + 2 * int(played)):
        assert (await room.me.scrobble(track, started_at=at, played=played)).status == "queued"
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 3


async def test_a_listen_that_was_corrected_or_discarded_does_not_come_back_a_second_later(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        start, titles = int(room.now - HOUR), ("Misspelt", "Unwanted")
        one, two = [
            await room.me.scrobble(replace(SONG, title=title), started_at=start + 700 * n, played=400)
            for n, title in enumerate(titles)
        ]
        await room.deck.play_actions.correct(room.me.id, one.id, lambda t: replace(t, title="Right"))
        await room.deck.play_actions.discard(room.me.id, two.id)
        for n, title in enumerate(titles):
            again = await room.me.scrobble(replace(SONG, title=title), started_at=start + 700 * n + 1, played=400)
            assert again.status == "duplicate"
        assert [waited.play.track.title for waited in await room.history() if waited.fate == "queued"] == ["Right"]


async def test_a_listen_that_is_not_on_lastfm_yet_may_be_reported_better_a_second_later(room: Room) -> None:
    start = int(room.now - HOUR)
    poor = await room.me.scrobble(SONG, started_at=start, played=20)
    good = await room.me.scrobble(SONG, started_at=start + 1, played=400)
    assert (poor.status, good.status) == ("threshold_not_met", "queued")


async def test_reports_of_one_play_at_once_are_one_play(room: Room) -> None:
    start = room.now - HOUR
    taken = await asyncio.gather(*(room.me.scrobble(SONG, started_at=start, played=300) for _ in range(50)))
    assert [t.status for t in taken].count("queued") == 1
    assert {t.id for t in taken} == {1}
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == 1


@pytest.mark.parametrize("at_once", [False, True], ids=["later", "in one transaction"])
async def test_a_play_that_is_heard_further_counts_after_all(room: Room, at_once: bool) -> None:
    start = room.now - HOUR
    reports = [room.me.scrobble(SONG, started_at=start, played=played) for played in (30, 100, 320)]
    taken = list(await asyncio.gather(*reports)) if at_once else [await report for report in reports]
    assert [t.status for t in taken] == ["threshold_not_met", "threshold_not_met", "queued"]
    assert {t.id for t in taken} == {1}
    await room.until_empty()
    [waited] = await room.history()
    assert (waited.fate, waited.play.played) == ("accepted", 320)


async def test_a_play_that_counted_is_not_taken_back_by_a_poorer_report(room: Room) -> None:
    start = room.now - HOUR
    assert (await room.me.scrobble(SONG, started_at=start, played=320)).status == "queued"
    assert (await room.me.scrobble(SONG, started_at=start, played=3)).status == "duplicate"
    await room.until_empty()
    [waited] = await room.history()
    assert waited.play.played == 320


async def test_a_play_from_before_the_sign_in_can_be_reported_again(house: House) -> None:
    async with house.open() as room:
        assert (await room.play(1)).status == "not_authenticated"
        await room.sign_in()
        start = (await room.history())[0].play.timestamp
        again = await room.me.scrobble(Track("Nina Simone", "Song 001", duration=200), started_at=start, played=150)
        assert (again.status, again.id) == ("queued", 1)
        await room.until_empty()
        assert room.arrived() == songs(1)


# Reports that are none


@pytest.mark.parametrize(
    ("track", "field"), [(Track(" \n", "t"), "artist"), (Track("a", "\x00\ud800"), "track"), (Track("", "t"), "artist")]
)
async def test_a_nameless_play_is_refused_by_field(room: Room, track: Track, field: str) -> None:
    with pytest.raises(MissingName) as refused:
        await room.me.scrobble(track, started_at=room.now, played=300)
    assert refused.value.field == field
    assert await room.history() == []


@pytest.mark.parametrize(
    "start", [0, 1, 1_033_430_399, -5, 10**14, 10**400, float("inf"), float("nan"), 99_999_999_999]
)
async def test_no_time_of_a_play_is_refused(room: Room, start: float) -> None:
    with pytest.raises(NotATime, match="timestamp"):
        await room.me.scrobble(SONG, started_at=start, played=300)
    assert await room.history() == []


@pytest.mark.parametrize("played", [float("nan"), float("inf"), -1])
async def test_no_time_that_was_heard_is_refused(room: Room, played: float) -> None:
    with pytest.raises(NotATime, match="played"):
        await room.me.scrobble(SONG, started_at=room.now - HOUR, played=played)


async def test_a_play_more_than_30_days_ahead_is_nonsense(room: Room) -> None:
    with pytest.raises(NotATime):
        await room.me.scrobble(SONG, started_at=room.now + 31 * DAY, played=300)
    assert (await room.me.scrobble(SONG, started_at=room.now + 29 * DAY, played=300)).status == "queued"


async def test_a_moment_needs_its_time_zone(room: Room) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await room.me.scrobble(SONG, started_at=datetime(2025, 10, 9, 8, 0), played=300)
    at = datetime.fromtimestamp(room.now - HOUR, UTC)
    assert (await room.me.scrobble(SONG, started_at=at, played=300)).status == "queued"
    [waited] = await room.history()
    assert waited.play.timestamp == int(at.timestamp())


async def test_a_play_of_an_unknown_listener_is_rejected_and_affects_no_other(room: Room) -> None:
    play = Play(SONG, int(room.now - HOUR), 300.0)
    reports = [room.deck.reports.scrobble(account_id, play) for account_id in (99, room.me.id)]
    wrong, right = await asyncio.gather(*reports, return_exceptions=True)
    assert isinstance(wrong, UnknownListener)
    assert isinstance(right, ReportResult)
    assert right.status == "queued"


@pytest.mark.parametrize(
    "track",
    [
        Track("a" * 10_000, "t" * 1_000_000, duration=200),
        Track("👩‍🎤" * 50, "שיר לשלום", duration=200),
        Track("Sigur Rós", "()", track_number=2**80, duration=200),
        Track("'; DROP TABLE play; --", "%s ? :x", duration=200),
        Track("artist[0]", "track=1&artist=2", album="100 %", duration=200),
    ],
    ids=["a long one", "all kinds of letters", "an endless number", "SQL", "form fields"],
)
async def test_odd_names_arrive_as_they_are(room: Room, track: Track) -> None:
    await room.me.scrobble(track, started_at=room.now - HOUR, played=200)
    await room.until_empty()
    [play] = room.emulator.plays("RJ")
    assert (play.artist, play.track) == (track.artist, track.title)


@only_sqlite
async def test_a_full_disk_acknowledges_nothing(room: Room) -> None:
    _fill_the_disk(room, spare=0)
    results = await asyncio.gather(*(room.play(number) for number in range(150)), return_exceptions=True)
    faults = [result for result in results if isinstance(result, BaseException)]
    taken = [result for result in results if isinstance(result, ReportResult)]
    assert faults
    assert all(isinstance(fault, StoreUnavailable) and "full" in str(fault) for fault in faults)
    _fill_the_disk(room, spare=100_000)
    await room.until_empty()
    assert len(room.emulator.plays("RJ")) == len(taken) == len(await room.history())
    assert (await room.play(999)).status == "queued"


def _fill_the_disk(room: Room, spare: int) -> None:
    """Let the writer's own connection find that many more pages, and then SQLite's error for a full disk."""
    connection = room.deck.store._writes.raw_connection()
    [pages] = connection.cursor().execute("PRAGMA page_count").fetchone()
    connection.cursor().execute(f"PRAGMA max_page_count={pages + spare}")
    connection.close()


# Who listens hears of it


async def test_a_report_is_reported_with_its_status_and_then_its_fate(room: Room) -> None:
    await room.play(1)
    await room.play(2, played=3)
    await room.until_empty()
    events = [(e.id, e.status, e.track) for e in room.events if isinstance(e, ScrobbleStatus)]
    assert [event for event in events if event[0] == 1] == [(1, "queued", "Song 001"), (1, "accepted", "Song 001")]
    assert [event for event in events if event[0] == 2] == [(2, "threshold_not_met", "Song 002")]


async def test_a_duplicate_is_not_reported(room: Room) -> None:
    start = room.now - HOUR
    for _ in range(2):
        await room.me.scrobble(SONG, started_at=start, played=300)
    await room.until_empty()
    assert [e.status for e in room.events if isinstance(e, ScrobbleStatus)] == ["queued", "accepted"]


async def test_a_play_that_is_suspected_is_reported(room: Room) -> None:
    for place, reporter in enumerate(("a server", "a player")):
        await room.me.scrobble(SONG, started_at=room.now - HOUR + place, played=300, reporter=reporter)
    await room.until_empty()
    events = [(e.id, e.status) for e in room.events if isinstance(e, ScrobbleStatus)]
    assert (2, "duplicate") in events


async def test_the_first_reporter_is_one_though_it_has_no_name(room: Room) -> None:
    statuses = []
    for place, reporter in enumerate(("", "a player")):
        taken = await room.me.scrobble(SONG, started_at=room.now - HOUR + place, played=300, reporter=reporter)
        statuses.append(taken.status)
    assert statuses == ["queued", "duplicate"]


async def test_plays_of_a_batch_are_reported_if_they_are_suspected_and_not_if_they_were_known(room: Room) -> None:
    await room.me.scrobble(SONG, started_at=room.now - HOUR, played=300, reporter="a server")
    again = Play(SONG, int(room.now - HOUR) + 1, 300)
    for _ in range(2):
        [taken] = await room.me.scrobble_all([again], reporter="a player")
        assert taken.status == "duplicate"
    await room.until_empty()
    duplicates = [e.id for e in room.events if isinstance(e, ScrobbleStatus) and e.status == "duplicate"]
    assert duplicates == [2]


async def test_reports_are_counted_by_status(room: Room) -> None:
    await room.play(1)
    await room.play(2, played=3)
    await room.until_empty()
    assert room.deck.counters.reports == {"queued": 1, "threshold_not_met": 1}
    assert room.deck.counters.fates == {"accepted": 1}
    assert room.deck.counters.verdicts == {"Answered": 1}


async def test_who_wants_to_know_the_fate_waits_for_it(room: Room) -> None:
    taken = await room.play(1)
    waited = await room.deck.reports.fate(room.me.id, taken.id, 30)
    assert waited is not None
    assert waited.fate == "accepted"
    assert await room.deck.reports.fate(room.me.id, 99, 30) is None
    assert await room.deck.reports.fate(room.me.id + 1, taken.id, 30) is None


async def test_who_waits_for_a_fate_that_does_not_come_is_answered_in_time(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        taken = await room.play(1)
        waited = await room.deck.reports.fate(room.me.id, taken.id, 30)
        assert waited is not None
        assert waited.fate == "queued"


@pytest.mark.parametrize("fate", ["queued", "threshold_not_met"])
async def test_a_repeat_is_recognised_by_its_reported_start_if_it_has_another_by_now(room: Room, fate: str) -> None:
    """The skew of our clock is learned again between the reports: the repeat is moved to the start of the second
    play.
    """
    at = int(room.now) - 900

    def reported(start: int, now: int, reporter: str = "", played: float = 300.0) -> Report:
        play = Play(SONG, at + now, played)
        return Report(room.me.id, play, room.now, at + start, "moved: the clock", now - start, reporter)

    played = 300.0 if fate == "queued" else 20.0
    first, second = reported(0, 60, played=played), reported(1, 61, "phone", 300.0)
    [(one, _), (two, _)] = await room.deck.store.write(lambda db: take(db, [first, second], LASTFM))
    [(again, _)] = await room.deck.store.write(lambda db: take(db, [reported(0, 61)], LASTFM))
    assert (one.status, again.status) == (fate, "duplicate")
    assert again.id == (one.id if fate == "queued" else two.id)


@pytest.mark.parametrize("order", [1, -1], ids=["first moved", "then moved"])
@pytest.mark.parametrize("reporter", ["", "phone"])
async def test_a_repeat_in_the_same_batch_is_one_play_wherever_it_was_placed(
    room: Room, order: int, reporter: str
) -> None:
    """The end is reported for the start: half a second later it can't be recognised as the end any more."""
    at, song = int(room.now) - 2, Track("Low", "Monkey", duration=40)
    moved = Report(room.me.id, Play(song, at - 24, 24.0), room.now, at, "start moved back 24 s")
    unmoved = Report(room.me.id, Play(song, at, 24.0), room.now + 0.5, at, reporter=reporter)
    batch = [moved, unmoved][::order]
    taken = await room.deck.store.write(lambda db: take(db, batch, LASTFM))
    assert [(result.status, result.id) for result, _ in taken] == [("queued", 1), ("duplicate", 1)]
    stored = await room.history()
    assert [(one.play.timestamp, one.restamp_reason) for one in stored] == [
        (batch[0].play.timestamp, batch[0].restamp_reason)
    ]


async def test_a_kept_play_is_known_by_its_report_after_our_clock_was_corrected(house: House) -> None:
    """It is reported again with the same start, which is now moved to another one: no other play than itself."""
    async with house.open(deliver=False) as room:
        at = int(room.now) - 900

        async def reported(by: int) -> tuple[str, int]:
            report = Report(room.me.id, Play(SONG, at + by, 300.0), room.now, at, "moved: the clock" if by else "", by)
            [(result, _)] = await room.deck.store.write(lambda db: take(db, [report], LASTFM))
            return result.status, result.id

        assert await reported(0) == ("not_authenticated", 1)
        assert await reported(60) == ("not_authenticated", 1)
        assert await room.fates() == ["not_authenticated"]
        await room.sign_in()
        assert await reported(90) == ("queued", 1)
        assert await room.fates() == ["queued"]


async def test_a_long_list_of_plays_lets_others_report_in_between(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_play, "TOGETHER", 4)
    monkeypatch.setattr(report_play, "PART", 2)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        other, start = await room.deck.listener("other"), int(room.now - DAY)
        several = [Play(SONG, start + 1000 * number, 320) for number in range(60)]
        taken, one = await asyncio.gather(
            room.me.scrobble_all(several), other.scrobble(SONG, started_at=start, played=320)
        )
        assert [answer.status for answer in taken] == ["queued"] * 60
        assert one.id < taken[-1].id
        assert [answer.status for answer in await room.me.scrobble_all(several)] == ["duplicate"] * 60


async def test_an_erasure_that_has_begun_is_finished_by_the_next_process(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.plays(*range(5))
        await room.deck.store.write(partial(erase.begin, account_id=room.me.id, kept_session=""))
    async with house.open() as room:
        while await room.deck.store.read(erase.unfinished):
            await room.wait(1)
        assert await room.deck.play_actions.latest(room.me.id, 10) == []


@pytest.mark.parametrize(("lies", "nearest"), [(158, 3), (110, 2), (70, 1)])
def test_of_plays_that_were_reported_alike_a_report_is_the_nearest(lies: int, nearest: int) -> None:
    told_alike = {60: (1, "queued"), 100: (2, "queued"), 160: (3, "queued")}
    report = Report(1, Play(SONG, lies, 300.0), 1000.0, 60)
    assert nearest_of(told_alike, report) == (nearest, "queued")


async def test_one_listen_of_two_players_is_one_play_while_nobody_is_signed_in(house: House) -> None:
    async with house.open() as room:
        start = int(room.now - HOUR)

        async def said(reporter: str, by: int = 0, played: float = 300) -> ReportResult:
            return await room.me.scrobble(SONG, started_at=start + by, played=played, reporter=reporter)

        skipped = await said("a server", -30, 20)
        assert (skipped.status, (await said("a server")).status) == ("not_authenticated",) * 2
        assert (await said("a player", 2)).status == "duplicate"
        assert await room.fates() == ["not_authenticated", "not_authenticated", "suspected"]
        await room.sign_in()
        late = await said("a phone", 4)
        assert (late.status, late.id) == ("queued", 2)
        await room.until_empty()
        assert [play.timestamp for play in room.emulator.plays("RJ")] == [start + 4]
        assert await room.fates() == ["not_authenticated", "suspected", "accepted"]
        await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=None)
        assert [(await said("a radio", by)).status for by in (5, 622)] == ["duplicate", "disabled"]
