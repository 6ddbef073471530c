"""Rocksky, which reads plays from its listeners' accounts. Its records' field names are used only in this package.

Its own API isn't used: it says that a play was accepted before it knows whether it keeps it, and blocks accounts that
send more than 25 plays in half an hour. Its own clients write records, too.
https://github.com/tsirysndr/rocksky/tree/main/apps/api/lexicons
"""

from __future__ import annotations

from tonearm.atproto import RecordsClient
from tonearm.rocksky.record import FORM

ROCKSKY = FORM.rules


class RockskyClient(RecordsClient):
    """Rocksky for async code, as `RecordsClient` says. A play without an album is ignored."""

    form = FORM


__all__ = ["ROCKSKY", "RockskyClient"]
