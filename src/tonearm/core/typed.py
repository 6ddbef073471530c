"""Lengths and times as people type them, in forms and on the command line."""

from __future__ import annotations

import re
from datetime import datetime

from tonearm.core.play import DAY

_LENGTH = re.compile(r"(?:(?:(\d{1,2}):(?=[0-5]\d:))?(\d{1,4}):(?=[0-5]\d$))?(\d{1,5})", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def length_of(text: str) -> float | None:
    """The seconds of 4:20, 1:04:20 or 260; None for anything else, for no time at all and for more than a day."""
    if (match := _LENGTH.fullmatch(text)) is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    length = float(hours * 3600 + minutes * 60 + seconds)
    return length if 0 < length <= DAY else None


def moment_of(text: str) -> datetime | None:
    """A day and a time such as 2026-05-12 20:30, with a time zone if it names one; None for anything else."""
    try:
        return datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    except ValueError:
        return None
