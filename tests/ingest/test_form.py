"""Form bodies, as players write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.ingest.form import all_of, decoded, indexed, json_text, parse_form, parse_multipart, urlencoded


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


def in_parts(form: Mapping[str, str | bytes | tuple[str, bytes]]) -> tuple[bytes, str]:
    """A form as HTTP libraries write it in parts, and its Content-Type. A tuple is a file."""
    files = {name: given if isinstance(given, tuple) else (None, given) for name, given in form.items()}
    request = httpx2.Request("POST", "http://x", files=files)
    return request.read(), request.headers["content-type"]


def test_a_form_in_parts_is_the_same_form() -> None:
    form = {"artist[0]": "Björk & Co=+%", "track[0]": "a\r\nb", "album": "", "sk": "x" * 3000}
    encoded = urlencoded(*in_parts(form))
    assert encoded is not None
    assert parse_form(encoded) == form
    encoded = urlencoded(*in_parts({"artist": "Bj\xf6rk".encode("latin-1"), "track": ("t.txt", b"J\xc3\xb3ga")}))
    assert encoded is not None
    assert parse_form(encoded) == {"artist": "Björk", "track": "Jóga"}
    body, kind = in_parts({"a": "1"})
    assert urlencoded(body, kind.replace("multipart/form-data", "Multipart/Form-Data ")) == b"a=1"
    assert urlencoded(b"a=1", "text/plain") == b"a=1"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--', "multipart/form-data"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--', "multipart/form-data; boundary="),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n', "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\n" + b"A: b\r\n" * 50 + b"\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
        (b"a=1", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
    ],
    ids=["no boundary", "an empty boundary", "cut off", "without a name", "many headers", "not in parts", "empty"],
)
def test_a_form_in_parts_that_is_broken_is_not_read(body: bytes, content_type: str) -> None:
    assert parse_multipart(body, content_type) is None
    assert urlencoded(body, content_type) is None


@given(st.binary())
def test_no_bytes_break_a_form_in_parts(body: bytes) -> None:
    parse_multipart(body, "multipart/form-data; boundary=x")
    parse_multipart(b"--x\r\n" + body, "multipart/form-data; boundary=x")


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1"],
)
def test_json_is_read_in_every_encoding_that_it_may_have(encoding: str) -> None:
    document = {"artist": "Björk", "track": "Jóga"}
    assert json.loads(json_text(json.dumps(document, ensure_ascii=False).encode(encoding))) == document


@given(st.binary())
def test_no_bytes_break_the_reading_of_json(body: bytes) -> None:
    json_text(body)
    json_text(b"\xff\xfe" + body)


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
