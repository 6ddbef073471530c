"""Spellings: whether two names are the same name written differently.

A fold is compared and never shown. It ignores what keyboards, taggers and Last.fm's corrections change (case, accents,
punctuation, blanks, "&") and keeps what makes a different name: digits, and the letters of other scripts with their
marks.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import md5
from typing import NamedTuple

from tonearm.core.name_caches import remembering

_WRITTEN_PLAINLY = {
    "ø": "o",
    "œ": "oe",
    "æ": "ae",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ħ": "h",
    "ı": "i",
    "ŧ": "t",
    "ŋ": "n",
    "×": "x",
    "ё": "е",  # Russian print writes one for the other
    "ـ": "",  # the Arabic tatweel only stretches a word
}
"""Letters that Unicode does not take apart, after case folding."""

_WIDE_BLANKS = "\u2800\u1160\u3164\uffa0"
"""The braille blank and the Hangul fillers, which no category calls blank; NFKC makes one of the fillers."""

_QUOTES = "‘’‚‛′ʼʹʻ՚´`"
_TRADE_SIGNS = "™℠®©℗"


class _Plain(dict[int, str]):
    """For `str.translate` on composed, case-folded text: each character as a plain keyboard types it."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(chr(code))
        return plain


def _plain(character: str) -> str:
    if character in _WRITTEN_PLAINLY:
        return _WRITTEN_PLAINLY[character]
    if character in _QUOTES:
        return "'"
    if character in _TRADE_SIGNS:
        return ""
    if character in _WIDE_BLANKS:
        return " "
    match unicodedata.category(character):
        case "Pd":
            return "-"
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs":
            return ""
        case "Mn" | "Me" if _left_out_at_will(ord(character)):
            return ""
        case _:
            return _without_accent(character)


def _left_out_at_will(mark: int) -> bool:
    """Whether a mark is optional that composition left as it is: stress, metal umlauts, vowel points, variants of an
    emoji.
    """
    return (
        0x0300 <= mark <= 0x036F
        or 0x0591 <= mark <= 0x05C7
        or 0x064B <= mark <= 0x0652
        or mark in (0x0670, 0x20E3)
        or 0xFE00 <= mark <= 0xFE0F
        or 0xE0100 <= mark <= 0xE01EF
    )


def _without_accent(character: str) -> str:
    """The letter without its accent, for Latin and Greek; й, が and the like are letters of their own."""
    base = unicodedata.normalize("NFD", character)[0]
    if base.isascii() or base in _WRITTEN_PLAINLY or "\u0370" <= base <= "\u03ff":
        return _WRITTEN_PLAINLY.get(base, base)
    return character


class _Sounded(dict[int, str | None]):
    """For `str.translate`: letters, marks, digits and symbols such as ♥ or + stay, everything else is dropped."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        category = unicodedata.category(character)
        silent = category[0] in "PZC" or category == "Sk" or character in "~<>=|$"
        self[code] = sounded = None if silent else character
        return sounded


_PLAIN = _Plain()
_SOUNDED = _Sounded()

_JUST_WORDS = re.compile(r"[a-z '.,:?()-]*").fullmatch
_AND = re.compile(r"&|(?<=\s)\+(?=\s)|(?<=[^\W_])[\s'-]+n[\s'-]+(?=[^\W_])")
_LETTER_LIKE = re.compile(r"(?<=[^\W\d_])[$!](?=[^\W\d_])|\$(?=[^\W\d_])|(?<=[^\W\d_])\$")
_PART = re.compile(r"\b(?:part|pt)[\s.]+(?=\w)(?:(one|two|three|four|five|six|seven|eight|nine|ten|[ivx]{1,4})\b)?")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)(?:[^\w+]|_)+(?=\d)")

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_NUMBERS = {word: str(n) for names in (_WORDS, _ROMAN) for n, word in enumerate(names, 1)}


SURELY_SHORT = 64
"""Letters up to which no pattern here takes long, whatever the name is made of."""

LONGEST_READ = 512
"""Letters of a name that are read; the rest only has to be the same. No song's name is that long."""


def readable(name: str) -> str:
    """The name in a form that no pattern takes long to read: with single blanks, and not too long. Everything after
    `LONGEST_READ` letters becomes one word that stands for exactly that rest.
    """
    if len(name) <= SURELY_SHORT:
        return name
    name = " ".join(name.split())
    if len(name) <= LONGEST_READ:
        return name
    kept = LONGEST_READ - _FINGERPRINT - 1
    return f"{name[:kept]} {md5(name[kept:].casefold().encode(errors='replace'), usedforsecurity=False).hexdigest()}"


_FINGERPRINT = 32


def fold(name: str) -> str:
    """The name in the form in which names are compared; folding a fold changes nothing. Blanks are left out, except
    between digits. A name of only punctuation ("!!!", "( )") keeps it, so only a blank name folds to nothing.
    """
    name = readable(name)
    text = name.lower() if name.isascii() else _composed(name)
    if _JUST_WORDS(text) and not _may_hold_and_or_part(text):
        return text.translate(_SOUNDED) or "".join(text.split())
    if "&" in text or "+" in text or _may_hold_and_or_part(text):
        text = _PART.sub(_part, _AND.sub(" and ", text))
    if "$" in text or "!" in text:
        text = _LETTER_LIKE.sub(lambda sign: "s" if sign[0] == "$" else "i", text)
    folded = " ".join(piece.translate(_SOUNDED) for piece in _BETWEEN_DIGITS.split(text))
    return folded or "".join(text.split())


def plain(text: str) -> str:
    """Text without case and accents, with "&" as a word; letters of other scripts and punctuation stay."""
    return (text.lower() if text.isascii() else _composed(text)).replace("&", " and ")


def without_signs(text: str) -> str:
    """Plain text without punctuation and blanks; "" if it has nothing else."""
    return text.translate(_SOUNDED)


def _may_hold_and_or_part(text: str) -> bool:
    return (
        " n " in text or "'n" in text or "n' " in text or "-n-" in text or "part" in text or "pt" in text
    )  # two `in` tests take a fifth of the time of a search for the two patterns


def _composed(name: str) -> str:
    if "™" in name or "℠" in name:  # which NFKC would spell out as letters
        name = name.replace("™", "").replace("℠", "")
    text = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", text).translate(_PLAIN)


def _part(found: re.Match[str]) -> str:
    """One spelling for "Pt. 2", "Part II" and "Part Two"."""
    number = found[1] or ""
    return f"part {_NUMBERS.get(number, number)}"


_INVERTED = re.compile(r"([^,;&+/]+),\s*([^,;&+/]+)").fullmatch
_ARTICLE = re.compile(r"the\s+(?=\S)", re.IGNORECASE).match


def artist_spellings(artist: str) -> tuple[str, ...]:
    """The folds under which an artist may be filed, the usual one first; two artists are the same if they share any.

    "The Beatles", "Beatles, The" and "Beatles" are one, as are "Jackie Wilson" and "Wilson, Jackie".
    """
    artist = readable(artist)
    plain = fold(_without_article(artist))
    if "," in artist and (inverted := _INVERTED(artist.strip())):
        turned = fold(_without_article(f"{inverted[2]} {inverted[1]}"))
        return (plain, turned) if turned != plain else (plain,)
    return (plain,)


def _without_article(artist: str) -> str:
    article = _ARTICLE(artist)
    return artist[article.end() :] if article else artist


_GUESTS = re.compile(
    r"\s*(?:\((?=f)|\[(?=f)|\s+(?=f))(?:feat(?:uring)?|ft)\b(?!\s+of\b)\.?\s*"
    r"(?P<who>(?:[^()\[\]]|\([^()]*\))+)[)\]]?",
    re.IGNORECASE,
)


def without_guests(name: str) -> tuple[str, str]:
    """A name of an artist or title without its "feat. …", and who that was ("" for nobody)."""
    lowered = name.lower()
    if "feat" not in lowered and "ft" not in lowered:
        return name, ""
    name = readable(name)
    found = _GUESTS.search(name)
    if not found or not found.start():
        return name, ""
    return (name[: found.start()] + name[found.end() :]).strip(), found["who"].strip()


class Credit(NamedTuple):
    """An artist as credited: the folds of the name, and the fold of the guests named with it."""

    spellings: tuple[str, ...]
    guests: str


@remembering(8192)
def credit(artist: str) -> Credit:
    """Who is credited by an artist tag such as "Rihanna feat. Drake"."""
    name, guests = without_guests(artist)
    return Credit(artist_spellings(name), fold(guests))


def song_keys(artist: str, title: str) -> tuple[tuple[str, str], ...]:
    """The keys under which a song may be filed, the usual one first; two songs are the same if they share any. A guest
    is part of the song, whether the tags credit the guest in the artist or in the title.
    """
    spellings, with_artist = credit(artist)
    title, with_title = without_guests(title)
    guests = fold(with_title) if with_title else with_artist
    song = f"{fold(title)}\n{guests}" if guests else fold(title)
    if len(spellings) == 1:
        return ((spellings[0], song),)
    return tuple((spelling, song) for spelling in spellings)


_RIPPED = re.compile(r"(0\d|\d\d)\s*[-._]+\s*(?=[^\s\d])|(0\d)\s+(?=[^\s\d])").match


def without_track_number(title: str) -> tuple[str, str]:
    """A title without the track number that rippers put before it ("09 - Eclipse"), and that number or ""."""
    title = readable(title)
    found = _RIPPED(title)
    return (title[found.end() :], found[1] or found[2]) if found else (title, "")
