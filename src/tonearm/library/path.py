"""Paths as the library stores them: always text that a database and JSON accept."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

_URI = "file://"


def stored(path: str) -> str:
    """An absolute path as it is stored: itself, or a file: URI if its name is not UTF-8. Absolute paths begin with a
    slash, so the two can't be confused, and `on_disk` restores the path byte for byte. URIs of files:
    https://www.rfc-editor.org/rfc/rfc8089
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return _URI + quote_from_bytes(os.fsencode(path))
    return path


def on_disk(path: str) -> str:
    """The path that was `stored`, as the operating system expects it."""
    return os.fsdecode(unquote_to_bytes(path[len(_URI) :])) if path.startswith(_URI) else path
