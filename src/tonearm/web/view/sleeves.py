"""The picture of an album without a cover: initials on a colour. Values in, SVG out."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

from tonearm.core.tint import Tint, in_hex

_NOTE = "♪"

_PALE = 0.4
"""The saturation of a colour derived from names."""


def initials(name: str) -> str:
    """The first letters or digits of the first two words that have any; a musical note if none has."""
    letters = (next((char for char in word if unicodedata.category(char)[0] in "LN"), "") for word in name.split())
    return "".join(list(filter(None, letters))[:2]).upper() or _NOTE


def hue(*names: str) -> int:
    """The colour of these names, in degrees of the colour wheel: always the same."""
    return int.from_bytes(blake2b("\0".join(names).encode(errors="replace"), digest_size=2).digest()) % 360


def sleeve(artist: str, album: str) -> str:
    """The picture, as an SVG document. White on a colour this dark has a contrast of 4.5:1 at any hue."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" fill="hsl({hue(artist, album)} 42% 31%)"/>'
        '<circle cx="40" cy="40" r="22" fill="#000" opacity=".18"/>'
        '<circle cx="40" cy="40" r="7" fill="#fff" opacity=".2"/>'
        '<text x="20" y="20" dy=".35em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="15" '
        f'font-weight="700" fill="#fff">{initials(artist)}</text></svg>'
    )


def record_label(artist: str, album: str) -> str:
    """The paper label of a record, as an SVG document in the sleeve's colour: its initials are above the spindle."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<rect width="40" height="40" fill="hsl({hue(artist, album)} 42% 31%)"/>'
        '<circle cx="20" cy="20" r="17.5" fill="none" stroke="#fff" stroke-width=".5" opacity=".45"/>'
        '<path d="M10.5 27h19M13 30h14" stroke="#fff" stroke-width=".9" opacity=".45"/>'
        '<text x="20" y="11.5" dy=".35em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="10" '
        f'font-weight="700" fill="#fff">{initials(artist)}</text></svg>'
    )


def sleeve_tint(artist: str, album: str) -> Tint:
    """The colour of a sleeve."""
    return Tint(hue(artist, album) / 360, _PALE)


def ground(tint: Tint) -> str:
    """A colour as the background of a page, as an SVG document: strongest at the top, in the page's colour scheme."""
    light, dark = in_hex(tint.light), in_hex(tint.dark)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" preserveAspectRatio="none">'
        f"<style>stop{{stop-color:{light}}}@media(prefers-color-scheme:dark){{stop{{stop-color:{dark}}}}}</style>"
        '<linearGradient id="g" x1="0" y1="0" x2="0" y2="1"><stop offset="0"/><stop offset="1" stop-opacity="0"/>'
        '</linearGradient><rect width="10" height="10" fill="url(#g)"/></svg>'
    )
