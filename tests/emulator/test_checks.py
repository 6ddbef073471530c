"""What every call must get past: method, format, key, verb, signature, session."""

from __future__ import annotations

import pytest

from lastfm_emulator import API_KEY, API_SECRET, Emulator, Method, Needs, Refusal, Request
from lastfm_emulator.method import Call
from lastfm_emulator.render import Body

from .caller import NOW, Caller, body, error, plays, signed

LOVE = {"method": "track.love", "artist": "Low", "track": "Sunflower", "format": "json"}


def test_a_method_is_found_in_any_letter_case(rj: Caller) -> None:
    assert rj.ask("TRACK.LOVE", artist="Low", track="Sunflower").status == 200


def test_an_unknown_method_is_error_3(rj: Caller) -> None:
    assert error(rj.ask("radio.tune")) == (3, 400)


def test_a_call_without_a_method_lacks_a_parameter(rj: Caller) -> None:
    assert error(rj.send({"api_key": API_KEY, "format": "json"})) == (6, 400)


def test_an_unknown_format_is_error_5(rj: Caller) -> None:
    reply = rj.ask("user.getInfo", format="yaml", user="RJ")
    assert reply.status == 400
    assert b'<error code="5">' in reply.body


@pytest.mark.parametrize("key", ["", "f" * 32])
def test_a_wrong_or_missing_key_is_error_10(rj: Caller, key: str) -> None:
    params = {"method": "user.getInfo", "user": "RJ", "format": "json", "api_key": key}
    assert error(rj.send(params, "GET")) == (10, 403)


def test_a_suspended_key_is_error_26_until_it_is_let_in_again(emulator: Emulator, rj: Caller) -> None:
    emulator.suspend_key(API_KEY)
    assert error(rj.ask("track.love", artist="a", track="b")) == (26, 403)
    emulator.suspend_key(API_KEY, suspended=False)
    assert rj.ask("track.love", artist="a", track="b").status == 200


def test_a_wrong_signature_is_error_13(rj: Caller) -> None:
    params = signed(LOVE | {"sk": rj.session})
    assert error(rj.send(params | {"api_sig": "0" * 32})) == (13, 400)
    assert error(rj.send(params | {"artist": "Lów"})) == (13, 400)


def test_a_missing_signature_on_a_write_is_error_13(rj: Caller) -> None:
    assert error(rj.send(LOVE | {"sk": rj.session, "api_key": API_KEY})) == (13, 400)


def test_a_signature_in_capitals_passes(rj: Caller) -> None:
    params = signed(LOVE | {"sk": rj.session})
    reply = rj.send(params | {"api_sig": params["api_sig"].upper()})
    assert reply.status == 200


def test_empty_brackets_spoil_the_signature(rj: Caller) -> None:
    reply = rj.ask_all("track.scrobble", {"artist[]": "Low", "track[]": "Sunflower", "timestamp[]": NOW})
    assert error(reply) == (13, 400)


def test_format_and_callback_are_not_signed_but_everything_else_is(rj: Caller) -> None:
    params = signed({name: value for name, value in LOVE.items() if name != "format"} | {"sk": rj.session})
    assert error(rj.send(params | {"format": "json", "streamId": "1"})) == (13, 400)
    reply = rj.send(params | {"format": "json", "callback": "cb"})
    assert reply.status == 200


@pytest.mark.parametrize("session", ["", "nobody's"])
def test_an_unknown_session_is_error_9(rj: Caller, session: str) -> None:
    assert error(rj.ask("track.love", artist="a", track="b", sk=session)) == (9, 403)


def test_a_write_without_a_session_is_error_9(rj: Caller) -> None:
    assert error(rj.ask("track.love", artist="a", track="b", sk=None)) == (9, 403)


def test_a_session_belongs_to_the_application_that_got_it(emulator: Emulator, rj: Caller) -> None:
    emulator.add_key("other", "secret")
    params = signed(LOVE | {"sk": rj.session}, "other", "secret")
    assert error(rj.send(params)) == (9, 403)


def test_a_revoked_session_is_error_9_and_a_new_one_is_another(emulator: Emulator, rj: Caller) -> None:
    emulator.revoke("rj")
    assert error(rj.ask("track.love", artist="a", track="b")) == (9, 403)
    assert emulator.session_key("RJ") != rj.session


def test_a_spoilt_session_is_refused_on_a_read_too(rj: Caller) -> None:
    assert error(rj.ask("user.getInfo", "GET", sk="spoilt", user="RJ")) == (9, 403)


@pytest.mark.parametrize("method", ["track.scrobble", "track.updateNowPlaying", "track.love", "track.unlove"])
def test_a_write_by_get_is_refused(rj: Caller, method: str) -> None:
    reply = rj.ask(method, "GET", artist="Low", track="Sunflower", timestamp=NOW)
    assert error(reply) == (4, 403)


def test_query_and_body_are_merged_and_the_body_wins(emulator: Emulator, rj: Caller) -> None:
    body_params = signed(LOVE | {"sk": rj.session})
    text = "&".join(f"{name}={value}" for name, value in body_params.items())
    assert emulator.answer(Request("POST", query="artist=Wrong&format=xml", body=text.encode()))
    assert [one.artist for one in emulator.loved("RJ")] == ["Low"]


def test_a_post_may_carry_everything_in_the_query(emulator: Emulator, rj: Caller) -> None:
    text = "&".join(f"{name}={value}" for name, value in signed(LOVE | {"sk": rj.session}).items())
    emulator.answer(Request("POST", query=text))
    assert [one.track for one in emulator.loved("RJ")] == ["Sunflower"]


def test_a_body_that_is_not_a_form_is_not_read(emulator: Emulator, rj: Caller) -> None:
    text = "&".join(f"{name}={value}" for name, value in signed(LOVE | {"sk": rj.session}).items())
    json_type = {"content-type": "application/json; charset=utf-8"}
    emulator.answer(Request("POST", body=text.encode(), headers=json_type))
    assert emulator.loved("RJ") == []


def test_blanks_come_as_plus_or_as_percent_20_and_a_plus_must_be_encoded(emulator: Emulator, rj: Caller) -> None:
    params = signed({"method": "track.love", "sk": rj.session, "artist": "a b", "track": "1+1 é"})
    rest = "&".join(f"{name}={params[name]}" for name in ("method", "sk", "api_key", "api_sig"))
    for artist, track in (("a+b", "1%2B1%20%C3%A9"), ("a%20b", "1%2b1+%c3%a9")):
        emulator.answer(Request("POST", body=f"{rest}&artist={artist}&track={track}".encode()))
        assert [(one.artist, one.track) for one in emulator.loved("RJ")] == [("a b", "1+1 é")]
    emulator.answer(Request("POST", body=f"{rest}&artist=a+b&track=1+1+%C3%A9".encode()))
    assert [entry.outcome for entry in emulator.journal] == ["ok", "ok", "error 13"]


def test_a_method_can_be_added_and_an_old_one_says_its_errors_the_old_way(emulator: Emulator, rj: Caller) -> None:
    def info(call: Call) -> Body:
        name = call.required("artist")
        if name == "Nobody":
            raise Refusal(6, "The artist you supplied could not be found", 404)
        return {"artist": {"name": name, "shown": call.named_user().name}}

    emulator.add_method(Method("artist.getInfo", info, Needs.KEY, old=True))
    assert rj.read("artist.getinfo", artist="Low", user="rj") == {"artist": {"name": "Low", "shown": "RJ"}}
    assert list(rj.read("artist.getInfo").items()) == [
        ("error", 6),
        ("message", "Invalid parameters - Your request is missing a required parameter"),
        ("links", []),
    ]
    assert error(rj.ask("artist.getInfo")) == (6, 200)
    assert error(rj.ask("artist.getInfo", artist="Low", user="nobody")) == (6, 200)
    assert error(rj.ask("artist.getInfo", artist="Nobody")) == (6, 404)
    assert error(rj.ask("artist.getInfo", sk="spoilt")) == (9, 403)


def test_a_refusal_without_a_text_of_its_own_has_the_usual_one() -> None:
    assert (Refusal(29).text, Refusal(29).status) == (
        "Rate limit exceeded - Your IP has made too many requests in a short period",
        429,
    )
    assert (Refusal(99).text, Refusal(99).status) == ("Error 99", 400)


def test_no_secret_shows_in_a_representation(emulator: Emulator, rj: Caller) -> None:
    token = emulator.issue_token(API_KEY)
    plan = emulator.plan(Request("POST", body=f"sk={rj.session}&token={token}&api_sig=SIG".encode()))
    things = (emulator.keys[API_KEY], emulator.tokens[token], emulator.sessions[rj.session], plan, emulator)
    shown = repr(things) + repr(Request("POST", query=f"sk={rj.session}", body=b"api_sig=SIG"))
    for secret in (API_SECRET, token, rj.session, "SIG"):
        assert secret not in shown


def test_every_answer_is_dated_by_the_services_clock(emulator: Emulator) -> None:
    assert ("date", "Tue, 14 Nov 2023 22:13:20 GMT") in emulator.courtesies()


def test_the_body_of_an_error_names_number_and_text(rj: Caller) -> None:
    assert body(rj.ask("track.love", sk="spoilt")) == {
        "message": "Invalid session key - Please re-authenticate",
        "error": 9,
    }


@pytest.mark.parametrize("name", ["Low\x00", "Lo\x1fw", "Low\x7f", "L\x9fow", "Low\n"])
def test_a_control_character_in_one_value_fails_the_whole_batch(emulator: Emulator, rj: Caller, name: str) -> None:
    batch = plays(("Low", "T1", NOW - 300), (name, "T2", NOW - 200))
    assert error(rj.ask_all("track.scrobble", batch)) == (13, 400)
    assert emulator.plays("RJ") == []
