"""Who may scrobble, and how long a sign-in stays open."""

from __future__ import annotations

import pytest

from tonearm.core.account import TOKEN_LIFE, Account, Connection, Login, LoginState


@pytest.mark.parametrize(
    ("connection", "queues"),
    [
        (Connection.CONNECTED, True),
        (Connection.NEEDS_SIGN_IN, True),
        (Connection.SUSPENDED, True),
        (Connection.DISCONNECTED, False),
    ],
)
def test_only_who_signed_out_queues_nothing(connection: Connection, queues: bool) -> None:
    assert Account(1, "me", connection).signed_in is queues


def test_an_account_uses_the_key_it_has_signed_in_with() -> None:
    account = Account(1, "me", api_key="second")
    assert account.key_among(["first", "second"]) == "second"
    assert account.key_among(["first", "third"]) == "first", "its own is no longer set"


def test_a_new_account_is_signed_out_enabled_and_asks_for_half_a_track() -> None:
    account = Account(1, "me")
    assert (account.connection, account.enabled, account.threshold) == (Connection.DISCONNECTED, True, 50)


@pytest.mark.parametrize(
    ("state", "age", "stands"),
    [
        pytest.param(LoginState.ASKED, 0, LoginState.ASKED, id="fresh"),
        pytest.param(LoginState.ASKED, 3599.9, LoginState.ASKED, id="at the end of its hour"),
        pytest.param(LoginState.ASKED, 3600, LoginState.EXPIRED, id="after its hour"),
        pytest.param(LoginState.GRANTED, 99_999, LoginState.GRANTED, id="granted stays granted"),
        pytest.param(LoginState.EXPIRED, 0, LoginState.EXPIRED, id="expired stays expired"),
    ],
)
def test_a_sign_in_lives_for_an_hour(state: LoginState, age: float, stands: LoginState) -> None:
    assert Login(1, 1000.0, state).at(1000.0 + age) is stands


def test_a_sign_in_lives_as_long_as_a_token_of_lastfm() -> None:
    assert TOKEN_LIFE == 60 * 60
