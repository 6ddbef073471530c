"""ListenBrainz as a server: which plays players report by it, and what they are answered."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ingest import captured
from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.ingest import listenbrainz, listenbrainz_answers
from tonearm.ingest.incoming import Announced, Incoming, Listened, Malformed, PlayerAnswer, Skipped
from tonearm.ingest.listenbrainz import Feedback, ListenBrainzCall, ListenSubmission, Window

NOW = 1_795_900_000.0
MBID = "98255a8c-017a-4bc7-8dd6-1fa36124572b"


def body(*listens: object, kind: str = "import") -> bytes:
    return json.dumps({"listen_type": kind, "payload": list(listens)}).encode()


def listen(at: object = 1_795_890_000, artist: object = "Can", title: object = "Halleluwah", **info: object) -> Any:
    metadata: dict[str, object] = {"artist_name": artist, "track_name": title}
    return {"listened_at": at, "track_metadata": metadata | ({"additional_info": info} if info else {})}


def parsed(sent: bytes) -> ListenSubmission:
    submission = listenbrainz.parse_submission(sent, NOW)
    assert isinstance(submission, ListenSubmission)
    return submission


def only(sent: object) -> Incoming:
    (play,) = parsed(body(sent)).reports
    assert isinstance(play, Incoming)
    return play


def document(answer: PlayerAnswer) -> Any:
    assert answer.content_type == "application/json"
    return json.loads(answer.body)


ROCK = Track("AC/DC", "Rock & Roll = Noise; 100% + más", "Back in Black", duration=40.0, track_number=9)


def test_strawberry_reports_one_live_play_as_an_import(test_data: Path) -> None:
    request = captured.read(test_data / "captured/strawberry/listenbrainz-import-of-one.raw")
    assert listenbrainz.token(request.headers["authorization"]) == "lztoken"
    assert listenbrainz.route(request.path) == (ListenBrainzCall.SUBMIT, "")
    assert parsed(request.body).reports == (
        Incoming(ROCK, 1795893513, Stamp.START, None, Listening.ASSUMED, program="strawberry 1.0.14"),
    )


def test_strawberry_announces_what_plays(test_data: Path) -> None:
    request = captured.read(test_data / "captured/strawberry/listenbrainz-playing-now.raw")
    assert parsed(request.body) == ListenSubmission((), Announced(ROCK, "strawberry 1.0.14"))


@pytest.mark.parametrize(
    ("file", "track", "timestamp"),
    [
        ("005-lb-submit.raw", Track("Björk", "MS imp 1", "Homogenic", duration=305.0), 1795245488),
        ("006-lb-submit.raw", Track("AC/DC", "MS lfm Bells", "Back in Black", duration=312.0), 1795246088),
    ],
)
def test_multi_scrobbler_reports_singles(test_data: Path, file: str, track: Track, timestamp: int) -> None:
    request = captured.read(test_data / "captured/ms-listenbrainz" / file)
    (play,) = parsed(request.body).plays
    assert (play.track, play.timestamp, play.stamp) == (track, timestamp, Stamp.START)
    assert play.program == "multi-scrobbler HEAD-e04514f6"
    assert listenbrainz_answers.render_submitted(parsed(request.body)).body == request.answer.strip()


def test_multi_scrobbler_reads_its_answers_to_the_letter(test_data: Path) -> None:
    folder = test_data / "captured/ms-listenbrainz"
    validated = captured.read(folder / "002-lb-validate.raw")
    assert listenbrainz.route(validated.path) == (ListenBrainzCall.VALIDATE, "")
    assert listenbrainz_answers.render_validated("testuser").body == validated.answer
    for name in ("003-lb-user.raw", "004-lb-user.raw"):
        request = captured.read(folder / name)
        assert listenbrainz.route(request.path) == (ListenBrainzCall.LISTENS, "peer")
        assert listenbrainz_answers.render_listens("peer", []).body == request.answer
    assert listenbrainz.parse_window(captured.read(folder / "004-lb-user.raw").query) == Window(
        100, 1795244888, 1795246688
    )
    assert listenbrainz.route(captured.read(folder / "001-unknown.raw").path) is None, "else it takes us for Koito"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/1/submit-listens", (ListenBrainzCall.SUBMIT, "")),
        ("/1/submit-listens/", (ListenBrainzCall.SUBMIT, "")),
        ("/1/1/submit-listens", (ListenBrainzCall.SUBMIT, "")),
        ("//1/submit-listens", (ListenBrainzCall.SUBMIT, "")),
        ("/submit-listens", (ListenBrainzCall.SUBMIT, "")),
        ("/1/validate-token", (ListenBrainzCall.VALIDATE, "")),
        ("/1/user/Nina%20S/listens", (ListenBrainzCall.LISTENS, "Nina S")),
        ("/1/user/me/playing-now", (ListenBrainzCall.PLAYING_NOW, "me")),
        ("/1/user/1/listen-count", (ListenBrainzCall.LISTEN_COUNT, "1")),
        ("/1/feedback/recording-feedback", (ListenBrainzCall.FEEDBACK, "")),
        ("/1/metadata/lookup/", (ListenBrainzCall.LOOKUP, "")),
        ("/1/playing-now/delete", (ListenBrainzCall.DELETE_PLAYING_NOW, "")),
        ("/1/user/me", None),
        ("/1/user/me/followers", None),
        ("/1", None),
        ("", None),
        ("/1/listens", None),
    ],
)
def test_players_disagree_on_where_the_address_ends(path: str, call: tuple[ListenBrainzCall, str] | None) -> None:
    assert listenbrainz.route(path) == call


@pytest.mark.parametrize(
    ("header", "query", "secret"),
    [
        ("Token abc", {}, "abc"),
        ("token abc", {}, "abc"),
        ("TOKEN   abc ", {}, "abc"),
        ("Bearer abc", {}, "abc"),
        ("Basic abc", {}, ""),
        ("Token", {}, ""),
        (None, {"token": "abc"}, "abc"),
        (None, {}, ""),
        ("Token abc", {"token": "def"}, "abc"),
    ],
)
def test_the_token_is_found(header: str | None, query: dict[str, str], secret: str) -> None:
    assert listenbrainz.token(header, query) == secret


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param({"duration_ms": 142200}, {"duration": 142.2}, id="milliseconds"),
        pytest.param({"duration_ms": "142200"}, {"duration": 142.2}, id="milliseconds as text"),
        pytest.param({"duration": "142"}, {"duration": 142.0}, id="seconds as text"),
        pytest.param({"duration": 142200}, {"duration": 142.2}, id="milliseconds under the name of seconds"),
        pytest.param({"duration_ms": 999}, {"duration": 999.0}, id="seconds under the name of milliseconds"),
        pytest.param({"duration_ms": 1316}, {"duration": 1.316}, id="a very short song"),
        pytest.param(
            {"duration_ms": 4210, "media_player": "Supysonic"}, {"duration": 4210.0}, id="a long song from Supysonic"
        ),
        pytest.param(
            {"duration_ms": 42100, "media_player": "Supysonic"}, {"duration": 42.1}, id="Supysonic, once mended"
        ),
        pytest.param({"duration_ms": None, "duration": 9}, {"duration": 9.0}, id="null beside a length"),
        pytest.param({"duration_ms": 0}, {"duration": None}, id="no length"),
        pytest.param({"tracknumber": 7}, {"track_number": 7}, id="Navidrome's whole number"),
        pytest.param({"tracknumber": "7"}, {"track_number": 7}, id="the documented text"),
        pytest.param({"tracknumber": "7/12"}, {"track_number": 7}, id="of so many"),
        pytest.param({"track_number": 7.0}, {"track_number": 7}, id="a proxy of 1.2"),
        pytest.param({"recording_mbid": MBID}, {"mbid": MBID}, id="an MBID"),
        pytest.param({"recording_mbid": None, "artist_mbids": [], "tags": None}, {}, id="Rhythmbox's nulls"),
        pytest.param({"recording_mbid": ""}, {}, id="an empty MBID"),
        pytest.param({"recording_mbid": [], "duration": []}, {}, id="empty lists"),
        pytest.param({"albumartist": "V"}, {"album_artist": "V"}, id="Koito's album artist"),
        pytest.param({"release_artist_name": "V"}, {"album_artist": "V"}, id="the documented album artist"),
        pytest.param({"release_artist_names": ["V", "W"]}, {"album_artist": "V, W"}, id="split album artists"),
    ],
)
def test_additional_info_is_read_in_all_its_forms(info: dict[str, object], expected: dict[str, object]) -> None:
    play = only(listen(**info))
    assert play.track == Track("Can", "Halleluwah", **expected)  # type: ignore[arg-type]
    assert play.left_out == ""


def test_what_cannot_be_read_is_left_out_and_named() -> None:
    play = only(listen(duration="long", tracknumber=True, recording_mbid="x" * 60, albumartist={"a": 1}))
    assert play.track == Track("Can", "Halleluwah")
    assert play.left_out == (
        f'ignored because unreadable: duration "long", track number true, mbid "{"x" * 40}…", album artist {{…}}'
    )


@pytest.mark.parametrize("info", [{"duration_played": 200}, {"duration_played": "200"}, {"ms_played": 200_000}])
def test_seconds_heard_are_measured_if_they_are_sent(info: dict[str, object]) -> None:
    play = only(listen(**info))
    assert (play.played, play.listening) == (200.0, Listening.MEASURED)


@pytest.mark.parametrize(
    "info",
    [
        {"submission_client": "navidrome", "submission_client_version": "0.63.2"},
        {"media_player": "navidrome", "media_player_version": "0.63.2"},
    ],
)
def test_others_may_send_the_end_so_it_is_found_out_later(info: dict[str, object]) -> None:
    play = only(listen(**info))
    assert (play.program, play.stamp) == ("navidrome 0.63.2", Stamp.UNKNOWN)
    assert (play.played, play.listening) == (None, Listening.ASSUMED), "the player has decided that it counts"


@pytest.mark.parametrize("at", [1795890000, "1795890000", 1795890000.7, 1795890000000, "2026-11-28 19:40:00+01:00"])
def test_times_are_read_in_all_their_forms(at: object) -> None:
    timestamp = only(listen(at)).timestamp
    assert timestamp in (1795890000, 1795891200)


def test_the_user_agent_names_the_program_if_the_listen_does_not() -> None:
    named = listenbrainz.parse_submission(body(listen(), listen(media_player="mpd")), NOW, "strawberry 1.0 (x)")
    assert isinstance(named, ListenSubmission)
    assert [(play.program, play.stamp) for play in named.plays] == [
        ("strawberry 1.0", Stamp.START),
        ("mpd", Stamp.UNKNOWN),
    ]


def test_a_listen_without_its_type_is_a_single() -> None:
    assert len(parsed(json.dumps({"payload": [listen()]}).encode()).plays) == 1


def test_several_singles_in_one_request_are_all_kept() -> None:
    assert len(parsed(body(listen(), listen(), kind="single")).plays) == 2


def test_playing_now_may_come_with_a_time() -> None:
    assert parsed(body(listen(), kind="playing_now")) == ListenSubmission((), Announced(Track("Can", "Halleluwah")))


def test_a_body_with_a_byte_order_mark_or_broken_letters_is_read() -> None:
    assert len(parsed(b"\xef\xbb\xbf" + body(listen())).plays) == 1
    (play,) = parsed(body(listen(artist="Bj?rk")).replace(b"?", b"\xf6")).plays
    assert play.track.artist == "Björk"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(listen(artist=""), id="no artist"),
        pytest.param(listen(title=None), id="no title"),
        pytest.param(listen(title="\u200b"), id="nothing visible"),
        pytest.param(listen(artist=["Can"]), id="a list of artists"),
        pytest.param(listen(at=None), id="no time"),
        pytest.param(listen(at="soon"), id="a time in words"),
        pytest.param(listen(at=True), id="a switch for a time"),
        pytest.param(listen(at=0), id="before there were scrobbles"),
        pytest.param(listen(at=NOW + 40 * 86400), id="a month ahead"),
        pytest.param(listen(at=10**400), id="a number beyond all"),
        pytest.param({"listened_at": 1795890000}, id="no metadata"),
        pytest.param({"listened_at": 1795890000, "track_metadata": []}, id="metadata of another kind"),
        pytest.param(None, id="nothing"),
        pytest.param("Can", id="text"),
    ],
)
def test_one_bad_listen_does_not_refuse_its_batch(bad: object) -> None:
    submission = parsed(body(listen(1_795_880_000), bad, listen(1_795_890_000)))
    assert [play.timestamp for play in submission.plays] == [1_795_880_000, 1_795_890_000]
    answer = listenbrainz_answers.render_submitted(submission)
    assert answer.status == 200
    answered = document(answer)
    assert answered["status"] == "ok"
    assert answered["skipped"] == 1
    assert [(skipped["index"], bool(skipped["error"])) for skipped in answered["skipped_listens"]] == [(1, True)]
    assert isinstance(listenbrainz.parse_submission(body(bad), NOW), Malformed), "alone it is refused"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "Cannot parse JSON document: "),
        (b"{", "Cannot parse JSON document: "),
        (b'{"payload": NaN}', "Cannot parse JSON document: NaN is not JSON"),
        (b'{"payload": ' + b"9" * 5000 + b"}", "The payload in the JSON document should be a list of listens."),
        (b"[" * 100_000, "Cannot parse JSON document: it is nested too deeply"),
        (b"[]", "Invalid JSON document submitted. Top level of JSON document should be a json object."),
        (b"{}", "Invalid JSON document submitted."),
        (b'{"listen_type": "album", "payload": []}', "JSON document requires a valid listen_type key."),
        (b'{"listen_type": [], "payload": []}', "JSON document requires a valid listen_type key."),
        (b'{"listen_type": "single"}', "The payload in the JSON document should be a list of listens."),
        (b'{"listen_type": "single", "payload": []}', "JSON document does not contain any listens"),
        (body({}, kind="playing_now"), "JSON document must contain the key track_metadata at the top level."),
        (body(*[{}] * 1001), "Too many listens. You may only submit 1000 listens at once."),
        (b" " * 10_240_001, "JSON document is too large. It may not be larger than 10240000 bytes."),
    ],
)
def test_a_request_without_a_listen_is_refused_as_listenbrainz_words_it(sent: bytes, reason: str) -> None:
    malformed = listenbrainz.parse_submission(sent, NOW)
    assert isinstance(malformed, Malformed)
    assert malformed.reason.startswith(reason)
    answer = listenbrainz_answers.render_malformed(malformed)
    assert (answer.status, document(answer)) == (400, {"code": 400, "error": malformed.reason})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_submission_may_be_in_any_encoding_of_json(encoding: str) -> None:
    sent = json.dumps({"listen_type": "single", "payload": [listen(title="Jóga")]}, ensure_ascii=False)
    assert [play.track.title for play in parsed(sent.encode(encoding)).plays] == ["Jóga"]
    assert isinstance(listenbrainz.parse_submission(sent.encode(encoding)[:-1], NOW), Malformed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
INFO_KEYS = ("duration", "duration_ms", "duration_played", "ms_played", "tracknumber", "recording_mbid", "albumartist")
LISTEN = st.fixed_dictionaries(
    {},
    optional={
        "listened_at": JSON | st.integers(1_700_000_000, 1_800_000_000),
        "track_metadata": st.fixed_dictionaries(
            {"artist_name": st.text() | JSON, "track_name": st.text() | JSON},
            optional={
                "release_name": JSON,
                "additional_info": st.dictionaries(st.sampled_from(INFO_KEYS), JSON) | JSON,
            },
        ),
    },
)


@given(st.lists(LISTEN | JSON, min_size=1, max_size=4), st.sampled_from(("import", "single", "playing_now")))
def test_whatever_is_sent_is_a_play_a_note_or_a_refusal(listens: list[object], kind: str) -> None:
    submission = listenbrainz.parse_submission(body(*listens, kind=kind), NOW)
    if isinstance(submission, Malformed):
        assert submission.reason
        return
    for play in submission.plays:
        assert play.track.artist
        assert play.track.title
        assert play.timestamp is not None
        assert play.played is None or 0 <= play.played < math.inf
    assert len(submission.reports) in (0, len(listens))
    assert listenbrainz_answers.render_submitted(submission).status == 200


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(sent: bytes) -> None:
    assert isinstance(listenbrainz.parse_submission(sent, NOW), Malformed)
    assert isinstance(listenbrainz.parse_feedback(sent), Malformed)


@pytest.mark.parametrize(
    ("sent", "feedback"),
    [
        ({"recording_mbid": MBID, "score": 1}, Feedback(True, mbid=MBID)),
        ({"recording_mbid": MBID.upper(), "score": "1"}, Feedback(True, mbid=MBID)),
        ({"recording_msid": MBID, "score": 0}, Feedback(False, msid=MBID)),
        ({"recording_msid": MBID, "recording_mbid": None, "score": -1}, Feedback(False, msid=MBID)),
    ],
)
def test_a_track_is_loved_or_unloved(sent: dict[str, object], feedback: Feedback) -> None:
    assert listenbrainz.parse_feedback(json.dumps(sent).encode()) == feedback


@pytest.mark.parametrize("sent", [{"score": 1}, {"recording_msid": MBID}, {"recording_msid": MBID, "score": 2}])
def test_a_heart_for_nothing_is_refused(sent: dict[str, object]) -> None:
    assert isinstance(listenbrainz.parse_feedback(json.dumps(sent).encode()), Malformed)


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ({}, Window(25)),
        ({"count": "5000"}, Window(1000)),
        ({"count": "0"}, Window(0)),
        ({"min_ts": "10"}, Window(25, 10, None)),
        ({"max_ts": "10", "min_ts": ""}, Window(25, None, 10)),
    ],
)
def test_a_window_of_listens_is_read(query: dict[str, str], window: Window) -> None:
    assert listenbrainz.parse_window(query) == window


@pytest.mark.parametrize("query", [{"count": "-1"}, {"count": "x"}, {"min_ts": "²"}, {"min_ts": "5", "max_ts": "5"}])
def test_a_window_that_makes_no_sense_is_refused(query: dict[str, str]) -> None:
    assert isinstance(listenbrainz.parse_window(query), Malformed)


def test_every_answer_may_be_read_by_a_page_in_a_browser() -> None:
    answers = listenbrainz_answers
    for answer, status in (
        (answers.render_ok(), 200),
        (answers.render_no_token(), 401),
        (answers.render_bad_token(), 401),
        (answers.render_unavailable(), 503),
        (answers.render_unknown_address(), 404),
        (answers.render_validate_without_token(), 400),
        (answers.render_listen_count(3), 200),
        (answers.render_lookup(), 200),
        (answers.render_preflight(), 200),
    ):
        assert answer.status == status
        assert ("Access-Control-Allow-Origin", "*") in answer.headers
        if status >= 400:
            assert document(answer)["code"] == status


def test_a_bad_token_is_answered_with_200() -> None:
    answer = listenbrainz_answers.render_validated(None)
    assert (answer.status, document(answer)["valid"]) == (200, False)


def test_the_id_of_a_recording_does_not_hang_on_its_spelling() -> None:
    msid = listenbrainz_answers.recording_msid
    assert msid("Sigur Rós", "Svefn-g-englar") == msid("sigur rós", "SVEFN-G-ENGLAR")
    assert msid("Can", "Halleluwah") != msid("Can", "Paperhouse")
    announced = listenbrainz_answers.render_submitted(
        ListenSubmission((), Announced(Track("Can", "Halleluwah"))), return_msid=True
    )
    assert document(announced) == {"status": "ok", "recording_msid": msid("Can", "Halleluwah")}


def test_plays_are_listed_as_listenbrainz_lists_them() -> None:
    track = Track("Can", "Halleluwah", "Tago Mago", "Can", 1112.5, 4, MBID)
    answer = listenbrainz_answers.render_listens("me", [Listened(track, 1795890000, program="mpd 1")], 1795890000, 17)
    payload = document(answer)["payload"]
    assert (payload["count"], payload["latest_listen_ts"], payload["oldest_listen_ts"]) == (1, 1795890000, 17)
    (listed,) = payload["listens"]
    assert only(listed).track == track, "what we list, we can read"
    assert (only(listed).timestamp, only(listed).program) == (1795890000, "mpd 1")


def test_the_playing_track_is_shown() -> None:
    empty = document(listenbrainz_answers.render_playing_now("me", None))["payload"]
    assert empty == {"count": 0, "user_id": "me", "listens": [], "playing_now": True}
    playing = listenbrainz_answers.render_playing_now("me", Announced(Track("Can", "Halleluwah")))
    (shown,) = document(playing)["payload"]["listens"]
    assert shown["playing_now"] is True
    assert "listened_at" not in shown


def test_a_skipped_listen_says_why() -> None:
    (good, bad) = parsed(body(listen(), listen(at="soon"))).reports
    assert isinstance(good, Incoming)
    assert bad == Skipped("JSON document must contain an int value for listened_at.")
