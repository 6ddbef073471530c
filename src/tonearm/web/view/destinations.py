"""Destinations as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.core.waits import WaitKind
from tonearm.core.wording import fate
from tonearm.service.destination_results import DestinationOverview, PlayAtDestination
from tonearm.service.outlets import APPROVED, SIGNED_IN
from tonearm.service.values import HeartThere, StoredPlay
from tonearm.web.view.formats import name, sentence
from tonearm.web.view.play_rows import PlayRow, Tone, build_row

REFRESH = 2.0
"""Seconds after which a destination is fetched again while plays are being sent there."""

_LAMPS = {"connected": "live", "needs_sign_in": "lost", "disconnected": "lost", "suspended": "lost"}
_STATES = {
    "connected": "Connected",
    "paused": "Paused",
    "needs_sign_in": "Needs a new token",
    "disconnected": "Not connected",
    "suspended": "Not connected",
}


@dataclass(frozen=True, slots=True)
class DestinationCard:
    """A destination: its `lamp`, and its state in words. Times are Unix seconds, None for never.

    `waits` plays wait, the next attempt is at `next_at` if only time has to pass. `signs_in`: nothing is sent there
    until its listener has signed in again (`approved`: on its page), or has entered a new token (`has_token`). `budget`
    is how much of a daily limit is used, and the limit.
    """

    id: int
    name: str
    lamp: str
    state: str
    waits: int
    waiting: str
    why: str
    rejected: int
    answered_at: float | None
    paused: bool
    signs_in: bool
    approved: bool
    address: str
    next_at: float | None
    budget: tuple[int, int] | None
    queues_history: bool
    hearts: str
    has_token: bool
    username: str

    @property
    def refresh_in(self) -> float | None:
        """Seconds until this is stale without an event; None if only an event changes it."""
        busy = (self.waits and not self.paused and not self.signs_in) or self.queues_history
        return REFRESH if busy else None


@dataclass(frozen=True, slots=True)
class PlayThere:
    """A play at a destination: `at` is when that was decided (Unix seconds), None while it waits."""

    name: str
    status: str
    why: str
    at: float | None


@dataclass(frozen=True, slots=True)
class ListedPlay:
    """A play in the list of a destination. `started_at` is in Unix seconds."""

    id: int
    artist: str
    title: str
    started_at: int
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class ListedHeart:
    """A heart that a destination doesn't have yet, or has rejected."""

    artist: str
    title: str
    loved: bool
    status: str
    why: str


def listed_heart(one: HeartThere) -> ListedHeart:
    """A heart as the page of a destination lists it."""
    status = "Not accepted" if one.status == "rejected" else "Retrying" if one.reason else "Waiting"
    return ListedHeart(name(one.track.artist), name(one.track.title), one.loved, status, sentence(one.reason))


def listed_play(stored: StoredPlay, one: PlayAtDestination) -> ListedPlay:
    """A play as the page of a destination lists it."""
    track, there = stored.play.track, play_there(one)
    return ListedPlay(stored.id, track.artist, track.title, stored.play.timestamp, there.status, there.why)


def there_row(stored: StoredPlay, one: PlayAtDestination, now: float) -> PlayRow:
    """A play as the queue's page lists it for a destination."""
    until = one.waits.until if one.waits and not one.delivered.sending else None
    due_in = until - now if until is not None and until > now else None
    next_step = "Next attempt" if due_in is not None else ""
    return build_row(stored, *_state_there(one), sentence(one.reason), next_step, due_in)


def _state_there(one: PlayAtDestination) -> tuple[Tone, str]:
    """The state of a play at a destination, by the name used everywhere."""
    if one.delivered.sending:
        return Tone.MOVING, "Sending"
    if one.waits is None:
        return Tone.BAD, fate(one.delivered.fate)
    if one.waits.kind is WaitKind.RETRYING:
        return Tone.RETRYING, "Retrying"
    held = one.waits.held or one.waits.kind is WaitKind.PAUSED
    return (Tone.HELD, "On hold") if held else (Tone.MOVING, "Queued")


def destination_card(found: DestinationOverview) -> DestinationCard:
    """A destination as the settings show it."""
    stored, waiting = found.stored, found.waiting.plays
    away = found.state == "connected" and bool(stored.state.fails)
    plays = "1 play waits" if waiting == 1 else f"{waiting:,} plays wait"
    why = found.reason if waiting else stored.state.trouble
    return DestinationCard(
        stored.id,
        found.name,
        "away" if away else _LAMPS.get(found.state, ""),
        _state(found),
        waiting,
        plays if waiting else "Nothing waits",
        sentence(why) if why and found.state != "paused" else "",
        found.outcomes.get("refused", 0) + found.outcomes.get("ignored", 0),
        stored.state.answered_at or None,
        found.state == "paused",
        found.state == "needs_sign_in",
        found.kind in APPROVED,
        stored.url,
        found.waits.until if found.waits and found.state != "paused" else None,
        (found.used, stored.state.budget) if stored.state.budget else None,
        found.queues_history,
        found.hearts,
        found.kind not in SIGNED_IN,
        stored.username,
    )


def _state(found: DestinationOverview) -> str:
    if found.state == "needs_sign_in" and found.kind in SIGNED_IN:
        return "Session ended"
    return _STATES.get(found.state, found.state)


def play_there(one: PlayAtDestination) -> PlayThere:
    """What happened to a play at a destination."""
    _, status = _state_there(one)
    waits = one.delivered.fate == "queued"
    why = "" if one.delivered.fate == "accepted" else sentence(one.reason)
    at = None if waits else one.delivered.at or None
    return PlayThere(one.name, status, why, at)
