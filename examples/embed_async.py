"""A player on asyncio: now playing, then the play, on disk when `scrobble` returns.

To try it without an account, run `./run emulator` in one terminal, and in another

    export LASTFM_API_URL=http://127.0.0.1:8724/2.0/ LASTFM_AUTH_URL=http://127.0.0.1:8724/api/auth/
    .venv/bin/python examples/embed_async.py
"""

from __future__ import annotations

import asyncio
import os
import time

import tonearm

KEY = os.environ.get("LASTFM_API_KEY", "0123456789abcdef0123456789abcdef")
SECRET = os.environ.get("LASTFM_API_SECRET", "fedcba9876543210fedcba9876543210")


async def main() -> None:
    async with tonearm.open(
        "example.db",
        api_key=KEY,
        api_secret=SECRET,
        api_url=os.environ.get("LASTFM_API_URL", "https://ws.audioscrobbler.com/2.0/"),
        auth_url=os.environ.get("LASTFM_AUTH_URL", "https://www.last.fm/api/auth/"),
    ) as deck:
        me = await deck.listener("me")
        if not (await me.account()).signed_in:
            start = await me.sign_in()
            if isinstance(start, tonearm.Unreachable):
                raise SystemExit(f"Last.fm: {start.message}")
            print("Allow access here:", start.auth_url, flush=True)
            assert start.token is not None
            while isinstance(outcome := await me.finish_sign_in(start.token), tonearm.Pending):  # noqa: ASYNC110  # Last.fm has to be polled
                await asyncio.sleep(2)
            print(outcome)

        track = tonearm.Track(artist="Nina Simone", title="Sinnerman", duration=622)
        print(await me.now_playing(track))
        report = await me.scrobble(track, started_at=time.time() - 400, played=310)
        print(report)
        stored = await me.fate(report.id, seconds=10)
        print(stored.fate if stored else "unknown")


if __name__ == "__main__":
    asyncio.run(main())
