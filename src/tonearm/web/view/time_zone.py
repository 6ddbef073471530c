"""The reader's time zone: the page's script sends it in a cookie; without one it is the server's."""

from __future__ import annotations

from datetime import tzinfo

from fastapi import Request

from tonearm import zones

COOKIE = "zone"


def request_zone(request: Request) -> tzinfo:
    """The zone in which the reader counts days and hours."""
    return zones.named(request.cookies.get(COOKIE, "")) or zones.own()
