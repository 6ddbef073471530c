"""Keys and secrets that are given as texts, and accounts that have lost their key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tonearm.core.account import Account, Connection
from tonearm.core.keys import BadKeys, paired

words = st.text("abcdef0123456789", min_size=1, max_size=5)
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=5, unique_by=lambda pair: pair[0])


@given(pairs, st.sampled_from([",", ", ", " ,"]))
def test_as_many_secrets_as_keys_are_their_pairs_in_order(wanted: list[tuple[str, str]], comma: str) -> None:
    keys, secrets = zip(*wanted, strict=True)
    assert paired(comma.join(keys), comma.join(secrets)) == tuple(wanted)


@pytest.mark.parametrize(("key", "secret"), [("", ""), ("k", ""), ("", "s"), ("k", "s")])
def test_a_single_key_may_lack_what_it_likes(key: str, secret: str) -> None:
    assert paired(key, secret) == ((key, secret),)


@given(st.lists(words, min_size=1, max_size=4, unique=True), st.lists(words, min_size=1, max_size=4))
def test_another_number_of_secrets_is_refused_in_words_that_hold_none(keys: list[str], secrets: list[str]) -> None:
    assume(len(keys) != len(secrets))
    with pytest.raises(BadKeys) as bad:
        paired(",".join(f"Q{key}" for key in keys), ",".join(f"Q{secret}" for secret in secrets))
    assert bad.value.option == "api_secret"
    assert "Q" not in str(bad.value)


@pytest.mark.parametrize(
    ("key", "secret"), [("a,a", "s,t"), ("a,", "s,t"), (",a", "s,t"), ("a,,b", "s,t,u"), (",", ",")]
)
def test_a_key_that_is_there_twice_or_missing_is_refused(key: str, secret: str) -> None:
    with pytest.raises(BadKeys) as bad:
        paired(key, secret)
    assert bad.value.option == "api_key"


@pytest.mark.parametrize(
    ("key", "secret", "option", "message"),
    [
        ("a,b", "", "api_secret", "there must be one for each key, in the same order: 2 API keys, 0 given"),
        ("a,b", "s", "api_secret", "there must be one for each key, in the same order: 2 API keys, 1 given"),
        ("a", "s,t", "api_secret", "there must be one for each key, in the same order: 1 API key, 2 given"),
        ("a,b", "s,", "api_secret", "has an empty entry between its commas"),
        ("a,", "s,t", "api_key", "has an empty entry between its commas"),
        ("a,a", "s,t", "api_key", "contains the same key twice"),
    ],
)
def test_what_is_wrong_with_keys_is_said_with_the_option(key: str, secret: str, option: str, message: str) -> None:
    with pytest.raises(BadKeys) as bad:
        paired(key, secret)
    assert (bad.value.option, bad.value.message) == (option, message)
    assert str(bad.value) == f"{option}: {message}"


ANNA = Account(1, "anna", Connection.CONNECTED, "Anna", api_key="a")


@pytest.mark.parametrize("keys", [["a"], ["b", "a"], [""]])
def test_an_account_stays_connected_while_its_key_is_set_or_none_at_all(keys: list[str]) -> None:
    assert ANNA.under(keys) == ANNA


def test_without_its_key_an_account_needs_a_sign_in_and_is_signed_in_anyway() -> None:
    lost = ANNA.under(["b"])
    assert (lost.connection, lost.key_is_set, lost.signed_in) == (Connection.NEEDS_SIGN_IN, False, True)


@pytest.mark.parametrize("connection", [one for one in Connection if one is not Connection.CONNECTED])
def test_what_is_not_connected_has_lost_nothing(connection: Connection) -> None:
    assert replace(ANNA, connection=connection).under(["b"]) == replace(ANNA, connection=connection)
