"""Similarity: why two names with different spellings may still be the same song. It only finds ambiguous matches."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from tonearm.core.name_caches import remembering
from tonearm.core.spelling import credit, fold, plain, readable, without_guests


class Ambiguity(StrEnum):
    """How two names differ, for the listener to decide; the most likely to be the same song first."""

    SPELLING = "spelling"
    VERSION = "version"
    CREDIT = "credit"
    CUT = "cut"
    WORDING = "wording"
    IDENTIFIER = "identifier"


class Bare(NamedTuple):
    """A title without its extras: track number, guests, trailing brackets, version words, leading article."""

    core: str
    number: str = ""
    additions: tuple[str, ...] = ()
    guests: str = ""


_JUST_WORDS = re.compile(r"(?!the |an? )[a-z ',.!?&]*").fullmatch
_DRESSED = re.compile(r"[(\[{<（【]|\s[-–—~:]\s|\bf(?:ea)?t|^\s*(?:\d|[a-d]\d|the\s|an?\s)").search
_NUMBER = re.compile(r"\s*(?:(\d{1,3})\s*[-.)_:]+\s*|(\d{2})\s+|([a-d]\d)\s+)(?=\S)", re.IGNORECASE).match
_BRACKETS = re.compile(r"\s*[(\[{<（【]([^()\[\]{}<>（）【】]*)[)\]}>）】]?\s*$").search
_AFTER_DASH = re.compile(r"\s[-–—~:]\s+((?:(?!\s[-–—~:]\s).)+)$").search
_ARTICLE = re.compile(r"\s*(?:the|an?)\s+(?=\S)", re.IGNORECASE).match
_PACKAGING = re.compile(
    r"remaster|version|edit|mono|stereo|bonus|explicit|clean|single|album|radio|original|deluxe|anniversary"
    r"|\b(?:19|20)\d\d\b"
).search
_PERFORMANCE = re.compile(
    r"\b(?:live|mix|remix|rmx|demo|acoustic|instrumental|unplugged|sessions?|take|dub|cover)\b"
).search


def bare(artist: str, title: str, folded: str | None = None) -> Bare:
    """The title without everything that isn't the song's name; the core is empty only if the title is blank. `folded`
    is the fold of the title, if the caller already has it.
    """
    spellings, with_artist = credit(artist)
    if not _may_be_dressed(title):
        return Bare(fold(title) if folded is None else folded, "", (), with_artist)
    text, guests = without_guests(readable(title))
    if (tail := _after_dash(text, spellings)) is not None:
        text = tail
    core, number, additions = _stripped(text)
    return Bare(core, number, additions, fold(guests) if guests else with_artist)


def cores(title: str) -> set[str]:
    """Every core that `bare` may find in a title, whoever the artist is."""
    if not _may_be_dressed(title):
        return {fold(title)}
    text = without_guests(readable(title))[0]
    _, _, tail = text.partition(" - ")
    return {_stripped(text)[0], _stripped(tail)[0]} if tail.strip() else {_stripped(text)[0]}


def _after_dash(text: str, spellings: tuple[str, ...]) -> str | None:
    """The title in "Artist - Title"."""
    head, _, tail = text.partition(" - ")
    return tail if tail.strip() and fold(head) in spellings else None


def _stripped(text: str) -> tuple[str, str, tuple[str, ...]]:
    """The core of a title without guests, its number, and its additions."""
    number = ""
    if found := _NUMBER(text):
        number, text = found[0].strip(" -.)_:").lstrip("0"), text[found.end() :]
    text, additions = _undressed(text)
    if article := _ARTICLE(text):
        text = text[article.end() :]
    return fold(text), number, additions


def _may_be_dressed(title: str) -> bool:
    """Whether a title may have extras. For most titles the letters decide, which is faster than a search."""
    lowered = title.lower()
    if _JUST_WORDS(lowered):
        return "feat" in lowered or " ft" in lowered
    return _DRESSED(lowered) is not None


def _undressed(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without trailing brackets, and without what follows a dash if that names a version."""
    additions: list[str] = []
    while True:
        found = _BRACKETS(text)
        if not found and (found := _AFTER_DASH(text)) and not _names_a_version(found[1]):
            found = None
        if not found or not text[: found.start()].strip():
            return text, tuple(additions)
        additions.append(" ".join(found[1].lower().split()))
        text = text[: found.start()]


def _names_a_version(words: str) -> bool:
    words = words.lower()
    return bool(_PACKAGING(words) or _PERFORMANCE(words))


def compatible(one: Bare, other: Bare) -> bool:
    """Whether the extras of two titles fit one song: "(Part 1)" and "(Part 2)" or "1." and "2." do not."""
    if one.number and other.number and one.number != other.number:
        return False
    if one.guests and other.guests and one.guests != other.guests:
        return False
    here, there = set(one.additions), set(other.additions)
    if here <= there or there <= here:
        return True
    additions = here ^ there
    return all(map(_PACKAGING, additions)) or all(map(_PERFORMANCE, additions))


_SHORTEST_MISSPELT = 5
_LETTERS_SAY_LITTLE = "\u0530"
"""Latin, Greek and Cyrillic come before; from here on one letter may be a syllable or a word."""
_ID3V1_LENGTH = 30
"""Characters to which an ID3v1 tag cuts a name: https://id3.org/ID3v1"""


def misspelt(one: str, other: str) -> bool:
    """Whether two folds differ in one place, by at most two letters; digits and part numerals don't count as slips."""
    if min(len(one), len(other)) < _SHORTEST_MISSPELT or abs(len(one) - len(other)) > 2:
        return False
    start = _common(one, other)
    one, other = one[start:], other[start:]
    end = _common(one[::-1], other[::-1])
    here, there = one[: len(one) - end], other[: len(other) - end]
    slip = here + there
    if max(len(here), len(there)) > 2 or not slip.isalpha() or max(slip) >= _LETTERS_SAY_LITTLE:
        return False
    if not end:  # "Exploration A" and "B", "Flood" and "Flood I" are different songs
        return not (here and there) and not set(slip) <= set("ivx")
    return True


_CLOSE = 0.78
"""Share of their letters that two titles have in common, at the least, if they may be one."""
_SHORTEST_REWORDED = 6
_TELLING_WORD = 4
_ENDS = 3
"""Letters of a word, or at either end, that two such titles share."""


class Wording(NamedTuple):
    """A title by its words; `letters` is all of them without blanks."""

    words: frozenset[str]
    letters: str


def wording(title: str) -> Wording:
    """A title's words, with everything in brackets, and without those that say little."""
    number = _NUMBER(title)
    title = title[number.end() :] if number else title
    found = [word for word in _WORD.findall(plain(readable(title))) if word not in _SMALL_WORDS]
    return Wording(frozenset(found), "".join(found))


def reworded(one: Wording, other: Wording) -> bool:
    """Whether two titles of one artist differ by a word or a few letters, but not by a number or a single letter."""
    apart = one.words ^ other.words
    if not apart or any(len(word) == 1 or word.isdigit() or not set(word) - set("ivx") for word in apart):
        return False
    shorter, longer = sorted((one.letters, other.letters), key=len)
    if len(shorter) < _SHORTEST_REWORDED or len(shorter) * 2 < len(longer) or len(longer) > _COMPARED:
        return False
    if one.words <= other.words or other.words <= one.words:
        return True
    if len(shorter) * (2 - _CLOSE) < len(longer) * _CLOSE or max(shorter + longer) >= _LETTERS_SAY_LITTLE:
        return False
    shared = any(len(word) >= _TELLING_WORD for word in one.words & other.words)
    if not shared and shorter[:_ENDS] != longer[:_ENDS] and shorter[-_ENDS:] != longer[-_ENDS:]:
        return False
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, shorter, longer, autojunk=False)
    return matcher.quick_ratio() >= _CLOSE and matcher.ratio() >= _CLOSE


def _common(one: str, other: str) -> int:
    """The length of the common beginning of two texts."""
    for place, (here, there) in enumerate(zip(one, other, strict=False)):
        if here != there:
            return place
    return min(len(one), len(other))


def cut_off(title: str, fold_of_title: str, other: str) -> bool:
    """Whether the title is what ID3v1 left of the other one (`other` is its fold)."""
    full = _ID3V1_LENGTH - 2 <= len(title) <= _ID3V1_LENGTH + 1
    return full and len(other) > len(fold_of_title) and other.startswith(fold_of_title)


_WORD = re.compile(r"[^\W_]+")
_SMALL_WORDS = frozenset({"the", "a", "an", "and", "of", "feat", "featuring", "ft", "with", "vs", "x"})


@remembering(8192)
def words(name: str) -> frozenset[str]:
    """The folded words of a name that carry meaning."""
    return frozenset(fold(word) for word in _WORD.findall(readable(name).lower())) - _SMALL_WORDS


def akin(one: str, other: str) -> bool:
    """Whether one artist's name is part of the other's ("Mozart", a band with a guest), or a misspelling of it."""
    here, there = words(one), words(other)
    if here and there and (here <= there or there <= here):
        return True
    return any(misspelt(a, b) for a in credit(one).spellings for b in credit(other).spellings)


def in_two_scripts(one: str, other: str) -> bool:
    """Whether one name has Latin letters and the other none, so that they may be the same name."""
    here, there = fold(one), fold(other)
    if here.isascii() is there.isascii():
        return False
    latin, foreign = (here, there) if here.isascii() else (there, here)
    return bool(_LATIN(latin)) and not _LATIN(foreign)


_LATIN = re.compile(r"[a-z]").search


def unlike(one: str, other: str) -> bool:
    """Whether two titles differ too much to be the same song. In two scripts they may still be."""
    if in_two_scripts(one, other) or not words(one).isdisjoint(words(other)):
        return False
    here, there = fold(one)[:_COMPARED], fold(other)[:_COMPARED]
    from difflib import SequenceMatcher

    return SequenceMatcher(None, here, there, autojunk=False).ratio() < _LIKE


_LIKE = 0.6
_COMPARED = 120
"""Letters of two titles that are compared: the time for that grows with their cube."""
