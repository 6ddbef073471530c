"""Signatures, against published and hand-made vectors."""

from __future__ import annotations

import pytest

from lastfm_emulator import API_KEY, API_SECRET, signature

SCROBBLES = {"method": "track.scrobble", "api_key": API_KEY, "sk": "SK-abc_DEF", "format": "json"} | {
    name: value
    for i in range(12)
    for name, value in (
        (f"artist[{i}]", f"A{i}"),
        (f"track[{i}]", f"T{i}"),
        (f"timestamp[{i}]", str(1_700_000_000 + 200 * i)),
    )
}
NOW_PLAYING = {
    "method": "track.updateNowPlaying",
    "api_key": API_KEY,
    "sk": "SK-abc_DEF",
    "artist": "Sigur Rós",
    "track": "Hoppípolla & 雪+1",
    "duration": "268",
    "format": "json",
    "callback": "cb",
}
SESSION = {"api_key": "YOUR_API_KEY", "method": "auth.getSession", "token": "YOUR_REQUESTED_TOKEN"}
LOVE = {
    "api_key": "YOUR_API_KEY",
    "artist": "KITANO REM",
    "method": "track.love",
    "sk": "YOUR_SESSION_KEY",
    "track": "RAINSICK",
}


@pytest.mark.parametrize(
    ("params", "secret", "expected"),
    [
        pytest.param(SESSION, "YOUR_SECRET", "94539006de89b3c6b3c030bb1e52b9c4", id="sign-in"),
        pytest.param(LOVE, "YOUR_SECRET", "800b8884b00c9343d1d425ed271e0f42", id="love"),
        pytest.param(NOW_PLAYING, API_SECRET, "f6edab975bf4762c7740b1d9c8526e7e", id="letters of all kinds"),
        pytest.param(SCROBBLES, API_SECRET, "3a594c2c5ea6b9f336b6e23afdf45860", id="ten sorts before one"),
    ],
)
def test_a_signature_is_the_md5_of_the_sorted_parameters(params: dict[str, str], secret: str, expected: str) -> None:
    assert signature(params, secret) == expected


def test_an_empty_value_is_signed_as_just_its_name() -> None:
    assert signature({"a": "", "b": "1"}, "s") == signature({"ab1": ""}, "s")


def test_a_text_that_cannot_be_encoded_gets_a_signature_instead_of_an_exception() -> None:
    assert len(signature({"artist": "\ud800"}, "s")) == 32
