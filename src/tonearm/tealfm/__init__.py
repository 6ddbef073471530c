"""A client for teal.fm: plays are public records in the listener's own repository of the AT Protocol, from which
teal.fm reads them. The names of their fields are used only in this package.

The records are said to be not officially released yet, and may change.
https://github.com/teal-fm/teal/tree/main/lexicons/fm.teal
"""

from tonearm.tealfm.client import BLUESKY_URL, TealClient
from tonearm.tealfm.rules import TEALFM

__all__ = ["BLUESKY_URL", "TEALFM", "TealClient"]
