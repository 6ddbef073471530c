"""Matching: Last.fm's corrections of real names, found again in a real library, and songs that resemble them."""

from __future__ import annotations

import csv
import json
import os
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks import rig
from benchmarks.report import Missing, Options, Report, say
from tonearm.core.loved import Loved, plan_import
from tonearm.core.matching import Doubtful, LibraryIndex, Match, NoMatch, Several

Names = tuple[str, str]
"""(artist, title)."""

_LIBRARY, _LOVED = 20_000, 5_000
_OF_EACH_KIND = 250

_VERSIONS = ("(Live)", "- Live at Leeds", "(Acoustic)", "(Demo)", "(Instrumental)", "(Someone's Remix)", "[Unplugged]")
_TRIBUTES = ("The {} Experience", "{} Tribute Band", "The Australian {} Show", "{} Revival", "Piano Tribute to {}")
_BANDS = ("{} UK", "{} Reunion", "{} Allstars", "{} Junior", "{} Unlimited", "Brit {}", "The Bootleg {}")


@dataclass(frozen=True, slots=True)
class Found:
    """The results for songs that were looked up. `automatic` of them were matched, to `files` in all."""

    asked: int = 0
    right: int = 0
    right_or_doubtful: int = 0
    automatic: int = 0
    wrong: tuple[tuple[Names, Names], ...] = ()

    @property
    def precision(self) -> float:
        return 1 - len({asked for asked, _ in self.wrong}) / self.automatic if self.automatic else 1.0


@dataclass(frozen=True, slots=True)
class Material:
    """A library, the songs of it that are hidden under another spelling, and songs that it does not have."""

    library: tuple[Names, ...]
    hidden: tuple[tuple[Names, Names], ...]
    near: tuple[Names, ...]

    @property
    def asked(self) -> list[Names]:
        return [asked for asked, _ in self.hidden] + list(self.near)


def material(data: Path, *, as_lastfm_spells: bool = True) -> Material:
    """The files are named as a player sent them, and looked up as Last.fm spells them, or the other way round."""
    with (data / "library-18k.csv").open(encoding="utf-8", newline="") as file:
        names = [(artist, title) for artist, title, _ in list(csv.reader(file))[1:]]
    pairs = json.loads((data / "corrections.json").read_text(encoding="utf-8"))
    both = [((right_artist, right), (artist, title)) for artist, title, right_artist, right in pairs]
    hidden = both if as_lastfm_spells else [(sent, right) for right, sent in both]
    asked = {song for song, _ in hidden} - {file for _, file in hidden}
    files = [name for name in names if name not in asked] + [file for _, file in hidden]
    library = tuple(dict.fromkeys(files))
    return Material(library, tuple(hidden), tuple(_near_misses([*library, *asked], library, Random(8))))


def _near_misses(known: Sequence[Names], library: Sequence[Names], chance: Random) -> Iterator[Names]:
    """Covers, other performances, the same title by others, tribute bands, the next part."""
    there = {_plainly(*names) for names in known}

    def new(songs: Iterable[Names]) -> Iterator[Names]:
        return (song for song in songs if _plainly(*song) not in there)

    artists = sorted({artist for artist, _ in library})
    some = chance.sample(library, _OF_EACH_KIND)
    yield from new((chance.choice(artists), title) for _, title in some)
    yield from new(
        (artist, f"{title} {chance.choice(_VERSIONS)}") for artist, title in chance.sample(library, _OF_EACH_KIND)
    )
    yield from new(
        (artist, f"{title}, Part {chance.randint(2, 9)}") for artist, title in chance.sample(library, _OF_EACH_KIND)
    )
    yield from new(
        (artist, f"{title} {chance.randint(2, 99)}") for artist, title in chance.sample(library, _OF_EACH_KIND)
    )
    of = {
        artist: [title for whose, title in library if whose == artist]
        for artist in chance.sample(artists, 400)
        if "," not in artist
    }
    albums = [(artist, titles[:8]) for artist, titles in of.items() if len(titles) >= 4]
    for number, (artist, titles) in enumerate(albums):  # a whole album covered
        for name in (_TRIBUTES[number % len(_TRIBUTES)], _BANDS[number % len(_BANDS)], f"Cover Band {number}"):
            yield from new((name.format(artist), title) for title in titles)


def look_up(material: Material) -> Found:
    """Look all songs up, as an import does."""
    index = LibraryIndex((place, *names, "") for place, names in enumerate(material.library))
    index.learn(material.asked)
    right = doubtful = automatic = 0
    wrong = []
    for asked, file in [*material.hidden, *((song, None) for song in material.near)]:
        found = index.find(*asked)
        files = [] if isinstance(found, NoMatch) else [material.library[place] for place in found.ids]
        if isinstance(found, Match | Several):
            automatic += 1
            right += file in files
            wrong += [(asked, other) for other in files if not _same_song(asked, other, file)]
        if isinstance(found, Doubtful):
            doubtful += file in files
    return Found(len(material.hidden), right, right + doubtful, automatic, tuple(wrong))


def _same_song(asked: Names, found: Names, file: Names | None) -> bool:
    """Whether a file that was found is the song, decided independently of the matching."""
    if file is not None and found == file:
        return True
    return _plainly(*found) in {_plainly(*names) for names in (asked, file) if names}


_RIPPED = re.compile(r"^\d\d(?:\s*[-.]\s*|\s+)")
_GUESTS = re.compile(r"[\[(]?\b(?:feat|featuring|ft)\b.*")


def _plainly(artist: str, title: str) -> Names:
    """Names as a person compares them: without case, accents, punctuation, article, and number before the title."""
    return _letters(artist), _letters(_RIPPED.sub("", title))


def _letters(name: str) -> str:
    name = _GUESTS.sub("", name.casefold()).replace("&", "and").replace(" + ", "and").replace("part ii", "part 2")
    if ", the" in name:
        name = name.replace(", the", "")
    name = re.sub(r"^the\s", "", name)
    letters = "".join(c for c in unicodedata.normalize("NFKD", name) if c.isalnum())
    return letters or name


def measure(options: Options) -> Report:
    """What is found of real names, and how long 5,000 of them take in a library of 20,000."""
    data = Path(os.environ.get("TONEARM_TEST_DATA", "/nowhere")) / "data"
    if not (data / "corrections.json").is_file():
        raise Missing("set TONEARM_TEST_DATA to the folder with the recorded names")
    ways = {True: look_up(one := material(data)), False: look_up(material(data, as_lastfm_spells=False))}
    library, asked = _speed_test(one, options.size(_LIBRARY, 2000), options.size(_LOVED, 500))
    rig.pin(rig.MEASURED)
    seconds = []
    for run in range(options.times()):
        seconds.append(_seconds(library, asked))
        say(f"run {run + 1}: {seconds[-1]:.3f} s")
    there, back = ways[True], ways[False]
    for asked_name, found in (*there.wrong, *back.wrong):
        say(f"wrong: {asked_name} is not {found}")
    return Report(
        "matching",
        {"seconds": seconds},
        {
            "precision": round(min(there.precision, back.precision), 5),
            "recall": round(min(there.right, back.right) / there.asked, 4),
            "recall_with_doubtful": round(min(there.right_or_doubtful, back.right_or_doubtful) / there.asked, 4),
            "pairs": there.asked,
            "near_misses": len(one.near),
            "automatic": there.automatic,
            "wrong": len(there.wrong) + len(back.wrong),
            "recall_of_players_names": round(back.right / back.asked, 4),
            "recall_of_players_names_with_doubtful": round(back.right_or_doubtful / back.asked, 4),
            "library": len(library),
            "loved": len(asked),
        },
        "the names that Last.fm made of what a player sent: real pairs, each hidden in a library of 18,000 real names",
        "the worse of two ways: files named as the player sent them, asked for as Last.fm spells them, and the other "
        "way round; precision is of all automatic matches, those of near misses too; the matcher knows no corrections; "
        f"seconds to index the library and look all of it up, on core {rig.MEASURED}",
    )


def _speed_test(one: Material, files: int, loved: int) -> tuple[list[Names], list[Names]]:
    """A library with that many files and loved tracks: the hidden ones, near misses, and plain ones."""
    more = [(f"Artist {n % 97}", f"Song number {n}") for n in range(max(0, files - len(one.library)))]
    library = [*one.library, *more][-files:]
    chance = Random(5)
    others = chance.sample(library, min(len(library), loved // 2))
    return library, chance.sample([*one.asked, *others], min(loved, len(one.asked) + len(others)))


def _seconds(library: Sequence[Names], asked: Sequence[Names]) -> float:
    start = time.perf_counter()
    index = LibraryIndex((place, *names, "") for place, names in enumerate(library))
    plan_import([Loved(*names) for names in asked], index, frozenset())
    return time.perf_counter() - start
