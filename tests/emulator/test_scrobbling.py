"""track.scrobble and track.updateNowPlaying."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastfm_emulator import Emulator, Play

from .caller import NOW, Caller, Clock, body, error, plays

DAY = 86_400


def codes(reply: object) -> list[str]:
    """The ignored codes of a batch, in its order."""
    assert isinstance(reply, dict)
    many = reply["scrobbles"]["scrobble"]
    return [one["ignoredMessage"]["code"] for one in (many if isinstance(many, list) else [many])]


def test_one_scrobble_is_answered_with_an_object(rj: Caller) -> None:
    assert rj.scrobble(album="Things We Lost in the Fire") == {
        "scrobbles": {
            "scrobble": {
                "artist": {"corrected": "0", "#text": "Low"},
                "album": {"corrected": "0", "#text": "Things We Lost in the Fire"},
                "track": {"corrected": "0", "#text": "Sunflower"},
                "ignoredMessage": {"code": "0", "#text": ""},
                "albumArtist": {"corrected": "0", "#text": ""},
                "timestamp": str(NOW - 300),
            },
            "@attr": {"ignored": 0, "accepted": 1},
        }
    }


def test_one_scrobble_with_an_index_is_answered_with_an_object_too(rj: Caller) -> None:
    reply = body(rj.ask_all("track.scrobble", plays(("Low", "Sunflower", NOW))))
    assert isinstance(reply["scrobbles"]["scrobble"], dict)


def test_an_album_that_was_not_sent_has_no_text_at_all(rj: Caller) -> None:
    one = rj.scrobble()["scrobbles"]["scrobble"]
    assert one["album"] == {"corrected": "0"}
    assert one["albumArtist"] == {"corrected": "0", "#text": ""}


def test_a_batch_is_answered_with_a_list_in_the_order_of_the_indices(emulator: Emulator, rj: Caller) -> None:
    sent = [(f"A{i}", f"T{i}", NOW - 1000 + i) for i in range(50)]
    reply = body(rj.ask_all("track.scrobble", dict(reversed(plays(*sent).items()))))["scrobbles"]
    assert [one["timestamp"] for one in reply["scrobble"]] == [str(when) for _, _, when in sent]
    assert reply["@attr"] == {"ignored": 0, "accepted": 50}
    assert [(play.artist, play.track, play.timestamp) for play in emulator.plays("rj")] == sent


def test_everything_sent_with_a_play_is_kept(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble(
        album="Album",
        albumArtist="Another",
        trackNumber=3,
        mbid="an-id",
        duration=281,
        chosenByUser=0,
        streamId="x",
        context="y",
    )
    assert emulator.plays("RJ") == [
        Play(
            artist="Low",
            track="Sunflower",
            timestamp=NOW - 300,
            album="Album",
            album_artist="Another",
            track_number=3,
            mbid="an-id",
            duration=281,
            chosen_by_user=False,
            sent_artist="Low",
            sent_track="Sunflower",
            received=NOW,
            visible_from=NOW,
        )
    ]


def test_values_that_are_not_numbers_are_ignored(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble(trackNumber="B2", duration="4:41")
    assert [(play.track_number, play.duration) for play in emulator.plays("RJ")] == [(None, None)]


def test_more_than_fifty_are_refused_and_none_is_kept(emulator: Emulator, rj: Caller) -> None:
    sent = [("A", "T", NOW - i) for i in range(51)]
    assert error(rj.ask_all("track.scrobble", plays(*sent))) == (6, 400)
    beyond = {"artist[50]": "A", "track[50]": "T", "timestamp[50]": NOW}
    assert error(rj.ask_all("track.scrobble", beyond)) == (6, 400)
    assert emulator.plays("RJ") == []


@pytest.mark.parametrize("missing", ["artist", "track", "timestamp"])
def test_a_play_that_lacks_a_parameter_fails_the_whole_batch(emulator: Emulator, rj: Caller, missing: str) -> None:
    params = plays(("A", "T", NOW), ("B", "T", NOW))
    del params[f"{missing}[1]"]
    assert error(rj.ask_all("track.scrobble", params)) == (6, 400)
    assert emulator.plays("RJ") == []
    assert error(rj.ask("track.scrobble")) == (6, 400)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "1700000000.5", "1e9", "--1", "1" * 5000])
def test_a_timestamp_that_is_not_a_whole_number_is_error_6(rj: Caller, timestamp: str) -> None:
    reply = rj.ask("track.scrobble", artist="A", track="T", timestamp=timestamp)
    assert error(reply) == (6, 400)


def test_brackets_with_anything_but_a_number_are_passed_over(emulator: Emulator, rj: Caller) -> None:
    rj.ask_all("track.scrobble", plays(("A", "T", NOW)) | {"artist[x]": "B"})
    assert [play.artist for play in emulator.plays("RJ")] == ["A"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("artist", "", "1"),
        ("artist", " ", "1"),
        ("artist", "undefined", "1"),
        ("artist", "Various", "1"),
        ("artist", "Unknown Artist", "1"),
        ("artist", "[unknown]", "1"),
        ("artist", "<unknown>", "1"),
        ("albumArtist", "VA", "1"),
        ("albumArtist", "Various Artists", "1"),
        ("album", "Unknown album", "1"),
        ("duration", 29, "1"),
        ("duration", 30, "0"),
        ("duration", 0, "0"),
        ("track", "", "2"),
        ("timestamp", NOW - 14 * DAY, "3"),
        ("timestamp", NOW - 14 * DAY + 1, "0"),
        ("timestamp", -5, "3"),
        ("timestamp", NOW + 12 * 3600, "0"),
        ("timestamp", NOW + 12 * 3600 + 1, "4"),
    ],
)
def test_an_ignored_play_is_answered_with_its_code(
    emulator: Emulator, rj: Caller, field: str, value: object, code: str
) -> None:
    params = {"artist": "Low", "track": "Sunflower", "timestamp": NOW, field: value}
    reply = rj.ask_all("track.scrobble", params)
    answered = body(reply)
    assert reply.status == 200
    assert codes(answered) == [code]
    assert answered["scrobbles"]["@attr"] == (
        {"ignored": 0, "accepted": 1} if code == "0" else {"ignored": 1, "accepted": 0}
    )
    assert len(emulator.plays("RJ")) == (code == "0")


def test_the_name_that_was_empty_comes_back_without_a_text(rj: Caller) -> None:
    one = rj.scrobble(artist="", track="")["scrobbles"]["scrobble"]
    assert one["artist"] == {"corrected": "0"}
    assert one["track"] == {"corrected": "0"}


def test_accepted_and_ignored_are_counted_apart(emulator: Emulator, rj: Caller) -> None:
    sent = [("A", "T", NOW), ("", "T", NOW), ("B", "T", NOW - 15 * DAY)]
    answered = body(rj.ask_all("track.scrobble", plays(*sent)))
    assert codes(answered) == ["0", "1", "3"]
    assert answered["scrobbles"]["@attr"] == {"ignored": 2, "accepted": 1}
    (entry,) = emulator.journal
    assert (entry.items, entry.stored, entry.ignored) == (3, 1, 2)


def test_a_repeat_is_accepted_and_dropped(emulator: Emulator, rj: Caller) -> None:
    first = rj.scrobble()
    assert rj.scrobble(album="Another album") == rj.scrobble(album="Another album")
    assert codes(first) == ["0"]
    assert len(emulator.plays("RJ")) == 1
    assert emulator.repeats("RJ") == 2
    assert emulator.plays("RJ")[0].album == ""


@pytest.mark.parametrize("other", [("Low", "Sunflower", NOW + 1), ("Low", "Whitetail", NOW), ("low", "Sunflower", NOW)])
def test_another_time_track_or_spelling_is_another_play(
    emulator: Emulator, rj: Caller, other: tuple[str, str, int]
) -> None:
    rj.ask_all("track.scrobble", plays(("Low", "Sunflower", NOW), other))
    assert len(emulator.plays("RJ")) == 2


def test_two_users_may_play_the_same_at_the_same_time(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble()
    Caller(emulator, emulator.session_key("Another")).scrobble()
    assert (len(emulator.plays("RJ")), len(emulator.plays("another"))) == (1, 1)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("TU"), st.integers(0, 9)), max_size=60))
def test_resending_anything_any_number_of_times_stores_each_play_once(sent: list[tuple[str, str, int]]) -> None:
    emulator = Emulator(clock=Clock())
    rj = Caller(emulator, emulator.session_key("RJ"))
    for artist, track, seconds in sent:
        rj.scrobble(artist, track, NOW - seconds)
    stored_plays = [(play.artist, play.track, NOW - play.timestamp) for play in emulator.plays("RJ")]
    assert sorted(stored_plays) == sorted(set(sent))
    assert [play.timestamp for play in emulator.plays("RJ")] == sorted(NOW - when for _, _, when in stored_plays)
    assert emulator.repeats("RJ") == len(sent) - len(stored_plays)


def test_a_misspelt_artist_is_corrected_and_said_so(emulator: Emulator, rj: Caller) -> None:
    emulator.correct_artist("the beatels", "The Beatles")
    one = rj.scrobble(artist="The Beatels")["scrobbles"]["scrobble"]
    assert one["artist"] == {"corrected": "1", "#text": "The Beatles"}
    assert one["track"]["corrected"] == "0"
    (play,) = emulator.plays("RJ")
    assert (play.artist, play.sent_artist) == ("The Beatles", "The Beatels")
    rj.scrobble(artist="The Beatels")
    assert emulator.repeats("RJ") == 1


def test_a_misspelt_track_is_corrected_and_said_so(emulator: Emulator, rj: Caller) -> None:
    emulator.correct_track(("low", "sunflwer"), ("Low", "Sunflower"))
    one = rj.scrobble(track="Sunflwer")["scrobbles"]["scrobble"]
    assert one["artist"]["corrected"] == "0"
    assert one["track"] == {"corrected": "1", "#text": "Sunflower"}


def test_past_the_days_limit_the_whole_call_is_refused_until_a_day_has_passed(clock: Clock) -> None:
    emulator = Emulator(clock=clock, daily_limit=3)
    rj = Caller(emulator, emulator.session_key("RJ"))
    sent = [("A", "T", NOW - i) for i in range(2)]
    assert codes(body(rj.ask_all("track.scrobble", plays(*sent)))) == ["0", "0"]
    assert codes(body(rj.ask_all("track.scrobble", plays(sent[0])))) == ["0"], "a repeat costs nothing"
    reply = rj.ask_all("track.scrobble", plays(("B", "T", NOW), ("C", "T", NOW)))
    assert error(reply) == (29, 429)
    assert body(reply)["message"].startswith("Rate Limit Exceeded - Too many scrobbles")
    assert codes(rj.scrobble("B", at=NOW)) == ["0"]
    clock.time += DAY
    assert codes(rj.scrobble("C", at=NOW)) == ["0"]


def test_the_daily_limit_may_also_be_answered_play_by_play(clock: Clock) -> None:
    emulator = Emulator(clock=clock, daily_limit=2, daily_limit_as="code")
    rj = Caller(emulator, emulator.session_key("RJ"))
    sent = [("A", "T", NOW), ("", "T", NOW), ("B", "T", NOW), ("C", "T", NOW)]
    assert codes(body(rj.ask_all("track.scrobble", plays(*sent)))) == ["0", "1", "0", "5"]
    assert len(emulator.plays("RJ")) == 2


def test_now_playing_is_answered_without_a_timestamp_and_shown(emulator: Emulator, rj: Caller) -> None:
    answered = body(rj.ask("track.updateNowPlaying", artist="Low", track="Sunflower", album="Album"))
    assert answered == {
        "nowplaying": {
            "artist": {"corrected": "0", "#text": "Low"},
            "track": {"corrected": "0", "#text": "Sunflower"},
            "ignoredMessage": {"code": "0", "#text": ""},
            "albumArtist": {"corrected": "0", "#text": ""},
            "album": {"corrected": "0", "#text": "Album"},
        }
    }
    playing = emulator.now_playing("rj")
    assert playing is not None
    assert (playing.artist, playing.track, playing.album) == ("Low", "Sunflower", "Album")
    assert emulator.plays("RJ") == []


@pytest.mark.parametrize(("duration", "seconds"), [(None, 600), (281, 281)])
def test_now_playing_fades_when_the_track_must_be_over(
    emulator: Emulator, rj: Caller, clock: Clock, duration: int | None, seconds: int
) -> None:
    rj.ask("track.updateNowPlaying", artist="Low", track="Sunflower", duration=duration)
    clock.time += seconds - 1
    assert emulator.now_playing("RJ") is not None
    clock.time += 1
    assert emulator.now_playing("RJ") is None


def test_now_playing_of_nothing_is_ignored_and_without_a_name_it_is_refused(emulator: Emulator, rj: Caller) -> None:
    answered = body(rj.ask("track.updateNowPlaying", artist="", track="Sunflower"))
    assert answered["nowplaying"]["ignoredMessage"]["code"] == "1"
    assert emulator.now_playing("RJ") is None
    assert error(rj.ask("track.updateNowPlaying", artist="Low")) == (6, 400)


@pytest.mark.slow
def test_a_hundred_thousand_plays_are_kept_and_read_back(emulator: Emulator) -> None:
    user = emulator.add_user("RJ")
    for i in range(100_000):
        user.keep(Play("A", f"T{i % 100}", NOW + i, sent_artist="A", sent_track=f"T{i % 100}"))
    found = Caller(emulator, "").read("user.getRecentTracks", user="RJ", limit=1000, page=100)["recenttracks"]
    assert found["@attr"]["total"] == "100000"
    assert found["track"][-1]["date"]["uts"] == str(NOW)


def test_nothing_is_known_of_an_unknown_user(emulator: Emulator) -> None:
    assert emulator.plays("nobody") == []
    assert emulator.loved("nobody") == []
    assert emulator.now_playing("nobody") is None
    assert emulator.repeats("nobody") == 0
