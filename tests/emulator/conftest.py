"""An emulator whose clock stands still, and a listener called RJ."""

from __future__ import annotations

import pytest

from lastfm_emulator import Emulator

from .caller import Caller, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(clock=clock, seed=1)


@pytest.fixture
def rj(emulator: Emulator) -> Caller:
    return Caller(emulator, emulator.session_key("RJ"))
