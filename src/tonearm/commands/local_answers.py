"""Answers commands on this machine, over a socket beside the database, which the file's owner can use."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tonearm.commands.local_service import CommandResult, short_path, socket_beside
from tonearm.deck import Deck
from tonearm.service.door import StoreUnavailable
from tonearm.service.report import UnknownListener
from tonearm.version import __version__

_log = logging.getLogger(__name__)

_OWNER_ALONE = 0o600


@asynccontextmanager
async def answering_commands(deck: Deck, file: Path) -> AsyncIterator[None]:
    """Answer commands while the block lasts, for the process that delivers from a SQLite file.

    If no socket can be created there, commands read the database themselves, which takes longer.
    """
    path = socket_beside(file)
    try:
        listening = _listen(path)
    except OSError as error:
        _log.info("commands are not answered over %s: %s", path, error.strerror)
        yield
        return
    server = await asyncio.start_unix_server(partial(_answer, deck), sock=listening)
    try:
        yield
    finally:
        server.close()
        with suppress(OSError):
            path.unlink()


def _listen(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        path.unlink()  # left by a process that was killed: only this one delivers now
    listening = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listening.fileno(), _OWNER_ALONE)  # before it has a name
        with short_path(path) as name:
            listening.bind(name)
        path.chmod(_OWNER_ALONE)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


async def _answer(deck: Deck, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        asked = json.loads(await reader.readline())
        writer.write(json.dumps(await _answer_to(deck, asked)).encode() + b"\n")
        await writer.drain()
    except (OSError, ValueError):
        pass  # the caller is gone, or isn't a command
    finally:
        writer.close()


async def _answer_to(deck: Deck, asked: Any) -> Mapping[str, object]:
    """The answer; {} if the command has to read the database itself: it is another version, or uses another clock."""
    if not isinstance(asked, dict) or not _alike(asked):
        return {}
    try:
        facts, text = await _found(deck, asked)
    except UnknownListener as unknown:
        return {"failed": str(unknown)}
    except StoreUnavailable:
        return {}
    return {"facts": facts, "words": text}


def _alike(asked: Mapping[str, Any]) -> bool:
    return (asked.get("version"), asked.get("zone")) == (__version__, os.environ.get("TZ", ""))


async def _found(deck: Deck, asked: Mapping[str, Any]) -> CommandResult:
    if asked["question"] == "status":
        from tonearm.commands.status import answer_status

        return await answer_status(deck, asked["listener"])
    from tonearm.commands.queue import answer_queue

    return await answer_queue(deck, asked["listener"], asked["limit"])
