"""Loved: what an import of loved tracks from Last.fm changes in the library.

The plan for one page only adds hearts.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import assert_never

from tonearm.core.matching import Candidate, Doubtful, LibraryIndex, Match, NoMatch, Several, Sure


@dataclass(frozen=True, slots=True)
class Loved:
    """A track that the listener loves on Last.fm; `loved_at` in Unix seconds UTC, 0 if it is not known."""

    artist: str
    title: str
    mbid: str = ""
    loved_at: int = 0


@dataclass(frozen=True, slots=True)
class LoveMark:
    """A track of the library that gets a heart, and since when it is loved."""

    id: int
    loved_at: int


@dataclass(frozen=True, slots=True)
class Undecided:
    """A loved track that may be one of the candidates: the listener chooses, nothing is marked."""

    loved: Loved
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """A loved track and its files in the library, the best match first."""

    loved: Loved
    ids: tuple[int, ...]
    by: Sure


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Loved tracks by outcome. Each is counted once, however many copies the library has of it."""

    imported: int = 0
    already: int = 0
    doubtful: int = 0
    missing: int = 0

    @property
    def total(self) -> int:
        return self.imported + self.already + self.doubtful + self.missing

    def __add__(self, other: ImportCounts) -> ImportCounts:
        return ImportCounts(
            self.imported + other.imported,
            self.already + other.already,
            self.doubtful + other.doubtful,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What to do for one page of loved tracks. `counts.total` is the number of tracks on the page."""

    marks: tuple[LoveMark, ...]
    doubtful: tuple[Undecided, ...]
    missing: tuple[Loved, ...]
    counts: ImportCounts
    matched: tuple[Matched, ...] = ()


def plan_import(
    page: Iterable[Loved],
    library: LibraryIndex,
    hearts: Set[int],
    declined: Set[tuple[str, str]] = frozenset(),
) -> ImportPlan:
    """The plan for one page; `hearts` are the ids that have a heart already, including those from earlier pages.

    `declined` are the (artist, title) for which the listener has rejected every candidate.

    All copies of a song are marked. "Imported" is a loved track of which at least one copy is newly marked, so
    the same page planned again, with its marks among `hearts`, imports nothing.
    """
    page = list(page)
    library.learn((loved.artist, loved.title) for loved in page)
    marks: dict[int, LoveMark] = {}
    doubtful: list[Undecided] = []
    missing: list[Loved] = []
    matched: list[Matched] = []
    imported = already = 0
    for loved in page:
        match library.find(loved.artist, loved.title, loved.mbid):
            case Match(ids=ids, by=by) | Several(ids=ids, by=by):
                matched.append(Matched(loved, ids, by))
                new = [id for id in ids if id not in hearts and id not in marks]
                marks.update((id, LoveMark(id, loved.loved_at)) for id in new)
                imported += bool(new)
                already += not new
            case Doubtful() if (loved.artist, loved.title) in declined:
                missing.append(loved)
            case Doubtful(candidates):
                doubtful.append(Undecided(loved, candidates))
            case NoMatch():
                missing.append(loved)
            case never:
                assert_never(never)
    tally = ImportCounts(imported, already, len(doubtful), len(missing))
    return ImportPlan(tuple(marks.values()), tuple(doubtful), tuple(missing), tally, tuple(matched))
