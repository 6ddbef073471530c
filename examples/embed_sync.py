"""A player without asyncio: the same without `await`. Sign in once with `embed_async.py` or `./run login`."""

from __future__ import annotations

import os
import time

import tonearm

KEY = os.environ.get("LASTFM_API_KEY", "0123456789abcdef0123456789abcdef")
SECRET = os.environ.get("LASTFM_API_SECRET", "fedcba9876543210fedcba9876543210")


def main() -> None:
    with tonearm.open_sync(
        "example.db",
        api_key=KEY,
        api_secret=SECRET,
        api_url=os.environ.get("LASTFM_API_URL", "https://ws.audioscrobbler.com/2.0/"),
    ) as deck:
        me = deck.listener("me")
        track = tonearm.Track(artist="Sigur Rós", title="Svefn-g-englar", album="Ágætis byrjun", duration=604)
        print(me.now_playing(track))
        print(me.scrobble(track, started_at=time.time() - 300, played=290))
        print(me.queue())


if __name__ == "__main__":
    main()
