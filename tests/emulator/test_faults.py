"""The faults, each by what a client gets to see and what is kept all the same."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lastfm_emulator import API_KEY, Emulator, Fault, Hangup, Kind, Reply, Request
from lastfm_emulator.faults import MEANINGS, BadFault, fault_from
from lastfm_emulator.router import route

from .caller import NOW, Caller, Clock, body, error, plays, signed

SCROBBLE = {"method": "track.scrobble", "artist": "Low", "track": "Sunflower", "timestamp": NOW, "format": "json"}


def attempt(rj: Caller, **params: object) -> Reply | Hangup:
    """One scrobble that may be met with silence."""
    return rj.attempt(signed({**SCROBBLE, "sk": rj.session, **params}))


def replied(rj: Caller, **params: object) -> Reply:
    reply = attempt(rj, **params)
    assert isinstance(reply, Reply)
    return reply


def stored_plays(emulator: Emulator) -> int:
    return len(emulator.plays("RJ"))


def last_outcome(emulator: Emulator) -> str:
    return list(emulator.journal)[-1].outcome


def test_every_kind_is_explained() -> None:
    assert set(MEANINGS) == set(Kind)


@pytest.mark.parametrize(("number", "status"), [(8, 500), (11, 503), (16, 503), (29, 429), (4, 403)])
def test_an_error_hits_that_many_calls_and_no_more(emulator: Emulator, rj: Caller, number: int, status: int) -> None:
    emulator.fault(Kind.ERROR, error=number, calls=2)
    assert [error(replied(rj)) for _ in range(2)] == [(number, status)] * 2
    assert stored_plays(emulator) == 0
    assert replied(rj).status == 200
    assert stored_plays(emulator) == 1
    assert [entry.outcome for entry in emulator.journal] == [f"error {number}", f"error {number}", "ok"]
    assert [entry.items for entry in emulator.journal] == [1, 1, 1]


def test_an_error_may_have_a_status_and_a_text_of_its_own(emulator: Emulator, rj: Caller) -> None:
    emulator.fault("error", error=16, status=500, message="Error applying mutate to radb")
    reply = replied(rj)
    assert error(reply) == (16, 500)
    assert body(reply)["message"] == "Error applying mutate to radb"


def test_an_error_may_be_answered_although_the_play_was_kept(emulator: Emulator, rj: Caller) -> None:
    emulator.fault("error", error=8, commit=True)
    assert error(replied(rj)) == (8, 500)
    assert stored_plays(emulator) == 1


def test_the_account_limit_holds_until_its_time_for_that_account_alone(
    emulator: Emulator, rj: Caller, clock: Clock
) -> None:
    emulator.fault(Kind.ACCOUNT_LIMIT, user="rj", until=NOW + 60)
    another = Caller(emulator, emulator.session_key("Another"))
    reply = replied(rj)
    assert error(reply) == (29, 429)
    assert body(reply)["message"].startswith("Rate Limit Exceeded - Too many scrobbles")
    assert replied(another).status == 200
    assert rj.ask("track.love", artist="Low", track="Sunflower").status == 200, "scrobbles alone are limited"
    clock.time += 60
    assert replied(rj).status == 200


def test_the_gateway_answers_500_in_html(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.GATEWAY_HTML)
    reply = replied(rj)
    assert reply.status == 500
    assert b"openresty" in reply.body
    assert dict(reply.headers)["Content-Type"].startswith("text/html")
    assert stored_plays(emulator) == 0
    assert last_outcome(emulator) == "gateway-html"


def test_the_gateway_may_have_another_status(emulator: Emulator, rj: Caller) -> None:
    for status, phrase in ((502, b"502 Bad Gateway"), (520, b"<h1>520</h1>")):
        emulator.fault(Kind.GATEWAY_HTML, status=status, calls=1)
        reply = replied(rj)
        assert reply.status == status
        assert phrase in reply.body


def test_html_comes_with_200(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.HTML_IN_200)
    reply = replied(rj)
    assert (reply.status, reply.body[:9]) == (200, b"<!DOCTYPE")
    assert stored_plays(emulator) == 0


@pytest.mark.parametrize(("commit", "stored"), [(None, 1), (False, 0)])
def test_an_empty_body_says_nothing_about_what_was_done(
    emulator: Emulator, rj: Caller, commit: bool | None, stored: int
) -> None:
    emulator.fault(Kind.EMPTY_BODY, commit=commit)
    assert replied(rj) == Reply(200, b"")
    assert stored_plays(emulator) == stored


@pytest.mark.parametrize(("commit", "stored"), [(None, 1), (False, 0)])
def test_a_cut_off_body_is_not_json(emulator: Emulator, rj: Caller, commit: bool | None, stored: int) -> None:
    emulator.fault(Kind.CUT_OFF, commit=commit)
    reply = replied(rj)
    assert reply.status == 200
    assert reply.body
    with pytest.raises(json.JSONDecodeError):
        body(reply)
    assert stored_plays(emulator) == stored


def test_a_connection_may_close_after_the_play_was_kept(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.COMMIT_THEN_CLOSE, calls=1)
    assert attempt(rj) == Hangup()
    assert stored_plays(emulator) == 1
    assert replied(rj).status == 200
    assert (stored_plays(emulator), emulator.repeats("RJ")) == (1, 1)
    first = next(iter(emulator.journal))
    assert (first.outcome, first.status, first.committed, first.stored) == ("closed", None, True, 1)


def test_a_connection_may_close_before_the_play_was_kept(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.CLOSE_BEFORE_COMMIT, calls=1)
    assert attempt(rj) == Hangup()
    assert stored_plays(emulator) == 0
    (entry,) = emulator.journal
    assert (entry.outcome, entry.committed, entry.items) == ("closed", False, 1)


def test_a_lost_reply_uses_the_token_up(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.TOKEN_LOST, calls=1)
    token = emulator.issue_token(API_KEY, "RJ")
    assert replied(rj).status == 200, "nothing but auth.getSession is struck"
    params = signed({"method": "auth.getSession", "token": token}) | {"format": "json"}
    assert rj.attempt(params) == Hangup()
    assert error(rj.send(params)) == (4, 403)


def test_a_delay_is_planned_and_then_the_call_is_done(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.DELAY, seconds=45)
    emulator.fault(Kind.DELAY, seconds=5, calls=1)
    assert replied(rj).status == 200, "answer() does not wait"
    assert stored_plays(emulator) == 1
    assert Fault(Kind.DELAY).waits() == 60


def test_a_delay_that_does_nothing_ends_in_silence(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.DELAY, commit=False)
    assert attempt(rj) == Hangup()
    assert stored_plays(emulator) == 0


def test_a_good_session_may_be_called_bad(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.SPURIOUS_SESSION_ERROR, calls=1)
    assert error(replied(rj)) == (9, 403)
    assert replied(rj).status == 200


def test_an_error_may_hide_in_200(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.ERROR_IN_200, error=11)
    assert error(replied(rj)) == (11, 200)


def test_errors_may_carry_links_as_they_did(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.LINKS)
    reply = replied(rj, timestamp="x")
    assert list(body(reply)) == ["error", "message", "links"]
    assert error(reply) == (6, 400)


def test_error_6_may_come_with_200(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.OLD_STATUS)
    assert error(replied(rj, timestamp="x")) == (6, 200)
    assert error(rj.ask("user.getInfo", user="nobody")) == (6, 200)
    assert error(replied(rj, sk="spoilt")) == (9, 403)


def test_xml_may_come_although_json_was_asked_for(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.XML_FOR_JSON)
    for reply in (replied(rj), replied(rj, timestamp="x")):
        assert dict(reply.headers)["Content-Type"].startswith("text/xml")
        ElementTree.fromstring(reply.body)
    assert stored_plays(emulator) == 1


def test_counts_may_be_strings(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.STRING_COUNTS)
    assert body(replied(rj))["scrobbles"]["@attr"] == {"ignored": "0", "accepted": "1"}
    assert rj.read("user.getRecentTracks", user="RJ")["recenttracks"]["@attr"]["total"] == "1"


@pytest.mark.parametrize(("by", "length"), [(-1, 2), (-3, 0), (-50, 0), (1, 4), (2, 5), (0, 3)])
def test_the_answer_may_have_another_length(emulator: Emulator, rj: Caller, by: int, length: int) -> None:
    emulator.fault(Kind.WRONG_LENGTH, by=by)
    sent = [("A", "T", NOW), ("B", "T", NOW), ("C", "T", NOW)]
    answered = body(rj.ask_all("track.scrobble", plays(*sent)))["scrobbles"]
    assert len(answered["scrobble"]) == length
    assert answered["@attr"] == {"ignored": 0, "accepted": 3}
    assert stored_plays(emulator) == 3


def test_the_totals_may_contradict_the_plays(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.WRONG_TOTALS, by=-1)
    assert body(replied(rj))["scrobbles"]["@attr"] == {"accepted": 0, "ignored": 0}
    assert stored_plays(emulator) == 1
    assert rj.read("user.getRecentTracks", user="RJ")["recenttracks"]["@attr"]["total"] == "1"


def test_totals_never_say_that_what_was_not_stored_is_there(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.NOTHING_STORED)
    emulator.fault(Kind.WRONG_TOTALS, by=1)
    assert body(replied(rj))["scrobbles"]["@attr"] == {"accepted": 0, "ignored": 0}
    assert stored_plays(emulator) == 0


def test_plays_may_be_answered_as_accepted_and_not_be_stored(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.NOTHING_STORED, calls=1)
    answer = body(replied(rj))["scrobbles"]
    assert answer["@attr"] == {"accepted": 0, "ignored": 0}
    assert answer["scrobble"]["ignoredMessage"]["code"] == "0"
    assert stored_plays(emulator) == 0
    replied(rj)
    assert stored_plays(emulator) == 1


def test_a_repeat_is_ignored_with_code_91_by_gnu_fm(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.GNU_CODES)
    codes = [body(replied(rj))["scrobbles"]["scrobble"]["ignoredMessage"]["code"] for _ in range(2)]
    assert codes == ["0", "91"]
    assert stored_plays(emulator) == 1


def test_too_old_and_too_new_are_swapped_by_gnu_fm(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.GNU_CODES)
    sent = [("A", "T", NOW - 20 * 86400), ("B", "T", NOW + 86400)]
    answers = body(rj.ask_all("track.scrobble", plays(*sent)))["scrobbles"]["scrobble"]
    assert [answer["ignoredMessage"]["code"] for answer in answers] == ["4", "3"]


def test_the_answer_to_one_may_be_empty(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.WRONG_LENGTH)
    assert body(replied(rj))["scrobbles"]["scrobble"] == []


def test_another_methods_answer_has_no_scrobbles_to_lose(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.WRONG_LENGTH, methods=["track.love"])
    assert body(rj.ask("track.love", artist="Low", track="Sunflower")) == {}


def test_a_list_of_one_may_come_as_an_object(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble()
    rj.ask("track.love", artist="Low", track="Sunflower")
    emulator.fault(Kind.SINGLE_OBJECT)
    recent = rj.read("user.getRecentTracks", user="RJ")["recenttracks"]["track"]
    loved = rj.read("user.getLovedTracks", user="RJ")["lovedtracks"]["track"]
    assert (recent["name"], loved["name"]) == ("Sunflower", "Sunflower")
    rj.scrobble(at=NOW - 99)
    assert len(rj.read("user.getRecentTracks", user="RJ")["recenttracks"]["track"]) == 2


def test_what_was_accepted_may_show_only_later(emulator: Emulator, rj: Caller, clock: Clock) -> None:
    rj.scrobble("Low", "Whitetail", NOW - 999)
    emulator.fault(Kind.INVISIBLE, seconds=90, calls=1)
    assert body(replied(rj))["scrobbles"]["@attr"]["accepted"] == 1

    def total() -> str:
        return str(rj.read("user.getRecentTracks", user="RJ")["recenttracks"]["@attr"]["total"])

    assert (total(), stored_plays(emulator)) == ("1", 2)
    clock.time += 89
    assert total() == "1"
    clock.time += 1
    assert total() == "2"


def test_the_services_clock_may_be_wrong(emulator: Emulator, rj: Caller) -> None:
    fault_id = emulator.fault(Kind.CLOCK_SKEW, seconds=-86_400)
    assert ("date", "Mon, 13 Nov 2023 22:13:20 GMT") in emulator.courtesies()
    assert body(replied(rj))["scrobbles"]["scrobble"]["ignoredMessage"]["code"] == "4"
    emulator.fault(Kind.CLOCK_SKEW, seconds=86_400 * 30, until=NOW + 1)
    assert body(replied(rj))["scrobbles"]["scrobble"]["ignoredMessage"]["code"] == "3"
    emulator.clear_faults()
    assert emulator.faults.disarm(fault_id) is False
    assert emulator.now() == NOW


def test_a_proxy_may_say_when_to_come_again(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.PROXY_BUSY, seconds=17, calls=1)
    reply = replied(rj)
    assert (reply.status, dict(reply.headers)["Retry-After"]) == (503, "17")
    emulator.fault(Kind.PROXY_BUSY, status=429)
    reply = replied(rj)
    assert (reply.status, dict(reply.headers)["Retry-After"]) == (429, "30")
    assert stored_plays(emulator) == 0


def test_a_fault_is_limited_to_its_methods_in_any_letter_case(emulator: Emulator, rj: Caller) -> None:
    emulator.fault("error", methods=["TRACK.scrobble", "track.unlove"])
    assert rj.ask("track.love", artist="Low", track="Sunflower").status == 200
    assert error(replied(rj)) == (8, 500)
    assert error(rj.ask("track.unlove", artist="Low", track="Sunflower")) == (8, 500)


def test_a_fault_is_limited_to_its_account_on_reads_too(emulator: Emulator, rj: Caller) -> None:
    emulator.fault("error", user="RJ")
    assert rj.read("user.getInfo", user="rj")["error"] == 8
    emulator.add_user("Another")
    assert "user" in rj.read("user.getInfo", user="another")
    assert "token" in rj.read("auth.getToken")


def test_a_fault_may_let_calls_pass_first(emulator: Emulator, rj: Caller) -> None:
    emulator.fault("error", after=2, calls=1)
    assert [replied(rj).status for _ in range(4)] == [200, 200, 500, 200]


def test_chance_strikes_as_its_seed_will_have_it() -> None:
    def misfortunes(seed: int, probability: float = 0.5) -> list[str]:
        emulator = Emulator(clock=Clock(), seed=seed)
        emulator.fault("error", probability=probability)
        rj = Caller(emulator, emulator.session_key("RJ"))
        for _ in range(40):
            attempt(rj)
        return [entry.outcome for entry in emulator.journal]

    assert misfortunes(1) == misfortunes(1)
    assert misfortunes(1) != misfortunes(2)
    assert set(misfortunes(1)) == {"ok", "error 8"}
    assert set(misfortunes(1, 0)) == {"ok"}


def test_of_several_faults_of_a_call_the_first_decides(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.LINKS)
    emulator.fault("error", error=11)
    emulator.fault("error", error=16)
    reply = replied(rj)
    assert body(reply)["error"] == 11
    assert "links" in body(reply)
    (entry,) = emulator.journal
    assert entry.faults == ("links", "error", "error")


def test_a_fault_can_be_cleared(emulator: Emulator, rj: Caller) -> None:
    fault_id = emulator.fault("error")
    assert replied(rj).status == 500
    assert emulator.faults.disarm(fault_id)
    assert replied(rj).status == 200


def test_what_was_never_carried_out_is_still_counted(emulator: Emulator, rj: Caller) -> None:
    emulator.fault(Kind.CLOSE_BEFORE_COMMIT)
    rj.attempt(signed({"method": "track.scrobble", **plays(("A", "T", NOW), ("B", "T", NOW))}))
    rj.attempt(signed({"method": "track.scrobble", "artist[]": "A"}))
    rj.attempt(signed({"method": "track.love", "artist": "A"}))
    rj.attempt(signed({"method": "no.such"}))
    assert [(entry.method, entry.items) for entry in emulator.journal] == [
        ("track.scrobble", 2),
        ("track.scrobble", 0),
        ("track.love", 0),
        ("no.such", 0),
    ]


def test_the_journal_shows_who_asked_what_and_when(emulator: Emulator, rj: Caller) -> None:
    rj.scrobble()
    rj.read("user.getInfo", user="somebody")
    first, second = emulator.journal
    assert (first.at, first.method, first.verb, first.user) == (NOW, "track.scrobble", "POST", "RJ")
    assert (first.items, first.outcome, first.status, first.stored) == (1, "ok", 200, 1)
    assert (second.verb, second.user, second.outcome, second.status) == ("GET", "somebody", "error 6", 404)
    assert (len(emulator.journal), emulator.journal.total) == (2, 2)
    emulator.journal.clear()
    assert (len(emulator.journal), emulator.journal.total) == (0, 0)


def test_a_fault_is_read_from_json_or_a_form() -> None:
    expected = Fault(
        Kind.ERROR,
        methods=("track.scrobble", "track.love"),
        user="RJ",
        calls=3,
        after=1,
        probability=0.5,
        until=9.5,
        error=16,
        message="No",
        status=503,
        seconds=1.5,
        by=2,
        commit=True,
    )
    form = {
        "kind": "error",
        "methods": "track.scrobble, track.love",
        "user": "RJ",
        "calls": "3",
        "after": "1",
        "probability": "0.5",
        "until": "9.5",
        "error": "16",
        "message": "No",
        "status": "503",
        "seconds": "1.5",
        "by": "2",
        "commit": "on",
    }
    assert fault_from(form) == expected
    assert fault_from({**form, "methods": ["track.scrobble", "track.love"], "calls": 3, "commit": True}) == expected
    assert fault_from({"kind": "error", "calls": "", "user": None}) == Fault(Kind.ERROR)
    assert fault_from({"kind": "delay", "commit": False}) == Fault(Kind.DELAY, commit=False)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "kind"),
        ({"kind": "plague"}, "kind"),
        ({"kind": "error", "colour": "red"}, "colour"),
        ({"kind": "error", "calls": "many"}, "calls"),
        ({"kind": "error", "calls": -1}, "calls"),
        ({"kind": "error", "methods": 3}, "methods"),
        ({"kind": "error", "methods": [3]}, "methods"),
        ({"kind": "error", "commit": "maybe"}, "commit"),
        ({"kind": "error", "probability": 2}, "probability"),
        ({"kind": "error", "probability": "nan"}, "probability"),
        ({"kind": "error", "status": 99}, "status"),
        ({"kind": "delay", "seconds": "inf"}, "seconds"),
        ({"kind": "delay", "seconds": {}}, "seconds"),
        ({"kind": "error", "calls": float("inf")}, "calls"),
        (["kind"], "a fault"),
    ],
)
def test_a_fault_that_cannot_be_names_the_field(values: object, field: str) -> None:
    with pytest.raises(BadFault, match=f"^{field}"):
        fault_from(values)


def test_a_fault_made_in_python_has_its_ranges_too() -> None:
    with pytest.raises(BadFault, match="probability"):
        Fault(Kind.ERROR, probability=1.5)
    with pytest.raises(ValueError, match="plague"):
        Emulator().fault("plague")


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 42])
def test_an_ignored_code_is_ordered_over_http(emulator: Emulator, rj: Caller, code: int) -> None:
    arm(emulator, {"kind": "ignored", "code": code, "calls": 1})
    first = rj.scrobble()["scrobbles"]
    assert first["scrobble"]["ignoredMessage"]["code"] == str(code)
    assert first["@attr"] == {"accepted": 0, "ignored": 1}
    assert emulator.plays("RJ") == []
    assert rj.scrobble()["scrobbles"]["@attr"] == {"accepted": 1, "ignored": 0}


def test_a_daily_limit_is_ordered_over_http(emulator: Emulator, rj: Caller, clock: Clock) -> None:
    rj.scrobble(track="before")
    arm(emulator, {"kind": "daily-limit", "plays": "2"})
    rj.scrobble(track="T1")
    assert rj.scrobble(track="T2")["error"] == 29
    clock.time += 86_401
    assert rj.scrobble(track="T3")["scrobbles"]["@attr"] == {"accepted": 1, "ignored": 0}
    emulator.clear_faults()
    arm(emulator, {"kind": "daily-limit", "plays": 1, "code": 5})
    answer = rj.scrobble(track="T4")["scrobbles"]
    assert (answer["scrobble"]["ignoredMessage"]["code"], answer["@attr"]["ignored"]) == ("5", 1)


def arm(emulator: Emulator, fault: dict[str, object]) -> None:
    reply = route(emulator, Request("POST", "/_faults", body=json.dumps(fault).encode()))
    assert isinstance(reply, Reply)
    assert reply.status == 201
