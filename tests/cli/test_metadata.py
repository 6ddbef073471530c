"""`tonearm artist`, `album`, `track`, `search` and `enrich`, from the shell to Last.fm and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from lastfm_emulator import Emulator
from lastfm_emulator.music import Artist, Record, Song
from tests import audio
from tests.cli.shell import Shell
from tonearm.commands import metadata

LONG = "word " * 100


def test_an_artist_is_shown_with_what_belongs_to_it(asking: Shell) -> None:
    said = asking("artist", "Nina Simone").output
    for words in ("1,912,345 listeners", "jazz, soul", "Ella Fitzgerald", "Pastel Blues", "Sinnerman"):
        assert words in said
    assert "Read more on Last.fm: https://www.last.fm/music/Nina+Simone" in said


def test_an_album_a_track_and_what_was_found_are_shown(asking: Shell) -> None:
    album = asking("album", "Nina Simone", "Pastel Blues").output
    assert "3. Sinnerman" in album
    assert "10:22" in album
    track = asking("track", "Nina Simone", "Sinnerman").output
    assert "10:22, on Pastel Blues" in track
    assert "Nina Simone" in asking("search", "nina").output
    assert "Pastel Blues – Nina Simone" in asking("search", "--kind", "album", "pastel").output
    assert "Sinnerman – Nina Simone" in asking("search", "--kind", "track", "sinnerman").output
    assert asking("search", "no such thing").output == "nothing found\n"


@pytest.mark.parametrize("name", ["AC/DC", "雪 🎷", "#1 ?%", "..", "-"])
def test_any_name_may_be_asked_for(asking: Shell, emulator: Emulator, name: str) -> None:
    emulator.music.add(Artist(name, (), (Record(name, (Song(name),)),)))
    for command, names in (("artist", (name,)), ("album", (name, name)), ("track", (name, name))):
        facts = asking.facts(command, *names)
        assert name in (facts.get("name"), facts.get("artist"))
        assert (facts["stale"], facts["age"] >= 0) == (False, True)


def test_output_does_not_control_the_terminal(asking: Shell, emulator: Emulator) -> None:
    emulator.music.add(Artist("\x1b[31mRed [bold]x[/]", ("\x1b]0;title\x07",), (), 1, "", f"<b>a</b>\x9b31m\n\n{LONG}"))
    said = asking("artist", "\x1b[31mRed [bold]x[/]").output
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert "[bold]x[/]" in said


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("artist", "nobody"), "Last.fm knows no artist 'nobody'"),
        (("album", "Can", "nothing"), "Last.fm knows no album 'nothing' by 'Can'"),
        (("track", "nobody", "nothing"), "Last.fm knows no track 'nothing' by 'nobody'"),
        (("artist", " "), "enter an artist"),
    ],
)
def test_what_is_not_known_is_reported_in_one_line(asking: Shell, words: tuple[str, ...], printed: str) -> None:
    said = asking(*words)
    assert said.exit_code == 1
    [line] = said.stderr.splitlines()
    assert printed in line


def test_what_was_shown_once_is_shown_while_lastfm_is_down(asking: Shell, emulator: Emulator) -> None:
    before = asking("artist", "Can").output
    emulator.fault("error", error=11)
    assert asking("artist", "Can").output == before
    said = asking("artist", "Low")
    assert said.exit_code == 1
    [line] = said.stderr.splitlines()
    assert line.startswith("Error: no cached answer for artist 'Low'; Last.fm error 11: ")
    emulator.clear_faults()
    emulator.fault("close-before-commit")
    [line] = asking("search", "Low").stderr.splitlines()
    assert line.startswith("Error: no cached answer for a search for 'Low'; Last.fm didn't answer: ")


def test_missing_parts_and_old_answers_are_marked(asking: Shell, emulator: Emulator) -> None:
    emulator.fault("error", error=8, methods=["artist.getSimilar"])
    assert "Not available right now: similar" in asking("artist", "Can").output


@pytest.mark.parametrize(("seconds", "words"), [(7200, "2 hours ago"), (50 * 3600, "2 days ago")])
def test_an_age_is_printed_in_words(seconds: float, words: str) -> None:
    assert metadata._ago(seconds) == words


def test_without_a_key_it_says_what_to_set(shell: Shell) -> None:
    for words, before in ((("artist", "Can"), "no cached answer for artist 'Can', and "), (("enrich",), "")):
        said = shell(*words)
        assert said.exit_code == 1
        assert said.stderr.startswith(f"Error: {before}no API key is configured: set LASTFM_API_KEY")


def test_a_scanned_library_is_enriched_and_no_file_is_touched(
    asking: Shell, emulator: Emulator, tmp_path: Path
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    for number, names in enumerate((("Nina Simone", "Sinnerman"), ("nobody", "nothing"))):
        (music / f"{number}.flac").write_bytes(audio.flac(audio.Tags(*names), 60))
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in music.iterdir()}
    assert asking.facts("scan", str(music))["new"] == 2
    assert asking.facts("enrich") == {"status": "success", "total": 2, "known": 1, "unknown": 1}
    assert "0 songs looked up" in asking("enrich").output
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in music.iterdir()} == before


def test_an_enrichment_that_lastfm_interrupts_says_where_it_continues(
    asking: Shell, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "1.flac").write_bytes(audio.flac(audio.Tags("Nina Simone", "Sinnerman"), 60))
    asking("scan", str(tmp_path))
    emulator.fault("error", error=11)
    said = asking("enrich")
    assert said.exit_code == 1
    assert "0 of 1 done; the next 'tonearm enrich' continues from there" in said.stderr
    emulator.clear_faults()
    assert asking.facts("enrich")["known"] == 1
