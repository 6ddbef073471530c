"""The reader's time zone: the page's script sends it in a cookie; without one it is the server's."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import Request

COOKIE = "zone"
_LONGEST = 64


def request_zone(request: Request) -> tzinfo:
    """The zone in which the reader counts days and hours."""
    return _zone_named(request.cookies.get(COOKIE, "")[:_LONGEST]) or _server_zone()


@lru_cache(64)
def _zone_named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None


@lru_cache(1)
def _server_zone() -> tzinfo:
    named = _zone_named(os.environ.get("TZ", "").removeprefix(":"))
    if named:
        return named
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC
