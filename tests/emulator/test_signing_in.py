"""Tokens and sessions: the three flows without the page."""

from __future__ import annotations

from hashlib import md5

import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator

from .caller import Caller, Clock, body, error, signed


def session(emulator: Emulator, token: str, key: str = API_KEY, secret: str = API_SECRET) -> object:
    """The session's body, or error number and HTTP status."""
    params = signed({"method": "auth.getSession", "token": token}, key, secret) | {"format": "json"}
    reply = Caller(emulator, "").send(params, "GET")
    return body(reply).get("session") or error(reply)


def new_token(emulator: Emulator) -> str:
    params = signed({"method": "auth.getToken"}) | {"format": "json"}
    return str(body(Caller(emulator, "").send(params, "GET"))["token"])


def test_a_token_is_approved_by_the_user_and_changed_for_a_session_once(emulator: Emulator) -> None:
    token = new_token(emulator)
    assert len(token) == 32
    assert session(emulator, token) == (14, 403)
    emulator.approve(token, "RJ")
    found = session(emulator, token)
    assert found == {"name": "RJ", "key": emulator.session_key("RJ"), "subscriber": 0}
    assert session(emulator, token) == (4, 403)


def test_a_token_that_was_not_issued_is_error_4(emulator: Emulator) -> None:
    assert session(emulator, "made-up") == (4, 403)
    assert session(emulator, "") == (6, 400)


@pytest.mark.parametrize(("seconds", "expected"), [(3600, "RJ"), (3601, (15, 403))])
def test_a_token_lives_for_an_hour(emulator: Emulator, clock: Clock, seconds: int, expected: object) -> None:
    token = emulator.issue_token(API_KEY, "RJ")
    clock.time += seconds
    found = session(emulator, token)
    assert (found["name"] if isinstance(found, dict) else found) == expected


def test_a_token_is_bound_to_its_application(emulator: Emulator) -> None:
    emulator.add_key("other", "secret")
    token = emulator.issue_token("other", "RJ")
    assert session(emulator, token) == (4, 403)
    assert isinstance(session(emulator, token, "other", "secret"), dict)


def test_the_session_bears_the_name_as_the_user_writes_it(emulator: Emulator) -> None:
    emulator.add_user("RJ")
    found = session(emulator, emulator.issue_token(API_KEY, "rj"))
    assert isinstance(found, dict)
    assert found["name"] == "RJ"


def test_signing_in_twice_gives_the_same_session_and_another_application_another_one(emulator: Emulator) -> None:
    emulator.add_key("other", "secret")
    assert emulator.session_key("RJ") == emulator.session_key("rj")
    assert emulator.session_key("RJ", "other") != emulator.session_key("RJ")
    assert emulator.session_key("Another") != emulator.session_key("RJ")


def test_a_token_can_be_had_unsigned_but_not_signed_wrongly(rj: Caller) -> None:
    params = {"method": "auth.getToken", "api_key": API_KEY, "format": "json"}
    assert list(body(rj.send(params, "GET"))) == ["token"]
    assert error(rj.send(params | {"api_sig": "0" * 32})) == (13, 400)


def test_the_same_seed_issues_the_same_tokens() -> None:
    first, again = Emulator(seed=3), Emulator(seed=3)
    assert first.issue_token(API_KEY) == again.issue_token(API_KEY)
    assert first.issue_token(API_KEY) != Emulator(seed=4).issue_token(API_KEY)


def test_approving_what_was_never_issued_is_a_key_error(emulator: Emulator) -> None:
    with pytest.raises(KeyError):
        emulator.approve("made-up", "RJ")


def test_the_mobile_flow_takes_name_and_password_by_post(emulator: Emulator, rj: Caller) -> None:
    emulator.add_user("RJ", password="secret")
    reply = rj.ask("auth.getMobileSession", sk=None, username="rj", password="secret")
    assert body(reply)["session"]["key"] == rj.session
    for username, password in (("rj", "wrong"), ("nobody", "secret")):
        wrong = rj.ask("auth.getMobileSession", sk=None, username=username, password=password)
        assert error(wrong) == (4, 403)
    by_get = rj.ask("auth.getMobileSession", "GET", sk=None, username="rj", password="secret")
    assert error(by_get) == (4, 403)
    assert error(rj.ask("auth.getMobileSession", sk=None, username="rj")) == (6, 400)


def test_a_user_without_a_password_has_no_mobile_flow(rj: Caller) -> None:
    assert error(rj.ask("auth.getMobileSession", sk=None, username="rj", password="x")) == (4, 403)
    blank = md5(("rj" + md5(b"").hexdigest()).encode()).hexdigest()
    assert error(rj.ask("auth.getMobileSession", sk=None, username="rj", authToken=blank)) == (4, 403)


@pytest.mark.parametrize("name", ["RJ", "rj"])
def test_the_mobile_flows_old_token_still_works(emulator: Emulator, rj: Caller, name: str) -> None:
    emulator.add_user("RJ", password="secret")
    token = md5((name + md5(b"secret").hexdigest()).encode()).hexdigest()
    reply = rj.ask("auth.getMobileSession", sk=None, username="RJ", authToken=token)
    assert body(reply)["session"]["name"] == "RJ"


def test_a_session_can_be_asked_whose_it_is(rj: Caller) -> None:
    assert body(rj.ask("auth.getSessionInfo")) == {"session": {"name": "RJ", "subscriber": 0}}
    assert error(rj.ask("auth.getSessionInfo", sk=None)) == (9, 403)


def test_with_any_key_a_player_with_a_key_of_its_own_signs_in_by_password(clock: Clock) -> None:
    emulator = Emulator(clock=clock, any_key=True)
    emulator.add_user("RJ", password="a:b")
    fields = {"method": "auth.getMobileSession", "username": "RJ", "password": "a:b", "format": "json"}
    theirs = signed(fields, "the player's", "secret")
    [player] = [Caller(emulator, body(Caller(emulator, "").send(theirs))["session"]["key"])]
    assert error(player.send({**theirs, "password": "wrong"})) == (4, 403)
    assert error(player.send({**theirs, "api_sig": "none"})) == (13, 400)
    play = {"method": "track.scrobble", "artist": "Low", "track": "T", "timestamp": clock() - 300}
    sent = signed({**play, "timestamp": int(clock() - 300), "sk": player.session}, "the player's", "secret")
    assert body(player.send({**sent, "format": "json"}))["scrobbles"]["@attr"] == {"accepted": 1, "ignored": 0}
    assert len(emulator.plays("RJ")) == 1
    assert error(Caller(emulator, "").send(signed(fields, secret="wrong"))) == (13, 400), "a known key has its secret"


def test_without_it_a_key_must_be_known(emulator: Emulator) -> None:
    theirs = signed({"method": "auth.getToken", "format": "json"}, "theirs")
    assert error(Caller(emulator, "").send(theirs)) == (10, 403)
