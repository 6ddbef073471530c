"""Search: what is typed on a plain keyboard finds what is written in any other way."""

from __future__ import annotations

import pytest

from tonearm.core.search import LONGEST_TERM, MAX_TERMS, searchable, terms


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("bjork joga", "Björk – Jóga"),
        ("BJÖRK", "Bjork"),
        ("acdc", "AC/DC"),
        ("ac/dc", "AC/DC"),
        ("ac-dc", "AC/DC"),
        ("simon & garfunkel", "Simon and Garfunkel"),
        ("simon and garfunkel", "Simon & Garfunkel"),
        ("dont", "Don’t Stop"),
        ("don't", "Don’t Stop"),
        ("100%", "100% Pure"),
        ("%", "100% Pure"),
        ("!!!", "!!!"),
        ("motorhead", "Motörhead"),
        ("しまる", "やくしまるえつこ"),
        ("ＦＵＬＬ", "full width"),
        ("мумий", "Мумий Тролль"),
        ("", "anything"),
    ],
)
def test_it_is_found(words: str, name: str) -> None:
    assert all(term in searchable(["Somebody", name]) for term in terms(words))


def test_each_word_of_the_names_is_there_once_and_without_its_signs() -> None:
    assert searchable(["AC/DC", "Back in Black!", "back"]) == "ac/dc back in black! acdc black"


@pytest.mark.parametrize(("words", "name"), [("axb", "a_b"), ("joga", "yoga"), ("nina simone", "Nina")])
def test_it_is_not_found(words: str, name: str) -> None:
    assert not all(term in searchable([name]) for term in terms(words))


def test_a_search_has_that_many_words_of_such_a_length_and_no_more() -> None:
    assert len(terms(" ".join(f"word{n}" for n in range(500)))) == MAX_TERMS
    assert [len(term) for term in terms("x" * 1000)] == [LONGEST_TERM]
    assert terms("one one ONE") == ["one"]


def test_a_nul_is_not_a_word_of_a_search() -> None:
    """PostgreSQL keeps none in a text."""
    assert terms("\0 nina\0") == ["nina"]
