"""Listeners, what lets them in, and true numbers of their queue."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.conftest import DAY, HOUR, House, Room
from tonearm.core.play import Track
from tonearm.lastfm.rules import OLDEST
from tonearm.service.accounts import BROWSER_LIFE, LINK_LIFE, BadName, BadThreshold
from tonearm.service.report import UnknownListener
from tonearm.store.secrets.tokens import TokenKind

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["me", "Nina", "björk", "a.b_c@d+e-f", "7", "x" * 64])
async def test_a_listener_is_made_once(room: Room, name: str) -> None:
    one, same = await room.deck.listener(name), await room.deck.listener(name)
    assert (one.id, one.name) == (same.id, name)
    assert (await room.deck.accounts.named(name)).id == one.id


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "x" * 65, "a\n", "<b>"])
async def test_no_name_is_refused(room: Room, name: str) -> None:
    with pytest.raises(BadName, match="Invalid name"):
        await room.deck.listener(name)


async def test_reading_creates_no_listener(room: Room) -> None:
    with pytest.raises(UnknownListener, match="'nobody'"):
        await room.deck.accounts.named("nobody")
    with pytest.raises(UnknownListener, match="99"):
        await room.deck.accounts.account(99)


@pytest.mark.parametrize("threshold", [25, 50, 100])
async def test_the_settings_that_are_given_are_named(room: Room, threshold: int) -> None:
    change = room.deck.accounts.change_settings
    assert await change(room.me.id, enabled=None, threshold=threshold) == ["scrobble_threshold"]
    assert await change(room.me.id, enabled=False, threshold=None) == ["enabled"]
    assert await change(room.me.id, enabled=True, threshold=threshold) == ["enabled", "scrobble_threshold"]
    assert await change(room.me.id, enabled=None, threshold=None) == []
    account = await room.me.account()
    assert (account.enabled, account.threshold) == (True, threshold)


@pytest.mark.parametrize("threshold", [24, 101, 0, -5])
async def test_a_threshold_has_its_bounds(room: Room, threshold: int) -> None:
    with pytest.raises(BadThreshold, match="25 to 100"):
        await room.deck.accounts.change_settings(room.me.id, enabled=False, threshold=threshold)
    assert (await room.me.account()).enabled


async def test_a_token_lets_in_its_listener_until_it_is_forgotten(room: Room) -> None:
    listeners = room.deck.accounts
    other = await room.deck.listener("other")
    mine, theirs = await listeners.token(room.me.id), await listeners.token(other.id)
    assert mine != theirs
    assert len(mine) > 30
    await room.wait(9 * 365 * DAY)
    assert await listeners.by_secret(mine, TokenKind.API) == room.me.id
    assert await listeners.by_secret(theirs, TokenKind.API) == other.id
    assert await listeners.by_secret(mine, TokenKind.BROWSER) is None
    await listeners.forget(mine)
    assert await listeners.by_secret(mine, TokenKind.API) is None


async def test_a_link_signs_one_browser_in_once(room: Room) -> None:
    listeners = room.deck.accounts
    link = await listeners.link(room.me.id)
    assert await listeners.by_secret(link, TokenKind.API, TokenKind.BROWSER) is None
    browsers = await asyncio.gather(*(listeners.browser(link) for _ in range(5)))
    [browser] = [b for b in browsers if b is not None]
    assert await listeners.by_secret(browser, TokenKind.API, TokenKind.BROWSER) == room.me.id
    assert await listeners.browser("guessed") is None
    await room.wait(BROWSER_LIFE)
    assert await listeners.by_secret(browser, TokenKind.BROWSER) is None


async def test_a_link_is_too_old_after_an_hour(room: Room) -> None:
    link = await room.deck.accounts.link(room.me.id)
    await room.wait(LINK_LIFE)
    assert await room.deck.accounts.browser(link) is None


# How the queue stands


async def test_an_empty_queue_is_zero(room: Room) -> None:
    queue_status = await room.me.queue()
    assert (queue_status.queued, queue_status.sending, queue_status.held, queue_status.refused) == (0, 0, 0, 0)
    assert (queue_status.next_attempt_at, queue_status.oldest, queue_status.expires_next) == (None, None, None)
    assert (queue_status.state, queue_status.trouble) == ("connected", "")


async def test_a_queue_says_what_is_oldest_and_when_it_expires(house: House) -> None:
    async with house.open(deliver=False) as room:
        await room.sign_in()
        await room.plays(5, 3, 9)
        queue_status = await room.me.queue()
        oldest = (await room.history())[0].play.timestamp
        assert (queue_status.queued, queue_status.held, queue_status.oldest) == (3, 0, oldest)
        assert queue_status.expires_next == oldest + OLDEST
        assert queue_status.next_attempt_at is not None


async def test_during_a_back_off_the_next_attempt_is_its_end(room: Room) -> None:
    room.emulator.fault("proxy-busy", seconds=500, methods=["track.scrobble"])
    await room.play(0)
    await room.until_calls(1)
    queue_status = await room.me.queue()
    assert queue_status.next_attempt_at is not None
    assert 400 < queue_status.next_attempt_at - room.now <= 500
    assert (queue_status.queued, queue_status.held) == (1, 0)


async def test_during_a_throttle_of_the_key_the_next_attempt_is_at_its_end(room: Room) -> None:
    room.emulator.fault("error", error=26, methods=["track.scrobble"])
    await room.play(0)
    await room.until_calls(1)
    queue_status = await room.me.queue()
    assert queue_status.state == "suspended"
    assert "error 26" in queue_status.trouble


async def test_what_no_retry_helps_is_on_hold(room: Room) -> None:
    await room.play(0, -HOUR)
    assert (await room.me.queue()).held == 1
    await room.me.sign_out()
    assert (await room.me.queue()).held == 1
    await room.sign_in("Somebody Else")
    queue_status = await room.me.queue()
    assert (queue_status.queued, queue_status.held, queue_status.next_attempt_at) == (1, 1, None)


# Retry by hand


async def test_a_retry_waits_until_nothing_is_left(room: Room) -> None:
    room.emulator.fault("error", error=8, calls=1, methods=["track.scrobble"])
    await room.plays(0, 1)
    await room.until_calls(1)
    left = await room.deck.accounts.retry_and_wait(room.me.id, room.deck.hint, room.deck.event_hub, 10.0)
    assert (left if isinstance(left, int) else left.queued + left.sending) == 0
    assert len(room.emulator.plays("RJ")) == 2


async def test_a_retry_that_fails_says_what_is_left(room: Room) -> None:
    room.emulator.fault("error", error=8, methods=["track.scrobble"])
    await room.plays(0, 1)
    await room.until_calls(1)
    left = await room.deck.accounts.retry_and_wait(room.me.id, room.deck.hint, room.deck.event_hub, 10.0)
    assert (left if isinstance(left, int) else left.queued + left.sending) == 2
    assert len(room.house.calls()) == 2


async def test_what_lastfm_ignored_and_what_it_refused_is_counted_as_one(room: Room) -> None:
    await room.me.scrobble(Track("Various", "Song", duration=200), started_at=room.now - 900, played=150)
    await room.until_empty()
    assert await room.fates() == ["ignored"]
    assert (await room.me.queue()).refused == 1
