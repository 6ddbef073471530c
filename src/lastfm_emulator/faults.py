"""What may go wrong with Last.fm, switched on by a test or on the faults page.

Each kind has been seen in reality. A fault hits the calls that it is limited to, for a number of calls, with a
probability, until a time, or until it is cleared; several may hit the same call.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Kind(StrEnum):
    """The faults; `MEANINGS` says what each does."""

    ERROR = "error"
    ERROR_IN_200 = "error-in-200"
    SPURIOUS_SESSION_ERROR = "spurious-session-error"
    ACCOUNT_LIMIT = "account-limit"
    GATEWAY_HTML = "gateway-html"
    HTML_IN_200 = "html-in-200"
    EMPTY_BODY = "empty-body"
    PROXY_BUSY = "proxy-busy"
    CUT_OFF = "cut-off"
    COMMIT_THEN_CLOSE = "commit-then-close"
    CLOSE_BEFORE_COMMIT = "close-before-commit"
    TOKEN_LOST = "token-lost"  # noqa: S105 (a name)
    DELAY = "delay"
    XML_FOR_JSON = "xml-for-json"
    LINKS = "links"
    OLD_STATUS = "old-status"
    STRING_COUNTS = "string-counts"
    WRONG_LENGTH = "wrong-length"
    WRONG_TOTALS = "wrong-totals"
    NOTHING_STORED = "nothing-stored"
    GNU_CODES = "gnu-codes"
    IGNORED = "ignored"
    DAILY_LIMIT = "daily-limit"
    DECODES_TWICE = "decodes-twice"
    SINGLE_OBJECT = "single-object"
    INVISIBLE = "invisible"
    CLOCK_SKEW = "clock-skew"


MEANINGS: Final = {
    Kind.ERROR: "an API error (`error`), with its usual HTTP status or `status`",
    Kind.ERROR_IN_200: "an API error (`error`) inside HTTP 200",
    Kind.SPURIOUS_SESSION_ERROR: "error 9 though the session is good",
    Kind.ACCOUNT_LIMIT: "error 29 in the account's wording, for `user` or everybody, best with `until`",
    Kind.GATEWAY_HTML: "HTTP 500 (or `status`) with the gateway's HTML page",
    Kind.HTML_IN_200: "an HTML page with HTTP 200",
    Kind.EMPTY_BODY: "the call is done, HTTP 200 (or `status`), nothing in the body",
    Kind.PROXY_BUSY: "a proxy answers 503 (or `status`) with `Retry-After: seconds`",
    Kind.CUT_OFF: "the call is done, the body stops half-way",
    Kind.COMMIT_THEN_CLOSE: "the call is done, then the connection closes without an answer",
    Kind.CLOSE_BEFORE_COMMIT: "the connection closes and nothing was done",
    Kind.TOKEN_LOST: "auth.getSession uses the token up, then the connection closes",
    Kind.DELAY: "`seconds` pass, then the call is done and answered",
    Kind.XML_FOR_JSON: "an XML answer although JSON was asked for",
    Kind.LINKS: "errors in the old form, with `links: []`",
    Kind.OLD_STATUS: "error 6 comes with HTTP 200, as from the older backend",
    Kind.STRING_COUNTS: "`accepted` and `ignored` as strings, as before 2018",
    Kind.WRONG_LENGTH: "`by` more (or, below 0, fewer) scrobbles in the answer than were sent",
    Kind.WRONG_TOTALS: "`accepted` in the totals is `by` more (or, below 0, fewer) than the plays that were accepted",
    Kind.NOTHING_STORED: "each play is answered as accepted, the totals are 0, and nothing is stored",
    Kind.GNU_CODES: "GNU FM's codes: 91 for a repeat, 3 for too new, 4 for too old",
    Kind.IGNORED: "each play is ignored with `code`, and none is stored",
    Kind.DAILY_LIMIT: "at most `plays` in 24 hours; past it error 29, or with `code` 5 each play is ignored",
    Kind.DECODES_TWICE: "`artist` and `track` are decoded twice, in the reads of which that was reported",
    Kind.SINGLE_OBJECT: "a list of one comes as a single object in reads",
    Kind.INVISIBLE: "what is scrobbled now is accepted, but shows in reads only after `seconds`",
    Kind.CLOCK_SKEW: "the server's clock is `seconds` ahead (below 0: behind)",
}

_LIMITED: Final = {
    Kind.ACCOUNT_LIMIT: ("track.scrobble",),
    Kind.TOKEN_LOST: ("auth.getSession",),
    Kind.WRONG_LENGTH: ("track.scrobble",),
    Kind.WRONG_TOTALS: ("track.scrobble",),
    Kind.NOTHING_STORED: ("track.scrobble",),
    Kind.GNU_CODES: ("track.scrobble",),
    Kind.IGNORED: ("track.scrobble", "track.updateNowPlaying"),
    Kind.DAILY_LIMIT: ("track.scrobble",),
    Kind.DECODES_TWICE: ("artist.getInfo", "artist.getSimilar", "artist.getTopTracks", "track.getSimilar"),
    Kind.INVISIBLE: ("track.scrobble",),
}
_UNDONE: Final = frozenset(
    {
        Kind.ERROR,
        Kind.ERROR_IN_200,
        Kind.SPURIOUS_SESSION_ERROR,
        Kind.ACCOUNT_LIMIT,
        Kind.GATEWAY_HTML,
        Kind.HTML_IN_200,
        Kind.PROXY_BUSY,
        Kind.CLOSE_BEFORE_COMMIT,
    }
)
_SECONDS: Final = {Kind.DELAY: 60.0, Kind.PROXY_BUSY: 30.0, Kind.INVISIBLE: 60.0, Kind.CLOCK_SKEW: 3600.0}


_RANGES: Final = {
    "calls": (0, 1e9),
    "after": (0, 1e9),
    "probability": (0, 1),
    "until": (0, 1e11),
    "status": (200, 599),
    "seconds": (-1e9, 1e9),
    "by": (-50, 50),
    "code": (1, 99),
    "plays": (0, 1e6),
}


class BadFault(ValueError):
    """An invalid fault; the message names the field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`methods` empty: every method; `calls` None: no limit; `after`: that many calls pass first. `commit` says whether
    the call is carried out anyway; None is the kind's default.
    """

    kind: Kind
    methods: Sequence[str] = ()
    user: str | None = None
    calls: int | None = None
    after: int = 0
    probability: float = 1.0
    until: float | None = None
    error: int = 8
    message: str = ""
    status: int | None = None
    seconds: float | None = None
    by: int = -1
    code: int = 1
    plays: int = 0
    commit: bool | None = None

    def __post_init__(self) -> None:
        """Raises BadFault if a field is out of range."""
        for name, (minimum, maximum) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not minimum <= value <= maximum:
                raise BadFault(f"{name}: from {minimum:g} to {maximum:g}")

    def commits(self) -> bool:
        return self.kind not in _UNDONE if self.commit is None else self.commit

    def waits(self) -> float:
        """The seconds for this kind of fault."""
        return _SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds

    def concerns(self, method: str, user: str | None) -> bool:
        """Whether a call of that method (in any case) for that account may be hit."""
        methods = self.methods or _LIMITED.get(self.kind, ())
        if methods and method.lower() not in {name.lower() for name in methods}:
            return False
        return self.user is None or (user is not None and user.casefold() == self.user.casefold())


class Fields(TypedDict, total=False):
    """The fields of a `Fault` beside its kind, all optional."""

    methods: Sequence[str]
    user: str | None
    calls: int | None
    after: int
    probability: float
    until: float | None
    error: int
    message: str
    status: int | None
    seconds: float | None
    by: int
    code: int
    plays: int
    commit: bool | None


@dataclass(slots=True)
class Armed:
    """An active fault, with how many calls it saw and how many it hit."""

    fault_id: int
    fault: Fault
    chance: random.Random = field(repr=False)
    seen: int = 0
    struck: int = 0

    def strikes(self, method: str, user: str | None, now: float) -> bool:
        fault = self.fault
        if self.spent(now) or not fault.concerns(method, user):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.probability < 1 and self.chance.random() >= fault.probability):
            return False
        self.struck += 1
        return True

    def spent(self, now: float) -> bool:
        fault = self.fault
        return (fault.calls is not None and self.struck >= fault.calls) or (
            fault.until is not None and now >= fault.until
        )

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.fault_id, **asdict(self.fault), "seen": self.seen, "struck": self.struck}


class Faults:
    """The active faults, in the order in which they were started. The same seed gives the same results."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._armed: dict[int, Armed] = {}
        self._last = 0

    def arm(self, fault: Fault) -> Armed:
        self._last += 1
        chance = random.Random(f"{self._seed}/{self._last}")  # noqa: S311 (predictable on purpose)
        self._armed[self._last] = Armed(self._last, fault, chance)
        return self._armed[self._last]

    def disarm(self, fault_id: int) -> bool:
        return self._armed.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._armed.clear()

    def __iter__(self) -> Iterator[Armed]:
        return iter(list(self._armed.values()))

    def strike(self, method: str, user: str | None, now: float) -> tuple[Fault, ...]:
        """The faults that hit this call."""
        if not self._armed:
            return ()
        return tuple([one.fault for one in self._armed.values() if one.strikes(method, user, now)])

    def skew(self, now: float) -> float:
        """How far the server's clock is off, in seconds."""
        if not self._armed:
            return 0.0
        off = [one for one in self._armed.values() if one.fault.kind is Kind.CLOCK_SKEW and not one.spent(now)]
        return sum(one.fault.waits() for one in off)


_FIELDS: Final = frozenset(one.name for one in fields(Fault))


def fault_from(values: object) -> Fault:
    """A fault from JSON members or form fields, strings and numbers alike; BadFault names what is wrong."""
    if not isinstance(values, Mapping):
        raise BadFault("a fault is an object with members")
    if unknown := sorted(set(values) - _FIELDS):
        raise BadFault(f"{unknown[0]}: no such field")
    given = {name: value for name, value in values.items() if value not in (None, "", [])}
    try:
        kind = Kind(str(given.pop("kind", "")))
    except ValueError:
        raise BadFault(f"kind: one of {', '.join(Kind)}") from None
    read: dict[str, Any] = {}
    for name, value in given.items():
        try:
            read[name] = _READERS[name](value)
        except (KeyError, OverflowError, TypeError, ValueError):
            raise BadFault(f"{name}: {value!r} does not fit") from None
    return Fault(kind, **read)


def _methods(value: object) -> tuple[str, ...]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError
    return tuple(names)


def _truth(value: object) -> bool:
    return {"true": True, "1": True, "on": True, "false": False, "0": False}[str(value).lower()]


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "methods": _methods,
    "user": str,
    "calls": int,
    "after": int,
    "probability": float,
    "until": float,
    "error": int,
    "message": str,
    "status": int,
    "seconds": float,
    "by": int,
    "code": int,
    "plays": int,
    "commit": _truth,
}
