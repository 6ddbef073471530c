"""`tonearm names`: names are merged and renamed in the figures, and that is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.history.files import AT, write


@pytest.fixture
def heard(shell: Shell, tmp_path: Path) -> Shell:
    low = ("Low,Words,Hope", "Low,Lullaby,Hope", "Low,Lullabye,Hope", "Low band,Words,")
    names = (*low, "Sigur Ros,Agaetis Byrjun,One")
    lines = [f"{AT + n * 300},{name}" for n, name in enumerate(names)]
    shell("import-history", "--yes", str(write(tmp_path, "\n".join(("uts,artist,track,album", *lines)) + "\n")))
    return shell


def shown(shell: Shell, what: str) -> dict[str, int]:
    facts = shell.facts("stats", "--zone", "UTC", "--show", what, "all")
    return {" – ".join(filter(None, (one["artist"], one["title"]))): one["plays"] for one in facts["names"]}


def error(shell: Shell, *words: str) -> str:
    said = shell("names", *words)
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    return said.stderr


def test_an_artist_is_merged_after_a_preview_and_that_is_undone(heard: Shell) -> None:
    names = ("--artist", "Low band", "--to-artist", "Low")
    before = shown(heard, "artists")
    assert heard("names", "merge", *names, "--dry-run").stdout == (
        "Low band would count as Low in your figures: 1 play, together with 3 plays of that\n"
    )
    assert shown(heard, "artists") == before == {"Low": 3, "Low band": 1, "Sigur Ros": 1}
    facts = heard.facts("names", "merge", *names)
    assert facts == {
        "listener": "me",
        "kind": "artist",
        "artist": "Low band",
        "title": None,
        "to_artist": "Low",
        "to_title": None,
        "plays": 1,
        "joined_plays": 3,
        "dry_run": False,
    }
    assert shown(heard, "artists") == {"Low": 4, "Sigur Ros": 1}
    assert shown(heard, "tracks")["Low – Words"] == 2
    listed: dict[str, Any] = heard.facts("names", "list")
    assert [(one["artist"], one["to_artist"], one["title"]) for one in listed["names"]] == [("Low band", "Low", None)]
    assert "artist Low band counts as Low" in heard("names", "list").stdout
    assert heard("names", "undo", "--artist", "LOW BAND").stdout == "LOW BAND is no longer merged or renamed\n"
    assert shown(heard, "artists") == before
    assert heard("names", "list").stdout == "no names are merged or renamed\n"


def test_a_track_and_an_album_are_renamed(heard: Shell) -> None:
    heard("names", "rename", "--artist", "Sigur Ros", "--to-artist", "Sigur Rós")
    heard("names", "rename", "--artist", "Sigur Ros", "--track", "Agaetis Byrjun", "--to-title", "Ágætis byrjun")
    assert shown(heard, "tracks")["Sigur Rós – Ágætis byrjun"] == 1
    said = heard("names", "rename", "--artist", "Low", "--album", "Hope", "--to-title", "I Could Live in Hope").stdout
    assert said == "Low – Hope counts as Low – I Could Live in Hope in your figures: 3 plays\n"
    assert shown(heard, "albums") == {"Low – I Could Live in Hope": 3, "Sigur Rós – One": 1}
    said = heard("names", "merge", "--artist", "Low", "--track", "Lullabye", "--to-title", "Lullaby").stdout
    assert said.endswith("1 play, together with 1 play of that\n")
    assert heard("names", "undo", "--artist", "Low", "--track", "Lullabye").exit_code == 0


def test_what_cannot_be_done_is_reported_in_a_line(heard: Shell) -> None:
    assert "haven't played Nobody" in error(heard, "rename", "--artist", "Nobody", "--to-artist", "Low")
    assert "isn't in your history" in error(heard, "merge", "--artist", "Low", "--to-artist", "Nobody")
    assert "another spelling" in error(heard, "merge", "--artist", "Low", "--to-artist", "LOW")
    assert "isn't merged or renamed" in error(heard, "undo", "--artist", "Low")
    assert "enter an artist" in error(heard, "rename", "--artist", "Low", "--to-artist", " ")
    for wrong in (
        ("--artist", "Low"),
        ("--artist", "Low", "--to-title", "x"),
        ("--artist", "Low", "--album", "a", "--track", "b", "--to-artist", "c"),
    ):
        assert heard("names", "rename", *wrong).exit_code == 2, wrong
