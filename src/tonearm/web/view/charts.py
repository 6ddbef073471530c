"""Charts as values: the position of each bar, and its labels. Templates draw them as SVG.

Widths are percent and heights pixels, so that a chart fits every screen and its labels keep their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

HEIGHT = 140
"""Pixels of the plot, without the labels below it."""

HEADROOM = 12
"""Pixels above the highest bar."""

BAR_SHARE = 0.82
"""The part of its slot that a bar fills."""

PHONE, LETTER, GAP = 215, 7.5, 6
"""Pixels of the plot on the narrowest screen (320), of a letter below it, and between two labels."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number of plays: `label` is below the bar ("" for none), `title` shown on hover, `href` where it leads."""

    count: int
    label: str
    title: str
    href: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: `x`, `width` and the middle in percent, `y` and `height` in pixels."""

    x: float
    width: float
    middle: float
    y: float
    height: float
    value: Value


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line, `y` pixels from the top."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart; `summary` says what it shows, for a screen reader."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    summary: str


def chart(values: Sequence[Value], caption: str, height: int = HEIGHT) -> Chart:
    """Bars of these values."""
    highest = max((value.count for value in values), default=0)
    step = _step(highest)
    scale = (height - HEADROOM) / max(highest, step)
    slot = 100 / max(1, len(values))
    bars = tuple(
        Bar(
            x=slot * (index + (1 - BAR_SHARE) / 2),
            width=slot * BAR_SHARE,
            middle=slot * (index + 0.5),
            y=height - max(value.count * scale, 2.0 if value.count else 0.0),
            height=max(value.count * scale, 2.0 if value.count else 0.0),
            value=value,
        )
        for index, value in enumerate(values)
    )
    thousands = step >= 5000  # beside the plot is room for four digits
    ticks = tuple(
        Tick(height - count * scale, f"{count // 1000}k" if thousands and count else f"{count:,}")
        for count in range(0, highest + 1, step)
    )
    return Chart(_labelled(bars), ticks, _summary(values, caption, highest))


def _labelled(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """The bars with as many labels on a phone as fit: if two touch, every second one is left out, from the last on."""
    shown = [bar for bar in bars if bar.value.label and not bar.value.minor]
    while any(map(_touch, shown, shown[1:])):
        shown = shown[::-2][::-1]
    return tuple(replace(bar, value=replace(bar.value, minor=bar not in shown)) for bar in bars)


def _touch(bar: Bar, after: Bar) -> bool:
    half, half_after = (len(one.value.label) * LETTER / 2 for one in (bar, after))
    middle, middle_after = (one.middle * PHONE / 100 for one in (bar, after))
    return min(middle_after, PHONE - half_after) - middle < half + half_after + GAP


def _summary(values: Sequence[Value], caption: str, highest: int) -> str:
    total = sum(value.count for value in values)
    if not total:
        return f"{caption}: none"
    busiest = next(value for value in values if value.count == highest)
    return f"{caption}: {total:,} in all, most on {busiest.title}"


def _step(highest: int) -> int:
    """The distance between the lines: 1, 2 or 5 times a power of ten, so that there are at most four."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if highest <= step * factor * 4:
                return step * factor
        step *= 10
