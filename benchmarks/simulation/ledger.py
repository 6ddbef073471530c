"""The ledger: what listeners reported and the answers that they got, stored outside of the process under test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Key = tuple[str, str, int]
"""(artist, track, timestamp). Titles name their account, so a key belongs to one account."""

Line = tuple[str, str, bool]
"""(account, Last.fm user, live): plays of one line go oldest first."""

CORRECTED = "Corrected"
"""The artist of every play that was corrected; it has the start that the play before it has by then."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a report: the status, the play's id, and when (seconds of the run)."""

    status: str
    id: int
    at: float


@dataclass(slots=True)
class Suspicion:
    """How a play was refused alone since there was last an answer for it: how often, when (seconds of the run) it last
    was, and when it was first with each number that is about a play, and in these words.
    """

    refused_alone: int = 0
    last: float = 0.0
    first: dict[tuple[int, str], float] = field(default_factory=dict)


@dataclass(slots=True)
class Flight:
    """A play as seen on the wire. `first` is in seconds of the run, `params` are those sent last.

    `starts`: all timestamps that it was sent with. `over`: requests with it that have come to an end of some kind.
    `open`: those by which it may have been stored, though nobody was told. `codes` and `errors` arrived from Last.fm
    about it, an error only where it was alone; `believable` are those that may be taken to be about it. `ahead`: its
    time lay ahead of the `Date` of the last answer for it.
    """

    first: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    starts: set[int] = field(default_factory=set)
    over: int = 0
    open: set[int] = field(default_factory=set)
    codes: set[int] = field(default_factory=set)
    errors: set[int] = field(default_factory=set)
    suspicion: Suspicion = field(default_factory=Suspicion)
    believable: set[int] = field(default_factory=set)
    ahead: bool = False


@dataclass(slots=True, eq=False)
class Reported:
    """A play as it was reported, with its timestamp.

    `offs`: what its clock was behind the true one at its reports, in seconds. `owners`: the Last.fm users whom it
    may have been reported for. `unheard` counts reports whose end nobody heard of. `asked_elsewhere`: its listener
    sent it by hand, and has other destinations than Last.fm. `line` is where it was put at once, if that is sure.
    """

    account: str
    artist: str
    title: str
    timestamp: int
    duration: float | None
    played: float
    extra: dict[str, str] = field(default_factory=dict)
    reporter: str = ""
    answers: list[Answer] = field(default_factory=list)
    unheard: int = 0
    owners: set[str] = field(default_factory=set)
    offs: set[float] = field(default_factory=set)
    line: Line | None = None
    discarded: bool = False
    resent: bool = False
    asked_elsewhere: bool = False
    corrected_to: Reported | None = None
    flight: Flight = field(default_factory=Flight)

    @property
    def key(self) -> Key:
        return (self.artist, self.title, self.timestamp)

    @property
    def id(self) -> int | None:
        """Its id in the history, if a report was answered."""
        return self.answers[-1].id if self.answers else None

    def overlaps(self, other: Reported) -> bool:
        """Whether both may be one listen, if they are of the same song."""
        return min(self.end, other.end) > max(self.timestamp, other.timestamp)

    @property
    def acknowledged(self) -> bool:
        """Whether a report was answered that it is on disk."""
        return bool(self.answers)

    @property
    def end(self) -> float:
        return self.timestamp + self.played

    def was_answered(self, status: str) -> bool:
        return any(answer.status == status for answer in self.answers)

    def __str__(self) -> str:
        return f"{self.title!r} by {self.artist!r} at {self.timestamp} of {self.account}"


@dataclass(slots=True, eq=False)
class Account:
    """A listener. `users`: the Last.fm users (case folded) whom the account may belong to now, as far as is known.

    `wished` is who they want to be signed in as; None: nobody. `pressed_at`: when they last did something that ends
    a rest; `left_at`: when they signed out, None while they are not; `busy` and `discards`
    while they are signing in or out.
    """

    name: str
    wished: str | None = None
    users: set[str] = field(default_factory=lambda: {""})
    number: int = 0
    busy: bool = False
    discards: bool = False
    pressed_at: float = 0.0
    left_at: float | None = None
    reporting: list[Reported] = field(default_factory=list)

    def may_become(self, user: str) -> None:
        """From now on it may belong to that user too, and so may plays being reported."""
        self.users.add(user.casefold())
        for play in self.reporting:
            play.owners.add(user.casefold())

    @contextmanager
    def meanwhile(self, play: Reported) -> Iterator[None]:
        """A play is being changed, which takes time: it belongs to the user of the account when that is done."""
        play.owners |= self.users
        self.reporting.append(play)
        try:
            yield
        finally:
            if play in self.reporting:
                self.reporting.remove(play)

    def is_now(self, user: str) -> None:
        """It belongs to that user."""
        self.users = {user.casefold()}


class Ledger:
    """All accounts and all plays."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.plays: list[Reported] = []
        self.by_key: dict[Key, Reported] = {}
        self.of: defaultdict[str, list[Reported]] = defaultdict(list)
        self.found_as: dict[Reported, int] = {}
        """The ids that the history has in the end, also those of reports whose answers were lost."""
        self._by_names: defaultdict[tuple[str, str], list[Reported]] = defaultdict(list)

    def note(self, play: Reported) -> Reported:
        """A play about to be reported for the first time."""
        self.plays.append(play)
        self.by_key[play.key] = play
        self.of[play.account].append(play)
        self._by_names[play.artist, play.title].append(play)
        return play

    def strike(self, play: Reported) -> None:
        """A play that was not saved, according to the answer."""
        self.plays.remove(play)
        self.of[play.account].remove(play)
        self._by_names[play.artist, play.title].remove(play)
        del self.by_key[play.key]

    def songs(self, artist: str, title: str) -> list[Reported]:
        """All plays of a song."""
        return self._by_names.get((artist, title), [])

    def reports_of(self, play: Reported) -> list[Reported]:
        """All reports that became this play, itself included: one that was kept here takes a later one's start."""
        number = self.found_as.get(play) if play.id is None else play.id
        songs = self.songs(play.artist, play.title)
        return [play, *(one for one in songs if one is not play and number is not None and one.id == number)]

    def may_have_become(self, play: Reported) -> list[Reported]:
        """Reports of the same listen without an answer: this play may have been saved as one of them, with its names
        for each destination, and have taken over this one's start since.
        """
        others = [one for one in self.songs(play.artist, play.title) if one is not play and one.overlaps(play)]
        return [one for one in others if one.unheard and not one.answers]

    def discard(self, play: Reported) -> None:
        """Its listener discards it, or has it replaced."""
        for one in self.reports_of(play):
            one.discarded = True

    def resend(self, play: Reported) -> None:
        """Its listener has it sent by hand, whatever else is there."""
        for one in self.reports_of(play):
            one.resent = True

    def find(self, artist: str, title: str, reported_start: Callable[[], int]) -> Reported | None:
        """The play reported with these; a song that was played once is found with any time."""
        songs = self.songs(artist, title)
        return songs[0] if len(songs) == 1 else self.by_key.get((artist, title, reported_start()))
