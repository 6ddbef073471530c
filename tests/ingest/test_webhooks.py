"""Webhooks: what browsers and media servers report by them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.play import Track
from tonearm.core.report import Listening, Stamp
from tonearm.core.session import Finished, ListeningClock, Notice, NoticeKind, step
from tonearm.ingest import jellyfin, maloja, plex, tautulli, webhook, webscrobbler
from tonearm.ingest.incoming import Announced, Cleared, Heart, Incoming, Malformed, PlayerAnswer, Skipped
from tonearm.ingest.webhook import Source, WebhookReport

NOW = 1_795_900_000.0
START = 1_795_899_500


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


def read(report: WebhookReport | Malformed) -> WebhookReport:
    assert isinstance(report, WebhookReport)
    return report


def skipped(report: WebhookReport | Malformed) -> str:
    (only,) = read(report).reports
    assert isinstance(only, Skipped)
    return only.reason


# -- Web Scrobbler ------------------------------------------------------------

SONG: dict[str, Any] = {
    "parsed": {
        "artist": "can",
        "track": "Halleluwah (Official)",
        "duration": 1112.5,
        "originUrl": "https://x",
        "isPodcast": False,
    },
    "processed": {"artist": "Can", "track": "Halleluwah", "album": "Tago Mago", "albumArtist": None, "duration": None},
    "metadata": {"startTimestamp": START},
    "flags": {"isCorrectedByUser": True},
    "connectorLabel": "YouTube",
}
HALLELUWAH = Track("Can", "Halleluwah", "Tago Mago", duration=1112.5)


def browser(event: str, **data: object) -> WebhookReport:
    return read(webscrobbler.parse(raw({"eventName": event, "time": NOW * 1000, "data": data}), NOW))


def test_web_scrobbler_reports_a_play_by_its_start() -> None:
    assert browser("scrobble", song=SONG).plays == [
        Incoming(HALLELUWAH, START, Stamp.START, None, Listening.ASSUMED, program="Web Scrobbler", device="YouTube")
    ]


def test_web_scrobbler_reports_plays_that_have_waited_in_one_event() -> None:
    later = SONG | {
        "metadata": {"startTimestamp": START + 100},
        "connectorLabel": None,
        "connector": {"label": "Deezer"},
    }
    plays = browser("scrobble", song=SONG, songs=[SONG, later]).plays
    assert [(play.timestamp, play.device) for play in plays] == [(START, "YouTube"), (START + 100, "Deezer")]
    assert len(browser("scrobble", song=SONG, songs=[]).plays) == 1


def test_a_song_without_a_start_has_the_time_of_its_event() -> None:
    (play,) = browser("scrobble", song=SONG | {"metadata": {}}).plays
    assert (play.timestamp, play.stamp) == (NOW, Stamp.UNKNOWN)


def test_web_scrobbler_says_what_plays() -> None:
    announced = Announced(HALLELUWAH, "Web Scrobbler", "YouTube")
    assert browser("nowplaying", song=SONG).playing == announced
    assert browser("resumedplaying", song=SONG).playing == announced
    assert browser("paused", song=SONG) == WebhookReport(playing=Cleared())


def test_web_scrobbler_loves_and_unloves() -> None:
    assert browser("loved", song=SONG, isLoved=True).loved == (Heart(HALLELUWAH, True),)
    assert browser("loved", song=SONG, isLoved=False).loved == (Heart(HALLELUWAH, False),)


@pytest.mark.parametrize(
    ("event", "song"),
    [
        ("scrobble", {}),
        ("scrobble", SONG | {"metadata": {"startTimestamp": 1}}),
        ("nowplaying", {}),
        ("loved", {}),
        ("shrug", SONG),
    ],
)
def test_an_event_that_says_nothing_is_skipped(event: str, song: dict[str, object]) -> None:
    assert skipped(browser(event, song=song))


# -- Jellyfin -----------------------------------------------------------------

JELLYFIN = {
    "ServerName": "home",
    "NotificationType": "PlaybackStart",
    "ItemType": "Audio",
    "Name": 'Say \\"Hi\\"',
    "Artist": "Can",
    "Album": "Tago Mago",
    "ItemId": "i7",
    "RunTimeTicks": 3_000_000_000,
    "PlaybackPositionTicks": 0,
    "NotificationUsername": "anna",
    "UserId": "u1",
    "DeviceId": "d1",
    "DeviceName": "Phone",
    "ClientName": "Finamp",
    "IsPaused": False,
    "UtcTimestamp": "2026-11-28T20:00:00.1234567Z",
    "Provider_musicbrainzrecording": "98255a8c-017a-4bc7-8dd6-1fa36124572b",
}
HI = Track("Can", 'Say "Hi"', "Tago Mago", "", 300.0, None, "98255a8c-017a-4bc7-8dd6-1fa36124572b")
PHONE = Source("anna", "u1", "d1", "Phone", "Jellyfin Finamp")


def from_jellyfin(**changes: object) -> WebhookReport:
    return read(jellyfin.parse(raw(JELLYFIN | changes), NOW))


def test_jellyfin_says_that_a_track_starts() -> None:
    assert from_jellyfin() == WebhookReport(
        notice=Notice(NoticeKind.STARTED, NOW, HI, 0.0, "i7"),
        source=PHONE,
    )


def test_jellyfin_says_where_a_track_is() -> None:
    report = from_jellyfin(NotificationType="PlaybackProgress", PlaybackPositionTicks="1005000000", IsPaused="True")
    assert report.notice == Notice(NoticeKind.PROGRESS, NOW, HI, 100.5, "i7", paused=True)


def test_jellyfin_says_that_a_track_stops() -> None:
    report = from_jellyfin(NotificationType="PlaybackStop", PlaybackPositionTicks=3_000_000_000)
    assert report.notice == Notice(NoticeKind.STOPPED, NOW, HI, 300.0, "i7")
    assert report.source.key == ("u1", "d1")


def test_jellyfin_saves_hearts() -> None:
    heart = {"NotificationType": "UserDataSaved", "SaveReason": "UpdateUserRating"}
    assert from_jellyfin(**heart, Favorite=True).loved == (Heart(HI, True),)
    assert from_jellyfin(**heart, Favorite=False).loved == (Heart(HI, False),)
    assert skipped(from_jellyfin(NotificationType="UserDataSaved", SaveReason="PlaybackFinished"))
    assert skipped(from_jellyfin(**heart, Name=""))


@pytest.mark.parametrize(
    "changes",
    [
        {"ItemType": "Episode"},
        {"NotificationType": "ItemAdded"},
        {"NotificationType": None},
        {"NotificationType": ["PlaybackStart"]},
        {"Name": None},
    ],
)
def test_other_events_of_jellyfin_are_ignored(changes: dict[str, object]) -> None:
    report = from_jellyfin(**changes)
    assert skipped(report)
    assert report.source == PHONE, "so that a stranger is dropped before anything else is said"


def test_a_device_without_an_id_is_known_by_its_name() -> None:
    assert from_jellyfin(DeviceId=None).source.device == "Phone"


# -- Plex ---------------------------------------------------------------------

PLEX: dict[str, Any] = {
    "event": "media.play",
    "user": True,
    "owner": True,
    "Account": {"id": 1, "title": "anna"},
    "Player": {"local": True, "title": "Plexamp", "uuid": "p1"},
    "Metadata": {
        "librarySectionType": "artist",
        "type": "track",
        "ratingKey": "77",
        "title": "Halleluwah",
        "parentTitle": "Tago Mago",
        "grandparentTitle": "Can",
        "index": 4,
        "duration": 1112500,
        "viewOffset": 2000,
    },
}
PLEXED = Track("Can", "Halleluwah", "Tago Mago", "Can", 1112.5, 4)
PLEXAMP = Source("anna", "1", "p1", "Plexamp", "Plex")


def multipart(document: object, boundary: str = "----x") -> tuple[bytes, str]:
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="payload"\r\nContent-Type: application/json\r\n\r\n'
            f"{json.dumps(document)}\r\n--{boundary}\r\n"
            'Content-Disposition: form-data; name="thumb"; filename="thumb.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        ).encode()
        + b"\xff\xd8\r\n\r\n\xff\r\n"
        + f"--{boundary}--\r\n".encode()
    )
    return body, f'multipart/form-data; boundary="{boundary}"'


def from_plex(event: str = "media.play", metadata: dict[str, object] | None = None, **changes: object) -> WebhookReport:
    document = PLEX | {"event": event, "Metadata": PLEX["Metadata"] | (metadata or {})} | changes
    return read(plex.parse(*multipart(document), NOW))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("media.play", NoticeKind.STARTED),
        ("media.resume", NoticeKind.RESUMED),
        ("media.pause", NoticeKind.PAUSED),
        ("media.stop", NoticeKind.STOPPED),
        ("media.scrobble", NoticeKind.COUNTED),
    ],
)
def test_plex_says_what_its_users_do(event: str, kind: NoticeKind) -> None:
    assert from_plex(event) == WebhookReport(
        notice=Notice(kind, NOW, PLEXED, 2.0, "77"),
        source=PLEXAMP,
    )


def test_the_artist_of_the_track_goes_before_the_album_s() -> None:
    report = from_plex(metadata={"grandparentTitle": "Various Artists", "originalTitle": "Can"})
    assert report.notice is not None
    assert (report.notice.track.artist, report.notice.track.album_artist) == ("Can", "Various Artists")


def test_plex_promises_no_length() -> None:
    report = from_plex(metadata={"duration": None, "viewOffset": None})
    assert report.notice is not None
    assert (report.notice.track.duration, report.notice.position) == (None, None)


def test_a_payload_may_come_alone() -> None:
    assert read(plex.parse(raw(PLEX), "application/json", NOW)).source == PLEXAMP


@pytest.mark.parametrize(
    ("rating", "loved"), [("10", True), (10.0, True), (0, False), (-1, False), (6, None), ("?", None), (None, None)]
)
def test_the_highest_rating_is_a_heart(rating: object, loved: bool | None) -> None:
    report = from_plex("media.rate", rating=rating)
    assert [heart.loved for heart in report.loved] == ([] if loved is None else [loved])
    assert from_plex("media.rate", {"userRating": 10}).loved == (Heart(PLEXED, True),)


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "library.new"},
        {"event": None},
        {"event": []},
        {"Metadata": {"type": "episode", "title": "x"}},
        {"Metadata": PLEX["Metadata"] | {"librarySectionType": "show"}},
        {"Metadata": PLEX["Metadata"] | {"title": ""}},
        {"Metadata": []},
        {"event": "media.scrobble", "Player": {"title": "Plex media cloud server"}},
    ],
)
def test_other_events_of_plex_are_ignored(changes: dict[str, object]) -> None:
    report = read(plex.parse(*multipart(PLEX | changes), NOW))
    assert skipped(report)
    assert report.source.user == "anna"


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (multipart(PLEX)[0], "multipart/form-data", "the form has no payload"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", "the form has no payload"),
        (b"", "multipart/form-data; boundary=x", "the form has no payload"),
        (b"x" * 10_000_001, "multipart/form-data; boundary=x", "the request is too large"),
        (b"{", "multipart/mixed; boundary=x", "the body isn't JSON"),
    ],
)
def test_a_form_without_a_payload_is_refused(body: bytes, content_type: str, reason: str) -> None:
    assert plex.parse(body, content_type, NOW) == Malformed(reason)


# -- Tautulli -----------------------------------------------------------------

FILLED = {
    "action": "stop",
    "user": "anna",
    "user_id": "1",
    "media_type": "track",
    "artist": "Can",
    "album_artist": "Can",
    "title": 'Halle"luwah',
    "album": "Tago Mago",
    "track_number": "4",
    "duration": "1112",
    "position": "400",
    "started": str(START),
    "sent": str(START + 410),
    "player": "Plexamp",
    "session": "12",
}


def from_tautulli(**changes: object) -> WebhookReport:
    return read(tautulli.parse(raw(FILLED | changes), NOW))


def test_tautulli_reports_a_play_at_its_stop() -> None:
    report = from_tautulli()
    track = Track("Can", 'Halle"luwah', "Tago Mago", "Can", 1112.0, 4)
    play = Incoming(track, START, Stamp.START, 400.0, Listening.MEASURED, program="Tautulli", device="Plexamp")
    assert report.plays == [play]
    assert report.playing == Cleared()
    assert report.source == Source("anna", "1", "12", "Plexamp", "Tautulli")


def test_whoever_seeks_ahead_has_not_heard_what_was_left_out() -> None:
    assert [play.played for play in from_tautulli(position="1100").plays] == [410.0]
    assert [play.played for play in from_tautulli(position="600", sent="").plays] == [500.0]


def test_without_a_position_the_seconds_played_are_unknown() -> None:
    (play,) = from_tautulli(position="").plays
    assert (play.played, play.listening) == (None, Listening.UNKNOWN)
    assert play.left_out == 'ignored because unreadable: position ""'


def test_tautulli_says_what_plays() -> None:
    for action in ("play", "resume"):
        report = from_tautulli(action=action)
        assert isinstance(report.playing, Announced)
        assert report.reports == ()
    assert from_tautulli(action="pause").playing == Cleared()


@pytest.mark.parametrize(
    "changes", [{"action": "watched"}, {"media_type": "movie"}, {"title": ""}, {"started": "{started_unixtime}"}]
)
def test_other_events_of_tautulli_are_ignored(changes: dict[str, object]) -> None:
    assert skipped(from_tautulli(**changes))


def test_the_body_to_paste_names_what_is_read() -> None:
    assert set(json.loads(tautulli.BODY)) == set(FILLED)


# -- Maloja -------------------------------------------------------------------

SCROBBLE: dict[str, Any] = {"artist": "Can", "title": "Halleluwah", "key": "secret"}


def from_maloja(**changes: object) -> Incoming | Skipped:
    return maloja.parse(SCROBBLE | changes, NOW, "Web Scrobbler/3 (x)")


def test_maloja_s_call_reports_a_play_that_has_just_ended() -> None:
    assert from_maloja() == Incoming(
        Track("Can", "Halleluwah"), None, Stamp.END, None, Listening.ASSUMED, program="Web Scrobbler/3"
    )


def test_maloja_s_call_may_say_when_and_how_long() -> None:
    play = from_maloja(
        time=START, duration=200, length="300", album="Tago Mago", albumartists=["Can", "Damo"], artists=["X"]
    )
    assert isinstance(play, Incoming)
    assert play.track == Track("Can", "Halleluwah", "Tago Mago", "Can, Damo", 300.0)
    assert (play.timestamp, play.stamp) == (START, Stamp.UNKNOWN)
    assert (play.played, play.listening) == (200.0, Listening.MEASURED)


def test_several_artists_are_one_name() -> None:
    play = from_maloja(artist=None, artists=["Can", "Damo Suzuki"], albumartists="Can")
    assert isinstance(play, Incoming)
    assert (play.track.artist, play.track.album_artist) == ("Can, Damo Suzuki", "Can")
    play = from_maloja(artist=["Can", 311])
    assert isinstance(play, Incoming)
    assert play.track.artist == "Can, 311"
    form = "title=Bel+Air&artists=Can&artists=Damo+Suzuki"
    for sent in (maloja.read(form.encode()), maloja.read(b"", form)):
        assert sent == {"title": "Bel Air", "artists": ["Can", "Damo Suzuki"]}


@pytest.mark.parametrize("changes", [{"artist": ""}, {"title": 7.5}, {"time": "soon"}, {"time": 1}])
def test_what_is_not_a_play_is_skipped(changes: dict[str, object]) -> None:
    found = from_maloja(**changes)
    assert isinstance(found, Skipped)
    answer = maloja.render_skipped(found)
    assert (answer.status, json.loads(answer.body)["status"]) == (400, "failure")


def test_maloja_s_call_comes_as_json_or_as_a_form() -> None:
    form = urlencode(SCROBBLE).encode()
    assert maloja.read(raw(SCROBBLE)) == SCROBBLE
    assert maloja.read(form) == SCROBBLE
    assert maloja.read(b"", form.decode()) == SCROBBLE
    assert maloja.read(b"Sinnerman") == Malformed("the body isn't JSON")
    too_large = maloja.read(b"a=" + b"a" * 1_000_000)
    assert too_large == Malformed("the request is too large")
    in_parts = httpx2.Request("POST", "http://x", files=[("artist", (None, "Can")), ("artist", (None, "311"))])
    assert maloja.read(in_parts.read(), "", in_parts.headers["content-type"]) == {"artist": ["Can", "311"]}
    assert maloja.read(b"x", "", "multipart/form-data; boundary=x") == Malformed("the form can't be read")


def test_maloja_s_key_is_in_the_body_or_in_the_query() -> None:
    for body, key in ((raw(SCROBBLE), "secret"), (b"{}", "other"), (b"", "other"), (b"title=Sinnerman", "other")):
        sent = maloja.read(body, "key=other")
        assert isinstance(sent, dict)
        assert maloja.key(sent) == key
    assert maloja.key({}) == ""


def test_maloja_s_answers() -> None:
    play = from_maloja()
    assert isinstance(play, Incoming)
    answer = maloja.render_ok(play)
    assert (answer.status, json.loads(answer.body)["track"]["title"]) == (200, "Halleluwah")
    assert [maloja.render_bad_key().status, maloja.render_unavailable().status] == [403, 503]


# -- what all have in common --------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body isn't JSON"),
        (b"[" * 100_000, "the body isn't JSON"),
        (b"[]", "the body isn't a JSON object"),
        (b" " * 10_000_001, "the request is too large"),
    ],
)
def test_a_body_that_is_not_an_object_is_refused(body: bytes, reason: str) -> None:
    malformed = Malformed(reason)
    assert webscrobbler.parse(body, NOW) == malformed
    assert jellyfin.parse(body, NOW) == malformed
    assert tautulli.parse(body, NOW) == malformed
    assert plex.parse(body, "application/json", NOW) == malformed
    assert webhook.render_malformed(malformed).status == 400


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_body_may_be_in_any_encoding_of_json(encoding: str) -> None:
    assert webhook.parse_json('{"title": "Jóga"}'.encode(encoding)) == {"title": "Jóga"}
    assert webhook.parse_json('{"title": "Jóga'.encode(encoding)) == Malformed("the body isn't JSON")
    assert webhook.parse_json('{"title": "Jóga"}'.encode(encoding)[:-1]) == Malformed("the body isn't JSON")


def test_answers_are_short() -> None:
    answers: list[tuple[PlayerAnswer, int]] = [
        (webhook.render_ok(), 200),
        (webhook.render_bad_secret(), 404),
        (webhook.render_unavailable(), 503),
    ]
    for answer, status in answers:
        assert answer.status == status
        assert json.loads(answer.body)


def test_a_listening_that_the_clock_has_ended_is_a_play() -> None:
    report = WebhookReport(source=PLEXAMP)
    play = report.play_of(Finished(PLEXED, START, 400.0))
    assert play == Incoming(PLEXED, START, Stamp.START, 400.0, Listening.MEASURED, program="Plex", device="Plexamp")
    counted = report.play_of(Finished(PLEXED, START, None))
    assert (counted.stamp, counted.listening) == (Stamp.UNKNOWN, Listening.ASSUMED)


def test_a_late_stop_of_the_track_before_does_not_clear_what_plays() -> None:
    """Plex says often that the next track plays before it says that the last one stopped."""
    shown: list[Announced | Cleared | None] = []
    clock: ListeningClock | None = None
    for event, key in (
        ("media.play", "1"),
        ("media.pause", "1"),
        ("media.resume", "1"),
        ("media.play", "2"),
        ("media.stop", "1"),
        ("media.stop", "2"),
        ("media.stop", "2"),
    ):
        report = from_plex(event, {"ratingKey": key})
        assert report.notice is not None
        before, clock = clock, step(clock, replace(report.notice, at=NOW + 100 * len(shown), position=None)).clock
        shown.append(report.playing_now(before, clock))
    plays = Announced(PLEXED, "Plex", "Plexamp")
    assert shown == [plays, Cleared(), plays, plays, None, Cleared(), None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def scrambled(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The document with some of its members replaced by anything, or gone."""
    inner = {
        name: (scrambled(value) if isinstance(value, dict) else st.just(value)) | JSON
        for name, value in document.items()
    }
    return st.fixed_dictionaries({}, optional=inner)


@given(
    scrambled({"eventName": "scrobble", "time": NOW, "data": {"song": SONG, "songs": [SONG]}}),
    scrambled(JELLYFIN),
    scrambled(PLEX),
    scrambled(FILLED),
    scrambled(SCROBBLE),
)
def test_whatever_is_sent_is_read_or_skipped(
    browser_event: dict[str, Any],
    notice: dict[str, Any],
    event: dict[str, Any],
    filled: dict[str, Any],
    call: dict[str, Any],
) -> None:
    for report in (
        webscrobbler.parse(raw(browser_event), NOW),
        jellyfin.parse(raw(notice), NOW),
        plex.parse(*multipart(event), NOW),
        tautulli.parse(raw(filled), NOW),
    ):
        for play in read(report).plays:
            assert play.track.title
    assert isinstance(maloja.parse(call, NOW), Incoming | Skipped)
