"""Reports of plays: judged by the listener's rule, and on disk before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.cleaning import clean
from tonearm.core.destination import Rules
from tonearm.core.event import ScrobbleStatus
from tonearm.core.play import MissingName, Play, start_of_play
from tonearm.core.report import Basis, Listening
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
"""Plays that are written in one transaction; larger reports are written in parts, with others' plays in between."""

SHARED = 50
"""Plays of one request up to which they share a transaction with those of other requests."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """When plays were reported together: by our clock, and by the counter of this boot. `skew` is how far our clock is
    behind Last.fm's (seconds), and `settled` whether that is known for certain.
    """

    now: float
    skew: float
    counter: float
    boot: str
    settled: bool


@dataclass(frozen=True, slots=True)
class Reports:
    """Accepts reports of plays. `hint` is called with the account that may have something to send, after the commit.

    `hint_others` is called if only destinations may get it, which `fan_out` knows.
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
        """Save a play: it is on disk when this returns. `reporter` distinguishes the players of a listener. `left_out`
        says in words which parts of the report could not be read: the result and the play's details repeat it. `basis`
        says which moment of the play its timestamp is, and how `played` is known (0 if no seconds were sent; not used
        if they are assumed). What it states is used as it is; anything else is guessed. Raises MissingName, NotATime,
        UnknownListener; StoreUnavailable: then it is not written.
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
        """Save several plays: all are on disk when this returns, with a result for each. Up to 1000 are one
        transaction.

        `left_out` and `bases` are empty, or have for each play what `scrobble` would be given.

        Subscribers get the queue's length and suspected plays, not each queued play. Raises NotPlays if some are
        invalid, and UnknownListener: then nothing is written. Raises StoreUnavailable: then report them all again; of
        more than 1000, some may be written, and those are `duplicate`.
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
        """As `scrobble_all`, for a player: a time heard that is impossible is left out. The result is None for what
        can't be a play at all.
        """
        moment, reporter = self._moment(), clean(reporter)
        reports = [self._player_report(moment, account, one, reporter, player) for one in reported]
        answers = iter(await self._take_all(account, [report for report in reports if report is not None]))
        return [None if report is None else next(answers) for report in reports]

    async def rehearse(self, account: int, reported: ReportedPlay, reporter: str, player: int) -> ReportResult:
        """The result that a player's play would get; nothing is saved. Raises NotATime."""
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
        """Write the plays of several requests in one transaction; returns the results of each."""
        answers = iter(self._take(db, list(chain.from_iterable(batches))))
        return [[next(answers) for _ in batch] for batch in batches]

    def _rehearse(self, db: Connection, report: Report) -> ReportResult:
        """The result that a report would get; nothing is written."""
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
        """Wake the delivery to Last.fm, or to destinations, which may accept what Last.fm doesn't."""
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
        """The report as a `Report`. What a player sends was cleaned when it was parsed."""
        clean_names = player is not None
        frozen, placed = frozen_play(play, moment.now, moment.skew, basis, clean_names=clean_names)
        final = not placed.by_clock and (moment.settled or bool(moment.skew))  # its start isn't from our clock
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
        """The play, as soon as its fate is known, or after that many seconds."""
        with self.event_hub.subscribe(account) as (subscription, _):
            deadline = self.clock.now() + seconds
            while True:
                stored = await self.store.read(lambda db: plays.find(db, account, play_id))
                remaining = deadline - self.clock.now()
                if stored is None or stored.fate != "queued" or remaining <= 0:
                    return stored
                await _until(subscription, play_id, min(remaining, 1.0))


async def _until(subscription: Subscription, play_id: int, seconds: float) -> None:
    """Return at the next event about that play, or after that many seconds (another process may have sent it)."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for numbered in subscription:
                if isinstance(numbered.event, ScrobbleStatus) and numbered.event.id == play_id:
                    return
