"""`tonearm stats`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.cli.shell import Shell
from tests.history.files import AT, write

DAY = datetime.fromtimestamp(AT, UTC).date()


def brought(shell: Shell, tmp_path: Path) -> None:
    year = 365 * 86400
    lines = [f"{AT + n * 300},Sigur Rós,Ágætis byrjun,One" for n in range(3)]
    lines += [f"{AT + 900},Sigur Ros,Agaetis Byrjun,One", f"{AT - year},Low,Words,", f"{AT - year - 900},Low,Words,"]
    lines += [f"{AT + year + 86400 * 9},Low,Words,"]
    path = write(tmp_path, "\n".join(("uts,artist,track,album", *lines)) + "\n")
    assert shell.facts("import-history", "--yes", str(path))["new"] == 7


def test_the_figures_of_a_period_are_shown_with_what_changed(shell: Shell, tmp_path: Path) -> None:
    brought(shell, tmp_path)
    said = shell("stats", "--zone", "UTC", str(DAY.year)).stdout
    assert said.startswith(f"{DAY.year}: 4 plays (+2 from the period before)\n  4 plays without a known length\n")
    assert "1 artist (1 new), 1 album, 1 track\n" in said
    assert "\n  longest streak ever: 1 day from " in said
    assert "\n  first play ever: Low – Words, " in said
    assert "\nTracks\n    1  Sigur Rós – Ágætis byrjun: 4 plays\n" in said
    facts = shell.facts("stats", "--zone", "UTC", "all")
    assert (facts["listener"], facts["plays"], facts["before"], facts["artists"]) == ("me", 7, None, 2)
    assert shell.facts("stats", "--zone", "UTC")["period"] == str(DAY.year + 1)


def test_each_figure_can_be_shown_by_itself(shell: Shell, tmp_path: Path) -> None:
    brought(shell, tmp_path)

    def show(what: str, *more: str) -> str:
        return shell("stats", "--zone", "UTC", "--show", what, *more).stdout

    assert show("artists", "all", "--limit", "1") == "    1  Sigur Rós: 4 plays\n"
    assert show("artists", "all", "--offset", "1", "--by", "heard").count("\n") == 1
    assert show("albums", "1999") == "nothing\n"
    assert show("days", str(DAY)) == f"{DAY}  4 plays\n"
    assert show("days", "1999") == "nothing\n"
    hours = show("hours", str(DAY)).splitlines()
    assert (len(hours), hours[0].split()[-1]) == (8, "23")
    assert sum(int(word) for line in hours[1:] for word in line.split()[1:] if word.isdigit()) == 4
    assert show("new", str(DAY.year), "--of", "tracks") == f"{DAY}  Sigur Rós – Ágætis byrjun: 4 plays\n"
    assert show("new", "1999") == "nothing new\n"
    assert show("rediscovered", str(DAY.year + 1)) == "    1  Low: 1 play\n"
    assert show("deliveries") == "no plays accepted in this period\n"
    assert shell.facts("stats", "--show", "on-this-day", "--zone", "UTC")["years"] == []
    assert "earlier years" in show("on-this-day")


def test_a_change_of_rank_is_reported(shell: Shell, tmp_path: Path) -> None:
    year = 365 * 86400
    lines = [f"{AT + n * 300},Up,One" for n in range(3)] + [f"{AT + n * 300 + 5000},Down,One" for n in range(2)]
    lines += [f"{AT - year},Up,One"] + [f"{AT - year + n * 300 + 5000},Down,One" for n in range(2)]
    lines += [f"{AT + 9000},New,One", f"{AT - year + 90000},Gone,One"]
    shell("import-history", "--yes", str(write(tmp_path, "\n".join(("uts,artist,track", *lines)) + "\n")))
    said = shell("stats", "--zone", "UTC", "--show", "artists", str(DAY.year)).stdout.splitlines()
    assert [line.partition("plays")[2] for line in said] == [" (up 1)", " (down 1)", ""]


def test_what_cannot_be_read_is_reported_in_a_line(shell: Shell) -> None:
    said = shell("stats", "someday")
    assert (said.exit_code, said.stderr.count("\n"), "2014-05-12" in said.stderr) == (1, 1, True)
    assert shell("stats", "--zone", "Atlantis").exit_code == 2
    assert shell("stats").stdout.endswith(
        ": 0 plays (+0 from the period before)\n  0 artists (0 new), 0 albums, 0 tracks\n  0 days with plays\n"
    )
