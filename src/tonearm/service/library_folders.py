"""Which folders of a listener's library songs are in, for destinations that get nothing from some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from tonearm.core.matching import LibraryIndex, Match, Several
from tonearm.core.name_keys import recording_keys, title_keys
from tonearm.core.play import Track
from tonearm.core.policy import is_inside
from tonearm.store import library


def files_of(db: Connection, account: int, tracks: Iterable[Track]) -> dict[Track, tuple[str, ...]]:
    """The paths of the files that are certainly these tracks. Tracks without files are left out."""
    wanted = set(tracks)
    keys = {key for track in wanted for key in title_keys(track.title) | recording_keys(track.mbid)}
    found = library.with_keys(db, account, keys)
    if not found:
        return {}
    index = LibraryIndex(
        [(id_, artist, title, mbid) for id_, artist, title, mbid, _ in found],
        [(id_, artist, title, "") for id_, _, title, _, artists in found for artist in artists or ()],
    )
    matches = {track: index.find(track.artist, track.title, track.mbid) for track in wanted}
    ids = {track: match.ids for track, match in matches.items() if isinstance(match, Match | Several)}
    paths = library.paths(db, {id_ for some in ids.values() for id_ in some})
    return {track: tuple(paths[id_] for id_ in some) for track, some in ids.items()}


def without_files(db: Connection, account: int, folders: Sequence[str]) -> list[str]:
    """Those of these folders that hold no file of the library."""
    if not folders:
        return []
    paths = library.fingerprints(db, account).keys()
    return [one for one in folders if not any(is_inside(path, one) for path in paths)]
