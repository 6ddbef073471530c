"""What commands say about a queue, and what the log says of it all."""

from __future__ import annotations

import json
import logging
import sys
import time
from asyncio import CancelledError
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from tonearm import log
from tonearm.commands.output import daily_limit_text, moment, report_answer, why_it_waits
from tonearm.commands.progress import bar
from tonearm.core.account import KEY_NOT_SET, SESSION_LOST
from tonearm.core.play import Play, Track
from tonearm.core.waits import WaitKind, Waits
from tonearm.service.accounts import QueueStatus
from tonearm.store.plays import StoredPlay

NOW = 1_795_000_000.0
_NOTHING: dict[str, Any] = dict.fromkeys((field.name for field in fields(QueueStatus)), 0)
_THREE = {"queued": 3, "state": "connected", "next_attempt_at": NOW + 60, "trouble": "", "others": ()}
WAITING = QueueStatus(**_NOTHING | _THREE)


@pytest.mark.parametrize(
    ("waits", "somebody_sends", "words"),
    [
        (None, False, ""),
        (Waits(WaitKind.SENDING), False, ""),
        (Waits(WaitKind.NEXT_BATCH), True, ""),
        (Waits(WaitKind.NEXT_BATCH), False, "it is sent when 'tonearm serve' runs or with the next command"),
        (Waits(WaitKind.DISCONNECTED), True, "not connected to Last.fm: run 'tonearm login'"),
        (Waits(WaitKind.SESSION_LOST), True, f"{SESSION_LOST}: run 'tonearm login'"),
        (Waits(WaitKind.SESSION_ENDED), False, "Last.fm has ended the session: run 'tonearm login'"),
        (Waits(WaitKind.KEY_NOT_SET), True, f"{KEY_NOT_SET} ('tonearm login')"),
        (
            Waits(WaitKind.KEY_REFUSED, NOW + 60, "Invalid key."),
            True,
            f"Last.fm rejects the API key: Invalid key; not before {moment(NOW + 60)}",
        ),
        (Waits(WaitKind.PAUSED), True, "sending is paused: run 'tonearm jobs resume deliver'"),
        (
            Waits(WaitKind.NOT_CONFIGURED),
            True,
            "no API key is configured: set LASTFM_API_KEY and LASTFM_API_SECRET",
        ),
        (
            Waits(WaitKind.OTHER_USER, user="ada"),
            True,
            "on hold for the Last.fm user ada: run 'tonearm login' as that user",
        ),
        (Waits(WaitKind.RETRYING, NOW + 60, "away."), True, f"away; not before {moment(NOW + 60)}"),
        (Waits(WaitKind.RETRYING, None, "away."), True, "away"),
        (
            Waits(WaitKind.RETRYING, None, "away."),
            False,
            "away; it is sent when 'tonearm serve' runs or with the next command",
        ),
    ],
)
def test_a_queue_that_waits_says_what_for(waits: Waits | None, somebody_sends: bool, words: str) -> None:
    assert why_it_waits(waits, somebody_sends) == words


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's clock on the wall shows UTC+9: 2026-11-18 20:06:40 at NOW, a Wednesday."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


LIMITED = replace(WAITING, sent=312, daily_limit=700, clear_at=NOW + 40 * 3600)


@pytest.mark.usefixtures("in_tokyo")
@pytest.mark.parametrize(
    ("queue_status", "words"),
    [
        (LIMITED, "312 of about 700 used, backlog clear by Friday 13:00"),
        (
            replace(LIMITED, clear_at=NOW + 7 * 86400),
            "312 of about 700 used, backlog clear by Wednesday 25 November 21:00",
        ),
        (replace(LIMITED, clear_at=NOW), "312 of about 700 used"),
        (replace(LIMITED, clear_at=None, queued=0, next_attempt_at=None), "312 of about 700 used"),
        (replace(LIMITED, held=3, next_attempt_at=None), "312 of about 700 used"),
        (replace(LIMITED, daily_limit=None, clear_at=None), ""),
    ],
)
def test_a_known_daily_limit_says_how_much_is_used_and_when_the_backlog_is_clear(
    queue_status: QueueStatus, words: str
) -> None:
    assert daily_limit_text(queue_status, NOW) == words


@pytest.mark.parametrize(
    ("fate", "correction", "shown"),
    [
        ("accepted", None, ("success", "on Last.fm")),
        ("accepted", {"artist": "Björk", "track": "Jóga"}, ("success", "on Last.fm, corrected to Björk – Jóga")),
        ("queued", None, ("queued", "on its way to Last.fm")),
        ("expired", None, ("too_old", "the reason")),
        ("ignored", None, ("ignored", "the reason")),
        ("refused", None, ("ignored", "the reason")),
    ],
)
def test_a_fate_is_printed_as_the_http_answer_gives_it(
    fate: str, correction: dict[str, str] | None, shown: tuple[str, str]
) -> None:
    play = Play(Track("Bjork", "Joga"), int(NOW), 300.0)
    facts: dict[str, Any] = {"play": play, "fate": fate, "reason": "the reason", "correction": correction}
    nothing: dict[str, Any] = dict.fromkeys((field.name for field in fields(StoredPlay)), None)
    stored = StoredPlay(**nothing | facts)
    assert report_answer(stored) == shown


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("tonearm").setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.error").filters.clear()


@pytest.mark.usefixtures("logging_as_before")
def test_the_log_is_json_if_wanted_and_contains_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    log.begin("json")
    try:
        int("broken")
    except ValueError:
        logging.getLogger("tonearm.engine").exception("delivery of %s failed", 7)
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"]) == ("error", "tonearm.engine", "delivery of 7 failed")
    assert line["exception"].endswith("'broken'")
    assert line["time"].endswith("Z")


@pytest.mark.usefixtures("logging_as_before")
def test_the_log_holds_no_addresses_of_requests_and_no_streams_that_were_cut_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.begin("console")
    logging.getLogger("httpx2").info("HTTP Request: POST https://ws.example/?api_key=1")
    server = logging.getLogger("uvicorn.error")
    server.error("Cancel %s running task(s), timeout graceful shutdown exceeded", 1)
    server.error("Exception in ASGI application", exc_info=CancelledError())
    assert capsys.readouterr().err == ""
    logging.getLogger("tonearm.service").info("something of note")
    assert capsys.readouterr().err.endswith("INFO tonearm.service: something of note\n")


def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("reading") as progress:
        progress(3, 10)
    with bar("reading", hidden=True) as progress:
        progress(7, 10)
    said = capsys.readouterr().err
    assert "reading" in said
    assert "3/10" in said
    assert "7/10" not in said
