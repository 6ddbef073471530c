"""The reader's time zone: the page's script tells it in a cookie; without one it is the service's own."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import Request

COOKIE = "zone"
_LONGEST = 64


def zone_of(request: Request) -> tzinfo:
    """The zone that days and hours are meant in."""
    return _named(request.cookies.get(COOKIE, "")[:_LONGEST]) or _own()


@lru_cache(64)
def _named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None


@lru_cache(1)
def _own() -> tzinfo:
    named = _named(os.environ.get("TZ", "").removeprefix(":"))
    if named:
        return named
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
