"""A connection of uvicorn's that the application may close without an answer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lastfm_emulator.app import HANG_UP

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_log = logging.getLogger("lastfm_emulator.connection")
_log.setLevel(logging.WARNING)


def _is_news(entry: logging.LogRecord) -> bool:
    """Requests that wait out a delay are cancelled when the server stops: nothing to log."""
    return not (entry.exc_info and isinstance(entry.exc_info[1], asyncio.CancelledError))


_log.addFilter(_is_news)


class Connection(HttpToolsProtocol):
    """Offers the scope extension `HANG_UP`, keeps no access log, and leaves uvicorn's loggers alone."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.logger = _log
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"close": self.hang_up}}

    def hang_up(self) -> None:
        # uvicorn answers 500 for an application that sends nothing, unless the client is gone.
        self.cycle.disconnected = True
        self.transport.close()
