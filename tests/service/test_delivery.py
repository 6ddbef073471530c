"""What is owed reaches Last.fm once, in order, whatever Last.fm and the way to it do."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from lastfm_emulator import API_KEY, Call, Method, Needs, Refusal
from lastfm_emulator import scrobbling as lastfm
from tests.databases import only_sqlite
from tests.service.conftest import DAY, HOUR, During, House, Room, songs
from tonearm.core.account import SESSION_LOST
from tonearm.core.event import AuthChanged, QueueUpdated, ScrobbleStatus
from tonearm.core.play import Track
from tonearm.service import sign_in
from tonearm.service.sign_in import SignedIn
from tonearm.store import accounts, pace, queue
from tonearm.store.db.file_lock import AlreadyOpen
from tonearm.store.db.schema import account
from tonearm.store.pace import KeyThrottled
from tonearm.store.queue import Others
from tonearm.store.secrets import check
from tonearm.store.secrets.seal import SessionCipher

pytestmark = pytest.mark.anyio

SCROBBLE = ["track.scrobble"]


async def everything_arrived(room: Room, number: int) -> None:
    """Each play once, oldest first, with a fate that can be seen, and no request too large."""
    await room.until_empty()
    expected = songs(*range(number))
    assert [play.track for play in room.emulator.plays("RJ")] == expected
    assert [fate_of.play.track.title for fate_of in await room.history()] == expected
    assert set(await room.fates()) == {"accepted"}
    assert all(entry.items <= 50 for entry in room.house.calls())


async def everything_arrived_at(user: str, room: Room) -> None:
    """Return when that user has a play."""
    while not room.emulator.plays(user):
        await room.house.clock.sleep(1)


async def test_a_play_is_delivered(room: Room) -> None:
    await room.play(0)
    await everything_arrived(room, 1)
    assert len(room.house.calls()) == 1


async def test_120_plays_go_in_three_batches_the_oldest_first(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*reversed(range(120)))
    async with house.open() as room:
        await everything_arrived(room, 120)
        assert [entry.items for entry in house.calls()] == [50, 50, 20]
        assert room.arrived() == songs(*range(120))


async def test_every_reported_play_of_a_thousand_arrives_once(room: Room) -> None:
    await room.plays(*range(1000))
    await everything_arrived(room, 1000)
    assert room.emulator.repeats("RJ") == 0


async def test_plays_are_paced(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(300))
    async with house.open(requests_per_second=2.0) as room:
        await room.until_empty()
    at = [entry.at for entry in house.calls()]
    assert len(at) == 6
    late = 0.25  # half an interval: a request that a busy machine delays for longer takes another slot
    assert all(last - first >= 0.5 * more - late for i, first in enumerate(at) for more, last in enumerate(at[i:]))


async def test_a_play_in_the_future_is_on_hold_until_its_start(room: Room) -> None:
    its_time = int(room.now + HOUR)
    ahead = await room.play(0, -HOUR)
    assert ahead.status == "queued"
    await room.play(1)
    await room.until_calls(1)
    queue_status = await room.me.queue()
    assert (queue_status.queued, queue_status.held, queue_status.next_attempt_at) == (1, 1, its_time)
    await room.me.retry()
    await room.wait(HOUR / 2)
    assert room.arrived() == songs(1)
    await room.wait(HOUR)
    await room.until_empty()
    assert room.arrived() == songs(1, 0)
    assert room.emulator.plays("RJ")[-1].received >= room.emulator.plays("RJ")[-1].timestamp


# Every bad day of Last.fm


@pytest.mark.parametrize(
    ("fault", "verdict", "requests"),
    [
        pytest.param({"kind": "error", "error": 8}, "Later", 2, id="operation failed"),
        pytest.param({"kind": "error", "error": 11}, "Later", 2, id="service offline"),
        pytest.param({"kind": "error", "error": 16}, "Later", 2, id="temporarily unavailable"),
        pytest.param({"kind": "error", "error": 8, "commit": True}, "Later", 2, id="a failure that did not fail"),
        pytest.param({"kind": "error", "error": 8, "calls": 6}, "Later", 7, id="operation failed, again and again"),
        pytest.param({"kind": "error", "error": 29}, "Throttled", None, id="too many requests from the address"),
        pytest.param({"kind": "account-limit"}, "Throttled", None, id="too many scrobbles"),
        pytest.param({"kind": "error", "error": 4}, "SessionDoubted", 2, id="authentication failed, once"),
        pytest.param({"kind": "error", "error": 4, "calls": 2}, "SessionDoubted", 3, id="authentication failed, twice"),
        pytest.param({"kind": "error", "error": 10}, "KeyRefused", None, id="invalid key"),
        pytest.param({"kind": "error", "error": 26}, "KeyRefused", None, id="suspended key"),
        pytest.param({"kind": "error", "error": 6}, "Split", None, id="a whole batch refused by mistake"),
        pytest.param({"kind": "old-status"}, "Answered", 1, id="an old backend"),
        pytest.param({"kind": "error-in-200"}, "Later", 2, id="an error inside success"),
        pytest.param({"kind": "gateway-html"}, "Unsure", 2, id="a gateway's page"),
        pytest.param({"kind": "html-in-200"}, "Unsure", 2, id="a page inside success"),
        pytest.param({"kind": "empty-body"}, "Unsure", 2, id="an empty body"),
        pytest.param({"kind": "cut-off"}, "Unsure", 2, id="half an answer"),
        pytest.param({"kind": "proxy-busy", "seconds": 90}, "Unsure", 2, id="a proxy that names a wait"),
        pytest.param({"kind": "commit-then-close"}, "Unsure", 2, id="stored, then closed"),
        pytest.param({"kind": "close-before-commit"}, "Unsure", 2, id="closed before it was stored"),
        pytest.param({"kind": "delay", "seconds": 60}, "Unsure", 2, id="an answer too late"),
        pytest.param({"kind": "wrong-length", "by": -1}, "Unsure", 2, id="an answer too short"),
        pytest.param({"kind": "wrong-length", "by": 1}, "Unsure", 2, id="an answer too long"),
        pytest.param({"kind": "nothing-stored"}, "Unsure", 2, id="accepted by the items and not by the totals"),
        pytest.param({"kind": "wrong-totals", "by": 3}, "Unsure", 2, id="totals that contradict the items"),
        pytest.param({"kind": "gnu-codes"}, "Answered", 1, id="the codes of GNU FM"),
        pytest.param({"kind": "xml-for-json"}, "Answered", 1, id="XML"),
        pytest.param({"kind": "string-counts"}, "Answered", 1, id="numbers as text"),
        pytest.param({"kind": "invisible"}, "Answered", 1, id="stored but not shown yet"),
    ],
)
async def test_after_a_bad_day_every_play_is_there_once(
    house: House, fault: dict[str, Any], verdict: str, requests: int | None
) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(60))
    house.emulator.fault(methods=SCROBBLE, **{"calls": 1, **fault})
    async with house.open() as room:
        await room.until_calls(1)
        assert room.deck.counters.verdicts[verdict] >= 1
        while await room.length():
            await room.wait(300)
        await everything_arrived(room, 60)
    if requests is not None:
        assert len(house.calls()) == requests + 1
    assert house.emulator.repeats("RJ") <= 60


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_request_that_was_stored_but_not_answered_is_repeated_to_the_letter(house: House, after: int) -> None:
    house.emulator.fault("commit-then-close", calls=1, after=after, methods=SCROBBLE)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(120))
    async with house.open() as room:
        await everything_arrived(room, 120)
    assert house.emulator.repeats("RJ") == (20 if after == 2 else 50)


async def test_a_wait_that_a_proxy_names_is_kept(room: Room) -> None:
    room.emulator.fault("proxy-busy", seconds=90, calls=1, methods=SCROBBLE)
    await room.play(0)
    await everything_arrived(room, 1)
    busy, done = room.house.calls()
    assert done.at - busy.at >= 90


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("error", [8, 11, 30, None])
async def test_with_lastfm_down_one_play_is_tried_for_all_accounts(house: House, error: int | None) -> None:
    """Not every account for itself."""
    async with house.open(deliver=False) as room:
        for number in range(12):
            listener = await room.deck.listener(f"listener{number}")
            await room.sign_in(f"user{number}", listener)
            track = Track("Can", f"Song {number}", duration=200)
            await listener.scrobble(track, started_at=room.now - HOUR, played=200)
    if error is None:
        house.emulator.fault("close-before-commit", methods=SCROBBLE)
    else:
        house.emulator.fault("error", error=error, methods=SCROBBLE)
    async with house.open() as room:
        await room.until_calls(3)
        await room.wait(60)
        first = len(house.calls())
        assert first <= 14
        await room.wait(2 * HOUR)
        assert len(house.calls()) <= first + 2 * 60
        some = await room.deck.listener("listener3")
        for _ in range(10):
            before = len(house.calls())
            await some.retry()
            await room.wait(1)
            assert len(house.calls()) <= before + 2
        house.emulator.clear_faults()
        while sum(bool(user.plays) for user in house.emulator.users.values()) < 12:
            await room.wait(60)


async def test_two_retries_by_hand_do_not_end_a_throttle_of_everybody_more_than_once_a_minute(room: Room) -> None:
    room.emulator.suspend_key(API_KEY)
    await room.play(0)
    await room.until_calls(1)
    await room.wait(120)
    for _ in range(20):
        await room.me.retry()
        await room.wait(1)
    assert len(room.house.calls()) == 2
    await room.wait(60)
    await room.me.retry()
    await room.until_calls(3)


@pytest.mark.usefixtures("calm")
async def test_back_off_grows_and_a_retry_by_hand_ends_it(room: Room) -> None:
    room.emulator.fault("error", error=8, calls=8, methods=SCROBBLE)
    await room.play(0)
    await room.until_calls(8)
    queue_status = await room.me.queue()
    assert queue_status.next_attempt_at is not None
    assert queue_status.next_attempt_at > room.now
    assert "Operation failed" in queue_status.trouble
    await room.me.retry()
    await room.until_calls(9)
    await everything_arrived(room, 1)
    gaps = [later.at - earlier.at for earlier, later in pairwise(room.house.calls())]
    assert max(gaps) <= 610


async def test_new_plays_do_not_hammer_a_lastfm_that_is_down(room: Room) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    for number in range(20):
        await room.play(number)
        await room.house.clock.sleep(5)
    assert len(room.house.calls()) < 12
    room.emulator.clear_faults()
    await everything_arrived(room, 20)


# Sessions


async def test_an_ended_session_puts_plays_on_hold_and_they_are_sent_after_the_sign_in(room: Room) -> None:
    room.emulator.revoke("RJ")
    await room.plays(*range(3))
    await room.until_calls(1)
    queue_status = await room.me.queue()
    assert (queue_status.state, queue_status.queued, queue_status.held, queue_status.next_attempt_at) == (
        "needs_sign_in",
        3,
        3,
        None,
    )
    assert AuthChanged("needs_sign_in", "RJ") in room.events
    assert (await room.play(3)).status == "queued"
    await room.wait(DAY)
    assert len(room.house.calls()) == 1
    assert (await room.sign_in()) == SignedIn("RJ", 4)
    await everything_arrived(room, 4)


async def test_error_4_three_times_in_a_row_asks_for_a_sign_in(room: Room) -> None:
    room.emulator.fault("error", error=4, calls=3, methods=SCROBBLE)
    await room.play(0)
    await room.until_calls(3)
    while (await room.me.account()).connection != "needs_sign_in":
        await room.house.clock.sleep(1)
    await room.sign_in()
    await everything_arrived(room, 1)


async def test_plays_are_sent_only_to_the_user_they_were_reported_for(room: Room) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    await room.plays(0, 1)
    await room.until_calls(1)
    assert await room.me.sign_out() == 2
    assert (await room.me.queue()).held == 2
    room.emulator.clear_faults()
    assert (await room.sign_in("Somebody Else")) == SignedIn("Somebody Else", 0, (Others("rj", 2),))
    await room.play(2)
    while await room.length() > 2:
        await room.house.clock.sleep(1)
    await room.wait(HOUR)
    queue_status = await room.me.queue()
    assert (queue_status.queued, queue_status.held) == (2, 2)
    assert (room.arrived("Somebody Else"), room.arrived()) == (songs(2), [])
    assert (await room.sign_in("rj")) == SignedIn("RJ", 2)
    await room.until_empty()
    assert (room.arrived("Somebody Else"), room.arrived()) == (songs(2), songs(0, 1))


async def test_what_is_discarded_at_the_sign_out_is_gone_from_the_queue_and_kept_in_the_history(room: Room) -> None:
    room.emulator.fault("error", error=11, methods=SCROBBLE)
    await room.plays(0, 1)
    await room.until_calls(1)
    assert await room.me.sign_out(discard=True) == 2
    room.emulator.clear_faults()
    await room.sign_in()
    await room.wait(HOUR)
    assert room.arrived() == []
    assert await room.fates() == ["discarded", "discarded"]


async def test_a_long_queue_is_discarded_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "AT_ONCE", 7)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(20))
        assert await room.me.sign_out(discard=True) == 20
        assert (await room.length(), set(await room.fates())) == (0, {"discarded"})


async def test_a_session_that_is_damaged_asks_for_a_sign_in_and_is_not_an_answer_of_lastfms(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.play(0)
        key_rests = KeyThrottled(room.now - 1, "refused", refused=True, since=room.now - HOUR)
        await room.deck.store.write(lambda db: pace.begin_throttle(db, API_KEY, key_rests))
        await room.deck.store.write(lambda db: db.execute(update(account).values(lastfm_session_key="damaged")))
    async with house.open() as room:
        while (await room.me.account()).connection != "needs_sign_in":
            await house.clock.sleep(1)
        assert (await room.me.queue()).trouble == SESSION_LOST
        assert AuthChanged("needs_sign_in", "RJ") in room.events
        assert house.calls() == []
        assert room.deck.counters.verdicts == {}
        [fate_of] = await room.history()
        story = await room.deck.play_actions.details(room.me.id, fate_of.id)
        assert story
        assert story.row
        assert (story.row.tries, story.attempts, fate_of.unanswered) == (0, (), False)
        assert await room.deck.store.read(lambda db: pace.last_throttle(db, API_KEY)) == key_rests
        await room.sign_in()
        await everything_arrived(room, 1)


async def test_changing_the_secret_of_a_running_service_signs_no_listener_out(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.open() as room:
        await room.sign_in()
        other = SessionCipher(("another secret",))
        sealed = other.close("a session")
        await room.deck.store.write(lambda db: check.change(db, other))
        await room.deck.store.write(lambda db: accounts.sign_in(db, room.me.id, "RJ", sealed, API_KEY))
        await room.play(0)
        await room.wait(HOUR)
        await room.wait(HOUR)
        assert (await room.me.account()).connection == "connected"
        assert ((await room.me.queue()).trouble, house.calls()) == ("", [])
        assert [line.message for line in caplog.records].count(
            "the secret key of this database was changed: restart with the new one"
        ) == 1


# Keys and addresses


@pytest.mark.usefixtures("calm")
async def test_a_suspended_key_holds_everybody_and_is_tried_once_an_hour(room: Room) -> None:
    other = await room.deck.listener("other")
    await room.sign_in("Other", other)
    room.emulator.suspend_key(API_KEY)
    await room.play(0)
    await room.until_calls(1)
    await room.play(0, listener=other)
    for _ in range(10):
        await room.wait(HOUR / 2)
    await room.house.clock.sleep(30)
    assert 2 <= len(room.house.calls()) <= 7
    queue_status = await room.me.queue()
    assert (queue_status.state, queue_status.queued) == ("suspended", 1)
    assert "error 26" in queue_status.trouble
    room.emulator.suspend_key(API_KEY, suspended=False)
    await room.wait(2 * HOUR)
    await everything_arrived(room, 1)
    await everything_arrived_at("Other", room)


async def test_a_retry_by_hand_tries_a_suspended_key_at_once(room: Room) -> None:
    room.emulator.suspend_key(API_KEY)
    await room.play(0)
    await room.until_calls(1)
    room.emulator.suspend_key(API_KEY, suspended=False)
    await room.me.retry()
    await everything_arrived(room, 1)
    assert len(room.house.calls()) == 2


async def test_a_throttled_address_makes_all_accounts_wait(room: Room) -> None:
    other = await room.deck.listener("other")
    await room.sign_in("Other", other)
    room.emulator.fault("error", error=29, calls=1, methods=SCROBBLE)
    await room.play(0)
    await room.until_calls(1)
    await room.play(0, listener=other)
    await room.house.clock.sleep(30)
    assert len(room.house.calls()) == 1
    await everything_arrived(room, 1)
    assert all(later.at - room.house.calls()[0].at >= 60 for later in room.house.calls()[1:])


async def test_a_throttled_account_waits_alone_and_probes_with_one_play(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(60))
        other = await room.deck.listener("other")
        await room.sign_in("Other", other)
        await room.play(0, listener=other)
    house.emulator.fault("account-limit", user="RJ", calls=2)
    async with house.open() as room:
        await room.until_calls(2)
        for _ in range(4):
            await room.wait(HOUR / 4)
        assert len(house.emulator.plays("Other")) == 1
        await everything_arrived(room, 60)
    mine = [entry for entry in house.calls() if entry.user == "RJ"]
    assert [entry.items for entry in mine] == [50, 1, 1, 50, 9]


async def test_a_daily_limit_keeps_what_is_too_much(room: Room) -> None:
    room.emulator.daily_limit, room.emulator.daily_limit_as = 30, "code"
    await room.plays(*range(40))
    await room.until_calls(1)
    assert len(room.emulator.plays("RJ")) == 30
    assert "daily limit" in (await room.me.queue()).trouble
    await room.wait(DAY)
    await room.wait(2 * HOUR)
    await everything_arrived(room, 40)


# One bad play


def poisonous(room: Room, *titles: str, code: int = 6) -> None:
    """From now on Last.fm refuses every request that holds one of these."""

    def scrobble(call: Call) -> Any:
        if set(titles) & {value for name, value in call.params.items() if name.startswith("track")}:
            raise Refusal(code)
        return lastfm.scrobble(call)

    room.emulator.add_method(Method("track.scrobble", scrobble, Needs.SESSION))


@pytest.mark.parametrize("code", [6, 7, 13])
async def test_one_bad_play_is_refused_alone_and_all_others_are_sent(house: House, code: int) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(50))
    async with house.open() as room:
        poisonous(room, "Song 017", code=code)
        await room.until_empty()
        others = songs(*(n for n in range(50) if n != 17))
        assert [play.track for play in house.emulator.plays("RJ")] == others
        refused = [fate_of for fate_of in await room.history() if fate_of.fate != "accepted"]
        assert [(fate_of.play.track.title, fate_of.fate, fate_of.code) for fate_of in refused] == [
            ("Song 017", "refused", code)
        ]
        assert f"error {code}" in refused[0].reason
        assert (await room.me.queue()).refused == 1
    assert len(house.calls()) <= 14


@pytest.mark.parametrize("code", [30, 0, 19, 28, 99, -5, 6, 7])
async def test_an_outage_that_refuses_everything_refuses_no_play_and_is_not_hammered(
    house: House, code: int, request: pytest.FixtureRequest
) -> None:
    house.emulator.fault("error", error=code, methods=SCROBBLE)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(100))
    async with house.open() as room:
        await room.until_calls(1)
        await room.wait(20)
        assert set(await room.fates()) == {"queued"}
        assert len(house.calls()) <= 14
        request.getfixturevalue("calm")
        house.emulator.clear_faults()
        while await room.length():
            await room.wait(300)
        await everything_arrived(room, 100)


async def test_plays_wait_while_the_api_secret_is_wrong(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(20))
    async with house.open(api_secret="0" * 32) as room:
        for _ in range(24):
            await room.wait(HOUR)
        assert set(await room.fates()) == {"queued"}
        assert len(house.calls()) < 24 * 5
        assert "secret" in (await room.me.queue()).trouble
    async with house.open() as room:
        await room.me.retry()
        await room.wait(2 * HOUR)
        await everything_arrived(room, 20)


async def test_a_play_that_lastfm_ignores_has_its_true_reason(room: Room) -> None:
    at = room.now - HOUR
    various = Track("Various", "A", duration=200)
    short = Track("a", "B", album="Unknown album", duration=200)
    for track in (various, short):
        await room.me.scrobble(track, started_at=at, played=150)
    await room.until_empty()
    fate_of = {k.play.track.title: (k.fate, k.code, k.reason) for k in await room.history()}
    assert fate_of["A"][:2] == fate_of["B"][:2] == ("ignored", 1)
    assert "the artist 'Various'" in fate_of["A"][2]
    assert "the album 'Unknown album'" in fate_of["B"][2]


async def test_a_correction_is_kept_and_nothing_is_resent(room: Room) -> None:
    room.emulator.correct_artist("Nina Simone", "Nina Simone (singer)")
    await room.play(0)
    await room.until_empty()
    [fate_of] = await room.history()
    assert fate_of.play.track.artist == "Nina Simone"
    assert fate_of.correction is not None
    assert (fate_of.correction["artist"], fate_of.correction["track"]) == ("Nina Simone (singer)", "Song 000")
    [told] = [e for e in room.events if isinstance(e, ScrobbleStatus) and e.status == "accepted"]
    assert "Nina Simone (singer)" in told.message


async def test_a_lastfm_whose_clock_is_behind_gets_the_play_when_its_time_has_come(room: Room) -> None:
    room.emulator.fault("clock-skew", seconds=-20 * HOUR)
    await room.play(0, 60)
    await room.until_calls(1)
    room.emulator.clear_faults()
    await room.wait(2 * HOUR)
    await everything_arrived(room, 1)


async def test_a_repeat_that_gnu_fm_has_already_is_accepted(house: House) -> None:
    house.emulator.fault("gnu-codes")
    house.emulator.fault("commit-then-close", calls=1, methods=SCROBBLE)
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(3))
    async with house.open() as room:
        await everything_arrived(room, 3)
    assert house.emulator.repeats("RJ") == 3


async def test_a_play_that_gnu_fm_calls_too_new_in_its_own_number_is_sent_once_more(room: Room) -> None:
    room.emulator.fault("gnu-codes")
    room.emulator.fault("clock-skew", seconds=-20 * HOUR, calls=1)
    await room.play(0, 60)
    await room.until_calls(1)
    room.emulator.clear_faults()
    await room.wait(2 * HOUR)
    await everything_arrived(room, 1)


# The 14 days


async def test_what_grows_too_old_while_it_waits_expires(room: Room) -> None:
    room.emulator.revoke("RJ")
    await room.play(0, 13 * DAY)
    await room.play(1, 12 * DAY)
    await room.until_calls(1)
    await room.wait(1.5 * DAY)
    while await room.length() > 1:
        await room.house.clock.sleep(1)
    assert await room.fates() == ["expired", "queued"]
    assert [e.status for e in room.events if isinstance(e, ScrobbleStatus)].count("expired") == 1
    await room.sign_in()
    await room.until_empty()
    assert room.arrived() == songs(1)
    assert room.deck.counters.fates == {"expired": 1, "accepted": 1}


async def test_a_play_that_expires_just_before_sending_is_not_sent(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(70), age=13.9 * DAY)
        await room.play(100)
    house.clock.advance(DAY)
    async with house.open() as room:
        await room.until_empty()
        assert (await room.fates()).count("expired") == 70
    assert [entry.items for entry in house.calls()] == [1]


# The 90 days


async def test_how_a_play_came_to_lastfm_is_reported_for_ninety_days(room: Room) -> None:
    room.emulator.fault("error", error=8, calls=2, methods=SCROBBLE)
    taken = await room.play(0)
    await room.until_empty()
    for days, told in ((89, 2), (2, 0)):
        await room.wait(days * DAY)
        story = await room.deck.play_actions.details(room.me.id, taken.id)
        assert story is not None
        assert (len(story.attempts), story.reason) == (told, "on Last.fm")


# Crashes, and other processes


async def test_what_a_crash_left_being_sent_is_sent_again_unchanged(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(*range(3))

        def crash(db: Any) -> None:
            lease = queue.claim(db, room.me.id, "a process that died", room.now, room.now + 30)
            assert lease is not None
            queue.mark_sending(db, lease, queue.in_queue(db, room.me.id, "rj"))

        await room.deck.store.write(crash)
        queue_status = await room.me.queue()
        assert (queue_status.queued, queue_status.sending) == (0, 3)
    async with house.open() as room:
        await everything_arrived(room, 3)


@only_sqlite
async def test_a_second_sender_on_the_file_is_refused_and_a_reporter_is_not(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        with pytest.raises(AlreadyOpen, match="in use by another tonearm"):
            async with house.open():
                pass
        async with house.open(deliver=False) as reporter:
            assert not reporter.deck.delivers()
            assert room.deck.delivers()
            assert (await reporter.play(0)).status == "queued"
            await everything_arrived(room, 1)


async def test_without_a_key_plays_are_kept_and_nothing_is_sent(house: House) -> None:
    async with house.open(api_key="", api_secret="") as room:
        assert not room.deck.configured
        assert not room.deck.delivers()
        assert (await room.play(0)).status == "not_authenticated"


async def test_the_length_of_the_queue_is_published_to_who_listens(room: Room) -> None:
    await room.plays(*range(5))
    await room.until_empty()
    while QueueUpdated(0) not in room.events:
        await room.house.clock.sleep(1)
    assert [e for e in room.events if isinstance(e, QueueUpdated)][-1] == QueueUpdated(0)


async def test_a_throttle_of_the_key_is_only_for_this_key(house: House) -> None:
    async with house.open() as room:
        await room.sign_in()
        await room.deck.store.write(
            lambda db: pace.begin_throttle(db, API_KEY, pace.KeyThrottled(room.now + HOUR, "resting", refused=True))
        )
        await room.play(0)
        await room.house.clock.sleep(60)
        assert house.calls() == []
        assert (await room.me.queue()).state == "suspended"
        await room.wait(HOUR)
        await everything_arrived(room, 1)


@pytest.mark.usefixtures("calm")
async def test_an_account_that_another_process_sends_for_is_left_to_it(room: Room) -> None:
    await room.deck.store.write(lambda db: queue.claim(db, room.me.id, "another", room.now, room.now + 300))
    await room.play(0)
    await room.house.clock.sleep(100)
    assert room.house.calls() == []
    await room.house.clock.sleep(300)
    await everything_arrived(room, 1)


async def test_an_answer_to_an_older_request_does_not_end_a_throttle_that_began_after_it(house: House) -> None:
    during = During(house.emulator, "track.scrobble")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()

        async def the_key_is_throttled() -> None:
            house.clock.put(1.0)
            rest = KeyThrottled(room.now + HOUR, "too many requests", refused=False, since=room.now)
            await room.deck.store.write(lambda db: pace.begin_throttle(db, API_KEY, rest))

        during.happens.append(the_key_is_throttled)
        await room.play(0)
        await room.until_empty()
        assert await room.deck.store.read(lambda db: pace.current_throttle(db, API_KEY, room.now)) is not None


async def test_an_account_stays_leased_while_an_answer_is_slow(house: House) -> None:
    during = During(house.emulator, "track.scrobble")
    async with httpx2.AsyncClient(transport=during) as http, house.open(http=http) as room:
        await room.sign_in()
        claimed = []

        async def others_try() -> None:
            for _ in range(100):
                await house.clock.sleep(1)
                take = room.deck.store.write(lambda db: queue.claim(db, room.me.id, "b", room.now, room.now + 30))
                claimed.append(await take)

        during.happens.append(others_try)
        await room.play(0)
        await room.until_empty()
        assert claimed == [None] * 100


@pytest.mark.usefixtures("calm")
async def test_an_outage_that_follows_a_refusal_of_the_key_is_named_and_left_alone(room: Room) -> None:
    listeners = [room.me, *[await room.deck.listener(f"listener-{number}") for number in range(2)]]
    for number, listener in enumerate(listeners[1:]):
        await room.sign_in(f"user{number}", listener)
    room.emulator.suspend_key(API_KEY)
    await asyncio.gather(*(room.play(0, listener=listener) for listener in listeners))
    await room.until_calls(1)
    assert "error 26" in (await room.me.queue()).trouble
    room.emulator.fault("error", error=11, methods=["track.scrobble"])
    room.emulator.suspend_key(API_KEY, suspended=False)
    most = len(room.house.calls()) + 12
    while "error 11" not in (await room.me.queue()).trouble:
        assert len(room.house.calls()) < most
        await room.house.clock.sleep(30)
    room.emulator.clear_faults()
    while any([(await listener.queue()).queued for listener in listeners]):
        await room.house.clock.sleep(60)
