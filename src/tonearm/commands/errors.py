"""How a command fails: in one line on stderr, with exit status 1, and never with a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from tonearm.terminal import visible


class Failed(click.ClickException):
    """Something failed; the message says what, and what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(" ".join(message.split())))


class WrongKey(Failed):
    """The secret key is not this database's."""


NO_KEY = (
    "no API key is configured: set LASTFM_API_KEY and LASTFM_API_SECRET"
    " (create a pair at https://www.last.fm/api/account/create)"
)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what the use cases raise into Failed."""
    try:
        yield
    except Exception as fault:
        failed = _failed(fault)
        if failed is None:
            raise
        raise failed from None


def _failed(fault: Exception) -> Failed | None:
    """What to say; None for what no use case raises. Only who has failed loads all that can."""
    from tonearm.core.play import MissingName
    from tonearm.history.play import HistoryFileError
    from tonearm.library.folder import FolderUnreadable, ReaderFailed
    from tonearm.service.accounts import BadName
    from tonearm.service.database import AlreadyOpen, DatabaseTooNew, WrongSecret
    from tonearm.service.door import StoreUnavailable
    from tonearm.service.history_from_lastfm import NotImported
    from tonearm.service.history_import import CannotUndo, Undone
    from tonearm.service.report import NotATime, UnknownListener

    match fault:
        case StoreUnavailable():
            return Failed(f"the database is unavailable: {fault}")
        case WrongSecret():
            return WrongKey(str(fault))
        case AlreadyOpen() | BadName() | DatabaseTooNew() | FolderUnreadable() | MissingName() | ReaderFailed():
            return Failed(str(fault))
        case CannotUndo() | HistoryFileError() | Undone() | NotImported() | NotATime() | UnknownListener():
            return Failed(str(fault))
        case _:
            return None
