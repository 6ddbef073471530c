"""The final check of destinations: every play that counts is at each destination once, or its record has a true
reason.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from benchmarks.simulation.checks import not_suspected
from benchmarks.simulation.elsewhere import Elsewhere, Parcel, Target, keeps
from benchmarks.simulation.finding import Kind
from benchmarks.simulation.ledger import Reported

Rows = Mapping[Reported, sqlite3.Row]


def check(elsewhere: Elsewhere, file: Path, history: Rows) -> None:
    """Report everything that is wrong."""
    with closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        known = {row["id"]: row for row in db.execute("SELECT * FROM destination")}
        settled = {(row["destination"], row["play"]): row for row in db.execute("SELECT * FROM delivery")}
        waiting = {(row["destination"], row["id"]): row for row in db.execute("SELECT * FROM destination_queue")}
    by_id = {row["id"]: play for play, row in history.items()}
    for target in elsewhere.targets:
        removed = target.number not in known or known[target.number]["removed_at"] is not None
        ledger = {play: dict(row) for (of, play), row in settled.items() if of == target.number}
        queue = {play: dict(row) for (of, play), row in waiting.items() if of == target.number}
        _Reckoning(elsewhere, target, history, by_id, ledger, queue, removed).check()


class _Reckoning:
    """The check of one destination: its record and its queue by play ids."""

    def __init__(
        self,
        elsewhere: Elsewhere,
        target: Target,
        history: Rows,
        by_id: Mapping[int, Reported],
        ledger: Mapping[int, dict[str, object]],
        queue: Mapping[int, dict[str, object]],
        removed: bool,
    ) -> None:
        self.elsewhere, self.target, self.history, self.by_id = elsewhere, target, history, by_id
        self.ledger, self.queue, self.removed = ledger, queue, removed
        self.there: defaultdict[Reported, list[int]] = defaultdict(list)

    def finds(self, kind: Kind, words: str) -> None:
        self.elsewhere.finds(kind, f"{words} ({self.target})")

    def check(self) -> None:
        self._profile()
        for play_id in {*self.ledger, *self.queue}:
            play = self.by_id.get(play_id)
            if play is None or play.account != self.target.account:
                self.finds(Kind.UNEXPLAINED, f"the ledger speaks of play {play_id}, which is not its listener's")
        for play, row in self.history.items():
            if play.account == self.target.account:
                self._play(self.target.parcel(play), row)

    def _profile(self) -> None:
        server, user = self.target.server, self.target.user
        for listen in server.stored.values():
            if listen.user != user:
                continue
            play = self.target.sent_as.get((listen.at, listen.artist, listen.title))
            if play is None:
                self.finds(Kind.DOUBLED, f"{listen} is on the profile, and nobody played it")
                continue
            self.there[play].append(listen.at)
            if len(at := self._there(play)) > 1:
                self.finds(Kind.DOUBLED, f"{play} is there more than once, at {at}")

    def _there(self, play: Reported) -> list[int]:
        """When it was played according to the profile, from any of its reports."""
        return [at for one in self.elsewhere.reports_of(self.target, play) for at in self.there.get(one.play, ())]

    def _play(self, parcel: Parcel, row: sqlite3.Row) -> None:
        play, waits, fate = parcel.play, self.queue.get(row["id"]), self.ledger.get(row["id"])
        if waits is None and fate is None:
            if self._there(play) and not self._was_another(play):
                self.finds(Kind.UNEXPLAINED, f"{play} is there, and the ledger does not know it")
            elif self._must(parcel, row):
                self.finds(Kind.LOST, f"{play} was acknowledged, and is neither there nor in the ledger")
            return
        alike = self.elsewhere.reports_of(self.target, play)
        if not any(True in one.goes or one.asked for one in alike):
            self.finds(Kind.DOUBLED, f"{play} is in the ledger of a destination for which nobody asked")
        if waits is not None:
            if waits["state"] != "queued":
                self.finds(Kind.UNEXPLAINED, f"{play} is {waits['state']} though nobody sends it")
            elif not self.removed and not self._lies_ahead(waits):
                self.finds(
                    Kind.UNEXPLAINED, f"{play} still waits, and nothing stands in its way: {waits['last_error']}"
                )
            return
        assert fate is not None
        if why_not := self._untrue(parcel, fate):
            kind = Kind.LOST if fate["fate"] == "accepted" else Kind.UNEXPLAINED
            self.finds(kind, f"{play} is {fate['fate']} there ({fate['reason']}): {why_not}")
        open_ = bool(parcel.flight.open) or "it may be there" in str(fate["reason"])
        doubtful = fate["fate"] in ("discarded", "refused", "ignored")
        another = fate["fate"] == "suspected" and self._was_another(play)
        if self._there(play) and fate["fate"] != "accepted" and not (open_ and doubtful) and not another:
            self.finds(Kind.UNEXPLAINED, f"{play} is {fate['fate']} by the ledger ({fate['reason']}), and it is there")

    def _lies_ahead(self, waits: dict[str, object]) -> bool:
        """Whether the server still calls it too new, or did within the hour after which it is tried again, by the next
        sweep.

        That happens if our clock is days ahead and nobody is signed in at Last.fm, from which the time is learned.
        """
        return float(str(waits["timestamp"])) + self.elsewhere.sweep > self.target.server.now()

    def _must(self, parcel: Parcel, row: sqlite3.Row) -> bool:
        """Whether it must certainly be there, or in the record."""
        play = parcel.play
        plain = (
            play.acknowledged and play.answers[0].status in ("queued", "too_old") and not play.was_answered("duplicate")
        )
        return plain and bool(row["counted"]) and row["fate"] != "suspected" and parcel.goes == {True}

    def _untrue(self, parcel: Parcel, row: dict[str, object]) -> str | None:
        play, reason = parcel.play, str(row["reason"])
        match row["fate"]:
            case "accepted":
                return None if self._there(play) or self._first_report_is_there(play) else "it is not there"
            case "discarded":
                reports = self.elsewhere.reports_of(self.target, play)
                return None if any(one.play.discarded or one.discarded for one in reports) else "nobody discarded it"
            case "kept" if "which it replaces, may be there" in reason:
                return None if self._before_may_be_there(play) else "what it replaces was never on its way there"
            case "kept" if "which it replaces" in reason:
                return None if self._before_is_there(play) else "what it replaces is not there"
            case "kept":
                reports = self.elsewhere.reports_of(self.target, play)
                kept = any(keeps(policy, one.play) for one in reports for policy in one.policies)
                return None if kept else "no policy keeps it"
            case "suspected":
                return not_suspected(self.elsewhere.ledger, self.history, play)
            case "ignored":
                said = row["code"] == 2 and parcel.too_high > 1
                return None if said else f"it was called too new {parcel.too_high} times"
            case "refused":
                return self._not_refused(parcel, row["code"] if isinstance(row["code"], int) else 0)
            case _:
                return "there is no such fate there"

    def _not_refused(self, parcel: Parcel, number: int) -> str | None:
        flights = [one.flight for one in self.elsewhere.reports_of(self.target, parcel.play)]
        if not any(number in flight.errors for flight in flights):
            return f"it was never refused alone with {number}"
        believable = any(number in flight.believable for flight in flights)
        if parcel.play.title.startswith(self.target.server.bad) or believable:
            return None
        return "nothing is wrong with it, and what refused it may have refused any play"

    def _was_another(self, play: Reported) -> bool:
        """Whether it is there as the play that it was at first, which has another report's start by now."""
        rows = [self.ledger[answer.id] for answer in play.answers if answer.id in self.ledger]
        return any(row["fate"] == "accepted" for row in rows)

    def _first_report_is_there(self, play: Reported) -> bool:
        """Whether it is there as first reported: the answer was lost, and then it got another report's start."""
        for other in self.elsewhere.ledger.songs(play.artist, play.title):
            unheard = other.unheard and other not in self.history
            first = unheard or any(answer.id == play.id for answer in other.answers)
            if first and other.overlaps(play) and self.there.get(other):
                return True
        return False

    def _before_is_there(self, play: Reported) -> bool:
        return any(self._there(one) or self._first_report_is_there(one) for one in self._before(play))

    def _before_may_be_there(self, play: Reported) -> bool:
        """Whether the play that this one replaces is there, has been sent there, or is in doubt by its own record: a
        process that dies may have marked it and not sent it yet, and nobody else knows which of the two.
        """
        for before in self._before(play):
            parcels = self.elsewhere.reports_of(self.target, before)
            if any(self.there.get(one.play) or one.flight.first is not None for one in parcels):
                return True
            number = int(self.history[before]["id"]) if before in self.history else 0
            waits, fate = self.queue.get(number), self.ledger.get(number)
            if (waits and waits["unanswered"]) or (fate and "it may be there" in str(fate["reason"])):
                return True
        return False

    def _before(self, play: Reported) -> list[Reported]:
        """What it was corrected from."""
        return [before for before in list(self.target.parcels) if before.corrected_to is play]
