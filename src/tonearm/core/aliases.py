"""Aliases: two names are one artist's if many tracks agree on it ("Mahler", "Gustav Mahler").

If the library has an artist's titles under another name, that alone says little: somebody who covers an album has all
its titles. So a name is only an alias if the two names may also be one name; the others are just a hint.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from tonearm.core.likeness import akin, in_two_scripts, misspelt, words
from tonearm.core.spelling import fold, readable

AGREEING = 3
"""Titles that have to agree on a surname, or on one of several who are credited together."""

AGREEING_BY_THEMSELVES = 15
"""Titles that have to agree if the names say little: more than an album, which others may cover."""

AGREEING_ON_A_SLIP = 2
"""Titles that have to agree that a letter or two of a name are a slip."""

_TELLING = 6
"""Letters from which a title says something; many artists have an "Intro"."""

_SPECIAL = 24
"""Letters from which a title says twice as much."""

_SHARED = 2
"""Artists of a library that may have a title which still says something."""

_AGAINST = 3
"""Titles that have to agree for each that the library has of both artists, which speaks for two."""

_TRIBUTE = re.compile(
    r"(?:tributes?|covers?|covered|karaoke|revival|experience|show|plays?|played|playing|performs?|performed|sings?"
    r"|quartet|orchestra|philharmonic|symphon\w*|choir|lullab\w*|rockabye|babies|kids|piano|string|strings|8bit|bit"
    r"|chiptune|project|remix\w*|reggae|jazz|bossa|salsa|versions?|style|soundalikes?|imitators?|impersonators?|australian|bootleg|brit|fab|fake|faux|not)"
).fullmatch
"""Words in the names of bands that are named after the artist whose songs they play."""


class Agreements:
    """What looked-up titles say about the names of artists. Artists are identified by their folded names."""

    def __init__(self) -> None:
        self._titles: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._of_both: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._shown: dict[tuple[str, str], str] = {}
        self._decided: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def note(self, artist: str, shown: str, title: str, theirs: Mapping[str, str]) -> None:
        """Note that a title of an artist was looked up, and that the library has it under these artists (folded: as
        written).
        """
        if artist in theirs:
            for other in theirs.keys() - {artist}:
                self._of_both[artist, other].add(title)
        elif len(theirs) <= _SHARED and len(title) >= _TELLING:
            for other, written in theirs.items():
                self._titles[artist][other].add(title)
                self._show(artist, other, written)
            self._show(artist, artist, shown)
        self._decided.pop(artist, None)

    def _show(self, artist: str, name: str, written: str) -> None:
        """How a name is written in the look-ups of an artist: always the same way, whichever came first."""
        self._shown[artist, name] = min(written, self._shown.get((artist, name), written))

    def aliases(self, artist: str) -> tuple[str, ...]:
        """The names, as written, under which the library certainly has the artist."""
        return self._names(artist)[0]

    def likely(self, artist: str) -> tuple[str, ...]:
        """The other names with enough of the artist's titles that they may be the same artist."""
        return self._names(artist)[1]

    def _names(self, artist: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if artist not in self._titles:
            return (), ()
        if artist not in self._decided:
            self._decided[artist] = self._decide(artist)
        return self._decided[artist]

    def _decide(self, artist: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        found = self._titles[artist]
        shown = {name: self._shown[artist, name] for name in (artist, *found)}
        related = {other for other in found if _may_be_one(shown[artist], shown[other])}
        one_artist = all(_may_be_one(shown[a], shown[b]) for a, b in combinations(sorted(related), 2))
        sure = {other for other in related if one_artist and self._agree(artist, other)}
        likely = {other for other, titles in found.items() if len(titles) >= AGREEING} - sure
        return _as_written(sure, shown), _as_written(likely, shown)

    def _agree(self, artist: str, other: str) -> bool:
        """Whether enough titles agree, and few enough disagree. "Oasis/Oasis" has no other words than "Oasis"."""
        here, there = self._shown[artist, artist], self._shown[artist, other]
        titles = self._titles[artist][other]
        against = 0 if words(here) == words(there) else len(self._of_both.get((artist, other), ()))
        if len(titles) <= _AGAINST * against:
            return False
        said = sum(1 + (len(title) >= _SPECIAL) for title in titles)
        if misspelt(artist, other) and len(words(here)) == len(words(there)):
            return said >= AGREEING_ON_A_SLIP
        if _surname_or_credit(here, there):
            return said >= AGREEING
        return len(titles) >= AGREEING_BY_THEMSELVES


def _as_written(artists: Iterable[str], shown: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(shown[artist] for artist in artists))


_TOGETHER = re.compile(r"\s*(?:[,;/&+()\[\]|]|\s[-–—x]\s|\s(?:and|with|feat\.?|featuring|ft\.?|vs\.?)\s)\s*").split


def _surname_or_credit(one: str, other: str) -> bool:
    """Whether one name is the end of the other ("Mahler"), or one of the artists in it ("A & B"), or has the same
    words. A name that is only its beginning may be another band's: "Beatles Revival".
    """
    if words(one) == words(other):
        return True
    (fewer, short), (_, long) = sorted((len(words(name)), name) for name in (one, other))
    return bool(fewer) and (
        fold(long).endswith(fold(short)) or any(words(part) == words(short) for part in _TOGETHER(readable(long)))
    )


def _may_be_one(one: str, other: str) -> bool:
    """Whether two names may be one artist's; "Johann Strauss" and "Richard Strauss" are two, and both are "Strauss"."""
    if any(map(_TRIBUTE, words(one) ^ words(other))):
        return False
    return akin(one, other) or in_two_scripts(one, other)
