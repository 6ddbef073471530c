"""Time zones by their names, and this machine's own."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

LONGEST = 64
"""The longest name that is looked up, in characters."""


@lru_cache(64)
def named(name: str) -> ZoneInfo | None:
    """The zone with that name, such as Europe/Berlin; None if there is none."""
    try:
        return ZoneInfo(name[:LONGEST]) if name else None
    except (LookupError, ValueError, OSError):
        return None


def unknown(name: str) -> str:
    """The message for an unknown time zone."""
    return f"{name!r} isn't a time zone: use a name such as Europe/Berlin or UTC"


@lru_cache(1)
def own() -> tzinfo:
    """This machine's time zone, under its name if the machine knows it."""
    return named(os.environ.get("TZ", "").removeprefix(":")) or of_file(Path("/etc/localtime"))


def of_file(file: Path) -> tzinfo:
    """The time zone in a file, which may be a link to the file of a named zone; UTC if it can't be read."""
    _, _, name = str(file.resolve()).rpartition("/zoneinfo/")
    if found := named(name):
        return found
    try:
        with file.open("rb") as data:
            return ZoneInfo.from_file(data, key="local time")
    except (OSError, ValueError):
        return UTC
