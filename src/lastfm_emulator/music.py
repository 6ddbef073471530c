"""The music that the emulator knows by itself: few artists, but of every kind that causes trouble for a client. Names,
titles and lengths are those of real records; the articles about them are made up. All numbers that Last.fm would have
counted are derived from the names, so that they are the same in every run.
"""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Song:
    """A track; `seconds` is 0 if unknown."""

    title: str
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """An album with its tracks in order."""

    title: str
    songs: tuple[Song, ...] = ()


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist; `bio` is HTML, and "" if nobody wrote one. `country` is where they are heard most."""

    name: str
    tags: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    listeners: int = 0
    country: str = ""
    bio: str = ""

    def song(self, title: str) -> tuple[Song, Record] | None:
        """The track with that title and the album that it is on, in upper or lower case."""
        for record in self.records:
            for song in record.songs:
                if song.title.casefold() == title.casefold():
                    return song, record
        return None

    def record(self, title: str) -> Record | None:
        return next((one for one in self.records if one.title.casefold() == title.casefold()), None)


@dataclass(slots=True)
class Music:
    """All known artists; looked up in upper or lower case."""

    artists: dict[str, Artist] = field(default_factory=lambda: {one.name.casefold(): one for one in KNOWN})

    def add(self, artist: Artist) -> None:
        """Add an artist, replacing one with that name."""
        self.artists[artist.name.casefold()] = artist

    def find(self, name: str) -> Artist | None:
        return self.artists.get(name.casefold())

    def ranked(self) -> list[Artist]:
        """The most heard first."""
        return sorted(self.artists.values(), key=lambda one: (-one.listeners, one.name))

    def alike(self, artist: Artist) -> list[tuple[Artist, float]]:
        """Artists that share tags, by how many of all their tags they share: 1 for the most similar, as at Last.fm."""
        own_tags = set(artist.tags)
        shares = [
            (other, len(own_tags & set(other.tags)) / len(own_tags | set(other.tags)))
            for other in self.artists.values()
            if other is not artist and own_tags & set(other.tags)
        ]
        most = max((share for _, share in shares), default=1.0)
        return sorted([(other, share / most) for other, share in shares], key=lambda one: (-one[1], one[0].name))


def mbid(*names: str) -> str:
    """An id in MusicBrainz's form, always the same for these names; every seventh thing has none."""
    if zlib.crc32("\n".join(names).casefold().encode()) % 7 == 0:
        return ""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names).casefold()))


def share(artist: Artist, title: str) -> int:
    """How many listeners a track or an album has: fewer than the artist, but some."""
    part = zlib.crc32(f"{artist.name}/{title}".casefold().encode()) % 90 + 5
    return max(artist.listeners * part // 100, 1)


def _songs(*songs: tuple[str, int]) -> tuple[Song, ...]:
    return tuple([Song(title, seconds) for title, seconds in songs])


KNOWN: Final[tuple[Artist, ...]] = (
    Artist(
        "Nina Simone",
        ("jazz", "soul", "vocal jazz", "blues"),
        (
            Record("Pastel Blues", _songs(("Be My Husband", 204), ("Nobody Knows You", 160), ("Sinnerman", 622))),
            Record(
                "Wild Is the Wind", _songs(("I Love Your Lovin' Ways", 157), ("Four Women", 267), ("Lilac Wine", 257))
            ),
        ),
        1_912_345,
        "United States",
        "Nina Simone sang, played the piano & wrote songs.\nShe wanted to be a concert pianist, and had been "
        'refused by the <a href="https://example.org/curtis">school</a> that she had hoped for.',
    ),
    Artist(
        "Ella Fitzgerald",
        ("jazz", "vocal jazz", "swing"),
        (Record("Ella in Berlin", _songs(("Mack the Knife", 285), ("How High the Moon", 418))),),
        1_502_118,
        "United States",
        "Ella Fitzgerald sang what she had forgotten anew, and won a prize for it.",
    ),
    Artist(
        "Low",
        ("slowcore", "indie", "rock"),
        (
            Record("Things We Lost in the Fire", _songs(("Sunflower", 276), ("Whitetail", 305), ("Dinosaur Act", 250))),
            Record("The Great Destroyer", _songs(("Monkey", 259), ("California", 203), ("Silver Rider", 303))),
        ),
        402_511,
        "United States",
        "Low played slowly. <script>alert('and never this')</script>Two of them were married.",
    ),
    Artist(
        "Can",
        ("krautrock", "experimental", "rock"),
        (
            Record("Ege Bamyasi", _songs(("Pinch", 568), ("Sing Swan Song", 289), ("Vitamin C", 213), ("Spoon", 183))),
            Record("Tago Mago", _songs(("Paperhouse", 449), ("Mushroom", 248), ("Halleluhwah", 1112))),
        ),
        498_023,
        "Germany",
        "Can recorded by the hour in a castle near Cologne, and cut records out of it.",
    ),
    Artist(
        "Kraftwerk",
        ("electronic", "krautrock", "synth pop"),
        (
            Record("Trans-Europe Express", _songs(("Europe Endless", 580), ("The Hall of Mirrors", 476))),
            Record("The Man-Machine", _songs(("The Robots", 371), ("The Model", 218), ("Neon Lights", 543))),
        ),
        1_377_904,
        "Germany",
        "Kraftwerk let machines sing.",
    ),
    Artist(
        "Broadcast",
        ("electronic", "dream pop", "indie", "experimental"),
        (
            Record(
                "Tender Buttons", _songs(("I Found the F", 141), ("Black Cat", 237), ("Tears in the Typing Pool", 133))
            ),
        ),
        521_640,
        "United Kingdom",
    ),
    Artist(
        "Sigur Rós",
        ("post-rock", "ambient", "icelandic"),
        (
            Record("Takk...", _songs(("Takk...", 117), ("Glósóli", 375), ("Hoppípolla", 268), ("Sæglópur", 458))),
            Record("( )", _songs(("Untitled #1", 398), ("Untitled #3", 393))),
        ),
        1_690_777,
        "Iceland",
        "Sigur Rós sing in Icelandic, or in no language at all.",
    ),
    Artist(
        "Björk",
        ("electronic", "experimental", "icelandic", "female vocalists"),
        (
            Record("Homogenic", _songs(("Hunter", 255), ("Jóga", 305), ("Bachelorette", 312))),
            Record("Post", _songs(("Army of Me", 234), ("Hyperballad", 321), ("It's Oh So Quiet", 218))),
        ),
        2_511_090,
        "Iceland",
        "Björk built instruments when there was none for what she heard.",
    ),
    Artist(
        "AC/DC",
        ("hard rock", "rock", "classic rock"),
        (
            Record(
                "High Voltage",
                _songs(("It's a Long Way to the Top (If You Wanna Rock 'n' Roll)", 301), ("T.N.T.", 215)),
            ),
            Record("Back in Black", _songs(("Hells Bells", 312), ("Back in Black", 255))),
        ),
        3_400_912,
        "Australia",
        "AC/DC have a stroke in their name & a cannon on the stage.",
    ),
    Artist(
        "!!!",
        ("dance-punk", "indie", "electronic"),
        (
            Record(
                "Myth Takes",
                _songs(
                    ("Heart of Hearts", 349),
                ),
            ),
        ),
        430_008,
        "United States",
    ),
    Artist(
        "Radiohead",
        ("alternative", "rock", "indie", "electronic", "experimental"),
        (
            Record("OK Computer", _songs(("Airbag", 287), ("Paranoid Android", 387), ("Karma Police", 264))),
            Record(
                "Kid A",
                _songs(
                    ("Everything in Its Right Place", 251), ("Idioteque", 309), ("How to Disappear Completely", 356)
                ),
            ),
            Record("In Rainbows", _songs(("15 Step", 237), ("Weird Fishes/Arpeggi", 318), ("Reckoner", 290))),
        ),
        6_214_938,
        "United Kingdom",
        "Radiohead changed with every record, and took their listeners along.",
    ),
    Artist(
        "The Beatles",
        ("classic rock", "rock", "pop", "60s"),
        (Record("Abbey Road", _songs(("Come Together", 259), ("Something", 182), ("Octopus's Garden", 171))),),
        4_801_220,
        "United Kingdom",
        "The Beatles crossed a road, and were photographed doing it.",
    ),
    Artist(
        "椎名林檎",
        ("j-pop", "rock", "japanese"),
        (Record("無罪モラトリアム", _songs(("丸の内サディスティック", 235), ("ここでキスして。", 256))),),
        310_455,
        "Japan",
    ),
    Artist(
        "Guns N' Roses",
        ("hard rock", "rock", "classic rock"),
        (Record("Appetite for Destruction", _songs(("Welcome to the Jungle", 274), ("Sweet Child o' Mine", 356))),),
        3_288_101,
        "United States",
    ),
)

COUNTRIES: Final = (
    "Australia",
    "Austria",
    "Bolivia",
    "Brazil",
    "Canada",
    "Croatia",
    "Denmark",
    "Finland",
    "France",
    "Germany",
    "Iceland",
    "Ireland",
    "Italy",
    "Japan",
    "Mexico",
    "Netherlands",
    "Norway",
    "Poland",
    "Spain",
    "Sweden",
    "Switzerland",
    "United Kingdom",
    "United States",
)

CORRECTIONS: Final = {
    "guns and roses": "Guns N' Roses",
    "sigur ros": "Sigur Rós",
    "bjork": "Björk",
    "the radiohead": "Radiohead",
}
"""Misspelt names of artists, by which Last.fm finds them with `autocorrect`."""

TAG_WIKI: Final = {"rock": "Rock is played on electric guitars, mostly.", "jazz": "Jazz is what was not written down."}
