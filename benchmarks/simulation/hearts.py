"""Hearts: what listeners love and unlove, here and on Last.fm, and what both sides must have in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.simulation.disk import Disk
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.hearts_elsewhere import HeartsElsewhere
from benchmarks.simulation.ledger import Account, Ledger
from benchmarks.simulation.oracle import EXACT, Referee
from lastfm_emulator import Emulator
from lastfm_emulator.request import Request
from tonearm.core.play import Track
from tonearm.deck import Deck
from tonearm.ingest.incoming import Heart

ARTIST = "Mogwai"
"""Of every track that is loved; its title names the listener and the Last.fm user."""

LATE = 4000.0
"""Seconds after which no request is under way any more, and no list is without what was accepted."""

_SENT = {"track.love": True, "track.unlove": False}

_OWED = "SELECT account.name, owner FROM heart JOIN account ON account.id = heart.account WHERE state != ''"
_OWNERS = "SELECT DISTINCT account.name, owner FROM heart JOIN account ON account.id = heart.account"
_HERE = f"{_OWNERS.replace('DISTINCT account.name, owner', 'account.name, owner, track')} WHERE loved"
_UNSETTLED = "SELECT 1 FROM heart WHERE track = ? AND state != ''"
_RUN = "SELECT state FROM job_run WHERE id = ?"


@dataclass(slots=True, eq=False)
class Loving:
    """One track of one listener as one Last.fm user ("" for none), and its possible states in the end.

    `saying` counts the changes in progress here; `crowd`: several were concurrent, so that either may be the last.
    `changed_there`: somebody changed it on Last.fm, so that a wrong clock may not tell which word was the later one;
    nor can it for a track of nobody, which each user may have got.
    """

    account: str
    user: str
    title: str
    may: set[bool] = field(default_factory=lambda: {False})
    saying: int = 0
    crowd: bool = False
    changed_there: bool = False

    def __str__(self) -> str:
        return f"{self.title!r} of {self.account} as {self.user or 'nobody'}"


@dataclass(slots=True, eq=False)
class Hearts:
    """The hearts of all listeners. They have a random generator of their own, so that runs without hearts don't change.

    `left` is the number of changes still to come.
    """

    ledger: Ledger
    emulator: Emulator
    referee: Referee
    disk: Disk
    chance: Random
    say: Callable[[str, str], None]
    left: int
    elsewhere: HeartsElsewhere | None = None
    tracks: dict[str, Loving] = field(default_factory=dict)

    def lands(self, request: Request, awaited: bool) -> None:
        """A request arrives at Last.fm: one that was given up may undo a later change."""
        params = request.params()
        loved = _SENT.get(params.get("method", ""))
        track = self.tracks.get(params.get("track", ""))
        if loved is not None and track is not None and not awaited:
            self.say("wire", f"a late {params['method']} arrives for {track}")
            track.may.add(loved)

    # What they do

    async def here(self, deck: Deck, account: Account) -> None:
        """Love or unlove a track, once or several times in a row."""
        if account.busy or len(account.users) != 1:
            return
        account.busy = True  # nobody signs in meanwhile
        try:
            [user] = account.users
            signed_in = (await deck.accounts.account(account.number)).signed_in
            track = self._track(account.name, user if signed_in else "")
            await asyncio.gather(*(self._says(deck, account, track) for _ in range(self.chance.choice((1, 1, 1, 2)))))
            if self.elsewhere is not None and self.chance.random() < 0.5:  # and on second thoughts
                await asyncio.sleep(self.chance.choice((0.1, 1.0, 5.0)))
                await self._says(deck, account, track)
        finally:
            account.busy = False

    async def _says(self, deck: Deck, account: Account, track: Loving) -> None:
        loved = self.chance.random() < 0.6
        self.left -= 1
        words = self.elsewhere.says(account.name, track.title, loved) if self.elsewhere is not None else []
        track.saying += 1
        track.crowd |= track.saying > 1
        track.may.add(loved)
        try:
            mbid = self.elsewhere.mbid(track.title) if self.elsewhere is not None else ""
            await deck.hearts.say(account.number, [Heart(Track(ARTIST, track.title, mbid=mbid), loved)])
            self.say(account.name, f"{'loves' if loved else 'unloves'} {track}")
            if self.elsewhere is not None and not track.crowd:
                self.elsewhere.heard(words)
            if not track.crowd and (self._clocks_are_right or (track.user and not track.changed_there)):
                track.may = {loved}
        finally:
            track.saying -= 1
            track.crowd &= track.saying > 0

    async def there(self, _: Deck, account: Account) -> None:
        """Love or unlove a track on Last.fm. It counts if nothing is on its way there."""
        if account.busy or len(account.users) != 1 or account.users == {""}:
            return
        [user] = account.users
        track, loved = self._track(account.name, user), self.chance.random() < 0.6
        self.left -= 1
        profile = self.emulator.known_user(user)
        (profile.heart if loved else profile.unheart)(ARTIST, track.title, *((self.emulator.now(),) if loved else ()))
        settled = not track.saying and not self.disk.look(_UNSETTLED, track.title)
        track.changed_there = True
        track.may = {loved} if settled else track.may | {loved}
        self.say(account.name, f"{'loves' if loved else 'unloves'} {track} on Last.fm{'' if settled else ' meanwhile'}")

    async def merges(self, deck: Deck, account: Account) -> None:
        """Synchronise both sides, or begin to."""
        if account.busy or not (await deck.accounts.account(account.number)).signed_in:
            return
        run = await deck.loved_import.start(account.number)
        self.say(account.name, f"imports the loved tracks, run {run.id}")

    @property
    def _clocks_are_right(self) -> bool:
        """Whether the clocks are right, as far as answers have shown."""
        return -EXACT <= self.referee.earliest_skew <= self.referee.latest_skew <= EXACT

    def _track(self, account: str, user: str) -> Loving:
        own = [track for track in self.tracks.values() if (track.account, track.user) == (account, user)]
        if own and self.chance.random() < 0.75:
            return self.chance.choice(own[-4:])
        track = Loving(account, user, f"Heart {len(self.tracks) + 1} of {account} as {user or 'nobody'}")
        self.tracks[track.title] = track
        return track

    # Healing

    def owners(self) -> list[tuple[str, str]]:
        """(account, Last.fm user) whose hearts must be equal in the end."""
        found = {(name, owner) for name, owner in self.disk.look(_OWNERS) if owner}
        found |= {(track.account, track.user) for track in self.tracks.values() if track.user}
        return sorted(found)

    async def merged(self, deck: Deck, account: Account) -> bool:
        """Send what waits, and merge; returns whether that finished."""
        await deck.hearts.retry(account.number)
        await self._sent(account)
        run = await deck.loved_import.start(account.number)
        for _ in range(2000):
            [(state,)] = self.disk.look(_RUN, run.id)
            if state != "running":
                break
            await asyncio.sleep(10.0)
        await self._sent(account)
        return bool(state == "done")

    async def _sent(self, account: Account) -> None:
        """Wait until no heart of the signed-in user waits."""
        [user] = account.users
        pause = 5.0
        for _ in range(60):
            if (account.name, user) not in set(self.disk.look(_OWED)):
                return
            await asyncio.sleep(pause)
            pause = min(1800.0, pause * 1.5)

    # The reckoning

    def check(self, file: Path) -> None:
        """Report hearts that are lost or invented.

        A track loved while nobody was signed in goes to one of the Last.fm users of its listener: it is undefined
        which, if there are several.
        """
        here: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        with closing(sqlite3.connect(file)) as db:
            owners = {(name, owner) for name, owner in db.execute(_OWNERS) if owner}
            for name, owner, title in db.execute(_HERE):
                here[name, owner].add(title)
        several = {name for name, owner in owners if any(name == other and owner != user for other, user in owners)}
        anybodys = {track.title for track in self.tracks.values() if not track.user and track.account in several}
        for name, owner in sorted(owners):
            self._equal(name, owner, here[name, owner], anybodys)
        for track in self.tracks.values():
            if track.user:
                self._true(track, self.emulator.known_user(track.user).loves(ARTIST, track.title), "on Last.fm")
            elif track.title not in anybodys:
                loved = any(track.title in titles for (name, _), titles in here.items() if name == track.account)
                self._true(track, loved, "here")

    def _equal(self, name: str, owner: str, here: set[str], anybodys: set[str]) -> None:
        there = {loved.track for loved in self.emulator.known_user(owner).loved.values()}
        for title in sorted(here - there - anybodys):
            self._finds(title, f"{title!r} is loved by {name}, and not on Last.fm as {owner}")
        for title in sorted(there - here - anybodys):
            self._finds(title, f"{title!r} is loved on Last.fm as {owner}, and not by {name}")

    def _finds(self, title: str, words: str) -> None:
        track = self.tracks.get(title)
        invented = track is not None and track.may == {False}
        self.referee.finds(Kind.HEARTS_INVENTED if invented else Kind.HEARTS_LOST, words)

    def _true(self, track: Loving, loved: bool, where: str) -> None:
        if loved in track.may:
            return
        kind = Kind.HEARTS_INVENTED if loved else Kind.HEARTS_LOST
        words = "is loved, though the last word was to take the heart away" if loved else "has lost its heart"
        self.referee.finds(kind, f"{track} {words} ({where})")
