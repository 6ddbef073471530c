"""Timing: how far this machine's clock is from Last.fm's, learnt from the `Date` of its answers."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.clock import Clock

EXACT = 5.0
"""Seconds; a `Date` is in whole seconds and the way takes its time, so less is no difference."""


@dataclass(slots=True)
class LastFmTime:
    """Last.fm's time as far as it is known. `skew`: seconds to add to our clock."""

    clock: Clock
    skew: float = 0.0

    def heard(self, server_time: float, round_trip: float) -> None:
        """An answer came that named the server's time (Unix seconds), after so many seconds."""
        skew = server_time + 0.5 - (self.clock.now() - round_trip / 2)
        self.skew = 0.0 if abs(skew) <= EXACT + round_trip else skew

    def now(self) -> float:
        """What Last.fm's clock shows."""
        return self.clock.now() + self.skew
