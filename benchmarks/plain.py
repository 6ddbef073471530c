"""The simplest possible service: the same server, sqlite3 in a worker thread, one INSERT and one commit a request.

What `ingest` is compared with: same loop, same parser, same journal and flush, no rules, no queue, no group commit.
`python -m benchmarks.plain PORT FILE`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn

from tonearm.store.db.database import journal_mode
from tonearm.store.sqlite import driver

_TABLE = """CREATE TABLE IF NOT EXISTS play (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, artist TEXT NOT NULL,
    track TEXT NOT NULL, timestamp INTEGER NOT NULL, album TEXT, album_artist TEXT, track_number INTEGER,
    duration REAL, played REAL, UNIQUE (account, artist, track, timestamp))"""
_INSERT = """INSERT INTO play (account, artist, track, timestamp, album, album_artist, track_number, duration, played)
    VALUES (1, :artist, :track, :timestamp, :album, :album_artist, :track_number, :duration, :played_time)"""


def main(port: int, file: str) -> None:
    """Serve until terminated."""
    database = driver().connect(file, isolation_level=None, check_same_thread=False)
    database.execute(f"PRAGMA journal_mode={journal_mode()}")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(_TABLE)
    worker = ThreadPoolExecutor(1)

    def insert(play: dict[str, Any]) -> int | None:
        database.execute("BEGIN IMMEDIATE")
        number: int | None = database.execute(_INSERT, play).lastrowid
        database.execute("COMMIT")
        return number

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        play = json.loads(body + message["body"])
        number = await asyncio.get_running_loop().run_in_executor(worker, insert, play)
        answer = json.dumps({"status": "queued", "id": number}, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False, log_config=None
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
