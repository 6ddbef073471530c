"""Valid files with tags in unusual places, rarer formats, and lengths that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import audio
from tests import odd_audio as odd
from tests.audio import Tags
from tonearm.library.answer import Tags as Read
from tonearm.library.answer import Unfit
from tonearm.library.tags import read_tags

RECORDING, STALE = "054a6cef-c53a-4ffa-a76e-69d2b8cc7d09", "11111111-2222-3333-4444-555555555555"
A_AND_B = [odd.id3_text("TPE1", "A"), odd.id3_text("TIT2", "B"), odd.id3_text("TRCK", "3/12")]
ID3 = odd.id3(A_AND_B)
APE = odd.apev2([("Artist", "A"), ("Title", "B"), ("Track", "3/12")])


def read(folder: Path, content: bytes, suffix: str) -> Read:
    path = folder / f"a{suffix}"
    path.write_bytes(content)
    found = read_tags(str(path))
    assert isinstance(found, Read), found
    return found


def names(folder: Path, content: bytes, suffix: str = ".mp3") -> tuple[str, str]:
    track = read(folder, content, suffix).track
    return track.artist, track.title


@pytest.mark.parametrize("version", [3, 4])
def test_an_unsynchronised_id3_tag_is_read(tmp_path: Path, version: int) -> None:
    texts = [odd.id3_text("TPE1", "Sigur Rós", utf16=True), odd.id3_text("TIT2", "ÿÿ", utf16=True)]
    assert names(tmp_path, odd.mp3(odd.id3_unsynchronised(texts, version))) == ("Sigur Rós", "ÿÿ")


def test_id3_with_the_plain_sizes_of_itunes_is_read(tmp_path: Path) -> None:
    texts = [odd.id3_text("TALB", "C" * 300), odd.id3_text("TPE1", "A" * 200), odd.id3_text("TIT2", "B")]
    assert names(tmp_path, odd.mp3(odd.id3(texts, plain_sizes=True))) == ("A" * 200, "B")


def test_an_mp3_with_nothing_but_apev2_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, odd.mp3(b"", APE), ".mp3").track
    assert (found.artist, found.title, found.track_number) == ("A", "B", 3)


def test_apev2_counts_more_than_the_short_names_of_id3v1(tmp_path: Path) -> None:
    long = "A name of more than thirty letters"
    assert names(tmp_path, odd.mp3(b"", odd.apev2([("Artist", long), ("Title", "B")]) + odd.id3v1(long, "B"))) == (
        long,
        "B",
    )
    assert names(tmp_path, odd.mp3(b"", odd.id3v1("A", "B"))) == ("A", "B")


def test_vorbis_comments_count_more_than_id3_in_front_of_a_flac(tmp_path: Path) -> None:
    stale = odd.id3([odd.id3_text("TPE1", "stale"), odd.id3_text("TIT2", "stale")])
    assert names(tmp_path, odd.flac([("ARTIST", "A"), ("TITLE", "B")], stale), ".flac") == ("A", "B")
    assert names(tmp_path, odd.flac([], stale), ".flac") == ("stale", "stale")


@pytest.mark.parametrize("other", ["AUTHOR", "ARTISTS", "PERFORMER", "ALBUMARTIST"])
def test_the_artist_is_the_artist_whatever_comes_before_it(tmp_path: Path, other: str) -> None:
    comments = [(other, "X"), ("ARTIST", "A"), ("TITLE", "B")]
    assert names(tmp_path, odd.flac(comments), ".flac") == ("A", "B")
    atoms = [odd.mp4_text(f"----:{other}", "X"), odd.mp4_text("\xa9ART", "A"), odd.mp4_text("\xa9nam", "B")]
    assert names(tmp_path, odd.m4a(atoms), ".m4a") == ("A", "B")


def test_a_credit_stays_whole_and_its_artists_are_known(tmp_path: Path) -> None:
    comments = [("ARTISTS", "Alice"), ("ARTISTS", "Bob"), ("ARTIST", "Alice feat. Bob"), ("TITLE", "B")]
    found = read(tmp_path, odd.flac(comments), ".flac")
    assert (found.track.artist, found.artists) == ("Alice feat. Bob", ("Alice", "Bob"))
    atoms = [
        odd.mp4_text("----:ARTISTS", "Alice", "Bob"),
        odd.mp4_text("\xa9ART", "Alice & Bob"),
        odd.mp4_text("\xa9nam", "B"),
    ]
    found = read(tmp_path, odd.m4a(atoms), ".m4a")
    assert (found.track.artist, found.artists) == ("Alice & Bob", ("Alice", "Bob"))
    texts = [
        odd.id3_text("TPE1", "Alice + Bob"),
        odd.id3_named_text("Artists", "Alice\0Bob"),
        odd.id3_text("TIT2", "B"),
    ]
    found = read(tmp_path, odd.mp3(odd.id3(texts)), ".mp3")
    assert (found.track.artist, found.artists) == ("Alice + Bob", ("Alice", "Bob"))


@pytest.mark.parametrize(
    ("artists", "credit", "each"),
    [
        (["Alice"], "Alice", ()),
        (["Alice", "Alice"], "Alice", ()),
        (["Alice", "Bob"], "Alice & Bob", ("Alice", "Bob")),
        (["Alice", "", "Bob", "Carol"], "Alice, Bob & Carol", ("Alice", "Bob", "Carol")),
    ],
)
def test_several_artists_are_one_credit(tmp_path: Path, artists: list[str], credit: str, each: tuple[str, ...]) -> None:
    values = "\0".join(artists)
    for content, suffix in (
        (odd.flac([*(("ARTIST", artist) for artist in artists), ("TITLE", "B")]), ".flac"),
        (odd.mp3(odd.id3([odd.id3_text("TPE1", values), odd.id3_text("TIT2", "B")])), ".mp3"),
        (odd.wavpack(odd.apev2([("Artist", values), ("Title", "B")])), ".wv"),
        (odd.m4a([odd.mp4_text("\xa9ART", *artists), odd.mp4_text("\xa9nam", "B")]), ".m4a"),
        (odd.flac([*(("ARTISTS", artist) for artist in artists), ("TITLE", "B")]), ".flac"),
    ):
        found = read(tmp_path, content, suffix)
        assert (found.track.artist, found.artists) == (credit, each)


def test_the_artists_of_an_album_artist_are_unknown(tmp_path: Path) -> None:
    found = read(tmp_path, odd.flac([("ALBUM ARTIST", "Alice & Bob"), ("TITLE", "B")]), ".flac")
    assert (found.track.artist, found.track.album_artist, found.artists) == ("Alice & Bob", "Alice & Bob", ())


@pytest.mark.parametrize("name", ["ALBUMARTIST", "ALBUM ARTIST", "ALBUM_ARTIST", "Album Artist"])
def test_the_album_artist_goes_by_several_names(tmp_path: Path, name: str) -> None:
    for content, suffix in (
        (odd.flac([(name, "A"), ("TITLE", "B")]), ".flac"),
        (odd.mp3(odd.id3([odd.id3_named_text(name, "A"), odd.id3_text("TIT2", "B")])), ".mp3"),
        (odd.m4a([odd.mp4_text(f"----:{name}", "A"), odd.mp4_text("\xa9nam", "B")]), ".m4a"),
        (odd.musepack(odd.apev2([(name, "A"), ("Title", "B")])), ".mpc"),
        (odd.wma([(name, "A")], "", "B"), ".wma"),
    ):
        track = read(tmp_path, content, suffix).track
        assert (track.artist, track.album_artist) == ("A", "A")


def test_the_recording_is_the_one_that_picard_writes(tmp_path: Path) -> None:
    stale = [odd.id3_named_text("MUSICBRAINZ_TRACKID", STALE), odd.id3_named_text("MusicBrainz Track Id", STALE)]
    content = odd.mp3(odd.id3([*A_AND_B, *stale, odd.id3_recording(RECORDING)]))
    assert read(tmp_path, content, ".mp3").track.mbid == RECORDING
    atoms = [
        odd.mp4_text("\xa9ART", "A"),
        odd.mp4_text("\xa9nam", "B"),
        odd.mp4_text("----:MUSICBRAINZ_TRACKID", STALE),
        odd.mp4_text("----:MusicBrainz Track Id", RECORDING),
    ]
    assert read(tmp_path, odd.m4a(atoms), ".m4a").track.mbid == RECORDING
    content = odd.wma([("MUSICBRAINZ_TRACKID", STALE), ("MusicBrainz/Track Id", RECORDING)], "A", "B")
    assert read(tmp_path, content, ".wma").track.mbid == RECORDING
    assert read(tmp_path, odd.mp3(odd.id3([*A_AND_B, stale[0]])), ".mp3").track.mbid == STALE


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".spx", odd.speex([("ARTIST", "A"), ("TITLE", "B"), ("TRACKNUMBER", "3/12")], 4)),
        (".wma", odd.wma([("WM/TrackNumber", "3/12")], "A", "B", 4)),
        (".aif", odd.aiff([(b"ID3 ", ID3)], 4)),
        (".wv", odd.wavpack(APE, 4)),
        (".dsf", odd.dsf(ID3, 4)),
        (".tta", odd.true_audio(ID3, 4)),
        (".mpc", odd.musepack(APE, 4)),
        (".ape", odd.monkeys_audio(APE, 4)),
        (".aac", odd.mp3(ID3, seconds=4)),
    ],
)
def test_rarer_formats_are_read(tmp_path: Path, suffix: str, content: bytes) -> None:
    track = read(tmp_path, content, suffix).track
    assert (track.artist, track.title, track.track_number) == ("A", "B", 3)
    assert track.duration == pytest.approx(4, abs=0.03)


def test_text_in_the_encoding_of_windows_is_decoded(tmp_path: Path) -> None:
    info = [(b"IART", "Björk…".encode("cp1252") + b"\0"), (b"INAM", "Jóga".encode("cp1252")), (b"ITRK", b"3\0")]
    assert names(tmp_path, odd.wav(info), ".wav") == ("Björk…", "Jóga")
    assert names(tmp_path, odd.rf64(info), ".wav") == ("Björk…", "Jóga")
    assert names(tmp_path, odd.wav([(b"IART", "Björk".encode()), (b"INAM", b"B")]), ".wav") == ("Björk", "B")


def test_the_text_chunks_of_an_aiff_are_read(tmp_path: Path) -> None:
    assert names(tmp_path, odd.aiff([(b"NAME", b"B"), (b"AUTH", "Björk".encode("cp1252"))]), ".aiff") == ("Björk", "B")


def test_the_sound_of_an_mp4_is_music_and_its_pictures_are_not(tmp_path: Path) -> None:
    atoms = [odd.mp4_text("\xa9ART", "A"), odd.mp4_text("\xa9nam", "B")]
    assert names(tmp_path, odd.m4a(atoms), ".mp4") == ("A", "B")
    assert names(tmp_path, odd.m4a(atoms, video=True), ".m4a") == ("A", "B")  # the pictures of its chapters
    path = tmp_path / "film.mp4"
    path.write_bytes(odd.m4a(atoms, video=True))
    assert read_tags(str(path)) == Unfit("a video, not music")


@pytest.mark.parametrize("claims", [0x7FFFFFFF, 0xFFFFFFFF, 10**9])
def test_a_wave_from_a_pipe_is_as_long_as_its_sound(tmp_path: Path, claims: int) -> None:
    content = odd.wav([(b"IART", b"A"), (b"INAM", b"B")], 40, claims)
    assert read(tmp_path, content, ".wav").track.duration == 40


def test_a_wave_of_more_than_4_gigabytes_is_as_long_as_its_sound(tmp_path: Path) -> None:
    assert read(tmp_path, odd.rf64([(b"IART", b"A"), (b"INAM", b"B")], 40), ".wav").track.duration == 40


@pytest.mark.parametrize(
    ("samples", "byte_rate", "seconds"), [(8000, 0, 1), (8000, 333, 1), (0xFFFFFFFF, 500, 2), (0, 500, 2), (0, 0, None)]
)
def test_a_compressed_wave_is_as_long_as_its_samples(
    tmp_path: Path, samples: int, byte_rate: int, seconds: float | None
) -> None:
    content = odd.wav_compressed([(b"IART", b"A"), (b"INAM", b"B")], samples, byte_rate)
    assert read(tmp_path, content, ".wav").track.duration == seconds


def test_a_chained_ogg_has_no_known_length(tmp_path: Path) -> None:
    chain = [Tags("A", "B"), Tags("C", "D"), Tags("E", "F")]
    track = read(tmp_path, odd.ogg_chained(chain, 10.0), ".ogg").track
    assert (track.artist, track.title, track.duration) == ("A", "B", None)
    assert read(tmp_path, odd.ogg_chained(chain[:1], 10.0), ".ogg").track.duration == pytest.approx(10, abs=0.6)


@pytest.mark.parametrize("minutes", [1, 600])
def test_an_ogg_from_the_middle_of_a_stream_has_no_known_length(tmp_path: Path, minutes: int) -> None:
    tags, pairs = Tags("A", "B"), [("ARTIST", "A"), ("TITLE", "B")]
    for whole, rate, suffix in (
        (audio.ogg(tags, 200), 8_000, ".ogg"),
        (audio.opus(tags, 200), 48_000, ".opus"),
        (odd.speex(pairs, 200), 8_000, ".spx"),
    ):
        assert read(tmp_path, whole, suffix).track.duration == pytest.approx(200, abs=0.6)
        cut = read(tmp_path, odd.from_the_middle(whole, minutes * 60 * rate), suffix).track
        assert (cut.artist, cut.title, cut.duration) == ("A", "B", None)


def test_a_length_that_the_file_cannot_hold_is_unknown(tmp_path: Path) -> None:
    mp3 = odd.mp3(ID3, seconds=100)
    assert read(tmp_path, mp3, ".mp3").track.duration == pytest.approx(100, abs=0.1)
    assert read(tmp_path, mp3[: len(mp3) // 2], ".mp3").track.duration is None
    flac = odd.flac([("ARTIST", "A"), ("TITLE", "B")], seconds=100)
    assert read(tmp_path, flac, ".flac").track.duration == 100
    assert read(tmp_path, flac[: len(flac) // 2], ".flac").track.duration is None
    aiff = odd.aiff([(b"ID3 ", ID3)], 100)
    assert read(tmp_path, aiff[: len(aiff) // 2], ".aiff").track.duration == pytest.approx(50, abs=0.1)
