"""Signing in by Last.fm's three legs, and out again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lastfm_emulator import API_KEY
from tests.databases import only_sqlite
from tests.service.conftest import HOUR, House, Room, songs
from tonearm.core.event import AuthChanged
from tonearm.service import sign_in
from tonearm.service.sign_in import AuthStart, NotAsked, Pending, SignedIn, SignedOut, SignInExpired, Unreachable
from tonearm.store import accounts
from tonearm.store.queue import Others

pytestmark = pytest.mark.anyio

GET_TOKEN, GET_SESSION = ["auth.getToken"], ["auth.getSession"]


async def asked(room: Room) -> str:
    """A listener has asked for the desktop flow; Last.fm's token."""
    way = await room.me.sign_in()
    assert isinstance(way, AuthStart)
    assert way.token is not None
    return way.token


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# The desktop flow


async def test_the_desktop_flow_signs_in(house: House) -> None:
    async with house.open() as room:
        way = await room.me.sign_in()
        assert isinstance(way, AuthStart)
        assert way.token is not None
        assert way.auth_url.startswith("http://lastfm.test/api/auth/?")
        assert query(way.auth_url) == {"api_key": API_KEY, "token": way.token}
        assert await room.me.finish_sign_in(way.token) == Pending()
        assert (await room.me.account()).connection == "disconnected"
        house.emulator.approve(way.token, "RJ")
        assert await room.me.finish_sign_in(way.token) == SignedIn("RJ", 0)
        account = await room.me.account()
        assert (account.connection, account.username, account.signed_in) == ("connected", "RJ", True)
        await house.clock.still()
        assert AuthChanged("connected", "RJ") in room.events


async def test_a_token_is_good_for_one_sign_in(room: Room) -> None:
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    assert await room.me.finish_sign_in(token) == SignedIn("RJ", 0)
    again = await room.me.finish_sign_in(token)
    assert isinstance(again, NotAsked)
    assert "already used" in again.reason


async def test_two_answers_of_the_listener_at_once_sign_in_once(room: Room) -> None:
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    outcomes = await asyncio.gather(*(room.me.finish_sign_in(token) for _ in range(5)))
    used = [outcome for outcome in outcomes if outcome != SignedIn("RJ", 0)]
    assert len(used) == 4
    assert all(isinstance(outcome, NotAsked) and outcome.granted for outcome in used)
    assert (await room.me.account()).connection == "connected"


async def test_a_token_that_was_not_requested_is_refused(room: Room) -> None:
    stray = room.emulator.issue_token(API_KEY, "Mallory")
    outcome = await room.me.finish_sign_in(stray)
    assert isinstance(outcome, NotAsked)
    assert "wasn't started by this listener" in outcome.reason
    assert (await room.me.account()).username == "RJ"


async def test_a_token_that_another_listener_asked_for_is_refused(room: Room) -> None:
    other = await room.deck.listener("other")
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    assert isinstance(await other.finish_sign_in(token), NotAsked)
    assert (await other.account()).connection == "disconnected"
    assert await room.me.finish_sign_in(token) == SignedIn("RJ", 0)


async def test_a_token_is_too_old_after_an_hour(room: Room) -> None:
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    await room.wait(HOUR)
    calls = room.emulator.journal.total
    assert await room.me.finish_sign_in(token) == SignInExpired()
    assert room.emulator.journal.total == calls


async def test_a_token_that_lastfm_calls_too_old_stays_so(room: Room) -> None:
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    fault_id = room.emulator.fault("clock-skew", seconds=2 * HOUR)
    assert await room.me.finish_sign_in(token) == SignInExpired()
    room.emulator.faults.disarm(fault_id)
    assert await room.me.finish_sign_in(token) == SignInExpired()


async def test_a_token_that_lastfm_does_not_know_is_named(room: Room) -> None:
    token = await asked(room)
    room.emulator.tokens.clear()
    outcome = await room.me.finish_sign_in(token)
    assert isinstance(outcome, NotAsked)
    assert "doesn't know this token" in outcome.reason


async def test_a_sign_in_whose_answer_was_lost_starts_again(room: Room) -> None:
    token = await asked(room)
    room.emulator.approve(token, "RJ")
    room.emulator.fault("token-lost", calls=1)
    assert isinstance(await room.me.finish_sign_in(token), Unreachable)
    assert isinstance(await room.me.finish_sign_in(token), NotAsked)
    assert await room.sign_in() == SignedIn("RJ", 0)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ({"kind": "error", "error": 8}, 8),
        ({"kind": "error", "error": 10}, 10),
        ({"kind": "error", "error": 26}, 26),
        ({"kind": "gateway-html"}, None),
        ({"kind": "close-before-commit"}, None),
        ({"kind": "delay", "seconds": 60}, None),
    ],
)
@pytest.mark.parametrize("methods", [GET_TOKEN, GET_SESSION], ids=["at the first leg", "at the last leg"])
async def test_a_lastfm_that_is_down_or_refuses_is_reported(
    room: Room, methods: list[str], fault: dict[str, object], number: int | None
) -> None:
    token = await asked(room)
    room.emulator.fault(methods=methods, calls=1, **fault)  # type: ignore[arg-type]  # fields of a fault, by name
    outcome = await (room.me.sign_in() if methods == GET_TOKEN else room.me.finish_sign_in(token))
    assert isinstance(outcome, Unreachable)
    assert outcome.error_code == number
    assert outcome.message
    assert token not in outcome.message


async def test_a_failed_sign_in_leaves_the_account_as_it_was(room: Room) -> None:
    token = await asked(room)
    await room.me.finish_sign_in(token)
    assert (await room.me.account()).connection == "connected"
    await room.play(0)
    await room.until_empty()


# The web flow


async def test_the_web_flow_signs_in_by_the_one_time_value(house: House) -> None:
    async with house.open() as room:
        way = await room.deck.sign_in.web(room.me.id, "http://localhost:8723/lastfm/auth-callback")
        asked_for = query(way.auth_url)
        assert (asked_for["api_key"], way.token) == (API_KEY, None)
        once = query(asked_for["cb"])["login"]
        token = house.emulator.issue_token(API_KEY, "RJ")
        assert await room.deck.sign_in.finish(room.me.id, token, once) == SignedIn("RJ", 0)
        again = await room.deck.sign_in.finish(room.me.id, house.emulator.issue_token(API_KEY, "RJ"), once)
        assert isinstance(again, NotAsked)


@pytest.mark.parametrize("stolen", ["by another listener", "guessed", "late"])
async def test_a_one_time_value_is_of_one_listener_and_one_hour(room: Room, stolen: str) -> None:
    other = await room.deck.listener("other")
    way = await room.deck.sign_in.web(room.me.id, "http://localhost/cb")
    once = query(query(way.auth_url)["cb"])["login"]
    token = room.emulator.issue_token(API_KEY, "Mallory")
    match stolen:
        case "by another listener":
            outcome = await room.deck.sign_in.finish(other.id, token, once)
            assert isinstance(outcome, NotAsked)
        case "guessed":
            outcome = await room.deck.sign_in.finish(room.me.id, token, once[:-1])
            assert isinstance(outcome, NotAsked)
        case _:
            await room.wait(HOUR)
            assert await room.deck.sign_in.finish(room.me.id, token, once) == SignInExpired()
    assert {(await one.account()).username for one in (room.me, other)} == {"RJ", ""}


async def test_each_sign_in_has_a_one_time_value_of_its_own(room: Room) -> None:
    ways = [await room.deck.sign_in.web(room.me.id, "http://localhost/cb") for _ in range(3)]
    assert len({query(way.auth_url)["cb"] for way in ways}) == 3


# Signing out, and what is kept secret


async def test_signing_out_forgets_the_session_and_says_what_is_kept(room: Room) -> None:
    room.emulator.fault("error", error=11)
    await room.plays(0, 1)
    await room.until_calls(1)
    assert await room.me.sign_out() == 2
    assert (await room.me.account()).connection == "disconnected"
    assert (await room.play(2)).status == "not_authenticated"
    _, sealed = await room.deck.store.read(lambda db: accounts.with_session(db, room.me.id))
    assert sealed == ""
    await room.house.clock.still()
    assert AuthChanged("disconnected", "RJ") in room.events
    room.emulator.clear_faults()
    assert await room.sign_in() == SignedIn("RJ", 2)
    await room.until_empty()
    assert room.arrived() == songs(0, 1)


@only_sqlite
async def test_the_session_key_is_nowhere_in_the_file(room: Room) -> None:
    session = room.emulator.session_key("RJ")
    token = await asked(room)
    await room.play(0)
    await room.until_empty()
    with closing(sqlite3.connect(room.house.database)) as db:
        dump = "\n".join(db.iterdump())
    assert session not in dump
    assert token not in dump
    files = [path.read_bytes() for path in Path(room.house.database).parent.iterdir() if path.is_file()]
    assert not any(session.encode() in content for content in files)


async def test_what_is_reported_in_public_holds_no_secret(room: Room) -> None:
    session = room.emulator.session_key("RJ")
    for shown in (room.deck, room.me, room.deck.sign_in, room.events):
        assert session not in repr(shown)
        assert "fedcba9876543210fedcba9876543210" not in repr(shown)


async def test_who_signs_in_learns_whose_plays_wait_and_discards_only_their_own_at_disconnecting(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in("RJ")
        await room.plays(1, 2)
        signed_in = await room.sign_in("anna")
        assert signed_in == SignedIn("anna", 0, (Others("rj", 2),))
        await room.play(3)
        assert (await room.me.queue()).others == (Others("rj", 2),)
        left = await room.deck.sign_in.sign_out(room.me.id, True)
        assert left == SignedOut("anna", 1, (Others("rj", 2),))
        assert await room.fates() == ["queued", "queued", "discarded"]
        assert await room.sign_in("RJ") == SignedIn("RJ", 2)


async def test_a_long_queue_is_discarded_part_by_part(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "AT_ONCE", 2)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(5))
        left = await room.deck.sign_in.sign_out(room.me.id, True)
        assert left.plays == 5
        assert await room.fates() == ["discarded"] * 5


async def test_what_waits_for_somebody_who_is_gone_can_be_discarded_by_name(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in("RJ")
        await room.plays(1, 2)
        await room.sign_in("anna")
        await room.play(3)
        assert await room.me.discard_for("nobody") == 0
        assert await room.me.discard_for("RJ") == 2
        assert await room.fates() == ["discarded", "discarded", "queued"]
        [first, *_] = await room.history()
        assert first.reason == "discarded by the listener with every play waiting for RJ"
        assert (await room.me.queue()).others == ()


async def test_a_play_that_waits_for_somebody_else_says_for_whom(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in("RJ")
        play_id = (await room.play(1)).id
        await room.sign_in("anna")
        story = await room.deck.play_actions.details(room.me.id, play_id)
        assert story is not None
        assert story.reason == "on hold for the Last.fm user rj: sign in as that user to send it"
