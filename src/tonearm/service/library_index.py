"""An index of the listener's library for matching loved tracks: by all names that its songs are known under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from tonearm.core.loved import Loved
from tonearm.core.matching import LibraryIndex
from tonearm.core.name_caches import remembering
from tonearm.core.name_keys import CorrectionKeys, asking_key, keys_of_song, recording_keys, title_keys
from tonearm.core.naming import Names, Renamed, entries_by_other_names
from tonearm.store import library, loved, plays
from tonearm.store.db.database import Store

LEARNT_FROM = 5000
"""The number of loved tracks that names are learned from at most, before others are looked up."""


@dataclass(frozen=True, slots=True)
class LibraryNames:
    """A listener's library, or a part of it, from the database, and the names of its songs on Last.fm."""

    files: list[tuple[int, str, str, str]]
    artists: dict[int, tuple[str, ...]]
    chosen: list[tuple[int, str, str, str]]
    corrections: list[tuple[Names, Names]]
    declined: frozenset[tuple[str, str]]
    """The (artist, title) for which the listener has rejected every candidate."""
    loved: list[Names]
    """Loved tracks, from which other names of the library's artists are learned if many of them agree."""

    def index(self) -> LibraryIndex:
        """The files under all their names. Takes a second for 20,000 files, so don't call it on the event loop."""
        if not self.files and not self.chosen:
            return LibraryIndex(())
        other_names = entries_by_other_names(self.files, self.artists, _renamed(tuple(self.corrections)))
        by_one_artist = (
            (file, artist, title, "") for file, _, title, _ in self.files for artist in self.artists.get(file, ())
        )
        index = LibraryIndex([*self.files, *self.chosen, *other_names], by_one_artist)
        index.learn(self.loved)
        return index


def library_names(db: Connection, account: int) -> LibraryNames:
    """The library of an account; a file that was chosen for a loved track is found under that track's names, too."""
    names = library.names(db, account)
    chosen, declined = _choices(db, account, {file_id for file_id, *_ in names})
    several, corrections = library.several_artists(db, account), plays.corrections(db, account)
    return LibraryNames(names, several, chosen, corrections, declined, loved.names(db, account, LEARNT_FROM))


def _choices(
    db: Connection, account: int, there: set[int] | None = None
) -> tuple[list[tuple[int, str, str, str]], frozenset[Names]]:
    """Chosen files by the names that they were chosen for, and the names for which the listener chose no file."""
    choices = loved.choices(db, account)
    if there is None:
        there = library.readable(db, account, {file for file, _, _ in choices if file})
    chosen = [(file, artist, title, "") for file, artist, title in choices if file in there]
    return chosen, frozenset((artist, title) for file, artist, title in choices if not file)


@remembering(8)
def _renamed(corrections: tuple[tuple[Names, Names], ...]) -> Renamed:
    return Renamed(corrections)


@remembering(8)
def _behind(corrections: tuple[tuple[Names, Names], ...]) -> CorrectionKeys:
    return CorrectionKeys(corrections)


MANY = 100
"""With this many songs, the whole library is indexed to look them up."""


async def names_around(store: Store, account: int, songs: Sequence[Loved]) -> LibraryNames:
    """The part of the library that the matches of these songs depend on: its index gives the same matches for them as
    the whole library's. For many songs it is the whole library.
    """
    if len(songs) > MANY:
        return await store.read(partial(library_names, account=account))
    while (names := await store.read(partial(_around, account=account, songs=songs))) is None:
        while await store.write(partial(_key_some, account=account)):
            pass
    return names


def _around(db: Connection, account: int, songs: Iterable[Loved]) -> LibraryNames | None:
    """None if some of the library has no keys yet."""
    if library.unkeyed(db, account) or loved.unkeyed(db, account):
        return None
    keys = {key for song in songs for key in keys_of_song(song.artist, song.title, song.mbid)}
    recordings = {key for song in songs for key in recording_keys(song.mbid)}
    copies = library.with_keys(db, account, recordings) if recordings else []
    learnt = loved.of_artists(db, account, {asking_key(song.artist) for song in songs})
    for title in {title for _, _, title, _, _ in copies} | {title for _, title in learnt}:
        keys |= title_keys(title)
    corrections = plays.corrections(db, account)
    found = library.with_keys(db, account, _behind(tuple(corrections)).behind(keys))
    files = [(file_id, artist, title, mbid) for file_id, artist, title, mbid, _ in found]
    several = {file_id: tuple(artists) for file_id, *_, artists in found if artists}
    chosen, declined = _choices(db, account)
    return LibraryNames(files, several, chosen, corrections, declined, learnt)


def _key_some(db: Connection, account: int) -> bool:
    """Compute the keys of some files and loved tracks; True if there may be more."""
    more_files, more_loved = library.key_some(db, account), loved.key_some(db, account)
    return more_files or more_loved
