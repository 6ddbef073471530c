"""Which plays of a source are known already: the same song at the same time, as precisely as both sides know it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from tonearm.core.name_caches import remembering
from tonearm.core.play import LONGEST_NEEDED
from tonearm.core.spelling import fold
from tonearm.history.play import PastPlay

SongKey = tuple[str, str]

SAME = 30
"""Seconds by which two sources that know the start may differ about one play: no shorter track counts."""

ROUNDED = 60
"""Uncertainty in seconds of a time that a source rounds to minutes, or calculates from the end."""

LONGEST = 3600
"""Seconds; any length beyond that doesn't matter here."""

IN_DOUBT = 540
"""Seconds beyond which a roughly known start belongs to another play."""

REACH = LONGEST + ROUNDED + IN_DOUBT
"""Seconds around a play in which one that may be the same can begin."""


class Outcome(Enum):
    """What a play of a source is. WRITTEN: an earlier attempt of the same import has added it."""

    NEW = "new"
    KNOWN = "known"
    DOUBTFUL = "doubtful"
    WRITTEN = "written"


class StoredPast(NamedTuple):
    """A play of the history, in the form in which it is compared. `corrected` are the names that Last.fm files it
    under, `earliest` is as in a PastPlay.
    """

    id: int
    timestamp: int
    artist: str
    title: str
    corrected: SongKey | None = None
    length: float | None = None
    loose: bool = False
    ours: bool = False
    earliest: int = 0


@remembering(2**15)
def folded(artist: str, title: str) -> SongKey:
    """A song in the form in which it is compared."""
    return fold(artist), fold(title)


def spans(plays: Sequence[PastPlay]) -> list[tuple[int, int]]:
    """The spans (from, to) in which plays of the history may be the same as some of these, which are in the order of
    time.
    """
    found: list[tuple[int, int]] = []
    for play in plays:
        earliest, latest = play.timestamp - REACH, play.timestamp + REACH
        if found and earliest <= found[-1][1]:
            found[-1] = found[-1][0], latest
        else:
            found.append((earliest, latest))
    return found


class Judge:
    """Decides about the plays of one source in the order of time, in parts; each known play matches only one of them.

    `renamed` are corrections of Last.fm: the folded names as they were sent, with those it files them under.
    """

    def __init__(self, renamed: Mapping[SongKey, SongKey]) -> None:
        self._renamed = renamed
        self._claimed: dict[int, int] = {}
        self.matched: list[int] = []
        """The plays of the history, by their ids, that the last part has matched."""
        self._at = 0
        self._names: dict[SongKey, int] = {}
        self._ended: list[PastPlay] = []

    def fork(self) -> Judge:
        """A judge that decides on from here, so that the decisions about a part can be made again."""
        other = Judge(self._renamed)
        other._claimed, other._names, other._ended = {**self._claimed}, {**self._names}, [*self._ended]
        other._at = self._at
        return other

    def judge(
        self, plays: Sequence[PastPlay], ahead: Iterable[PastPlay], stored: Iterable[StoredPast]
    ) -> list[Outcome]:
        """The outcome for each of these plays, given the plays of the history around them; `ahead` are the source's
        next plays.
        """
        self.matched = []
        outcomes = [self._repeated(play) for play in plays]
        by_song = self._by_song(stored, plays[0].timestamp)
        if by_song:
            self._exactly(plays, outcomes, by_song)
            self._nearly(plays, outcomes, by_song, {(play.timestamp, self._song(play)) for play in ahead})
        return [outcome or Outcome.NEW for outcome in outcomes]

    def _repeated(self, play: PastPlay) -> Outcome | None:
        """The outcome for a play that the source itself has listed before. A minute may hold two that look alike.

        In another of its files, the play may be spelt as the service has corrected it meanwhile.
        """
        names = play.artist, play.title
        if play.timestamp != self._at:
            self._at = play.timestamp
            self._names.clear()
        if names in self._names or self._respelt(play):
            return Outcome.DOUBTFUL if play.precision > 1 and play.played is None else Outcome.KNOWN
        self._names[names] = play.file
        if play.stamp != "end" or play.played is None:
            return None
        self._ended = [other for other in self._ended if play.timestamp - other.timestamp <= SAME]
        twice = any(_same_stream(play, other) for other in self._ended)
        self._ended.append(play)
        return Outcome.KNOWN if twice else None

    def _respelt(self, play: PastPlay) -> bool:
        others = [names for names, file in self._names.items() if file != play.file]
        return bool(others) and self._song(play) in (self._filed(*names) for names in others)

    def _song(self, play: PastPlay) -> SongKey:
        return self._filed(play.artist, play.title)

    def _filed(self, artist: str, title: str) -> SongKey:
        song = folded(artist, title)
        return self._renamed.get(song, song)

    def _by_song(self, stored: Iterable[StoredPast], start: int) -> dict[SongKey, list[StoredPast]]:
        self._claimed = {one: at for one, at in self._claimed.items() if at >= start - REACH}
        found: dict[SongKey, list[StoredPast]] = {}
        for one in stored:
            if one.id not in self._claimed:
                song = self._filed(*(one.corrected or (one.artist, one.title)))
                found.setdefault(song, []).append(one)
        return found

    def _claim(self, one: StoredPast) -> Outcome:
        self._claimed[one.id] = one.timestamp
        self.matched.append(one.id)
        return Outcome.WRITTEN if one.ours else Outcome.KNOWN

    def _exactly(
        self, plays: Sequence[PastPlay], outcomes: list[Outcome | None], by_song: dict[SongKey, list[StoredPast]]
    ) -> None:
        """Match plays of the same second: first those with the same spelling, then the same song in another
        spelling.
        """
        for same_spelling in (True, False):
            for place, play in enumerate(plays):
                if outcomes[place] is None:
                    for one in by_song.get(self._song(play), ()):
                        if (
                            one.timestamp == play.timestamp
                            and one.id not in self._claimed
                            and (not same_spelling or (one.artist, one.title) == (play.artist, play.title))
                        ):
                            outcomes[place] = self._claim(one)
                            break

    def _nearly(
        self,
        plays: Sequence[PastPlay],
        outcomes: list[Outcome | None],
        by_song: dict[SongKey, list[StoredPast]],
        taken: set[tuple[int, SongKey]],
    ) -> None:
        """Match the remaining plays, the nearest first; plays that a later play of the source matches to the second are
        left for it.
        """
        pairs: list[tuple[int, int, StoredPast]] = []
        for place, play in enumerate(plays):
            if outcomes[place] is None:
                song = self._song(play)
                pairs += [
                    (abs(one.timestamp - play.timestamp), place, one)
                    for one in _around(by_song.get(song, []), play.timestamp)
                    if one.id not in self._claimed and (one.timestamp, song) not in taken
                ]
        pairs.sort(key=lambda pair: pair[:2])
        for apart, place, one in pairs:
            if outcomes[place] is None and one.id not in self._claimed and apart <= _surely(plays[place], one):
                outcomes[place] = self._claim(one)
        for apart, place, one in pairs:
            if outcomes[place] is None and one.id not in self._claimed and apart <= _perhaps(plays[place], one):
                outcomes[place] = Outcome.DOUBTFUL


def _same_stream(one: PastPlay, other: PastPlay) -> bool:
    """Whether two entries are the same stream: Spotify has some streams twice, a few seconds apart."""
    return (one.played, one.artist, one.title) == (other.played, other.artist, other.title)


def _around(stored: list[StoredPast], at: int) -> list[StoredPast]:
    stored.sort(key=_time)
    return stored[bisect_left(stored, at - REACH, key=_time) : bisect_right(stored, at + REACH, key=_time)]


def _time(one: StoredPast) -> int:
    return one.timestamp


def _length(play: PastPlay, one: StoredPast) -> float | None:
    return min(play.duration or one.length or play.played or 0, LONGEST) or None


def _began_within(at: int, play: PastPlay | StoredPast) -> bool:
    """Whether a play may have begun then, if it was paused."""
    return bool(play.earliest) and play.earliest - ROUNDED <= at <= play.timestamp


def _surely(play: PastPlay, one: StoredPast) -> float:
    """Seconds up to which they are the same play."""
    if _began_within(one.timestamp, play) or _began_within(play.timestamp, one):
        return REACH  # it was paused meanwhile
    if play.loose or one.loose:
        return (_length(play, one) or 0) + ROUNDED
    return SAME


def _perhaps(play: PastPlay, one: StoredPast) -> float:
    """Seconds up to which they may be the same play."""
    if play.loose or one.loose:
        return _surely(play, one) + IN_DOUBT
    return _length(play, one) or LONGEST_NEEDED
