"""Matching: which tracks of a library are the song with a given artist and title.

On Last.fm a love belongs to a pair of names, not to a recording: every copy of a song that the library holds
(album, best-of, live set under the same title) shows the heart there, so every copy is found here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tonearm.core.aliases import Agreements
from tonearm.core.likeness import (
    Ambiguity,
    Bare,
    Wording,
    akin,
    bare,
    compatible,
    cut_off,
    in_two_scripts,
    misspelt,
    reworded,
    unlike,
    wording,
)
from tonearm.core.spelling import artist_spellings, credit, song_keys, without_track_number

LibraryEntry = tuple[int, str, str, str]
"""A track of the library: id, artist, title, MusicBrainz recording or "". An id may appear under several names:
that is how a listener's choice among ambiguous candidates is remembered."""


class Sure(StrEnum):
    """Why a match is certain."""

    IDENTIFIER = "identifier"
    EXACT = "exact"
    FOLDED = "folded"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class Match:
    """The one track of the library that is the song."""

    id: int
    by: Sure

    @property
    def ids(self) -> tuple[int, ...]:
        return (self.id,)


@dataclass(frozen=True, slots=True)
class Several:
    """Copies of the song, exact spellings first; `by` says how the best one matched."""

    ids: tuple[int, ...]
    by: Sure


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track that may be the song, and how its names differ."""

    id: int
    ambiguity: Ambiguity


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Tracks that may be the song, the most likely first, at most `MAX_CANDIDATES`: the listener decides."""

    candidates: tuple[Candidate, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(candidate.id for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class NoMatch:
    """The library does not have the song."""


MatchResult = Match | Several | Doubtful | NoMatch

MAX_CANDIDATES = 12


class LibraryIndex:
    """The library, indexed by names of songs. It is a snapshot: build a new one after a scan.

    `by_one_artist` are entries under one of several artists, which count only if no entry has the names itself.
    """

    def __init__(self, entries: Iterable[LibraryEntry], by_one_artist: Iterable[LibraryEntry] = ()) -> None:
        self._entries = list(entries)
        self._by_one_artist: dict[Hashable, list[int]] = {}
        for id_, artist, title, _ in by_one_artist:
            for key in song_keys(artist, title):
                self._by_one_artist.setdefault(key, []).append(id_)
        self._folds: list[str] = []
        self._songs = _Places()
        self._numbered = _Places()
        self._recordings = _Places()
        for place, (_, artist, title, mbid) in enumerate(self._entries):
            for key in (keys := song_keys(artist, title)):
                self._songs.put(key, place)
            self._folds.append(keys[0][1].partition("\n")[0])
            if title[:1].isdigit() and (number := without_track_number(title))[1]:
                for key in song_keys(artist, number[0]):
                    self._numbered.put(key, place)
            if mbid:
                self._recordings.put(mbid.lower(), place)
        self._likely: _Likely | None = None
        self._agreements = Agreements()
        self._by_song: _Places | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def learn(self, songs: Iterable[tuple[str, str]]) -> None:
        """Learn other names of the library's artists from (artist, title) of songs that are looked up. If several
        titles that the library lacks under one name are there under another name, and the two names may be one, `find`
        treats them as one from now on. It can be called again with more songs.
        """
        if self._by_song is None:
            self._by_song = _Places()
            for place, (_, artist, title, _) in enumerate(self._entries):
                self._by_song.put(song_keys(artist, title)[0][1], place)
        for artist, title in songs:
            spelling, song = song_keys(artist, title)[0]
            places = self._by_song.at(song)
            if spelling and places and len(places) <= MAX_CANDIDATES:
                theirs = {song_keys(*self._names(place))[0][0]: self._names(place)[0] for place in places}
                self._agreements.note(spelling, artist, song, theirs)

    def find(self, artist: str, title: str, mbid: str = "") -> MatchResult:
        """Find the song: by name, else by its MusicBrainz recording, else the candidates. An identifier adds copies if
        their titles agree with the name. If it leads to a track of that artist with another title, the match is
        doubtful: Last.fm's identifiers are not always right.
        """
        identified = self._recordings.at(mbid.lower()) if mbid else []
        if named := self._named(artist, title):
            core = bare(artist, title).core if identified else ""
            same = [place for place in identified if bare(*self._names(place)).core == core]
            return self._sure([*named, *same], artist, title)
        wrong = [place for place in identified if self._contradicts(artist, title, place)]
        if right := [place for place in identified if place not in wrong]:
            copies = [copy for place in right for copy in self._named(*self._names(place))]
            return self._found([*right, *copies], Sure.IDENTIFIER)
        if ids := self._credited(artist, title):
            return Match(ids[0], Sure.FOLDED) if len(ids) == 1 else Several(ids, Sure.FOLDED)
        if not wrong and (places := self._under(self._agreements.aliases(artist_spellings(artist)[0]), title)):
            return self._found(places, Sure.ALIAS)
        if not wrong and (other := _with_or_without_article(title)) and (places := self._named(artist, other)):
            return self._found(places, Sure.FOLDED)
        return self._doubtful(artist, title, wrong)

    def _under(self, artists: Iterable[str], title: str) -> list[int]:
        """Places of the copies of a song under any of these artists' names."""
        return [place for artist in artists for place in self._named(artist, title)]

    def _credited(self, artist: str, title: str) -> tuple[int, ...]:
        """Files in whose credit the artist is one of several."""
        keys = song_keys(artist, title)
        found = (id_ for key in keys for id_ in self._by_one_artist.get(key, ())) if all(keys[0]) else ()
        return tuple(dict.fromkeys(found))

    def _names(self, place: int) -> tuple[str, str]:
        return self._entries[place][1:3]

    def _named(self, artist: str, title: str) -> list[int]:
        """Places of the copies of a song, including those with a track number before the title."""
        keys = song_keys(artist, title)
        if not all(keys[0]):
            return []
        places = [place for key in keys for place in self._songs.at(key)]
        bare_title, number = without_track_number(title)
        if number and not places:
            return [place for key in song_keys(artist, bare_title) for place in self._songs.at(key)]
        numbered = [place for key in keys for place in self._numbered.at(key)]
        numbers = {without_track_number(self._entries[place][2])[1] for place in numbered}
        return places + numbered if len(numbers) == 1 else places  # "01. Andante" and "03. Andante" are different songs

    def _sure(self, places: list[int], artist: str, title: str) -> Match | Several:
        asked = _exact(artist), _exact(title)
        exact = [place for place in places if tuple(map(_exact, self._names(place))) == asked]
        return self._found([*exact, *places], Sure.EXACT if exact else Sure.FOLDED)

    def _found(self, places: list[int], by: Sure) -> Match | Several:
        ids = tuple(dict.fromkeys(self._entries[place][0] for place in places))
        return Match(ids[0], by) if len(ids) == 1 else Several(ids, by)

    def _contradicts(self, artist: str, title: str, place: int) -> bool:
        """Whether the place has another title of the same artist. A title in another script may be the same."""
        their_artist, their_title = self._names(place)
        one_artist = not set(credit(artist).spellings).isdisjoint(credit(their_artist).spellings)
        return one_artist and unlike(title, their_title)

    def _doubtful(self, artist: str, title: str, wrong: list[int]) -> Doubtful | NoMatch:
        if self._likely is None:
            self._likely = _Likely(self._entries, self._folds)
        ambiguities: dict[int, Ambiguity] = {}
        for place, ambiguity in self._likely.find(artist, title):
            ambiguities.setdefault(self._entries[place][0], ambiguity)
        for place in self._under(self._agreements.likely(artist_spellings(artist)[0]), title):
            ambiguities.setdefault(self._entries[place][0], Ambiguity.CREDIT)
        for place in wrong:
            ambiguities.setdefault(self._entries[place][0], Ambiguity.IDENTIFIER)
        ranked = sorted(ambiguities.items(), key=lambda ranked_pair: _RANK[ranked_pair[1]])
        candidates = tuple(Candidate(id, ambiguity) for id, ambiguity in ranked[:MAX_CANDIDATES])
        return Doubtful(candidates) if candidates else NoMatch()


class _Places:
    """Places by key. Most keys have one place, and a list for each would double the time to build the index."""

    def __init__(self) -> None:
        self._first: dict[Hashable, int] = {}
        self._others: dict[Hashable, list[int]] = {}

    def put(self, key: Hashable, place: int) -> None:
        if self._first.setdefault(key, place) != place:
            self._others.setdefault(key, []).append(place)

    def at(self, key: Hashable) -> list[int]:
        first = self._first.get(key)
        return [] if first is None else [first, *self._others.get(key, ())]


_RANK = {ambiguity: rank for rank, ambiguity in enumerate(Ambiguity)}
_END = 4
"""Letters at either end of a title; a typing error leaves one of the ends unchanged."""
_LEFT_BY_A_CUT = 20
"""Letters that are sure to be left of a title cut to 30 characters."""
_MAX_COMPARED = 50
"""Bounds the time for a library of one artist, or of one title."""
_MAX_REWORDED = 200
"""Titles of an artist that are compared word for word."""
_TELLING = 6
"""Letters from which a shared title suggests that two artists in two scripts are one; "Intro" does not."""


class _Likely:
    """The library by bare titles and by artists; made only when a song is not found by its name."""

    def __init__(self, entries: list[LibraryEntry], folds: list[str]) -> None:
        self._entries = entries
        self._bare = [bare(artist, title, folded) for (_, artist, title, _), folded in zip(entries, folds, strict=True)]
        self._by_title = _Places()
        self._by_artist = _Places()
        self._by_signature: dict[str, _Places] = {}
        self._wordings: dict[int, Wording] = {}
        for place, (_, artist, _, _) in enumerate(entries):
            self._by_title.put(self._bare[place].core, place)
            for spelling in credit(artist).spellings:
                self._by_artist.put(spelling, place)

    def find(self, artist: str, title: str) -> Iterator[tuple[int, Ambiguity]]:
        """Places of tracks that may be the song, each with how its names differ."""
        wanted = bare(artist, title)
        spellings = credit(artist).spellings
        if not wanted.core or not spellings[0]:
            return  # without a name nothing can match
        for place in self._by_title.at(wanted.core)[:_MAX_COMPARED]:
            if compatible(wanted, self._bare[place]) and (ambiguity := self._dressed(place, wanted, artist)):
                yield place, ambiguity
        for spelling in spellings:
            for place in self._beside(spelling, wanted.core):
                if ambiguity := self._written(place, wanted, title):
                    yield place, ambiguity
        for spelling in spellings:
            for place in self._reworded(spelling, wanted, title):
                yield place, Ambiguity.WORDING

    def _dressed(self, place: int, wanted: Bare, artist: str) -> Ambiguity | None:
        """How the names differ if the bare titles are equal."""
        theirs, title = self._entries[place][1], self._bare[place]
        if set(credit(artist).spellings).isdisjoint(credit(theirs).spellings):
            translated = len(wanted.core) >= _TELLING and in_two_scripts(artist, theirs)
            return Ambiguity.CREDIT if translated or akin(artist, theirs) else None
        if wanted.additions != title.additions:
            return Ambiguity.VERSION
        return Ambiguity.CREDIT if wanted.guests != title.guests else Ambiguity.SPELLING

    def _written(self, place: int, wanted: Bare, title: str) -> Ambiguity | None:
        """How the names differ if the artist is the same."""
        theirs, their_title = self._bare[place], self._entries[place][2]
        if misspelt(wanted.core, theirs.core) and compatible(wanted, theirs):
            return Ambiguity.SPELLING
        if cut_off(title, wanted.core, theirs.core) or cut_off(their_title, theirs.core, wanted.core):
            return Ambiguity.CUT
        return None

    def _reworded(self, spelling: str, wanted: Bare, title: str) -> Iterator[int]:
        """Places of the artist's titles that differ from this one in more than a slip."""
        words = wording(title)
        for place in self._by_artist.at(spelling)[:_MAX_REWORDED]:
            if (theirs := self._wordings.get(place)) is None:
                theirs = self._wordings[place] = wording(self._entries[place][2])
            if reworded(words, theirs) and compatible(wanted, self._bare[place]):
                yield place

    def _beside(self, spelling: str, core: str) -> Iterator[int]:
        """Places of the artist's other titles that may be this one with a typing error or cut off."""
        if spelling not in self._by_signature:
            self._by_signature[spelling] = places = _Places()
            for place in self._by_artist.at(spelling):
                for signature in _signatures(self._bare[place].core):
                    places.put(signature, place)
        for signature in _signatures(core):
            for place in self._by_signature[spelling].at(signature)[:_MAX_COMPARED]:
                if self._bare[place].core != core:
                    yield place


_LONG_ENOUGH = 10
"""Letters from which a title is the same with and without "The"; "The End" may be another song than "End"."""


def _with_or_without_article(title: str) -> str:
    """A title of some length without its leading "The", or with one; "" if it is too short or has one word."""
    bare_title = title[4:].strip() if title[:4].lower() == "the " else title
    if len(bare_title) < _LONG_ENOUGH or len(bare_title.split()) < 2:
        return ""
    return f"The {title}" if bare_title is title else bare_title


def _signatures(core: str) -> tuple[str, ...]:
    """What two titles share if one is a misspelling of the other (its digits and one of its ends), or is cut off."""
    digits = "" if core.isalpha() else "".join(filter(str.isdigit, core))
    ends = (f"{core[:_END]}…{digits}", f"{digits}…{core[-_END:]}")
    return ends if len(core) < _LEFT_BY_A_CUT else (*ends, core[:_LEFT_BY_A_CUT])


def _exact(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
