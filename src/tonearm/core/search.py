"""Search: names and search terms in a form in which a plain text comparison finds one in the other."""

from __future__ import annotations

from collections.abc import Iterable

from tonearm.core.cleaning import clean
from tonearm.core.spelling import plain, without_signs

MAX_TERMS = 8
"""Words of a search that count; what comes after them is left out."""

LONGEST_TERM = 100
"""Characters of a word that count."""


def searchable(names: Iterable[str]) -> str:
    """Names in the form used by search: without case and accents, each word with its punctuation and, if it has any,
    also without.
    """
    words = plain(" ".join(names)).split()
    found = dict.fromkeys(words)
    found.update(dict.fromkeys(bare for word in words if not word.isalnum() and (bare := without_signs(word))))
    return " ".join(found)


def terms(text: str) -> list[str]:
    """The distinct words of a search as they must appear in the searchable names of a play."""
    words = dict.fromkeys(without_signs(word) or word for word in plain(clean(text)).split())
    return [word[:LONGEST_TERM] for word in words][:MAX_TERMS]
