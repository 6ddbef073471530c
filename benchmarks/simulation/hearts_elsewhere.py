"""Hearts elsewhere: what is sent to other destinations, and what each must have in the end."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, uuid5

import httpx2

from benchmarks.simulation.elsewhere import FIRST_REST, HEALING, LONGEST_REST, Elsewhere, Target
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.listen_server import FEEDBACK, LOOKUP, ListenServer, Said
from benchmarks.simulation.oracle import LAG
from tonearm.deck import Deck

ARTIST = "Mogwai"
REFUSED_FOR_GOOD, UNKNOWN_FOR_GOOD = 6, 3
"""So often a server has to refuse a heart, or not to know its recording either, before it may count as rejected."""

_OWED = (
    "SELECT 1 FROM destination_heart JOIN destination ON destination.id = destination"
    " WHERE removed_at IS NULL AND state IN ('waiting', 'sending')"
)
_ROWS = "SELECT destination, track, loved, state, reason FROM destination_heart"


@dataclass(slots=True, eq=False)
class Kept:
    """A heart as it is stored for a destination.

    `last` is what the latest stored change may be, None if there is none; `said` is every change. `late` is what
    requests have left there that nobody waited for any more. `refused` counts how often the server has refused it.
    """

    title: str
    last: set[bool | None] = field(default_factory=lambda: {None})
    said: set[bool] = field(default_factory=set)
    late: set[bool] = field(default_factory=set)
    refused: int = 0


@dataclass(slots=True, eq=False)
class Word:
    """A change in progress. `changes`: how often its destination had been added or removed before."""

    target: Target
    kept: Kept
    loved: bool
    sure: bool
    changes: int


@dataclass(slots=True, eq=False)
class Told:
    """A request about a heart. `loved` is None if it only looks up a recording."""

    at: float
    target: Target
    token: str
    kept: Kept | None
    loved: bool | None = None


@dataclass(slots=True, eq=False)
class HeartsElsewhere:
    """The hearts at all other destinations, with a random generator of their own."""

    elsewhere: Elsewhere
    chance: Random
    titles: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    _kept: defaultdict[Target, dict[str, Kept]] = field(default_factory=lambda: defaultdict(dict))
    _known_from: dict[tuple[ListenServer, str], float] = field(default_factory=dict)
    _rests: dict[Target, tuple[float, float, str]] = field(default_factory=dict)

    def begin(self) -> None:
        """Give the servers their recordings."""
        for server in self.elsewhere.servers:
            server.recording = partial(self._recording, server)

    # What is said

    def mbid(self, title: str) -> str:
        """The recording of a title, for those players that know it."""
        return self._mbid(title) if len(title) % 3 == 0 else ""

    def _mbid(self, title: str) -> str:
        mbid = str(uuid5(NAMESPACE_URL, title))
        self.titles[mbid] = title
        return mbid

    def says(self, account: str, title: str, loved: bool) -> list[Word]:
        """A change begins."""
        words = []
        for target in self.elsewhere.of(account):
            kept = self._kept[target].setdefault(title, Kept(title))
            words.append(Word(target, kept, loved, target.there == {True}, target.changes))
            if True in target.there:
                kept.said.add(loved)
                kept.last.add(loved)
        return words

    def heard(self, words: list[Word]) -> None:
        """A change has ended: of several at once, either may be the last."""
        for word in words:
            if word.sure and word.changes == word.target.changes:
                word.kept.last = {word.loved}
            elif True in word.target.there:
                word.kept.said.add(word.loved)
                word.kept.last.add(word.loved)

    def discards(self, target: Target) -> None:
        """What waits for a destination may be discarded."""
        for kept in self._kept[target].values():
            kept.last.add(None)

    # The wire

    def leaves(self, server: ListenServer, target: Target | None, request: httpx2.Request, token: str) -> Told | None:
        """A request is sent, about a heart or about something else."""
        path, at = request.url.path, self.elsewhere.timeline.elapsed
        if not path.rstrip("/").endswith((FEEDBACK, LOOKUP)):
            return None
        self.requests += 1
        if target is None or target.server is not server:
            self._finds(Kind.MISBEHAVED, f"a heart goes to {server.host} with a token of another service")
            return None
        if not path.endswith(FEEDBACK):
            [title] = parse_qs(request.url.query.decode())["recording_name"]
            told = Told(at, target, token, self._kept[target].get(title))
        else:
            document = json.loads(request.content)
            title = self.titles.get(document["recording_mbid"], "")
            told = Told(at, target, token, self._kept[target].get(title), document["score"] == 1)
            if told.kept is None or told.loved not in told.kept.said:
                self._finds(Kind.HEARTS_INVENTED, f"{target} is told {document}, {title!r}, and nobody has said so")
        self.elsewhere.say("wire", f"{target} is told of {title!r}: {told.loved}")
        self.elsewhere.at_a_pace(at, target, f"one about {title!r}")
        self._is_awaited(told)
        return told

    def _is_awaited(self, told: Told) -> None:
        target = told.target
        self.elsewhere.awaits(told.at, target, f"a heart for {target}")
        since, until, throttled = self._rests.pop(target, (0.0, 0.0, ""))
        alone = self.elsewhere.referee.alone
        if told.token != throttled:
            return  # its listener gave it another meanwhile, which has a limit of its own
        if alone and since + LAG < told.at < until - 0.01 and target.pressed_at < since:
            self._finds(Kind.MISBEHAVED, f"a heart comes {until - told.at:.1f} s too early for {target}")

    def lands(self, told: Told | None, awaited: bool) -> None:
        """A request arrives: one that was given up may undo a later change."""
        if told is not None and told.kept is not None and told.loved is not None and not awaited:
            told.kept.late.add(told.loved)

    def answered(self, told: Told | None, said: Said | None) -> None:
        """An answer arrives, or none."""
        if told is None:
            return
        target, kept = told.target, told.kept
        what = "gets no answer" if said is None else f"is answered: HTTP {said.status} {said.body[:80].decode()}"
        self.elsewhere.say("wire", f"the heart {kept.title if kept else ''!r} for {target} {what}")
        if said is None or said.status != 200:
            self.elsewhere.ready(target, LONGEST_REST)
        if said is None:
            return
        now = self.elsewhere.timeline.elapsed
        try:
            json.loads(said.body)
        except ValueError:  # nor can the process read it
            return
        match said.status:
            case 429:
                seconds = float(said.headers.get("X-RateLimit-Reset-In", FIRST_REST))
                self._rests[target] = (now, now + seconds, told.token)
            case 401 if told.token == target.token:
                self.elsewhere.loses_token(target)
            case 400 | 500 if kept is not None:
                kept.refused += 1
            case 200 if kept is not None and told.loved is None and said.body == b"{}":
                kept.refused += 1

    def forgets(self) -> None:
        """The process died, couldn't save an answer, or has another clock: no wait can be relied on."""
        self._rests.clear()

    def _recording(self, server: ListenServer, artist: str, title: str) -> str:
        """What a server finds for a title: most at once, some later, some never."""
        known = self._known_from.get((server, title))
        if known is None:
            later = self.elsewhere.timeline.elapsed + 10 * self.elsewhere.scale
            known = self.chance.choice((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, later, float("inf")))
            self._known_from[server, title] = known
        return self._mbid(title) if artist == ARTIST and self.elsewhere.timeline.elapsed >= known else ""

    # Healing, and the reckoning

    async def heal(self, deck: Deck) -> None:
        """Wait until every destination has its hearts, or has rejected those that it can't store."""
        self._rejected_so_far()
        for target in self.elsewhere.targets:
            if True in target.there:
                await deck.destinations.retry(self.elsewhere.ledger.accounts[target.account].number, target.number)
        deadline, pause = self.elsewhere.timeline.elapsed + HEALING, 5.0
        while self.elsewhere.disk.look(_OWED) and self.elsewhere.timeline.elapsed < deadline:
            await asyncio.sleep(pause)
            pause = min(1800.0, pause * 1.5)

    def _rejected_so_far(self) -> None:
        """Report hearts that are rejected after too few refusals, before they are sent again."""
        targets = {target.number: target for target in self.elsewhere.targets if target.number}
        for number, title, _, state, reason in self.elsewhere.disk.look(_ROWS):
            target = targets[int(number)]
            kept = self._kept[target].get(str(title), Kept(str(title)))
            if state == "rejected" and (why := _too_soon(kept, str(reason))):
                words = f"the heart of {title!r} ({target}) is rejected ({reason}): {why}"
                self._finds(Kind.UNEXPLAINED, words)

    def check(self, file: Path) -> None:
        """Report hearts that are lost or invented."""
        with closing(sqlite3.connect(file)) as db:
            db.row_factory = sqlite3.Row
            removed = {row[0] for row in db.execute("SELECT id FROM destination WHERE removed_at IS NOT NULL")}
            rows = {(row["destination"], row["track"]): row for row in db.execute(_ROWS)}
        for target in self.elsewhere.targets:
            there = {
                self.titles[mbid]: score == 1
                for (user, mbid), score in target.server.hearts.items()
                if user == target.user and mbid in self.titles
            }
            here = {title: row for (of, title), row in rows.items() if of == target.number}
            for title in sorted({*there, *here, *self._kept[target]}):
                kept = self._kept[target].get(title, Kept(title))
                self._check(target, kept, here.get(title), there.get(title), target.number in removed)

    def _check(self, target: Target, kept: Kept, row: sqlite3.Row | None, there: bool | None, removed: bool) -> None:
        heart = f"the heart of {kept.title!r} ({target})"
        if there is not None and there not in kept.said:
            self._finds(Kind.HEARTS_INVENTED, f"{heart} is {_named(there)} there, and nobody has said so")
        if row is None:
            if None not in kept.last:
                self._finds(Kind.HEARTS_LOST, f"{heart} is not in the ledger, the last word was {_names(kept.last)}")
            return
        loved = bool(row["loved"])
        if loved not in kept.last:
            kind = Kind.HEARTS_INVENTED if loved else Kind.HEARTS_LOST
            self._finds(kind, f"{heart} is {_named(loved)} in the ledger, though the last word was {_names(kept.last)}")
        match row["state"]:
            case "":
                if there is not loved and there not in kept.late:
                    kind = Kind.HEARTS_LOST if loved else Kind.HEARTS_INVENTED
                    self._finds(kind, f"{heart} is {_named(loved)} by the ledger, and {_named(there)} there")
            case "rejected":
                if why := self._not_rejected(target, kept, row["reason"], removed):
                    self._finds(Kind.UNEXPLAINED, f"{heart} is rejected ({row['reason']}): {why}")
            case state:
                if not removed:
                    why = f"{heart} is {state}, and nothing stands in its way: {row['reason']}"
                    self._finds(Kind.UNEXPLAINED, why)

    def _not_rejected(self, target: Target, kept: Kept, reason: str, removed: bool) -> str | None:
        if not reason:
            return "no reason is given"
        if why := _too_soon(kept, reason):
            return why
        known = self._known_from.get((target.server, kept.title), 0.0)
        if not removed and (self.mbid(kept.title) or known == 0.0):
            return "the server knows the recording, and all is well"
        return None

    def _finds(self, kind: Kind, words: str) -> None:
        self.elsewhere.finds(kind, words)


def _too_soon(kept: Kept, reason: str) -> str | None:
    enough = UNKNOWN_FOR_GOOD if "doesn't know this recording" in reason else REFUSED_FOR_GOOD
    return f"it was refused {kept.refused} times" if kept.refused < enough else None


def _named(loved: bool | None) -> str:
    return {True: "loved", False: "not loved", None: "unknown"}[loved]


def _names(words: set[bool | None]) -> str:
    return " or ".join(sorted(map(_named, words)))
