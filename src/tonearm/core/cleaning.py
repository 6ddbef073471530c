"""Cleans names: leaves what people read, and removes characters that nobody sees.

Files and web pages carry byte order marks, soft hyphens and zero width spaces into names. For Last.fm each such
spelling is another artist, so they are removed before a play is frozen.

Default_Ignorable_Code_Point: https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
"""

from __future__ import annotations

import re
import unicodedata

_BLANKS = "\t\n\r\v\f\x85\u2800\u3164\uffa0"
"""Line breaks and tabs, the braille blank and the Hangul fillers: each is as wide as a blank and shows nothing."""

_VISIBLE_FORMATS = "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f"
"""Format characters that do show: number and verse signs, and the layout of hieroglyphs."""

_JOINERS = "\u034f\u115f\u1160\u17b4\u17b5\u180e\u200c\u200d"
"""Invisible between letters, whose shape they change: in Persian, in Indic scripts, in emoji."""

_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""They choose the look of the visible character before them."""

_DIRECTIONS = "\u061c\u200e\u200f"
"""Between words of a right-to-left script they decide what is read first; elsewhere they do nothing."""

_TAGS = "\U000e0020-\U000e007f"
"""Spell the region of a flag, after the black flag; elsewhere they only hide text."""

RARE = re.compile(f"[{_BLANKS}{_JOINERS}{_SELECTORS}]")
"""What `str.isprintable` takes for printable, though it needs a closer look."""

_HIDDEN_TAGS = re.compile(f"(\U0001f3f4[{_TAGS}]+)|[{_TAGS}]+")
_LOOSE_SELECTORS = re.compile(f"(?:^|(?<=[ {_JOINERS}{_SELECTORS}{_DIRECTIONS}]))[{_SELECTORS}]+")
_LOOSE_JOINERS = re.compile(f"(?:^|(?<=[ {_DIRECTIONS}]))[{_JOINERS}]+|[{_JOINERS}]+(?=[ {_DIRECTIONS}]|$)")
_BLANKS_AROUND_DIRECTIONS = re.compile(f" [ {_DIRECTIONS}]* ")
_VIRAMA = 9
"""The canonical combining class of the sign that takes a consonant's vowel away."""


def clean(text: str) -> str:
    """The name in NFC, without invisible characters, trimmed, and with one blank for each run of blanks.

    Removed everywhere: control characters, non-characters, lone surrogates, and invisible format characters such as
    U+FEFF, U+200B, U+00AD and U+2060. Joiners such as U+200C and U+200D stay inside words, marks of direction inside
    names with right-to-left letters, and neither at an end. Cleaning a clean name changes nothing; if nothing visible
    is in the text, nothing is left.

    Last.fm answers a whole batch with error 13 for one badly encoded name, so names are cleaned before they are
    frozen.
    """
    if text.isprintable():  # nearly every name
        if text.isascii():  # then a blank is the only kind of white space
            if "  " not in text and text[:1] != " " and text[-1:] != " ":
                return text
            return " ".join(text.split())
        if not RARE.search(text):
            return " ".join(unicodedata.normalize("NFC", text).split())
    cleaned_text = "".join(_cleaned(c) for c in text)
    if not any(unicodedata.bidirectional(c) in ("R", "AL") and c not in _DIRECTIONS for c in cleaned_text):
        cleaned_text = cleaned_text.translate(_NO_DIRECTIONS)
    cleaned_text = _HIDDEN_TAGS.sub(lambda found: found[1] or "", cleaned_text)
    cleaned_text = " ".join(unicodedata.normalize("NFC", cleaned_text).split())
    cleaned_text = _LOOSE_JOINERS.sub(_at_an_end, _LOOSE_SELECTORS.sub("", cleaned_text))
    return _BLANKS_AROUND_DIRECTIONS.sub(_one_blank, cleaned_text).strip(_DIRECTIONS + " ")


_NO_DIRECTIONS = dict.fromkeys(map(ord, _DIRECTIONS))
_STAYS = re.compile(f"[{_VISIBLE_FORMATS}{_JOINERS}{_SELECTORS}{_DIRECTIONS}{_TAGS}]")


def _cleaned(character: str) -> str:
    category = unicodedata.category(character)
    if character in _BLANKS:
        return " "
    if category in ("Cc", "Cs"):
        return ""
    code = ord(character)
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return ""  # Unicode's non-characters: illegal in XML, which is what Last.fm speaks by default
    ignorable = category == "Cf" or code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
    return "" if ignorable and not _STAYS.match(character) else character


def _at_an_end(found: re.Match[str]) -> str:
    """Whether a joiner at the end of a word is dropped. U+200D after a virama is visible: in Malayalam it makes the
    last consonant of a word a letter of its own.
    """
    start = found.start()
    if found[0][0] == "\u200d" and start and unicodedata.combining(found.string[start - 1]) == _VIRAMA:
        return "\u200d"
    return ""


def _one_blank(found: re.Match[str]) -> str:
    return " " + found[0].replace(" ", "")
