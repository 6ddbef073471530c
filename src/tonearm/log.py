"""The log, on stderr: a line for a person or a JSON object for a program, and never the address of a request."""

from __future__ import annotations

import json
import logging
from asyncio import CancelledError
from datetime import UTC, datetime

_NO_NEWS = (
    "Cancel %s running task(s), timeout graceful shutdown exceeded",
    "Invalid HTTP request received.",
)


def begin(form: str) -> None:
    """Log as `console` or `json` from now on: tonearm's own messages, and warnings from everything else.

    HTTP clients and servers log addresses with parameters below that level, and those contain secrets.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Console("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tonearm").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(line: logging.LogRecord) -> bool:
    """False for uvicorn's messages about streams that are cut off at the end, as intended, and about strangers'
    bytes.
    """
    cut_off = line.exc_info and isinstance(line.exc_info[1], CancelledError)
    return not cut_off and line.msg not in _NO_NEWS


def _moment(line: logging.LogRecord) -> str:
    return datetime.fromtimestamp(line.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Console(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _moment(record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
