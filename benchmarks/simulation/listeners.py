"""The listeners: what they play, report and press, and what they record about it in the ledger."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.simulation.disk import Disk
from benchmarks.simulation.elsewhere import Elsewhere
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.hearts import Hearts
from benchmarks.simulation.ledger import CORRECTED, Account, Answer, Ledger, Reported
from benchmarks.simulation.network_faults import MISSPELT, POISON, Weather
from benchmarks.simulation.oracle import Referee
from benchmarks.simulation.timeline import Timeline
from lastfm_emulator import Emulator
from tonearm.core.play import Play, Track
from tonearm.deck import Deck
from tonearm.service.play_actions import ActionDone
from tonearm.service.report import NotATime
from tonearm.service.sign_in import AuthStart, SignedIn
from tonearm.store.db.sqlite_writer import StoreUnavailable

DAY = 86400
_ARTISTS = ("Nina Simone", "Sigur Rós", "やくしまるえつこ", "Mogwai", "!!!", MISSPELT)
_FILTERED = ({"artist": "Various"}, {"artist": "[unknown]"}, {"album": "Unknown album"}, {"album_artist": "VA"})
_BY_HAND = "SELECT 1 FROM play WHERE id = ? AND fate = 'queued' AND reason = 'queued by the listener'"


@dataclass(slots=True, eq=False)
class Listeners:
    """Everybody who uses the service. `left` plays are still to be reported; `clock` is the process's own.

    `retrying` are plays that are being sent by hand, for all that anybody heard.
    """

    ledger: Ledger
    timeline: Timeline
    emulator: Emulator
    referee: Referee
    disk: Disk
    weather: Weather
    chance: Random
    clock: Callable[[], float]
    say: Callable[[str, str], None]
    users: tuple[str, ...]
    left: int
    scale: float
    hearts: Hearts | None = None
    elsewhere: Elsewhere | None = None
    made: int = 0
    retrying: list[Reported] = field(default_factory=list)

    async def act(self, deck: Deck) -> None:
        """A listener does something; if the disk rejects it, nothing is changed."""
        account = self.chance.choice(list(self.ledger.accounts.values()))
        flying = [play for sent in self.referee.under_way for play in sent.plays]
        if flying and self.chance.random() < 0.5:
            account = self.ledger.accounts[flying[0].account]
        acts: list[tuple[Callable[[Deck, Account], Awaitable[None]], float]] = [
            (self.plays, 10),
            (self.reports_again, 2),
            (self.minds_the_session, 3),
            (self.hands_over, 1),
            (self.signs_out, 0.7),
            (self.retries_all, 0.7),
            (self.retries_one, 1.0),
            (self.discards, 1.0),
            (self.corrects, 1.0),
            (self.switches, 0.4),
            (self.revokes, 0.3),
        ]
        if self.hearts is not None:
            acts += [(self.hearts.here, 6), (self.hearts.there, 4), (self.hearts.merges, 3)]
        if self.elsewhere is not None:
            acts += [(self.elsewhere.acts, 7)]
        [act] = self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])
        try:
            await act(deck, account)
        except StoreUnavailable as fault:
            self.say(account.name, f"is told: {fault}")
        except NotATime as fault:  # what one clock has timed, another may call no time at all
            if len(self.referee.clocks) == 1:
                raise
            self.say(account.name, f"is told: {fault}")
        except Exception as fault:
            where = traceback.extract_tb(fault.__traceback__)[-1]
            at = f"{Path(where.filename).name}:{where.lineno}"
            self.referee.finds(Kind.MISBEHAVED, f"{act.__name__} broke with {type(fault).__name__} at {at}: {fault}")

    def starts(self) -> None:
        """A process starts. The one before may have died when a play was queued by hand, and nobody heard of it."""
        for play in self.retrying:
            if self.disk.look(_BY_HAND, play.id):
                self.ledger.resend(play)
        self.retrying.clear()

    def arrives(self, account: Account, username: str) -> None:
        """The process is up again: the user of the account is certain now."""
        account.is_now(username)
        account.busy = account.discards = False
        for play in account.reporting:
            play.unheard += 1
        account.reporting.clear()

    # What they play

    async def plays(self, deck: Deck, account: Account) -> None:
        """One play, or many at once after a time without a network."""
        number = min(self.left, self.chance.choice((1, 1, 1, 1, 2, 3, 8, 30, 70)))
        self.left -= number
        batch = [self._play(account) for _ in range(number)]
        if number > 3 and self.chance.random() < 0.5:
            batch.sort(key=lambda play: play.timestamp)
        if number > 8:  # all in one go
            await asyncio.gather(*(self.report(deck, account, play) for play in batch))
        else:
            for play in batch:
                await self.report(deck, account, play)

    async def plays_on(self, deck: Deck, account: Account) -> None:
        """An ordinary play, just now: its answer proves that the key is good."""
        await deck.accounts.change_settings(account.number, True, None)
        self.made += 1
        title = f"Song {self.made} of {account.name}"
        play = Reported(account.name, "Mogwai", title, int(self.clock()) - 200, 200.0, 200.0)
        await self.report(deck, account, self.ledger.note(play))

    def _play(self, account: Account) -> Reported:
        chance = self.chance
        own = [play for play in self.ledger.of[account.name] if play.artist != CORRECTED]  # their starts are not known
        if own and chance.random() < 0.05:
            play = self._again(chance.choice(own[-10:]))
            if play.key not in self.ledger.by_key:
                return self.ledger.note(play)
        self.made += 1
        duration: float | None = chance.choice((40.0, 180.5, 240.0, 600.0, 4000.0, None))
        heard = (duration or 400.0) * chance.choice((0.6, 1.0))
        names = {"artist": chance.choice(_ARTISTS), **(chance.choice(_FILTERED) if chance.random() < 0.05 else {})}
        artist = names.pop("artist")
        if self.elsewhere is not None:
            artist = self.elsewhere.featured(artist)
        title = f"Song {self.made} of {account.name}"
        if chance.random() < 0.03:
            title = f"{chance.choice(list(POISON))} {self.made} of {account.name}"
        if chance.random() < 0.05:
            heard = min(heard, 15.0)
        old = chance.choice((0.0, 0.0, 60.0, 3000.0, 20_000.0, 3 * DAY, 10 * DAY, 13 * DAY))
        age = heard + old * chance.random()
        if chance.random() < 0.04:
            age = 14 * DAY - chance.choice((-1000.0, 60.0, 600.0, 40_000.0))
        elif chance.random() < 0.03:
            age = -chance.choice((30.0, 600.0, 30_000.0, 100_000.0))
        elif chance.random() < 0.03:
            age = 1.0  # reported with its end for its start
        play = Reported(account.name, artist, title, int(self.clock() - age), duration, heard, names)
        return self.ledger.note(play)

    def _again(self, before: Reported) -> Reported:
        """The same song: a true repeat, or the same listen, reported by another player or by the same one again."""
        if self.chance.random() < 0.5:
            start = int(before.end) + self.chance.choice((1, 300, 50_000))
            return fresh(before, timestamp=start)
        start = before.timestamp + self.chance.choice((-2, 1, 2, 5))
        return fresh(before, timestamp=start, reporter=self.chance.choice(("", "phone")))

    async def report(self, deck: Deck, account: Account, play: Reported) -> None:
        """Report a play, in one of the spellings that players send."""
        play.discarded |= account.discards
        play.offs.add(self.timeline.now - self.clock())
        if self.elsewhere is not None:
            self.elsewhere.reports(play)
        heard = False  # unless there is an answer; the process may die
        try:
            with account.meanwhile(play):
                taken = await deck.reports.scrobble(account.number, self._spelt(play), play.reporter)
            heard = True
        finally:
            play.unheard += not heard
        first = not play.answers and not play.unheard
        play.answers.append(Answer(taken.status, taken.id, self.timeline.elapsed))
        self.say(account.name, f"reports {play}: {taken.status} as {taken.id}")
        if first and taken.status == "queued":
            self.referee.waits(play)
        if first and self.elsewhere is not None:
            self.elsewhere.reported(play, taken.status)

    def _spelt(self, play: Reported) -> Play:
        title = self.chance.choice((play.title, play.title, f" {play.title}\x07 "))
        timestamp = play.timestamp * self.chance.choice((1, 1, 1, 1000))
        track = Track(play.artist, title, duration=play.duration, **play.extra)  # type: ignore[arg-type]  # names
        return Play(track, timestamp, play.played)

    async def reports_again(self, deck: Deck, account: Account) -> None:
        """A duplicate: from a player that got no answer, or from a second one."""
        if known := self.ledger.of[account.name]:
            play = self.chance.choice(known[-20:])
            if not play.discarded and not play.title.endswith("(corrected)"):
                await self.report(deck, account, play)

    # What they press

    async def minds_the_session(self, deck: Deck, account: Account) -> None:
        """Sign in if necessary, or now and then as somebody else."""
        if account.wished is None or self.chance.random() < 0.25:
            account.wished = self.chance.choice(self.users)
        now = await deck.accounts.account(account.number)
        if now.connection != "connected" or now.username.casefold() != account.wished.casefold():
            await self.signs_in(deck, account, account.wished)

    async def hands_over(self, deck: Deck, account: Account) -> None:
        """Somebody else sits down, signs in and plays on, and may leave while plays of the first still wait."""
        account.wished = self.chance.choice(self.users)
        if await self.signs_in(deck, account, account.wished):
            leaves = self.chance.random() < 0.4
            if not leaves or self.chance.random() < 0.5:
                await self.plays(deck, account)
            if leaves:
                await self.signs_out(deck, account)

    async def signs_in(self, deck: Deck, account: Account, user: str) -> bool:
        """The whole desktop flow; False if it failed."""
        if account.busy:
            return False
        account.busy = True
        try:
            return await self._sign_in(deck, account, user)
        finally:
            account.busy = False

    async def _sign_in(self, deck: Deck, account: Account, user: str) -> bool:
        way = await deck.sign_in.desktop(account.number)
        if not isinstance(way, AuthStart) or way.token is None or way.token not in self.emulator.tokens:
            self.say(account.name, f"cannot sign in as {user}: {way}")
            return False
        self.emulator.approve(way.token, user)
        account.may_become(user)
        left, account.left_at = account.left_at, None
        account.pressed_at = float("inf")
        try:
            outcome = await deck.sign_in.finish(account.number, way.token)
        finally:
            account.pressed_at = self.timeline.elapsed
        account.is_now((await deck.accounts.account(account.number)).username)
        if not isinstance(outcome, SignedIn):
            account.left_at = left
        self.say(account.name, f"signs in as {user}: {outcome}")
        return isinstance(outcome, SignedIn)

    async def signs_out(self, deck: Deck, account: Account) -> None:
        """Sign out; sometimes waiting plays are discarded."""
        if account.busy:
            return
        account.busy = True
        account.wished = None
        discard = account.discards = self.chance.random() < 0.4
        for play in self.ledger.of[account.name]:
            play.discarded |= discard and bool(play.owners & account.users)
        try:
            number = await deck.sign_in.sign_out(account.number, discard)
            account.left_at = self.timeline.elapsed
        finally:
            account.busy = account.discards = False
        self.say(account.name, f"signs out, {number.plays} plays are {'discarded' if discard else 'kept'}")

    async def retries_all(self, deck: Deck, account: Account) -> None:
        account.pressed_at = float("inf")
        try:
            await deck.accounts.retry(account.number, deck.hint)
        finally:
            account.pressed_at = self.timeline.elapsed
        self.say(account.name, "retries all")

    async def retries_one(self, deck: Deck, account: Account) -> None:
        """Retry a play, preferably one that wasn't delivered."""
        if (play := self._known(account)) is None or play.id is None:
            return
        account.pressed_at = float("inf")
        if self.elsewhere is not None:
            self.elsewhere.by_hand(play)
        self.retrying.append(play)
        try:
            with account.meanwhile(play):
                outcome = await deck.play_actions.retry(account.number, play.id)
        finally:
            account.pressed_at = self.timeline.elapsed
        self.retrying.remove(play)
        if isinstance(outcome, ActionDone):
            self.ledger.resend(play)
        self.say(account.name, f"retries {play}: {outcome}")

    async def discards(self, deck: Deck, account: Account) -> None:
        if (play := self._known(account)) is None or play.id is None:
            return
        self.ledger.discard(play)
        outcome = await deck.play_actions.discard(account.number, play.id)
        self.say(account.name, f"discards {play}: {outcome}")

    async def corrects(self, deck: Deck, account: Account) -> None:
        """Edit the names: a new play; the old one must not be sent any more."""
        play = self._known(account)
        if play is None or play.id is None or play.title.endswith(")"):
            return
        title = f"{play.title} (corrected)".replace("Broken", "Mended")
        if self.ledger.songs(CORRECTED, title):
            return
        edited = self.ledger.note(fresh(play, artist=CORRECTED, title=title, extra={}))
        edited.owners |= play.owners
        edited.unheard = 1
        self.ledger.discard(play)
        play.corrected_to = edited
        edited.offs |= {*play.offs, self.timeline.now - self.clock()}  # it has the start that a wrong clock has told
        change = Track(CORRECTED, title)
        if self.elsewhere is not None:
            self.elsewhere.by_hand(edited)
        with account.meanwhile(edited):
            outcome = await deck.play_actions.correct(
                account.number, play.id, lambda track: replace(change, duration=track.duration)
            )
        self.say(account.name, f"corrects {play}: {outcome}")
        if isinstance(outcome, ActionDone):
            edited.answers.append(Answer("queued", outcome.play, self.timeline.elapsed))
        else:
            play.corrected_to = None
            self.ledger.strike(edited)

    async def switches(self, deck: Deck, account: Account) -> None:
        """Scrobbling off or on."""
        on = self.chance.random() < 0.8
        await deck.accounts.change_settings(account.number, on, self.chance.choice((None, 25, 50, 100)))
        self.say(account.name, f"switches scrobbling {'on' if on else 'off'}")

    async def revokes(self, deck: Deck, account: Account) -> None:
        """On Last.fm's own page."""
        if account.wished:
            self.emulator.revoke(account.wished)
            self.say(account.name, f"revokes the sessions of {account.wished}")

    def _known(self, account: Account) -> Reported | None:
        """An acknowledged play, preferably one that is being sent."""
        flying = [p for sent in self.referee.under_way for p in sent.plays if p.account == account.name]
        if flying and self.chance.random() < 0.8:
            return self.chance.choice(flying)
        acknowledged_plays = [play for play in self.ledger.of[account.name] if play.acknowledged]
        return self.chance.choice(acknowledged_plays[-30:]) if acknowledged_plays else None


def fresh(play: Reported, **changed: Any) -> Reported:
    """Another play with the facts of this one."""
    facts: dict[str, Any] = {
        "account": play.account,
        "artist": play.artist,
        "title": play.title,
        "timestamp": play.timestamp,
        "duration": play.duration,
        "played": play.played,
        "extra": play.extra,
        "reporter": play.reporter,
    }
    return Reported(**{**facts, **changed})
