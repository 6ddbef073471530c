"""/_faults and /_state: what tests and people can set and see from outside."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lastfm_emulator import pages
from lastfm_emulator.faults import MEANINGS, BadFault, fault_from
from lastfm_emulator.request import Reply, page

if TYPE_CHECKING:
    from lastfm_emulator.account import User
    from lastfm_emulator.emulator import Emulator
    from lastfm_emulator.request import Request

_T = TypeVar("_T")

SHOWN: Final = 1000
"""How many plays per user and log entries `/_state` shows by default (`plays=`, `log=`)."""


def state(emulator: Emulator, request: Request) -> Reply:
    """Counts, each user's last plays and loved tracks, and the end of the request log."""
    params = request.params()
    try:
        plays, log = int(params.get("plays", SHOWN)), int(params.get("log", SHOWN))
    except ValueError:
        return _json({"detail": "plays and log are numbers"}, 422)
    with emulator.lock:
        return _json(_state(emulator, max(plays, 0), max(log, 0)))


def faults(emulator: Emulator, request: Request) -> Reply:
    """GET lists, POST arms one or a list of them, DELETE clears all or, by `/_faults/ID`, one."""
    browser = "text/html" in request.headers.get("accept", "")
    fault_id = request.path.removeprefix("/_faults").strip("/")
    with emulator.lock:
        if request.verb == "POST":
            return _from_form(emulator, request.params()) if _is_form(request) else _arm(emulator, request.body)
        if request.verb == "DELETE":
            return _disarm(emulator, fault_id)
        if request.verb not in {"GET", "HEAD"}:
            return _json({"detail": "GET, POST or DELETE"}, 405)
        if browser:
            return page(pages.faults(emulator))
        kinds = {str(kind): meaning for kind, meaning in MEANINGS.items()}
        return _json({"faults": [one.as_dict() for one in emulator.faults], "kinds": kinds})


def _arm(emulator: Emulator, body: bytes) -> Reply:
    try:
        sent = json.loads(body)
        new = [fault_from(one) for one in (sent if isinstance(sent, list) else [sent])]
    except ValueError as trouble:  # a BadFault, or what is not JSON at all
        return _json({"detail": str(trouble)}, 422)
    armed = [emulator.faults.arm(fault).as_dict() for fault in new]
    return _json(armed if isinstance(sent, list) else armed[0], 201)


def _disarm(emulator: Emulator, fault_id: str) -> Reply:
    if not fault_id:
        emulator.faults.clear()
    elif not (fault_id.isascii() and fault_id.isdigit() and emulator.faults.disarm(int(fault_id))):
        return _json({"detail": "no such fault"}, 404)
    return Reply(204, b"")


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _from_form(emulator: Emulator, fields: dict[str, str]) -> Reply:
    """The page's own forms, which lead back to the page."""
    if "remove" in fields:
        _disarm(emulator, fields["remove"])
    else:
        try:
            emulator.faults.arm(fault_from(fields))
        except BadFault as trouble:
            return page(pages.faults(emulator, str(trouble)), 422)
    return Reply(303, b"", (("Location", "/_faults"),))


def _state(emulator: Emulator, plays: int, log: int) -> dict[str, Any]:
    now = emulator.now()
    users = emulator.users.values()
    return {
        "now": now,
        "requests": emulator.journal.total,
        "users": {user.name: _counts(user, now) for user in users},
        "plays": {user.name: [asdict(play) for play in _last(user.plays, plays)] for user in users},
        "loved": {user.name: [asdict(one) for one in _last(list(user.loved.values()), plays)] for user in users},
        "log": [entry.as_dict() for entry in _last(list(emulator.journal), log)],
    }


def _counts(user: User, now: float) -> dict[str, Any]:
    playing = user.now_playing(now)
    return {
        "private": user.private,
        "plays": len(user.plays),
        "repeats": user.repeats,
        "ignored": user.ignored,
        "loved": len(user.loved),
        "now_playing": None if playing is None else asdict(playing),
    }


def _last(things: list[_T], count: int) -> list[_T]:
    return things[max(0, len(things) - count) :]


def _json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value, ensure_ascii=False).encode(), (("Content-Type", "application/json"),))
