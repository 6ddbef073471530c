"""Asks the service that runs on this machine, over a socket beside its database, which needs hardly any imports.

Reading the database itself needs SQLAlchemy, whose import alone takes five times as long as `tonearm --version`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm.commands.errors import Failed
from tonearm.version import __version__

if TYPE_CHECKING:
    from tonearm.settings import Settings

CommandResult = tuple[dict[str, Any], str]
"""What a command found: the facts for a program, and the words for a person."""

PATIENCE = 5.0
"""Seconds for an answer. If a service takes longer, the command reads the database itself."""


def service_answer(settings: Settings, question: str, about: Mapping[str, object]) -> CommandResult | None:
    """The answer of the service that delivers from the SQLite file of the settings; None if there is none. Raises
    Failed if the service reports an error.
    """
    import json
    import socket

    file = _plain_file(settings.tonearm_database)
    if file is None:
        return None
    asked = {"version": __version__, "zone": os.environ.get("TZ", ""), "question": question, **about}
    try:
        with short_path(socket_beside(file)) as path, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(path)
            connection.sendall(json.dumps(asked).encode() + b"\n")
            with connection.makefile("rb") as reply:
                answer = json.loads(reply.readline())
    except (OSError, ValueError):
        return None
    if "failed" in answer:
        raise Failed(answer["failed"])
    return (answer["facts"], answer["words"]) if "facts" in answer else None


def socket_beside(file: Path) -> Path:
    """The socket of the service that delivers from a SQLite file, whatever name is used for the file."""
    real = file.resolve()
    return real.with_name(real.name + ".sock")


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for a socket of at most 107 bytes: https://man7.org/linux/man-pages/man7/unix.7.html takes no more."""
    if len(os.fsencode(path)) < 100 or not os.path.isdir("/proc/self/fd"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _plain_file(database: str) -> Path | None:
    """The file of a database that is given by its path; None for a URL, which would need more imports to parse."""
    path = database.removeprefix("sqlite:///")
    return None if "://" in path or set(path) & set("?%") else Path(path)
