"""/_faults, /_state and the small pages, as a test or a browser sees them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from lastfm_emulator import API_KEY, Emulator, Kind, Reply, Request
from lastfm_emulator.router import route

from .caller import NOW, Caller, body

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def ask(emulator: Emulator, verb: str, path: str, content: object = None, **how: Any) -> Reply:
    sent = b"" if content is None else json.dumps(content).encode()
    reply = route(emulator, Request(verb, path, body=sent, **how))
    assert isinstance(reply, Reply)
    return reply


def submit(emulator: Emulator, **fields: str) -> Reply:
    text = urlencode(fields).encode()
    reply = route(emulator, Request("POST", "/_faults", body=text, headers=FORM | BROWSER))
    assert isinstance(reply, Reply)
    return reply


class Reader(HTMLParser):
    """Fails on tags that are not closed in order; collects the ids and what labels point at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids += [known["id"] or ""] if "id" in known else []
        self.labels += [known["for"] or ""] if tag == "label" else []
        if tag not in {"meta", "input", "option"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "option":
            assert self.open.pop() == tag


def test_a_fault_is_armed_listed_and_cleared(emulator: Emulator) -> None:
    armed = ask(emulator, "POST", "/_faults", {"kind": "error", "error": 16, "calls": 2})
    assert armed.status == 201
    assert body(armed)["id"] == 1
    (listed,) = body(ask(emulator, "GET", "/_faults"))["faults"]
    assert (listed["kind"], listed["error"], listed["calls"], listed["struck"]) == ("error", 16, 2, 0)
    assert ask(emulator, "DELETE", "/_faults/1").status == 204
    assert body(ask(emulator, "GET", "/_faults/"))["faults"] == []
    assert ask(emulator, "DELETE", "/_faults/1").status == 404
    assert ask(emulator, "DELETE", "/_faults/one").status == 404


def test_several_faults_are_armed_and_cleared_at_once(emulator: Emulator) -> None:
    reply = ask(emulator, "POST", "/_faults", [{"kind": "links"}, {"kind": "delay", "seconds": 3}])
    assert [one["kind"] for one in body(reply)] == ["links", "delay"]
    assert ask(emulator, "DELETE", "/_faults").status == 204
    assert list(emulator.faults) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [([{"kind": "links"}, {"kind": "plague"}], "kind"), ({"kind": "error", "calls": "x"}, "calls"), (3, "object")],
)
def test_a_fault_that_cannot_be_is_refused_and_none_is_armed(emulator: Emulator, content: object, named: str) -> None:
    reply = ask(emulator, "POST", "/_faults", content)
    assert reply.status == 422
    assert named in body(reply)["detail"]
    assert list(emulator.faults) == []


def test_what_is_not_json_is_refused(emulator: Emulator) -> None:
    reply = route(emulator, Request("POST", "/_faults", body=b"{"))
    assert isinstance(reply, Reply)
    assert reply.status == 422
    assert ask(emulator, "PUT", "/_faults").status == 405


def test_the_kinds_are_explained(emulator: Emulator) -> None:
    assert set(body(ask(emulator, "GET", "/_faults"))["kinds"]) == set(Kind)


def test_a_browser_gets_a_page_and_may_switch_faults(emulator: Emulator) -> None:
    assert b"None: everything works." in ask(emulator, "GET", "/_faults", headers=BROWSER).body
    reply = submit(emulator, kind="error", methods="track.scrobble", message="<no>", calls="", commit="")
    assert (reply.status, dict(reply.headers)["Location"]) == (303, "/_faults")
    html = ask(emulator, "GET", "/_faults", headers=BROWSER).body.decode()
    assert "<strong>error</strong>" in html
    assert "&lt;no&gt;" in html
    assert "track.scrobble" in html
    submit(emulator, remove="1")
    assert list(emulator.faults) == []
    submit(emulator, kind="links")
    submit(emulator, remove="")
    assert list(emulator.faults) == []


def test_a_form_that_cannot_be_comes_back_with_the_reason(emulator: Emulator) -> None:
    reply = submit(emulator, kind="error", probability="7")
    assert reply.status == 422
    assert b'role="alert">probability' in reply.body


def test_the_pages_are_well_formed_and_every_field_has_a_label(emulator: Emulator) -> None:
    emulator.add_user("RJ")
    emulator.fault("error", methods=["track.scrobble"])
    consent = route(emulator, Request("GET", "/api/auth/", urlencode({"api_key": API_KEY, "cb": "http://a/"})))
    pages = [consent, *(ask(emulator, "GET", path, headers=BROWSER) for path in ("/", "/_faults", "/nowhere"))]
    for page in pages:
        assert isinstance(page, Reply)
        assert dict(page.headers)["Content-Type"] == "text/html; charset=UTF-8"
        reader = Reader(page.body.decode())
        assert set(reader.labels) <= set(reader.ids)
        assert len(set(reader.ids)) == len(reader.ids)


def test_there_is_no_page_elsewhere(emulator: Emulator) -> None:
    assert ask(emulator, "GET", "/nowhere").status == 404
    assert ask(emulator, "GET", "/").status == 200


def test_the_state_shows_counts_plays_and_requests(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble()
    rj.scrobble()
    rj.scrobble(artist="")
    rj.ask("track.love", artist="Low", track="Sunflower")
    rj.ask("track.updateNowPlaying", artist="Low", track="Sunflower")
    emulator.add_user("Another", private=True)
    state = body(ask(emulator, "GET", "/_state"))
    assert (state["now"], state["requests"]) == (NOW, 5)
    assert state["users"]["RJ"] == {
        "private": False,
        "plays": 1,
        "repeats": 1,
        "ignored": 1,
        "loved": 1,
        "now_playing": {"artist": "Low", "track": "Sunflower", "album": "", "mbid": "", "ends": NOW + 600},
    }
    assert state["users"]["Another"]["private"] is True
    assert state["users"]["Another"]["now_playing"] is None
    assert [(play["artist"], play["timestamp"]) for play in state["plays"]["RJ"]] == [("Low", NOW - 300)]
    assert state["loved"]["RJ"] == [{"artist": "Low", "track": "Sunflower", "timestamp": NOW}]
    assert [(entry["method"], entry["outcome"]) for entry in state["log"]][-1] == ("track.updateNowPlaying", "ok")
    assert {"at", "items", "user", "stored", "repeats"} <= set(state["log"][0])


def test_the_state_shows_as_much_as_is_requested(emulator: Emulator, rj: Caller) -> None:
    for i in range(3):
        rj.scrobble(at=NOW - i)
    few = body(ask(emulator, "GET", "/_state", query="plays=1&log=2"))
    assert [play["timestamp"] for play in few["plays"]["RJ"]] == [NOW]
    assert len(few["log"]) == 2
    none = body(ask(emulator, "GET", "/_state", query="plays=-1&log=0"))
    assert (none["plays"]["RJ"], none["log"], none["users"]["RJ"]["plays"]) == ([], [], 3)
    assert ask(emulator, "GET", "/_state", query="log=all").status == 422
