"""Which plays a listener wants a destination to get, and under which names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from tonearm.core import wording
from tonearm.core.play import Track
from tonearm.core.spelling import without_guests

PRIVATE = "kept here: private mode was on"
"""Why a play is kept that was reported in private mode."""


class ArtistForm(StrEnum):
    """Which artist is sent: all of them as credited, or only the first."""

    CREDITED = "credited"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a destination gets. It applies to a play once, when the play is queued for the destination: later changes
    affect only later plays.

    `album_artist` says whether the album's artist is sent. Plays reported by the players in `not_from` stay here, and
    so do plays reported before `private_until` (Unix seconds), and plays of songs whose files all lie in the folders
    `not_in` (absolute paths in the listener's library). `hearts` says whether loved tracks are sent.
    """

    artist: ArtistForm = ArtistForm.CREDITED
    album_artist: bool = True
    not_from: tuple[str, ...] = ()
    private_until: float = 0.0
    not_in: tuple[str, ...] = ()
    hearts: bool = True

    def applied(self, track: Track) -> Track:
        """The track as it is sent."""
        artist = first_artist(track.artist) if self.artist is ArtistForm.FIRST else track.artist
        album_artist = track.album_artist if self.album_artist else ""
        if (artist, album_artist) == (track.artist, track.album_artist):
            return track
        return replace(track, artist=artist, album_artist=album_artist)

    def keeps(self, reporter: str, reported_at: float, files: Collection[str] = ()) -> str:
        """Why a play stays here, given its player and when it was reported (Unix seconds); "" if it is sent.

        `files` are the paths of the song's files; empty if the library has none.
        """
        if reported_at < self.private_until:
            return PRIVATE
        if reporter in self.not_from:
            return f"kept here: plays from {wording.reporter(reporter)} aren't sent there"
        folders = [next((one for one in self.not_in if is_inside(file, one)), None) for file in files]
        if folders and None not in folders:
            return f"kept here: songs in {folders[0]} aren't sent there"
        return ""

    def stored(self) -> dict[str, Any]:
        """The policy as JSON."""
        return {
            "artist": self.artist.value,
            "album_artist": self.album_artist,
            "not_from": list(self.not_from),
            "private_until": self.private_until,
            "not_in": list(self.not_in),
            "hearts": self.hearts,
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The policy from what `stored` returned; fields that a later version has added are ignored."""
        return cls(
            ArtistForm(stored.get("artist", ArtistForm.CREDITED)),
            bool(stored.get("album_artist", True)),
            tuple(stored.get("not_from", ())),
            float(stored.get("private_until", 0.0)),
            tuple(stored.get("not_in", ())),
            bool(stored.get("hearts", True)),
        )


def is_inside(path: str, folder: str) -> bool:
    """Whether a file is in a folder, at any depth; both are absolute paths."""
    rest = path.removeprefix(folder)
    return rest != path and (folder.endswith(_SEPARATORS) or rest.startswith(_SEPARATORS))


_SEPARATORS = ("/", "\\")


_BETWEEN_ARTISTS = (";", " / ")
"""What surely stands between two artists. Commas and ampersands stand within names: "Earth, Wind & Fire"."""


def first_artist(artist: str) -> str:
    """The first of several artists if they are certainly several; otherwise the name unchanged."""
    first, _ = without_guests(artist)
    for sign in _BETWEEN_ARTISTS:
        first = first.partition(sign)[0]
    return first.strip() or artist
