"""Accounts, credentials, and the rate limit of an API key."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, update

from tests.store.rows import NOW, listener
from tonearm.core.account import Account, Login, LoginState
from tonearm.core.account import Connection as Connected
from tonearm.core.delivery import DeliveryState
from tonearm.store import accounts, pace, queue
from tonearm.store.db.database import Store
from tonearm.store.db.schema import account, login, token
from tonearm.store.pace import KeyThrottled
from tonearm.store.secrets import tokens
from tonearm.store.secrets.tokens import TokenKind

pytestmark = pytest.mark.anyio

DAY = 86_400.0


async def test_an_account_is_made_once_for_a_name(store: Store) -> None:
    def work(db: Connection) -> None:
        me = accounts.add(db, "me", NOW)
        assert me == Account(me.id, "me")
        accounts.change_settings(db, me.id, enabled=False, threshold=75)
        again = accounts.add(db, "me", NOW + 5)
        assert again == Account(me.id, "me", enabled=False, threshold=75)
        assert accounts.named(db, "me") == again
        assert accounts.named(db, "Me") is None

    await store.write(work)


@pytest.mark.parametrize(
    ("enabled", "threshold", "stored"), [(None, None, (True, 50)), (False, None, (False, 50)), (None, 25, (True, 25))]
)
async def test_only_the_settings_that_are_given_change(
    store: Store, enabled: bool | None, threshold: int | None, stored: tuple[bool, int]
) -> None:
    def work(db: Connection) -> tuple[bool, int]:
        me, other = accounts.add(db, "me", NOW).id, accounts.add(db, "other", NOW).id
        accounts.change_settings(db, me, enabled=enabled, threshold=threshold)
        found = accounts.by_id(db, [me, other, 99])
        assert found.keys() == {me, other}
        assert (found[other].enabled, found[other].threshold) == (True, 50)
        return found[me].enabled, found[me].threshold

    assert await store.write(work) == stored


async def test_a_sign_in_ends_whatever_stood_in_the_way(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        lease = queue.claim(db, me, "one", NOW, NOW + 30)
        assert lease is not None
        queue.set_delivery_state(
            db, lease, DeliveryState(Connected.NEEDS_SIGN_IN, NOW + 999, 5, 2, 3, NOW, "trouble"), NOW + 30
        )
        accounts.sign_in(db, me, "RJ", "sealed", "key")
        assert queue.delivery_state(db, me) == DeliveryState(answered_at=NOW)
        assert accounts.with_session(db, me) == (Account(me, "me", Connected.CONNECTED, "RJ", api_key="key"), "sealed")

    await store.write(work)


async def test_a_sign_out_forgets_the_session_and_keeps_the_name(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        accounts.sign_out(db, me)
        assert accounts.with_session(db, me) == (Account(me, "me", Connected.DISCONNECTED, "RJ"), "")

    await store.write(work)


async def test_a_session_ends_only_if_it_is_still_the_one(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        assert accounts.end_session(db, me, "an older one") is None
        assert accounts.end_session(db, me, "sealed session of RJ") == "RJ"
        assert accounts.by_id(db, [me])[me].connection is Connected.NEEDS_SIGN_IN
        assert accounts.end_session(db, me, "sealed session of RJ") is None

    await store.write(work)


# What lets somebody in


async def test_no_secret_is_in_the_database(store: Store) -> None:
    def work(db: Connection) -> str:
        me = listener(db)
        tokens.add(db, me, "a secret token", TokenKind.API, NOW)
        tokens.ask_login(db, me, "a secret of lastfm", "desktop", "key", NOW)
        rows = [*db.execute(select(token)), *db.execute(select(login))]
        return repr(rows)

    assert "secret" not in await store.write(work)


@pytest.mark.parametrize("kind", TokenKind)
async def test_a_token_lets_in_its_owner_and_only_if_its_kind_counts(store: Store, kind: TokenKind) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        tokens.add(db, other, "x", kind, NOW)
        tokens.add(db, me, "y", kind, NOW)
        others = tuple(k for k in TokenKind if k is not kind)
        assert tokens.owner(db, "y", (kind,), NOW) == me
        assert tokens.owner(db, "y", others, NOW) is None
        assert tokens.owner(db, "Y", (kind,), NOW) is None
        tokens.forget(db, "y")
        assert tokens.owner(db, "y", (kind,), NOW) is None
        assert tokens.owner(db, "x", (kind,), NOW) == other

    await store.write(work)


async def test_a_token_expires_and_is_deleted(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        tokens.add(db, me, "x", TokenKind.BROWSER, NOW, NOW + 10)
        assert tokens.owner(db, "x", (TokenKind.BROWSER,), NOW + 9.9) == me
        assert tokens.owner(db, "x", (TokenKind.BROWSER,), NOW + 10) is None
        tokens.add(db, me, "y", TokenKind.API, NOW + 11)
        assert len(list(db.execute(select(token)))) == 1
        assert tokens.owner(db, "y", (TokenKind.API,), NOW + 999 * DAY) == me

    await store.write(work)


async def test_a_link_is_used_once(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        tokens.add(db, me, "link", TokenKind.LINK, NOW, NOW + 10)
        tokens.add(db, me, "token", TokenKind.API, NOW)
        assert tokens.use_link(db, "link", NOW) == me
        assert tokens.use_link(db, "link", NOW) is None
        assert tokens.use_link(db, "token", NOW) is None
        assert tokens.owner(db, "token", (TokenKind.API,), NOW) == me

    await store.write(work)


async def test_a_link_that_is_too_old_is_used_up_too(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        tokens.add(db, me, "link", TokenKind.LINK, NOW, NOW + 10)
        assert tokens.use_link(db, "link", NOW + 10) is None
        assert tokens.use_link(db, "link", NOW) is None

    await store.write(work)


async def test_a_browser_is_known_per_account(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        tokens.add(db, me, "link", TokenKind.LINK, NOW)
        assert not tokens.any_browser(db, me, NOW)
        tokens.add(db, other, "x", TokenKind.BROWSER, NOW)
        assert not tokens.any_browser(db, me, NOW)
        tokens.add(db, me, "over", TokenKind.BROWSER, NOW - 10, NOW)
        assert not tokens.any_browser(db, me, NOW)
        tokens.add(db, me, "y", TokenKind.BROWSER, NOW)
        assert tokens.any_browser(db, me, NOW)

    await store.write(work)


async def test_a_sign_in_is_found_by_its_secret_and_its_end_is_kept(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db)
        tokens.ask_login(db, me, "x", "web", "key", NOW)
        assert tokens.find_login(db, "x") == Login(me, NOW, api_key="key")
        assert tokens.find_login(db, "y") is None
        tokens.end_login(db, "x", LoginState.GRANTED)
        assert tokens.find_login(db, "x") == Login(me, NOW, LoginState.GRANTED, "key")

    await store.write(work)


async def test_a_secret_that_comes_again_belongs_to_who_asked_last(store: Store) -> None:
    def work(db: Connection) -> None:
        me, other = listener(db), listener(db, "other")
        tokens.ask_login(db, me, "x", "desktop", "key", NOW)
        tokens.end_login(db, "x", LoginState.GRANTED)
        tokens.ask_login(db, other, "x", "desktop", "key", NOW + 1)
        assert tokens.find_login(db, "x") == Login(other, NOW + 1, api_key="key")

    await store.write(work)


async def test_unfinished_sign_ins_do_not_pile_up(store: Store) -> None:
    def work(db: Connection) -> int:
        me = listener(db)
        for day in range(30):
            tokens.ask_login(db, me, f"secret {day}", "desktop", "key", NOW + day * DAY)
        return len(list(db.execute(select(login))))

    assert await store.write(work) <= 9


# The pace of an API key


async def test_slots_are_booked_one_after_the_other(store: Store) -> None:
    def work(db: Connection) -> list[float]:
        pace.begin(db, "key")
        pace.begin(db, "key")
        return [pace.book(db, "key", NOW, 4.0) for _ in range(5)] + [pace.book(db, "key", NOW + 100, 4.0)]

    assert await store.write(work) == [0.0, 0.25, 0.5, 0.75, 1.0, 0.0]


async def test_each_key_has_a_rate_limit_of_its_own(store: Store) -> None:
    def work(db: Connection) -> None:
        for key in ("one", "two"):
            pace.begin(db, key)
        assert pace.book(db, "one", NOW, 1.0) == pace.book(db, "two", NOW, 1.0) == 0.0
        pace.begin_throttle(db, "one", KeyThrottled(NOW + 60, "why", refused=True))
        assert pace.current_throttle(db, "two", NOW) is None
        assert pace.current_throttle(db, "nobody's", NOW) is None

    await store.write(work)


async def test_a_key_that_has_no_limit_books_nothing(store: Store) -> None:
    def work(db: Connection) -> list[float]:
        pace.begin(db, "key")
        return [pace.book(db, "key", NOW, 0) for _ in range(3)]

    assert await store.write(work) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("user", "budget"), [("rj", 12), ("night_owl", 0)])
async def test_what_was_sent_today_counts_for_the_same_lastfm_user_only(store: Store, user: str, budget: int) -> None:
    def work(db: Connection) -> None:
        me = listener(db, user="RJ")
        db.execute(account.update().values(budget=12))
        accounts.sign_in(db, me, user, "sealed", "key")
        assert db.execute(select(account.c.budget)).scalar_one() == budget

    await store.write(work)


async def test_a_key_is_throttled_until_its_throttle_is_over(store: Store) -> None:
    def work(db: Connection) -> None:
        assert pace.current_throttle(db, "key", NOW) is None
        pace.begin(db, "key")
        assert pace.current_throttle(db, "key", NOW) is None
        pace.begin_throttle(db, "key", long := KeyThrottled(NOW + 10, "busy", refused=False, since=NOW))
        pace.begin_throttle(db, "key", KeyThrottled(NOW + 5, "busy, for a shorter time", refused=False, since=NOW))
        assert pace.current_throttle(db, "key", NOW + 9) == long
        assert pace.current_throttle(db, "key", NOW + 10) is None
        assert pace.current_throttle(db, "other", NOW) is None

    await store.write(work)


async def test_a_throttle_that_begins_hours_from_now_is_over_for_everybody(store: Store) -> None:
    def work(db: Connection) -> None:
        pace.begin(db, "key")
        by_a_fast_clock = KeyThrottled(NOW + 7800, "busy", refused=False, since=NOW + 7200)
        pace.begin_throttle(db, "key", by_a_fast_clock)
        assert pace.current_throttle(db, "key", NOW) is None
        assert pace.unthrottled(db, ["key"], NOW) == ["key"]
        pace.begin_throttle(db, "key", now := KeyThrottled(NOW + 600, "busy", refused=False, since=NOW))
        assert pace.current_throttle(db, "key", NOW) == now
        assert pace.unthrottled(db, ["key"], NOW) == []

    await store.write(work)


async def test_each_lastfm_user_has_a_daily_limit_of_their_own(store: Store) -> None:
    def work(db: Connection) -> None:
        me = listener(db, user="RJ")
        db.execute(update(account).where(account.c.id == me).values(budget=700))
        accounts.sign_in(db, me, "rj", "sealed", "key")
        assert queue.delivery_state(db, me).budget == 700
        accounts.sign_in(db, me, "anna", "sealed", "key")
        assert queue.delivery_state(db, me).budget == 0

    await store.write(work)
