"""The colours that a page takes from a cover. Values in, values out. A background keeps the hue of the cover, and is as
light or as dark as the text on it needs: 4.5:1 with every text colour of the pages,
https://www.w3.org/TR/WCAG22/#contrast-minimum.
"""

from __future__ import annotations

import colorsys
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

LIGHT, DARK = 0.74, 0.024
"""The least luminance of a ground in the light scheme, and the largest in the dark one."""

_STRONGEST_LIGHT, _STRONGEST_DARK = 0.62, 0.5
"""The largest saturations of the grounds."""

_BINS = 24
_COLOURLESS = 0.04
"""A mean chroma below this is a grey cover."""

_PACKED = struct.Struct("<dd")

Rgb = tuple[int, int, int]
"""A colour: red, green and blue, each from 0 to 255."""


@dataclass(frozen=True, slots=True)
class Tint:
    """A cover's colour: `hue` in [0, 1), `saturation` in [0, 1]."""

    hue: float
    saturation: float

    def packed(self) -> bytes:
        """The stored form."""
        return _PACKED.pack(self.hue, self.saturation)

    @classmethod
    def unpacked(cls, kept: bytes) -> Tint | None:
        """The value from its stored form; None if it isn't a colour."""
        return cls(*_PACKED.unpack(kept)) if len(kept) == _PACKED.size else None

    @property
    def light(self) -> Rgb:
        """The background for the light scheme."""
        return _ground(self.hue, min(self.saturation, _STRONGEST_LIGHT), LIGHT, lighter=True)

    @property
    def dark(self) -> Rgb:
        """The background for the dark scheme."""
        return _ground(self.hue, min(self.saturation, _STRONGEST_DARK), DARK, lighter=False)


def tint(pixels: Iterable[Rgb]) -> Tint:
    """The colour that a picture shows most: of its pixels, those with more colour count more."""
    weights = [0.0] * _BINS
    sums = [0.0] * _BINS
    count, chroma_in_all = 0, 0.0
    for red, green, blue in pixels:
        high, low = max(red, green, blue), min(red, green, blue)
        chroma = (high - low) / 255
        count, chroma_in_all = count + 1, chroma_in_all + chroma
        if chroma:
            hue = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)[0]
            place = int(hue * _BINS)
            weights[place] += chroma
            sums[place] += hue * chroma
    if not count or chroma_in_all / count < _COLOURLESS:
        return Tint(0.0, 0.0)
    most = max(range(_BINS), key=weights.__getitem__)
    return Tint(sums[most] / weights[most], min(1.0, 0.25 + 2 * chroma_in_all / count))


def luminance(colour: Rgb) -> float:
    """The relative luminance of a colour, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def in_hex(colour: Rgb) -> str:
    """A colour as stylesheets write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _ground(hue: float, saturation: float, limit: float, *, lighter: bool) -> Rgb:
    """The strongest colour that is at least as light as `limit`, or at most."""

    def at(step: int) -> Rgb:
        return _rgb(hue, step / 255, saturation)

    # A colour gets lighter with each step, so the first one that fits is found by bisection.
    if lighter:
        return at(bisect_left(range(255), limit, key=lambda step: luminance(at(step))))
    return at(bisect_right(range(1, 256), limit, key=lambda step: luminance(at(step))))


def _rgb(hue: float, lightness: float, saturation: float) -> Rgb:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
