"""Charts as values: where each bar stands, and what is written beside it. Templates draw them as SVG.

Widths are percent and heights pixels, so that a chart fits every screen and its labels keep their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 140
"""Pixels of the plot, without the labels below it."""

ROOF = 12
"""Pixels above the highest bar."""

FILLED = 0.82
"""The part of its place that a bar fills."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number of plays with its words: below the bar ("" for none), where one points at it, and where it leads."""

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
    """A line across the plot, at a height in pixels from above."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart; `summary` says in words what it shows."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    summary: str


def chart(values: Sequence[Value], what: str, height: int = HEIGHT) -> Chart:
    """Bars of these values."""
    top = max((value.count for value in values), default=0)
    step = _step(top)
    scale = (height - ROOF) / max(top, step)
    place = 100 / max(1, len(values))
    bars = tuple(
        Bar(
            x=place * (at + (1 - FILLED) / 2),
            width=place * FILLED,
            middle=place * (at + 0.5),
            y=height - max(value.count * scale, 2.0 if value.count else 0.0),
            height=max(value.count * scale, 2.0 if value.count else 0.0),
            value=value,
        )
        for at, value in enumerate(values)
    )
    ticks = tuple(Tick(height - count * scale, f"{count:,}") for count in range(0, top + 1, step))
    return Chart(bars, ticks, _summary(values, what, top))


def _summary(values: Sequence[Value], what: str, top: int) -> str:
    total = sum(value.count for value in values)
    if not total:
        return f"{what}: none"
    most = next(value for value in values if value.count == top)
    return f"{what}: {total:,} in all, most on {most.title}"


def _step(top: int) -> int:
    """What the lines across count by: 1, 2 or 5 times a power of ten, so that there are four at most."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if top <= step * factor * 4:
                return step * factor
        step *= 10
