"""Real input: some of ten years of one listener's plays, the names of a real library, real loved tracks."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

import tonearm
from benchmarks import replay
from benchmarks.report import Options
from lastfm_emulator import API_KEY, API_SECRET, Emulator, serve
from tests import audio
from tests.listening import connect
from tonearm.core.loved import ImportCounts
from tonearm.core.spelling import song_keys
from tonearm.core.verdict import Answered
from tonearm.lastfm import Keys, LastFm

pytestmark = pytest.mark.usefixtures("untimed_benchmarks")


PLAYS = 20_000
"""Of 104,571: `./run bench replay` sends all."""


def test_plays_of_ten_years_are_each_on_last_fm_once(test_data: Path) -> None:
    """Posted over HTTP to the real service; the measurement itself fails if one is lost, doubled or strange."""
    assert (test_data / "data" / "plays-104k.csv.gz").is_file()
    report = replay.measure(Options(runs=1, plays=PLAYS))
    assert report.facts["plays"] == PLAYS


@pytest.mark.anyio
async def test_a_real_library_is_scanned_and_gets_its_hearts(tmp_path: Path, test_data: Path) -> None:
    with (test_data / "data" / "library-18k.csv").open(encoding="utf-8", newline="") as file:
        names = [(artist, title, album) for artist, title, album in list(csv.reader(file))[1:]]
    loved = [(artist, title) for artist, title in json.loads((test_data / "data" / "loved-160.json").read_text())]
    folder = tmp_path / "music"
    assert audio.write_library(folder, names, seconds=0.1) == 18_000
    emulator = Emulator(auto_approve="RJ")
    with serve(emulator) as lastfm:
        async with tonearm.open(
            tmp_path / "plays.db",
            api_key=API_KEY,
            api_secret=API_SECRET,
            api_url=lastfm.url,
            auth_url=lastfm.auth_url,
            requests_per_second=0,
        ) as deck:
            me = await deck.listener()
            await connect(me, emulator)
            session = emulator.session_key("RJ")
            async with LastFm(Keys(API_KEY, API_SECRET), lastfm.url) as fan:
                for artist, title in loved:
                    assert isinstance(await fan.love(artist, title, session), Answered)

            found = await me.scan(folder)
            assert (found.new, found.unreadable, found.total) == (18_000, 0, 18_000)
            again = await me.scan(folder)
            assert (again.new, again.changed, again.gone) == (0, 0, 0)

            first = await me.import_loved()
            second = await me.import_loved()
    assert first.total == second.total == len(set(loved))
    in_library = {key for artist, title, _ in names for key in song_keys(artist, title)}
    sure = sum(any(key in in_library for key in song_keys(artist, title)) for artist, title in loved)
    assert first.imported >= sure - first.already > 0
    assert second == ImportCounts(0, first.imported + first.already, first.doubtful, first.missing)
    shutil.rmtree(folder)  # 18,000 files that pytest would keep for three runs
