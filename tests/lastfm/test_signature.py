"""What is signed and sent, to the byte."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.play import Play, Track
from tonearm.lastfm.methods import auth, track, user
from tonearm.lastfm.request import Keys, Request, Verb, form, sign, sign_request
from tonearm.lastfm.request import given as given_params

from .faces import KEYS


def signed_by_hand(params: Mapping[str, str], secret: str) -> str:
    """The scheme written again, byte by byte, to judge the real one by. https://www.last.fm/api/authspec"""
    base = b""
    for name, value in sorted((name.encode(), value.encode()) for name, value in params.items()):
        if name not in (b"format", b"callback", b"api_sig"):
            base += name + value
    return md5(base + secret.encode()).hexdigest()


def sent(request: Request[object], keys: Keys = KEYS) -> dict[str, str]:
    return dict(parse_qsl(sign_request(request, keys).form, keep_blank_values=True, strict_parsing=True))


@pytest.mark.parametrize(
    ("params", "secret", "signature"),
    [
        (
            {"api_key": "YOUR_API_KEY", "method": "auth.getSession", "token": "YOUR_REQUESTED_TOKEN"},
            "YOUR_SECRET",
            "94539006de89b3c6b3c030bb1e52b9c4",
        ),
        (
            {
                "track": "RAINSICK",
                "sk": "YOUR_SESSION_KEY",
                "method": "track.love",
                "artist": "KITANO REM",
                "api_key": "YOUR_API_KEY",
            },
            "YOUR_SECRET",
            "800b8884b00c9343d1d425ed271e0f42",
        ),
        (
            {
                "method": "track.updateNowPlaying",
                "artist": "Sigur Rós",
                "track": "Hoppípolla & 雪+1",
                "duration": "268",
                "api_key": KEYS.api_key,
                "sk": "SK-abc_DEF",
                "format": "json",
                "callback": "cb",
            },
            KEYS.api_secret,
            "f6edab975bf4762c7740b1d9c8526e7e",
        ),
        (
            {
                f"{name}[{i}]": value
                for i in range(12)
                for name, value in (("artist", f"A{i}"), ("track", f"T{i}"), ("timestamp", str(1700000000 + 200 * i)))
            }
            | {"method": "track.scrobble", "api_key": KEYS.api_key, "sk": "SK-abc_DEF", "format": "json"},
            KEYS.api_secret,
            "3a594c2c5ea6b9f336b6e23afdf45860",
        ),
    ],
    ids=["auth.getSession", "track.love", "names beyond ASCII", "a batch of twelve"],
)
def test_the_known_vectors_are_signed_as_they_should_be(params: dict[str, str], secret: str, signature: str) -> None:
    assert sign(params, secret) == signature


def test_a_batch_of_twelve_plays_is_signed_like_the_known_vector() -> None:
    plays = [Play(Track(f"A{i}", f"T{i}"), 1700000000 + 200 * i, 100.0) for i in range(12)]
    assert sent(track.scrobble(plays, "SK-abc_DEF"))["api_sig"] == "3a594c2c5ea6b9f336b6e23afdf45860"


def test_now_playing_is_signed_like_the_known_vector() -> None:
    request = track.now_playing(Track("Sigur Rós", "Hoppípolla & 雪+1", duration=268), "SK-abc_DEF")
    assert sent(request)["api_sig"] == "f6edab975bf4762c7740b1d9c8526e7e"


names = st.text(st.characters(codec="utf-8"), max_size=12)


@given(
    st.dictionaries(st.sampled_from([f"{n}[{i}]" for n in ("artist", "albumArtist", "a") for i in range(12)]), names)
)
def test_the_signature_is_the_one_written_by_hand(params: dict[str, str]) -> None:
    assert sign(params, "secret é") == signed_by_hand(params, "secret é")


anything = st.text(st.characters(), min_size=1, max_size=20).filter(str.strip)


@given(artist=anything, title=anything, key=st.text(min_size=1, max_size=5).filter(str.strip))
def test_what_is_signed_is_what_is_sent_whatever_a_name_holds(artist: str, title: str, key: str) -> None:
    params = sent(track.love(artist, title, key))
    assert params.pop("api_sig") == signed_by_hand(params, KEYS.api_secret)
    assert params["format"] == "json"


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))))
def test_a_form_is_encoded_as_the_standard_library_does_it(params: dict[str, str]) -> None:
    assert form(params) == urlencode(params)


def test_control_characters_and_lone_surrogates_are_neither_signed_nor_sent() -> None:
    params = sent(track.love("Mo\x00gwai\n", "Take \ud83dMe", "sk"))
    assert (params["artist"], params["track"]) == ("Mogwai", "Take Me")
    assert params["api_sig"] == signed_by_hand(params, KEYS.api_secret)


def test_letters_blanks_and_line_separators_of_every_script_are_sent_as_they_are() -> None:
    assert sent(track.love("坂本\u3000龍一", "А\u00a0Я\u2028e\u0301", "sk"))["track"] == "А\u00a0Я\u2028e\u0301"


def test_the_same_plays_always_make_the_same_request() -> None:
    plays = [Play(Track("Low", "Sunflower"), 1700000000, 100.0), Play(Track("Can", "Spoon"), 1700000300, 100.0)]
    assert sign_request(track.scrobble(plays, "sk"), KEYS) == sign_request(track.scrobble(tuple(plays), "sk"), KEYS)


@pytest.mark.parametrize(
    "request_",
    [
        auth.token(),
        auth.session("the-token"),
        track.scrobble([Play(Track("Low", "Sunflower"), 1700000000, 100.0)], "sk"),
        track.now_playing(Track("Low", "Sunflower"), "sk"),
        track.love("Low", "Sunflower", "sk"),
        track.unlove("Low", "Sunflower", "sk"),
        user.recent_tracks("Ada", session_key="sk").page(),
        user.info(session_key="sk"),
    ],
    ids=lambda request: request.method,
)
def test_whatever_is_signed_travels_in_a_body(request_: Request[object]) -> None:
    assert sign_request(request_, KEYS).verb is Verb.POST
    assert len(sent(request_)["api_sig"]) == 32


@pytest.mark.parametrize(
    "request_",
    [user.recent_tracks("Ada").page(), user.loved_tracks("Ada").page(), user.info("Ada")],
    ids=lambda request: request.method,
)
def test_open_reads_are_neither_signed_nor_posted(request_: Request[object]) -> None:
    assert sign_request(request_, KEYS).verb is Verb.GET
    assert not {"api_sig", "sk"} & sent(request_).keys()


def test_empty_parameters_are_left_out() -> None:
    assert given_params({"user": "Ada", "from": None, "to": "", "page": 0}) == {"user": "Ada", "page": "0"}
