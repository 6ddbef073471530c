"""Audioscrobbler 1.1, 1.2 and 1.2.1 as a server: what real players report by it, and what they are answered."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest import captured
from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import audioscrobbler
from tonearm.ingest.audioscrobbler import Client, Handshake, PlaySubmission
from tonearm.ingest.incoming import Announced, Heart, Incoming, Malformed, Skipped

NOW = 1_795_900_000.0
CLIENT = Client("tst", "1.0", "1.2")
ROCK = "Rock & Roll = Noise; 100% + más"


def mbid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


SINGLE = Track("No Album", "Single", duration=42.0, track_number=4, mbid=mbid(4))
SVEFN = Track("Sigur Rós", "Svefn-g-englar", "Ágætis byrjun", "", 42.0, 5, mbid(5))
NOISE = Track("AC/DC", ROCK, "Back in Black", "", 42.0, 2, mbid(2))
JOGA = Track("Björk", "Jóga", "Homogenic", "", 42.0, 1, mbid(1))
SHIINA = Track("椎名林檎", "丸ノ内サディスティック", "無罪モラトリアム", "", 42.0, 3, mbid(3))


def submission(sent: bytes, client: Client = CLIENT) -> PlaySubmission:
    parsed = audioscrobbler.parse_submission(sent, client, NOW)
    assert isinstance(parsed, PlaySubmission)
    return parsed


def client_of(file: Path) -> Client:
    handshake = audioscrobbler.parse_handshake(captured.read(file).query)
    assert isinstance(handshake, Handshake)
    return handshake.client


MPDSCRIBBLE = [
    ("mpdscribble/003-submission.raw", [(SINGLE, 1795244932)]),
    ("mpdscribble/005-submission.raw", [(SVEFN, 1795244974)]),
    ("mpdscribble/007-submission.raw", [(NOISE, 1795245016)]),
    ("mpdscribble/009-submission.raw", [(JOGA, 1795245058)]),
    ("mpdscribble/011-submission.raw", [(SHIINA, 1795245100)]),
    (
        "mpdscribble-backlog/002-submission.raw",
        [(SINGLE, 1795245961), (SVEFN, 1795246003), (NOISE, 1795246045), (JOGA, 1795246087)],
    ),
    ("mpdscribble-backlog/004-submission.raw", [(SHIINA, 1795246129)]),
]


@pytest.mark.parametrize(("file", "plays"), MPDSCRIBBLE, ids=[file for file, _ in MPDSCRIBBLE])
def test_mpdscribble_reports_the_ends_of_plays(test_data: Path, file: str, plays: list[tuple[Track, int]]) -> None:
    path = test_data / "captured" / file
    request = captured.read(path)
    client = client_of(path.with_name("001-handshake.raw"))
    assert submission(request.body, client).reports == tuple(
        Incoming(track, timestamp, Stamp.END, None, Listening.ASSUMED, True, "mpdscribble 0.24")
        for track, timestamp in plays
    )
    assert audioscrobbler.render_ok().body == request.answer


@pytest.mark.parametrize(
    ("file", "track"),
    [
        ("mpdscribble/002-nowplaying.raw", SINGLE),
        ("mpdscribble/004-nowplaying.raw", SVEFN),
        ("mpdscribble/006-nowplaying.raw", NOISE),
        ("mpdscribble/008-nowplaying.raw", JOGA),
        ("mpdscribble/010-nowplaying.raw", SHIINA),
        ("mpdscribble-backlog/003-nowplaying.raw", SHIINA),
        ("quodlibet/003-nowplaying.raw", JOGA),
        ("quodlibet/005-nowplaying.raw", SHIINA),
        ("vlc/nowplaying.raw", Track("AC/DC", ROCK, "Back in Black", "", 40.0, 9)),
        ("liquidsoap/nowplaying.raw", Track("Björk; & Co", "Jóga", "Homogenic")),
    ],
)
def test_players_announce_what_plays(test_data: Path, file: str, track: Track) -> None:
    request = captured.read(test_data / "captured" / file)
    playing = audioscrobbler.parse_now_playing(request.body, CLIENT)
    assert playing.announced == Announced(track, "tst 1.0")
    assert len(playing.session) == 32
    assert playing.session == audioscrobbler.session_of_form(request.body)


@pytest.mark.parametrize(
    ("file", "plays", "chosen"),
    [
        ("quodlibet/004-submission.raw", [(JOGA, 1795246593)], True),
        ("quodlibet/006-submission.raw", [(SHIINA, 1795246635)], True),
        ("vlc/submission.raw", [(Track("AC/DC", ROCK, "Back in Black", "", 40.0, 9), 1795892498)], True),
        (
            "vlc/submission-three-waiting-only-index2.raw",
            [(Track("Tab Artist", "New Line", "Al bum", "", 40.0, 4), 1795894733)],
            True,
        ),
        ("liquidsoap/submission.raw", [(Track("Björk; & Co", "Jóga", "Homogenic"), 1795897970)], False),
    ],
)
def test_players_report_plays(test_data: Path, file: str, plays: list[tuple[Track, int]], chosen: bool) -> None:
    reports = submission(captured.read(test_data / "captured" / file).body).plays
    assert [(play.track, play.timestamp) for play in reports] == plays
    assert [play.chosen_by_user for play in reports] == [chosen] * len(plays)
    assert [play.left_out for play in reports] == [""] * len(plays)


def test_quod_libet_sends_what_waited_with_lengths_of_many_decimals() -> None:
    body = (
        b"s=00000000000000000000000000000000&l%5B0%5D=34.0&n%5B0%5D=&b%5B0%5D=&m%5B0%5D=&t%5B0%5D=Gamma"
        b"&a%5B0%5D=Artist+Three&i%5B0%5D=1795126494&o%5B0%5D=P&r%5B0%5D="
        b"&l%5B1%5D=39.0269387755102&n%5B1%5D=3&b%5B1%5D=Layer&m%5B1%5D=&t%5B1%5D=Three&a%5B1%5D=Mp"
        b"&i%5B1%5D=1795126532&o%5B1%5D=P&r%5B1%5D="
    )
    found = submission(body, Client("qlb", "4.5.0", "1.2")).reports
    assert found == (
        Incoming(
            Track("Artist Three", "Gamma", duration=34.0),
            1795126494,
            Stamp.START,
            None,
            Listening.ASSUMED,
            program="Quod Libet 4.5.0",
        ),
        Incoming(
            Track("Mp", "Three", "Layer", duration=39.0269387755102, track_number=3),
            1795126532,
            Stamp.START,
            None,
            Listening.ASSUMED,
            program="Quod Libet 4.5.0",
        ),
    )


def test_qtscrob_sends_a_whole_rockbox_log(test_data: Path) -> None:
    folder = test_data / "captured/qtscrob"
    client = client_of(folder / "001-handshake.raw")
    assert (client.program, client.stamp) == ("QTScrobbler 0.11", Stamp.START)
    two = submission(captured.read(folder / "002-submission.raw").body, client).plays
    assert [(play.track.artist, play.timestamp) for play in two] == [
        ("Bj\ufffdrk", 1795243369),
        ("AC/DC", 1795244069),
    ]
    batches = [
        submission(captured.read(folder / f"{name}-submission.raw").body, client).plays
        for name in ("004", "005", "006")
    ]
    assert [len(batch) for batch in batches] == [50, 50, 20]
    times = [play.timestamp for batch in batches for play in batch if play.timestamp]
    assert len(set(times)) == 120
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("file", "program", "stamp"),
    [
        ("mpdscribble/001-handshake.raw", "mpdscribble 0.24", Stamp.END),
        ("mpdscribble-backlog/001-handshake.raw", "mpdscribble 0.24", Stamp.END),
        ("quodlibet/002-handshake.raw", "Quod Libet 4.5.0", Stamp.START),
        ("vlc/handshake.raw", "VLC 3.0.24", Stamp.START),
        ("liquidsoap/handshake.raw", "Liquidsoap 0.1", Stamp.UNKNOWN),
        ("scrobbler-helper/handshake-1.1.raw", "tst 1.0", Stamp.END),
    ],
)
def test_each_program_says_by_its_id_which_moment_it_sends(
    test_data: Path, file: str, program: str, stamp: Stamp
) -> None:
    path = test_data / "captured" / file
    assert audioscrobbler.is_handshake(captured.read(path).query)
    client = client_of(path)
    assert (client.program, client.stamp) == (program, stamp)
    assert Client.from_text(client.to_text()) == client


@pytest.mark.parametrize("folder", ["mpdscribble", "mpdscribble-backlog", "qtscrob", "quodlibet"])
def test_a_handshake_is_answered_to_the_letter(test_data: Path, folder: str) -> None:
    number = "002" if folder == "quodlibet" else "001"
    request = captured.read(test_data / "captured" / folder / f"{number}-handshake.raw")
    session = request.answer.split(b"\n")[1].decode()
    assert audioscrobbler.render_handshake(session, "http://127.0.0.1:9400").body == request.answer


def test_a_refused_handshake_is_answered_to_the_letter(test_data: Path) -> None:
    request = captured.read(test_data / "captured/quodlibet/001-handshake.raw")
    assert audioscrobbler.render_bad_auth().body == request.answer


QUERY = {"hs": "true", "p": "1.2.1", "c": "tst", "v": "1.0", "u": "me", "t": "1700000000"}


def handshake(**query: str) -> Handshake:
    parsed = audioscrobbler.parse_handshake(QUERY | query)
    assert isinstance(parsed, Handshake)
    return parsed


def test_a_password_is_proved() -> None:
    signed = handshake(a="5e277a15a48cfef8c336a831b03e52a4")
    assert signed.proves(md5(b"password").hexdigest())
    assert signed.proves(md5(b"password").hexdigest().upper())
    assert not signed.proves(md5(b"Password").hexdigest())
    assert not handshake(a="é").proves(md5(b"password").hexdigest())
    assert handshake(a="5E277A15A48CFEF8C336A831B03E52A4").proves(md5(b"password").hexdigest())


def test_a_key_is_proved() -> None:
    signed = handshake(a="3304a28e477558af0fa06dd5d8e491d3", api_key="key", sk="session")
    assert signed.proves_key("fedcba9876543210fedcba9876543210")
    assert not signed.proves_key("another")
    assert (signed.api_key, signed.sk) == ("key", "session")


@pytest.mark.parametrize(("off", "in_time"), [(0, True), (300, True), (-300, True), (301, False), (-600, False)])
def test_a_clock_may_be_off_by_five_minutes(off: int, in_time: bool) -> None:
    signed = handshake(a="x", t=str(1_700_000_000 + off))
    assert signed.in_time(1_700_000_000) is in_time
    assert signed.seconds_fast(1_700_000_000) == off


def test_a_handshake_sent_again_is_recognised() -> None:
    assert handshake(a="x").replay_key == handshake(a="x").replay_key
    assert handshake(a="x").replay_key != handshake(a="x", c="mdc").replay_key
    assert handshake(a="x").replay_key != handshake(a="y", t="1700000001").replay_key


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"p": "1.0"}, 'Incorrect protocol version "1.0", use 1.2.1'),
        ({"p": ""}, 'Incorrect protocol version "", use 1.2.1'),
        ({"u": " "}, "No user name (u)"),
        ({"t": ""}, "No time (t)"),
        ({"t": "²"}, "No time (t)"),
        ({"t": "now"}, "No time (t)"),
        ({"a": ""}, "No authentication token (a)"),
    ],
)
def test_a_handshake_that_lacks_something_fails(query: dict[str, str], reason: str) -> None:
    assert audioscrobbler.parse_handshake(QUERY | {"a": "x"} | query) == Malformed(reason)
    assert audioscrobbler.render_failed(reason).body == f"FAILED {reason}\n".encode()


def test_a_page_of_a_person_is_not_a_handshake() -> None:
    assert not audioscrobbler.is_handshake({})
    assert not audioscrobbler.is_handshake({"hs": "1"})


def test_protocol_1_1_proves_its_secret_with_each_submission(test_data: Path) -> None:
    folder = test_data / "captured/scrobbler-helper"
    client = client_of(folder / "handshake-1.1.raw")
    sent = submission(captured.read(folder / "submission-1.1.raw").body, client)
    assert (sent.user, sent.session) == ("testuser", "f4e2bdc817ac568c7b62554ae2486f96")
    (play,) = sent.plays
    assert play.track == Track("AC/DC", ROCK, "Back in Black", "", 42.0)
    assert (play.timestamp, play.stamp) == (1795894698, Stamp.END)
    secret = md5(b"password").hexdigest()
    assert audioscrobbler.session_of_challenge(secret, "abc") == md5((secret + "abc").encode()).hexdigest()
    assert (
        audioscrobbler.render_challenge("abc", "http://x").body == b"UPTODATE\nabc\nhttp://x/protocol_1.1\nINTERVAL 0\n"
    )
    assert audioscrobbler.render_ok("1.1").body == b"OK\nINTERVAL 0\n"
    assert audioscrobbler.render_bad_auth("1.1").body == b"BADAUTH\nINTERVAL 0\n"
    assert audioscrobbler.render_failed("later", "1.1").body == b"FAILED later\nINTERVAL 0\n"
    assert audioscrobbler.render_bad_user().body == b"BADUSER\n"


def form(**items: str) -> bytes:
    return "&".join(f"{name}[0]={quote(value)}" for name, value in items.items()).encode()


ITEM = {"a": "Can", "t": "Halleluwah", "i": "1795890000", "o": "P", "r": "", "l": "1112", "b": "", "n": "", "m": ""}


@pytest.mark.parametrize(
    "change",
    [{"a": ""}, {"t": ""}, {"t": "\u200b"}, {"i": ""}, {"i": "soon"}, {"i": "0"}, {"r": "S"}, {"r": "B"}],
)
def test_an_impossible_play_does_not_reject_the_others(change: dict[str, str]) -> None:
    bad = form(**(ITEM | change))
    good = form(**ITEM).replace(b"[0]", b"[1]")
    skipped, play = submission(bad + b"&" + good).reports
    assert isinstance(skipped, Skipped)
    assert isinstance(play, Incoming)


@pytest.mark.parametrize("missing", ["o", "r", "l", "b", "n", "m"])
def test_a_missing_field_is_like_an_empty_one(missing: str) -> None:
    (play,) = submission(form(**{name: value for name, value in ITEM.items() if name != missing})).plays
    assert play.track.title == "Halleluwah"
    assert play.left_out == ""


@pytest.mark.parametrize(
    ("source", "chosen"), [("P", True), ("R", False), ("E", False), ("L1b48a", False), ("U", True), ("", True)]
)
def test_who_chose_the_track_is_kept(source: str, chosen: bool) -> None:
    (play,) = submission(form(**(ITEM | {"o": source}))).plays
    assert play.chosen_by_user is chosen


def test_a_loved_play_gives_its_track_a_heart() -> None:
    sent = submission(form(**(ITEM | {"r": "L"})))
    (play,) = sent.plays
    assert sent.loved == (Heart(play.track, True),)


def test_fields_may_come_without_an_index() -> None:
    (play,) = submission(b"s=1&a=Can&t=Halleluwah&i=1795890000").plays
    assert play.track == Track("Can", "Halleluwah")


def test_nothing_at_all_is_not_a_play() -> None:
    assert submission(b"") == PlaySubmission("", "", ())
    assert isinstance(audioscrobbler.parse_now_playing(b"s=1", CLIENT).announced, Skipped)


def test_a_body_beyond_all_measure_is_refused_and_kept_by_the_player() -> None:
    assert isinstance(audioscrobbler.parse_submission(b"a" * 1_000_001, CLIENT, NOW), Malformed)


@given(st.dictionaries(st.sampled_from([f"{name}[{index}]" for name in "atiorlbnm" for index in (0, 1)]), st.text()))
def test_whatever_the_fields_hold_is_a_play_or_a_note(fields: dict[str, str]) -> None:
    body = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in fields.items()).encode()
    for report in submission(body).reports:
        assert isinstance(report, Incoming | Skipped)


def test_each_rejection_is_one_word_on_its_first_line() -> None:
    assert audioscrobbler.render_bad_session().body == b"BADSESSION\n"
    assert audioscrobbler.render_bad_time().body == b"BADTIME\n"
    failed = audioscrobbler.render_failed("the disk\nis full")
    assert (failed.status, failed.body) == (200, b"FAILED the disk is full\n")


def test_secrets_do_not_print() -> None:
    assert "hunter2" not in repr(handshake(a="hunter2", sk="hunter2"))
    assert "hunter2" not in repr(submission(b"s=hunter2&a=A&t=T"))
    assert "hunter2" not in repr(audioscrobbler.parse_now_playing(b"s=hunter2&a=A&t=T", CLIENT))
