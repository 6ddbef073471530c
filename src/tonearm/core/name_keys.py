"""Name keys: numbers by which the files that a song's match depends on are found, without reading the whole library.

A match looks at files with the artist, with the title, and with the MusicBrainz recording. So an index
of the files that share a key with the song finds for it what an index of all files finds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from hashlib import blake2b

from tonearm.core.likeness import cores
from tonearm.core.naming import Names, credits_of
from tonearm.core.spelling import artist_spellings, credit, fold, without_guests, without_track_number


def keys_of_file(artist: str, artists: Sequence[str], title: str, mbid: str) -> set[int]:
    """The keys of a file; `artists` are those that it lists, if they are several."""
    names = {*credits_of(artist, artists), *artists}
    return {key for name in names for key in artist_keys(name)} | title_keys(title) | recording_keys(mbid)


def keys_of_song(artist: str, title: str, mbid: str) -> set[int]:
    """The keys of the files that the match of a song depends on."""
    return artist_keys(artist) | title_keys(title) | recording_keys(mbid)


def artist_keys(artist: str) -> set[int]:
    """The keys of everything under an artist's name."""
    return {_number("artist", spelling) for spelling in credit(artist).spellings}


def title_keys(title: str) -> set[int]:
    """The keys of everything with a title, by any artist: with and without parts that may not belong to it."""
    titles = {title, without_track_number(title)[0]}
    return {_number("title", fold(without_guests(one)[0])) for one in titles} | {
        _number("title", core) for core in cores(title)
    }


def recording_keys(mbid: str) -> set[int]:
    """The key of everything with a MusicBrainz recording; none without one."""
    return {_number("recording", mbid.lower())} if mbid else set()


def learning_key(artist: str) -> int:
    """The key shared by the songs from which other names of this artist are learned."""
    return _number("artist", credit(artist).spellings[0])


def asking_key(artist: str) -> int:
    """The `learning_key` of the songs that say something about an artist being looked up."""
    return _number("artist", artist_spellings(artist)[0])


class CorrectionKeys:
    """The keys of files that are found under other names as well: Last.fm's corrections, as in
    `core.naming.Renamed`.
    """

    def __init__(self, corrections: Iterable[tuple[Names, Names]]) -> None:
        self._behind: defaultdict[int, set[int]] = defaultdict(set)
        for (artist, title), (now_artist, now_title) in corrections:
            sent, now = artist_keys(artist), artist_keys(now_artist)
            for key in now:
                self._behind[key] |= sent | title_keys(title)
            for key in sent:
                self._behind[key] |= now
            for key in title_keys(now_title):
                self._behind[key] |= title_keys(title)

    def behind(self, keys: Set[int]) -> set[int]:
        """These keys, and those of files that have them only under another name."""
        return set(keys).union(*(self._behind[key] for key in keys if key in self._behind))


def _number(kind: str, name: str) -> int:
    digest = blake2b(f"{kind}\n{name}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
