"""The page where a user approves an application."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from lastfm_emulator import API_KEY, Emulator, Reply, Request
from lastfm_emulator.approval import callback_address
from lastfm_emulator.router import route

from .caller import Clock


def visit(emulator: Emulator, **params: str) -> Reply:
    reply = route(emulator, Request("GET", "/api/auth/", urlencode(params)))
    assert isinstance(reply, Reply)
    return reply


def choose(emulator: Emulator, answer: str, **params: str) -> Reply:
    text = urlencode({"api_key": API_KEY, "answer": answer, **params})
    reply = route(emulator, Request("POST", "/api/auth", body=text.encode()))
    assert isinstance(reply, Reply)
    return reply


def location(reply: Reply) -> str:
    assert reply.status == 302
    return dict(reply.headers)["Location"]


def token_in(reply: Reply) -> str:
    return location(reply).rpartition("token=")[2]


def test_the_visitor_is_asked_and_the_known_names_are_offered(emulator: Emulator) -> None:
    emulator.keys[API_KEY].name = "Ton & Arm"
    emulator.add_user("RJ")
    asked = visit(emulator, api_key=API_KEY, cb="http://localhost/?a=1&b=<2>")
    html = asked.body.decode()
    assert asked.status == 200
    assert "Connect Ton &amp; Arm?" in html
    assert 'value="RJ"' in html
    assert 'name="cb" value="http://localhost/?a=1&amp;b=&lt;2&gt;"' in html
    assert 'value="allow"' in html
    assert 'value="deny"' in html


def test_the_web_flow_redirects_with_an_approved_token(emulator: Emulator) -> None:
    reply = choose(emulator, "allow", user=" RJ ", cb="http://localhost:9/back")
    assert location(reply).startswith("http://localhost:9/back?token=")
    assert emulator.tokens[token_in(reply)].user == "RJ"


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        ("http://a/b", "http://a/b?token=T"),
        ("http://a/b?state=1", "http://a/b?state=1&token=T"),
        ("http://a/b?state=%26é#top", "http://a/b?state=%26%C3%A9&token=T#top"),
        ("app-1+x.y:done", "app-1+x.y:done?token=T"),
        ("http://a/\r\nSet-Cookie: b", "http://a/%0D%0ASet-Cookie:%20b?token=T"),
    ],
)
def test_the_token_is_appended_to_the_callback(callback: str, expected: str) -> None:
    assert callback_address(callback, "T") == expected


def test_the_callback_of_the_application_is_the_default(emulator: Emulator) -> None:
    emulator.add_key(API_KEY, "secret", callback="http://registered/")
    reply = choose(emulator, "allow", user="RJ")
    assert location(reply).startswith("http://registered/?token=")


@pytest.mark.parametrize("callback", ["", "javascript:alert(1)", "data:text/html,x", "nowhere"])
def test_an_unknown_address_is_reported(emulator: Emulator, callback: str) -> None:
    assert choose(emulator, "allow", user="RJ", cb=callback).status == 400


def test_the_desktop_flow_approves_the_token_and_stays_on_the_page(emulator: Emulator) -> None:
    token = emulator.issue_token(API_KEY)
    assert f'name="token" value="{token}"' in visit(emulator, api_key=API_KEY, token=token).body.decode()
    assert emulator.tokens[token].user is None
    reply = choose(emulator, "allow", user="rj", token=token)
    assert reply.status == 200
    assert b"Connected" in reply.body
    assert emulator.tokens[token].user == "rj"


def test_a_refusal_neither_redirects_nor_approves(emulator: Emulator) -> None:
    token = emulator.issue_token(API_KEY)
    assert choose(emulator, "deny", user="RJ", cb="http://a/").status == 200
    assert choose(emulator, "deny", user="RJ", token=token).status == 200
    assert emulator.tokens[token].user is None


def test_a_visitor_without_a_name_is_asked_again(emulator: Emulator) -> None:
    reply = choose(emulator, "allow", user=" ", cb="http://a/")
    assert reply.status == 400
    assert b'role="alert"' in reply.body


def test_a_wrong_or_suspended_key_is_turned_away(emulator: Emulator) -> None:
    assert visit(emulator, api_key="wrong").status == 403
    assert visit(emulator).status == 403
    emulator.suspend_key(API_KEY)
    assert visit(emulator, api_key=API_KEY).status == 403


def test_a_spent_foreign_or_late_token_is_turned_away(emulator: Emulator, clock: Clock) -> None:
    emulator.add_key("other", "secret")
    used, foreign, late = (emulator.issue_token(key) for key in (API_KEY, "other", API_KEY))
    emulator.tokens[used].used = True
    for token in (used, foreign, "made-up"):
        reply = visit(emulator, api_key=API_KEY, token=token)
        assert reply.status == 403
        assert b"has not been issued" in reply.body
    clock.time += 3601
    assert b"has expired" in visit(emulator, api_key=API_KEY, token=late).body


def test_a_user_who_approved_before_is_sent_back_at_once(clock: Clock) -> None:
    emulator = Emulator(clock=clock, auto_approve="RJ")
    back = visit(emulator, api_key=API_KEY, cb="http://a/")
    assert emulator.tokens[token_in(back)].user == "RJ"
    token = emulator.issue_token(API_KEY)
    assert visit(emulator, api_key=API_KEY, token=token).status == 200
    assert emulator.tokens[token].user == "RJ"


def cookie_of(reply: Reply) -> str:
    return dict(reply.headers)["Set-Cookie"].partition(";")[0]


def visit_again(emulator: Emulator, cookie: str, **params: str) -> Reply:
    request = Request("GET", "/api/auth/", urlencode(params), headers={"cookie": cookie})
    reply = route(emulator, request)
    assert isinstance(reply, Reply)
    return reply


def test_who_has_let_an_application_in_is_sent_back_at_once(emulator: Emulator) -> None:
    again = {"api_key": API_KEY, "cb": "http://a/"}
    cookie = cookie_of(choose(emulator, "allow", user="Zoë", cb="http://a/"))
    assert visit_again(emulator, cookie, **again).status == 200, "no session yet: the question is asked again"
    emulator.session_key("Zoë")
    reply = visit_again(emulator, f"other=1; {cookie}", **again)
    assert emulator.tokens[token_in(reply)].user == "Zoë"
    assert visit(emulator, **again).status == 200, "another browser is asked"
    assert visit_again(emulator, cookie, api_key=API_KEY, token=emulator.issue_token(API_KEY)).status == 200
    emulator.revoke("Zoë")
    assert visit_again(emulator, cookie, **again).status == 200


def test_a_visitor_can_sign_out(emulator: Emulator) -> None:
    reply = visit(emulator, forget="1")
    assert "Max-Age=0" in dict(reply.headers)["Set-Cookie"]
