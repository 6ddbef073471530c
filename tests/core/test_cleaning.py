"""What is left of a name: all that is seen of it, and nothing that is not."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.core.cleaning import clean

any_text = st.text(st.characters(min_codepoint=0, max_codepoint=sys.maxunicode, exclude_categories=()))

UNSEEN = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\ufeff"
LOOKS = "\u180b\u180c\ufe0e\ufe0f\U000e0100"
BLANKS = " \t\u00a0\u2003\u2028\u2800\u3000\u3164\uffa0"
tricky_text = st.text(
    st.sampled_from(
        f"{UNSEEN}{LOOKS}{BLANKS}aé\u0301\u1100\u1161שی\u0d28\u0d4d\u094d❤🔥🏴\U000e0067\U000e007f\u20e3\x00\ufffe\u2065\u0600"
    ),
    max_size=12,
)


_LOOK = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def _shown(text: str) -> str:
    return "".join(c for c in text if c not in UNSEEN + BLANKS and not _LOOK.match(c))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        pytest.param("  Nina Simone ", "Nina Simone", id="blanks around a name go"),
        pytest.param("Nina  Simone", "Nina Simone", id="two blanks between words are one"),
        pytest.param(" Nina Simone", "Nina Simone", id="a single blank before a name goes"),
        pytest.param("\ufeffXX XX", "XX XX", id="letters at the ends stay"),
        pytest.param("a\ufff0b\ufff8c\U000e0000d\U000e0fffe", "abcde", id="places kept for the unseen go"),
        pytest.param("\uffef\U000e1000", "\uffef\U000e1000", id="what lies beside it stays"),
        pytest.param("Nina\tSimone", "Nina Simone", id="a tab between words is a blank"),
        pytest.param("Nina\nSimone", "Nina Simone", id="a line break between words is a blank"),
        pytest.param("\x00\x07Nina\x1b Simone\x7f\x9f", "Nina Simone", id="control characters go"),
        pytest.param("Nina\ud800 Simone\udfff", "Nina Simone", id="lone surrogates go"),
        pytest.param("Nina\ufffe Simone\uffff\ufdd0\ufdef\U0010ffff", "Nina Simone", id="non-characters go"),
        pytest.param("\x01\ufdcf\ufdf0\ufffd", "\ufdcf\ufdf0\ufffd", id="their neighbours stay"),
        pytest.param("Bjo\u0308rk", "Björk", id="letters are composed"),
        pytest.param("a\u2028b\u2029c\x85d\x0be\x0cf\rg", "a b c d e f g", id="every line break is a blank"),
        pytest.param("\u3000坂本 龍一\u00a0", "坂本 龍一", id="blanks of all scripts around a name go"),
        pytest.param("!!!", "!!!", id="punctuation is a name"),
        pytest.param("🎹", "🎹", id="an emoji is a name"),
        pytest.param("\ufdcf\ufdf0", "\ufdcf\ufdf0", id="the neighbours of the non-characters stay"),
        pytest.param("\n \x00\ud800", "", id="a name of nothing visible is empty"),
        pytest.param("a \n\x00\u00a0 b", "a b", id="a run of blanks between words is one"),
        pytest.param("\ufeffSelah Sue", "Selah Sue", id="a byte order mark goes"),
        pytest.param("upside\u200b-\u200bdown", "upside-down", id="zero width spaces go"),
        pytest.param("Mo\u00adtor\u2060head\u2064", "Motorhead", id="soft hyphens and word joiners go"),
        pytest.param("Nina\u00a0Simone\u202f\u2007!", "Nina Simone !", id="blanks that do not break are blanks"),
        pytest.param("e\u200b\u0301", "é", id="letters are composed once nothing is between them"),
        pytest.param("\u202aAbba\u202c\u2066!\u2069", "Abba!", id="embeddings and isolates go"),
        pytest.param("\u200eAbba\u200f\u061c", "Abba", id="marks of direction at the ends go"),
        pytest.param("Sel\u200eah", "Selah", id="marks of direction go where nothing is written from the right"),
        pytest.param("שלום\u200f (Live)", "שלום\u200f (Live)", id="a mark of direction in a Hebrew name stays"),
        pytest.param("می\u200f (Live)", "می\u200f (Live)", id="in an Arabic one too"),
        pytest.param("שלום \u200f Live", "שלום \u200fLive", id="blanks around a mark of direction are one"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="a Persian word keeps its non-joiner"),
        pytest.param("\u200cمی \u200c خواهم\u200c", "می خواهم", id="a non-joiner at the end of a word goes"),
        pytest.param("ශ\u0dca\u200dරී", "ශ\u0dca\u200dරී", id="a Sinhala word keeps its joiner"),
        pytest.param("അവന\u0d4d\u200d", "അവന\u0d4d\u200d", id="a joiner that shows at the end of a word stays"),
        pytest.param("അവന\u0d4d\u200c", "അവന\u0d4d", id="a non-joiner that does not, goes"),
        pytest.param("\u1820\u180e\u1821\u180e", "\u1820\u180e\u1821", id="the Mongolian vowel separator"),
        pytest.param("\u200d", "", id="a joiner joins nothing alone"),
        pytest.param("👨\u200d👩\u200d👧\u200d", "👨\u200d👩\u200d👧", id="a family is one emoji"),
        pytest.param("❤\ufe0f\u200d🔥 1\ufe0f\u20e3", "❤\ufe0f\u200d🔥 1\ufe0f\u20e3", id="emoji keep their look"),
        pytest.param("\ufe0fa \ufe0fb❤\ufe0f\ufe0f", "a b❤\ufe0f", id="a look needs something that has it"),
        pytest.param("\ufe0f", "", id="a look alone shows nothing"),
        pytest.param(
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            id="the flag of England keeps its tags",
        ),
        pytest.param("Abba\U000e0041\U000e0001", "Abba", id="tags hide no text"),
        pytest.param("\u3164\uffa0", "", id="Hangul fillers show nothing"),
        pytest.param("a\u3164b", "a b", id="a Hangul filler is a blank"),
        pytest.param("\u2800\u2813\u280a\u2800", "\u2813\u280a", id="braille without its blanks"),
        pytest.param("\u0301", "\u0301", id="an accent alone is seen"),
        pytest.param("\u0661\u0600", "\u0661\u0600", id="a format character that is seen stays"),
        pytest.param("\ue000\uf8ff", "\ue000\uf8ff", id="letters of a private alphabet stay"),
    ],
)
def test_a_name_is_cleaned(said: str, meant: str) -> None:
    assert clean(said) == meant


@given(any_text)
def test_a_clean_name_is_fit_to_be_signed_and_sent(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == cleaned.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in cleaned)
    assert not any(ord(c) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(c) <= 0xFDEF for c in cleaned)
    cleaned.encode()


@given(st.text(st.characters(exclude_categories=("C", "Z"))))
def test_cleaning_keeps_every_letter(text: str) -> None:
    assert _shown(clean(text)) == _shown(unicodedata.normalize("NFC", text))


@given(tricky_text)
def test_cleaning_a_clean_name_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


@given(tricky_text)
def test_cleaning_removes_nothing_that_is_seen(text: str) -> None:
    seen = [
        c
        for c in unicodedata.normalize("NFD", text)
        if c in "ae\u0301\u1100\u1161שی\u0d28\u0d4d\u094d❤🔥🏴\u20e3\u0600"
    ]
    cleaned = [c for c in unicodedata.normalize("NFD", clean(text)) if c in seen]
    assert sorted(cleaned) == sorted(seen)


@given(tricky_text)
def test_a_clean_name_begins_and_ends_with_something_seen(text: str) -> None:
    cleaned = clean(text)
    assert cleaned[:1] not in [*UNSEEN, *LOOKS, *BLANKS]
    while cleaned and cleaned[-1] in LOOKS:  # belongs to what is before it
        cleaned = cleaned[:-1]
    shows_at_the_end = cleaned[-1:] == "\u200d" and unicodedata.combining(cleaned[-2]) == 9
    assert shows_at_the_end or cleaned[-1:] not in [*UNSEEN, *BLANKS]


@given(st.text(st.sampled_from("aیश्❤"), min_size=1), st.sampled_from("\u200c\u200d"), st.text("aیशव", min_size=1))
def test_joiners_stay_inside_words(before: str, joiner: str, after: str) -> None:
    assert clean(before + joiner + after) == before + joiner + after


@given(st.text(UNSEEN + LOOKS + BLANKS + "\x00\ufffe\u2065\U000e0041"))
def test_nothing_is_left_of_a_name_in_which_nothing_is_seen(text: str) -> None:
    assert clean(text) == ""
