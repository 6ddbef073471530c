"""History files are recognised by what is in them, and each kind's habits are undone."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.history.files import (
    AT,
    MBID,
    entries,
    jsonl,
    listen,
    plays,
    skipped,
    unreadable,
    write,
    write_json,
    write_zip,
)
from tonearm.history.play import HistoryFileError, NamedFile, PastPlay, ZoneNeeded, where

CAPTURED = Path(os.environ.get("TONEARM_TEST_DATA", Path(__file__).parents[3] / "shared")) / "captured"
captured = pytest.mark.skipif(not CAPTURED.is_dir(), reason=f"there are no journals of real programs in {CAPTURED}")


def names(found: list[PastPlay]) -> list[tuple[int, str, str, str]]:
    return [(one.timestamp, one.artist, one.title, one.album) for one in found]


SINNERMAN = (AT, "Nina Simone", "Sinnerman", "Pastel Blues")


def test_the_csv_of_a_last_fm_exporter_with_a_header(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeffuts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\r\n"
        f'"{AT}","13 Sep 2020, 12:26","Nina Simone","","Pastel Blues","","Sinnerman","{MBID}"\r\n'
        f'{AT + 60},13 Sep 2020 12:27,Nina Simone,,,,7" Single,not-an-mbid\r\n'
        '"","","Nina Simone","","","","Feeling Good",""\r\n'
        f'"{AT + 120}","","Godspeed, You","","A ""quoted""\nalbum","","Storm",""\r\n',
    )
    sections, found = entries(path)
    assert [one.kind for one in sections] == ["a table (CSV)"]
    assert [one for one in found if isinstance(one, PastPlay)] == [
        PastPlay(AT, "Nina Simone", "Sinnerman", "Pastel Blues", mbid=MBID, line=2),
        PastPlay(AT + 60, "Nina Simone", '7" Single', line=3),
        PastPlay(AT + 120, "Godspeed, You", "Storm", 'A "quoted" album', line=5),
    ]
    assert skipped(found) == [(4, "has no time")]


def test_the_csv_of_a_last_fm_exporter_without_a_header_has_minutes_only(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "Nina Simone,Pastel Blues,Sinnerman,13 Sep 2020 12:26\n"
        '"Earth, Wind",All,September,"01 Jan 2021 00:00"\nA,B,C,\nA,B\n',
    )
    sections, found = entries(path)
    assert [one.kind for one in sections] == ["Last.fm to CSV, in minutes"]
    assert [one for one in found if isinstance(one, PastPlay)] == [
        PastPlay(AT - 40, "Nina Simone", "Sinnerman", "Pastel Blues", precision=60, line=1),
        PastPlay(1609459200, "Earth, Wind", "September", "All", precision=60, line=2),
    ]
    assert skipped(found) == [(3, "has no time")]
    assert unreadable(found) == [(4, "has 2 columns instead of 4")]


def test_a_name_that_begins_with_a_number_sign_is_no_comment(tmp_path: Path) -> None:
    rows = "#1 Dads,Album,Song,13 Sep 2020 12:26\n# made by hand\nNina Simone,Album,Song,13 Sep 2020 12:26\n"
    found = [one.artist for one in plays(write(tmp_path, rows))]
    assert found == ["#1 Dads", "Nina Simone"]
    rows = f"# made by hand\nartist,track,uts\n#1 Dads,Song,{AT}\n# the end\n"
    assert names(plays(write(tmp_path, rows))) == [(AT, "#1 Dads", "Song", "")]
    log = f"#AUDIOSCROBBLER/1.1\n#TZ/UTC\n#1 Dads\t\tSong\t1\t200\tL\t{AT}\nA\t\tB\t1\t200\tL\t{AT}\n"
    _, found_in_log = entries(write(tmp_path, log))
    assert [line for line, _ in skipped(found_in_log)] == [3]


def test_the_json_of_a_last_fm_exporter_is_a_list_of_pages(tmp_path: Path) -> None:
    track = {
        "artist": {"#text": "Nina Simone", "mbid": ""},
        "name": "Sinnerman",
        "mbid": MBID,
        "album": {"#text": "Pastel Blues"},
        "date": {"uts": str(AT), "#text": "13 Sep 2020, 12:26"},
    }
    playing = {key: value for key, value in track.items() if key != "date"}
    pages = [{"track": [playing, track]}, {"track": track, "@attr": {"page": "2"}}]
    for document in (pages, {"recenttracks": {"track": [playing, track, track]}}, [playing, track, track]):
        _, found = entries(write_json(tmp_path, document))
        assert names([one for one in found if isinstance(one, PastPlay)]) == [SINNERMAN] * 2
        assert [reason for _, reason in skipped(found)] == ["was playing at the time of the export"]


def test_a_listenbrainz_archive_holds_plays_only_in_its_listens(tmp_path: Path) -> None:
    lines = jsonl(
        listen(AT, "Nina Simone", "Sinnerman", additional_info={"duration_ms": 622000, "recording_mbid": MBID}),
        listen(AT + 700.9, "Nina Simone", "Be My Husband", mbid_mapping={"recording_mbid": MBID}),
    )
    path = write_zip(
        tmp_path,
        {
            "user.json": '{"user_id": 1}',
            "listens/2020/9.jsonl": lines,
            "feedback.jsonl": jsonl({"score": 1, "recording_mbid": MBID}),
            "pinned_recording.jsonl": jsonl({"created": AT, **listen(AT, "A", "B")}),
        },
    )
    first, second = plays(path)
    assert (first.timestamp, first.duration, first.mbid, first.stamp) == (AT, 622, MBID, "start")
    assert (second.timestamp, second.duration, second.mbid, second.line) == (AT + 700, None, MBID, 2)


def test_what_listenbrainz_has_from_spotify_is_the_end(tmp_path: Path) -> None:
    more = {"music_service": "spotify.com", "ms_played": 180000}
    (found,) = plays(write_json(tmp_path, [listen(AT, "Nina Simone", "Sinnerman", additional_info=more)]))
    assert (found.timestamp, found.stamp, found.played) == (AT - 180, "end", 180)
    more = {"submission_client": "ListenBrainz Archive Importer"}
    (found,) = plays(write_json(tmp_path, [listen(AT, "Nina Simone", "Sinnerman", additional_info=more)]))
    assert (found.timestamp, found.stamp) == (AT, "end")


def spotify(ts: str, ms: int, title: str | None = "Sinnerman", **more: object) -> dict[str, object]:
    return {
        "ts": ts,
        "ms_played": ms,
        "master_metadata_track_name": title,
        "master_metadata_album_artist_name": "Nina Simone",
        "master_metadata_album_album_name": "Pastel Blues",
        "skipped": None,
        "incognito_mode": False,
        **more,
    }


def test_spotifys_extended_history_has_the_end_and_many_rows_that_are_not_plays(tmp_path: Path) -> None:
    rows = [
        spotify("2020-09-13T12:26:40Z", 100_400),
        spotify("2020-09-13T12:30:00Z", 1_000),
        spotify("2020-09-13T13:00:00Z", 900_000, None),
        spotify("2020-09-13T14:00:00Z", 900_000, incognito_mode=True),
        spotify("some day", 900_000),
    ]
    path = write_zip(
        tmp_path,
        {
            "x/Streaming_History_Audio_2020_1.json": json.dumps(rows),
            "x/Streaming_History_Video_2020.json": "[]",
            "x/ReadMeFirst.pdf": b"%PDF",
        },
    )
    sections, found = entries(path)
    assert [one.kind for one in sections] == ["Spotify, extended history"]
    assert found[0] == PastPlay(
        AT - 100, "Nina Simone", "Sinnerman", "Pastel Blues", "Nina Simone", played=100.4, stamp="end", line=1
    )
    assert [reason.partition(" (")[0] for _, reason in skipped(found)] == [
        "played for less than 30 seconds",
        "not a song",
        "played in a private session",
    ]
    assert len(unreadable(found)) == 1
    assert len([one for one in entries(path, private=True)[1] if isinstance(one, PastPlay)]) == 2


def test_a_stream_of_spotify_may_have_been_paused_since_its_offline_timestamp(tmp_path: Path) -> None:
    rows = [
        spotify("2020-09-13T12:26:40Z", 100_000, offline_timestamp=told)
        for told in (None, 0, AT - 1900, (AT - 1900) * 1000, AT)
    ]
    found = plays(write_json(tmp_path, rows))
    assert [one.timestamp for one in found] == [AT - 100] * 5
    assert [one.earliest for one in found] == [0, 0, AT - 1900, AT - 1900, 0]


def test_a_stream_without_its_time_says_which_is_missing(tmp_path: Path) -> None:
    streams = [
        {"endTime": end, "artistName": "A", "trackName": "B", "msPlayed": played}
        for end, played in (("2020-09-13 12:26", "x"), ("soon", 200000))
    ]
    _, found = entries(write_json(tmp_path, streams))
    assert [reason for _, reason in unreadable(found)] == [
        "has no listening time that can be read",
        "has no time that can be read",
    ]


def test_spotifys_account_data_has_the_end_in_minutes(tmp_path: Path) -> None:
    def row(ms: int, artist: str = "Nina Simone") -> dict[str, object]:
        return {"endTime": "2020-09-13 12:26", "artistName": artist, "trackName": "Sinnerman", "msPlayed": ms}

    _, found = entries(write_json(tmp_path, [row(100_000), row(2), row(90_000, "Unknown Artist")]))
    assert found[0] == PastPlay(
        AT - 40 - 100, "Nina Simone", "Sinnerman", played=100, precision=60, stamp="end", line=2
    )
    assert len(skipped(found)) == 2


def test_maloja_names_the_source_of_a_play(tmp_path: Path) -> None:
    def scrobble(origin: str, **more: object) -> dict[str, object]:
        track = {"artists": ["Nina Simone"], "title": "Sinnerman", "album": None, "length": 622}
        return {"time": AT, "track": track, "duration": 100, "origin": origin, **more}

    rows = [scrobble("client:navidrome"), scrobble("import:lastfm"), scrobble("import:spotify")]
    found = plays(write_json(tmp_path, {"maloja": {"export_time": AT}, "scrobbles": rows}))
    assert [(one.timestamp, one.precision, one.stamp) for one in found] == [
        (AT, 1, "start"),
        (AT - 40, 60, "start"),
        (AT - 100, 1, "end"),
    ]
    assert found[0].duration == 622


def test_koito_names_a_song_by_its_primary_alias(tmp_path: Path) -> None:
    def aliases(*names: str) -> list[dict[str, object]]:
        return [{"alias": name, "is_primary": place == len(names) - 1} for place, name in enumerate(names)]

    row = {
        "listened_at": "2020-09-13T12:26:40Z",
        "track": {"mbid": None, "duration": 622, "aliases": aliases("Sinner Man", "Sinnerman")},
        "album": {"aliases": aliases("Pastel Blues")},
        "artists": [{"is_primary": False, "aliases": aliases("Nina", "Nina Simone")}],
    }
    document = {"version": "1", "exported_at": "2024-01-01T00:00:00Z", "user": "x", "listens": [row]}
    (found,) = plays(write_json(tmp_path, document))
    assert names([found]) == [SINNERMAN]
    assert found.duration == 622


def test_pano_has_milliseconds_and_loves(tmp_path: Path) -> None:
    row = {"timeHuman": "x", "timeMs": AT * 1000, "artist": "Nina Simone", "track": "Sinnerman"}
    row |= {"album": "Pastel Blues", "albumArtist": "", "durationMs": 622000, "event": "scrobble"}
    for path in (
        write(tmp_path, jsonl(row, {**row, "event": "love"}), "pano.jsonl"),
        write(
            tmp_path,
            "timeHuman,timeMs,artist,track,album,albumArtist,durationMs,mediaPlayerPackage,event\n"
            f"x,{AT}000,Nina Simone,Sinnerman,Pastel Blues,,622000,com.x,scrobble\n"
            f"x,{AT}000,Nina Simone,Sinnerman,Pastel Blues,,null,com.x,love\n",
            "pano.csv",
        ),
    ):
        _, found = entries(path)
        (play,) = (one for one in found if isinstance(one, PastPlay))
        assert names([play]) == [SINNERMAN]
        assert play.duration == 622
        assert [reason for _, reason in skipped(found)] == ["not a play"]


def test_libre_fms_csv_may_be_utf_7_with_comments_first(tmp_path: Path) -> None:
    plain = f"# From libre.fm\nTime, Artist, Track, Album\n{AT},Nina Simone,Sinnerman,Pastel Blues\n"
    coded = plain.replace("#", "+ACM-").replace("-", "-", 1)
    for path in (write(tmp_path, plain, "plain"), write(tmp_path, coded, "coded")):
        (found,) = plays(path)
        assert [part.strip() for part in found[1:4]] == ["Nina Simone", "Sinnerman", "Pastel Blues"]
    (found,) = plays(write(tmp_path, "Nina Simone\tSinnerman\t2020-09-13T12:26:40Z\n", "lastscrape"))
    assert found[:3] == (AT, "Nina Simone", "Sinnerman")


LOG = (
    "#AUDIOSCROBBLER/1.1\n#TZ/{zone}\n#CLIENT/Rockbox sansae200 $Revision$\n"
    f'Nina Simone\tPastel Blues\t"Sinnerman"\t10\t622\tL\t{AT}\t{MBID}\n'
    f"Nina Simone\tPastel Blues\tSkipped\t10\t622\tS\t{AT}\t\n"
    f"<Untagged>\t\tSong\t10\t622\tL\t{AT}\t\n"
    "Nina Simone\t\tSong\t10\t622\tL\t0\t\n"
    f"Nina Simone\t\t/Music/song.mp3\t10\t622\tL\t{AT}\t\n"
    "# FAILED - Nina\n"
    f"Nina Simone\t\tSong\tx\t622\tQ\t{AT}\n"
)


def test_a_scrobbler_log_keeps_quotes_and_drops_what_was_skipped(tmp_path: Path) -> None:
    sections, found = entries(write(tmp_path, LOG.format(zone="UTC")))
    assert [one.kind for one in sections] == [".scrobbler.log"]
    (play,) = (one for one in found if isinstance(one, PastPlay))
    assert play == PastPlay(
        AT, "Nina Simone", '"Sinnerman"', "Pastel Blues", duration=622, track_number=10, mbid=MBID, line=4
    )
    assert [line for line, _ in skipped(found)] == [5, 6, 7, 8]
    assert unreadable(found) == [(10, "doesn't have the columns of a .scrobbler.log")]


def test_a_log_in_local_time_asks_for_the_zone(tmp_path: Path) -> None:
    path = write(tmp_path, LOG.format(zone="UNKNOWN"))
    with pytest.raises(ZoneNeeded, match="--zone Europe/Berlin"):
        entries(path)
    _, found = entries(path, zone=ZoneInfo("Europe/Berlin"))
    assert [one.timestamp for one in found if isinstance(one, PastPlay)] == [AT - 7200]


def test_a_playback_log_takes_its_names_from_the_library(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"# Rockbox\n{AT}:400000:622000:/<microSD0>/Music/a:b.mp3\n{AT}:10000:622000:/x.mp3\n"
        f"{AT}:400000:622000:/unknown.mp3\nnonsense\n",
    )
    with pytest.raises(ZoneNeeded):
        entries(path)
    known = {"/<microSD0>/Music/a:b.mp3": NamedFile("Nina Simone", "Sinnerman")}
    _, found = entries(path, zone=ZoneInfo("Europe/Berlin"), by_path=known.get)
    (play,) = (one for one in found if isinstance(one, PastPlay))
    assert (play.timestamp, play.artist, play.played, play.duration) == (AT - 7200, "Nina Simone", 400, 622)
    assert [line for line, _ in skipped(found)] == [3, 4]
    assert unreadable(found) == [(5, "isn't a line of a playback.log")]


def test_waiting_plays_of_mpdscribble_qmmp_and_rhythmbox(tmp_path: Path) -> None:
    files = {
        "mpdscribble, waiting plays": f"a = Nina Simone\nt = Sinnerman\nn = 10\ni = {AT}\nl = 622\no = P\n\n",
        "qmmp, waiting plays": f"title=Sinner\nman\nartist=Nina Simone\ntrack=10\nduration=622000\ntime={AT}\n",
        "Rhythmbox, waiting plays": f"a=Nina%20Simone&t=Sinnerman&b=Pastel%20Blues&m=&l=622&i={AT}\n",
    }
    for kind, text in files.items():
        (section,), (found,) = entries(write(tmp_path, text))
        assert (section.kind, section.journal) == (kind, True)
        assert isinstance(found, PastPlay)
        assert (found.timestamp, found.artist, found.title.replace(" ", ""), found.duration) == (
            AT,
            "Nina Simone",
            "Sinnerman",
            622,
        )
    track = {"artist_name": "Nina Simone", "track_name": "Sinnerman", "additional_info": None}
    (section,), (found,) = entries(write_json(tmp_path, [[AT, track]]))
    assert section.journal
    assert found[:3] == (AT, "Nina Simone", "Sinnerman")


@captured
def test_journals_that_real_programs_have_written() -> None:
    first, second, third = plays(CAPTURED / "audacious" / "scrobbler.log")
    assert (first.artist, first.title, first.duration) == ("Björk", "Jóga", 40)
    assert (third.artist, third.title, third.line) == ("Tab Artist", "New Line", 3)
    assert second.album_artist == ""
    _, with_album_artist = plays(CAPTURED / "audacious" / "scrobbler-albumartist.log")
    assert with_album_artist.album_artist == "Album Artist"
    (strawberry,) = plays(CAPTURED / "strawberry" / "lastfmscrobbler.cache")
    assert (strawberry.title, strawberry.duration, strawberry.track_number) == (
        "Rock & Roll = Noise; 100% + más",
        40,
        9,
    )
    _, found = entries(CAPTURED / "liblastfm" / "testuser_subs_cache.xml")
    assert [one.title for one in found if isinstance(one, PastPlay)][:2] == ['Jóga "Q" & <x>', "Tab Title Line"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Please sign in", "web page"),
        (b"SQLite format 3\0....", "SQLite database"),
        (b"\x80\x04\x95....", "pickle"),
        (b"\0\1\2\3", "binary"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?><recenttracks/>', "choose CSV or JSON"),
        (b"\xff\xd8\xff", "picture"),
        (b"Dear diary,\ntoday I listened to music.\n", "isn't a listening history"),
        (b'{"a": 1}', "isn't a listening history"),
        (b"# only a comment\n", "isn't a listening history"),
        (b"PK\x03\x04 cut off", "damaged zip"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><submissions/>', "entities"),
    ],
)
def test_what_is_not_a_history_is_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(HistoryFileError, match=said):
        entries(write(tmp_path, content))


def test_an_archive_without_a_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryFileError, match="no listening history"):
        entries(write_zip(tmp_path, {"letter.txt": "Dear diary"}))


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = f"uts,artist,track\n{AT},A,B\n" + (" " * 999 + "\n") * 6_000
    with pytest.raises(HistoryFileError, match="zip bomb"):
        entries(write_zip(tmp_path, {"history.csv": bomb}))
    with pytest.raises(HistoryFileError, match="zip bomb"):
        entries(write(tmp_path, gzip.compress(bomb.encode()), "history.csv.gz"))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress((f"uts,artist,track\n{AT},A,B\n" * 1000).encode()))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(HistoryFileError, match="damaged"):
        entries(write(tmp_path, bytes(packed)))


def test_a_line_of_a_gigabyte_is_left_out_and_the_next_is_read(tmp_path: Path) -> None:
    text = f"uts,artist,track\n{AT},A,B\n" + "x" * 3_000_000 + f"\n{AT + 1},A,C\n"
    _, found = entries(write(tmp_path, text))
    assert unreadable(found) == [(3, "the line is too long")]
    assert [one.line for one in found if isinstance(one, PastPlay)] == [2, 4]


def test_an_unclosed_quote_invalidates_only_its_line(tmp_path: Path) -> None:
    text = f'uts,artist,track\n{AT},"A,B\n' + f"{AT + 1},A,C\n" * 30
    _, found = entries(write(tmp_path, text))
    assert unreadable(found) == [(2, "a quotation mark is never closed")]
    assert len([one for one in found if isinstance(one, PastPlay)]) == 30


def test_impossible_times_and_broken_names_are_reported_with_their_lines(tmp_path: Path) -> None:
    text = f"uts,artist,track\n100,A,B\n4070908800,A,B\nsoon,A,B\n{AT},,B\n{AT},A,\n{AT},A\n{AT},A,B\n"
    _, found = entries(write(tmp_path, text.encode() + f"{AT},Bj\xf6rk,Joga\n".encode("latin-1")))
    assert [line for line, _ in unreadable(found)] == [2, 3, 4, 5, 6, 7, 9]
    assert unreadable(found)[0][1] == "its time is 1970-01-01, which can't be right"
    assert unreadable(found)[-1][1] == "isn't UTF-8"


def test_utf_16_is_read(tmp_path: Path) -> None:
    (found,) = plays(write(tmp_path, f"uts,artist,track\n{AT},Björk,Jóga\n".encode("utf-16")))
    assert found.artist == "Björk"


def test_a_cut_off_document_gives_what_comes_before_the_cut(tmp_path: Path) -> None:
    whole = write_json(tmp_path, [listen(AT + n, "A", f"Song {n}") for n in range(5)]).read_text()
    _, found = entries(write(tmp_path, whole[: len(whole) - 200]))
    assert len([one for one in found if isinstance(one, PastPlay)]) == 4
    ((line, reason),) = unreadable(found)
    assert reason == "the file ends in the middle of an entry"
    assert whole.split("\n")[line - 1].strip() == "{"


def test_entries_of_another_shape_are_counted_and_the_others_read(tmp_path: Path) -> None:
    rows = [listen(AT, "A", "B"), 7, {"track_metadata": 5, "listened_at": AT}, listen(AT + 1, "A", "C")]
    _, found = entries(write_json(tmp_path, rows))
    assert len(unreadable(found)) == 2
    assert len([one for one in found if isinstance(one, PastPlay)]) == 2
    _, found = entries(write(tmp_path, jsonl(*rows) + "{broken\n"))
    assert [line for line, _ in unreadable(found)] == [2, 3, 5]
    assert plays(write(tmp_path, "[]")) == []


def test_an_entry_of_a_document_on_one_line_is_named_by_its_number(tmp_path: Path) -> None:
    rows = [listen(AT, "A", "B"), 7, listen(AT, "", "C"), listen(AT, "A", "D")]
    whole = json.dumps(rows)
    _, found = entries(write(tmp_path, whole))
    assert [where(line) for line, _ in unreadable(found)] == ["entry 2", "entry 3"]
    _, found = entries(write(tmp_path, whole[:-9]))
    assert [where(line) for line, _ in unreadable(found)] == ["entry 2", "entry 3", "entry 4"]
    _, found = entries(write(tmp_path, json.dumps(rows, indent=1)))
    line, _ = unreadable(found)[0]
    assert where(line) == f"entry 2 (line {int(line)})"
    _, found = entries(write(tmp_path, jsonl(*rows)))
    assert [where(line) for line, _ in unreadable(found)] == ["line 2", "line 3"]


def track(at: int, title: str) -> dict[str, object]:
    return {"artist": {"#text": "A"}, "name": title, "album": {"#text": ""}, "date": {"uts": str(at)}}


def test_documents_that_were_joined_are_all_read(tmp_path: Path) -> None:
    pages = [{"track": [track(AT, "B")]}, {"track": track(AT + 300, "C")}]
    for joined in (
        "\n".join(map(json.dumps, pages)),
        "".join(json.dumps([page]) for page in pages),
        "\r\n\ufeff".join(json.dumps({"recenttracks": page}) for page in pages),
    ):
        assert [(one.timestamp, one.title) for one in plays(write(tmp_path, joined))] == [(AT, "B"), (AT + 300, "C")]
    _, found = entries(write(tmp_path, json.dumps(pages) + "the end"))
    assert len([one for one in found if isinstance(one, PastPlay)]) == 2
    assert [reason for _, reason in unreadable(found)] == ["this is not valid JSON"]


def test_a_single_play_in_last_fms_answer_is_an_object(tmp_path: Path) -> None:
    (found,) = plays(write_json(tmp_path, {"recenttracks": {"@attr": {"page": "1"}, "track": track(AT, "B")}}))
    assert (found.timestamp, found.title) == (AT, "B")


def test_files_that_were_joined_have_their_header_again(tmp_path: Path) -> None:
    half = f'\ufeff"uts","artist","track"\r\n"{AT}","A","B"\r\n'
    assert len(plays(write(tmp_path, half + half))) == 2


def test_lines_may_end_in_carriage_returns(tmp_path: Path) -> None:
    rows = f"uts,artist,track\r{AT},Björk,Jóga\r{AT + 300},Björk,Hunter\r"
    for content in (rows.encode(), rows.encode("utf-16")):
        assert [(one.title, one.line) for one in plays(write(tmp_path, content))] == [("Jóga", 2), ("Hunter", 3)]
    assert len(plays(write(tmp_path, "A;Album;B;13 Sep 2020 12:26\rA;Album, the;C;13 Sep 2020 12:36\r"))) == 2


def test_a_row_that_is_cut_off_is_no_play_with_half_a_name(tmp_path: Path) -> None:
    rows = f"uts,artist,track,track_mbid\n{AT},A,Song,\n{AT + 300},A,Another So"
    _, found = entries(write(tmp_path, rows))
    assert [one.title for one in found if isinstance(one, PastPlay)] == ["Song"]
    assert unreadable(found) == [(3, "the file ends in the middle of this line")]
    assert len(plays(write(tmp_path, rows + "ng,"))) == 2
    assert len(plays(write(tmp_path, rows + "ng\n"))) == 2


def test_an_album_in_another_encoding_loses_no_letters(tmp_path: Path) -> None:
    _, found = entries(write(tmp_path, f"uts,artist,track,album\n{AT},A,B,Ágætis byrjun\n".encode("latin-1")))
    assert unreadable(found) == [(2, "isn't UTF-8")]


def test_pano_appends_longer_rows_to_a_file_that_an_older_version_began(tmp_path: Path) -> None:
    text = (
        "timeHuman,timeMs,artist,track,album,albumArtist,durationMs,mediaPlayerPackage\n"
        f"x,{AT}000,Nina Simone,Sinnerman,Pastel Blues,,622000,com.x\n"
        f"x,{AT + 700}000,Nina Simone,Feeling Good,,,174000,com.x,X,1.0,scrobble\n"
        f"x,{AT + 900}000,Nina Simone,Feeling Good,,,null,com.x,X,1.0,love\n"
    )
    _, found = entries(write(tmp_path, text))
    assert [one.title for one in found if isinstance(one, PastPlay)] == ["Sinnerman", "Feeling Good"]
    assert skipped(found) == [(4, "not a play")]
    for cut in range(len("love\n"), len(",com.x,X,1.0,love\n")):  # a heart whose event is cut off is no play
        _, found = entries(write(tmp_path, text[:-cut]))
        assert unreadable(found) == [(4, "the file ends in the middle of this line")]


def test_spotifys_account_data_has_podcasts_and_a_library_beside_the_plays(tmp_path: Path) -> None:
    play = {"endTime": "2020-09-13 12:30", "artistName": "A", "trackName": "B", "msPlayed": 200000}
    podcast = {"endTime": "2020-09-13 12:30", "podcastName": "P", "episodeName": "E", "msPlayed": 900000}
    members: dict[str, str | bytes] = {
        "StreamingHistory_music_0.json": json.dumps([play]),
        "StreamingHistory_podcast_0.json": json.dumps([podcast]),
        "StreamingHistory_audiobook_0.json": "[]",
        "YourLibrary.json": json.dumps({"tracks": [{"artist": "A", "album": "", "track": "B", "uri": "x"}]}),
    }
    sections, found = entries(write_zip(tmp_path, members))
    assert {one.kind for one in sections} == {"Spotify, account data"}
    assert [one.title for one in found if isinstance(one, PastPlay)] == ["B"]
    assert skipped(found) == [(1, "not a song (a podcast, an audiobook, or removed by Spotify)")]


def test_a_devices_log_is_known_by_its_name_if_its_header_is_missing(tmp_path: Path) -> None:
    line = f"A\t\tB\t1\t200\tL\t{AT}\tnot-an-mbid\n"
    with pytest.raises(ZoneNeeded):
        entries(write(tmp_path, line, ".scrobbler.log"))
    (found,) = plays(write(tmp_path, line, ".scrobbler.log"), zone=ZoneInfo("Europe/Berlin"))
    assert (found.timestamp, found.album_artist) == (AT - 7200, "")
    (found,) = plays(write(tmp_path, line, "scrobbler.log"), zone=ZoneInfo("Europe/Berlin"))
    assert found.timestamp == AT
    (found,) = plays(write(tmp_path, "#AUDIOSCROBBLER/1.1\n#TZ/UTC\n" + line))
    assert found.album_artist == ""


def test_archives_in_archives_and_files_without_a_suffix_are_read(tmp_path: Path) -> None:
    rows = f"uts,artist,track\n{AT},A,B\n"
    inner = write_zip(tmp_path, {"history.csv": rows, "letter.txt": "Dear diary"}, "inner.zip").read_bytes()
    members: dict[str, str | bytes] = {
        "inner.zip": inner,
        "old.csv.gz": gzip.compress(rows.encode()),
        "photos.zip": write_zip(tmp_path, {"a.jpg": b"\xff\xd8\xff"}, "photos.zip").read_bytes(),
        "ipod/.scrobbler.log": f"#AUDIOSCROBBLER/1.1\n#TZ/UTC\nA\t\tB\t1\t200\tL\t{AT}\n",
        "submission-queues/Last.fm/me": f"a=A&t=B&b=&m=&l=200&i={AT}&o=P&n=&r=\n",
        "__MACOSX/ipod/._.scrobbler.log": b"\0\5\x16\7",
    }
    sections, found = entries(write_zip(tmp_path, members))
    assert [one.name for one in sections] == [
        "inner.zip: history.csv",
        "old.csv.gz",
        "ipod/.scrobbler.log",
        "submission-queues/Last.fm/me",
    ]
    assert [one.title for one in found if isinstance(one, PastPlay)] == ["B"] * 4


def test_an_archive_in_an_archive_may_be_a_zip_bomb(tmp_path: Path) -> None:
    bomb = f"uts,artist,track\n{AT},A,B\n" + (" " * 999 + "\n") * 6_000
    inner = write_zip(tmp_path, {"history.csv": bomb}, "inner.zip").read_bytes()
    with pytest.raises(HistoryFileError, match="zip bomb"):
        entries(write_zip(tmp_path, {"inner.zip": inner}))
    # Many files that are alike: no archive alone unpacks to much, but one in the other does.
    others = "".join(f"{AT + n * n},Nina Simone,Song {n**5 % 9973}\n" for n in range(600))
    alike = f"uts,artist,track\n{others}" + f"{AT},Nina Simone,Sinnerman\n" * 50_000
    inner = write_zip(tmp_path, {f"history-{n}.csv": alike for n in range(20)}, "inner.zip").read_bytes()
    outer = write_zip(tmp_path, {"inner.zip": inner})
    assert 20 * len(alike) < 200 * len(inner) < 200 * 200 * outer.stat().st_size
    with pytest.raises(HistoryFileError, match="zip bomb"):
        entries(outer)
