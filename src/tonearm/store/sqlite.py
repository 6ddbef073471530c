"""Chooses a SQLite: Python's own, or a newer one from a wheel (`pip install 'tonearm[sqlite]'`).

A process uses only one of them for the file of the plays: the locks of two would cancel each other, see
https://sqlite.org/howtocorrupt.html#multiple_copies_of_sqlite_linked_into_the_same_application
"""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import import_module
from typing import Any


@cache
def driver() -> Any:
    """The module that opens the file of the plays, with the interface of `sqlite3`: the newest installed one."""
    try:
        brought = import_module("pysqlite3.dbapi2")
    except ImportError:
        return sqlite3
    return newer(sqlite3, brought)


def newer(own: Any, brought: Any) -> Any:
    """The driver with the newer SQLite; Python's own if both are the same."""
    return brought if brought.sqlite_version_info > own.sqlite_version_info else own
