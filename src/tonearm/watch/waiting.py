"""Plays for a service on another machine: on disk from the moment they are over until the service has them."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class SpoolBroken(Exception):
    """The file cannot be read or written; the message says why."""


class Spool:
    """A file of requests to be sent, oldest first. Each is on disk when `add` returns."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # it shows what somebody plays
            self._db = sqlite3.connect(file, isolation_level=None)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, body TEXT NOT NULL, refused TEXT)"
            )
        except (OSError, sqlite3.Error) as fault:
            raise SpoolBroken(f"{file}: {fault}") from None

    def add(self, body: str) -> None:
        """Store a request. Raises SpoolBroken."""
        self._write("INSERT INTO waiting (body) VALUES (?)", (body,))

    def oldest(self) -> tuple[int, str] | None:
        """The id and the body of the request that has waited longest; None if none waits. Raises SpoolBroken."""
        try:
            found: tuple[int, str] | None = self._db.execute(
                "SELECT id, body FROM waiting WHERE refused IS NULL ORDER BY id LIMIT 1"
            ).fetchone()
        except sqlite3.Error as fault:
            raise SpoolBroken(f"{self.file}: {fault}") from None
        return found

    def done(self, id_: int) -> None:
        """Delete a request that the service has. Raises SpoolBroken."""
        self._write("DELETE FROM waiting WHERE id = ?", (id_,))

    def refuse(self, id_: int, reason: str) -> None:
        """Note that the service will never accept a request; it stays in the file with the reason. Raises
        SpoolBroken.
        """
        self._write("UPDATE waiting SET refused = ? WHERE id = ?", (reason, id_))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as fault:
            raise SpoolBroken(f"{self.file}: {fault}") from None
