"""Biographies: plain text, and HTML that can do nothing in a page."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.lastfm.markup import read, safe_address
from tonearm.lastfm.shapes import wiki

REL = 'rel="nofollow noopener noreferrer"'
MORE = '<a href="https://www.last.fm/music/Low">Read more on Last.fm</a>'


def test_the_link_to_the_page_is_separate_from_the_text() -> None:
    plain, html, link = read(f"Low &amp; slow. {MORE}. User-contributed text is available under a licence.")
    assert plain == "Low & slow."
    assert link == "https://www.last.fm/music/Low"
    assert html == (
        f'Low &amp; slow. <a href="https://www.last.fm/music/Low" {REL}>Read more on Last.fm</a>.'
        " User-contributed text is available under a licence."
    )


def test_an_older_way_to_the_page_is_known_too() -> None:
    assert read('A <a href="http://www.last.fm/x">Read more about Low on Last.fm</a>.')[::2] == (
        "A",
        "http://www.last.fm/x",
    )


def test_other_links_stay_where_they_are() -> None:
    plain, html, link = read('See <a href="http://a.example/?b=1&amp;c=2">there</a>.')
    assert (plain, link) == ("See there.", "")
    assert html == f'See <a href="http://a.example/?b=1&amp;c=2" {REL}>there</a>.'


def test_lines_are_kept_and_never_more_than_one_is_empty() -> None:
    plain, html, _ = read("One\n  two<br>three<p>four</p>\n\n\n\n five")
    assert plain == "One\ntwo\nthree\nfour\n\nfive"
    assert html.count("<br>\n") == html.count("\n") > 5


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<style>*{}</style>",
        "<scr<script>ipt>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt&colon;alert(1)">x</a>',
        '<a href=" data:text/html,x">x</a>',
        '<a href="//evil.example">x</a>',
        '<a href="https://">x</a>',
        '<a href="https://[bad/">x</a>',
        "<a href=\"https://ok.example/'onclick='alert(1)\">x</a>",
        '<a href="https://ok.example/" onclick="alert(1)">x</a>',
        '<iframe src="https://evil.example"></iframe>',
        "<svg/onload=alert(1)>",
        "<!--><script>alert(1)</script>-->",
        "<a href>x</a>",
        "</script></style>",
        "<![foo[ <script>alert(1)</script> ]]>",
        "<![ 1",
        "<!DOCTYPE html [<!ENTITY x 'y'>]>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_nothing_that_acts_gets_through(evil: str) -> None:
    _, html, _ = read(f"before {evil} after")
    assert SAFE.fullmatch(html), html
    assert html.startswith("before")


SAFE = re.compile(rf'([^<>"\']|<br>|<a href="https?://[^<>"\'\s]+" {REL}>|</a>)*')


@given(
    st.lists(
        st.sampled_from(["<", ">", '"', "'", "&", "/", "a", " ", "=", "href", "https://x.example", "<a ", "</a>", "\n"])
        | st.sampled_from(["<script>", "</script>", "javascript:", "<!--", "-->", "<![CDATA[", "<![", "<?", "&#60;"])
        | st.text(max_size=4)
    )
)
def test_whatever_is_written_comes_out_safe(parts: list[str]) -> None:
    plain, html, link = read("".join(parts))
    assert SAFE.fullmatch(html)
    assert plain == plain.strip()
    assert link == safe_address(link)


def test_who_wrote_nothing_has_no_article() -> None:
    assert wiki({"summary": f" {MORE}", "content": "", "published": "01 Jan 1970, 00:00"}) is None
    assert wiki("") is None
    assert wiki(None) is None
    found = wiki({"summary": "A", "content": {"#text": "A\nB"}, "published": "nonsense"})
    assert found is not None
    assert (found.content, found.link, found.published) == ("A\nB", "", None)
