"""Histories come home from files: once, as a whole, and back again; and they go out without loss."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from tests.history.files import AT, jsonl, listen, write, write_json, write_zip
from tests.service.conftest import DAY, HOUR, House, Room
from tonearm.core.edit_rules import PlayNames, RuleScope
from tonearm.core.play import Play, Track
from tonearm.history.play import HistoryFileError, PastPlay, ReadOptions, ZoneNeeded
from tonearm.service.history_export import ExportFormat
from tonearm.service.history_import import CannotUndo, ImportChoices, ImportResult, Undone, write_part
from tonearm.store import history_imports, library
from tonearm.store.history_imports import ImportState

pytestmark = pytest.mark.anyio

OPTIONS = ReadOptions()


def table(plays: Iterable[tuple[int, str]], artist: str = "Nina Simone") -> str:
    return "uts,artist,track\n" + "".join(f"{AT + at},{artist},{title}\n" for at, title in plays)


async def brought(
    room: Room, *files: Path, apply: bool = True, options: ReadOptions = OPTIONS, **wanted: bool
) -> list[ImportResult]:
    def progress(done: int, total: int) -> None:
        assert done <= total

    choices = ImportChoices(**wanted)
    return await room.deck.history_import.run(room.me.id, files, options, progress, apply=apply, choices=choices)


async def titles(room: Room) -> list[str]:
    return [kept.play.track.title for kept in await room.history()]


async def exported(room: Room, form: ExportFormat, folder: Path) -> Path:
    file = io.BytesIO()
    await room.deck.history_export.write(room.me.id, "me", form, file, lambda done: None)
    return write(folder, file.getvalue(), f"export.{form}")


async def test_a_dry_run_writes_nothing_and_says_what_an_import_does(room: Room, tmp_path: Path) -> None:
    path = write(tmp_path, table([(0, "A"), (0, "B"), (0, "A"), (60, "A")]) + "x,y\n,Nina,C\n")
    (would,) = await brought(room, path, apply=False)
    assert await room.history() == []
    assert await room.deck.history_import.listed(room.me.id) == []
    (found,) = await brought(room, path)
    assert (found.new, found.known, found.unreadable, sum(found.skipped.values())) == (3, 1, 1, 1)
    assert (would.new, would.known, would.faults) == (found.new, found.known, found.faults)
    assert (found.faults[0].file, found.faults[0].line) == (path.name, 6)
    assert await titles(room) == ["A", "B", "A"]
    assert {kept.fate for kept in await room.history()} == {"imported"}
    assert await room.length() == 0


async def test_the_same_file_twice_changes_nothing(room: Room, tmp_path: Path) -> None:
    path = write(tmp_path, table((n * 200, f"Song {n % 7}") for n in range(1200)))
    assert (await brought(room, path))[0].new == 1200
    (again,) = await brought(room, path)
    assert (again.new, again.known, again.doubtful) == (0, 1200, 0)


async def test_the_same_months_from_another_service_add_only_what_is_missing(room: Room, tmp_path: Path) -> None:
    await brought(room, write(tmp_path, table([(0, "Ágætis byrjun"), (500, "Svefn-g-englar")], "Sigur Rós")))
    lines = [listen(AT + 2, "Sigur Ros", "Agaetis Byrjun"), listen(AT + 3000, "Sigur Rós", "Starálfur")]
    path = write_zip(tmp_path, {"listens/2020/9.jsonl": jsonl(*lines)})
    (found,) = await brought(room, path)
    assert (found.new, found.known) == (1, 1)
    assert await titles(room) == ["Ágætis byrjun", "Svefn-g-englar", "Starálfur"]


async def test_tables_of_two_services_in_one_import_are_compared_with_each_other(room: Room, tmp_path: Path) -> None:
    ours = write(tmp_path, table([(0, "A"), (500, "B")]), "ours.csv")
    theirs = write(tmp_path, f"time,album,artist,title\n{AT + 2},,Nina Simone,A\n{AT + 900},,Nina Simone,C\n", "theirs")
    first, second = await brought(room, ours, theirs)
    assert (first.new, second.new, second.known) == (2, 1, 1)
    assert await titles(room) == ["A", "B", "C"]
    assert [one.new + one.known for one in await brought(room, theirs, ours)] == [2, 2]
    assert await titles(room) == ["A", "B", "C"]


async def test_two_imports_at_the_same_time_add_no_play_twice(room: Room, tmp_path: Path) -> None:
    songs = [(n * 200, f"Song {n}") for n in range(1800)]
    ours = write(tmp_path, table(songs), "ours.csv")
    theirs = write(tmp_path, jsonl(*(listen(AT + at + 1, "Nina Simone", title) for at, title in songs)), "theirs.jsonl")
    both = await asyncio.gather(brought(room, ours), brought(room, theirs))
    assert sum(one.new for (one,) in both) == sum(one.known for (one,) in both) == 1800
    (again,) = await brought(room, ours, apply=False)
    assert again.known == 1800
    assert len((await exported(room, ExportFormat.JSONL, tmp_path)).read_text().splitlines()) == 1800


async def test_two_exports_that_overlap_and_spell_a_name_differently(room: Room, tmp_path: Path) -> None:
    old = write(tmp_path, table([(0, "A"), (300, "B")], "Sigur Ros"), "old.csv")
    new = write(tmp_path, table([(300, "B"), (600, "C")], "Sigur Rós"), "new.csv")
    (found,) = await brought(room, old, new)
    assert (found.new, found.known) == (3, 1)
    assert await titles(room) == ["A", "B", "C"]


async def test_what_was_reported_here_is_known_and_stays_as_it_is(room: Room, tmp_path: Path) -> None:
    await room.sign_in()
    await room.play(1)
    await room.until_empty()
    start = (await room.history())[0].play.timestamp
    path = write(tmp_path, f"uts,artist,track\n{start},Nina Simone,song 001\n")
    (found,) = await brought(room, path)
    assert (found.new, found.known) == (0, 1)
    assert await room.fates() == ["accepted"]


async def test_doubtful_plays_are_left_out_unless_they_are_wanted(room: Room, tmp_path: Path) -> None:
    await brought(room, write(tmp_path, table([(0, "A")])))
    near = write(tmp_path, table([(100, "A")]), "near")
    assert (await brought(room, near))[0].doubtful == 1
    assert len(await room.history()) == 1
    await brought(room, near, doubtful=True)
    assert len(await room.history()) == 2


async def test_rules_for_names_apply_to_an_import_if_that_is_wanted(room: Room, tmp_path: Path) -> None:
    seen, to = PlayNames("Nina Simon", ""), PlayNames("Nina Simone", "")
    await room.deck.edit_rules.add(room.me.id, RuleScope.ARTIST, seen, to)
    await brought(room, write(tmp_path, table([(0, "Sinnerman")]), "there.csv"))
    misspelt = write(tmp_path, table([(0, "Sinnerman"), (1000, "Lilac Wine")], artist="NINA SIMON"), "more.csv")
    (dry,) = await brought(room, misspelt, apply=False, rules=True)
    assert (dry.new, dry.known, dry.ruled) == (1, 1, 1)
    (done,) = await brought(room, misspelt, rules=True)
    (again,) = await brought(room, misspelt, rules=True)
    assert (done.new, done.ruled, again.new, again.known) == (1, 1, 0, 2)
    names = [(kept.play.track.artist, kept.play.track.title) for kept in await room.history()]
    assert sorted(names) == [("Nina Simone", "Lilac Wine"), ("Nina Simone", "Sinnerman")]
    other = write(tmp_path, table([(9000, "Stars")], artist="Nina Simon"), "other.csv")
    (dry,) = await brought(room, other, apply=False)
    assert (dry.new, dry.ruled) == (1, 1)
    await brought(room, other)
    assert ("Nina Simon", "Stars") in [(kept.play.track.artist, kept.play.track.title) for kept in await room.history()]


async def test_an_import_is_undone_as_a_whole_and_only_what_it_added(room: Room, tmp_path: Path) -> None:
    (first,) = await brought(room, write(tmp_path, table((n, "A") for n in range(3))))
    (second,) = await brought(room, write(tmp_path, table((n * 700, f"B{n}") for n in range(1500)), "more"))
    assert first.id is not None
    assert second.id is not None
    await brought(room, write(tmp_path, table([(9000, "C")]), "last"))
    seen: list[tuple[int, int]] = []
    gone = await room.deck.history_import.undo(room.me.id, second.id, lambda done, total: seen.append((done, total)))
    assert gone == 1500
    assert seen[-1] == (1500, 1500)
    assert await titles(room) == ["A", "A", "A", "C"]
    states = {one.id: one.state for one in await room.deck.history_import.listed(room.me.id)}
    assert states[second.id] is ImportState.UNDONE
    with pytest.raises(CannotUndo, match="already"):
        await room.deck.history_import.undo(room.me.id, second.id, lambda done, total: None)
    with pytest.raises(CannotUndo, match="no import 99"):
        await room.deck.history_import.undo(room.me.id, 99, lambda done, total: None)


class Cut(Exception):
    """The process ends here."""


async def test_an_interrupted_import_is_continued_by_the_same_file(room: Room, tmp_path: Path) -> None:
    path = write(tmp_path, table((n * 100, "A") for n in range(1400)))

    def cut(done: int, total: int) -> None:
        if done >= 500:
            raise Cut

    with pytest.raises(Cut):
        await room.deck.history_import.run(room.me.id, [path], OPTIONS, cut, apply=True)
    (half,) = await room.deck.history_import.listed(room.me.id)
    assert (half.state, len(await room.history())) == (ImportState.RUNNING, 500)
    (found,) = await brought(room, path)
    assert (found.id, found.new, found.known) == (half.id, 1400, 0)
    assert await room.deck.history_import.undo(room.me.id, half.id, lambda done, total: None) == 1400


async def test_an_import_that_is_undone_meanwhile_stops(room: Room, tmp_path: Path) -> None:
    begun = await room.deck.store.write(
        partial(history_imports.begin, account=room.me.id, source="x", name="", digest="", now=room.now)
    )
    await room.deck.history_import.undo(room.me.id, begun.id, lambda done, total: None)
    with pytest.raises(Undone):
        await room.deck.store.write(partial(write_part, begun=begun, rows=[], counts={}, now=room.now))


async def test_a_file_that_is_not_a_history_stops_an_import_before_anything_is_written(
    room: Room, tmp_path: Path
) -> None:
    good, bad = write(tmp_path, table([(0, "A")])), write(tmp_path, "<html>", "bad")
    with pytest.raises(HistoryFileError, match="web page"):
        await brought(room, good, bad)
    assert await room.history() == []
    assert await room.deck.history_import.listed(room.me.id) == []


async def test_young_waiting_plays_are_sent_if_that_is_wanted(room: Room, tmp_path: Path) -> None:
    await room.sign_in()
    now = int(room.now)
    track = {"artist": "AC/DC", "song": "Thunderstruck", "album": "", "duration": 292 * 10**9}
    rows = [{**track, "timestamp": now - 3600}, {**track, "timestamp": now - int(20 * DAY)}]
    path = write_json(tmp_path, {"tracks": rows})
    (would,) = await brought(room, path, apply=False)
    assert (would.new, would.young, would.queued) == (2, 1, 0)
    (found,) = await brought(room, path, queue=True)
    assert (found.new, found.queued) == (2, 1)
    await room.until_empty()
    assert room.arrived() == ["Thunderstruck"]
    assert await room.fates() == ["imported", "accepted"]


async def test_what_a_file_has_added_is_sent_once_when_its_player_reports_it(room: Room, tmp_path: Path) -> None:
    await room.sign_in()
    start = int(room.now - 2 * HOUR) - AT
    rows = [(start + n * 300, f"Song {n}") for n in range(4)]
    await brought(room, write(tmp_path, table(rows)))
    reported = [("Song 0", 0), ("SONG 1", 2), ("Song 2", -3), ("Song 2", 0), ("Song 1", 3), ("Song 3", 180)]
    plays = [Play(Track("Nina Simone", n, duration=180), AT + rows[int(n[-1])][0] + by, 120) for n, by in reported]
    taken = await room.me.scrobble_all(plays, reporter="a player")
    assert [one.status for one in taken] == ["queued", "queued", "queued", "duplicate", "queued", "queued"]
    await room.until_empty()
    assert sorted(room.arrived()) == ["SONG 1", "Song 0", "Song 1", "Song 2", "Song 3"]


async def test_a_play_of_a_file_and_its_report_are_one_play(room: Room, tmp_path: Path) -> None:
    await room.sign_in()
    start = int(room.now - 2 * HOUR)
    path = write(tmp_path, table([(start - AT, "Sinnerman"), (start - AT + 3600, "Four Women")]))
    (found,) = await brought(room, path)
    assert found.id is not None
    track = Track("nina simone", "Sinnerman", duration=622)
    first = await room.me.scrobble(track, started_at=start + 2, played=400, reporter="a player")
    again = await room.me.scrobble(track, started_at=start + 2, played=400, reporter="a player")
    server = await room.me.scrobble(track, started_at=start, played=400, reporter="a server")
    assert (first.status, again.status, server.status) == ("queued", "duplicate", "duplicate")
    await room.until_empty()
    assert room.arrived() == ["Sinnerman"]
    assert await room.fates() == ["suspected", "accepted", "imported"]
    assert [play.title async for part in room.deck.history_export.parts(room.me.id) for play in part] == [
        "Sinnerman",
        "Four Women",
    ]
    assert await room.deck.history_import.undo(room.me.id, found.id, lambda done, total: None) == 1
    assert await room.fates() == ["suspected", "accepted"]


async def test_a_log_of_a_device_finds_its_songs_in_the_library(room: Room, tmp_path: Path) -> None:
    file = {
        "path": "/home/me/Music/Nina/Blues/01.flac",
        "artist": "Nina Simone",
        "title": "Sinnerman",
        "artists": None,
        "album": "Pastel Blues",
        "album_artist": "",
        "duration": 622.0,
        "track_number": 1,
        "mbid": "",
        "mtime_ns": 1,
        "ctime_ns": 1,
        "size": 1,
        "unreadable_reason": "",
    }
    await room.deck.store.write(partial(library.write, account=room.me.id, files=[file]))
    text = f"{AT}:400000:622000:/<microSD0>/nina/blues/01.flac\n{AT}:400000:622000:/other.flac\n"
    path = write(tmp_path, text)
    with pytest.raises(ZoneNeeded):
        await brought(room, path)
    (found,) = await brought(room, path, options=ReadOptions(ZoneInfo("Europe/Berlin")))
    assert (found.new, sum(found.skipped.values())) == (1, 1)
    (kept,) = await room.history()
    assert (kept.play.track.title, kept.play.timestamp, kept.play.played) == ("Sinnerman", AT - 7200, 400)


async def test_an_erased_listener_has_no_imports(room: Room, tmp_path: Path) -> None:
    await brought(room, write(tmp_path, table([(0, "A")])))
    await room.deck.personal_data.erase(room.me.id, "")
    assert await room.deck.history_import.listed(room.me.id) == []
    assert await room.history() == []


ODD = [
    PastPlay(AT, 'A "quoted", name', "Song; with\tsigns", "Ænima", "Various", 61.5, 3, "", 40.0, line=0),
    PastPlay(AT, "Мумий Тролль", "Other in the same second", precision=60),
    PastPlay(AT + 100, "# no comment", "-", stamp="end", played=99.0),
    PastPlay(AT + 900, "Nina Simone", "Paused", stamp="end", played=99.0, earliest=AT + 500),
]


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_an_export_is_read_back_without_loss(house: House, tmp_path: Path, form: ExportFormat) -> None:
    rows: list[dict[str, Any]] = [
        {"uts": p.timestamp, "artist": p.artist, "track": p.title, "album": p.album, "album_artist": p.album_artist}
        | {"duration": p.duration, "played": p.played, "track_number": p.track_number}
        | {"precision": p.precision, "stamp": p.stamp, "earliest": p.earliest or None}
        for p in ODD
    ]
    async with house.open() as room:
        await brought(room, write(tmp_path, jsonl(*rows)))
        path = await exported(room, form, tmp_path)
        other = await room.deck.listener("other")
        (found,) = await room.deck.history_import.run(other.id, [path], OPTIONS, lambda done, total: None, apply=True)
        assert (found.new, found.unreadable) == (4, 0)
        mine = [part async for part in room.deck.history_export.parts(room.me.id)]
        theirs = [part async for part in room.deck.history_export.parts(other.id)]
        if form is ExportFormat.MALOJA:  # which has no place for these
            mine = [
                [p._replace(precision=1, stamp="start", track_number=None, earliest=0) for p in part] for part in mine
            ]
        assert [[p._replace(duration=p.duration) for p in part] for part in theirs] == mine


async def test_an_export_leaves_out_what_is_not_a_play_of_its_own(room: Room, tmp_path: Path) -> None:
    await room.me.scrobble(Track("Nina Simone", "Skipped", duration=200), started_at=room.now - 300, played=5)
    taken = await room.me.scrobble(Track("Nina Simone", "Whole", duration=200), started_at=room.now - 900, played=200)
    assert taken.status == "queued"
    path = await exported(room, ExportFormat.JSONL, tmp_path)
    assert [json.loads(line)["track"] for line in path.read_text().splitlines()] == ["Whole"]


async def test_the_archive_has_a_file_for_each_month(room: Room, tmp_path: Path) -> None:
    await brought(room, write(tmp_path, table([(0, "A"), (40 * 86400, "B")])))
    path = await exported(room, ExportFormat.LISTENBRAINZ, tmp_path)
    with ZipFile(path) as archive:
        assert archive.namelist() == ["user.json", "listens/2020/9.jsonl", "listens/2020/10.jsonl"]


YEARS, MONTHS = 104_571, 9_000
"""Plays of ten real years; lines that `--quick` reads of them."""


@pytest.mark.slow
async def test_ten_real_years_come_in_and_go_out_without_loss(
    house: House, test_data: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    real, lines, repeated = test_data / "data" / "plays-104k.csv.gz", YEARS, 292
    if not isinstance(house.database, Path):
        pytest.skip("one database is enough for so many plays")
    if pytestconfig.getoption("quick"):
        with gzip.open(real, "rt") as file:
            part = list(islice(file, 1 + MONTHS))
        real, lines = write(tmp_path, "".join(part)), MONTHS
        repeated = MONTHS - len(set(part[1:]))
    async with house.open() as room:
        (first,) = await brought(room, real)
        assert first.new + first.known == lines
        assert first.known == repeated  # lines that repeat another to the letter, of the same second
        path = await exported(room, ExportFormat.CSV, tmp_path)
        (again,) = await brought(room, path)
        assert (again.new, again.known, again.doubtful) == (0, first.new, 0)
        other = await room.deck.listener("other")
        await room.deck.history_import.run(other.id, [path], OPTIONS, lambda done, total: None, apply=True)
        mine = [part async for part in room.deck.history_export.parts(room.me.id)]
        theirs = [part async for part in room.deck.history_export.parts(other.id)]
        assert sorted(p for part in mine for p in part) == sorted(p for part in theirs for p in part)
