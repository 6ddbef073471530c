"""The service's addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`public_url` is the address that listeners use, "" for whichever address a request names. `emulator_url` is the
    address of the faults of a stand-in for Last.fm, "" if Last.fm is the real one.
    """

    public_url: str = ""
    emulator_url: str = ""
