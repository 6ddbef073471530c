"""Import of listening histories from files: adds the plays that a file has and the history lacks, and can undo that.

A file is read to its end before anything is written. Then its plays are written in the order of time, in parts; an
import that is interrupted there is continued by importing the same files again, or undone.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tonearm.clock import Clock
from tonearm.core.edit_rules import EditRule, ruled
from tonearm.core.play import DAY, LONGEST_NEEDED, Play, Track
from tonearm.core.report import Basis, Listening, Stamp
from tonearm.history.doubles import REACH, Judge, Outcome, SongKey, StoredPast, folded, spans
from tonearm.history.play import NamedFile, PastPlay, ReadOptions, SkippedLine, Unreadable, where
from tonearm.history.reading import Section, read
from tonearm.history.sorting import SortedPlays
from tonearm.service.report_play import Reports
from tonearm.store import accounts, edit_rules, history_imports, library, plays
from tonearm.store.db.database import Store
from tonearm.store.history_imports import ImportState, StoredImport

PART = 500
"""Plays that are compared and written at a time, within a few tens of milliseconds."""

FAULTS_SHOWN = 100
"""Unreadable lines that are named; all are counted."""

YOUNG = 14 * DAY
"""Seconds; Last.fm accepts no older plays."""

Progress = Callable[[int, int], None]


class CannotUndo(Exception):
    """Nothing is left of this import."""


class NoSuchImport(CannotUndo):
    """This listener has no such import."""


class Undone(Exception):
    """The import has been undone meanwhile, or another process has done it."""


class ChangedMeanwhile(Exception):
    """The plays that a part was compared with have changed meanwhile: compare it again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line or an entry that could not be read, and why."""

    file: str
    line: int
    reason: str
    text: str = ""

    @property
    def where(self) -> str:
        """Its place in the file: `line 12`, or `entry 1,204` of a document."""
        return where(self.line)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of an import of one kind of file, or of its dry run (then `id` is None). `new` plays were written,
    `known` ones are there already; `doubtful` ones may be there, and are left out unless they were requested. `queued`
    of the new ones are sent to Last.fm, too; `young` could be. `ruled` of the new ones get other names by the
    listener's rules, or would get them if the rules were applied. `skipped` counts entries that aren't plays to import,
    by reason. Times are the Unix seconds of the first and the last play of the files.
    """

    source: str
    files: tuple[str, ...]
    id: int | None = None
    new: int = 0
    known: int = 0
    doubtful: int = 0
    queued: int = 0
    young: int = 0
    ruled: int = 0
    unreadable: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """What else is imported, and how. With `queue`, plays in the files that wait in other scrobblers' queues and that
    Last.fm still accepts are reported instead, as if their player had done so. With `rules`, the listener's rules for
    names apply to the plays first.
    """

    queue: bool = False
    doubtful: bool = False
    rules: bool = False


NOTHING_ELSE = ImportChoices()


@dataclass(slots=True)
class _Source:
    """The content of files of one kind."""

    kind: str
    journal: bool = False
    layout: str = ""
    files: list[str] = field(default_factory=list)
    plays: SortedPlays = field(default_factory=SortedPlays)
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    faults: list[Fault] = field(default_factory=list)

    def take(self, entry: PastPlay | SkippedLine | Unreadable, file: str, place: int) -> None:
        if isinstance(entry, PastPlay):
            self.plays.add(entry._replace(file=place) if place else entry)
        elif isinstance(entry, SkippedLine):
            self.skipped[entry.reason] += 1
        else:
            self.unreadable += 1
            if len(self.faults) < FAULTS_SHOWN:
                self.faults.append(Fault(file, *entry))


@dataclass(frozen=True, slots=True)
class HistoryImport:
    """Imports from files into accounts' histories."""

    store: Store
    clock: Clock
    reports: Reports

    async def run(
        self,
        account: int,
        files: Sequence[Path],
        options: ReadOptions,
        progress: Progress,
        *,
        apply: bool,
        choices: ImportChoices = NOTHING_ELSE,
    ) -> list[ImportResult]:
        """Read files and write what is new in them; without `apply`, only report what that is. `progress` is called
        with (done, total) plays. Raises HistoryFileError and OSError before anything is written, StoreUnavailable: then
        import the same files again to continue.
        """
        if options.by_path is None:
            options = replace(options, by_path=await self._by_path(account))
        sources = await asyncio.to_thread(_read_all, files, options, self.clock.now())
        total, done = sum(source.plays.number for source in sources), 0
        results: list[ImportResult] = []
        try:
            digest = await asyncio.to_thread(_digest, files, options, choices) if apply else ""
            naming = _Naming(await self.store.read(partial(edit_rules.in_order, account=account)), choices.rules)
            for source in sources:
                run = _Run(self, account, source, naming, choices, partial(_shifted, progress, done, total))
                results.append(await run.to_the_end(digest))
                done += source.plays.number
        finally:
            for source in sources:
                source.plays.close()
        return results

    async def listed(self, account: int) -> list[StoredImport]:
        """All imports of an account, the latest first."""
        return await self.store.read(partial(history_imports.listed, account=account))

    async def undo(self, account: int, import_id: int, progress: Progress) -> int:
        """Remove what an import has added, except plays sent since; returns how many plays. Raises CannotUndo."""
        found = await self.store.read(partial(history_imports.find, account=account, import_id=import_id))
        if found is None:
            raise NoSuchImport(f"there is no import {import_id}: 'tonearm import-history --list' shows them")
        if found.state is ImportState.UNDONE:
            raise CannotUndo(f"import {import_id} has been undone already")
        await self._state(found, ImportState.UNDOING)
        gone, after, total = 0, found.first_play, found.counts.get("new", 0)
        while part := await self.store.write(partial(history_imports.undo_part, undone=found, after=after)):
            gone, after = gone + part[0], part[1]
            progress(gone, max(total, gone))
        await self._state(found, ImportState.UNDONE)
        return gone

    async def _state(self, found: StoredImport, state: ImportState) -> None:
        now = self.clock.now()
        await self.store.write(partial(history_imports.turn, import_id=found.id, state=state, now=now))

    async def _by_path(self, account: int) -> Callable[[str], NamedFile | None]:
        """Finds songs of the library by the end of a path, since a device has them in another folder than this
        machine.
        """
        files = await self.store.read(partial(library.by_path, account=account))
        ends: dict[tuple[str, ...], NamedFile | None] = {}

        def find(path: str) -> NamedFile | None:
            if not ends:
                ends.update(_ends(files))
            return ends.get(_end(path, 3)) or ends.get(_end(path, 2))

        return find


def _end(path: str, parts: int) -> tuple[str, ...]:
    return tuple(path.casefold().replace("\\", "/").split("/")[-parts:])


def _ends(
    files: Sequence[tuple[str, str, str, str, str, float | None, str]],
) -> dict[tuple[str, ...], NamedFile | None]:
    """Files by the last two and three parts of their paths; None for an end that several have."""
    found: dict[tuple[str, ...], NamedFile | None] = {}
    for path, artist, title, album, album_artist, duration, mbid in files:
        names = NamedFile(artist, title, album, album_artist, duration, mbid)
        for end in (_end(path, 2), _end(path, 3)):
            found[end] = None if end in found else names
    return found


def _shifted(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _read_all(files: Sequence[Path], options: ReadOptions, now: float) -> list[_Source]:
    """The content of the files: a source for each kind and layout, since each service has its own times."""
    sources: dict[tuple[str, str], _Source] = {}
    place = -1
    try:
        for path in files:
            name, source = path.name, _Source("")
            for entry in read(path, options, now):
                if isinstance(entry, Section):
                    place += 1
                    key = entry.kind, entry.layout
                    source = sources.setdefault(key, _Source(entry.kind, entry.journal, entry.layout))
                    name = path.name if entry.name == path.name else f"{path.name}: {entry.name}"
                    if path.name not in source.files:
                        source.files.append(path.name)
                else:
                    source.take(entry, name, place)
    except BaseException:
        for source in sources.values():
            source.plays.close()
        raise
    return list(sources.values())


def _digest(files: Sequence[Path], options: ReadOptions, choices: ImportChoices) -> str:
    """A digest that differs for other files, or for the same files read with other options."""
    read_as = (str(options.zone), options.private, choices.doubtful, *(["rules"] if choices.rules else []))
    whole = hashlib.sha256(repr(read_as).encode())
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class _Naming:
    """The listener's rules for names, and whether the import applies them."""

    rules: Sequence[EditRule]
    applies: bool

    def ruled(self, play: PastPlay) -> PastPlay:
        """The play with the names that the rules give it."""
        if not self.rules:
            return play
        track = Track(play.artist, play.title, play.album, play.album_artist, mbid=play.mbid)
        new = ruled(track, self.rules)
        if new == track:
            return play
        return play._replace(
            artist=new.artist, title=new.title, album=new.album, album_artist=new.album_artist, mbid=new.mbid
        )

    def written(self, plays: Sequence[PastPlay]) -> list[PastPlay]:
        """The plays as they are imported."""
        return [self.ruled(play) for play in plays] if self.applies else list(plays)


@dataclass(frozen=True, slots=True)
class _Run:
    """An import of files of one kind into a history."""

    room: HistoryImport
    account: int
    source: _Source
    naming: _Naming
    choices: ImportChoices
    progress: Callable[[int], None]

    async def to_the_end(self, digest: str) -> ImportResult:
        """Compare all plays and, if there is a digest, write those that are new."""
        source, store = self.source, self.room.store
        begun = await self._begin(digest) if digest else None
        known_until = await store.read(plays.last)
        judge = Judge(await store.read(partial(renamed, account=self.account)))
        counts: Counter[str] = Counter()
        done, walk = 0, _parts(iter(source.plays))
        first = last = None
        while step := await asyncio.to_thread(next, walk, None):
            part, ahead = step
            first, last = part[0].timestamp if first is None else first, part[-1].timestamp
            look = partial(
                history_imports.around,
                account=self.account,
                spans=spans(part),
                import_id=begun.id if begun else 0,
                before=known_until,
                owner="",
            )
            written, later = self.naming.written(part), self.naming.written(ahead)
            settled = False
            while not settled:
                there, trial = Compared(look, await store.read(look)), judge.fork()
                judged = await asyncio.to_thread(_judged, trial, written, later, there.plays, begun.id if begun else 0)
                with suppress(ChangedMeanwhile):
                    await self._settle(part, written, judged, counts, begun, there)
                    judge, settled = trial, True
            done += len(part)
            self.progress(done)
        result = ImportResult(
            source.kind,
            tuple(source.files),
            begun.id if begun else None,
            unreadable=source.unreadable,
            skipped=dict(source.skipped),
            faults=tuple(source.faults),
            first=first,
            last=last,
            **counts,
        )
        if begun:
            await self._finish(begun, counts)
        return result

    async def _begin(self, digest: str) -> StoredImport:
        source = self.source
        begin = partial(history_imports.begin, source=source.kind, name=", ".join(source.files))
        of_kind = " ".join(filter(None, (digest, source.kind, source.layout)))
        return await self.room.store.write(
            lambda db: begin(db, self.account, digest=of_kind, now=self.room.clock.now())
        )

    async def _finish(self, begun: StoredImport, counts: Counter[str]) -> None:
        facts = {**counts, "skipped": self.source.skipped.total(), "unreadable": self.source.unreadable}
        now = self.room.clock.now()
        await self.room.store.write(lambda db: history_imports.write(db, begun.id, ImportState.DONE, facts, now))

    async def _settle(
        self,
        part: Sequence[PastPlay],
        written: Sequence[PastPlay],
        judged: Sequence[Outcome],
        counts: Counter[str],
        begun: StoredImport | None,
        there: Compared,
    ) -> None:
        now = self.room.clock.now()
        found = Counter(counts)
        fresh: list[PastPlay] = []
        young: list[PastPlay] = []
        for play, named, outcome in zip(part, written, judged, strict=True):
            found["new" if outcome is Outcome.WRITTEN else outcome.value] += 1
            if outcome in (Outcome.NEW, Outcome.WRITTEN):
                found["ruled"] += self.naming.ruled(play) != play
            if outcome is Outcome.NEW and self.source.journal and now - play.timestamp < YOUNG:
                young.append(play)
            if outcome is Outcome.NEW or (outcome is Outcome.DOUBTFUL and self.choices.doubtful):
                fresh.append(named)
        found["young"] += len(young)
        if begun is not None:
            reported = self.choices.queue and young
            if reported:
                fresh = [play for play in fresh if now - play.timestamp >= YOUNG]
            rows = [row(play, self.account, begun.id, self.source.kind, now) for play in fresh]
            await self.room.store.write(
                partial(write_part, begun=begun, rows=rows, counts=dict(found), now=now, there=there)
            )
            if reported:
                answers = await self.room.reports.scrobble_all(
                    self.account,
                    [_reported(play) for play in young],
                    self.source.kind,
                    bases=[_basis(play) for play in young],
                )
                found["queued"] += sum(answer.status == "queued" for answer in answers)
        counts.update(found - counts)


@dataclass(frozen=True, slots=True)
class Compared:
    """The plays of the history that a part was compared with, and how to look for them again."""

    look: Callable[[Connection], list[Any]]
    plays: list[Any]

    def changed(self, db: Connection) -> bool:
        """Whether they are others now, such as after another import or a report at the same time."""
        return sorted(self.look(db), key=_by_id) != sorted(self.plays, key=_by_id)


def _by_id(one: Any) -> int:
    return int(one.id)


def write_part(
    db: Connection,
    begun: StoredImport,
    rows: list[dict[str, Any]],
    counts: dict[str, int],
    now: float,
    shared: Sequence[int] = (),
    there: Compared | None = None,
) -> None:
    """Write some plays of an import, and its progress; `shared` are plays of other imports that it has found as well.
    Raises Undone if it is being undone, ChangedMeanwhile if the plays `there` have changed since they were compared.
    """
    accounts.lock(db, [begun.account])
    if there is not None and there.changed(db):
        raise ChangedMeanwhile
    if not history_imports.write(db, begun.id, ImportState.RUNNING, counts, now):
        other = history_imports.find(db, begun.account, begun.id)
        done = other is not None and other.state is ImportState.DONE
        raise Undone(f"import {begun.id} {'was finished by another process' if done else 'is being undone'}")
    history_imports.add(db, begun.account, rows)
    history_imports.share(db, begun.id, shared)


def _parts(walk: Iterator[PastPlay]) -> Iterator[tuple[list[PastPlay], list[PastPlay]]]:
    """Plays in parts, each with the plays that follow so soon that they may match the same plays of the history."""
    ahead: list[PastPlay] = []
    while True:
        part = ahead[:PART]
        ahead = ahead[PART:]
        part += islice(walk, PART - len(part))
        if not part:
            return
        until = part[-1].timestamp + REACH
        while not ahead or ahead[-1].timestamp <= until:
            more = next(walk, None)
            if more is None:
                break
            ahead.append(more)
        yield part, ahead


def _judged(
    judge: Judge, part: Sequence[PastPlay], ahead: Sequence[PastPlay], found: Sequence[Any], import_id: int
) -> list[Outcome]:
    return judge.judge(part, ahead, [stored(one, import_id) for one in found])


def stored(found: Any, import_id: int) -> StoredPast:
    """A play of the history as it is compared."""
    names = found.correction or {}
    corrected = (names["artist"], names["track"]) if names.get("artist") and names.get("track") else None
    return StoredPast(
        found.id,
        found.timestamp,
        found.artist,
        found.track,
        corrected,
        found.duration or found.played or None,
        found.precision is not None or found.stamp is not None,
        import_id != 0 and found.import_id == import_id,
        found.earliest or 0,
    )


def renamed(db: Connection, account: int) -> dict[SongKey, SongKey]:
    """How Last.fm corrected the names that it was sent; both folded."""
    songs: dict[SongKey, set[SongKey]] = defaultdict(set)
    for sent, filed in plays.corrections(db, account):
        songs[folded(*sent)].add(folded(*filed))
    return {sent: filed.pop() for sent, filed in songs.items() if len(filed) == 1 and sent not in filed}


def row(play: PastPlay, account: int, import_id: int, source: str, now: float, owner: str = "") -> dict[str, Any]:
    """A play of the past as the history stores it."""
    return {
        "account": account,
        "artist": play.artist,
        "track": play.title,
        "timestamp": play.timestamp,
        "album": play.album,
        "album_artist": play.album_artist,
        "track_number": play.track_number,
        "mbid": play.mbid,
        "duration": play.duration,
        "played": play.played or 0.0,
        "chosen_by_user": True,
        "counted_reason": "its source counts it",
        "reported_timestamp": play.timestamp,
        "owner": owner,
        "reporter": "",
        "fate": plays.IMPORTED,
        "reason": f"imported from {source}",
        "reported_at": now,
        "import_id": import_id,
        "precision": play.precision if play.precision > 1 else None,
        "stamp": play.stamp if play.stamp != "start" else None,
        "earliest": play.earliest or None,
    }


def _reported(play: PastPlay) -> Play:
    track = Track(play.artist, play.title, play.album, play.album_artist, play.duration, play.track_number, play.mbid)
    return Play(track, play.timestamp, play.played or play.duration or LONGEST_NEEDED)


def _basis(play: PastPlay) -> Basis:
    return Basis(Stamp.UNKNOWN if play.stamp == "unknown" else Stamp.START, Listening.ASSUMED)
