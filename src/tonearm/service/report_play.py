"""Reports of plays: judged by the listener's rule, and on disk before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.cleaning import clean
from tonearm.core.destination import Rules
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import MissingName, Play, start_of_play
from tonearm.core.report import Basis, Listening
from tonearm.deferred_dataclass import dataclass
from tonearm.service.clock_skew import LastFmTime
from tonearm.service.counters import Counters
from tonearm.service.events import EventHub, Subscription
from tonearm.service.fan_out import NOWHERE, FanOut
from tonearm.service.report import (
    UNSAID,
    NotATime,
    NotPlays,
    Report,
    ReportedPlay,
    ReportResult,
    Taken,
    frozen_play,
)
from tonearm.service.take_reports import REPORTED_BEFORE, take
from tonearm.store import plays
from tonearm.store.db.database import Store

TOGETHER, PART = 1000, 250
"""Plays that are written in one transaction; more than these go part by part, with others' plays in between."""

SHARED = 50
"""Plays of one request up to which they share a transaction with those of other requests."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """When plays were reported together: by our clock and by the counter of this run of the machine.

    `skew` is what our clock is behind Last.fm's, and `settled` whether that is known for sure.
    """

    now: float
    skew: float
    counter: float
    boot: str
    settled: bool


@dataclass(frozen=True, slots=True)
class Reports:
    """Accepts reports of plays. `hint` is called with the account that may have something to send, after the commit.

    `hint_others` is called where that can only be for other destinations than Last.fm, which `fan_out` knows.
    """

    store: Store
    clock: Clock
    event_hub: EventHub
    hint: Callable[[int], None]
    tally: Counters
    time: LastFmTime
    rules: Rules
    fan_out: FanOut = NOWHERE
    hint_others: Callable[[int], None] = lambda _: None

    async def scrobble(
        self, account: int, play: Play, reporter: str = "", left_out: str = "", basis: Basis = UNSAID
    ) -> ReportResult:
        """Write a play and answer; on disk when this returns. `reporter` distinguishes players of one listener.

        `left_out` says in words what of the report could not be read: the answer and the details repeat it. `basis`
        says which moment of the play its time is, and how `played` is known (0 if no seconds were sent; not used if
        they are assumed): what it says is taken as it is, anything else is guessed.
        Raises MissingName, NotATime, UnknownListener; StoreUnavailable: then it is not written.
        """
        report = self._report(self._moment(), account, play, clean(reporter), left_out, basis)
        taken = await self.store.write_together(self._take, report, account)
        self.tally.reports[taken.result.status] += 1
        self._hint(account, [taken])
        self._announce(account, taken)
        return taken.result

    async def scrobble_all(
        self,
        account: int,
        plays: Sequence[Play],
        reporter: str = "",
        left_out: Sequence[str] = (),
        bases: Sequence[Basis] = (),
    ) -> list[ReportResult]:
        """Write several plays and answer each; all are on disk when this returns. Up to 1000 are one transaction.

        `left_out` and `bases` are empty, or have for each play what `scrobble` would be given.

        Subscribers get the queue's length and suspected plays, not each queued play. Raises NotPlays if some are
        invalid, and UnknownListener: then nothing is written. Raises StoreUnavailable: then report them again, since of
        more than 1000 some may be written, which are `duplicate`.
        """
        reports: list[Report] = []
        faults: list[tuple[int, MissingName | NotATime]] = []
        moment, reporter = self._moment(), clean(reporter)
        unread, known = left_out or [""] * len(plays), bases or [UNSAID] * len(plays)
        for place_in_list, (play, not_read, basis) in enumerate(zip(plays, unread, known, strict=True)):
            try:
                reports.append(self._report(moment, account, play, reporter, not_read, basis))
            except (MissingName, NotATime) as error:
                faults.append((place_in_list, error))
        if faults:
            raise NotPlays(faults)
        return await self._take_all(account, reports)

    async def report_all(
        self, account: int, reported: Sequence[ReportedPlay], reporter: str, player: int
    ) -> list[ReportResult | None]:
        """As `scrobble_all`, for a player: what it says of the time heard is left out if nobody can have heard it.

        None for what cannot be a play at all.
        """
        moment, reporter = self._moment(), clean(reporter)
        reports = [self._player_report(moment, account, one, reporter, player) for one in reported]
        answers = iter(await self._take_all(account, [report for report in reports if report is not None]))
        return [None if report is None else next(answers) for report in reports]

    async def rehearse(self, account: int, reported: ReportedPlay, reporter: str, player: int) -> ReportResult:
        """What would be answered to a play of a player; nothing of it is kept. Raises NotATime."""
        report = self._player_report(self._moment(), account, reported, clean(reporter), player)
        if report is None:
            raise NotATime("no play")
        return await self.store.write(partial(self._rehearse, report=report))

    def _player_report(
        self, moment: _Moment, account: int, reported: ReportedPlay, reporter: str, player: int
    ) -> Report | None:
        try:
            return self._report(moment, account, reported.play, reporter, reported.left_out, reported.basis, player)
        except NotATime as error:
            if error.field != "played_time":
                return None
            message = f"left out: {reported.play.played:g} s played, which can't be right"
            message = f"{reported.left_out}; {message}" if reported.left_out else message
            unmeasured = ReportedPlay(reported.play, Basis(reported.basis.stamp, Listening.ASSUMED), message)
            return self._player_report(moment, account, unmeasured, reporter, player)

    def _take(self, db: Connection, reports: Sequence[Report]) -> list[Taken]:
        return take(db, reports, self.rules, self.fan_out)

    def _take_batches(self, db: Connection, batches: Sequence[Sequence[Report]]) -> list[list[Taken]]:
        """Write the plays of several requests and answer each, in one transaction."""
        answers = iter(self._take(db, list(chain.from_iterable(batches))))
        return [[next(answers) for _ in batch] for batch in batches]

    def _rehearse(self, db: Connection, report: Report) -> ReportResult:
        """What would be answered; nothing is written."""
        rehearsal = db.begin_nested()
        try:
            return self._take(db, [report])[0].result
        finally:
            rehearsal.rollback()

    async def _take_all(self, account: int, reports: Sequence[Report]) -> list[ReportResult]:
        if not reports:
            return []
        taken: list[Taken] = []
        if len(reports) <= min(SHARED, TOGETHER):
            taken = await self.store.write_together(self._take_batches, reports, account)
        else:
            size = PART if len(reports) > TOGETHER else TOGETHER
            for start in range(0, len(reports), size):
                taken += await self.store.write(partial(self._take, reports=reports[start : start + size]))
        self.tally.reports.update(one.result.status for one in taken)
        self._hint(account, taken)
        for one in taken:
            if one.result.status == "duplicate":
                self._announce(account, one)
        return [one.result for one in taken]

    def _hint(self, account: int, taken: Sequence[Taken]) -> None:
        """Wake what sends plays: Last.fm's, or that of other destinations, which may take what Last.fm does not."""
        if any(one.result.status == "queued" for one in taken):
            self.hint(account)
        elif any(one.result.message != REPORTED_BEFORE for one in taken):
            self.hint_others(account)

    def _announce(self, account: int, taken: Taken) -> None:
        result, track = taken
        if result.message != REPORTED_BEFORE:
            event = ScrobbleStatus(result.id, result.status, track.artist, track.title, result.message)
            self.event_hub.publish(account, event)

    def _moment(self) -> _Moment:
        clock, time = self.clock, self.time
        return _Moment(clock.now(), time.skew, clock.steady(), clock.boot, settled=time.settled)

    def _report(
        self,
        moment: _Moment,
        account: int,
        play: Play,
        reporter: str,
        left_out: str,
        basis: Basis,
        player: int | None = None,
    ) -> Report:
        """As Report has it. What comes by a player has been cleaned where it came in."""
        clean_names = player is not None
        frozen, placed = frozen_play(play, moment.now, moment.skew, basis, clean_names=clean_names)
        final = not placed.by_clock and (moment.settled or bool(moment.skew))  # no clock of ours has made its start
        return Report(
            account,
            frozen,
            moment.now,
            start_of_play(play.timestamp),
            placed.restamp_reason,
            placed.by_clock,
            reporter,
            moment.skew,
            left_out,
            None if final else moment.counter,
            "" if final else moment.boot,
            basis.listening,
            player,
        )

    async def fate(self, account: int, play_id: int, seconds: float) -> plays.StoredPlay | None:
        """The play, as soon as its fate is known or the seconds are over."""
        with self.event_hub.subscribe(account) as (subscription, _):
            deadline = self.clock.now() + seconds
            while True:
                stored = await self.store.read(lambda db: plays.find(db, account, play_id))
                remaining = deadline - self.clock.now()
                if stored is None or stored.fate != "queued" or remaining <= 0:
                    return stored
                await _until(subscription, play_id, min(remaining, 1.0))


async def _until(subscription: Subscription, play_id: int, seconds: float) -> None:
    """Return at the next event of that play, or after the seconds (another process may have sent it)."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for numbered in subscription:
                if isinstance(numbered.event, ScrobbleStatus) and numbered.event.id == play_id:
                    return
