"""Placeholders: names that players use if they don't know the real one, and that Last.fm's filter ignores."""

from __future__ import annotations

import re
from typing import NamedTuple

from tonearm.core.play import Track


class Placeholder(NamedTuple):
    """Which of a play's names is a placeholder (artist, album artist, track or album), and the name itself."""

    field: str
    name: str


_NOBODY = {"various", "various artists", "va", "v.a.", "v/a", "undefined", "null", "none", "n/a", "untagged"}
_UNKNOWN = re.compile(
    r"unknown(?: (?:artist|album artist|performer|author|composer))?"
    r"|unbekannter (?:künstler|interpret)|artiste inconnu|artista (?:desconocido|desconhecido|sconosciuto)"
    r"|nieznany wykonawca|onbekende artiest|okänd artist|неизвестный исполнитель|不明なアーティスト|未知艺术家"
).fullmatch
_NO_TITLE = re.compile(
    r"(?:(?:audio ?)?track|titel|titre|piste|pista|traccia|faixa|spår|spor|nummer|дорожка|トラック|曲目)[ _.#-]*\d{1,3}"
    r"|(?:unknown|no|untitled)(?: (?:track|title|song))|unknown|undefined|null|n/a|untagged"
    r"|unbekannter titel|titre inconnu|título desconocido|titolo sconosciuto"
).fullmatch
_NO_ALBUM = re.compile(
    r"(?:unknown|no)(?: (?:album|disc|title))|unknown|undefined|null|n/a|untagged"
    r"|unbekanntes album|album inconnu|álbum desconocido|album sconosciuto|неизвестный альбом"
).fullmatch
_BRACKETS = str.maketrans("", "", "[]<>()")
_WHEN_RIPPED = re.compile(r"\s*\(\d[^)]*\)$")
"""Windows Media Player adds the time: "Unknown Album (9/4/2009 3:55:12 PM)"."""


def placeholder(track: Track) -> Placeholder | None:
    """The first of a play's names that is a placeholder; None if all of them are real names."""
    for field, name in (("artist", track.artist), ("album artist", track.album_artist)):
        if (plain := _plain(name)) in _NOBODY or _UNKNOWN(plain):
            return Placeholder(field, name)
    if _NO_TITLE(_plain(track.title)):
        return Placeholder("track", track.title)
    return Placeholder("album", track.album) if is_no_album(track.album) else None


def is_no_album(name: str) -> bool:
    """Whether a player that doesn't know the album gives it this name."""
    return _NO_ALBUM(_plain(name)) is not None


def _plain(name: str) -> str:
    return _WHEN_RIPPED.sub("", name).casefold().translate(_BRACKETS).strip()
