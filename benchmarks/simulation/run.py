"""One run: a seed decides everything, and the result is a list of what is wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Self

from benchmarks.simulation import elsewhere_checks
from benchmarks.simulation.checks import Checker
from benchmarks.simulation.crash_points import Doom, drawn
from benchmarks.simulation.disk import Disk
from benchmarks.simulation.elsewhere import Elsewhere
from benchmarks.simulation.finding import CRASH, Finding, Kind
from benchmarks.simulation.hearts import LATE, Hearts
from benchmarks.simulation.hearts_elsewhere import HeartsElsewhere
from benchmarks.simulation.ledger import Account, Ledger
from benchmarks.simulation.listeners import DAY, Listeners
from benchmarks.simulation.network_faults import Weather
from benchmarks.simulation.oracle import Referee
from benchmarks.simulation.process import Clock, Process, surroundings
from benchmarks.simulation.timeline import Timeline
from benchmarks.simulation.wire import Network
from lastfm_emulator import Emulator
from tonearm.deck import Deck
from tonearm.store.db.database import database_url
from tonearm.store.db.migrate import migrate

_NAMES = ("anna", "bert", "cleo")
_USERS = ("Anna_fm", "bert99", "CLEO", "Dora")
_PER_SECOND = 4.0
_SLOW_SWEEP = 3600.0
"""Seconds between looks at the tables where days pass: the product's two would only take time to compute."""

_LONGEST_LIFE = 60
"""Actions of listeners in one life, at most."""

_HEALING = 30 * 3600.0
"""Seconds within which everything is settled once nothing goes wrong: rests of hours in a row, and a key's."""


_TOLD = (  # joined in this order, so that the index on a play's names can be used
    "SELECT reported_timestamp FROM account CROSS JOIN play"
    " ON play.account = account.id AND artist = ? AND track = ? AND timestamp = ? ORDER BY play.id"
)
_OWED = (
    "SELECT account.name, owner, max(timestamp) FROM scrobble_queue JOIN account"
    " ON account.id = scrobble_queue.account GROUP BY 1, 2 ORDER BY 1, 2"
)


def with_hearts(seed: int) -> bool:
    """In every fifth run they also love tracks, here and on Last.fm."""
    return seed % 5 == 1


def with_destinations(seed: int) -> bool:
    """In two of nine runs listeners send their plays to other services, too."""
    return seed % 9 in (0, 2)


@dataclass(frozen=True, slots=True)
class Scope:
    """What runs are about. `plays_only`: nobody loves tracks, or has another destination than Last.fm, which makes a
    run four times as quick. `destinations`: how many each listener has, Last.fm included; None: one to three, in some
    runs.
    """

    plays_only: bool = False
    destinations: int | None = None

    def hearts(self, seed: int) -> bool:
        """Whether tracks are loved in the run of a seed."""
        return with_hearts(seed) and not self.plays_only

    def others(self, seed: int) -> bool:
        """Whether there are other destinations than Last.fm."""
        if self.plays_only or self.destinations is None:
            return with_destinations(seed) and not self.plays_only
        return self.destinations > 1


ALL = Scope()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a seed. `destinations` are those of all its listeners, Last.fm included. `digest` is the same for
    the same seed; `story` is empty unless requested.
    """

    seed: int
    plays: int
    destinations: int
    findings: tuple[Finding, ...]
    requests: int
    deaths: int
    most_in_a_second: int
    digest: str
    story: tuple[str, ...]

    def count(self, kind: Kind) -> int:
        return sum(finding.kind is kind for finding in self.findings)


class Room:
    """A folder in memory for the files of runs, with a database whose tables are created."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")  # a RAM disk, where a flush costs nothing
        self._folder = TemporaryDirectory(prefix="tonearm-faults-", dir=shared if os.access(shared, os.W_OK) else None)
        self._empty = Path(self._folder.name) / "empty.db"
        migrate(database_url(self._empty))

    def file(self) -> Path:
        """A fresh database, replacing the one before."""
        file = self._empty.with_name("plays.db")
        for old in self._empty.parent.glob("plays.db*"):
            old.unlink()
        return Path(shutil.copy(self._empty, file))

    def disk(self, timeline: Timeline, chance: Random, refused: Callable[[], None]) -> Disk:
        """The disk with a fresh database."""
        return Disk(self.file(), timeline, chance, refused)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


@dataclass(slots=True, eq=False)
class Story:
    """What happened, in order: in full if requested, otherwise only as a digest."""

    timeline: Timeline
    narrated: bool
    lines: list[str] = field(default_factory=list)

    def say(self, who: str, words: str) -> None:
        if self.narrated:
            days, seconds = divmod(self.timeline.elapsed, DAY)
            hours, minutes = int(seconds // 3600), int(seconds % 3600 // 60)
            self.lines.append(f"{days:2.0f}d {hours:02}:{minutes:02}:{seconds % 60:06.3f}  {who:<9} {words}")


class Run:
    """All that a seed sets up."""

    def __init__(self, seed: int, plays: int, room: Room, *, narrated: bool = False, scope: Scope = ALL) -> None:
        self.seed = seed
        chance = self.chance = Random(seed)
        self.timeline = timeline = Timeline()
        self.story = Story(timeline, narrated)
        say = self.story.say
        self.scale = chance.choice((3.0, 60.0, 600.0, 3600.0, 4 * 3600.0))
        ahead = chance.choice((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.0, 40.0, 400.0, 90_000.0, -90_000.0))
        workers = chance.choice((1, 1, 1, 2))
        self.clocks = [Clock(timeline, chance, ahead) for _ in range(workers)]
        self.emulator = Emulator(clock=lambda: timeline.now, seed=seed)
        self.ledger = Ledger()
        names = _NAMES[: chance.choice((1, 1, 2, 3))]
        self.ledger.accounts.update({name: Account(name) for name in names})
        now = self.clocks[0].now
        self.referee = Referee(timeline, self.emulator, self.ledger, now, say, _PER_SECOND, workers == 1, self._told)
        self.network = Network(timeline, self.emulator, chance, self.referee)
        self.disk = room.disk(timeline, chance, self._forgets)
        self.hearts = self._hearts(say, plays) if scope.hearts(seed) else None
        self.elsewhere = self._elsewhere(say, scope.destinations) if scope.others(seed) else None
        self.hearts_elsewhere = self._hearts_elsewhere()
        self.weather = Weather(
            timeline, self.emulator, self.network, self.disk, chance, say, self.scale, self.hearts is not None
        )
        self.weather.begin()
        self.process = Process(timeline, self.network, self.disk, self.clocks, _PER_SECOND, self._mishap, say)
        self.listeners = Listeners(
            self.ledger,
            timeline,
            self.emulator,
            self.referee,
            self.disk,
            self.weather,
            chance,
            now,
            say,
            _USERS[: chance.choice((1, 2, 2, 4))],
            plays,
            self.scale,
            self.hearts,
            self.elsewhere,
        )
        self.referee.stepped()
        self.deaths = 0
        self.off = 0.0
        self.steps = seed % 4 == 3
        """In every fourth run the clock is put forward or back, and answers lie about the time."""

    def _hearts(self, say: Callable[[str, str], None], words: int) -> Hearts:
        chance = Random(f"hearts of {self.seed}")
        hearts = Hearts(self.ledger, self.emulator, self.referee, self.disk, chance, say, words)
        self.network.lands = hearts.lands
        return hearts

    def _elsewhere(self, say: Callable[[str, str], None], destinations: int | None) -> Elsewhere:
        chance = Random(f"destinations of {self.seed}")
        elsewhere = Elsewhere(
            self.ledger,
            self.timeline,
            self.referee,
            self.disk,
            chance,
            say,
            self.scale,
            self._sweep,
            lambda: self.network.cut_until,
        )
        elsewhere.begin(None if destinations is None else destinations - 1)
        self.network.elsewhere = elsewhere
        return elsewhere

    def _hearts_elsewhere(self) -> HeartsElsewhere | None:
        if self.hearts is None or self.elsewhere is None:
            return None
        both = HeartsElsewhere(self.elsewhere, Random(f"hearts elsewhere of {self.seed}"))
        both.begin()
        self.hearts.elsewhere = self.elsewhere.hearts = both
        return both

    def _forgets(self) -> None:
        """The process died, or the disk rejected a write."""
        self.referee.forgets_rests()
        if self.elsewhere is not None:
            self.elsewhere.forgets()

    def _told(self, artist: str, title: str, timestamp: int) -> int:
        found = self.disk.look(_TOLD, artist, title, timestamp)
        return int(found[0][0]) if found else timestamp

    def _mishap(self, words: str) -> None:
        self.referee.finds(Kind.MISBEHAVED, f"{CRASH}{words}")

    def go(self) -> Result:
        """Faults, then healing, then the final check."""
        with surroundings(self.process):
            try:
                self._trouble()
                self._heal()
            except Exception as fault:  # the process ended by itself, or never comes to an end
                self._mishap("".join(traceback.format_exception(fault)[-3:]))
            finally:
                self.disk.look_away()
        checker = Checker(self.ledger, self.emulator, self.disk.file, self.referee)
        checker.check()
        if self.elsewhere is not None:
            elsewhere_checks.check(self.elsewhere, self.disk.file, checker.rows)
        if self.hearts is not None:
            self.hearts.check(self.disk.file)
        if self.hearts_elsewhere is not None:
            self.hearts_elsewhere.check(self.disk.file)
        return self._result()

    def _trouble(self) -> None:
        lives = 3 + self._left // 12
        while self._left > 0:
            doom = drawn(self.chance) if self.deaths < lives else Doom()
            acts = self.chance.randint(3, _LONGEST_LIFE)
            self.story.say("PROCESS", "comes up")
            self._starts()
            if not self.process.live(doom, self._sweep, partial(self._life, acts=acts)):
                self.deaths += 1
            self._forgets()
            down = self.chance.choice((0.0, 0.5, 10.0, 40.0, self.scale, 10 * self.scale))
            self.timeline.pass_until(self.timeline.elapsed + down)

    @property
    def _left(self) -> int:
        """How much is still to be reported, and to be loved."""
        return max(0, self.listeners.left) + (max(0, self.hearts.left) if self.hearts else 0)

    def _starts(self) -> None:
        self.referee.starts()
        self.listeners.starts()
        if self.elsewhere is not None:
            self.elsewhere.starts()

    @property
    def _sweep(self) -> float:
        return min(max(2.0, 4 * self.scale), _SLOW_SWEEP)

    async def _life(self, decks: list[Deck], acts: int) -> None:
        await self._arrive(decks)
        going_on: set[asyncio.Task[None]] = set()
        if not self.ledger.plays:  # most begin signed in
            for account in self.ledger.accounts.values():
                if self.chance.random() < 0.9:
                    account.wished = self.chance.choice(self.listeners.users)
                    await self.listeners.signs_in(decks[0], account, account.wished)
            if self.elsewhere is not None:
                await self.elsewhere.opens(decks[0])
        for _ in range(acts):
            if self._left <= 0:
                break
            await asyncio.sleep(self._gap())
            self._change_the_weather()
            task = asyncio.create_task(self.listeners.act(self.chance.choice(decks)))
            going_on.add(task)
            if self.chance.random() < 0.6:
                await task
        await asyncio.gather(*going_on)

    def _gap(self) -> float:
        """Seconds until a listener's next action: often while a request is still in progress."""
        if self.chance.random() < 0.5:
            return self.chance.choice((0.0, 0.03, 0.3, 1.0, 3.0))
        return self.scale * self.chance.choice((0.3, 1.0, 1.0, 4.0))

    def _change_the_weather(self) -> None:
        dice = self.chance.random()
        if dice < 0.3:
            self.weather.changes()
        elif dice < 0.42:
            self.weather.clears()
        if self.elsewhere is not None:
            self.elsewhere.changes()
        if self.steps and self.chance.random() < 0.06:
            self._step(self.chance.choice((-20 * DAY, -7200.0, 400.0, 20 * DAY)))
        elif self.steps and self.chance.random() < 0.06:
            self.network.lies = self.chance.choice((19.0 * DAY, 3650.0 * DAY, -5400.0))  # none that a step agrees with
            self.story.say("weather", f"an answer lies: its Date is {self.network.lies:+.0f} s off")
        if len(self.clocks) > 1 and self.chance.random() < 0.15:
            worker = self.chance.randrange(len(self.clocks))
            self.clocks[worker].stopped_until = self.timeline.elapsed + self.chance.choice((20.0, 45.0, 120.0))
            self.story.say("PROCESS", f"worker {worker} stands still")

    def _step(self, seconds: float) -> None:
        """The clock of the machine is set forward or back, or corrected."""
        off, self.off = self.off, self.off + seconds if self.off == 0.0 else 0.0
        for clock in self.clocks:
            clock.step(self.off - off)
        self.referee.stepped()
        if self.elsewhere is not None:
            self.elsewhere.stepped()
        self.story.say("PROCESS", f"the clock is put by {self.off - off:+.0f} s")

    async def _arrive(self, decks: list[Deck]) -> None:
        for name, account in self.ledger.accounts.items():
            account.number = (await decks[0].listener(name)).id
            self.listeners.arrives(account, (await decks[0].accounts.account(account.number)).username)
            if self.elsewhere is not None:
                found = await decks[0].destination_views.all(account.number)
                self.elsewhere.arrives(account, [one.stored for one in found])

    # Healing

    def _heal(self) -> None:
        self.story.say("HEALING", "nothing goes wrong from now on")
        self.weather.clears()
        for clock in self.clocks:
            clock.stopped_until = 0.0
        if self.off:
            self._step(0.0)
        self._starts()
        if self.elsewhere is not None:
            self.elsewhere.sweep = _SLOW_SWEEP
        self.process.live(Doom(), _SLOW_SWEEP, self._healing)

    async def _healing(self, decks: list[Deck]) -> None:
        self.weather.clears()
        if self.elsewhere is not None:
            self.elsewhere.clears()
        await self._arrive(decks)
        await self._plays_heal(decks)
        if self.elsewhere is not None:
            await self.elsewhere.heal(decks[0], self.listeners.plays_on)
            await self._plays_heal(decks)  # of what they have played on meanwhile, perhaps without a session
        if self.hearts_elsewhere is not None:
            await self.hearts_elsewhere.heal(decks[0])
        if self.hearts is not None:
            await self._hearts_heal(decks[0], self.hearts)

    async def _hearts_heal(self, deck: Deck, hearts: Hearts) -> None:
        """All listeners sign in as each of their users, what waits is sent, and both sides are synchronised."""
        await asyncio.sleep(LATE)
        for _ in range(2):  # what one account has sent, another of the same Last.fm user learns
            for name, user in hearts.owners():
                account = self.ledger.accounts[name]
                if not await self.listeners.signs_in(deck, account, user):
                    self.referee.finds(Kind.UNEXPLAINED, f"{name} cannot sign in as {user} though all is well")
                elif not await hearts.merged(deck, account):
                    self.referee.finds(Kind.HEARTS_LOST, f"the loved tracks of {name} as {user} cannot be imported")
            await asyncio.sleep(LATE)

    async def _plays_heal(self, decks: list[Deck]) -> None:
        for _ in range(len(_USERS)):
            owed = self._owed()
            if not owed and not self._called_too_old():
                return
            if not owed:
                await self._hears_the_time(decks[0])
                continue
            for name, account in self.ledger.accounts.items():
                if owners := sorted(owner for of, owner in owed if of == name):
                    user = self.chance.choice(owners)
                    if not await self.listeners.signs_in(decks[0], account, user):
                        self.referee.finds(Kind.UNEXPLAINED, f"{name} cannot sign in as {user} though all is well")
                    await self.listeners.plays_on(decks[0], account)
            await self._settled()

    def _called_too_old(self) -> bool:
        """Whether a wrong clock has made a play too old that isn't."""
        since = self.emulator.now() - 14 * DAY + 2 * 3600
        return bool(self.disk.look("SELECT 1 FROM play WHERE fate = 'expired' AND timestamp > ?", since))

    async def _hears_the_time(self, deck: Deck) -> None:
        """Get two answers, as from a player's now-playing reports; then plays wrongly marked too old are requeued."""
        for _ in range(2):
            await deck.sign_in.desktop(next(iter(self.ledger.accounts.values())).number)
            await asyncio.sleep(60.0)
        await asyncio.sleep(2 * _SLOW_SWEEP)

    async def _settled(self) -> None:
        """Wait until the plays of the users who are signed in now are sent."""
        signed_in = {(a.name, user) for a in self.ledger.accounts.values() for user in a.users}
        ahead = max(self._owed().values(), default=0.0)
        deadline = max(self.timeline.now, ahead) + _HEALING
        pause = 5.0
        while signed_in & set(self._owed()):
            if self.timeline.now > deadline:
                return
            await asyncio.sleep(pause)
            pause = min(1800.0, pause * 1.5)

    def _owed(self) -> dict[tuple[str, str], float]:
        """(account, Last.fm user) of what is in the queue, with the time of the latest play (Unix seconds)."""
        return {(name, owner): float(latest) for name, owner, latest in self.disk.look(_OWED)}

    def _result(self) -> Result:
        digest = blake2b(digest_size=8)
        for entry in self.emulator.journal:
            digest.update(repr((round(entry.at, 3), entry.user, entry.items, entry.outcome, entry.stored)).encode())
        digest.update(repr([(play.key, play.answers) for play in self.ledger.plays]).encode())
        for words in self.elsewhere.journal() if self.elsewhere is not None else ():
            digest.update(words.encode())
        return Result(
            self.seed,
            len(self.ledger.plays),
            len(self.ledger.accounts) + (len(self.elsewhere.targets) if self.elsewhere is not None else 0),
            tuple(self.referee.findings),
            self.referee.requests
            + (self.elsewhere.requests if self.elsewhere is not None else 0)
            + (self.hearts_elsewhere.requests if self.hearts_elsewhere is not None else 0),
            self.deaths,
            self.referee.most_in_a_second,
            digest.hexdigest(),
            tuple(self.story.lines),
        )


def run(seed: int, plays: int, room: Room, *, narrated: bool = False, scope: Scope = ALL) -> Result:
    """Run one seed, including the final check."""
    return Run(seed, plays, room, narrated=narrated, scope=scope).go()
