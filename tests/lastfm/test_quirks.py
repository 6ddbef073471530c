"""Last.fm's habits of spelling, one by one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.lastfm import Images, quirks, shapes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63])
    | st.floats()
    | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["#text", "name", "@attr", "uts", "unixtime", "code", "size", "track", "x"]), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        ("-7", -7),
        (7.9, 7),
        ("7.9", 7),
        ({"#text": "7"}, 7),
        ({"#text": 7, "unixtime": "8"}, 7),
        ("", None),
        (None, None),
        ("\n", None),
        ("many", None),
        ("²", None),
        ([], None),
        ({}, None),
        (True, None),
        (math.nan, None),
        ("inf", None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        (2**63, None),
        (2**63 - 1, 2**63 - 1),
        ("9" * 400, None),
        ("9" * 5000, None),
        (10**400, None),
    ],
)
def test_a_whole_number_is_read_from_whatever_holds_one(value: object, number: int | None) -> None:
    assert quirks.whole(value) == number


@pytest.mark.parametrize(("value", "number"), [("0.95", 0.95), (0.5, 0.5), ("1", 1), ("", None), (None, None)])
def test_a_fraction_is_read_from_whatever_holds_one(value: object, number: float | None) -> None:
    assert quirks.fraction(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Low", "Low"),
        (" Low\n", "Low"),
        ({"#text": "Low", "corrected": "0"}, "Low"),
        ({"name": "Low", "mbid": ""}, "Low"),
        ({"corrected": "0"}, ""),
        ({"#text": {"#text": "deeper"}}, ""),
        ("Sig\ud800ur\x00 Rós", "Sigur Rós"),
        (1999, "1999"),
        (2.5, "2.5"),
        (True, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_text_is_read_from_whatever_holds_it(value: object, text: str) -> None:
    assert quirks.text(value) == text


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        *[("1", True), (1, True), ("true", True), (True, True), (1.0, True), ({"#text": "1"}, True)],
        *[("0", False), (0, False), ("", False), (None, False), ("false", False), ([], False), ("2", False)],
    ],
)
def test_yes_is_read_from_whatever_says_it(value: object, yes: bool) -> None:
    assert quirks.flag(value) is yes


@pytest.mark.parametrize(
    ("value", "children"),
    [
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ({"a": 1}, [{"a": 1}]),
        ([], []),
        ("\n   ", []),
        (None, []),
        (["loose", {"a": 1}], [{"a": 1}]),
    ],
)
def test_one_child_or_many_are_a_list(value: object, children: list[object]) -> None:
    assert quirks.many(value) == children


def test_attributes_lie_in_their_place_or_flat() -> None:
    assert quirks.attributes({"@attr": {"page": "1"}, "track": []})["page"] == "1"
    assert quirks.attributes({"#text": "\n", "page": "0"})["page"] == "0"


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ({"uts": "1603188238", "#text": "20 Oct 2020, 10:03"}, 1603188238),
        ({"unixtime": "1561177193", "#text": 1561177193}, 1561177193),
        ({"unixtime": "1202998466", "#text": "2008-02-14 14:14"}, 1202998466),
        ({"uts": "0"}, None),
        ({"#text": "20 Oct 2020, 10:03"}, None),
        ("\n", None),
        (None, None),
    ],
)
def test_a_moment_is_read_from_its_number_only(date: object, moment: int | None) -> None:
    assert quirks.moment(date) == (moment and datetime.fromtimestamp(moment, UTC))


def test_pictures_are_known_by_size_and_the_placeholder_star_is_left_out() -> None:
    images = [{"size": "small", "#text": "s"}, {"size": "mega", "#text": "m"}, {"size": "", "#text": "other"}]
    assert shapes.images(images) == Images(small="s", mega="m")
    assert shapes.images(images).largest == "m"
    star = shapes.images([{"size": "large", "#text": f"https://img.example/{quirks.NO_IMAGE}.png"}])
    assert not star
    assert star.largest == ""
    assert not shapes.images("\n")


@pytest.mark.parametrize(
    ("words", "time"),
    [
        ("13 May 2015, 01:04", datetime(2015, 5, 13, 1, 4, tzinfo=UTC)),
        ("Wed, 6 Feb 2013 00:04:40 +0000", datetime(2013, 2, 6, 0, 4, 40, tzinfo=UTC)),
        ("Wed, 6 Feb 2013 00:04:40 +0200", datetime(2013, 2, 5, 22, 4, 40, tzinfo=UTC)),
        ("31 Feb 2015, 01:04", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_the_date_of_an_article_is_read_from_its_words(words: object, time: datetime | None) -> None:
    assert quirks.published(words) == time


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("302", 302.0), (302, 302.0), ("302.5", 302.5), ("0", None), (0, None), ("FIXME", None), (None, None), (-1, None)],
)
def test_a_duration_of_nothing_is_unknown(value: object, seconds: float | None) -> None:
    assert quirks.seconds(value) == seconds
    assert quirks.seconds("302000", 1000) == 302.0


@given(json_values)
def test_nothing_in_an_answer_makes_a_quirk_fail(value: object) -> None:
    text = quirks.text(value)
    text.encode()
    assert "\x00" not in text
    whole = quirks.whole(value)
    assert whole is None or abs(whole) < 2**63
    quirks.flag(value)
    quirks.moment(value)
    shapes.images(value)
    quirks.published(value)
    quirks.seconds(value)
    assert all(isinstance(child, dict) for child in quirks.many(value))
    quirks.attributes(quirks.node(value))
