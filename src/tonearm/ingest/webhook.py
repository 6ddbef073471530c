"""What webhooks share: a secret in their address, a JSON body, and an answer that few of them read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tonearm.core.report import Listening, Stamp
from tonearm.core.session import Finished, ListeningClock, Notice
from tonearm.ingest.form import json_text
from tonearm.ingest.incoming import Announced, Cleared, Heart, Incoming, Malformed, PlayerAnswer, Skipped

LARGEST_BODY = 10_000_000
"""Bytes; Plex sends a cover along."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who is playing, and on which device. `user` and `user_id` are a media server's, "" if the address belongs to one
    listener.

    `device` is the id of a device, the same in each of its notices.
    """

    user: str = ""
    user_id: str = ""
    device: str = ""
    device_name: str = ""
    program: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The key of the clock: a device may play for several users."""
        return self.user_id or self.user, self.device


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """What a webhook reports.

    `notice` is for the clock of this user's device; then `playing` is not used, but `playing_now` of the clock's step:
    a late stop of the previous track must not clear the one that is playing.
    """

    reports: tuple[Incoming | Skipped, ...] = ()
    playing: Announced | Cleared | None = None
    loved: tuple[Heart, ...] = ()
    notice: Notice | None = None
    source: Source = Source()

    @property
    def plays(self) -> list[Incoming]:
        """The plays to save."""
        return [report for report in self.reports if isinstance(report, Incoming)]

    def playing_now(self, before: ListeningClock | None, after: ListeningClock | None) -> Announced | Cleared | None:
        """How a step of the device's clock changes what is playing there; None for no change."""
        if after is None or not after.playing:
            return Cleared() if before is not None and before.playing else None
        if before is not None and before.playing and (before.identity, before.start) == (after.identity, after.start):
            return None
        return Announced(after.track, self.source.program, self.source.device_name)

    def play_of(self, finished: Finished) -> Incoming:
        """A listen that the device's clock has ended, as a play."""
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
        document = json.loads(json_text(body))
    except (ValueError, RecursionError):
        return Malformed("the body isn't JSON")
    return document if isinstance(document, dict) else Malformed("the body isn't a JSON object")


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A member that should be an object; an empty one if it is not."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def render_ok() -> PlayerAnswer:
    """Read, and on disk. Web Scrobbler treats any status other than 200 as an error."""
    return _answer(200, {"status": "ok"})


def render_malformed(malformed: Malformed) -> PlayerAnswer:
    """400: the body cannot be read."""
    return _answer(400, {"error": malformed.reason})


def render_bad_secret() -> PlayerAnswer:
    """404: the secret in the address is unknown or revoked; the answer doesn't reveal that there is such an address."""
    return _answer(404, {"error": "unknown address"})


def render_unavailable(reason: str = "can't save the play now, try again later") -> PlayerAnswer:
    """503: the play could not be saved."""
    return _answer(503, {"error": reason})


def _answer(status: int, document: dict[str, Any]) -> PlayerAnswer:
    return PlayerAnswer(status, json.dumps(document).encode(), "application/json")
