"""The final check: after healing, every acknowledged play is on Last.fm once, or is here with a true reason."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from benchmarks.simulation.finding import Kind
from benchmarks.simulation.ledger import CORRECTED, Key, Ledger, Reported
from benchmarks.simulation.network_faults import MISSPELT, RIGHT, is_poison
from benchmarks.simulation.oracle import NOT_STORED, Referee
from lastfm_emulator import Emulator

TOO_OLD = 14 * 86400
SLACK = 60.0
"""Seconds by which the skew of a clock is known."""

SHARED = 3.0
"""Seconds that two plays may share, since times are cut to whole seconds."""

_HISTORY_ONLY = {"threshold_not_met", "disabled", "not_authenticated"}
_FILTERED = {"various", "[unknown]", "unknown album", "va"}


@dataclass(slots=True, eq=False)
class Checker:
    """Reads the file without the product's code, and Last.fm's profiles from the inside.

    `rows` are the plays of the history by what was reported, after the check.
    """

    ledger: Ledger
    emulator: Emulator
    file: Path
    referee: Referee
    rows: dict[Reported, sqlite3.Row] = field(default_factory=dict)
    _sent_as: dict[Key, Reported] = field(default_factory=dict)
    _queue: dict[int, sqlite3.Row] = field(default_factory=dict)
    _users: dict[str, str] = field(default_factory=dict)
    _on_lastfm: defaultdict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))

    def check(self) -> None:
        """Report everything that is wrong."""
        self._read()
        self._profiles()
        for play in self.ledger.plays:
            self._play(play)
        for play in self.ledger.plays:
            self._one_listen(play)

    def _one_listen(self, play: Reported) -> None:
        """A listen that was reported twice, with starts that differ, is on Last.fm once."""
        for other in self.ledger.songs(play.artist, play.title):
            if other.timestamp <= play.timestamp or not (self._as_reported(play) and self._as_reported(other)):
                continue
            shared = min(play.end, other.end) - other.timestamp
            if play.owners & other.owners and shared > SHARED:
                self.finds(Kind.DOUBLED, f"{play} is on Last.fm, and so is {other}, which is the same listen")

    def _as_reported(self, play: Reported) -> bool:
        """Whether it is on Last.fm with its reported start, without its listener having asked for that."""
        row = self.rows.get(play)
        as_told = row is not None and not row["restamp_reason"] and row["timestamp"] == play.timestamp
        return as_told and not play.resent and not play.discarded and self._there(play)

    def finds(self, kind: Kind, words: str) -> None:
        self.referee.finds(kind, words)

    def _read(self) -> None:
        with closing(sqlite3.connect(self.file)) as db:
            db.row_factory = sqlite3.Row
            for row in db.execute("SELECT * FROM play"):
                self._history(row)
            self._queue = {row["id"]: row for row in db.execute("SELECT * FROM scrobble_queue")}
            self._users = {row["name"]: row["lastfm_user"] for row in db.execute("SELECT * FROM account")}
        for row in self._queue.values():
            if row["state"] != "queued":
                self.finds(Kind.UNEXPLAINED, f"{row['track']!r} is {row['state']} though nobody sends it")

    def _history(self, row: sqlite3.Row) -> None:
        what = (row["artist"], row["track"], row["timestamp"])
        play = self.ledger.find(row["artist"], row["track"], lambda: int(row["reported_timestamp"]))
        if play is None:
            self.finds(Kind.DOUBLED, f"{what} stands in the history, and nobody reported it")
            return
        if play in self.rows:
            self.finds(Kind.DOUBLED, f"{play} stands twice in the history")
        moved, reason = row["timestamp"] != play.timestamp, row["restamp_reason"]
        came_back = not moved and "; moved by" in reason
        if moved != bool(reason) and not came_back and play.artist != CORRECTED:
            self.finds(
                Kind.UNEXPLAINED, f"{play} stands at {row['timestamp']}, moved because: {row['restamp_reason']!r}"
            )
        self.rows[play] = row
        self.ledger.found_as[play] = row["id"]
        self._sent_as[what] = play

    def _profiles(self) -> None:
        for profile in self.emulator.users.values():
            for play in profile.plays:
                self._on_lastfm[(play.sent_artist, play.sent_track, play.timestamp)].append(profile.name.casefold())
        for key, users in self._on_lastfm.items():
            reported = self._sent_as.get(key) or self._unheard_of(key)
            if reported is None:
                self.finds(Kind.DOUBLED, f"{key} is on the profile of {users}, and nobody played it")
                continue
            if len(users) > 1 and not reported.resent:
                self.finds(Kind.DOUBLED, f"{reported} is on the profiles of {users}")
            for user in users:
                if user not in reported.owners:
                    self.finds(Kind.DOUBLED, f"{reported} of {sorted(reported.owners)} is on the profile of {user}")
            after = reported.corrected_to
            if after is not None and self._there(after) and not reported.resent:
                self.finds(Kind.DOUBLED, f"{reported} is on Last.fm, and so is what it was corrected to")

    def _unheard_of(self, key: Key) -> Reported | None:
        """The play that was sent like this before it was moved: Last.fm's clock was wrong, and its answer was lost."""
        artist, title, timestamp = key
        for play in self.ledger.songs(artist, title):
            row = self.rows.get(play)
            if timestamp in play.flight.starts and row and row["unanswered"] and not self._there(play):
                return play
        return None

    def _there(self, play: Reported) -> bool:
        """Whether it is on Last.fm."""
        row = self.rows.get(play)
        return row is not None and bool(self._on_lastfm.get((play.artist, play.title, row["timestamp"])))

    def _play(self, play: Reported) -> None:
        row = self.rows.get(play)
        if row is None:
            if play.acknowledged and not self._told_twice(play):
                self.finds(Kind.LOST, f"{play} was acknowledged and is not in the history")
            return
        if play.acknowledged and play.id != row["id"]:
            self.finds(Kind.UNEXPLAINED, f"{play} has the number {row['id']}, its reporter was told {play.id}")
        if (row["fate"] == "queued") != (row["id"] in self._queue):
            self.finds(Kind.LOST, f"{play} is {row['fate']} by the history, the queue says otherwise")
            return
        if why_not := self._untrue(play, row):
            kind = Kind.LOST if row["fate"] == "accepted" else Kind.UNEXPLAINED
            self.finds(kind, f"{play} is {row['fate']} ({row['reason']}): {why_not}")
        forgotten = row["unanswered"]  # Last.fm may have it, it says: the process died with the word in its hands
        if 0 in play.flight.codes and row["fate"] not in ("accepted", "expired", "discarded") and not forgotten:
            self.finds(Kind.UNEXPLAINED, f"{play} is {row['fate']}, though Last.fm's word that it has it arrived")

    def _told_twice(self, play: Reported) -> bool:
        """Whether it was treated as another report of the same song, and moved to the same start or from it."""
        same = [self.rows[other] for other in self.ledger.songs(play.artist, play.title) if other in self.rows]
        slack = play.played + SLACK + max(self.referee.latest_skew, -self.referee.earliest_skew)
        near = {
            row["id"]
            for row in same
            if any(abs(at - play.timestamp) <= slack for at in (row["timestamp"], row["reported_timestamp"]))
        }
        return all(answer.id in near and answer.status in {"duplicate", *_HISTORY_ONLY} for answer in play.answers)

    def _untrue(self, play: Reported, row: sqlite3.Row) -> str | None:
        """Why a fate is not true; None if it is."""
        match row["fate"]:
            case "accepted":
                return self._not_accepted(play, row)
            case "queued":
                return self._not_waiting(play, row)
            case "ignored":
                return self._not_ignored(play, row)
            case "refused":
                return _not_refused(play, row["code"])
            case "expired":
                return self._not_expired(play, row)
            case "discarded":
                return None if play.discarded else "nobody discarded it"
            case "suspected":
                return not_suspected(self.ledger, self.rows, play)
            case "not_authenticated" if play.asked_elsewhere and (play.discarded or play.was_answered("duplicate")):
                return None  # it stood for nothing until it was sent by hand, without a session: only others get it
            case fate if fate in _HISTORY_ONLY:
                return None if play.was_answered(fate) or play.unheard else "its reporter was told otherwise"
            case _:
                return "there is no such fate"

    def _not_accepted(self, play: Reported, row: sqlite3.Row) -> str | None:
        if not self._there(play):
            return "it is not on Last.fm"
        corrected = json.loads(row["correction"]) if row["correction"] else None
        if play.artist == MISSPELT and (not corrected or corrected["artist"] != RIGHT):
            return f"the correction is {corrected}"
        if play.artist != MISSPELT and corrected:
            return f"there is a correction: {corrected}"
        return None

    def _not_waiting(self, play: Reported, row: sqlite3.Row) -> str | None:
        if self._queue[row["id"]]["owner"] != self._users[play.account]:
            return None  # held for somebody who is not signed in
        return "it still waits, and nothing stands in its way"

    def _not_ignored(self, play: Reported, row: sqlite3.Row) -> str | None:
        if row["code"] not in play.flight.codes:
            return f"Last.fm's word for it was {sorted(play.flight.codes)}, not {row['code']}"
        if row["code"] in NOT_STORED:
            return "the server could not store it, so it was to wait"
        filtered = {play.artist.casefold(), *(name.casefold() for name in play.extra.values())} & _FILTERED
        old = row["settled_at"] - row["timestamp"] + self.referee.earliest_skew >= TOO_OLD
        ahead = row["code"] in (3, 4) and play.flight.ahead  # GNU FM swaps the two
        for meant, word in ((old, "14 days"), (bool(filtered) and not old, "filter"), (ahead, "future")):
            if meant and word not in row["reason"] and "14 days" not in row["reason"]:
                return f"the true reason is another one ({word})"
        return None

    def _not_expired(self, play: Reported, row: sqlite3.Row) -> str | None:
        """Too old by the true time, within the error of Last.fm's clock, whatever the service's clock showed. If it was
        when it was reported or edited, by a wrong clock: too old before the time was known.
        """
        now = self.referee.timeline.now
        at_once = play.was_answered("too_old") or (play.artist == CORRECTED and row["settled_at"] == row["reported_at"])
        at = now if at_once else self._true(row["settled_at"], now)
        age = at + self.referee.latest_lastfm + SLACK - row["timestamp"]
        return None if age >= TOO_OLD else f"it is {age / 86400:.3f} days old"

    def _true(self, shown: float, now: float) -> float:
        """The true time when the service's clock showed this; the latest, if it was set back."""
        times = []
        ends = [*(at for at, _ in self.referee.clocks[1:]), now]
        for (since, off), until in zip(self.referee.clocks, ends, strict=True):
            if since - SLACK <= shown - off <= until + SLACK:
                times.append(shown - off)
        return max(times, default=now)


def not_suspected(ledger: Ledger, rows: Mapping[Reported, sqlite3.Row], play: Reported) -> str | None:
    """Why a play is not suspected with good reason; None if the same song was also reported for the same time.

    Both may be meant as reported or as moved.
    """
    for other in ledger.songs(play.artist, play.title):
        if other is play:
            continue
        for one, two in product(_starts(play, rows.get(play)), _starts(other, rows.get(other))):
            shared = min(one + play.played, two + other.played) - max(one, two)
            if shared > 0:
                return None
    return "nobody told of that song for that time otherwise"


def _starts(play: Reported, row: sqlite3.Row | None) -> set[int]:
    """When it may have begun: as reported, as in the history, and as its player meant it if it sent the end."""
    if row is None:
        return {play.timestamp}
    told_its_end = "the player sent the end time" in row["restamp_reason"]
    return {play.timestamp, row["timestamp"], play.timestamp - round(play.played) * told_its_end}


def _not_refused(play: Reported, number: int) -> str | None:
    if number not in play.flight.errors:
        return f"Last.fm never refused it alone with {number}"
    if number == is_poison(play) or number in play.flight.believable:
        return None
    return "nothing is wrong with it, and what refused it may have refused any play"


def fates(file: Path) -> Counter[str]:
    """The number of plays by fate."""
    with closing(sqlite3.connect(file)) as db:
        return Counter(dict(db.execute("SELECT fate, count(*) FROM play GROUP BY fate")))
