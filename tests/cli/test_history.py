"""`tonearm import-history` and `tonearm export-history`."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from lastfm_emulator import Emulator
from lastfm_emulator.account import Play
from tests.cli.conftest import USER
from tests.cli.shell import Shell
from tests.history.files import AT, write, write_json
from tests.patience import PATIENCE, pause
from tonearm import zones

THREE = f"uts,artist,track\n{AT},Nina Simone,Sinnerman\n{AT + 700},Nina Simone,Sinnerman\n{AT},Nina Simone,Sinnerman\n"


def test_an_import_is_tried_made_listed_and_undone(shell: Shell, tmp_path: Path) -> None:
    path = write(tmp_path, THREE + "x,y,z\n,a,b\n", "old.csv")
    tried = shell("import-history", str(path))
    assert tried.stdout == (
        "a table (CSV) (old.csv): 2 new, 1 already there, 0 doubtful, 1 skipped, 1 unreadable\n"
        "  from 2020-09-13 to 2020-09-13\n"
        "  skipped 1: has no time\n"
        "Nothing was written. Add --yes to import what is new.\n"
    )
    assert tried.stderr == "old.csv, line 5: has no time that can be read: x\n"
    assert shell("import-history", "--list").stdout == "no imports yet\n"
    facts = shell.facts("import-history", "--yes", str(path))
    assert (facts["dry_run"], facts["new"], facts["known"], facts["unreadable"]) == (False, 2, 1, 1)
    assert facts["imports"][0]["faults"][0] | {"text": ""} == {
        "file": "old.csv",
        "line": 5,
        "reason": "has no time that can be read",
        "text": "",
    }
    import_id = facts["imports"][0]["id"]
    (listed,) = shell.facts("import-history", "--list")["imports"]
    assert (listed["state"], listed["new"], listed["doubtful"], listed["skipped"]) == ("done", 2, 0, 1)
    assert "2 plays added; done" in shell("import-history", "--list").stdout
    assert shell("import-history", "--undo", str(import_id)).stdout == "removed 2 plays\n"
    many = write(tmp_path, "uts,artist,track\n" + "".join(f"{AT + n * 300},A,B\n" for n in range(1200)), "many.csv")
    said = shell("import-history", "--yes", str(many)).stdout
    assert said.startswith("a table (CSV) (many.csv): 1,200 new, 0 already there")
    assert shell("import-history", "--undo", str(import_id + 1)).stdout == "removed 1,200 plays\n"
    again = shell("import-history", "--undo", str(import_id))
    assert (again.exit_code, again.stderr) == (1, f"Error: import {import_id} has been undone already\n")
    assert "'tonearm import-history --undo" in shell("import-history", "--yes", str(path)).stdout


def test_a_file_without_plays_and_one_without_new_plays_say_so(shell: Shell, tmp_path: Path) -> None:
    empty = write(tmp_path, "uts,artist,track\n", "empty.csv")
    assert shell("import-history", str(empty)).stdout.startswith("a table (CSV) (empty.csv): no plays found\n")
    assert shell("import-history", "--yes", str(empty)).stdout == "a table (CSV) (empty.csv): no plays found\n"
    assert "(empty.csv): no plays found; done" in shell("import-history", "--list").stdout
    shell("import-history", "--yes", str(write(tmp_path, THREE, "old.csv")))
    shell("import-history", "--yes", str(write(tmp_path, THREE + "\n", "again.csv")))
    assert "(again.csv): nothing new: 3 plays already here; done" in shell("import-history", "--list").stdout


def test_an_unreadable_entry_of_a_document_has_its_number(shell: Shell, tmp_path: Path) -> None:
    rows = [{"artist": "Low", "track": "Words", "uts": AT}, {"artist": "Low", "track": "Fear", "uts": "soon"}]
    tried = shell("import-history", str(write(tmp_path, json.dumps(rows), "old.json")))
    assert tried.stderr.startswith("old.json, entry 2: ")


def test_an_export_is_written_whole_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    shell("import-history", "--yes", str(write(tmp_path, THREE)))
    lines = shell("export-history", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["uts"] for line in lines] == [AT, AT + 700]
    file = tmp_path / "out.csv"
    assert shell("export-history", str(file)).stdout == f"2 plays written to {file}\n"
    assert file.read_bytes().startswith(b'"uts","utc_time","artist"')
    assert shell.facts("import-history", str(file))["known"] == 2
    for form in ("listenbrainz", "maloja"):
        other = tmp_path / form
        assert shell.facts("export-history", "--format", form, str(other))["plays"] == 2
        assert shell.facts("import-history", str(other))["known"] == 2
    refused = shell("export-history", str(tmp_path / "nowhere" / "out.csv"))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.endswith(".part")) == []


def test_what_cannot_be_imported_is_reported_in_a_line(shell: Shell, tmp_path: Path) -> None:
    page = write(tmp_path, "<html>", "page.csv")
    said = shell("import-history", str(page))
    assert (said.exit_code, said.stderr.count("\n")) == (1, 1)
    assert "is a web page (HTML)" in said.stderr
    log = write(tmp_path, f"#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\nA\tB\tC\t1\t200\tL\t{AT}\t\n", ".scrobbler.log")
    asked = shell("import-history", str(log))
    assert (asked.exit_code, "--zone Europe/Berlin" in asked.stderr) == (1, True)
    assert shell.facts("import-history", "--zone", "Europe/Berlin", str(log))["imports"][0]["first"] == AT - 7200
    for wrong in (["--zone", "Atlantis", str(log)], ["--yes", "--dry-run", str(log)], [str(tmp_path / "nothing")]):
        assert shell("import-history", *wrong).exit_code == 2
    assert shell("export-history", "--json").exit_code == 2


def test_the_history_at_last_fm_is_imported_without_a_file(
    connected: Shell, emulator: Emulator, tmp_path: Path
) -> None:
    user = emulator.known_user(USER)
    for start in (AT, AT + 700):
        assert user.keep(Play("Nina Simone", "Sinnerman", start, sent_artist="Nina Simone", sent_track="Sinnerman"))
    assert "Last.fm has 2 plays to compare" in connected("import-history").stdout
    assert connected.facts("import-history", "--from-lastfm")["to_compare"] == 2
    assert connected.facts("import-history", "--yes")["new"] == 2
    assert connected.facts("import-history", "--yes", "--from-lastfm")["new"] == 0
    assert connected("import-history", "--from-lastfm", str(write(tmp_path, THREE))).exit_code == 2
    emulator.fault("error", error=17, methods=["user.getRecentTracks"])
    for words in (["--yes"], []):
        said = connected("import-history", *words)
        assert (said.exit_code, said.stderr.count("\n"), "error 17" in said.stderr) == (1, 1, True)


def test_without_a_key_or_a_sign_in_nothing_is_asked(shell: Shell, asking: Shell) -> None:
    for words in (["--yes"], []):
        assert "LASTFM_API_KEY" in shell("import-history", *words).stderr
        assert "tonearm login" in asking("import-history", *words).stderr


def test_waiting_plays_of_another_scrobbler_are_offered_for_sending(shell: Shell, tmp_path: Path) -> None:
    track = {"artist": "AC/DC", "song": "Thunderstruck", "timestamp": int(time.time()) - 600}
    path = write_json(tmp_path, {"tracks": [track]})
    assert "Last.fm still accepts 1 play of these: add --queue" in shell("import-history", str(path)).stdout
    assert shell.facts("import-history", "--yes", "--queue", str(path))["new"] == 1


def test_days_are_those_of_the_listeners_zone(shell: Shell, tmp_path: Path) -> None:
    path = write(tmp_path, THREE)
    for zone, day in (("Asia/Tokyo", "2020-09-13"), ("Pacific/Kiritimati", "2020-09-14")):
        there = replace(shell, variables={**shell.variables, "TZ": zone})
        zones.own.cache_clear()  # the command runs in this process, whose zone doesn't change otherwise
        said = there("import-history", str(path)).stdout
        zones.own.cache_clear()
        assert f"  from {day} to {day}\n" in said


def test_an_import_that_is_killed_is_continued_by_the_same_file(shell: Shell, tmp_path: Path) -> None:
    number = 20_000
    rows = "".join(f"{AT + n * 60},Artist {n % 90},Song {n % 900}\n" for n in range(number))
    path = write(tmp_path, "uts,artist,track\n" + rows)
    with shell.running("import-history", "--yes", str(path)) as (said, _):
        with closing(sqlite3.connect(shell.database, timeout=PATIENCE)) as db:
            while not db.execute("SELECT count(*) FROM play").fetchone()[0]:
                assert said.process.poll() is None
                pause()
        said.end(signal.SIGKILL)
    (half,) = shell.facts("import-history", "--list")["imports"]
    assert half["state"] == "running"
    assert "interrupted" in shell("import-history", "--list").stdout
    facts = shell.facts("import-history", "--yes", str(path))
    assert (facts["imports"][0]["id"], facts["new"], facts["known"]) == (half["id"], number, 0)
    with closing(sqlite3.connect(shell.database)) as db:
        assert db.execute("SELECT count(*) FROM play").fetchone() == (number,)
    assert shell.facts("import-history", "--undo", str(half["id"]))["removed"] == number


def test_the_history_at_last_fm_can_be_imported_every_hour(shell: Shell) -> None:
    assert shell("import-history", "--mirror").stdout == (
        "the history at Last.fm is imported every hour while a service runs\n"
    )
    assert shell.facts("import-history", "--no-mirror") == {"mirror": False}


def test_an_export_never_replaces_the_database_a_pipe_or_a_link(shell: Shell, tmp_path: Path) -> None:
    before = shell.database.read_bytes()
    refused = shell("export-history", str(shell.database))
    assert (refused.exit_code, "belongs to the database itself" in refused.stderr) == (1, True)
    assert shell.database.read_bytes() == before
    os.mkfifo(pipe := tmp_path / "pipe")
    assert "is not a regular file" in shell("export-history", str(pipe)).stderr
    (link := tmp_path / "link.csv").symlink_to(tmp_path / "out.csv")
    assert shell("export-history", str(link)).exit_code == 0
    assert link.is_symlink()
    assert (tmp_path / "out.csv").read_text().startswith('"uts"')


def test_an_export_to_a_dash_goes_to_standard_output(shell: Shell) -> None:
    assert shell("export-history", "-").stdout == shell("export-history").stdout


def test_an_export_of_a_database_that_is_not_there_leaves_an_older_one(shell: Shell, tmp_path: Path) -> None:
    (older := tmp_path / "old.csv").write_text("older")
    absent = tmp_path / "absent.db"
    refused = shell("export-history", str(older), "--database", str(absent))
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: no tonearm database at {absent}: ")
    assert (older.read_text(), absent.exists()) == ("older", False)
