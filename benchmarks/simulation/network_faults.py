"""The weather: what goes wrong with Last.fm, the network and the disk, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.simulation.disk import Disk
from benchmarks.simulation.ledger import Reported
from benchmarks.simulation.timeline import Timeline
from benchmarks.simulation.wire import Network
from lastfm_emulator import API_KEY, Emulator, Kind
from lastfm_emulator.method import Call, Method, Needs
from lastfm_emulator.refusal import Refusal
from lastfm_emulator.render import Body
from lastfm_emulator.scrobbling import scrobble

POISON = {"Broken Parameter": 6, "Broken Resource": 7, "Broken Encoding": 13}
"""Beginnings of titles that make Last.fm refuse whatever they are in, with which error."""

MISSPELT, RIGHT = "Beatels", "The Beatles"

_PASSING = (8, 8, 11, 16, 29, 2, 3, 27)
_SESSION = (9, 4, 4, 14, 17)
_OUTAGE = (30, 0, 19, 28, 99, -5, 6, 7)
"""What a server that is down may answer to everything: numbers that nobody has documented, or those about a play."""

_NOT_STORED = (92, 93)
_OF_HEARTS = ("track.love", "track.unlove", "user.getLovedTracks")

_PLAIN = (
    Kind.GATEWAY_HTML,
    Kind.HTML_IN_200,
    Kind.EMPTY_BODY,
    Kind.CUT_OFF,
    Kind.COMMIT_THEN_CLOSE,
    Kind.CLOSE_BEFORE_COMMIT,
    Kind.XML_FOR_JSON,
    Kind.LINKS,
    Kind.OLD_STATUS,
    Kind.STRING_COUNTS,
    Kind.SINGLE_OBJECT,
    Kind.INVISIBLE,
    Kind.TOKEN_LOST,
    Kind.NOTHING_STORED,
    Kind.GNU_CODES,
)


def poisonous(call: Call) -> Body:
    """track.scrobble, which some plays spoil for all that are sent with them."""
    for name, title in call.params.items():
        for beginning, number in POISON.items():
            if name.startswith("track[") and title.startswith(beginning):
                raise Refusal(number)
    return scrobble(call)


@dataclass(slots=True)
class Weather:
    """What can happen to a run, and the clear sky after it. `scale` is how long things usually last, in seconds."""

    timeline: Timeline
    emulator: Emulator
    network: Network
    disk: Disk
    chance: Random
    say: Callable[[str, str], None]
    scale: float
    hearts: bool = False

    def begin(self) -> None:
        """What is always so."""
        self.emulator.add_method(Method("track.scrobble", poisonous, Needs.SESSION))
        self.emulator.correct_artist(MISSPELT, RIGHT)

    def changes(self) -> None:
        """Something starts to go wrong."""
        happens: tuple[Callable[[], None], ...] = (
            self._fault,
            self._fault,
            self._fault,
            self._fault,
            self._cut,
            self._outage,
            self._limit,
            self._suspended,
            self._disk,
        )
        self.chance.choice(happens)()

    def clears(self) -> None:
        """Nothing goes wrong any more."""
        self.say("weather", "everything is well again")
        self.emulator.clear_faults()
        self.emulator.suspend_key(API_KEY, False)
        self.emulator.daily_limit = None
        self.network.cut_until = self.disk.full_until = self.disk.slow_until = 0.0

    def _while(self) -> float:
        return self.scale * self.chance.choice((0.5, 1, 2, 5, 20))

    def _fault(self) -> None:
        kind, how = self._drawn()
        match self.chance.randrange(3):
            case 0:
                how["calls"] = self.chance.choice((1, 1, 2, 3, 8))
            case 1:
                how["until"] = self.timeline.now + self._while()
            case _:
                how |= {"probability": self.chance.choice((0.2, 0.5)), "until": self.timeline.now + 3 * self._while()}
        if self.chance.random() < 0.7:
            how["methods"] = ("track.scrobble", *(_OF_HEARTS if self.hearts else ()))
        self.emulator.fault(kind, **how)
        self.say("weather", f"{kind} {how}")

    def _drawn(self) -> tuple[Kind, dict[str, Any]]:
        chance = self.chance
        match chance.randrange(14):
            case 0 | 1 | 2:
                return chance.choice((Kind.ERROR, Kind.ERROR_IN_200)), self._error()
            case 3:
                return Kind.ERROR, {"error": chance.choice((6, 7, 13, 99, 10, 26)), "calls": 1}
            case 4:
                return Kind.ERROR, {"error": chance.choice(_SESSION)}
            case 5:
                return Kind.SPURIOUS_SESSION_ERROR, {}
            case 6:
                return Kind.DELAY, {"seconds": chance.choice((2.0, 29.0, 31.0, 45.0, 200.0, 3600.0))}
            case 7:
                return Kind.WRONG_LENGTH, {"by": chance.choice((-50, -1, 1, 3))}
            case 8:
                return Kind.CLOCK_SKEW, {"seconds": chance.choice((-20000.0, -60.0, 300.0, 50000.0, 200000.0))}
            case 9:
                return Kind.PROXY_BUSY, {"seconds": chance.choice((1.0, 30.0, 900.0))}
            case 10:
                return Kind.WRONG_TOTALS, {"by": chance.choice((-3, -1, 1, 3))}
            case 11:
                return chance.choice(((Kind.GNU_CODES, {}), (Kind.IGNORED, {"code": chance.choice(_NOT_STORED)})))
            case _:
                return chance.choice(_PLAIN), {}

    def _error(self) -> dict[str, Any]:
        number = self.chance.choice(_PASSING)
        done_all_the_same = number in (8, 16) and self.chance.random() < 0.3
        return {"error": number, **({"commit": True} if done_all_the_same else {})}

    def _outage(self) -> None:
        how: dict[str, Any] = {"error": self.chance.choice(_OUTAGE), "until": self.timeline.now + self._while()}
        if self.chance.random() < 0.2:
            how["probability"] = 0.9
        self.emulator.fault(Kind.ERROR, methods=("track.scrobble",), **how)
        self.say("weather", f"an outage: {how}")

    def _cut(self) -> None:
        self.network.cut_until = self.timeline.elapsed + self._while()
        self.say("weather", f"the network is cut until {self.network.cut_until:.0f} s")

    def _limit(self) -> None:
        if self.chance.random() < 0.5:
            self.emulator.daily_limit = self.chance.choice((1, 5, 20, 60))
            self.emulator.daily_limit_as = "error" if self.chance.random() < 0.5 else "code"
            self.say("weather", f"{self.emulator.daily_limit} plays a day, as {self.emulator.daily_limit_as}")
        else:
            self.emulator.fault(Kind.ACCOUNT_LIMIT, until=self.timeline.now + self._while())
            self.say("weather", "too many scrobbles, for a while")

    def _suspended(self) -> None:
        self.emulator.suspend_key(API_KEY)
        self.timeline.after(self._while(), lambda: self.emulator.suspend_key(API_KEY, False))
        self.say("weather", "the API key is suspended for a while")

    def _disk(self) -> None:
        until = self.timeline.elapsed + self._while()
        if self.chance.random() < 0.5:
            self.disk.full_until = until
        else:
            self.disk.slow_until = until
        self.say("weather", f"the disk is full or slow until {until:.0f} s")


def is_poison(play: Reported) -> int | None:
    """The error that Last.fm has for this play."""
    return next((number for beginning, number in POISON.items() if play.title.startswith(beginning)), None)
