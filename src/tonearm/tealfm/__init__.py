"""teal.fm, which reads plays from its listeners' accounts. Its records' field names are used only in this package.

The records are said to be not officially released yet, and may change.
https://github.com/teal-fm/teal/tree/main/lexicons/fm.teal
"""

from __future__ import annotations

from tonearm.atproto import RecordsClient
from tonearm.tealfm.record import FORM

TEALFM = FORM.rules


class TealClient(RecordsClient):
    """teal.fm for async code, as `RecordsClient` says."""

    form = FORM


__all__ = ["TEALFM", "TealClient"]
