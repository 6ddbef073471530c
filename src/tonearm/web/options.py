"""How the service is reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`public_url` is the address that listeners use, "" for whatever they ask for.

    `emulator_url` is where a stand-in for Last.fm has its faults, "" if Last.fm is real.
    """

    public_url: str = ""
    emulator_url: str = ""
