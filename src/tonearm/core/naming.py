"""Other names of a file's song, from the file's own list of artists and from Last.fm's corrections.

Last.fm answers a play with the names that it files it under: "Utada Hikaru" comes back as 宇多田ヒカル. So both
names are the same artist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tonearm.core.spelling import artist_spellings, song_keys

Names = tuple[str, str]
"""(artist, title)."""


def credits_of(artist: str, artists: Sequence[str]) -> tuple[str, ...]:
    """Ways to credit all of several artists: "Alice & Bob", "Alice, Bob", "Bob & Alice", "Alice feat. Bob".

    `artist` is the credit as the file shows it. Other separators make no difference for matching.
    """
    if len(artists) < 2:
        return (artist,)
    first, *others = artists
    orders = (tuple(artists), tuple(reversed(artists)))
    written = (way.join(order) for order in orders for way in (" & ", ", ", " x "))
    lists = (", ".join(order[:-1]) + " & " + order[-1] for order in orders)
    return tuple(dict.fromkeys((artist, *written, *lists, f"{first} feat. {' & '.join(others)}")))


class Renamed:
    """Last.fm's corrections of the names that it was sent.

    `corrections` are pairs of the names sent and the names that Last.fm answered. An artist has another name if
    Last.fm has answered the same one every time.
    """

    def __init__(self, corrections: Iterable[tuple[Names, Names]]) -> None:
        self._songs: dict[Names, Names] = {}
        self._shown: dict[str, str] = {}
        self._other_names: dict[str, set[str]] = {}
        renamed: dict[str, dict[str, Names]] = {}
        for (artist, title), (now_artist, now_title) in corrections:
            self._songs[_key(artist, title)] = (now_artist, now_title)
            renamed.setdefault(_fold(artist), {})[_fold(now_artist)] = (artist, now_artist)
        for sent, answers in renamed.items():
            if len(answers) == 1 and sent not in answers:
                [(now, (artist, now_artist))] = answers.items()
                self._shown[sent] = now_artist
                self._other_names.setdefault(sent, set()).add(now_artist)
                self._other_names.setdefault(now, set()).add(artist)

    def at_lastfm(self, artist: str, title: str) -> Names:
        """The names under which Last.fm has the song, as far as its corrections show."""
        return self._songs.get(_key(artist, title)) or (self._shown.get(_fold(artist), artist), title)

    def others(self, artist: str, title: str) -> Iterator[Names]:
        """The other names of a song; none if Last.fm has never corrected its title or artist."""
        if not self._songs:
            return
        if song := self._songs.get(_key(artist, title)):
            yield song
        for name in sorted(self._other_names.get(_fold(artist), ())):
            yield name, title


def entries_by_other_names(
    library: Iterable[tuple[int, str, str, str]], artists: Mapping[int, Sequence[str]], renamed: Renamed
) -> Iterator[tuple[int, str, str, str]]:
    """Entries for `LibraryIndex` beside those of the library: the same files, under the other names of their songs.

    `artists` has the artists of files that list several, by id.
    """
    for file, artist, title, _ in library:
        for credit in credits_of(artist, artists.get(file, ())):
            if credit != artist:
                yield file, credit, title, ""
            for other_artist, other_title in renamed.others(credit, title):
                yield file, other_artist, other_title, ""


def _fold(artist: str) -> str:
    return artist_spellings(artist)[0]


def _key(artist: str, title: str) -> Names:
    return song_keys(artist, title)[0]
