"""What webhooks have in common: a secret in their address, a body in JSON, and an answer that few of them read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tonearm.core.report import Listening, Stamp
from tonearm.core.session import Finished, ListeningClock, Notice
from tonearm.ingest.incoming import Announced, Cleared, Heart, Incoming, Malformed, PlayerAnswer, Skipped

LARGEST_BODY = 10_000_000
"""Bytes; Plex sends a cover along."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who plays, and on what. `user` and `user_id` are a media server's own, "" if the address is one listener's.

    `device` is the id of a device, the same in each of its notices.
    """

    user: str = ""
    user_id: str = ""
    device: str = ""
    device_name: str = ""
    program: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What the clock belongs to: a device plays for one user or another."""
        return self.user_id or self.user, self.device


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """What a webhook reports.

    `notice` is for the clock of this user's device; then `playing` says nothing, and `playing_now` of the clock's step
    does: a late stop of the track before must not clear the one that plays.
    """

    reports: tuple[Incoming | Skipped, ...] = ()
    playing: Announced | Cleared | None = None
    loved: tuple[Heart, ...] = ()
    notice: Notice | None = None
    source: Source = Source()

    @property
    def plays(self) -> list[Incoming]:
        """The plays to keep."""
        return [report for report in self.reports if isinstance(report, Incoming)]

    def playing_now(self, before: ListeningClock | None, after: ListeningClock | None) -> Announced | Cleared | None:
        """What a step of the device's clock changes of what plays there; None for nothing."""
        if after is None or not after.playing:
            return Cleared() if before is not None and before.playing else None
        if before is not None and before.playing and (before.identity, before.start) == (after.identity, after.start):
            return None
        return Announced(after.track, self.source.program, self.source.device_name)

    def play_of(self, finished: Finished) -> Incoming:
        """A listening that the device's clock has ended, as a play."""
        measured = finished.played is not None
        return Incoming(
            finished.track,
            finished.start,
            Stamp.START if measured else Stamp.UNKNOWN,
            finished.played,
            Listening.MEASURED if measured else Listening.ASSUMED,
            program=self.source.program,
            device=self.source.device_name,
        )


def parse_json(body: bytes) -> dict[str, Any] | Malformed:
    """The JSON object in a body, whatever its Content-Type."""
    if len(body) > LARGEST_BODY:
        return Malformed("the request is too large")
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Malformed("the body isn't JSON")
    return document if isinstance(document, dict) else Malformed("the body isn't a JSON object")


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A member that should be an object; an empty one if it is not."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def render_ok() -> PlayerAnswer:
    """Read, and on disk. Web Scrobbler calls any other status than 200 an error."""
    return _answer(200, {"status": "ok"})


def render_malformed(malformed: Malformed) -> PlayerAnswer:
    """400: the body cannot be read."""
    return _answer(400, {"error": malformed.reason})


def render_bad_secret() -> PlayerAnswer:
    """404: the secret in the address is unknown or revoked; nothing says that there is such an address."""
    return _answer(404, {"error": "unknown address"})


def render_unavailable(reason: str = "can't save the play now, try again later") -> PlayerAnswer:
    """503: the play could not be kept."""
    return _answer(503, {"error": reason})


def _answer(status: int, document: dict[str, Any]) -> PlayerAnswer:
    return PlayerAnswer(status, json.dumps(document).encode(), "application/json")
