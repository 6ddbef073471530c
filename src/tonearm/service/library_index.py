"""The listener's library as loved tracks are looked up in it: under all names that its songs are known by."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from tonearm.core.matching import LibraryIndex
from tonearm.core.naming import Names, Renamed, entries_by_other_names
from tonearm.store import library, loved, plays

LEARNT_FROM = 5000
"""Loved tracks that names are learnt from before others are looked up, however many there are."""


@dataclass(frozen=True, slots=True)
class LibraryNames:
    """What the database has of a listener's library, and how its songs are named at Last.fm."""

    files: list[tuple[int, str, str, str]]
    artists: dict[int, tuple[str, ...]]
    chosen: list[tuple[int, str, str, str]]
    corrections: list[tuple[Names, Names]]
    declined: frozenset[tuple[str, str]]
    """The (artist, title) for which the listener has rejected every candidate."""
    loved: list[Names]
    """Loved tracks: what many of them agree on are other names of the library's artists."""

    def index(self) -> LibraryIndex:
        """The library under all its names; a second for 20,000 files, so not for the event loop."""
        if not self.files:
            return LibraryIndex(())
        other_names = entries_by_other_names(self.files, self.artists, Renamed(self.corrections))
        by_one_artist = (
            (file, artist, title, "") for file, _, title, _ in self.files for artist in self.artists.get(file, ())
        )
        index = LibraryIndex([*self.files, *self.chosen, *other_names], by_one_artist)
        index.learn(self.loved)
        return index


def library_names(db: Connection, account: int) -> LibraryNames:
    """The library of an account; a file that was chosen for a loved track goes by the track's names, too."""
    names, choices = library.names(db, account), loved.choices(db, account)
    there = {file_id for file_id, *_ in names}
    chosen = [(file, artist, title, "") for file, artist, title in choices if file in there]
    declined = frozenset((artist, title) for file, artist, title in choices if not file)
    several, corrections = library.several_artists(db, account), plays.corrections(db, account)
    return LibraryNames(names, several, chosen, corrections, declined, loved.names(db, account, LEARNT_FROM))
