"""Form bodies, as players write them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.ingest.form import all_of, decoded, indexed, parse_form


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&b=2&", {"a": "1", "b": "2"}),
        (b"a=1&b=2\r\n", {"a": "1", "b": "2"}),
        (b"a=1&b=2\r\n\r\n", {"a": "1", "b": "2"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"", {}),
        (b"a=x;y/z'[0]", {"a": "x;y/z'[0]"}),
        (b"a=x=y", {"a": "x=y"}),
        (b"a=x+y%2Bz%20w", {"a": "x y+z w"}),
        (b"a%5B0%5D=x&t[0]=y", {"a[0]": "x", "t[0]": "y"}),
        (b"a=Bj%C3%B6rk", {"a": "Björk"}),
        (b"a=Bj\xc3\xb6rk", {"a": "Björk"}),
        (b"a=Bj%F6rk", {"a": "Björk"}),
        (b"a=100%", {"a": "100%"}),
        (b"a=1&a=2", {"a": "2"}),
    ],
)
def test_a_form_is_read_as_it_was_meant(body: bytes, form: dict[str, str]) -> None:
    assert parse_form(body) == form


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
def test_what_is_encoded_by_the_rules_is_read_to_the_letter(form: dict[str, str]) -> None:
    assert parse_form(urlencode(form).encode()) == form


@given(st.binary())
def test_no_bytes_break_a_form(body: bytes) -> None:
    indexed(parse_form(body), frozenset("ati"))


def test_items_are_found_by_their_index_and_gaps_stay_gaps() -> None:
    form = {
        "a[2]": "C",
        "t[2]": "c",
        "a[10]": "K",
        "t": "one",
        "t[0]": "two",
        "x[0]": "-",
        "a[1]x": "-",
        "a[²]": "-",
        "a" * 50: "-",
    }
    assert indexed(form, frozenset("at")) == {0: {"t": "two"}, 2: {"a": "C", "t": "c"}, 10: {"a": "K"}}
    assert list(indexed(form, frozenset("at"))) == [0, 2, 10]


def test_only_letters_that_are_not_utf_8_are_read_as_latin_1() -> None:
    assert decoded("Jóga, ".encode() + "Jóga – ‘live’".encode("cp1252")) == "Jóga, Jóga – ‘live’"


def test_all_values_of_a_repeated_field_are_found() -> None:
    assert all_of(b"artist=Can&title=x&artist=Damo+Suzuki\r\n", "artist") == ["Can", "Damo Suzuki"]
    assert all_of("title=x", "artist") == []
