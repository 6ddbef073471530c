"""An emulator with more data than the usual one: many artists with biographies, and a listener with many loved tracks.

`python -m benchmarks.stage PORT ARTISTS LOVED`
"""

from __future__ import annotations

import sys

from lastfm_emulator import Artist, Emulator, Record, Song, run

LISTENER = "listener"
_WORDS = "They met in a rehearsal room & stayed. The first record took nine days, the second nine years.\n\n"


def artist(n: int) -> str:
    """The name of an artist that it knows."""
    return f"Artist {n} & The Sëven"


def main(port: int, artists: int, loved: int) -> None:
    emulator = Emulator(auto_approve=LISTENER)
    listener = emulator.known_user(LISTENER)
    songs = tuple([Song(f"Song {n}", 200 + n) for n in range(10)])
    records = tuple([Record(f"Record {n}", songs) for n in range(3)])
    for n in range(artists):
        tags = (f"tag {n % 7}", f"tag {n % 11}", "rock", "seen live")
        emulator.music.add(Artist(artist(n), tags, records, 1_000_000 - n, "Germany", _WORDS * 12))
    for n in range(loved):
        listener.heart(artist(n % 700), f"Song {n} (feat. Somebody)", 1_500_000_000 + n)
    run(emulator, "127.0.0.1", port)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
