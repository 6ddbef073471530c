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
    from tonearm.core.play import MissingName
    from tonearm.history.play import HistoryFileError
    from tonearm.library.folder import FolderUnreadable, ReaderFailed
    from tonearm.service.accounts import BadName
    from tonearm.service.database import AlreadyOpen, DatabaseTooNew, WrongSecret
    from tonearm.service.history_from_lastfm import NotImported
    from tonearm.service.history_import import CannotUndo, Undone
    from tonearm.service.report import NotATime, UnknownListener
    from tonearm.service.values import StoreUnavailable

    try:
        yield
    except StoreUnavailable as fault:
        raise Failed(f"the database is unavailable: {fault}") from None
    except (AlreadyOpen, BadName, DatabaseTooNew, FolderUnreadable, MissingName, ReaderFailed) as fault:
        raise Failed(str(fault)) from None
    except (CannotUndo, HistoryFileError, Undone) as fault:
        raise Failed(str(fault)) from None
    except NotImported as fault:
        raise Failed(str(fault)) from None
    except WrongSecret as fault:
        raise WrongKey(str(fault)) from None
    except (NotATime, UnknownListener) as fault:
        raise Failed(str(fault)) from None
