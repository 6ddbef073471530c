"""The reader's time zone: the page's script sends it in a cookie; without one it is the server's."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import timedelta, tzinfo

from fastapi import Request

from tonearm import zones
from tonearm.core import days

COOKIE = "zone"

_READERS: ContextVar[tzinfo | None] = ContextVar("readers_zone", default=None)


def request_zone(request: Request) -> tzinfo:
    """The zone in which the reader counts days and hours."""
    return zones.named(request.cookies.get(COOKIE, "")) or zones.own()


def until_midnight(now: float, zone: tzinfo) -> float:
    """Seconds until a part of a page that shows a day is stale."""
    return days.start_of(days.day_of(now, zone) + timedelta(days=1), zone) - now + 1


def write_times_for(request: Request) -> None:
    """Have the times of the answer to this request written in the reader's zone."""
    _READERS.set(request_zone(request))


def readers_zone() -> tzinfo:
    """The zone in which times are written: that of `write_times_for`, else the service's own."""
    return _READERS.get() or zones.own()
