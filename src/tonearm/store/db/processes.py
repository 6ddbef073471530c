"""The processes on one database: their names there, and how many there are beside this one.

On PostgreSQL the name is the connection's `application_name`, so a process that dies disappears at once. Host and
process id don't distinguish containers, which may share a host name and are all process 1; the random word does.
"""

from __future__ import annotations

import os
import secrets
import socket

from sqlalchemy import Connection, text

HOST_SHOWN = 30
"""Letters of the host's name: PostgreSQL cuts the whole off after 63 bytes."""

_RANDOM_ID = secrets.token_hex(3)
_DELIVERS = " delivers"


def owner() -> str:
    """The name of this process in leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{_RANDOM_ID}"


def name(*, delivers: bool = False) -> str:
    """What this process's connections are called; `delivers`: those of an engine at work, which end with it."""
    host, _, others = owner().partition(":")
    return f"tonearm {host[:HOST_SHOWN]}:{others}{_DELIVERS if delivers else ''}"


_OTHERS = text(
    "SELECT count(DISTINCT process), count(DISTINCT process) FILTER (WHERE delivers) FROM ("
    " SELECT split_part(application_name, ' ', 2) AS process, application_name LIKE :delivering AS delivers"
    " FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tonearm %:%:%') AS seen"
    " WHERE process <> split_part(:me, ' ', 2)"
)


def others(db: Connection) -> tuple[int, int]:
    """How many other processes are connected to this PostgreSQL database, and how many of those deliver."""
    connected, delivering = db.execute(_OTHERS, {"me": name(), "delivering": f"%{_DELIVERS}"}).one()
    return connected, delivering


_ANYBODY = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'tonearm %:%:%' AND application_name LIKE :delivering"
)


def anybody_delivers(db: Connection) -> bool:
    """Whether any process delivers from this PostgreSQL database, this one included."""
    return bool(db.execute(_ANYBODY, {"delivering": f"%{_DELIVERS}"}).scalar_one())
